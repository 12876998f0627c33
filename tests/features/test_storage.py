from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from full_disk import flipped, room_for

from decode.features.matrix import RegulatoryFeatures


@pytest.fixture
def written(features: RegulatoryFeatures, tmp_path: Path) -> Path:
    path = tmp_path / "features.h5"
    features.write(path)
    return path


def assert_same(left: RegulatoryFeatures, right: RegulatoryFeatures) -> None:
    pd.testing.assert_frame_equal(left.genes, right.genes)
    pd.testing.assert_frame_equal(left.tracks, right.tracks)
    assert list(left.regions) == list(right.regions)
    for name, region in left.regions.items():
        other = right.regions[name]
        assert region.data.dtype == other.data.dtype
        assert region.data.indices.dtype == other.data.indices.dtype
        np.testing.assert_array_equal(region.data.toarray(), other.data.toarray())
        np.testing.assert_array_equal(region.offsets, other.offsets)
        np.testing.assert_array_equal(region.bin_length_bp, other.bin_length_bp)
    for name in ("level", "build", "bin_size", "upstream", "downstream", "sources", "checks", "schema_version"):
        assert getattr(left, name) == getattr(right, name)


def test_round_trip(features: RegulatoryFeatures, written: Path) -> None:
    assert_same(RegulatoryFeatures.read(written), features)
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_round_trip_of_awkward_tables(features: RegulatoryFeatures, tmp_path: Path) -> None:
    genes = features.genes.assign(gene_name=["β-gene", "", "x" * 300], is_coding=[True, False, True])
    odd = replace(features, genes=genes)
    odd.write(tmp_path / "odd.h5")
    assert_same(RegulatoryFeatures.read(tmp_path / "odd.h5"), odd)


def test_round_trip_without_tracks_or_values(features: RegulatoryFeatures, tmp_path: Path) -> None:
    for number, part in enumerate((features.select(kinds=["miRNA"]), features.select(genes=["G2"]))):
        part.write(tmp_path / f"{number}.h5")
        assert_same(RegulatoryFeatures.read(tmp_path / f"{number}.h5"), part)


def test_writing_again_replaces_the_file(features: RegulatoryFeatures, written: Path) -> None:
    features.select(genes=["G1"]).write(written)
    assert RegulatoryFeatures.read(written).ids.tolist() == ["G1"]


def test_open_reads_single_genes(features: RegulatoryFeatures, written: Path) -> None:
    with RegulatoryFeatures.open(written) as file:
        assert file.region_names == ["promoter", "rna"]
        assert file.build == "hg19"
        assert file.ids.tolist() == features.ids.tolist()
        assert file.track_ids == features.track_ids
        pd.testing.assert_frame_equal(file.genes, features.genes)
        for region in ("promoter", "rna"):
            for rows in ([2, 0], [1], [0, 1, 2, 0], []):
                for mine, theirs in zip(file.dense(region, rows), features.dense(region, rows), strict=True):
                    np.testing.assert_array_equal(mine, theirs)
        assert file.dense("rna", [0], n_bins=5)[0].shape == (1, 5, 3)
        with pytest.raises(ValueError, match="n_bins is 1"):
            file.dense("rna", [0], n_bins=1)
        with pytest.raises(ValueError, match="rows outside the 3 genes"):
            file.dense("rna", [3])
        with pytest.raises(KeyError, match="'utr' is not in"):
            file.dense("utr", [0])
    with pytest.raises(ValueError, match="is closed"):
        file.dense("rna", [0])


def test_open_agrees_with_memory_across_chunks(tmp_path: Path, features: RegulatoryFeatures) -> None:
    from scipy import sparse

    from decode.features.region import RegionMatrix

    rng = np.random.default_rng(0)
    n_genes, n_tracks = 300, 200
    offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 9, n_genes))]).astype(np.int64)
    values = rng.integers(0, 3, (offsets[-1], n_tracks)).astype(np.int16)
    region = RegionMatrix("rna", sparse.csr_array(values), offsets, np.full(offsets[-1], 10, np.int32))
    genes = pd.concat([features.genes.iloc[:1]] * n_genes, ignore_index=True)
    genes["gene_id"] = [f"G{i}" for i in range(n_genes)]
    tracks = pd.concat([features.tracks.iloc[2:3]] * n_tracks, ignore_index=True)
    tracks["regulator"] = [f"R{i}" for i in range(n_tracks)]
    big = replace(features, genes=genes, tracks=tracks, regions={"rna": region})
    assert region.data.nnz > 5 * 8192
    big.write(tmp_path / "big.h5")
    with RegulatoryFeatures.open(tmp_path / "big.h5") as file:
        for _ in range(5):
            rows = rng.choice(n_genes, 40)
            np.testing.assert_array_equal(file.dense("rna", rows)[0], big.dense("rna", rows)[0])


def test_not_a_features_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RegulatoryFeatures.read(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("gene\tvalue\n")
    with pytest.raises(ValueError, match="is not a features file"):
        RegulatoryFeatures.read(tmp_path / "text.h5")
    (tmp_path / "empty.h5").touch()
    with pytest.raises(ValueError, match="is empty"):
        RegulatoryFeatures.open(tmp_path / "empty.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1, 2, 3]
    with pytest.raises(ValueError, match="but no features file"):
        RegulatoryFeatures.read(tmp_path / "other.h5")


def test_another_schema_version(written: Path) -> None:
    with h5py.File(written, "a") as file:
        file.attrs["schema_version"] = 99
    for reader in (RegulatoryFeatures.read, RegulatoryFeatures.open):
        with pytest.raises(ValueError, match=r"has schema version 99; this version of decode reads 1: build it again"):
            reader(written)


def test_damaged_files(features: RegulatoryFeatures, written: Path, tmp_path: Path) -> None:
    content = written.read_bytes()
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"damaged\.h5 is damaged .* build it again"):
        RegulatoryFeatures.read(damaged)
    with h5py.File(written, "a") as file:
        del file["regions/rna/indices"]
    with pytest.raises(ValueError, match="is damaged"):
        RegulatoryFeatures.read(written)


def test_altered_bytes_are_noticed(written: Path, tmp_path: Path) -> None:
    with h5py.File(written, "r") as file:
        places = {
            part: file[f"regions/rna/{part}"].id.get_chunk_info(0).byte_offset
            for part in ("data", "indices", "indptr", "offsets", "bin_length_bp")
        }
        places["header"] = file["header"].id.get_chunk_info(0).byte_offset
    for part, place in places.items():
        content = bytearray(written.read_bytes())
        content[place + 20] ^= 0xFF
        (tmp_path / "altered.h5").write_bytes(content)
        with pytest.raises(ValueError, match="is damaged"):
            RegulatoryFeatures.read(tmp_path / "altered.h5")
        assert part


def test_a_changed_bit_is_noticed_wherever_it_is(written: Path) -> None:
    for copy in flipped(written, 200):
        for reader in (RegulatoryFeatures.read, RegulatoryFeatures.open):
            with pytest.raises(ValueError, match=r"flipped\.h5 is .*(damaged|no HDF5).*decode features build"):
                reader(copy)


def test_writing_where_it_cannot_be(features: RegulatoryFeatures, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        features.write(tmp_path / "no" / "features.h5")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(features: RegulatoryFeatures, written: Path) -> None:
    before = written.read_bytes()
    for size in (100, len(before) // 2, len(before) - 1):
        with room_for(size), pytest.raises(OSError, match=r"features\.h5 could not be written \(.*\); make room"):
            features.write(written)
        assert written.read_bytes() == before
        assert [path.name for path in written.parent.iterdir()] == [written.name]
