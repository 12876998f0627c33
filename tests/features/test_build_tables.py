from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.features.build import build_features
from decode.genome.assembly import Assembly
from decode.genome.site_ranges import from_pyranges, to_pyranges
from decode.genome.site_table import SiteTable
from decode.genome.sites import SiteSource, read_sites, sites_from_frame

ASSEMBLY = Assembly("toy", {"chr1": 3000, "chr2": 500})
MODELS = toy_models(ASSEMBLY, [("A", "chr1", "+", [(1000, 1030), (1100, 1125)]), ("B", "chr1", "-", [(2000, 2040)])])
WINDOW = {"bin_size": 10, "upstream": 20, "downstream": 10, "allow_suspicious": True}
BED = "chr1\t985\t1005\tCTCF\t0\t+\tK562\nchr1\t1110\t1120\tCTCF\t0\t-\tHepG2\nchr1\t2030\t2050\tREST\t0\t-\tK562\n"


@pytest.fixture
def bed(tmp_path):
    (tmp_path / "sites.bed").write_text(BED)
    return SiteSource(kind="RBP", path=tmp_path / "sites.bed", biosample_column=7)


def test_a_table_counts_as_its_file_does(bed):
    from_file = build_features(MODELS, [bed], **WINDOW)
    table = SiteTable(read_sites(bed, build=ASSEMBLY))
    from_table = build_features(MODELS, [table], **WINDOW)
    assert from_table.track_ids == from_file.track_ids
    np.testing.assert_array_equal(from_table.totals(), from_file.totals())
    assert from_file.totals().sum() > 0
    assert from_table.sources[0]["path"] == "table in memory"
    assert len(from_table.sources[0]["sha256"]) == 64


def test_pyranges_go_in(bed):
    sites = read_sites(bed, build=ASSEMBLY)
    again = from_pyranges(to_pyranges(sites), build=ASSEMBLY)
    found = build_features(MODELS, [SiteTable(again, region="promoter", name="mine")], **WINDOW)
    assert list(found.regions) == ["promoter"]
    assert found.sources[0]["path"] == "mine"
    # A: window 980-1010, site 985-1005; B (minus, TSS at 2039): window 2030-2060, site 2030-2050
    assert found.totals().sum() == 20 + 20


def test_a_table_of_two_kinds_or_none_raises():
    columns = ["chrom", "start", "end", "strand", "regulator", "kind"]
    rows = [("chr1", 1, 5, ".", "A", "TF"), ("chr1", 1, 5, "+", "B", "RBP")]
    with pytest.raises(ValueError, match="2 kinds"):
        SiteTable(pd.DataFrame(rows, columns=columns))
    with pytest.raises(ValueError, match="0 kinds"):
        SiteTable(pd.DataFrame([], columns=columns))


def test_a_site_beyond_the_chromosome_raises():
    frame = pd.DataFrame({"chrom": ["chr2"], "start": [400], "end": [600], "strand": ["."], "regulator": ["A"]})
    with pytest.raises(ValueError, match="600"):
        sites_from_frame(frame, build=ASSEMBLY, kind="TF")
