from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.features.matrix import RegulatoryFeatures

# Two genes by hand. G1 on plus: exons 1000-1150 and 1300-1350. G2 on minus: one exon 5000-5120.
GTF = "".join(
    f'chr1\ttest\t{kind}\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; transcript_id "{gene}T"; '
    f'gene_name "{gene.lower()}"; gene_type "protein_coding"; transcript_type "protein_coding";\n'
    for gene, strand, kind, start, end in [
        ("G1", "+", "gene", 1001, 1350), ("G1", "+", "transcript", 1001, 1350), ("G1", "+", "exon", 1001, 1150),
        ("G1", "+", "exon", 1301, 1350), ("G2", "-", "gene", 5001, 5120), ("G2", "-", "transcript", 5001, 5120),
        ("G2", "-", "exon", 5001, 5120),
    ]
)  # fmt: skip
PROMOTER = "chr1\t990\t1010\tCTCF\t0\t.\tK562\nchr1\t1000\t1030\tCTCF\t0\t.\tHepG2\nchr1\t5110\t5125\tSP1\t0\t.\t.\n"
RNA = "chr1\t1140\t1310\tPUM2\t0\t+\nchr1\t1100\t1120\tPUM2\t0\t-\nchr1\t5000\t5010\tPUM2\t0\t-\n"


@pytest.fixture
def by_hand(tmp_path: Path) -> list[object]:
    (tmp_path / "a.gtf").write_text(GTF)
    (tmp_path / "sizes.tsv").write_text("chr1\t10000\n")
    (tmp_path / "tf.bed").write_text(PROMOTER)
    (tmp_path / "rbp.bed.gz").write_bytes(gzip.compress(RNA.encode()))
    return [
        *(
            "features",
            "build",
            "--annotation",
            tmp_path / "a.gtf",
            "--build",
            "mine",
            "--sizes",
            tmp_path / "sizes.tsv",
        ),
        *("--promoter-sites", f"TF={tmp_path / 'tf.bed'}", "--rna-sites", f"RBP={tmp_path / 'rbp.bed.gz'}"),
        *("--upstream", 40, "--downstream", 20, "--bin-size", 20, "--out", tmp_path / "features.h5"),
    ]


def exported(run, folder: Path, *options: object) -> list[tuple[object, ...]]:
    result = run("features", "export", folder / "features.h5", "--out", folder / "long.tsv.gz", "--force", *options)
    assert result.status == 0, result.err
    table = pd.read_csv(folder / "long.tsv.gz", sep="\t", keep_default_na=False)
    assert table.columns.tolist() == ["region", "gene_id", "bin", "kind", "regulator", "biosample", "bases"]
    return sorted(table.itertuples(index=False, name=None))


def test_by_hand(run, by_hand, tmp_path):
    result = run(*by_hand, "--biosample-column", "TF=7")
    assert result.status == 0, result.err
    assert "2 genes" in result.out
    # G1: promoter 960-1020 in bins of 20; G2 (minus, tss 5119): 5160 down to 5100; RNA 200 and 120 bases
    assert exported(run, tmp_path) == [
        ("promoter", "G1", 1, "TF", "CTCF", "K562", 10),
        ("promoter", "G1", 2, "TF", "CTCF", "HepG2", 20),
        ("promoter", "G1", 2, "TF", "CTCF", "K562", 10),
        ("promoter", "G2", 1, "TF", "SP1", "", 5),
        ("promoter", "G2", 2, "TF", "SP1", "", 10),
        ("rna", "G1", 7, "RBP", "PUM2", "", 20),
        ("rna", "G2", 5, "RBP", "PUM2", "", 10),
    ]
    assert [row[1] for row in exported(run, tmp_path, "--genes", "G2")] == ["G2"] * 3


def test_tracks_by_regulator(run, by_hand, tmp_path):
    assert run(*by_hand, "--biosample-column", "TF=7", "--tracks", "regulator").status == 0
    rows = [row for row in exported(run, tmp_path) if row[4] == "CTCF"]
    assert rows == [("promoter", "G1", 1, "TF", "CTCF", "", 10), ("promoter", "G1", 2, "TF", "CTCF", "", 20)]


def test_transcript_level_and_folders(run, by_hand, tmp_path):
    folder = tmp_path / "chip"
    folder.mkdir()
    (folder / "CTCF.bed").write_text("chr1\t990\t1010\n")
    (folder / "notes.txt").write_text("ignored")
    with_folder = [f"TF={folder}" if str(part).startswith("TF=") else part for part in by_hand]
    result = run(*with_folder, "--level", "transcript")
    assert result.status == 0, result.err
    assert "1 others ignored: notes.txt" in result.err
    features = RegulatoryFeatures.read(tmp_path / "features.h5")
    assert features.ids.tolist() == ["G1T", "G2T"]
    assert features.track_ids == ["promoter|TF:CTCF", "rna|RBP:PUM2"]


def test_scores(run, by_hand, tmp_path):
    (tmp_path / "tf.bed").write_text("chr1\t990\t1010\tCTCF\t5\t.\nchr1\t1010\t1020\tCTCF\t9\t.\n")
    assert run(*by_hand, "--min-score", "TF=6").status == 0
    assert [row for row in exported(run, tmp_path) if row[0] == "promoter"] == [
        ("promoter", "G1", 2, "TF", "CTCF", "", 10)
    ]
    (tmp_path / "tf.bed").write_text("chr1\t990\t1010\tCTCF\t5\t.\t2\nchr1\t1010\t1020\tCTCF\t9\t.\t1\n")
    assert run(*by_hand, "--min-score", "TF=2", "--score-column", "TF=7", "--force").status == 0
    assert [row for row in exported(run, tmp_path) if row[0] == "promoter"] == [
        ("promoter", "G1", 1, "TF", "CTCF", "", 10), ("promoter", "G1", 2, "TF", "CTCF", "", 10),
    ]  # fmt: skip


def test_strands_of_promoters(run, by_hand, tmp_path):
    (tmp_path / "tf.bed").write_text("chr1\t990\t1010\tCTCF\t5\t-\nchr1\t5110\t5125\tCTCF\t5\t-\n")
    assert run(*by_hand).status == 0
    assert {row[1] for row in exported(run, tmp_path) if row[0] == "promoter"} == {"G1", "G2"}
    assert run(*by_hand, "--stranded-promoters", "--force").status == 0
    assert {row[1] for row in exported(run, tmp_path) if row[0] == "promoter"} == {"G2"}


def test_info(run, features_file, toy):
    result = run("features", "info", features_file)
    assert result.status == 0, result.err
    for text in (
        "300 genes of toy; 100-bp bins; promoter -2000..+1000",
        "gene models:",
        "region promoter: 9000 bins",
        "TF: 14 regulators",
        "miRNA: 6 regulators in 6 tracks",
        f"source {toy.promoter_sites} (TF, promoter)",
        f"positions of TF sites of {toy.promoter_sites}: ",
        "of displaced ones; odds ratio ",
    ):
        assert text in result.out


def test_the_toy_genome_is_built_alike_by_every_executor(run, build_options, features_file, tmp_path):
    assert run("features", "build", *build_options, "--executor", "serial", "--out", tmp_path / "again.h5").status == 0
    one, other = (RegulatoryFeatures.read(path) for path in (features_file, tmp_path / "again.h5"))
    assert one.track_ids == other.track_ids
    np.testing.assert_array_equal(one.totals(), other.totals())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--promoter-sites", "tf.bed"], "--promoter-sites is 'tf.bed'; write KIND=PATH"),
        (["--rna-sites", "tRNA=tf.bed"], "kind is 'tRNA'; choose one of: TF, RBP, miRNA, other"),
        (["--biosample-column", "miRNA=7"], "--biosample-column names the kind 'miRNA', for which no sites are given"),
        (["--biosample-column", "TF=seven"], "--biosample-column is 'seven'; a number is wanted after KIND="),
        (["--biosample-column", "TF=9"], "column"),
        (["--min-score", "TF=high"], "--min-score is 'high'"),
        (["--format", "TF=wig"], "format is 'wig'"),
        (["--bin-size", "0"], "bin_size"),
        (["--upstream", "-5"], "upstream"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense(run, by_hand, tmp_path, options, words):
    result = run(*by_hand, *options)
    assert result.status == 2
    assert words in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "features.h5").exists()


def test_no_sites(run, toy, tmp_path):
    result = run("features", "build", "--annotation", toy.annotation, "--build", "hg19", "--out", tmp_path / "f.h5")
    assert result.status == 2
    assert "no sites given" in result.err


def test_export_of_a_gene_that_is_not_there(run, features_file, tmp_path):
    result = run("features", "export", features_file, "--genes", "GX", "--out", tmp_path / "long.tsv", "--force")
    assert result.status == 2
    assert "GX" in result.err
    assert not list(tmp_path.iterdir())


def test_signals_windows_and_linked_elements(run, by_hand, tmp_path):
    library = pytest.importorskip("pyBigWig", reason="extra bigwig is not installed")
    with library.open(str(tmp_path / "H3K27ac.bw"), "w") as file:
        file.addHeader([("chr1", 10000)])
        file.addEntries(["chr1"], [1100], ends=[1110], values=[3.0])
    (tmp_path / "links.tsv").write_text(
        "chrom\tstart\tend\tgene_id\tscore\nchr1\t1095\t1125\tg1\t2\nchr1\t0\t5\tG2\t1\n"
    )
    (tmp_path / "peaks.bed").write_text("chr1\t1100\t1120\n")
    peaks, signal = tmp_path / "peaks.bed", tmp_path / "H3K27ac.bw"
    command = [
        *by_hand, "--promoter-sites", f"other={peaks}", "--region", "body=100..160", "--region-bin-size", "body=30",
        "--links", tmp_path / "links.tsv", "--region-name", "enhancer", "--region-sites", f"enhancer:other={peaks}",
        "--region-sites", f"body:TF={tmp_path / 'tf.bed'}", "--region-signal", f"body:other={signal}",
        "--rna-signal", f"other={signal}",
    ]  # fmt: skip
    result = run(*command)
    assert result.status == 0, result.err
    features = RegulatoryFeatures.read(tmp_path / "features.h5")
    assert list(features.regions) == ["promoter", "rna", "enhancer", "body"]
    table = features.to_long(genes=["G1"])
    shown = table.loc[table["kind"] == "other", ["region", "regulator", "bin", "bases", "signal"]]
    assert shown.fillna(-1).to_numpy().tolist() == [
        ["rna", "H3K27ac", 5, 0, 1.5],  # bases 100 to 110 of the RNA
        ["enhancer", "peaks", 0, 15, -1],
        ["enhancer", "peaks", 1, 5, -1],
        ["body", "H3K27ac", 0, 0, 1.0],
    ]
    assert features.lengths("enhancer").tolist() == [30, 5]
    assert run(*command, "--min-link-score", 2, "--force").status == 0
    assert RegulatoryFeatures.read(tmp_path / "features.h5").lengths("enhancer").tolist() == [30, 0]
    info = run("features", "info", tmp_path / "features.h5").out
    assert "TSS +100..+160, 30-bp bins" in info
    assert "1 links of 1 genes, n_genes_without_element 1" in info


def test_regulatory_potential(run, by_hand, tmp_path):
    (tmp_path / "peaks.bed").write_text("chr1\t1000\t1001\tA\t0\t.\tK562\nchr1\t1100\t1101\tA\t0\t.\tHepG2\n")
    command = [*by_hand, "--potential", f"TF={tmp_path / 'peaks.bed'}", "--biosample-column", "TF=7"]
    result = run(*command, "--half-distance", 50)
    assert result.status == 0, result.err
    features = RegulatoryFeatures.read(tmp_path / "features.h5")
    assert features.definitions["potential"]["half_distance_bp"] == 50
    tracks = features.tracks[features.tracks["region"] == "potential"]
    assert tracks[["regulator", "biosample", "value_kind"]].to_numpy().tolist() == [
        ["A", "HepG2", "potential"],
        ["A", "K562", "potential"],
    ]
    distance = np.abs(np.array([[1100, 1000]]) - features.genes[["tss"]].to_numpy())
    expected = np.where(distance <= 500, 2.0 ** (-distance / 50), 0)
    assert (expected > 0).any()
    np.testing.assert_allclose(features.totals("potential"), expected, rtol=1e-6)
    info = run("features", "info", tmp_path / "features.h5").out
    assert "regulatory potential of peaks up to 500 bp from the TSS, half at 50 bp" in info
    assert run("features", "export", tmp_path / "features.h5", "--out", tmp_path / "long.tsv").status == 0
    assert (tmp_path / "long.tsv").read_text().splitlines()[0].split("\t")[-2:] == ["bases", "potential"]


REGION_FAULTS = [
    (["--half-distance", "50"], "--half-distance is given without --potential"),
    (["--potential", "TF={tf}", "--half-distance", "0"], "half-distance of the region potential is 0"),
    (["--potential", "{tf}"], "write KIND=PATH"),
    (["--potential", "TF={tf}", "--region", "potential=1..50"], "names of the regions occur more than once: potential"),
    (["--region", "near=1000-2000"], "--region is 'near=1000-2000'; write NAME=FROM..TO"),
    (["--region", "near=5..2", "--region-sites", "near:TF={tf}"], "window 5..2 is empty"),
    (["--region", "near=1..50"], "no sites are given for the region(s) near"),
    (["--region", "rna=1..50"], "name of a region is 'rna', which is taken"),
    (["--region-sites", "TF={tf}"], "write NAME:KIND=PATH"),
    (["--region-sites", "near:TF={tf}"], "is 'near'; choose one of: promoter, rna"),
    (["--region-bin-size", "near=5"], "--region-bin-size names 'near', which is no --region"),
    (["--region", "n=1..50", "--region-bin-size", "n=five"], "'five'; a number is wanted after NAME="),
    (["--region", "n=1..50", "--region-bin-size", "n=0"], "bin size of the region n is 0"),
    (["--min-link-score", "2"], "--min-link-score is given without --links"),
    (["--region-name", "enhancer"], "--region-name is given without --links"),
    (["--links", "{tf}.none", "--region-sites", "distal:TF={tf}"], "does not exist"),
    (["--promoter-signal", "other={tf}"], "is no .bw or .bigWig file"),
]


@pytest.mark.parametrize(("options", "message"), REGION_FAULTS, ids=[fault[1] for fault in REGION_FAULTS])
def test_faults_of_regions_and_signals(run, by_hand, tmp_path, options, message):
    result = run(*by_hand, *(option.replace("{tf}", str(tmp_path / "tf.bed")) for option in options))
    assert result.status == 2
    assert message in result.err
    assert not (tmp_path / "features.h5").exists()


class TestStructure:
    """Gene structure: from the annotation's CDS lines, or from a second annotation."""

    CDS = 'chr1\ttest\tCDS\t1101\t1150\t.\t+\t.\tgene_id "G1"; transcript_id "G1T";\n'
    GENEPRED = "NM_1\tchr1\t+\t1000\t1350\t1020\t1320\t2\t1000,1300,\t1150,1350,\t0\tg1\tcmpl\tcmpl\t0,1,\n"

    def cds(self, folder: Path) -> list[float]:
        genes = RegulatoryFeatures.read(folder / "features.h5").genes
        return np.expm1(genes["structure_cds"]).round(6).tolist()

    def test_from_the_annotation(self, run, by_hand, tmp_path):
        assert run(*by_hand).status == 0
        assert RegulatoryFeatures.read(tmp_path / "features.h5").structure_channels == []
        (tmp_path / "a.gtf").write_text(GTF + self.CDS)
        result = run(*by_hand, "--force")
        assert result.status == 0, result.err
        assert self.cds(tmp_path) == [50, 50]  # G2 has no CDS and gets the median

    def test_from_a_second_annotation(self, run, by_hand, tmp_path):
        (tmp_path / "b.txt").write_text(self.GENEPRED)
        result = run(*by_hand, "--structure", tmp_path / "b.txt")
        assert result.status == 0, result.err
        assert "by symbol 1" in result.err
        assert self.cds(tmp_path) == [150, 150]
        features = RegulatoryFeatures.read(tmp_path / "features.h5")
        assert features.genes["structure_missing"].tolist() == [0, 1]
        assert "not found 1" in features.checks["gene_models"]

    def test_preset(self, run, by_hand, tmp_path):
        result = run(*by_hand, "--preset", "recommended")
        assert (result.status, "no CDS lines" in result.err, "--structure" in result.err) == (2, True, True)
        assert not (tmp_path / "features.h5").exists()
        (tmp_path / "b.txt").write_text(self.GENEPRED)
        (tmp_path / "tf.bed").write_text(PROMOTER + "chr1\t1100\t1130\tCTCF\t0\t.\tK562\n")
        result = run(*by_hand, "--preset", "recommended", "--structure", tmp_path / "b.txt")
        assert result.status == 0, result.err
        features = RegulatoryFeatures.read(tmp_path / "features.h5")
        assert list(features.regions) == ["promoter", "rna", "downstream"]
        expected = {"type": "window", "first_bp": 20, "last_bp": 10000, "bin_size": 1000}
        assert features.definition_of("downstream") == expected
        row = features.track_ids.index("downstream|TF:CTCF")
        assert features.totals()[:, row].tolist() == [40, 70]  # G2 looks down to the start of chr1
        assert features.structure_channels

    def test_preset_without_tf_sites(self, run, by_hand):
        place = by_hand.index("--promoter-sites")
        result = run(*by_hand[:place], *by_hand[place + 2 :], "--preset", "recommended")
        assert (result.status, "--promoter-sites TF=PATH" in result.err) == (2, True)
