from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_sites import TOY, toy_frame, toy_sites

from decode.genome.assembly import Assembly, get_assembly
from decode.genome.sites import (
    SITE_COLUMNS,
    SiteSource,
    block_from_sites,
    check_sites,
    read_block,
    read_sites,
    sites_from_frame,
)

# --- frames in


def test_a_frame_becomes_a_sites_frame() -> None:
    frame = toy_frame(score=["1", "2.5", "3"], biosample=["K562", None, "."], gene=["a", "b", "c"])
    frame.index = [5, 6, 7]
    before = frame.copy()
    sites = sites_from_frame(frame, build=TOY)
    pd.testing.assert_frame_equal(frame, before)
    assert list(sites.columns) == [*SITE_COLUMNS, "score", "biosample", "gene"]
    assert sites["chrom"].tolist() == ["chr1", "chr2", "chrM"]
    assert sites["score"].tolist() == [1.0, 2.5, 3.0]
    assert sites["biosample"].tolist() == ["K562", "", ""]
    assert sites["start"].dtype == sites["end"].dtype == np.int64
    assert all(isinstance(sites[name].dtype, pd.CategoricalDtype) for name in ("chrom", "strand", "regulator", "kind"))
    assert sites.index.tolist() == [0, 1, 2]
    check_sites(sites, TOY)


def test_defaults_fill_missing_columns() -> None:
    frame = toy_frame().drop(columns=["strand", "regulator", "kind"])
    sites = sites_from_frame(frame, build=TOY, kind="RBP", regulator="TIA1")
    assert sites[["strand", "regulator", "kind"]].to_numpy().tolist() == [[".", "TIA1", "RBP"]] * 3
    for options, column in (({"kind": "TF"}, "regulator"), ({"regulator": "A"}, "kind")):
        with pytest.raises(ValueError, match=f"no column {column}; add it, or state {column}="):
            sites_from_frame(frame, build=TOY, **options)


def test_strands_of_other_tools_are_unified() -> None:
    assert toy_sites(strand=["*", None, "-"])["strand"].tolist() == [".", ".", "-"]


def test_an_empty_frame_stays_empty() -> None:
    sites = sites_from_frame(toy_frame().iloc[:0], build=TOY)
    assert len(sites) == 0
    check_sites(sites, TOY)
    assert block_from_sites(sites, TOY, stranded=True).regulators == []


def test_unknown_chromosomes_are_skipped_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    sites = toy_sites(chrom=["chr1", "chrUn", "chrUn"], end=[30, 10**9, 6])
    assert sites["chrom"].tolist() == ["chr1"]
    counts = {"n_rows": 3, "n_skipped_chromosome": 2, "skipped_chromosomes": {"chrUn": 2}}
    assert sites.attrs["counts"] == counts
    assert "2 of 3 rows lie on chromosomes that toy lacks" in caplog.text
    with pytest.raises(ValueError, match="none of the 3 sites lies on a chromosome of toy; they have chr8, chr9"):
        toy_sites(chrom=["chr8", "chr9", "chr9"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"start": [10, -1, 5]}, r"1 site\(s\) with start below 0.*row 1 \(chr2:-1-500\)"),
        ({"start": [30, 0, 6]}, r"2 site\(s\) with start >= end.*row 0 \(chr1:30-30\), row 2"),
        ({"end": [30, 501, 6]}, r"1 site\(s\) with end beyond the chromosome of toy.*another genome build"),
        ({"start": [1.5, 0, 5]}, r"start is not a whole number in 1 row\(s\): row 0 \(.*1\.5"),
        ({"end": ["30", "x", "6"]}, r"end is not a whole number in 1 row\(s\): row 1 \('x'\)"),
        ({"start": [None, 0, 5]}, r"start is not a whole number in 1 row\(s\)"),
        ({"strand": ["+", "1", "."]}, "strand holds '1'; allowed"),
        ({"kind": ["TF", "tf", "TF"]}, "kind holds 'tf'; allowed"),
        ({"regulator": ["", "A", "."]}, r"2 site\(s\) name no regulator: row 0"),
        ({"regulator": [None, "A", "B"]}, r"1 site\(s\) name no regulator: row 0"),
    ],
)
def test_faults_of_a_frame(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        toy_sites(**columns)


def test_check_sites_wants_the_contract() -> None:
    sites = toy_sites()
    with pytest.raises(TypeError, match="is a list"):
        check_sites([1], TOY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"lacks the column\(s\) kind"):
        check_sites(sites.drop(columns="kind"), TOY)
    with pytest.raises(ValueError, match="start is float64; whole numbers are wanted"):
        check_sites(sites.assign(start=[1.0, 2.0, 3.0]), TOY)
    with pytest.raises(ValueError, match="chromosomes that build toy lacks: 1;"):
        check_sites(sites.assign(chrom=["1", "chr2", "chr2"]), TOY)
    with pytest.raises(ValueError, match=r"beyond the chromosome of toy2"):
        check_sites(sites, Assembly("toy2", {"chr1": 1000, "chr2": 400, "chrM": 100}))


# --- files in


def test_a_folder_becomes_one_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "A.bed").write_text("chr1\t10\t30\tx\t1\t+\tK562\nchrUn\t1\t2\tx\t1\t+\tK562\n")
    (tmp_path / "B.bed").write_text("chr2\t0\t500\tx\t3\t-\tK562\nchrM\t1\t2\tx\t0\t.\t.\n")
    source = SiteSource("TF", tmp_path, biosample_column=7, score_column=5)
    sites = read_sites(source, build=TOY)
    assert sites.drop(columns="kind").to_numpy().tolist() == [
        ["chr1", 10, 30, "+", "A", "K562", 1.0],
        ["chr2", 0, 500, "-", "B", "K562", 3.0],
        ["chrM", 1, 2, ".", "B", "", 0.0],
    ]
    assert (sites["kind"] == "TF").all()
    assert sites.attrs["counts"] == {
        "n_rows": 4, "n_skipped_chromosome": 1, "skipped_chromosomes": {"chrUn": 1},
        "n_below_score": 0, "n_clipped_at_chromosome_end": 0,
        "n_regulators_left_out": 0,
    }  # fmt: skip
    check_sites(sites, TOY)
    pd.testing.assert_frame_equal(sites, sites_from_frame(sites, build=TOY), check_categorical=False, check_like=True)
    assert read_sites(tmp_path, build=TOY, kind="RBP").columns.tolist() == list(SITE_COLUMNS)
    high = read_sites(SiteSource("TF", tmp_path, min_score=3), build=TOY)
    assert (high["regulator"].tolist(), high["score"].tolist()) == (["B"], [3.0])


def test_strand_is_read_where_the_file_has_it(tmp_path: Path) -> None:
    path = tmp_path / "sites.bed"
    path.write_text("chr1\t10\t30\tA\n")
    assert read_sites(path, build=TOY, kind="TF")["strand"].tolist() == ["."]
    path.write_text("chr1\t10\t30\tA\t0\t-\n")
    assert read_sites(path, build=TOY, kind="TF")["strand"].tolist() == ["-"]


def test_kind_is_stated_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"kind of the sites in .* is not stated"):
        read_sites(tmp_path, build=TOY)
    with pytest.raises(ValueError, match="kind is 'RBP', and the source says 'TF'"):
        read_sites(SiteSource("TF", tmp_path), build=TOY, kind="RBP")
    with pytest.raises(ValueError, match="build 'hg99' is unknown"):
        read_sites(tmp_path, build="hg99", kind="TF")


@pytest.mark.parametrize("stranded", [True, False])
def test_a_frame_and_its_file_give_the_same_block(tmp_path: Path, stranded: bool) -> None:
    path = tmp_path / "sites.bed"
    path.write_text(
        "chr1\t10\t30\tA\t1\t+\tK562\nchr2\t0\t500\tB\t3\t-\tK562\nchr1\t1\t2\tA\t0\t.\t\nchr1\t5\t9\tA\t0\t.\tK562\n"
    )
    source = SiteSource("TF", path, biosample_column=7)
    expected = read_block(source, path, TOY, stranded=stranded)
    block = block_from_sites(read_sites(source, build=TOY), TOY, stranded=stranded)
    for names, expected_names in zip(block[:2], expected[:2], strict=True):
        assert [names[i] for i in block.track] == [expected_names[i] for i in expected.track]
    for ours, theirs in zip(block[3:6], expected[3:6], strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert block.counts.get("n_without_strand") == (2 if stranded else None)
    with pytest.raises(ValueError, match=r"2 kinds \(TF, RBP\)"):
        block_from_sites(toy_sites(kind=["TF", "RBP", "TF"]), TOY, stranded=stranded)


@pytest.mark.real_data
def test_a_real_file_is_a_sites_frame(shared: Path) -> None:
    path = shared / "data" / "hg19" / "mirna_miranda.bed.gz"
    sites = read_sites(path, build="hg19", kind="miRNA")
    assert len(sites) == 662_664
    assert sites["regulator"].nunique() == 694
    check_sites(sites, get_assembly("hg19"))
