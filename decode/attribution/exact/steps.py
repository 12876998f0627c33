"""The steps of a network as the exact engine sees them, and the multipliers that it carries back through them.

All in numpy, so that an engine can travel to another process. A value has axes (gene, unit), or (gene, row, unit)
before rows are summed; unit is the last axis throughout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Weights = NDArray[np.float32]

# Where input and reference of a nonlinear unit differ by less, the derivative AT THE REFERENCE stands for the quotient:
# the constant and the rule of shap's deep_tf.nonlinearity_1d_handler.
SMALL_DIFFERENCE = 1e-6


def by_row(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Values with a row axis: (gene, unit) becomes (gene, 1, unit)."""
    return values[:, None, :] if values.ndim == 2 else values


@dataclass(frozen=True, eq=False)
class Multiplier:
    """How much each task changes per unit of a value: m[gene, row, unit, task], kept as a product of small parts.

    m[g, r, u, t] = scale[g, r, u] * sum_k weights[r, u, k] * inner[g, t, k], without the sum where there are no weights
    (then k is u). The large product, a number for every unit and task of a gene, is not formed for the inputs: most of
    their units are zero in most genes.

    Parameters
    ----------
    inner : float32 array, shape (n_genes or 1, n_tasks, n_inner)
    weights : float32 array, shape (n_rows or 1, n_units, n_inner), optional
    scale : float32 array, shape (n_genes or 1, n_rows or 1, n_units), optional
    """

    inner: Weights
    weights: Weights | None = None
    scale: Weights | None = None

    def scaled(self, factor: NDArray[np.floating]) -> Multiplier:
        """The multiplier before an element-wise product with `factor`, which has axes (gene, row, unit)."""
        factor = factor.astype(np.float32)
        return replace(self, scale=factor if self.scale is None else self.scale * factor)

    def part(self, start: int, stop: int) -> Multiplier:
        """The multiplier of the units start to stop, of values put side by side."""
        scale = None if self.scale is None else self.scale[..., start:stop]
        if self.weights is None:
            return Multiplier(self.inner[..., start:stop], None, scale)
        return Multiplier(self.inner, self.weights[:, start:stop], scale)

    def formed(self) -> Weights:
        """The product written out for values without rows, shape (n_genes or 1, n_tasks, n_units)."""
        full = self.inner
        if self.weights is not None:
            shape = (*self.inner.shape[:2], self.weights.shape[1])
            full = (self.inner.reshape(-1, self.inner.shape[2]) @ self.weights[0].T).reshape(shape)
        return full if self.scale is None else full * self.scale[:, :1]

    def added(self, other: Multiplier) -> Multiplier:
        """The multiplier of a value that goes two ways."""
        return Multiplier(self.formed() + other.formed())

    def contributions(self, delta: NDArray[np.floating]) -> Weights:
        """Multiplier times difference to the reference, summed over rows.

        Parameters
        ----------
        delta : array, shape (n_genes, n_rows, n_units)

        Returns
        -------
        float32 array, shape (n_genes, n_units, n_tasks)
        """
        delta = delta.astype(np.float32) if self.scale is None else (delta * self.scale).astype(np.float32)
        n_genes, n_rows, n_units = delta.shape
        n_tasks = self.inner.shape[1]
        inner = np.broadcast_to(self.inner, (n_genes, *self.inner.shape[1:]))
        if self.weights is None:
            values: Weights = delta.sum(axis=1)[:, :, None] * inner.transpose(0, 2, 1)
            return values
        out = np.zeros((n_genes, n_units, n_tasks), dtype=np.float32)
        if len(self.weights) == 1 and n_rows > 1:
            delta = delta.sum(axis=1, keepdims=True)
        for gene in range(n_genes):
            units = np.flatnonzero(delta[gene].any(axis=0))  # the others contribute nothing
            if len(self.weights) == 1:
                product = self.weights[0, units] @ inner[gene].T
                product *= delta[gene, 0, units][:, None]
            else:
                product = np.einsum("ru,ruk->uk", delta[gene][:, units], self.weights[:, units]) @ inner[gene].T
            out[gene, units] = product
        return out

    def per_row(self, n_rows: int) -> Weights:
        """The multiplier itself, shape (n_genes, n_rows, n_units, n_tasks): for a few genes only."""
        if self.weights is None:
            full = self.inner.transpose(0, 2, 1)[:, None]
        else:
            full = np.einsum("ruk,gtk->grut", self.weights, self.inner, optimize=True)
        if self.scale is not None:
            full = full * self.scale[..., None]
        n_genes, _, n_units, n_tasks = full.shape
        return np.broadcast_to(full, (n_genes, n_rows, n_units, n_tasks))


class Step(ABC):
    """One step of a network: how values go forward and multipliers go back."""

    @abstractmethod
    def forward(self, values: Values) -> Values:
        """What the step makes of its input."""

    @abstractmethod
    def back(self, multiplier: Multiplier, values: Values, reference: Values) -> Multiplier:
        """Multiplier of the step's input from that of its output; the values are the input's."""


@dataclass(frozen=True, eq=False)
class Affine(Step):
    """x * factor + offset, element-wise."""

    factor: Values
    offset: Values

    def forward(self, values: Values) -> Values:
        """Scale and shift."""
        return values * self.factor + self.offset

    def back(self, multiplier: Multiplier, values: Values, reference: Values) -> Multiplier:
        """Times the factor."""
        return multiplier.scaled(self.factor[None, None])


@dataclass(frozen=True, eq=False)
class MatrixProduct(Step):
    """sum over rows and units of x * weights, plus offset.

    Parameters
    ----------
    weights : array, shape (n_rows, n_units, n_out)
        One row for values without rows.
    offset : array, shape (n_out,)
    """

    weights: Values
    offset: Values

    def forward(self, values: Values) -> Values:
        """One product for all rows and units."""
        flat = self.weights.reshape(-1, self.weights.shape[2])
        product: Values = values.reshape(len(values), len(flat)) @ flat + self.offset
        return product

    def back(self, multiplier: Multiplier, values: Values, reference: Values) -> Multiplier:
        """The weights are kept beside the multiplier of the output."""
        return Multiplier(multiplier.formed(), self.weights.astype(np.float32))


class SumRows(Step):
    """(gene, row, unit) -> (gene, unit)."""

    def forward(self, values: Values) -> Values:
        """Sum over axis 1."""
        result: Values = values.sum(axis=1)
        return result

    def back(self, multiplier: Multiplier, values: Values, reference: Values) -> Multiplier:
        """The same for every row."""
        return multiplier


@dataclass(frozen=True, eq=False)
class Elementwise(Step):
    """A function of every unit by itself, with the Rescale rule.

    multiplier = (f(x) - f(r)) / (x - r), and f'(r) where |x - r| < 1e-6, r being the reference's value.

    References
    ----------
    Shrikumar et al. 2017, Learning important features through propagating activation differences, equation 13.
    """

    function: Callable[[Values], Values]
    derivative: Callable[[Values], Values]

    def forward(self, values: Values) -> Values:
        """f(x)."""
        return self.function(values)

    def back(self, multiplier: Multiplier, values: Values, reference: Values) -> Multiplier:
        """Times the quotient of the differences."""
        delta = values - reference
        is_small = np.abs(delta) < SMALL_DIFFERENCE
        quotient = (self.function(values) - self.function(reference)) / np.where(is_small, 1.0, delta)
        return multiplier.scaled(by_row(np.where(is_small, self.derivative(reference), quotient)))
