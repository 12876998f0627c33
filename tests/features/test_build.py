from __future__ import annotations

import gzip
import hashlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.core.files import sha256_of
from decode.features.build import build_features
from decode.features.matrix import RegulatoryFeatures
from decode.genome.assembly import Assembly
from decode.genome.sites import SiteSource

ASSEMBLY = Assembly("toy", {"chr1": 3000, "chr2": 500})
MODELS = toy_models(
    ASSEMBLY,
    [
        ("A", "chr1", "+", [(1000, 1030), (1100, 1125)]),
        ("B", "chr1", "-", [(2000, 2040)]),
        ("C", "chr2", "+", [(5, 45)]),
    ],
)
WINDOW = {"bin_size": 10, "upstream": 20, "downstream": 10}


def bed(path: Path, rows: list[tuple[object, ...]]) -> Path:
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.fixture
def tf(tmp_path: Path) -> SiteSource:
    rows = [
        ("chr1", 975, 985, "CTCF", 0, ".", "K562"),
        ("chr1", 984, 990, "CTCF", 0, ".", "HepG2"),
        ("chr1", 1000, 2000, "REST", 0, ".", "K562"),
        ("chr2", 0, 8, "REST", 0, ".", "K562"),
    ]
    return SiteSource(kind="TF", path=bed(tmp_path / "tf.bed", rows), region="promoter", biosample_column=7)


@pytest.fixture
def rbp(tmp_path: Path) -> SiteSource:
    rows = [
        ("chr1", 1028, 1102, "RBX", 0, "+"),
        ("chr1", 1120, 1140, "RBX", 0, "-"),
        ("chr1", 1990, 2003, "PUM2", 0, "-"),
        ("chr1", 2001, 2005, "PUM2", 0, "-"),
    ]
    return SiteSource(kind="RBP", path=bed(tmp_path / "rbp.bed.gz", rows), region="rna")


def long(features: RegulatoryFeatures) -> list[tuple[object, ...]]:
    return list(features.to_long().itertuples(index=False, name=None))


def test_build_by_hand(tf: SiteSource, rbp: SiteSource) -> None:
    features = build_features(MODELS, [rbp, tf], **WINDOW)
    assert list(features.regions) == ["promoter", "rna"]
    assert features.track_ids == [
        "promoter|TF:CTCF@HepG2",
        "promoter|TF:CTCF@K562",
        "promoter|TF:REST@K562",
        "rna|RBP:PUM2",
        "rna|RBP:RBX",
    ]
    # promoters: A [980, 1010), B [2030, 2060) reversed, C [-15, 15)
    assert long(features) == [
        ("promoter", "A", 0, "TF", "CTCF", "HepG2", 6),
        ("promoter", "A", 0, "TF", "CTCF", "K562", 5),
        ("promoter", "A", 2, "TF", "REST", "K562", 10),
        ("promoter", "C", 1, "TF", "REST", "K562", 5),
        ("promoter", "C", 2, "TF", "REST", "K562", 3),
        ("rna", "A", 2, "RBP", "RBX", "", 2),
        ("rna", "A", 3, "RBP", "RBX", "", 2),
        ("rna", "B", 3, "RBP", "PUM2", "", 5),
    ]
    assert features.tracks["n_bound_genes"].tolist() == [1, 1, 2, 1, 1]
    assert set(features.tracks["value_kind"]) == {"bases"}
    assert features.regions["promoter"].bin_length_bp.tolist() == [10] * 6 + [0, 5, 10]
    assert features.lengths("rna").tolist() == [55, 40, 40]
    assert (features.build, features.bin_size, features.upstream, features.downstream) == ("toy", 10, 20, 10)
    assert features.regions["rna"].data.dtype == np.int16
    assert features.checks["gene_models"] == "toy"
    assert [check["verdict"] for check in features.checks["positions"]] == ["too few sites"] * 2


def test_sources_are_recorded(tf: SiteSource, rbp: SiteSource) -> None:
    record = build_features(MODELS, [tf, rbp], **WINDOW).sources[0]
    assert record["path"] == str(tf.path)
    assert record["sha256"] == sha256_of(tf.path)
    assert (record["kind"], record["region"], record["biosample_column"]) == ("TF", "promoter", 7)
    assert record["counts"]["n_sites"] == 4
    assert record["files"] == [{"name": "tf.bed", "sha256": sha256_of(tf.path)}]


def test_tracks_by_regulator_unite_biosamples(tf: SiteSource) -> None:
    features = build_features(MODELS, [tf], tracks="regulator", **WINDOW)
    assert features.track_ids == ["promoter|TF:CTCF", "promoter|TF:REST"]
    assert features.totals()[0].tolist() == [10, 10]  # 980 to 990: the base at 984 counts once


def test_a_folder_gives_one_track_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "peaks"
    folder.mkdir()
    first = bed(folder / "REST.narrowPeak.gz", [("chr1", 980, 983, "p1", 5, ".")])
    second = bed(folder / "CTCF.bed", [("chr1", 2050, 2060, "p1", 5, "."), ("chr2", 100, 110, "p2", 5, ".")])
    source = SiteSource(kind="TF", path=folder, region="promoter")
    results = [
        build_features(MODELS, [source], executor=executor, **WINDOW) for executor in ("serial", "threads", "threads:3")
    ]
    for features in results:
        assert features.track_ids == ["promoter|TF:CTCF", "promoter|TF:REST"]
        assert features.totals().tolist() == [[0, 3], [10, 0], [0, 0]]
        assert features.sources[0]["counts"]["n_sites"] == 3
        listing = f"{sha256_of(second)}  CTCF.bed\n{sha256_of(first)}  REST.narrowPeak.gz\n"
        assert features.sources[0]["sha256"] == hashlib.sha256(listing.encode()).hexdigest()


def test_promoters_can_be_stranded(tmp_path: Path) -> None:
    path = bed(tmp_path / "tf.bed", [("chr1", 980, 990, "X", 0, "-"), ("chr1", 2050, 2055, "X", 0, "-")])
    source = SiteSource(kind="TF", path=path, region="promoter")
    assert build_features(MODELS, [source], **WINDOW).totals()[:, 0].tolist() == [10, 5, 0]
    stranded = build_features(MODELS, [source], promoter_stranded=True, **WINDOW)
    assert stranded.totals()[:, 0].tolist() == [0, 5, 0]


def test_sites_without_strand_count_on_both_and_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = bed(tmp_path / "rbp.bed", [("chr1", 1000, 1010, "X", 0, "."), ("chr1", 2000, 2010, "X", 0, "+")])
    with caplog.at_level(logging.WARNING):
        features = build_features(MODELS, [SiteSource(kind="RBP", path=path, region="rna")], **WINDOW)
    assert features.totals()[:, 0].tolist() == [10, 0, 0]
    assert features.sources[0]["counts"]["n_without_strand"] == 1
    assert any("1 of 2 sites have no strand" in record.message for record in caplog.records)


def test_large_bins_use_wider_integers(tf: SiteSource) -> None:
    features = build_features(MODELS, [tf], bin_size=40_000, upstream=1000, downstream=1000)
    assert features.regions["promoter"].data.dtype == np.int32
    assert features.totals()[:, 2].tolist() == [1000, 960, 8]  # B: window [1040, 3040)


def test_one_track_from_two_files_raises(tmp_path: Path) -> None:
    paths = [bed(tmp_path / f"{name}.bed", [("chr1", 980, 990, "X", 0, ".")]) for name in "ab"]
    sources = [SiteSource(kind="TF", path=path, region="promoter") for path in paths]
    with pytest.raises(ValueError, match=r"1 track\(s\) of region promoter come from two files: TF:X in .*a\.bed"):
        build_features(MODELS, sources, **WINDOW)
    kinds = [SiteSource(kind=kind, path=paths[0], region="promoter") for kind in ("TF", "RBP")]
    assert build_features(MODELS, kinds, **WINDOW).track_ids == ["promoter|TF:X", "promoter|RBP:X"]


def test_wrong_options(tf: SiteSource) -> None:
    with pytest.raises(ValueError, match="no sources of sites"):
        build_features(MODELS, [])
    with pytest.raises(ValueError, match="tracks is 'cell'"):
        build_features(MODELS, [tf], tracks="cell")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="bin_size is 0"):
        build_features(MODELS, [tf], bin_size=0)


def wrong_build_case(tmp_path: Path, shift: int) -> tuple[object, SiteSource]:
    """200 genes every 100 kb, one site in each promoter, all sites moved by `shift`."""
    assembly = Assembly("toy", {"chr1": 10_000_000, "chr2": 10_100_000})
    specs = [
        (f"G{chrom}{i}", chrom, "+", [(50_000 + i * 100_000, 51_000 + i * 100_000)])
        for chrom in ("chr1", "chr2")
        for i in range(99)
    ]
    rows = [
        (chrom, blocks[0][0] - 1800 + shift + 300 * k, blocks[0][0] - 1700 + shift + 300 * k, "X", 0, ".")
        for _, chrom, _, blocks in specs
        for k in range(8)
    ]
    path = bed(tmp_path / f"shift{shift}.bed", rows)
    return toy_models(assembly, specs), SiteSource(kind="TF", path=path, region="promoter")


def test_sites_of_another_build_raise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models, source = wrong_build_case(tmp_path, 0)
    features = build_features(models, [source])
    assert features.checks["positions"][0]["verdict"] == "fine"
    models, source = wrong_build_case(tmp_path, 40_000)
    with pytest.raises(ValueError, match="look like sites of another genome build"):
        build_features(models, [source])
    with caplog.at_level(logging.WARNING):
        allowed = build_features(models, [source], allow_suspicious=True)
    assert allowed.checks["positions"][0]["verdict"] == "by chance"
    assert any("check the genome build" in record.message for record in caplog.records)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same(tmp_path: Path, tf: SiteSource, rbp: SiteSource) -> None:
    distributed = pytest.importorskip("distributed")
    here = build_features(MODELS, [tf, rbp], **WINDOW)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = build_features(MODELS, [tf, rbp], executor=client, **WINDOW)
    pd.testing.assert_frame_equal(there.tracks, here.tracks)
    np.testing.assert_array_equal(there.totals(), here.totals())
    assert there.sources == here.sources


@pytest.mark.real_data
def test_chr21_equals_bedtools_cell_by_cell(shared: Path) -> None:
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    data = shared / "data" / "hg19"
    files = {"TF": "tf_chip_encode", "RBP": "rbp_eclip_encode", "miRNA": "mirna_miranda"}
    sources = [
        SiteSource(kind=kind, path=data / f"{stem}.bed.gz", region="promoter" if kind == "TF" else "rna")
        for kind, stem in files.items()
    ]
    annotation = read_annotation(data / "gencode_v19_coding_collapsed.gtf.gz", build="hg19")
    features = build_features(gene_models(annotation), sources, tracks="regulator")
    assert {check["verdict"] for check in features.checks["positions"]} == {"fine"}
    genes = features.genes.loc[features.genes["chrom"] == "chr21", "gene_id"].tolist()
    columns = ["source", "region", "gene_id", "bin", "regulator", "bases"]
    ours = features.to_long(genes)
    ours["source"] = ours["kind"].astype(str).map(files)
    golden = pd.read_csv(shared / "golden" / "features_chr21_bedtools.tsv.gz", sep="\t")[columns]
    mine = ours[columns].astype(golden.dtypes.to_dict()).sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(mine, golden.sort_values(columns, ignore_index=True))


@pytest.mark.real_data
def test_eclip_of_hg38_read_as_hg19_is_refused(shared: Path, tmp_path: Path) -> None:
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    annotation = read_annotation(shared / "data" / "hg19" / "gencode_v19_coding_collapsed.gtf.gz", build="hg19")
    models = gene_models(annotation)
    path = shared / "data" / "hg38" / "rbp_eclip_encode.bed.gz"
    with pytest.raises(ValueError, match="beyond chr3 of hg19"):
        build_features(models, [SiteSource(kind="RBP", path=path, region="rna")])
    sites = pd.read_csv(path, sep="\t", header=None)
    sizes = sites[0].map(models.assembly.sizes)
    inside = tmp_path / "inside.bed"
    sites[sites[2] <= sizes].to_csv(inside, sep="\t", header=False, index=False)
    with pytest.raises(ValueError, match="look like sites of another genome build"):
        build_features(models, [SiteSource(kind="RBP", path=inside, region="rna")])
