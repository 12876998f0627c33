"""Features of transcripts: every transcript is a row of its own, also where it shares its promoter and exons."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.features.build import build_features
from decode.features.matrix import RegulatoryFeatures
from decode.genome import SiteSource, gene_models, genome_to_rna, read_annotation

# bin, name, chrom, strand, txStart, txEnd, cdsStart, cdsEnd, exonCount, exonStarts, exonEnds, score, name2, ...
REFGENE = """\
0\tNM_1.3\tchr1\t+\t1000\t1400\t1000\t1400\t2\t1000,1300,\t1050,1400,\t0\tGENEA\tcmpl\tcmpl\t0,0,
0\tNM_2\tchr1\t+\t1200\t1400\t1200\t1400\t1\t1200,\t1400,\t0\tGENEA\tcmpl\tcmpl\t0,
0\tNR_3\tchr1\t-\t2000\t2100\t2000\t2000\t1\t2000,\t2100,\t0\tGENEB\tunk\tunk\t-1,
"""


def test_rows_are_transcripts(tmp_path: Path) -> None:
    (tmp_path / "refgene.txt").write_text(REFGENE)
    (tmp_path / "sizes.tsv").write_text("chr1\t5000\n")
    (tmp_path / "rbp.bed").write_text("chr1\t1290\t1330\tQKI\t0\t+\nchr1\t2010\t2030\tQKI\t0\t-\n")
    annotation = read_annotation(tmp_path / "refgene.txt", build="toy", sizes=tmp_path / "sizes.tsv")
    models = gene_models(annotation, level="transcript")
    features = build_features(models, [SiteSource("RBP", tmp_path / "rbp.bed")], bin_size=50)
    assert (features.level, features.id_column) == ("transcript", "transcript_id")
    assert features.ids.tolist() == ["NM_1", "NM_2", "NR_3"]
    assert features.genes["gene_id"].tolist() == ["GENEA", "GENEA", "GENEB"]
    assert features.genes["length_bp"].tolist() == [150, 200, 100]
    # NM_1: the second exon begins at RNA base 50; NM_2: at genome base 1200, so the site covers bases 90 to 130
    assert features.to_long()[["transcript_id", "gene_id", "bin", "bases"]].to_numpy().tolist() == [
        ["NM_1", "GENEA", 1, 30],
        ["NM_2", "GENEA", 1, 10],
        ["NM_2", "GENEA", 2, 30],
        ["NR_3", "GENEB", 1, 20],
    ]
    features.write(tmp_path / "features.h5")
    with RegulatoryFeatures.open(tmp_path / "features.h5") as opened:
        assert (opened.level, opened.ids.tolist()) == ("transcript", features.ids.tolist())
        np.testing.assert_array_equal(opened.dense("rna", [1])[0], features.dense("rna", [1])[0])


@pytest.mark.real_data
def test_refgene_transcripts_of_two_chromosomes(shared: Path, tmp_path: Path) -> None:
    columns = {"refgene_transcripts.genepred.txt.gz": 2, "rbp_eclip_encode.bed.gz": 0}
    for name, column in columns.items():
        with gzip.open(shared / "data" / "hg19" / name, "rt") as source, open(tmp_path / name[:-3], "w") as out:
            out.writelines(line for line in source if line.split("\t")[column] in ("chr21", "chr22"))
    annotation = read_annotation(tmp_path / "refgene_transcripts.genepred.txt", build="hg19")
    models = gene_models(annotation, level="transcript")
    source = SiteSource("RBP", tmp_path / "rbp_eclip_encode.bed", biosample_column=7)
    features = build_features(models, [source])
    assert features.n_genes == len(models.table) == 2001
    assert features.genes["gene_id"].nunique() == 977
    n_of_gene = features.genes["gene_id"].value_counts()
    assert (n_of_gene > 1).sum() == 397
    assert features.checks["positions"][0]["verdict"] == "fine"
    # an independent count, base by base, of transcripts on both strands
    sites = pd.read_csv(source.path, sep="\t", header=None, usecols=[0, 1, 2, 3, 5, 6])
    names = [f"rna|RBP:{regulator}@{cell}" for regulator, cell in zip(sites[3], sites[6], strict=True)]
    column_of = {name: number for number, name in enumerate(features.track_ids)}
    totals = features.totals("rna")
    for row in np.random.default_rng(0).choice(len(models.table), 12, replace=False):
        model = models.table.iloc[row]
        covered: dict[str, set[int]] = {}
        exons = models.exons_of(model["transcript_id"])
        near = (sites[0] == model["chrom"]) & (sites[5] == model["strand"])
        near &= (sites[2] > exons["start"].min()) & (sites[1] < exons["end"].max())
        for number in np.flatnonzero(near):
            bases = genome_to_rna(models, model["transcript_id"], np.arange(sites[1][number], sites[2][number]))
            covered.setdefault(names[number], set()).update(bases[bases >= 0].tolist())
        expected = np.zeros(totals.shape[1])
        for name, bases in covered.items():
            expected[column_of[name]] = len(bases)
        np.testing.assert_array_equal(totals[row], expected)
