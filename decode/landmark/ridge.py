"""Ridge regression of every gene on a panel of genes, in closed form; many panels share one decomposition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import listed

Float = NDArray[np.float64]
Columns = NDArray[np.int64]

PENALTIES = np.geomspace(1e-4, 1e2, 31)  # of the mean eigenvalue of the panel's Gram matrix


class RidgeFit(NamedTuple):
    """A panel's ridge regression of some genes, as two factors.

    Prediction = target_mean + ((panel values - panel_mean) / panel_sd) @ left @ right.

    Attributes
    ----------
    left : np.ndarray, shape (n_panel, rank)
    right : np.ndarray, shape (rank, n_targets)
    penalty : float
        The chosen penalty.
    """

    panel_mean: Float
    panel_sd: Float
    left: Float
    right: Float
    target_mean: Float
    penalty: float

    def predict(self, values: ArrayLike) -> Float:
        """Targets of samples, (n_samples, n_panel) -> (n_samples, n_targets)."""
        scaled = (np.asarray(values, dtype=np.float64) - self.panel_mean) / self.panel_sd
        return (scaled @ self.left) @ self.right + self.target_mean


@dataclass(frozen=True, eq=False)
class SharedRidge:
    """What the ridge regressions of all panels on one training set have in common.

    Attributes
    ----------
    mean, sd : float64 array, shape (n_genes,)
        Of the training samples; an SD of 0 (a gene that is constant) counts as 1.
    n_samples : int
    scaled : float64 array, shape (n_samples, n_genes), or None
        Standardised training samples, where there are at most as many samples as genes.
    targets : int array, shape (n_targets,)
        Columns that are predicted.
    gram : float64 array
        With `scaled`: (n_samples, n_samples), products of samples over the centred targets. Without: (n_rows, n_genes),
        sums over samples of standardised values, of the genes `rows` with all genes.
    rows : int array
        Genes of the rows of `gram`; empty with `scaled`.
    total : float
        Sum of squares of the centred targets.
    """

    mean: Float
    sd: Float
    n_samples: int
    scaled: Float | None
    targets: Columns
    gram: Float
    rows: Columns
    total: float

    def fit(self, panel: ArrayLike) -> RidgeFit:
        """Ridge regression of the targets on a panel, penalty by generalised cross-validation over all targets.

        Parameters
        ----------
        panel : array of int, shape (n_panel,)
            Columns of the training matrix.

        Returns
        -------
        RidgeFit

        Raises
        ------
        ValueError
            If the panel is empty, or (in gene space) holds genes that the shared sums were not made for.

        References
        ----------
        Golub, Heath & Wahba 1979, Technometrics 21:215: GCV(l) = n RSS(l) / (n - trace H(l))^2, here summed over the
        targets; trace H counts the intercept.
        """
        columns = np.asarray(panel, dtype=np.int64)
        if not len(columns):
            raise ValueError("the panel is empty; give at least one gene")
        if self.scaled is not None and len(columns) >= self.n_samples:
            return self._in_sample_space(columns, self.scaled)
        return self._in_gene_space(columns)

    def _in_sample_space(self, columns: Columns, scaled: Float) -> RidgeFit:
        own = scaled[:, columns]
        values, vectors = _eigen(own @ own.T)
        energy = np.einsum("ij,ij->j", vectors, self.gram @ vectors)
        penalty = _penalty(values, energy, 0.0, self.n_samples)
        outputs = scaled[:, self.targets] * self.sd[self.targets]
        right = (vectors / (values + penalty)) @ (vectors.T @ outputs)
        return self._result(columns, own.T, right, penalty)

    def _in_gene_space(self, columns: Columns) -> RidgeFit:
        outputs_sd = self.sd[self.targets]
        if self.scaled is not None:
            own = self.scaled[:, columns]
            inner, cross = own.T @ own, (own.T @ self.scaled[:, self.targets]) * outputs_sd
        else:
            rows = _positions(columns, self.rows)
            inner, cross = self.gram[np.ix_(rows, columns)], self.gram[np.ix_(rows, self.targets)] * outputs_sd
        values, vectors = _eigen(inner)
        rotated = vectors.T @ cross
        explained = np.einsum("ij,ij->i", rotated, rotated)
        is_real = values > values.max() * 1e-12
        energy = np.where(is_real, explained / np.where(is_real, values, 1.0), 0.0)
        penalty = _penalty(values, energy, self.total - energy.sum(), self.n_samples)
        right = (vectors / (values + penalty)) @ rotated
        return self._result(columns, np.eye(len(columns)), right, penalty)

    def _result(self, columns: Columns, left: Float, right: Float, penalty: float) -> RidgeFit:
        return RidgeFit(self.mean[columns], self.sd[columns], left, right, self.mean[self.targets], penalty)


def shared_ridge(train: ArrayLike, *, targets: ArrayLike | None = None) -> SharedRidge:
    """What the ridge regressions of all panels share, from a training matrix in memory.

    Parameters
    ----------
    train : array, shape (n_samples, n_genes)
    targets : array of int, optional
        Columns to predict; default all.

    Returns
    -------
    SharedRidge

    Raises
    ------
    ValueError
        If there are fewer than three samples, or a value is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factor = rng.normal(size=(30, 2))
    >>> values = factor @ rng.normal(size=(2, 50))
    >>> shared = shared_ridge(values)
    >>> float(np.abs(shared.fit([0, 1]).predict(values[:, [0, 1]]) - values).max()) < 0.01
    True
    """
    values = np.asarray(train, dtype=np.float64)
    if values.ndim != 2 or len(values) < 3:
        raise ValueError(f"the training matrix has shape {values.shape}; at least 3 samples in rows are wanted")
    if not np.isfinite(values).all():
        raise ValueError("the training matrix holds missing or infinite values; prepare it first")
    mean, sd = values.mean(axis=0), values.std(axis=0)
    columns = np.arange(values.shape[1]) if targets is None else np.asarray(targets, dtype=np.int64)
    if len(values) > values.shape[1]:
        return shared_ridge_of_blocks([values], mean, sd, n_samples=len(values), targets=columns)
    sd = scale_of(sd, values)
    scaled = (values - mean) / sd
    outputs = scaled[:, columns] * sd[columns]
    gram = outputs @ outputs.T
    return SharedRidge(mean, sd, len(values), scaled, columns, gram, np.zeros(0, np.int64), float(np.trace(gram)))


def shared_ridge_of_blocks(
    blocks: Iterable[ArrayLike],
    mean: Float,
    sd: Float,
    *,
    n_samples: int,
    targets: ArrayLike | None = None,
    panels: Sequence[ArrayLike] | None = None,
) -> SharedRidge:
    """The same from blocks of many samples: sums over samples, so that memory does not grow with their number.

    Parameters
    ----------
    blocks : iterable of array, shape (n_block, n_genes)
        Training samples.
    mean, sd : array, shape (n_genes,)
        Of all training samples; the SD divides by their number.
    n_samples : int
    targets : array of int, optional
        Columns to predict; default all.
    panels : sequence of array of int, optional
        Only these panels will be fitted, which saves memory; default any.

    Returns
    -------
    SharedRidge
    """
    sd = np.where(sd > 0, sd, 1.0)
    n_genes = len(mean)
    rows = np.arange(n_genes) if panels is None else np.unique(np.concatenate([np.asarray(p) for p in panels]))
    columns = np.arange(n_genes) if targets is None else np.asarray(targets, dtype=np.int64)
    gram, squares = np.zeros((len(rows), n_genes)), np.zeros(n_genes)
    for block in blocks:
        scaled = (np.asarray(block, dtype=np.float64) - mean) / sd
        gram += scaled[:, rows].T @ scaled
        squares += np.einsum("ij,ij->j", scaled, scaled)
    total = float((squares[columns] * sd[columns] ** 2).sum())
    return SharedRidge(mean, sd, n_samples, None, columns, gram, rows.astype(np.int64), total)


def scale_of(sd: Float, values: Float) -> Float:
    """SD to divide by: 1 for genes that do not vary beyond rounding."""
    return np.where(sd > 1e-9 * np.maximum(np.abs(values).max(axis=0), 1.0), sd, 1.0)


def _eigen(matrix: Float) -> tuple[Float, Float]:
    values, vectors = np.linalg.eigh(matrix)
    return np.maximum(values, 0.0), vectors


def _penalty(values: Float, energy: Float, outside: float, n_samples: int) -> float:
    """The penalty with the smallest GCV; `outside` is the sum of squares that the panel cannot reach at all."""
    rank = max(int((values > values.max() * 1e-12).sum()), 1)
    grid = PENALTIES * max(values.sum() / rank, 1e-12)
    shrink = grid[:, None] / (values + grid[:, None])
    rss = (shrink**2) @ energy + max(outside, 0.0)
    freedom = n_samples - 1 - (values / (values + grid[:, None])).sum(axis=1)
    return float(grid[np.argmin(rss / np.maximum(freedom, 1e-9) ** 2)])


def _positions(columns: Columns, rows: Columns) -> Columns:
    place = np.searchsorted(rows, columns)
    place = np.minimum(place, len(rows) - 1)
    lost = columns[rows[place] != columns]
    if len(lost):
        raise ValueError(f"column(s) {listed(lost)} are in no panel that the shared sums were made for; name the panel")
    return place
