from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from decode.genome.assembly import Assembly
from decode.genome.signals import SignalReader, SignalSource, SignalTrack, signal_tracks

pyBigWig = pytest.importorskip("pyBigWig", reason="extra bigwig is not installed")

ASSEMBLY = Assembly("toy", {"chr1": 1000, "chr2": 500, "chrM": 100, "chrUn_1": 50})


def bigwig(path: Path, sizes: dict[str, int], *spans: tuple[str, int, int, float]) -> Path:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, start, end, value in spans:
            file.addEntries([chrom], [start], ends=[end], values=[value])
    return path


def test_values_and_chromosomes(tmp_path):
    sizes = {"1": 1000, "chrMT": 101, "chrX": 50}
    path = bigwig(tmp_path / "a.bw", sizes, ("1", 10, 12, 1.5), ("1", 13, 14, 2.0), ("chrMT", 0, 5, 9.0))
    with SignalReader(path, ASSEMBLY) as reader:
        np.testing.assert_array_equal(reader.read("chr1", 9, 15), np.array([0, 1.5, 1.5, 0, 2, 0], np.float32))
        np.testing.assert_array_equal(reader.read("chr2", 0, 3), [0, 0, 0])
        np.testing.assert_array_equal(reader.read("chrM", 0, 3), [0, 0, 0])  # the other version of the mitochondrion
        assert reader.counts == {"n_skipped_chromosome": 2, "absent_chromosomes": {"chr2": 1, "chrM": 1}}


def test_wrong_build_raises(tmp_path):
    with pytest.raises(ValueError, match="of another genome build than toy: 1 is 999 bp, chr1 of toy 1000; name"):
        SignalReader(bigwig(tmp_path / "a.bw", {"1": 999, "chr2": 500}, ("1", 0, 1, 1.0)), ASSEMBLY)
    with pytest.raises(ValueError, match="has no chromosome of toy: it has chrZ, the build chr1, chr2"):
        SignalReader(bigwig(tmp_path / "b.bw", {"chrZ": 10}, ("chrZ", 0, 1, 1.0)), ASSEMBLY)


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"signal .* does not exist"):
        SignalReader(tmp_path / "none.bw", ASSEMBLY)
    (tmp_path / "text.bw").write_text("chr1\t0\t10\t3\n")
    with pytest.raises(ValueError, match=r"text\.bw is no bigWig file, or damaged"):
        SignalReader(tmp_path / "text.bw", ASSEMBLY)
    path = bigwig(tmp_path / "inf.bw", {"chr1": 1000}, ("chr1", 5, 6, np.inf))
    with SignalReader(path, ASSEMBLY) as reader, pytest.raises(ValueError, match=r"infinite at chr1:5; correct"):
        reader.read("chr1", 0, 10)


def test_missing_library_says_what_to_install(tmp_path, monkeypatch):
    path = bigwig(tmp_path / "a.bw", {"chr1": 1000}, ("chr1", 5, 6, 1.0))
    original = builtins.__import__

    def without(name, *rest, **options):
        if name == "pyBigWig":
            raise ImportError(name)
        return original(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"needs the package pyBigWig; install it \(pip install .*bigwig"):
        SignalReader(path, ASSEMBLY)


class TestTracks:
    def test_one_file(self, tmp_path):
        path = bigwig(tmp_path / "H3K4me3.bigWig", {"chr1": 1000}, ("chr1", 5, 6, 1.0))
        assert signal_tracks(SignalSource("other", path, "promoter")) == [SignalTrack("H3K4me3", path, None)]

    def test_folder_with_a_stranded_pair(self, tmp_path, caplog):
        for name in ("b.bw", "GRO.plus.bw", "GRO.minus.bw", "a.v2.BW", "readme.txt", ".hidden.bw"):
            (tmp_path / name).write_text("x")
        tracks = signal_tracks(SignalSource("RBP", tmp_path))
        plus, minus = tmp_path / "GRO.plus.bw", tmp_path / "GRO.minus.bw"
        assert tracks == [
            SignalTrack("GRO", plus, minus),
            SignalTrack("a.v2", tmp_path / "a.v2.BW", None),
            SignalTrack("b", tmp_path / "b.bw", None),
        ]
        assert "4 signal files; 1 others ignored: readme.txt" in caplog.text
        assert signal_tracks(SignalSource("RBP", minus)) == tracks[:1]

    def test_faults(self, tmp_path):
        for name in ("sites.bed", "GRO.plus.bw", "a.bw", "a.bigWig"):
            (tmp_path / name).write_text("x")
        with pytest.raises(ValueError, match=r"sites\.bed is no \.bw or \.bigWig file"):
            signal_tracks(SignalSource("other", tmp_path / "sites.bed"))
        with pytest.raises(ValueError, match=r"one strand of a pair and GRO\.minus\.bw is not beside it"):
            signal_tracks(SignalSource("other", tmp_path / "GRO.plus.bw"))
        (tmp_path / "GRO.minus.bw").write_text("x")
        with pytest.raises(ValueError, match=r"two files of track a: a\.bigWig and a\.bw"):
            signal_tracks(SignalSource("other", tmp_path))
        (tmp_path / "empty").mkdir()
        with pytest.raises(ValueError, match=r"has no signal file: wanted \.bw or \.bigWig, found nothing"):
            signal_tracks(SignalSource("other", tmp_path / "empty"))
        with pytest.raises(FileNotFoundError, match=r"other signal .* does not exist"):
            signal_tracks(SignalSource("other", tmp_path / "none.bw"))
        with pytest.raises(ValueError, match="kind is 'histone'; choose one of"):
            SignalSource("histone", tmp_path)
