from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from decode.landmark.sources import frame_source, open_samples


def write_gctx(path, table, *, convention=True, **options):
    with h5py.File(path, "w") as file:
        values = table.to_numpy().T if convention else table.to_numpy()
        file.create_dataset("/0/DATA/0/matrix", data=values.astype("f4"), **options)
        file["/0/META/ROW/id"] = np.array(table.index, dtype="S")
        file["/0/META/COL/id"] = np.array(table.columns, dtype="S")


def whole(path):
    with open_samples(path) as source:
        parts = [values for _, values in source.blocks(7)]
        return pd.DataFrame(np.concatenate(parts).T, index=source.gene_ids, columns=source.sample_ids)


def test_every_format_gives_the_same_matrix(tmp_path, arrays):
    write_gctx(tmp_path / "a.gctx", arrays)
    write_gctx(tmp_path / "b.gctx", arrays, convention=False)
    arrays.to_csv(tmp_path / "c.tsv", sep="\t", index_label="gene")
    with open(tmp_path / "d.gct", "w") as handle:
        handle.write(f"#1.2\n{len(arrays)}\t{arrays.shape[1]}\n")
        arrays.reset_index(names="Name").assign(Description="x")[["Name", "Description", *arrays.columns]].to_csv(
            handle, sep="\t", index=False
        )
    np.savez(tmp_path / "e.npz", X=arrays.to_numpy().T, probes=list(arrays.index), samples=list(arrays.columns))
    np.savez(tmp_path / "f.npz", values=arrays.to_numpy(), genes=list(arrays.index), samples=list(arrays.columns))
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["matrix"] = arrays.to_numpy().T
        file["gene_ids"], file["sample_ids"] = list(arrays.index), list(arrays.columns)
    for path in sorted(tmp_path.iterdir()):
        pd.testing.assert_frame_equal(whole(path), arrays, rtol=1e-6, check_names=False)


def test_versions_are_stripped_and_copies_on_y_left_out():
    table = pd.DataFrame(
        {"s": [1.0, 2.0, 3.0]}, index=["ENSG00000000003.14", "ENSG00000182378.8", "ENSG00000182378.8_PAR_Y"]
    )
    source = frame_source(table)
    assert source.gene_ids == ["ENSG00000000003", "ENSG00000182378"]
    assert source.read(0, 1).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_named(tmp_path, arrays, share):
    for name in ("a.gctx", "a.npz"):
        path = tmp_path / name
        if name == "a.gctx":
            write_gctx(path, arrays)
        else:
            np.savez(path, X=arrays.to_numpy(), genes=list(arrays.index), samples=list(arrays.columns))
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ValueError, match=rf"{name} is (damaged|cut off).*again"):
            open_samples(path)


def test_a_block_that_cannot_be_read_names_its_samples(tmp_path, arrays):
    path = tmp_path / "a.gctx"
    write_gctx(path, arrays, chunks=(4, 30), fletcher32=True)
    with h5py.File(path) as file:
        chunk = file["/0/DATA/0/matrix"].id.get_chunk_info(5)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 8] ^= 0xFF
    path.write_bytes(bytes(content))
    with (
        open_samples(path) as source,
        pytest.raises(ValueError, match=r"cannot be read at samples 15 to 21 .*fetch it again"),
    ):
        list(source.blocks(7))


def test_bad_input(tmp_path, arrays):
    with pytest.raises(FileNotFoundError):
        open_samples(tmp_path / "absent.gctx")
    with pytest.raises(TypeError, match="genes x samples, is wanted"):
        frame_source(np.ones((2, 2)))
    with pytest.raises(TypeError, match="something else than numbers"):
        frame_source(pd.DataFrame({"s": ["high", "low"]}))
    with pytest.raises(ValueError, match="sample names of demo occur more than once: s0"):
        frame_source(arrays.iloc[:, [0, 0, 1]], "demo")
    with pytest.raises(ValueError, match="gene ids occur more than once"):
        frame_source(arrays.iloc[[0, 0, 1]], "demo")
    np.savez(tmp_path / "a.npz", X=np.ones((3, 4)), genes=list("abc"), samples=list("xyz"))
    with pytest.raises(ValueError, match=r"shape \(3, 4\), the file names 3 genes and 3 samples"):
        open_samples(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=np.ones((3, 4)), genes=list("abc"))
    with pytest.raises(ValueError, match=r"holds none of sample_ids"):
        open_samples(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", X=np.ones((2, 2)), genes=np.array(["a", None], dtype=object), samples=list("xy"))
    with pytest.raises(ValueError, match="holds objects"):
        open_samples(tmp_path / "c.npz")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["other"] = 1
    with pytest.raises(ValueError, match=r"holds none of values"):
        open_samples(tmp_path / "d.h5")
    table = arrays.copy()
    table.iloc[3, 5] = np.inf
    with pytest.raises(ValueError, match=r"infinite values, first at sample s5, gene G3"):
        list(frame_source(table).blocks())
