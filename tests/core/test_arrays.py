from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from decode.core.arrays import read_arrays


def read(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path, ["x"], "demo arrays", "write them again")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numbers_and_text(tmp_path: Path, save) -> None:
    save(tmp_path / "a.npz", x=np.arange(6.0).reshape(2, 3), names=["a", "bc"], one=np.array(3))
    found = read(tmp_path / "a.npz")
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["names"].tolist() == ["a", "bc"]
    assert int(found["one"]) == 3


def declaring(shape: tuple[int, ...], n_values: int) -> bytes:
    """An array file that declares a shape and holds another number of values."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return content.getvalue() + bytes(8 * n_values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (declaring((10**12,), 3), "x.npy has shape .1000000000000,. and not as many values"),
        (declaring((3,), 10**7), "it declares more than a file of its size can hold"),
        (b"no array", "magic"),
        (declaring((3,), 3).replace(b"'<f8'", b"'|O' "), "holds objects"),
        (declaring((3,), 3).replace(b"(3,)", b"(a,)"), "malformed node"),
    ],
)
def test_what_strangers_may_not_bring(tmp_path: Path, content: bytes, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match=rf"demo arrays .*a\.npz is damaged .*{message}.*; write them again"):
        read(tmp_path / "a.npz")


def test_zeros_that_lzma_packs_well_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", declaring((2**18,), 2**18))
        archive.writestr("y.npy", b"".join([declaring((2**9,), 0), np.random.default_rng(0).bytes(2**12)]))
    assert read(tmp_path / "a.npz")["x"].sum() == 0
    monkeypatch.setattr("decode.core.limits.available_bytes", lambda: 2**20)
    with pytest.raises(ValueError, match="what it declares needs about"):
        read(tmp_path / "a.npz")


def test_files_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.ones(3))
    with pytest.raises(ValueError, match="x is missing"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=np.ones(300))
    content = (tmp_path / "a.npz").read_bytes()
    for n_bytes in (0, 10, len(content) - 40):
        (tmp_path / "b.npz").write_bytes(content[:n_bytes])
        with pytest.raises(ValueError, match=r"b\.npz is damaged or no array file"):
            read(tmp_path / "b.npz")
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    (tmp_path / "b.npz").write_bytes(changed)
    with pytest.raises(ValueError, match="CRC"):
        read(tmp_path / "b.npz")
