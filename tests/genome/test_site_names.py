from __future__ import annotations

from pathlib import Path

import pytest

from decode.genome.assembly import Assembly
from decode.genome.site_block import SiteBlock
from decode.genome.site_readers import read_block
from decode.genome.site_sources import SiteSource

TOY = Assembly("toy", {"chr1": 1000})


def read(path: Path, text: str, kind: str = "TF", **options: object) -> SiteBlock:
    path.write_text(text)
    return read_block(SiteSource(kind, path, **options), path, TOY, stranded=kind == "RBP")


def sites(block: SiteBlock) -> list[tuple[str, str, int, int]]:
    return [
        (block.regulators[track], block.biosamples[track], position, strand)
        for track, position, strand in zip(
            block.track.tolist(), block.position.tolist(), block.strand.tolist(), strict=True
        )
    ]


def test_eclip_peaks(tmp_path: Path) -> None:
    text = (
        "chr1\t1\t9\tAQR_K562_rep01\t1000\t-\nchr1\t5\t9\tHNRNPU_L1_HepG2_IDR\t1\t+\nchr1\t7\t9\tAQR_K562_rep02\t1\t-\n"
    )
    block = read(tmp_path / "a.bed", text, "RBP", format="eclip")
    assert sites(block) == [("AQR", "K562", 1, -1), ("HNRNPU_L1", "HepG2", 5, 1), ("AQR", "K562", 7, -1)]


def test_a_site_of_several_cells_counts_in_each(tmp_path: Path) -> None:
    text = "chr1\t1\t9\tCTCF:K-562,HeLa\t2\t.\nchr1\t5\t9\tMAX:HeLa\t1\t.\n"
    block = read(tmp_path / "a.bed", text, format="remap", min_score=1)
    assert sites(block) == [("CTCF", "K-562", 1, 0), ("CTCF", "HeLa", 1, 0), ("MAX", "HeLa", 5, 0)]
    assert block.counts["n_rows"] == 2
    block = read(tmp_path / "a.bed", "chr1\t1\t9\tGSE12.CTCF.K-562_IFN\t2\t.\n", format="remap")
    assert (block.regulators, block.biosamples) == (["CTCF"], ["K-562_IFN"])


def test_chip_atlas(tmp_path: Path) -> None:
    text = 'track name="all"\nchr1\t1\t9\tID=SRX1;Name=NKX2-5%20(@%20K-562);Title=x;\t9\t.\n'
    block = read(tmp_path / "a.bed", text, format="chip-atlas")
    assert (block.regulators, block.biosamples) == (["NKX2-5"], ["K-562"])


def test_postar3_is_known_by_its_columns(tmp_path: Path) -> None:
    text = "chr1\t1\t9\thuman_RBP_CLIPdb_0\t+\tBUD13\teCLIP\tK562\tSRX4\t3.3\n"
    block = read(tmp_path / "a.txt", text + text.replace("+\tBUD13", "-\tAQR"), "RBP")
    assert sites(block) == [("BUD13", "K562", 1, 1), ("AQR", "K562", 1, -1)]


def test_quotes_around_names_are_no_part_of_them(tmp_path: Path) -> None:
    assert read(tmp_path / "a.bed", 'chr1\t1\t9\t"CTCF"\t2\nchr1\t3\t9\tCTCF\t2\n').regulators == ["CTCF"]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("AQR_K562_rep01", "--format TF=eclip"),
        ("CTCF:K-562", "--format TF=remap"),
        ("ID=SRX1;Name=CTCF%20(@%20K-562);", "--format TF=chip-atlas"),
        ("treatment=dex", "into a column of its own"),
    ],
)
def test_names_that_hold_more_are_refused_with_the_way_out(tmp_path: Path, name: str, way: str) -> None:
    with pytest.raises(ValueError, match=f"name more than a regulator.*{way}"):
        read(tmp_path / "a.bed", f"chr1\t1\t9\t{name}\t2\n")


def test_names_of_another_form(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the name 'CTCF' is not as format eclip has it \(AQR_K562_rep01\)"):
        read(tmp_path / "a.bed", "chr1\t1\t9\tCTCF\t2\n", format="eclip")
    assert read(tmp_path / "a.bed", "chr1\t1\t9\tMAX::MYC\t2\n").regulators == ["MAX::MYC"]
