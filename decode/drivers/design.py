"""What the screens of all targets of the same genes share: columns without covariates, folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr

from decode.core.threads import one_blas_thread

Float = NDArray[np.float64]
N_FOLDS = 5
LEAST_SPREAD = 1e-6  # of a column's root mean square: if the covariates leave less, it is switched off


class Design(NamedTuple):
    """Columns without what the covariates explain, and their products: what all targets of the same genes share.

    Attributes
    ----------
    columns : float64 array, shape (n_genes, n_columns)
        SD 1, or 0 where a column is switched off.
    mean : float64 array, shape (n_columns,)
        Of the columns as given.
    scale : float64 array, shape (n_columns,)
        As given, per SD of what the covariates leave; infinite where a column is switched off.
    basis : float64 array, shape (n_genes, n_covariates + 1)
        Orthonormal; spans the constant and the covariates.
    folds : int64 array, shape (n_genes,)
    grams : list of float64 array, shape (n_columns, n_columns)
        Columns' products with each other over the genes of each fold.
    """

    columns: Float
    mean: Float
    scale: Float
    basis: Float
    folds: NDArray[np.int64]
    grams: list[Float]

    @property
    def gram(self) -> Float:
        """Products over all genes."""
        return np.asarray(np.sum(self.grams, axis=0))


@one_blas_thread()
def make_design(x: ArrayLike, covariates: ArrayLike, *, groups: ArrayLike | None = None, seed: int = 0) -> Design:
    """Prepare a screen of one or several targets of the same genes.

    Parameters
    ----------
    x, covariates, groups, seed : as in `screen`

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        If shapes disagree or a number is undefined.
    """
    values, cov = np.asarray(x, dtype=np.float64), np.asarray(covariates, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"x has shape {values.shape}; at least one gene and one column are wanted")
    if cov.ndim != 2 or len(cov) != len(values):
        raise ValueError(f"x has {len(values)} genes, covariates the shape {cov.shape}; the same genes are wanted")
    check_finite(x=values, covariates=cov)
    basis = covariate_basis(cov)
    columns = values - basis @ (basis.T @ values)
    scale = columns.std(axis=0)
    scale = np.where(scale > LEAST_SPREAD * np.sqrt((values**2).mean(axis=0)), scale, np.inf)
    columns /= scale
    folds = gene_folds(len(values), groups, seed)
    grams = [columns[rows].T @ columns[rows] for rows in (folds == number for number in range(folds.max() + 1))]
    return Design(columns, values.mean(axis=0), scale, basis, folds, grams)


def check_finite(**arrays: Float) -> None:
    """Raise ValueError naming the array that holds undefined numbers."""
    for name, numbers in arrays.items():
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} holds {int((~np.isfinite(numbers)).sum())} undefined numbers; leave these out")


def covariate_basis(covariates: Float) -> Float:
    """Orthonormal columns that span a constant and the covariates; covariates that repeat others add none.

    Parameters
    ----------
    covariates : array, shape (n_genes, n_covariates)

    Returns
    -------
    float64 array, shape (n_genes, rank)

    Examples
    --------
    >>> covariate_basis(np.array([[1.0, 2.0], [2.0, 4.0], [6.0, 12.0]])).shape
    (3, 2)
    """
    spread = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    basis, triangle, _ = qr(np.column_stack([np.ones(len(covariates)), scaled]), mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.asarray(basis[:, : int((diagonal > 1e-10 * diagonal[0]).sum())])


def gene_folds(n_genes: int, groups: ArrayLike | None, seed: int, n_folds: int = N_FOLDS) -> NDArray[np.int64]:
    """Fold of each gene: whole groups, the largest first into the fold that has the fewest genes.

    Parameters
    ----------
    n_genes : int
    groups : array, shape (n_genes,), or None
        Chromosomes. None, or a single group: genes at random.
    seed : int
    n_folds : int

    Returns
    -------
    int64 array, shape (n_genes,)

    Examples
    --------
    >>> gene_folds(6, ["chr1", "chr1", "chr1", "chr2", "chr2", "chr3"], 0, n_folds=2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    names = None if groups is None else np.asarray(groups, dtype=object).astype(str)
    if names is not None and names.shape != (n_genes,):
        raise ValueError(f"groups has shape {names.shape}; one for each of the {n_genes} genes is wanted")
    if names is None or len(np.unique(names)) < 2:
        return np.random.default_rng(seed).permutation(np.arange(n_genes) % min(n_folds, n_genes)).astype(np.int64)
    _, code, sizes = np.unique(names, return_inverse=True, return_counts=True)
    load = np.zeros(min(n_folds, len(sizes)))
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold_of[group] = int(np.argmin(load))
        load[fold_of[group]] += sizes[group]
    return fold_of[code]
