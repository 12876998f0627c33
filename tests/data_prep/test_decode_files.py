from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from data_prep.decode_files import _bins, convert_expression, convert_features, main, read_published
from data_prep.inert_pickle import Inert, read_pickled_table
from decode.expression.targets import read_targets
from decode.features.matrix import RegulatoryFeatures

# Five genes, written as the original does by pandas 0.24 (Python 2.7 and 3.6) and 2.2
PICKLES = Path(__file__).parent / "pickles"
WRITERS = ["py27", "py36", "pd22"]
GENES = [f"ENSG0000000000{number}" for number in range(1, 6)]
BINS = [3, 1, 4, 2, 5]
NAMES = ["exon", "miR-1", "miR-2", "miR-3"]
# bins of all genes x (bases of the bin, then of each regulator's sites)
MATRIX = [
    *([100, 0, 57, 0], [100, 0, 76, 0], [37, 0, 0, 46]),
    [38, 0, 0, 0],
    *([100, 0, 0, 0], [100, 0, 0, 0], [100, 0, 0, 0], [39, 0, 0, 0]),
    *([100, 0, 0, 0], [40, 0, 28, 0]),
    *([100, 0, 0, 0], [100, 0, 0, 0], [100, 0, 0, 25], [100, 0, 4, 0], [41, 0, 0, 0]),
]
EXPRESSION = pd.DataFrame(
    {
        "gene_id": GENES,
        "median_level": [0.041, -1.246, -0.316, -0.129, 0.352],
        "Liver": [-1.265, -2.325, -0.732, 0.412, 1.366],
        "Lung": [-0.623, -0.219, -0.544, 1.043, -0.665],
    }
)


@pytest.fixture(params=WRITERS)
def folder(request, tmp_path):
    """A folder with the tables of one writer under the original's names."""
    shutil.copy(PICKLES / f"{request.param}_features.pkl", tmp_path / "TargetScan.pkl")
    shutil.copy(PICKLES / f"{request.param}_expdata.pkl", tmp_path / "expdata.pkl")
    (tmp_path / "TargetScan_feature_name.txt.gz").write_bytes(gzip.compress(("\n".join(NAMES) + "\n").encode()))
    return tmp_path


def test_every_bin(folder):
    published = read_published(folder / "TargetScan.pkl")
    assert published.genes == GENES
    assert published.regulators == NAMES[1:]
    assert np.diff(published.offsets).tolist() == BINS
    np.testing.assert_array_equal(np.column_stack([published.length_bp, published.bases.toarray()]), np.array(MATRIX))


def test_features_and_targets(folder):
    out, targets = folder / "features.h5", folder / "targets.tsv"
    assert main(["features", "--rna", f"miRNA={folder / 'TargetScan.pkl'}", "--out", str(out)]) == 0
    features = RegulatoryFeatures.read(out)
    assert features.track_ids == ["rna|miRNA:miR-1", "rna|miRNA:miR-2", "rna|miRNA:miR-3"]
    matrix = np.array(MATRIX)
    stop = np.cumsum(BINS)
    lengths = [part[:, 0].sum() for part in np.split(matrix, stop[:-1])]
    assert features.genes["length_bp"].tolist() == lengths
    bound = [[(part[:, track] > 0).any() for part in np.split(matrix, stop[:-1])] for track in (1, 2, 3)]
    assert features.tracks["n_bound_genes"].tolist() == np.sum(bound, axis=1).tolist()
    assert main(["expression", str(folder / "expdata.pkl"), "--out", str(targets)]) == 0
    pd.testing.assert_frame_equal(read_targets(targets)[EXPRESSION.columns], EXPRESSION, check_dtype=False)


def test_two_tables_of_a_region_and_genes_of_an_annotation(folder):
    shutil.copy(folder / "TargetScan.pkl", folder / "POSTAR.pkl")
    shutil.copy(folder / "TargetScan_feature_name.txt.gz", folder / "POSTAR_feature_name.txt.gz")
    lines = []
    for number, strand in ((1, "+"), (2, "-")):
        text = f'gene_id "ENSG0000000000{number}.3"; transcript_id "T{number}"; gene_name "G{number}";'
        lines += [
            f"chr1\tx\t{kind}\t{number}001\t{number}500\t.\t{strand}\t.\t{text}\n" for kind in ("transcript", "exon")
        ]
    (folder / "a.gtf").write_text("".join(lines))
    tables = [f"RBP={folder / 'POSTAR.pkl'}", f"miRNA={folder / 'TargetScan.pkl'}"]
    arguments = ["features", "--rna", tables[0], "--rna", tables[1], "--annotation", str(folder / "a.gtf")]
    assert main([*arguments, "--out", str(folder / "f.h5")]) == 0
    features = RegulatoryFeatures.read(folder / "f.h5")
    assert features.tracks["kind"].tolist() == ["RBP"] * 3 + ["miRNA"] * 3
    assert features.genes["gene_name"].tolist() == ["G1", "G2", *GENES[2:]]
    assert features.genes["tss"].tolist() == [1000, 2499, 0, 0, 0]
    assert features.genes["chrom"].tolist() == ["chr1", "chr1", "unknown", "unknown", "unknown"]
    totals = features.totals()
    np.testing.assert_array_equal(totals[:, :3], totals[:, 3:])


def kept(values: np.ndarray) -> Inert:
    """What is kept of a pickled array."""
    dtype, array = type("Inert", (Inert,), {"name": "dtype"}), type("Inert", (Inert,), {"name": "_frombuffer"})
    return array(values.tobytes(), dtype(values.dtype.str[1:], 0, 1), values.shape, "C")


def cell_of(shape: tuple[int, int], data: object, indices: object, indptr: object) -> Inert:
    """What is kept of a pickled sparse matrix."""
    cell = Inert()
    arrays = {"data": data, "indices": indices, "indptr": indptr}
    cell.state = {"_shape": shape, **{name: kept(np.asarray(values)) for name, values in arrays.items()}}
    return cell


def test_a_last_bin_without_bases_is_left_out():
    assert _bins(cell_of((2, 2), [100.0, 7.0], [0, 0], [0, 1, 2]), 2, "x").toarray().tolist() == [[100, 7]]


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        (((2, 2), [100.5, 7.0], [0, 0], [0, 1, 2]), "no bases"),
        (((2, 2), [100.0, -7.0], [0, 0], [0, 1, 2]), "no bases"),
        (((2, 2), [100.0, np.nan], [0, 0], [0, 1, 2]), "no bases"),
        (((2, 2), [100.0, 7.0], [0, 2], [0, 1, 2]), "does not fit"),
        (((2, 2), [100.0, 7.0], [0, 0], [0, 2, 1]), "does not fit"),
        (((2, 10**9), [100.0, 7.0], [0, 0], [0, 1, 2]), "does not fit"),
        (((2, 2), [100.0, 7.0], [0, 0], [0, 2, 2]), "twice"),
    ],
)
def test_matrices_that_are_none(parts, complaint):
    with pytest.raises(ValueError, match=complaint):
        _bins(cell_of(*parts), 2, "x")


@pytest.mark.parametrize(
    "text",
    [
        b"cos\nsystem\n(S'touch hacked'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cpandas.io.common\nos.system\n(S'touch hacked'\ntR.",
        b"c__builtin__\ngetattr\n.",
        b"cnumpy.testing\nrundocs\n(S'x'\ntR.",
        b"",
        b"no pickle at all",
        b"(lp0\n.",
        b"\x80\x04N.",
    ],
)
def test_nothing_of_a_stranger_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pkl").write_bytes(text)
    with pytest.raises(ValueError, match=r"x\.pkl"):
        read_pickled_table(tmp_path / "x.pkl")
    assert os.listdir(tmp_path) == ["x.pkl"]


@pytest.mark.parametrize("writer", WRITERS)
def test_damaged_pickles(writer, tmp_path):
    content = (PICKLES / f"{writer}_features.pkl").read_bytes()
    rng = np.random.default_rng(0)
    (tmp_path / "x_feature_name.txt.gz").write_bytes(gzip.compress(("\n".join(NAMES) + "\n").encode()))
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "x.pkl").write_bytes(bytes(damaged[: rng.integers(1, len(content) + 1)]))
        try:
            read_published(tmp_path / "x.pkl")
        except ValueError:
            refused += 1
    assert refused > 250


def test_names_that_do_not_fit(folder, capsys):
    (folder / "TargetScan_feature_name.txt.gz").write_bytes(gzip.compress(b"exon\nA\n"))
    arguments = ["features", "--rna", f"miRNA={folder / 'TargetScan.pkl'}", "--out", str(folder / "f.h5")]
    assert main(arguments) == 2
    assert "does not fit the 2 names" in capsys.readouterr().err
    (folder / "TargetScan_feature_name.txt.gz").unlink()
    assert main(arguments) == 2
    assert "does not exist" in capsys.readouterr().err
    assert not (folder / "f.h5").exists()


def test_wrong_tables_and_options(folder, capsys):
    assert main(["expression", str(folder / "TargetScan.pkl"), "--out", str(folder / "t.tsv")]) == 2
    assert "MedianExp" in capsys.readouterr().err
    assert main(["features", "--rna", "x.pkl", "--out", str(folder / "f.h5")]) == 2
    assert "write KIND=FILE" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no feature table"):
        convert_features({}, None)
    with pytest.raises(ValueError, match="Name, tissues and MedianExp"):
        convert_expression(folder / "TargetScan.pkl")


@pytest.mark.real_data
def test_the_published_bins(shared, tmp_path):
    """What the original binned, where pickled anew as it does, comes back bin by bin."""
    stored = np.load(shared / "data" / "regulators" / "targetscan72_published_2742_genes.npz", allow_pickle=True)
    offsets, names = stored["gene_offsets"], stored["names"]
    matrix = sparse.csr_array((stored["data"], stored["indices"], stored["indptr"]), shape=tuple(stored["shape"]))
    for gene in range(0, len(offsets) - 1, 97):
        wanted = matrix[offsets[gene] : offsets[gene + 1]].toarray()
        turned = sparse.csr_array(wanted.T)
        cell = cell_of(turned.shape, turned.data, turned.indices, turned.indptr)
        np.testing.assert_array_equal(_bins(cell, len(names), "x").toarray(), wanted)
