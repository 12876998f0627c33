"""Mean and standard deviation over the members of an ensemble, one member in memory at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Spread:
    """Running mean and spread of arrays of one shape.

    Welford's recurrence: with x_k the k-th array, m_k = m_{k-1} + (x_k - m_{k-1}) / k and s_k = s_{k-1} +
    (x_k - m_{k-1}) (x_k - m_k); the variance is s_n / (n - 1).

    References
    ----------
    Welford 1962, Technometrics 4:419, doi:10.1080/00401706.1962.10490022.

    Examples
    --------
    >>> spread = Spread()
    >>> for value in (1.0, 2.0, 6.0):
    ...     spread.add(np.array([value], dtype=np.float32))
    >>> spread.mean.tolist(), round(float(spread.sd()[0]), 4)
    ([3.0], 2.6458)
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._squares = self.mean

    def add(self, values: NDArray[np.float32]) -> None:
        """Take one array in; its memory is used and its content lost."""
        self.n += 1
        if self.n == 1:
            self.mean, self._squares = values, np.zeros_like(values)
            return
        change = values - self.mean
        self.mean += change / np.float32(self.n)
        values -= self.mean
        self._squares += np.multiply(change, values, out=values)

    def sd(self) -> NDArray[np.float32]:
        """Standard deviation (n - 1) so far; NaN for a single array."""
        if self.n < 2:
            return np.full_like(self.mean, np.nan)
        sd: NDArray[np.float32] = np.sqrt(self._squares / np.float32(self.n - 1))
        return sd
