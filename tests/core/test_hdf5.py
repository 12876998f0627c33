from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from full_disk import flipped, room_for

from decode.core import seal
from decode.core.hdf5 import open_hdf5
from decode.core.hdf5_output import PatientFile, hdf5_output
from decode.core.netcdf import open_netcdf, write_netcdf

ADVICE = "write it again"


def opened(path: Path) -> h5py.File:
    return open_hdf5(path, "demo file", ADVICE)


def written(path: Path) -> Path:
    with hdf5_output(path) as sink, h5py.File(sink, "w") as file:
        file.attrs["format"] = "decode-demo"
        file.create_dataset("x", data=np.arange(5000), chunks=(1000,), compression="gzip")
        file.create_dataset("text", data=["a", "b"], dtype=h5py.string_dtype())
    return path


def test_other_readers_see_the_same_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5")
    assert path.read_bytes()[-seal.LENGTH :].startswith(b"\ndecode-sha256 ")
    with h5py.File(path) as file:
        assert file["x"][-1] == 4999
    with opened(path) as file:
        assert file["text"].asstr()[:].tolist() == ["a", "b"]
    dataset = xr.Dataset({"x": ("gene", [1.0, 2.0])}, {"gene": np.array(["a", "b"], object)}, {"format": "decode-demo"})
    write_netcdf(dataset.assign_attrs(schema_version=1), tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as found:
        assert found["x"].to_numpy().tolist() == [1.0, 2.0]
    known = {"what": "demo file", "file_format": "decode-demo", "schema_version": 1, "command": "decode demo"}
    with open_netcdf(tmp_path / "a.nc", "demo", **known) as found:
        assert found["gene"].to_numpy().tolist() == ["a", "b"]
    for copy in flipped(tmp_path / "a.nc", 200):
        with pytest.raises(ValueError, match=r"demo file .* is damaged .*give the output of decode demo"):
            open_netcdf(copy, "demo", **known)


def test_every_single_byte_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5")
    content = path.read_bytes()
    for place in [*range(64), *range(len(content) - seal.LENGTH, len(content)), len(content) // 2]:
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "b.h5").write_bytes(changed)
        with pytest.raises(ValueError, match=r"demo file .*b\.h5 is damaged .*; write it again"):
            opened(tmp_path / "b.h5")
    (tmp_path / "b.h5").write_bytes(content[: -seal.LENGTH] + bytes(seal.LENGTH))  # a block that was lost
    with pytest.raises(ValueError, match="was changed"):
        opened(tmp_path / "b.h5")


def test_a_file_without_a_hash_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = written(tmp_path / "a.h5").read_bytes()
    (tmp_path / "old.h5").write_bytes(content[: -seal.LENGTH])
    with caplog.at_level(logging.WARNING), opened(tmp_path / "old.h5") as file:
        assert len(file["x"]) == 5000
    assert "old.h5 has no hash at its end" in caplog.text
    caplog.clear()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    opened(tmp_path / "other.h5").close()
    assert not caplog.records  # the file of another program


def test_the_hash_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.h5")
    os.utime(path, (1, 1))
    opened(path).close()
    monkeypatch.setattr(seal, "_digest", lambda *_: pytest.fail("hashed again"))
    opened(path).close()
    monkeypatch.undo()
    content = bytearray(path.read_bytes())
    content[-seal.LENGTH - 1] ^= 1
    path.write_bytes(content)
    os.utime(path, (1, 1))  # the time of the last change of its record still tells
    with pytest.raises(ValueError, match="was changed"):
        opened(path)


def external_link(file: h5py.File, other: Path) -> None:
    file["deep/names"] = h5py.ExternalLink(str(other), "/x")


def external_storage(file: h5py.File, other: Path) -> None:
    file.create_dataset("names", (10,), "S8", external=[(str(other), 0, 80)])


def virtual(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((100,), "i8")
    layout[:] = h5py.VirtualSource(str(other), "x", (5000,))[:100]
    file.create_virtual_dataset("names", layout)


def compound(file: h5py.File, _other: Path) -> None:
    file["names"] = np.zeros(3, [("a", "i4"), ("b", "f8")])


def complex_numbers(file: h5py.File, _other: Path) -> None:
    file["names"] = np.zeros(3, complex)


def references(file: h5py.File, _other: Path) -> None:
    file.create_dataset("names", (2,), h5py.ref_dtype)


def lists(file: h5py.File, _other: Path) -> None:
    file.create_dataset("names", (2,), h5py.vlen_dtype(np.int32))


def huge(file: h5py.File, _other: Path) -> None:
    file.create_dataset("names", (10**9, 1000), "f8", chunks=(1000, 1000), compression="gzip")


def huge_together(file: h5py.File, _other: Path) -> None:
    for number in range(100):
        file.create_dataset(f"names{number}", (10**6,), "i4", chunks=(1000,))


def long_text(file: h5py.File, _other: Path) -> None:
    file.create_dataset("names", (4,), "S2000000000", chunks=(1,))


def deep_groups(file: h5py.File, _other: Path) -> None:
    group = file.id
    for _ in range(20_000):  # one after the other; HDF5's own walk takes minutes
        group = h5py.h5g.create(group, b"g")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (deep_groups, "g/g/g is a group in 32 others"),
        (external_link, "deep/names is a link to another file"),
        (external_storage, "data set names lies in another file"),
        (virtual, r"data set names is put together from other files \(virtual\)"),
        (compound, "data set names is of type compound or complex, not numbers or text"),
        (complex_numbers, "is of type compound or complex"),
        (references, "is of type reference"),
        (lists, "is of type variable-length"),
        (huge, r"data set names of shape \(1000000000, 1000\) is larger than a file of [\d,]+ bytes can hold"),
        (huge_together, r"data set names\d+ of shape \(1000000,\) is larger"),
        (long_text, "data set names of shape .4,. is larger"),
    ],
)
@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_strangers_may_not_bring(
    tmp_path: Path, make: Callable[[h5py.File, Path], None], message: str, is_sealed: bool
) -> None:
    other = written(tmp_path / "other.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        make(file, other)
    if is_sealed:
        seal.append_seal(tmp_path / "a.h5")
    with pytest.raises(ValueError, match=rf"^demo file .*a\.h5 is refused: .*{message}.*; write it again$"):
        opened(tmp_path / "a.h5")


def test_groups_that_hold_themselves_are_gone_through_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/x"] = np.zeros(10)
        file["a/b/again"] = file["a"]
        file["a/soft"] = h5py.SoftLink("/a/b/nothing")
        file.create_dataset("empty", data=h5py.Empty("f4"))
    with opened(tmp_path / "a.h5") as file:
        assert file["a/b/again/b/x"].shape == (10,)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_full_disk_is_a_sentence(tmp_path: Path, share: float) -> None:
    path = written(tmp_path / "a.h5")
    before = path.read_bytes()
    with room_for(int(share * len(before))), pytest.raises(OSError, match=r"a\.h5 could not be written .*make room"):
        written(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_does_not_fit_is_read_back_until_hdf5_is_done(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    sink = PatientFile(tmp_path / "a")
    with room_for(1000):
        sink.write(numbers)
        sink.seek(500)
        sink.write(b"mine" * 200)
    sink.seek(0)
    assert sink.read() == numbers[:500] + b"mine" * 200 + numbers[1300:]
    with pytest.raises(OSError, match="File too large"):
        sink.check()
    sink.close()


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mine"), hdf5_output(tmp_path / "a.h5") as sink, h5py.File(sink, "w"):
        raise KeyError("mine")
    assert not list(tmp_path.iterdir())
