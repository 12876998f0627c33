"""Choose genes one by one so that ridge regression on them predicts all genes of samples that it has not seen."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.core.threads import one_blas_thread

Float = NDArray[np.float64]

FIRST_CHOICE, GROWTH = 10, 1.3  # panel sizes at which the penalty is chosen anew: 10, 13, 17, ...
START_PENALTY = 0.5  # of the number of training samples; a standardised gene has a sum of squares of n
STEPS = np.geomspace(0.25, 4.0, 9)  # penalties tried, times the present one


@one_blas_thread()
def greedy_ridge(scaled: ArrayLike, size: int, *, weights: ArrayLike | None = None) -> tuple[NDArray[np.int64], Float]:
    """Forward selection under leave-one-out cross-validated ridge regression.

    Each step adds the gene with which ridge regression on the panel predicts all genes of a left-out training sample
    best, the mean over left-out samples and genes. Exact projection, which measures the fit to the samples themselves,
    has nothing left to choose by once the panel has as many genes as there are samples, and chooses noise before; the
    leave-one-out error does not.

    Parameters
    ----------
    scaled : array, shape (n_samples, n_genes)
        Training samples, every gene with mean 0 and SD 1 (constant genes 0).
    size : int
        Genes to choose.
    weights : array, shape (n_genes,), optional
        What a gene's error counts, such as its SD: then errors are in the unit of expression, and a gene that is seen
        in one sample only, whose error in SDs is huge when that sample is left out, does not decide. Default 1 each.

    Returns
    -------
    columns : int array, shape (size,)
        In the order in which they were chosen: the first k are the panel of size k.
    error : float64 array, shape (size,)
        Leave-one-out mean squared error after each step, over samples and (weighted) genes.

    Notes
    -----
    K = X_S X_S', G = (K + l I)^-1, M = Y Y' of the weighted genes, B = G M G. The leave-one-out residual of sample i
    and gene t is (G Y)_it / (G_ii - 1 / (n l)), where 1 / (n l) is the part of the intercept (Allen's PRESS in its dual
    form), so the error is sum_i B_ii / (G_ii - 1 / (n l))^2. A further gene x changes G by -u u' / s and B by
    -(u a' + a u') / s + c u u' / s^2 with u = G x, a = B x, s = 1 + x' u, c = x' a. u and a of all genes are kept and
    updated, so a step costs a few passes over n_samples x n_genes numbers. The penalty l is chosen anew by the same
    error at panel sizes 10, 13, 17, ...

    References
    ----------
    Allen 1974, Technometrics 16:125 (PRESS). Miller 2002, Subset Selection in Regression, section 3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hubs = rng.normal(size=(40, 2))
    >>> genes = np.hstack([hubs, hubs @ rng.normal(size=(2, 20)) + 0.3 * rng.normal(size=(40, 20))])
    >>> columns, error = greedy_ridge((genes - genes.mean(0)) / genes.std(0), 2)
    >>> sorted(columns.tolist()), bool(error[1] < error[0])
    ([0, 1], True)
    """
    genes = np.ascontiguousarray(np.asarray(scaled, dtype=np.float64).T)  # a gene's samples side by side
    n_genes, n_samples = genes.shape
    weighted = genes if weights is None else genes * np.asarray(weights, dtype=np.float64)[:, None]
    sums = weighted.T @ weighted
    kernel = np.zeros((n_samples, n_samples))
    penalty, next_choice = START_PENALTY * n_samples, FIRST_CHOICE
    is_taken = (genes**2).sum(axis=1) == 0
    error, columns, trace = np.empty(n_genes), np.zeros(size, np.int64), np.zeros(size)
    state = _State(genes, kernel, sums, penalty)
    for step in range(size):
        if step >= next_choice:
            penalty, next_choice = best_penalty(kernel, sums, penalty * STEPS), math.ceil(next_choice * GROWTH)
            state = _State(genes, kernel, sums, penalty)
        state.errors(is_taken, error)
        gene = int(np.argmin(error)) if not is_taken.all() else _first_left(n_genes, columns[:step])
        columns[step], trace[step] = gene, error[gene] / (n_samples * n_genes)
        is_taken[gene] = True
        kernel += np.outer(genes[gene], genes[gene])
        state.add(gene)
    return columns, trace


def _first_left(n_genes: int, columns: NDArray[np.int64]) -> int:
    """A constant gene, where nothing else is left."""
    return int(np.setdiff1d(np.arange(n_genes), columns)[0])


def best_penalty(kernel: Float, sums: Float, penalties: Float) -> float:
    """Of some penalties the one with the smallest leave-one-out error of a panel.

    Parameters
    ----------
    kernel : array, shape (n_samples, n_samples)
        Products of samples over the panel's genes.
    sums : array, shape (n_samples, n_samples)
        Products of samples over all genes.
    penalties : array, shape (n,)
    """
    values, vectors = np.linalg.eigh(kernel)
    values, rotated = np.maximum(values, 0.0), vectors.T @ sums @ vectors
    errors = []
    for penalty in penalties:
        weighted = vectors / (values + penalty)
        alone = np.einsum("ij,ij->i", weighted, vectors) - 1 / (len(kernel) * penalty)
        errors.append((np.einsum("ij,ij->i", weighted @ rotated, weighted) / alone**2).sum())
    return float(penalties[int(np.argmin(errors))])


class _State:
    """G and B of the panel, with u = G x and a = B x of every gene x."""

    def __init__(self, genes: Float, kernel: Float, sums: Float, penalty: float):
        values, vectors = np.linalg.eigh(kernel)
        self.genes = genes
        self.intercept = 1 / (len(kernel) * penalty)
        self.inverse = (vectors / (np.maximum(values, 0.0) + penalty)) @ vectors.T
        self.both = self.inverse @ sums @ self.inverse
        self.u, self.a = genes @ self.inverse, genes @ self.both
        n_genes, n_samples = genes.shape
        self.last = (np.zeros(n_samples), np.zeros(n_samples), np.zeros(n_genes), np.zeros(n_genes), 1.0, 0.0)

    def errors(self, is_taken: NDArray[np.bool_], out: Float) -> None:
        """Take the last gene into u and a; leave-one-out error with each further gene, infinite for those taken."""
        alone = np.diag(self.inverse) - self.intercept
        _update(self.genes, self.u, self.a, alone, np.diag(self.both).copy(), is_taken, *self.last, out)

    def add(self, gene: int) -> None:
        x, u, a = self.genes[gene], self.u[gene].copy(), self.a[gene].copy()
        s, c = 1 + float(x @ u), float(x @ a)
        self.last = (u, a, self.u @ x, self.a @ x, s, c)
        self.inverse = self.inverse - np.outer(u, u) / s
        self.both = self.both - (np.outer(u, a) + np.outer(a, u)) / s + (c / s**2) * np.outer(u, u)


@numba.njit(cache=True, fastmath=True)
def _update(genes, all_u, all_a, alone, both, is_taken, u, a, ux, ax, s, c, out):  # type: ignore[no-untyped-def]
    n_genes, n_samples = genes.shape
    for j in range(n_genes):
        f, h = ux[j] / s, (c * ux[j] / s - ax[j]) / s
        d, q = 0.0, 0.0
        for i in range(n_samples):
            all_u[j, i] -= u[i] * f
            all_a[j, i] += u[i] * h - a[i] * f
            d += genes[j, i] * all_u[j, i]
            q += genes[j, i] * all_a[j, i]
        if is_taken[j]:
            out[j] = np.inf
            continue
        r, total = 1.0 / (1.0 + d), 0.0
        q *= r * r
        for i in range(n_samples):
            w = all_u[j, i]
            left = alone[i] - w * w * r
            total += (both[i] - 2.0 * w * all_a[j, i] * r + w * w * q) / (left * left)
        out[j] = total


@one_blas_thread()
def greedy_projection(scaled: ArrayLike, size: int) -> tuple[NDArray[np.int64], Float]:
    """Column subset selection: each step adds the gene that explains most of what is left of all genes.

    When nothing is left (as many genes as samples), the residuals start afresh without the genes already chosen.

    Parameters
    ----------
    scaled : array, shape (n_samples, n_genes)
        Training samples, every gene with mean 0 and SD 1 (constant genes 0).
    size : int

    Returns
    -------
    columns : int array, shape (size,)
    explained : float64 array, shape (size,)
        Share of the variance of all genes that each gene explains beyond those before it (of its round).

    Notes
    -----
    With residuals R the gain of gene j is |R' r_j|^2 / |r_j|^2 (Farahat et al. 2011), kept up to date by rank-one
    changes. With q the unit residual of the chosen gene, w = R' q and v_j = r_j' R w: r_j becomes r_j - q w_j, |r_j|^2
    falls by w_j^2, and |R' r_j|^2 becomes |R' r_j|^2 - 2 w_j v_j + w_j^2 |w|^2.

    References
    ----------
    Farahat, Ghodsi & Kamel 2011, IEEE ICDM 161: an efficient greedy method for unsupervised feature selection.

    Examples
    --------
    >>> columns, explained = greedy_projection([[1.0, 0.9, 0.0], [-1.0, -0.9, 0.0], [0.0, 0.0, 0.5]], 2)
    >>> columns.tolist()
    [0, 2]
    """
    genes = np.asarray(scaled, dtype=np.float64)
    columns, explained = np.zeros(size, np.int64), np.zeros(size)
    is_taken = np.zeros(genes.shape[1], dtype=bool)
    total, step = max(float((genes**2).sum()), 1e-300), 0
    while step < size:
        residual, first = genes.copy(), step
        floor = 1e-9 * max(float((genes**2).sum(axis=0).max()), 1e-300)
        squares = (residual**2).sum(axis=0)
        gains = ((residual.T @ (residual @ residual.T)) * residual.T).sum(axis=1)
        while step < size:
            score = np.where(is_taken | (squares <= floor), -1.0, gains / np.maximum(squares, floor))
            gene = int(np.argmax(score))
            if score[gene] < 0:
                break
            columns[step], explained[step], is_taken[gene] = gene, score[gene] / total, True
            direction = residual[:, gene] / np.sqrt(squares[gene])
            weights = direction @ residual
            shared = (residual @ weights) @ residual
            gains += -2 * weights * shared + weights**2 * (weights @ weights)
            squares -= weights**2
            residual -= np.outer(direction, weights)
            step += 1
        if step == first:  # only constant genes are left
            rest = np.flatnonzero(~is_taken)[: size - step]
            columns[step:] = rest
            step = size
    return columns, explained
