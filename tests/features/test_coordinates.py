from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.features.build import build_features
from decode.features.coordinates import BinPlaces, GeneAt, NotOnGenomeError, bin_intervals
from decode.features.matrix import RegulatoryFeatures
from decode.features.regions import LinkedRegion, WindowRegion
from decode.genome.assembly import Assembly
from decode.genome.site_table import SiteTable

ASSEMBLY = Assembly("toy", {"chr1": 1000, "chr2": 500})
# 25 spliced bases on each strand; a third gene near the end of its chromosome
MODELS = toy_models(
    ASSEMBLY,
    [
        ("P", "chr1", "+", [(100, 112), (200, 213)]),
        ("M", "chr1", "-", [(600, 612), (700, 713)]),
        ("E", "chr2", "-", [(470, 495)]),
    ],
)
LINKS = "chrom\tstart\tend\tgene_id\nchr1\t300\t315\tP\nchr2\t20\t28\tP\nchr1\t900\t912\tM\nchr1\t500\t507\tM\n"
EVERYWHERE = pd.DataFrame({"start": [0], "end": [400], "strand": ["."], "regulator": ["A"], "kind": ["other"]})


def table(region: str) -> SiteTable:
    sites = pd.concat([EVERYWHERE.assign(chrom="chr1", end=1000), EVERYWHERE.assign(chrom="chr2")], ignore_index=True)
    return SiteTable(sites, region)


@pytest.fixture
def features(tmp_path: Path) -> RegulatoryFeatures:
    (tmp_path / "links.tsv").write_text(LINKS)
    regions = [WindowRegion("far", -30, -10, 15), LinkedRegion(tmp_path / "links.tsv", bin_size=10)]
    sources = [table(region) for region in ("promoter", "rna", "far", "distal")]
    options = {"bin_size": 10, "upstream": 20, "downstream": 10, "allow_suspicious": True}
    return build_features(MODELS, sources, regions=regions, **options)


def rows(found: pd.DataFrame) -> list[tuple]:
    return list(found.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("gene", "region", "expected"),
    [
        ("P", "promoter", [(0, "chr1", 80, 90), (1, "chr1", 90, 100), (2, "chr1", 100, 110)]),
        ("M", "promoter", [(2, "chr1", 703, 713), (1, "chr1", 713, 723), (0, "chr1", 723, 733)]),
        ("E", "promoter", [(2, "chr2", 485, 495), (1, "chr2", 495, 500)]),  # TSS at 494; the farthest bin is outside
        ("P", "far", [(0, "chr1", 70, 85), (1, "chr1", 85, 90)]),  # the second bin is cut by the window's end
        ("M", "far", [(1, "chr1", 723, 728), (0, "chr1", 728, 743)]),
        ("E", "far", []),
        ("P", "rna", [(0, "chr1", 100, 110), (1, "chr1", 110, 112), (1, "chr1", 200, 208), (2, "chr1", 208, 213)]),
        ("M", "rna", [(2, "chr1", 600, 605), (1, "chr1", 605, 612), (1, "chr1", 700, 703), (0, "chr1", 703, 713)]),
        # elements: 300-315, then (another chromosome) 20-28; the second bin holds the end of the one, 5 of the other
        ("P", "distal", [(0, "chr1", 300, 310), (1, "chr1", 310, 315), (1, "chr2", 20, 25), (2, "chr2", 25, 28)]),
        # 900-912 lies 188 bases from the TSS at 712, 500-507 lies 206; so 900-912 comes first, from its end
        ("M", "distal", [(1, "chr1", 500, 507), (1, "chr1", 900, 902), (0, "chr1", 902, 912)]),
        ("E", "distal", []),
    ],
)
def test_every_region_on_both_strands(features, gene, region, expected):
    assert rows(bin_intervals(features, gene, region, MODELS)) == expected


def test_intervals_have_as_many_bases_as_the_bins(features):
    for name, matrix in features.regions.items():
        for row, gene in enumerate(features.ids):
            found = bin_intervals(features, gene, name, MODELS)
            lengths = matrix.bin_length_bp[matrix.offsets[row] : matrix.offsets[row + 1]]
            bases = np.bincount(found["bin"], found["end"] - found["start"], len(lengths))
            np.testing.assert_array_equal(bases, lengths)


def test_a_selection_keeps_its_places(features):
    chosen = features.take([1])
    for region in features.regions:
        assert rows(bin_intervals(chosen, "M", region, MODELS)) == rows(bin_intervals(features, "M", region, MODELS))


def test_windows_need_no_gene_models(features):
    assert rows(bin_intervals(features, "M", "far")) == [(1, "chr1", 723, 728), (0, "chr1", 728, 743)]
    for region in ("rna", "distal"):
        with pytest.raises(NotOnGenomeError, match=f"region '{region}' cannot be put on the genome: gene models"):
            bin_intervals(features, "M", region)


@pytest.mark.parametrize(
    ("tss", "strand", "covered", "expected"),
    [
        (12, "+", [2, 10, 10], [(0, 0, 2), (1, 2, 12), (2, 12, 22)]),
        (5, "+", [0, 5, 10], [(1, 0, 5), (2, 5, 15)]),
        (985, "-", [0, 4, 10], [(2, 976, 986), (1, 986, 990)]),
    ],
)
def test_bins_past_a_chromosome_end(tss, strand, covered, expected):
    window = {"type": "window", "first_bp": -20, "last_bp": 10, "bin_size": 10}
    found = BinPlaces().intervals(GeneAt("G", "chr1", strand, tss, 25), "promoter", window, covered)
    assert rows(found[["bin", "start", "end"]]) == expected


def test_what_does_not_fit_raises(features, tmp_path):
    with pytest.raises(KeyError, match="gene 'X' is not among the 3"):
        bin_intervals(features, "X", "promoter")
    with pytest.raises(KeyError, match="region 'other' is not in the features"):
        bin_intervals(features, "P", "other")
    longer = replace(features, genes=features.genes.assign(length_bp=30))
    with pytest.raises(ValueError, match="give P 25 spliced bases, the features 30"):
        bin_intervals(longer, "P", "rna", MODELS)
    with pytest.raises(KeyError, match="'E'"):
        bin_intervals(features, "E", "rna", toy_models(ASSEMBLY, [("P", "chr1", "+", [(100, 112)])]))
    moved = toy_models(ASSEMBLY, [("P", "chr2", "+", [(21, 33)]), ("M", "chr1", "-", [(600, 612)]),
                                  ("E", "chr2", "-", [(470, 495)])])  # fmt: skip
    merged = replace(features, regions={**features.regions, "distal": features.regions["distal"].take_genes([1, 0, 2])})
    with pytest.raises(ValueError, match="the links give M 2 bins in region distal, the features 3"):
        bin_intervals(merged, "M", "distal", moved)
    (tmp_path / "links.tsv").write_text(LINKS + "chr1\t400\t410\tP\n")
    with pytest.raises(NotOnGenomeError, match="are not those that the features were built from"):
        bin_intervals(features, "P", "distal", MODELS)
    (tmp_path / "links.tsv").unlink()
    with pytest.raises(NotOnGenomeError, match="are not there"):
        bin_intervals(features, "P", "distal", MODELS)
