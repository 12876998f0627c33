from __future__ import annotations

import gzip
import time
from pathlib import Path

import pandas as pd
import pytest

from decode.genome.lift_files import lift_file
from decode.genome.liftover import lift_sites

# chr1 0-100 -> chrA 50-150; chr1 120-220 -> chrA 150-250 (20 bases deleted); chr1 220-320 -> chrA 255-355 (5 inserted).
# chr2 0-100 -> the minus strand of chrB (500 long) 0-100, so base 0 becomes base 499.
CHAIN = (
    "chain 100 chr1 1000 + 0 320 chrA 2000 + 50 355 1\n100\t20\t0\n100\t0\t5\n100\n\n"
    "chain 90 chr2 600 + 0 100 chrB 500 - 0 100 2\n100\n\n"
)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "toy.over.chain.gz"
    path.write_bytes(gzip.compress(CHAIN.encode()))
    return path


def sites(*rows: tuple[str, int, int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["chrom", "start", "end", "strand"])
    return frame.assign(regulator=[f"R{row}" for row in range(len(frame))])


def test_lifted_by_hand(chain: Path) -> None:
    given = sites(
        ("chr1", 0, 10, "+"),  # start of the first block
        ("chr1", 90, 130, "-"),  # spans the deletion: 40 -> 20 bases
        ("chr1", 130, 140, "."),
        ("chr1", 200, 240, "+"),  # spans the insertion: 40 -> 45 bases
        ("chr1", 170, 320, "+"),  # the same, 150 -> 155 bases
        ("chr1", 105, 110, "+"),  # in the deletion
        ("chr2", 0, 10, "+"),
        ("chr2", 99, 100, "-"),
        ("chr3", 0, 10, "+"),
    )
    before = given.copy()
    result = lift_sites(given, chain)
    assert result.sites.to_numpy().tolist() == [
        ["chrA", 50, 60, "+", "R0"],
        ["chrA", 160, 170, ".", "R2"],
        ["chrA", 200, 355, "+", "R4"],
        ["chrB", 490, 500, "-", "R6"],
        ["chrB", 400, 401, "+", "R7"],
    ]
    assert result.lost_by_reason == {
        "chromosome_not_in_chain": 1, "end_not_in_chain": 1, "several_places": 0, "ends_apart": 0, "length_changed": 2,
    }  # fmt: skip
    assert (result.n_in, result.n_lifted, result.n_lost) == (9, 5, 4)
    pd.testing.assert_frame_equal(given, before)


def test_ends_on_two_chromosomes_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.chain"
    path.write_text(
        "chain 2 chr1 200 + 0 50 chrA 90 + 0 50 1\n50\n\nchain 1 chr1 200 + 50 100 chrB 90 + 0 50 2\n50\n\n"
    )
    result = lift_sites(sites(("1", 40, 60, "+"), ("1", 50, 60, "+")), path)
    assert result.lost_by_reason["ends_apart"] == 1
    assert result.sites[["chrom", "start", "end"]].to_numpy().tolist() == [["chrB", 0, 10]]


def test_two_places_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.chain"
    path.write_text("chain 2 chr1 200 + 0 50 chrA 90 + 0 50 1\n50\n\nchain 1 chr1 200 + 0 50 chrB 90 + 0 50 2\n50\n\n")
    result = lift_sites(sites(("chr1", 10, 20, "+")), path)
    assert result.lost_by_reason["several_places"] == 1
    assert result.n_lifted == 0


def test_categories_stay_and_strand_is_optional(chain: Path) -> None:
    given = sites(("chr1", 0, 10, "+"), ("chr2", 0, 10, "+")).astype({"chrom": "category", "strand": "category"})
    lifted = lift_sites(given, chain).sites
    assert lifted["chrom"].dtype == "category"
    assert list(lifted["strand"]) == ["+", "-"]
    assert list(lift_sites(given.drop(columns="strand"), chain).sites["start"]) == [50, 490]


def test_no_sites(chain: Path) -> None:
    result = lift_sites(sites(), chain)
    assert result.n_in == result.n_lifted == result.n_lost == 0


def test_sites_of_another_build(chain: Path) -> None:
    with pytest.raises(ValueError, match=r"beyond the chromosome ends.*chr1:990-1001"):
        lift_sites(sites(("chr1", 990, 1001, "+")), chain)
    with pytest.raises(ValueError, match=r"knows no chromosome of the sites \(scaffold\)"):
        lift_sites(sites(("scaffold", 0, 10, "+")), chain)


@pytest.mark.parametrize("start_end", [(-1, 5), (5, 5), (6, 5)])
def test_bad_coordinates(chain: Path, start_end: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="negative, empty, reversed"):
        lift_sites(sites(("chr1", *start_end, "+")), chain)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"chr1\t1\t2\n", "has no chain header"),
        (b"chain 1 chr1\n10\n", "line 1"),
        (b"chain 1 chr1 100 + 0 50 chrA 90 + 0 50 1\nten\n\n", "cannot be read"),
        (gzip.compress(CHAIN.encode())[:-12], "truncated"),
        (b"", "is empty"),
    ],
)
def test_bad_chain_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.chain"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        lift_sites(sites(("chr1", 0, 10, "+")), path)


def test_missing_chain_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lift_sites(sites(("chr1", 0, 10, "+")), tmp_path / "absent.chain")


@pytest.mark.real_data
def test_eclip_sites_lift_as_published(shared: Path) -> None:
    columns = ["chrom", "start", "end", "regulator", "score", "strand", "biosample"]
    read = [
        pd.read_csv(shared / f"data/{build}/rbp_eclip_encode.bed.gz", sep="\t", names=columns)
        for build in ("hg38", "hg19")
    ]
    started = time.perf_counter()
    result = lift_sites(read[0], shared / "data/hg38/hg38ToHg19.over.chain.gz")
    assert time.perf_counter() - started < 60
    assert result.n_lifted / result.n_in > 0.997
    # Every site of the published file is among ours; it leaves out scaffolds and sites whose length changed.
    both = read[1].merge(result.sites, on=columns, how="left", indicator=True)
    assert (both["_merge"] == "both").all()


def test_file_keeps_further_columns_and_turns_the_strand(tmp_path: Path) -> None:
    chain = tmp_path / "a.over.chain"
    chain.write_text("chain 1 chr1 1000 + 0 100 chr1 900 - 0 100 1\n100\n\n")
    bed = tmp_path / "in.bed"
    bed.write_text("#note\nchr1\t10\t20\tCTCF\t7.5\t+\tK562\nchr1\t400\t410\tCTCF\t1\t+\tK562\n")
    result = lift_file(bed, chain, tmp_path / "out.bed")
    assert (result.n_in, result.n_lifted, result.n_lost) == (2, 1, 1)
    assert (tmp_path / "out.bed").read_text() == "chr1\t880\t890\tCTCF\t7.5\t-\tK562\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chr1\t10\n", "three tab-separated"),
        ("chr1\t10\tabc\n", "'abc'"),
        ("chr1\t400\t410\n", "could be lifted"),
    ],
)
def test_file_that_cannot_be_lifted_writes_nothing(tmp_path: Path, text: str, words: str) -> None:
    chain = tmp_path / "a.over.chain"
    chain.write_text("chain 1 chr1 1000 + 0 100 chr1 900 - 0 100 1\n100\n\n")
    (tmp_path / "in.bed").write_text(text)
    with pytest.raises(ValueError, match=words):
        lift_file(tmp_path / "in.bed", chain, tmp_path / "out.bed")
    assert not (tmp_path / "out.bed").exists()


@pytest.fixture
def reverse_and_long(tmp_path: Path) -> Path:
    """chr1 to the reverse strand (base b becomes 899 - b); chr2 with 5 bases inserted at 100."""
    path = tmp_path / "b.over.chain"
    path.write_bytes(
        b"\xef\xbb\xbfchain 1 chr1 1000 + 0 100 chr1 900 - 0 100 1\r\n100\r\n\r\n"
        b"chain 1 chr2 1000 + 0 200 chr2 2000 + 0 205 2\r\n100\t0\t5\r\n100\r\n\r\n"
    )
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # narrowPeak: the base 3 from the start is the base 6 from the end of ten; -1 stays
        ("chr1 10 20 p 1 . 7.5 1 1 3", "chr1 880 890 p 1 . 7.5 1 1 6"),
        ("chr1 10 20 p 1 . 7.5 1 1 -1", "chr1 880 890 p 1 . 7.5 1 1 -1"),
        ("chr2 40 60 p 1 . 7.5 1 1 3", "chr2 40 60 p 1 . 7.5 1 1 3"),
        ("chr2 60 160 p 1 + 70 150 0", "chr2 60 165 p 1 + 70 150 0"),
        ("chr1 10 20 p 1 + 12 15 0", "chr1 880 890 p 1 - 885 888 0"),
        ("chr1 10 20 p 1 + 10 20 0 2 3,4 0,6", "chr1 880 890 p 1 - 880 890 0 2 4,3 0,7"),
        ("chr1 10 20 p 1 + 10 20 0 2 3,4, 0,6,", "chr1 880 890 p 1 - 880 890 0 2 4,3 0,7"),
        ('chr1 10 20 "MAX" 1 +', 'chr1 880 890 "MAX" 1 -'),
        ("chr1 10 20 p 1 + 7.5 2.5 1.5", "chr1 880 890 p 1 - 7.5 2.5 1.5"),  # broadPeak: no places
    ],
)
def test_places_in_further_columns_move_along(reverse_and_long: Path, tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "in.bed").write_text(before.replace(" ", "\t"))
    lift_file(tmp_path / "in.bed", reverse_and_long, tmp_path / "out.bed")
    assert (tmp_path / "out.bed").read_text() == after.replace(" ", "\t") + "\n"


def test_rows_whose_blocks_no_longer_fit_are_lost_and_counted(reverse_and_long: Path, tmp_path: Path) -> None:
    rows = ["chr2 60 160 p 1 + 60 160 0 2 3,4 0,96", "chr2 10 20 q 1 + 10 20 0 2 3,4 0,6"]
    (tmp_path / "in.bed").write_text("\n".join(rows).replace(" ", "\t"))
    result = lift_file(tmp_path / "in.bed", reverse_and_long, tmp_path / "out.bed.gz")
    assert (result.n_in, result.n_lifted, result.n_lost, result.lost_by_reason["length_changed"]) == (2, 1, 1, 1)
    assert gzip.decompress((tmp_path / "out.bed.gz").read_bytes()).decode() == rows[1].replace(" ", "\t") + "\n"
