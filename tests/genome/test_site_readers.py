from __future__ import annotations

import gzip
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.genome import site_readers, site_text
from decode.genome.assembly import Assembly, get_assembly
from decode.genome.site_block import SiteBlock
from decode.genome.site_files import regulator_name
from decode.genome.site_readers import read_block
from decode.genome.site_sources import SiteSource, source_files

TOY = Assembly("toy", {"chr1": 1000, "chr2": 500, "chrM": 100})
BED6 = "chr1\t10\t30\tCTCF\t5\t+\nchr2\t0\t500\tREST\t7.5\t-\nchr1\t20\t40\tCTCF\t1e1\t.\n"


def write(path: Path, text: str | bytes) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path, text: str | bytes, *, kind: str = "TF", stranded: bool = False, **options: object) -> SiteBlock:
    write(path, text)
    return read_block(SiteSource(kind, path, **options), path, TOY, stranded=stranded)


def rows(block: SiteBlock) -> list[tuple[object, ...]]:
    return [
        (block.regulators[track], block.biosamples[track], position, length, strand)
        for track, position, length, strand in zip(
            block.track.tolist(), block.position.tolist(), block.length.tolist(), block.strand.tolist(), strict=True
        )
    ]


# --- numbers of a block


@pytest.mark.parametrize("name", ["sites.bed", "sites.bed.gz", "sites.txt"])
def test_one_file_names_the_regulator_in_column_4(tmp_path: Path, name: str) -> None:
    block = read(tmp_path / name, BED6)
    assert rows(block) == [("CTCF", "", 10, 20, 0), ("REST", "", 1000, 500, 0), ("CTCF", "", 20, 20, 0)]
    assert (block.regulators, block.track.tolist()) == (["CTCF", "REST"], [0, 1, 0])
    assert [array.dtype for array in block[2:6]] == [np.int32, np.int64, np.int32, np.int8]
    left_out = {
        "n_skipped_chromosome": 0, "skipped_chromosomes": {}, "n_below_score": 0, "n_clipped_at_chromosome_end": 0,
        "n_regulators_left_out": 0,
    }  # fmt: skip
    assert block.counts == {"n_rows": 3, **left_out}


def test_strand_is_read_only_where_it_is_needed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    block = read(tmp_path / "sites.bed", BED6, stranded=True)
    assert block.strand.tolist() == [1, -1, 0]
    assert block.counts["n_without_strand"] == 1
    assert [record.message for record in caplog.records if "no strand" in record.message] == [
        f"TF sites {tmp_path}/sites.bed: 1 of 3 sites have no strand and match both"
    ]
    assert read(tmp_path / "sites.bed", BED6.replace("\t+\n", "\twhat\n")).strand.tolist() == [0, 0, 0]


def test_biosamples_make_tracks_of_their_own(tmp_path: Path) -> None:
    named = [("A", "K562"), ("B", "K562"), ("A", "HepG2"), ("A", ""), ("A", ".")]
    text = "".join(f"chr1\t{i}\t{i + 1}\t{name}\t0\t.\t{cell}\n" for i, (name, cell) in enumerate(named))
    block = read(tmp_path / "sites.bed", text, biosample_column=7)
    assert [row[:2] for row in rows(block)] == [*named[:4], ("A", "")]
    assert len(set(zip(block.regulators, block.biosamples, strict=True))) == len(block.regulators) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CTCF.bed", "chr1\t10\t30\n"),
        ("CTCF.bed.gz", "chr1 10 30\n"),
        ("CTCF.bed", "chr1\t10\t30\t.\t0\t.\n"),
        ("CTCF.bed", "chr1\t10\t30\t\n"),
        ("CTCF.narrowPeak", "chr1\t10\t30\tpeak1\t0\t.\t1\t2\t3\t4\n"),
        ("CTCF.broadPeak.gz", "chr1\t10\t30\tpeak1\t0\t.\t1\t2\t3\n"),
    ],
)
def test_a_file_without_regulators_is_named_by_its_stem(tmp_path: Path, name: str, text: str) -> None:
    assert rows(read(tmp_path / name, text)) == [("CTCF", "", 10, 20, 0)]


def test_lines_that_hold_no_row_are_skipped(tmp_path: Path) -> None:
    lines = [
        "#chrom start",
        "browser position chr1:1-2",
        'track name="a b"',
        "",
        "  ",
        "chr1\t10\t30\tA",
        "# later",
        "track",
    ]
    text = "\n".join([*lines, "chr1\t40\t50\tA"])
    assert rows(read(tmp_path / "a.bed", text)) == [("A", "", 10, 20, 0), ("A", "", 40, 10, 0)]


def test_chromosomes_that_begin_like_track_are_rows(tmp_path: Path) -> None:
    assembly = Assembly("odd", {"track1": 100, "b": 100})
    path = write(tmp_path / "a.bed", "track1\t1\t2\nb\t3\t4\n")
    assert read_block(SiteSource("TF", path), path, assembly, stranded=False).position.tolist() == [1, 103]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("gap", ["\t", " ", "   "])
def test_separators_and_line_ends(tmp_path: Path, gap: str, end: str) -> None:
    text = end.join(gap.join(line.split("\t")) for line in BED6.splitlines()) + end
    assert rows(read(tmp_path / "a.bed", text, stranded=True)) == rows(read(tmp_path / "b.bed", BED6, stranded=True))


def test_blanks_inside_a_tabbed_column_belong_to_it(tmp_path: Path) -> None:
    assert read(tmp_path / "a.bed", "chr1\t1\t2\tHLA DR\n").regulators == ["HLA DR"]


def test_chromosome_styles_are_unified(tmp_path: Path) -> None:
    assert read(tmp_path / "a.bed", "1\t1\t2\tA\nMT\t1\t2\tA\nchr2\t0\t1\tA\n").position.tolist() == [1, 1501, 1000]


def test_the_compiled_pass_and_the_slow_one_agree_on_what_a_row_is() -> None:
    lines = [
        "#a",
        "track",
        "tracks 1 2",
        "track x",
        " track 1 2",
        "browser\tx",
        "b 1 2",
        "",
        " ",
        "\t",
        "\r",
        "c 1 2\r",
        " #d 1 2",
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    slow = [line for _, line in site_text.data_lines(text)]
    assert slow == [b"tracks 1 2", b" track 1 2", b"b 1 2", b"c 1 2", b" #d 1 2"]
    found = site_text.scan(text, {site_text.CHROM: 0, site_text.START: 1, site_text.END: 2}, is_tab=False)
    assert (len(found.start), found.error, found.n_lines) == (len(slow), site_text.FINE, len(lines))


def test_utf8_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path / "a.bed", b"\xef\xbb\xbfchr1\t1\t2\tNF-\xce\xbaB\n").regulators == ["NF-κB"]


def test_blocks_of_text_give_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    start = rng.integers(0, 400, 300)
    chrom, name, cell = rng.integers(1, 4, 300), rng.integers(0, 9, 300), rng.integers(0, 3, 300)
    text = "".join(
        f"chr{chrom[i]}\t{start[i]}\t{start[i] + 5}\tR{name[i]}\t{i / 7:.3f}\t{'+-.'[i % 3]}\tcell{cell[i]}\n"
        for i in range(300)
    )
    options = {"stranded": True, "biosample_column": 7, "min_score": 11.5}
    whole = read(tmp_path / "a.bed", text, **options)
    for size in (40, 333):
        monkeypatch.setattr(site_readers, "BLOCK_BYTES", size)
        for path in (tmp_path / "a.bed", tmp_path / "a.bed.gz"):
            split = read(path, text, **options)
            assert rows(split) == rows(whole)
            assert split.counts == whole.counts
    expected = [i for i in range(300) if chrom[i] < 3 and round(i / 7, 3) >= 11.5]
    assert whole.position.tolist() == [int(start[i]) + 1000 * (int(chrom[i]) - 1) for i in expected]
    assert [row[:2] for row in rows(whole)] == [(f"R{name[i]}", f"cell{cell[i]}") for i in expected]
    assert whole.counts["skipped_chromosomes"] == {"chr3": int((chrom == 3).sum())}


def test_many_names_fit_into_the_table_of_names(tmp_path: Path) -> None:
    text = "".join(f"chr1\t{i % 900}\t{i % 900 + 1}\tname{i % 3000}\n" for i in range(9000))
    block = read(tmp_path / "a.bed", text)
    assert block.regulators == [f"name{i}" for i in range(3000)]
    assert block.track.tolist() == [i % 3000 for i in range(9000)]


def test_more_names_than_the_table_holds_are_refused(tmp_path: Path) -> None:
    n = site_text.MAX_NAMES + 10
    with pytest.raises(ValueError, match=r"more than 262\d+ different names"):
        read(tmp_path / "a.bed", "".join(f"chr1\t1\t2\tname{i}\n" for i in range(n)))


# --- formats


def test_gtrd_meta_clusters(tmp_path: Path) -> None:
    header = "#CHROM\tSTART\tEND\tsummit\tuniprotId\ttfTitle\tcell.set\ttreatment.set\texp.set\n"
    text = "chr1\t10\t30\t5\tP1\tSS18/SSX1\tHeLa cells;K562\tno\tE1\nchrMT\t1\t9\t2\tP2\tAR\tLNCaP\t\tE2\n"
    expected = [("SS18/SSX1", "", 10, 20, 0), ("AR", "", 1501, 8, 0)]
    assert rows(read(tmp_path / "a.interval.gz", header + text)) == expected
    assert rows(read(tmp_path / "b.interval", header[1:] + text)) == expected
    assert read(tmp_path / "a.interval", header + text, biosample_column=7).biosamples == ["HeLa cells;K562", "LNCaP"]
    with pytest.raises(ValueError, match=r"without strand \(gtrd\)"):
        read(tmp_path / "a.interval", header + text, stranded=True)
    with pytest.raises(ValueError, match="needs score_column"):
        read(tmp_path / "a.interval", header + text, min_score=3)
    with pytest.raises(ValueError, match=r"lack the column.s. tftitle"):
        read(tmp_path / "a.interval", header.replace("tfTitle", "tf") + text, format="gtrd")


def test_postar_table(tmp_path: Path) -> None:
    text = (
        "chr1\t10\t30\thuman_RBP_1\t0\t+\tTIA1\tHITS-CLIP,CIMS\tHeLa\tGSE1\t0.5\n"
        "chr1\t50\t60\thuman_RBP_2\t0\t-\tAQR\teCLIP\tK562\tENCSR1\t7\n"
    )
    path = tmp_path / "human_RBP_binding_sites.txt"
    block = read(path, text, kind="RBP", stranded=True, biosample_column=9)
    assert rows(block) == [("TIA1", "HeLa", 10, 20, 1), ("AQR", "K562", 50, 10, -1)]
    kept = read(path, text, kind="RBP", stranded=True, min_score=1)
    assert rows(kept) == [("AQR", "", 50, 10, -1)]
    assert (kept.counts["n_below_score"], kept.counts["n_regulators_left_out"]) == (1, 1)


def test_targetscan_names(tmp_path: Path) -> None:
    text = "chr1\t10\t18\tTP53:miR-125-5p\t90\t-\nchr1\t20\t28\tMYC:miR-124-3p.1/506\t-1\t+\n"
    expected = [("miR-125-5p", "", 10, 8, -1), ("miR-124-3p.1/506", "", 20, 8, 1)]
    assert rows(read(tmp_path / "a.bed", text, kind="miRNA", stranded=True)) == expected
    assert rows(read(tmp_path / "a.bed", text, kind="other", stranded=True, format="targetscan")) == expected
    assert read(tmp_path / "a.bed", text, kind="other").regulators == ["TP53:miR-125-5p", "MYC:miR-124-3p.1/506"]
    assert read(tmp_path / "a.bed", text, kind="miRNA", format="bed").regulators[0] == "TP53:miR-125-5p"
    with pytest.raises(ValueError, match=r"line 3 .* has the name 'miR-9'; wanted GENE:family"):
        read(tmp_path / "a.bed", text + "chr1\t10\t18\tmiR-9\t0\t+\n", kind="miRNA")


def test_scores(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    block = read(tmp_path / "a.bed", BED6, min_score=7.5)
    assert rows(block) == [("REST", "", 1000, 500, 0), ("CTCF", "", 20, 20, 0)]
    assert block.counts["n_below_score"] == 1
    assert "1 of 3 rows score below 7.5" in caplog.text
    peaks = "chr1\t1\t2\t.\t0\t.\t3.5\t-1\t2\t4\nchr1\t5\t6\t.\t0\t.\t-inf\t-1\t2\t4\n"
    assert read(tmp_path / "A.narrowPeak", peaks, min_score=3, score_column=7).position.tolist() == [1]
    with pytest.raises(ValueError, match="no row scores 11 or more"):
        read(tmp_path / "a.bed", BED6, min_score=11)
    for text in ("ENST1", "", "nan", "."):
        with pytest.raises(ValueError, match=rf"line 1 .*score '{text}' in column 5 is not a number"):
            read(tmp_path / "a.bed", f"chr1\t1\t2\tA\t{text}\t+\n", min_score=0)
    with pytest.raises(ValueError, match="more than 40 characters"):
        read(tmp_path / "a.bed", f"chr1\t1\t2\tA\t1.{'0' * 50}\t+\n", min_score=0)


def test_a_file_of_a_folder_may_lie_wholly_below_the_score(tmp_path: Path) -> None:
    write(tmp_path / "A.bed", "chr1\t1\t2\tx\t1\n")
    block = read_block(SiteSource("TF", tmp_path, min_score=5), tmp_path / "A.bed", TOY, stranded=False)
    assert (block.regulators, len(block.position)) == (["A"], 0)


# --- faults, each with its line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t1\t2\tA\nchr1\t-5\t20\tA\n", r"line 2 \('chr1 -5 20 A'\): the start is negative"),
        ("#x\n\nchr1\t20\t20\tA\n", r"line 3 \('chr1 20 20 A'\): the start is not below the end"),
        (
            "chr1\t1\t1000\tA\nchr1\t990\t1201\tA\n",
            r"line 2 .*beyond chr1 of toy \(1000 bp\).*another genome build.*lift",
        ),
        ("chr1\t1\t2\tA\nchr1\tten\t20\tA\n", r"line 2 .*start 'ten' is not a whole number; correct"),
        ("chrom\tstart\tend\tname\nchr1\t1\t2\tA\n", r"line 1 .*start 'start' is not a whole number; put a # before"),
        ("chr1\t1\t2.5\tA\n", r"line 1 .*end '2.5' is not a whole number"),
        ("chr1\t1\t\tA\n", r"line 1 .*end '' is not a whole number"),
        ("chr1\t1\t99999999999999999999\tA\n", r"line 1 .*end '9999.*' is not a whole number"),
        ("chr1\t1\t2\tA\nchr1\t1\n", r"line 2 .*has 2 column\(s\) and lacks column 3 \(end\), column 4 \(regulator\)"),
        ("chr1\t1\t2\tA\nchr1\t1\t2\t.\n", r"line 2 .*names no regulator"),
        ("chr1\t1\t2\tA\nchr1\t1\t2\t\n", r"line 2 .*names no regulator"),
        ("chr9\t1\t2\tA\nchrUn\t1\t2\tA\n", r"none of its 2 rows lies on a chromosome of toy; it has chr9, chrUn"),
        ("# nothing\n\n", "hold no row"),
        ("\n\n\n", "holds no text"),
        ("", "is empty"),
        (b"chr1\t1\t2\t\xff\xfe\n", "not UTF-8"),
        (b"\x00\x01\x02binary\xff", "is a binary file"),
        (b"PK\x03\x04...", "zip archive or a spreadsheet; unpack it"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1 << 20, 15])
def test_faults_are_named(
    tmp_path: Path, text: str | bytes, message: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_readers, "BLOCK_BYTES", block_bytes)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "sites.bed", text)


def test_rows_with_the_same_fault_are_counted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2 .*\(\+1 more such rows\): the start is not below the end"):
        read(tmp_path / "a.bed", "chr1\t1\t2\tA\nchr1\t30\t20\tA\nchr1\t30\t30\tA\n")


def test_strand_faults(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 1 .*lacks column 6 \(strand\); strand is needed here"):
        read(tmp_path / "a.bed", "chr1\t1\t2\tA\n", stranded=True)
    with pytest.raises(ValueError, match=r"line 2 .*has the strand '1' in column 6; wanted \+, - or \."):
        read(tmp_path / "a.bed", "chr1\t1\t2\tA\t0\t+\nchr1\t1\t2\tA\t0\t1\n", stranded=True)
    assert read(tmp_path / "a.bed", "chr1\t1\t2\tA\t0\t*\n", stranded=True).strand.tolist() == [0]


def test_a_biosample_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 1 .*has 6 column\(s\) and lacks column 7 \(biosample\)"):
        read(tmp_path / "a.bed", BED6, biosample_column=7)


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_truncated_gzip(tmp_path: Path, keep: float) -> None:
    rng = np.random.default_rng(0)
    content = gzip.compress("".join(f"chr1\t{i}\t{i + 1}\tA\n" for i in rng.integers(0, 900, 5000)).encode())
    (tmp_path / "a.bed.gz").write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match="truncated or damaged gzip"):
        read_block(SiteSource("TF", tmp_path / "a.bed.gz"), tmp_path / "a.bed.gz", TOY, stranded=False)


def test_bgzip_files_of_several_members(tmp_path: Path) -> None:
    lines = BED6.splitlines(keepends=True)
    (tmp_path / "a.bed.gz").write_bytes(b"".join(gzip.compress(line.encode()) for line in lines))
    block = read_block(SiteSource("TF", tmp_path / "a.bed.gz"), tmp_path / "a.bed.gz", TOY, stranded=False)
    assert len(block.position) == 3


def test_unknown_chromosomes_are_skipped_counted_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "chr1\t1\t2\tA\nchrUn_1\t1\t99999\tB\nHLA*1\t1\t2\tA\nchrUn_1\t5\t6\tA\n"
    block = read(tmp_path / "a.bed", text)
    assert rows(block) == [("A", "", 1, 1, 0)]
    assert block.counts["skipped_chromosomes"] == {"chrUn_1": 2, "HLA*1": 1}
    assert (block.counts["n_skipped_chromosome"], block.counts["n_regulators_left_out"]) == (3, 1)
    assert "3 of 4 rows lie on chromosomes that toy lacks and are skipped: chrUn_1, HLA*1" in caplog.text


def test_names_of_peaks_are_not_taken_for_regulators(tmp_path: Path) -> None:
    text = "".join(f"chr1\t{i}\t{i + 1}\tpeak_{i}\n" for i in range(200))
    with pytest.raises(ValueError, match=r"column 4 holds 200 names in 200 rows .*names of sites"):
        read(tmp_path / "a.bed", text)
    block = read_block(SiteSource("TF", tmp_path), tmp_path / "a.bed", TOY, stranded=False)
    assert block.regulators == ["a"]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_block(SiteSource("TF", tmp_path / "no.bed"), tmp_path / "no.bed", TOY, stranded=False)


# --- sources


def test_files_of_a_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted = ["A.bed", "B.bed.gz", "C.narrowPeak", "D.v2.broadPeak.gz"]
    for name in [*wanted, "a.bedGraph", "b.bed.gz.tbi", "c.bed.bak", "README.txt", ".hidden.bed", "e.BED"]:
        write(tmp_path / name, "chr1\t1\t2\n")
    (tmp_path / "folder.bed").mkdir()
    source = SiteSource("TF", tmp_path)
    files = source_files(source)
    assert [path.name for path in files] == wanted
    assert [regulator_name(path) for path in files] == ["A", "B", "C", "D.v2"]
    assert "4 files of sites; 6 others ignored: README.txt, a.bedGraph" in caplog.text
    assert read_block(source, files[3], TOY, stranded=False).regulators == ["D.v2"]


def test_one_file_is_a_source_whatever_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "sites.dat", BED6)
    assert source_files(SiteSource("TF", path)) == [path]


def test_folders_of_other_formats(tmp_path: Path) -> None:
    write(tmp_path / "part1.interval.gz", "#CHROM\tSTART\tEND\ttfTitle\nchr1\t1\t2\tAR\n")
    source = SiteSource("TF", tmp_path, format="gtrd")
    assert read_block(source, *source_files(source), TOY, stranded=False).regulators == ["AR"]


@pytest.mark.parametrize("names", [("CTCF.bed", "CTCF.bed.gz"), ("CTCF.bed", "CTCF.narrowPeak")])
def test_two_files_of_one_regulator(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        write(tmp_path / name, "chr1\t1\t2\n")
    with pytest.raises(ValueError, match=r"several files of one regulator: CTCF.bed and CTCF"):
        source_files(SiteSource("TF", tmp_path))


def test_folders_without_sites_and_missing_paths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no file of TF sites.*found nothing"):
        source_files(SiteSource("TF", tmp_path))
    write(tmp_path / "a.bedGraph", "chr1\t1\t2\t3\n")
    with pytest.raises(ValueError, match=r"has no file of TF sites: wanted \.bed.*found a\.bedGraph"):
        source_files(SiteSource("TF", tmp_path))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        source_files(SiteSource("TF", tmp_path / "none"))
    with pytest.raises(ValueError, match="is empty"):
        source_files(SiteSource("TF", write(tmp_path / "e.bed", "")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "tf"}, "kind is 'tf'"),
        ({"format": "gff"}, "format is 'gff'"),
        ({"biosample_column": 3}, "biosample_column is 3"),
        ({"biosample_column": "7"}, "biosample_column is '7'"),
        ({"score_column": True}, "score_column is True"),
        ({"min_score": float("nan")}, "min_score is nan"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SiteSource(**{"kind": "TF", "path": "x", **options})


def test_default_regions() -> None:
    assert [SiteSource(kind, "x").region for kind in ("TF", "RBP", "miRNA", "other")] == ["promoter", "rna", "rna", ""]
    assert SiteSource("TF", "x", region="enhancer").region == "enhancer"


@pytest.mark.real_data
def test_real_files(shared: Path) -> None:
    folder, hg19 = shared / "data" / "hg19", get_assembly("hg19")
    for kind, name, column, stranded, n_sites, n_tracks in (
        ("TF", "tf_chip_encode_by_cell", 7, False, 3_262_876, 245),
        ("RBP", "rbp_eclip_encode", 7, True, 935_909, 244),
        ("miRNA", "mirna_miranda", None, True, 662_664, 694),
    ):
        source = SiteSource(kind, folder / f"{name}.bed.gz", biosample_column=column)
        block = read_block(source, source.path, hg19, stranded=stranded)
        assert (len(block.position), len(block.regulators)) == (n_sites, n_tracks)
        assert block.counts["n_rows"] == n_sites
        assert (np.abs(block.strand) == stranded).all()


@pytest.mark.real_data
def test_a_real_file_agrees_with_pandas(shared: Path) -> None:
    path, hg19 = shared / "data" / "hg19" / "rbp_eclip_encode.bed.gz", get_assembly("hg19")
    block = read_block(SiteSource("RBP", path, biosample_column=7, min_score=4), path, hg19, stranded=True)
    names = ["chrom", "start", "end", "regulator", "score", "strand", "cell"]
    table = pd.read_csv(path, sep="\t", header=None, names=names)
    table = table[table["score"] >= 4]
    np.testing.assert_array_equal(block.position, table["start"] + table["chrom"].map(hg19.offsets))
    np.testing.assert_array_equal(block.length, table["end"] - table["start"])
    np.testing.assert_array_equal(block.strand, table["strand"].map({"+": 1, "-": -1}))
    np.testing.assert_array_equal(np.array(block.regulators)[block.track], table["regulator"])
    np.testing.assert_array_equal(np.array(block.biosamples)[block.track], table["cell"])


@pytest.mark.real_data
def test_sites_of_another_build_lie_beyond_chromosomes(shared: Path) -> None:
    path = shared / "data" / "hg38" / "rbp_eclip_encode.bed.gz"
    with pytest.raises(ValueError, match=r"line \d+ .*beyond chr\w+ of hg19 .*another genome build"):
        read_block(SiteSource("RBP", path), path, get_assembly("hg19"), stranded=True)


def test_a_few_sites_past_the_end_are_clipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "chr1\t10\t30\tA\nchr1\t990\t1008\tA\n"
    block = read(tmp_path / "sites.bed", text)
    assert (block.position.tolist(), block.length.tolist()) == ([10, 990], [20, 10])
    assert block.counts["n_clipped_at_chromosome_end"] == 1
    assert "1 of 2 sites end at most 200 bp beyond their chromosome and are clipped: line 2" in caplog.text
    with pytest.raises(ValueError, match=r"line 2 .* and 3 more of 5 rows end beyond .*another genome build.*lift"):
        read(tmp_path / "sites.bed", text + text.splitlines(keepends=True)[1] * 3)
    with pytest.raises(ValueError, match="beyond chr1 of toy"):
        read(tmp_path / "sites.bed", "chr1\t990\t1300\tA\n")


def test_a_column_of_cells_that_nobody_named_is_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "".join(f"chr1\t{i}\t{i + 1}\tA\t0\t.\t0,0,255\t{('K562', 'HepG2')[i % 2]}\n" for i in range(10))
    read(tmp_path / "sites.bed", text)
    assert "column 8 (K562, HepG2) looks like cells or tissues" in caplog.text
    assert "--biosample-column TF=8" in caplog.text
    caplog.clear()
    read(tmp_path / "named.bed", text, biosample_column=8)
    read(tmp_path / "numbers.bed", BED6.replace("\n", "\t12\t0,0,0\n"))
    each = "".join(f"chr1\t{i}\t{i + 1}\tA\t0\t.\tpeak_{i}\n" for i in range(10))
    read(tmp_path / "peaks.bed", each)
    assert "looks like" not in caplog.text
