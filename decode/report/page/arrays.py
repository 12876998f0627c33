"""Large arrays of numbers within a page: whole multiples of a step, gzipped, for scripts to unpack (arrays.js).

A value is kept as the nearest multiple of `step`; along the last axis differences can be kept in its place. Each whole
number is 16 bits wide, small ones of both signs first (zigzag), all low bytes before all high bytes: what hardly varies
then packs to little. All arithmetic is modulo 2^16, so that nothing is lost beyond the step.
"""

from __future__ import annotations

import base64
import gzip
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MISSING = -(2**15)  # stands for NaN
LARGEST = 2**15 - 1


class PackedArray(NamedTuple):
    """An array as a page holds it.

    Attributes
    ----------
    text : str
        Base64 of the gzipped bytes.
    shape : tuple of int
    step : float
    differences : bool
        Whether differences along the last axis are kept.
    """

    text: str
    shape: tuple[int, ...]
    step: float
    differences: bool

    @property
    def header(self) -> dict[str, Any]:
        """What arrays.js must know to unpack it."""
        return {"shape": list(self.shape), "step": self.step, "differences": self.differences}


def step_for(values: ArrayLike, finest: float) -> float:
    """The finest of the steps `finest`, 10 times as much, ... in which all values fit.

    Examples
    --------
    >>> step_for([3.2, -14.0], 0.01), step_for([400.0], 0.01)
    (0.01, 0.1)
    """
    size = float(np.nanmax(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0))
    step = finest
    while size / step > LARGEST:
        step *= 10
    return step


def pack_array(values: ArrayLike, *, finest: float, differences: bool = False) -> PackedArray:
    """Numbers for a page.

    Parameters
    ----------
    values : array_like
        NaN allowed.
    finest : float
        Step; coarser by powers of ten where the values would not fit.
    differences : bool, default False
        Keep differences along the last axis: for values that resemble their neighbours.

    Returns
    -------
    PackedArray

    Examples
    --------
    >>> packed = pack_array([[1.234, float("nan")]], finest=0.01)
    >>> unpack_array(packed).tolist()
    [[1.23, nan]]
    """
    array = np.asarray(values, dtype=np.float64)
    step = step_for(array, finest)
    whole = np.where(np.isnan(array), MISSING, np.rint(array / step)).astype(np.int16)
    if differences:
        whole = np.diff(whole, axis=-1, prepend=np.int16(0))
    zigzag = (whole.astype(np.int32) << 1 ^ whole.astype(np.int32) >> 31).astype(np.uint16).ravel()
    planes = np.concatenate([(zigzag & 0xFF).astype(np.uint8), (zigzag >> 8).astype(np.uint8)])
    text = base64.b64encode(gzip.compress(planes.tobytes(), 9, mtime=0)).decode()
    return PackedArray(text, array.shape, step, differences)


def unpack_array(packed: PackedArray) -> NDArray[np.float64]:
    """The numbers of a packed array, as arrays.js gives them."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(packed.text)), dtype=np.uint8)
    half = len(planes) // 2
    zigzag = planes[:half].astype(np.uint16) | planes[half:].astype(np.uint16) << 8
    whole = ((zigzag >> 1) ^ -(zigzag & 1).astype(np.int32)).astype(np.int16).reshape(packed.shape)
    if packed.differences:
        whole = np.cumsum(whole, axis=-1, dtype=np.int16)
    digits = max(0, -int(np.floor(np.log10(packed.step))))
    return np.where(whole == MISSING, np.nan, np.round(whole * packed.step, digits))
