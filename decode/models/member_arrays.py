"""The weights of a network as plain named arrays in one .npz file; reading them can run no code."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from decode.core.arrays import READ_ERRORS, array_header
from decode.core.checks import listed

DTYPE = np.dtype(np.float32)


def named_variables(model: Any) -> dict[str, Any]:
    """Variables of a network by "layer/variable", in the network's order.

    Both views of a network share the layers that have weights; the names are those of the bins view.
    """
    return {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}


def write_member(model: Any, path: Path) -> None:
    """Write all weights of a network as float32 arrays, one a variable, without pickle."""
    arrays: dict[str, Any] = {
        name: np.asarray(variable, dtype=DTYPE) for name, variable in named_variables(model).items()
    }
    with open(path, "wb") as handle:
        np.savez(handle, **arrays)


def check_member(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare a file of `write_member` with what a network needs, before the network is built.

    Only names, types and shapes are read. Arrays lie uncompressed, so a network that fits is not larger than its file.

    Parameters
    ----------
    path : Path
    shapes : mapping of "layer/variable" to shape

    Raises
    ------
    ValueError
        If the file is damaged, an array is missing, not expected, of another shape or type.
    """
    with _says_what_is_wrong(path), zipfile.ZipFile(path) as archive:
        _check_archive(archive, path, shapes)


def read_member(model: Any, path: Path) -> None:
    """Fill a network with the arrays of a file that `write_member` wrote.

    The network says what the file must hold. An array is read only after its name, type and shape were compared, so a
    file from a stranger can neither run code nor ask for more memory than the network has.

    Parameters
    ----------
    model : keras.Model
        The bins view; its weights are replaced, if the whole file is right.
    path : Path

    Raises
    ------
    ValueError
        If the file is damaged, an array is missing, not expected, of another shape or type, or not finite.
    """
    variables = named_variables(model)
    with _says_what_is_wrong(path), zipfile.ZipFile(path) as archive:
        _check_archive(archive, path, {name: tuple(variable.shape) for name, variable in variables.items()})
        arrays = {}
        for name in variables:
            with archive.open(f"{name}.npy") as handle:
                arrays[name] = npy.read_array(handle, allow_pickle=False)
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise ValueError(
            f"{path} holds weights that are not finite numbers: {listed(bad)}; train or download the model again"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


@contextmanager
def _says_what_is_wrong(path: Path) -> Iterator[None]:
    try:
        yield
    except _MisfitError as error:
        raise ValueError(f"{error}; train or download the model again") from None
    except READ_ERRORS as error:
        raise ValueError(f"{path} is damaged ({error}); train or download the model again") from error


def _check_archive(archive: zipfile.ZipFile, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    _check_names(path, [name.removesuffix(".npy") for name in archive.namelist()], list(shapes))
    for name, shape in shapes.items():
        entry = archive.getinfo(f"{name}.npy")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise _MisfitError(f"array {name} of {path} is compressed; plain arrays are wanted")
        with archive.open(entry) as handle:
            _check_header(path, name, handle, shape)


class _MisfitError(Exception):
    """The file is whole and holds something else than the network."""


def _check_names(path: Path, found: list[str], wanted: list[str]) -> None:
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing:
        raise _MisfitError(f"{path} lacks the array(s) {listed(missing)} of the network that its bundle describes")
    if extra:
        raise _MisfitError(f"{path} holds the array(s) {listed(extra)} that the network of its bundle does not have")
    if len(found) != len(wanted):
        raise _MisfitError(f"{path} holds an array twice; one of each is wanted")


def _check_header(path: Path, name: str, handle: IO[bytes], shape: tuple[int, ...]) -> None:
    found, dtype = array_header(handle)
    if dtype != DTYPE:
        raise _MisfitError(f"array {name} of {path} is of type {dtype}; float32 is wanted")
    if found != shape:
        raise _MisfitError(
            f"array {name} of {path} has shape {found}, the network that its bundle describes has {shape}"
        )
