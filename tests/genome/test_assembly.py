from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from decode.genome.assembly import Assembly, get_assembly


@pytest.mark.parametrize(
    ("names", "canonical", "chrom", "length"),
    [
        # lengths of chromosomes as published by the Genome Reference Consortium
        (("hg19", "GRCh37", "grch37.p13", " HG19 "), "hg19", "chr1", 249_250_621),
        (("hg38", "GRCh38", "GRCH38.p14"), "hg38", "chr1", 248_956_422),
        (("mm10", "GRCm38", "GRCm38.p6"), "mm10", "chr1", 195_471_971),
        (("mm39", "GRCm39"), "mm39", "chr1", 195_154_279),
    ],
)
def test_shipped_builds(names: tuple[str, ...], canonical: str, chrom: str, length: int) -> None:
    for name in names:
        assembly = get_assembly(name)
        assert assembly.name == canonical
        assert assembly.sizes[chrom] == length
        assert {"chrX", "chrY", "chrM"} <= set(assembly.sizes)


def test_shipped_builds_hold_all_chromosomes_and_scaffolds() -> None:
    assert [len(get_assembly(name).sizes) for name in ("hg19", "hg38", "mm10", "mm39")] == [84, 195, 66, 61]
    hg38 = get_assembly("hg38")
    assert sum(hg38.is_main(chrom) for chrom in hg38.sizes) == 26  # 22, X, Y, M and EBV


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("chr1", "chr1"), ("1", "chr1"), ("Chr1", "chr1"), ("CHRX", "chrX"), ("x", "chrX"), ("MT", "chrM"),
        ("M", "chrM"), ("chrMT", "chrM"), ("NC_000021.8", "chr21"), ("GL000191.1", "chr1_gl000191_random"),
        ("chr23", None), ("", None), ("chr", None),
    ],
)  # fmt: skip
def test_chromosome_styles(given: str, wanted: str | None) -> None:
    assert get_assembly("hg19").resolve(given) == wanted


def test_offsets_are_one_axis() -> None:
    assembly = Assembly("toy", {"chr2": 10, "chr1": 30})
    assert assembly.offsets == {"chr2": 0, "chr1": 10}
    assert assembly.length_bp == 40


def test_same_build_is_equal_and_survives_pickling() -> None:
    assembly = get_assembly("GRCh38")
    assert assembly == get_assembly("hg38")
    assert hash(assembly) == hash(get_assembly("hg38"))
    assert assembly != get_assembly("hg19")
    assert pickle.loads(pickle.dumps(assembly)).resolve("MT") == "chrM"


def test_user_genome_with_plain_names(tmp_path: Path) -> None:
    path = tmp_path / "toy.fai"
    path.write_text("# a comment\n1\t1000\t3\t60\t61\nMT 16000\n\nscaffold_1\t50\n")
    assembly = get_assembly("toy", path)
    assert assembly.name == "toy"
    assert dict(assembly.sizes) == {"1": 1000, "MT": 16000, "scaffold_1": 50}
    assert assembly.resolve("chr1") == "1"
    assert assembly.resolve("chrM") == "MT"
    assert assembly.is_main("scaffold_1")


def test_user_sizes_of_a_known_build_must_agree(tmp_path: Path) -> None:
    path = tmp_path / "sizes"
    path.write_text("chr21\t48129895\nchrM\t16569\nchr_mine\t7\n")
    assembly = get_assembly("GRCh37", path)
    assert assembly.name == "hg19"
    assert list(assembly.sizes) == ["chr21", "chrM", "chr_mine"]
    with pytest.raises(ValueError, match=r"not those of build hg38: chr21 48129895 \(not 46709983\)"):
        get_assembly("hg38", path)


@pytest.mark.parametrize("build", ["hg99", "", "human"])
def test_unknown_build(build: str) -> None:
    with pytest.raises(ValueError, match="build"):
        get_assembly(build)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\n", "line 1"), ("chr1\tlong\n", "line 1"), ("chr1\t0\n", "line 1"), ("chr1\t-5\n", "line 1"),
        ("chr1\t5\nchr1\t6\n", "line 2 names chr1 a second time"), ("# nothing\n", "names no chromosome"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_bad_sizes_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "sizes"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        get_assembly("toy", path)


def test_missing_sizes_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        get_assembly("toy", tmp_path / "absent")


def test_assembly_needs_chromosomes_with_a_length() -> None:
    with pytest.raises(ValueError, match="has no chromosome"):
        Assembly("toy", {})
    with pytest.raises(ValueError, match="above 0"):
        Assembly("toy", {"chr1": 0})
