"""Read the pickles of pandas tables that the original distributes, without running anything that they ask for.

A pickle names functions and classes to call, so loading a stranger's runs his code. Here every class and function of
pandas, scipy and numpy is replaced by an object that merely keeps what it was given, other names are refused, and
arrays are made from what was kept, shapes checked: numpy's own way from a damaged pickle to an array can crash.
"""

from __future__ import annotations

import math
import pickle
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

INERT_PACKAGES = ("pandas.", "scipy.sparse.")
LARGEST_BYTES = 4 << 30
_DAMAGE = (
    EOFError,
    AttributeError,
    AssertionError,
    KeyError,
    IndexError,
    TypeError,
    MemoryError,
    OverflowError,
    RecursionError,
)


class Inert:
    """Keeps the arguments and the state of an object of another library."""

    name: ClassVar[str] = ""

    def __new__(cls, *arguments: Any, **_: Any) -> Inert:
        """An object that keeps its arguments."""
        made = super().__new__(cls)
        made.arguments = arguments
        made.state = None
        return made

    def __init__(self, *arguments: Any, **_: Any) -> None:
        self.arguments: tuple[Any, ...]
        self.state: Any

    def __setstate__(self, state: Any) -> None:
        self.state = state


@dataclass(frozen=True)
class PickledTable:
    """A pandas table as arrays.

    Attributes
    ----------
    columns : list of str
    cells : dict of str to array
        One array a column, shape (n_rows,); cells that are objects of another library are `Inert`.
    """

    columns: list[str]
    cells: dict[str, NDArray[Any]] = field(repr=False)


def _text_of(value: bytes | str, encoding: str = "latin1") -> bytes | str:
    if encoding not in {"latin1", "latin-1", "utf-8", "ascii"}:
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not taken")
    return value.encode(encoding) if isinstance(value, str) else value


def _reconstructed(cls: type, *_: Any) -> Any:
    return cls() if issubclass(cls, Inert) else object()


NUMPY = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}
PLAIN_DTYPE = re.compile(r"[?biuf][1248]?")


def as_array(found: Any) -> NDArray[Any]:
    """The array that numpy would make of what a pickle says of one.

    Raises
    ------
    ValueError
        If it is no array of numbers or objects, or its bytes do not fill its shape.
    """
    if not isinstance(found, Inert):
        raise ValueError("an array is wanted")
    if found.name == "_frombuffer":
        content, dtype, shape, order = found.arguments
        is_fortran = order == "F"
    elif found.name == "_reconstruct":
        _, shape, dtype, is_fortran, content = found.state
    else:
        raise ValueError(f"an array is wanted, {found.name} came")
    shape = tuple(int(size) for size in shape)
    n_values = math.prod(shape)
    if min(shape, default=0) < 0:
        raise ValueError("a shape is negative")
    kind = _dtype(dtype)
    if kind.kind == "O":
        if not isinstance(content, list) or len(content) != n_values:
            raise ValueError("the objects of an array do not fill its shape")
        flat = np.empty(n_values, dtype=object)
        flat[:] = content
    else:
        content = content.encode("latin1") if isinstance(content, str) else bytes(content)
        if len(content) != n_values * kind.itemsize:
            raise ValueError("the bytes of an array do not fill its shape")
        flat = np.frombuffer(content, dtype=kind)
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _dtype(found: Any) -> np.dtype[Any]:
    """The data type: whole numbers, floats, booleans or objects."""
    if not isinstance(found, Inert) or found.name != "dtype":
        raise ValueError("a data type is wanted")
    code = str(found.arguments[0])
    if code in {"O", "O4", "O8"}:
        return np.dtype(object)
    if not PLAIN_DTYPE.fullmatch(code):
        raise ValueError(f"the data type {code[:20]!r} is none of numbers or objects")
    order = found.state[1] if isinstance(found.state, tuple) and len(found.state) > 1 else "="
    return np.dtype(f"{order}{code}" if order in ("<", ">") else code)


class _Unpickler(pickle.Unpickler):
    """Builds inert objects; refuses every name that a table does not need."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy._core", "numpy.core"), name) in NUMPY:
            return type("Inert", (Inert,), {"name": name})
        if (module, name) in {("builtins", "slice"), ("__builtin__", "slice")}:
            return slice
        if (module, name) == ("_codecs", "encode"):
            return _text_of
        if (module, name) in {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}:
            return _reconstructed
        if (module, name) in {("builtins", "object"), ("__builtin__", "object")}:
            return Inert
        if f"{module}.".startswith(INERT_PACKAGES):
            return type("Inert", (Inert,), {"name": name})
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no table needs")


def read_pickled_table(path: str | Path) -> PickledTable:
    """The columns of a pickled pandas table.

    Parameters
    ----------
    path : path
        Written by pandas 0.20 to 2.x, under Python 2 or 3.

    Returns
    -------
    PickledTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no pickle of a table, is damaged, or asks for anything but arrays and tables: nothing of it is run.
    """
    path = Path(path)
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes; at most {LARGEST_BYTES:,} are read")
    try:
        with open(path, "rb") as handle:
            found = _Unpickler(handle, encoding="latin1").load()
        return _table(found)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path} is not read: {error}") from error
    except (*_DAMAGE, ValueError) as error:
        raise ValueError(f"{path} is no pickled table of pandas, or damaged ({error}); fetch it again") from error


def _table(found: Any) -> PickledTable:
    state = found.state if isinstance(found, Inert) else None
    manager = (state.get("_data") or state.get("_mgr")) if isinstance(state, dict) else None
    if not isinstance(manager, Inert):
        raise ValueError("its object is no table")
    axes, blocks = _parts(manager)
    columns = [str(name) for name in _index_values(axes[0])]
    values: dict[str, NDArray[Any]] = {}
    for block, places in blocks:
        rows = np.arange(len(columns))[places]
        if block.ndim != 2 or len(block) != len(rows):
            raise ValueError("its blocks do not fit its columns")
        values |= {columns[row]: block[number] for number, row in enumerate(rows)}
    if set(values) != set(columns) or len({len(column) for column in values.values()}) > 1:
        raise ValueError("columns are missing")
    return PickledTable(columns, values)


def _parts(manager: Inert) -> tuple[Any, list[tuple[NDArray[Any], Any]]]:
    """Axes, and blocks with the columns that they hold: as pandas wrote them up to 1.2, and since."""
    if isinstance(manager.state, tuple) and len(manager.state) == 4:
        newest = manager.state[3]["0.14.1"]
        return newest["axes"], [(as_array(block["values"]), block["mgr_locs"]) for block in newest["blocks"]]
    blocks, axes = manager.arguments
    return axes, [(as_array(block.arguments[0]), block.arguments[1]) for block in blocks]


def _index_values(index: Any) -> NDArray[Any]:
    """The labels of an index: `_new_Index(class, {"data": labels, ...})`."""
    return as_array(index.arguments[1]["data"])
