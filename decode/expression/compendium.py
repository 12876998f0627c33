"""How expression of genes goes together between like samples: residuals of samples, whole or as a compact model.

Where nothing differs between two sets of samples, the statistics of two genes are as correlated as the genes' residual
expression is. That is what a p-value of a regulator has to know (`decode.drivers.noise`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svd

from decode.core.checks import check_count, check_unique, listed
from decode.core.files import atomic_path, check_input
from decode.statistics.moderated_t import fit_linear_models

logger = logging.getLogger(__name__)

SHIPPED = "tumours.npz"
SCHEMA_VERSION = 1
LEAST_DF = 3  # residual degrees of freedom of a group; with fewer, all genes seem to go together
LEAST_SD = 0.1  # log2 units; below that a gene is taken as not measured
ENOUGH_DF = 20  # below that a warning: the correlation is known badly
COARSEST = 127  # largest number of a factor as stored, int8


class NoiseGroup(NamedTuple):
    """Residual expression of one group of like samples, as factors.

    Attributes
    ----------
    name : str
    factors : float32 array, shape (n_genes, n_factors)
        Row g times row h is the correlation of the genes g and h. The sum of squares of a row is the share of the
        gene's variance that the factors hold, at most 1; a row of zeros is a gene that was not measured.
    df : int
        Residual degrees of freedom of the samples behind it.
    """

    name: str
    factors: NDArray[np.float32]
    df: int


class GeneCorrelation(NamedTuple):
    """Correlation of genes between like samples, in one or several groups of samples.

    Attributes
    ----------
    gene_ids : list of str
    groups : list of NoiseGroup
    source : str
        Which samples it comes from, in words.
    """

    gene_ids: list[str]
    groups: list[NoiseGroup]
    source: str


def residual_correlation(
    values: pd.DataFrame, groups: Sequence[str] | None = None, *, design: ArrayLike | None = None, source: str
) -> GeneCorrelation:
    """Correlation of genes over residual samples: what is left beside group means or beside a design.

    Parameters
    ----------
    values : pd.DataFrame, shape (n_genes, n_samples)
        log2 expression by gene id; finite.
    groups : sequence of str, shape (n_samples,), optional
        Group of each sample (cohort, tissue); each group's mean is taken out and the groups stay apart. Groups of
        fewer than four samples are left out, with a warning. Default: one group.
    design : array, shape (n_samples, n_terms), optional
        Instead of groups: everything that the design explains is taken out.
    source : str

    Returns
    -------
    GeneCorrelation

    Raises
    ------
    ValueError
        If ids repeat, values are undefined, or no group leaves three residual degrees of freedom.

    Examples
    --------
    >>> values = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 9)), index=list("abcde"))
    >>> found = residual_correlation(values, ["x"] * 5 + ["y"] * 4, source="example")
    >>> [(group.name, group.factors.shape, group.df) for group in found.groups]
    [('x', (5, 5), 4), ('y', (5, 4), 3)]
    """
    gene_ids = [str(gene) for gene in values.index]
    check_unique("genes of the expression table", gene_ids)
    numbers = values.to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("the expression table holds undefined numbers; leave these genes out")
    if design is not None:
        parts = [("samples", np.arange(numbers.shape[1]), np.asarray(design, dtype=np.float64))]
    else:
        names = np.asarray(["samples"] * numbers.shape[1] if groups is None else list(groups), dtype=object).astype(str)
        if names.shape != (numbers.shape[1],):
            raise ValueError(f"{len(names)} groups for {numbers.shape[1]} samples; one a sample is wanted")
        members = [(str(name), np.flatnonzero(names == name)) for name in np.unique(names)]
        small = [name for name, rows in members if len(rows) <= LEAST_DF]
        if small:
            logger.warning("%d groups of fewer than four samples are left out: %s", len(small), listed(small))
        parts = [(name, rows, np.ones((len(rows), 1))) for name, rows in members if len(rows) > LEAST_DF]
    found = [_noise_group(name, numbers[:, rows], own) for name, rows, own in parts]
    if not found:
        raise ValueError(
            f"no group has more than {LEAST_DF} samples; give larger groups, another --compendium, or none (the model "
            "that ships with the package is used then)"
        )
    return GeneCorrelation(gene_ids, found, source)


def _noise_group(name: str, values: NDArray[np.float64], design: NDArray[np.float64]) -> NoiseGroup:
    fit = fit_linear_models(values, design)
    if fit.df < LEAST_DF:
        raise ValueError(
            f"the design leaves {fit.df} residual degrees of freedom; at least {LEAST_DF} are needed to see how genes "
            "go together: leave out the samples (--expression), and the model that ships with the package is used"
        )
    if fit.df < ENOUGH_DF:
        logger.warning("%s: %d residual degrees of freedom; correlation of genes is known coarsely", name, fit.df)
    size = np.sqrt((fit.residuals**2).sum(axis=1, keepdims=True))
    is_measured = size > LEAST_SD * np.sqrt(fit.df)
    factors = np.where(is_measured, fit.residuals / np.where(is_measured, size, 1.0), 0.0)
    return NoiseGroup(name, factors.astype(np.float32), fit.df)


def compact(correlation: GeneCorrelation, n_factors: int) -> GeneCorrelation:
    """Keep the leading components of each group; what they leave of a gene's variance counts as its own.

    Parameters
    ----------
    correlation : GeneCorrelation
    n_factors : int
        A group.

    Returns
    -------
    GeneCorrelation
    """
    check_count("n_factors", n_factors)
    groups = []
    for group in correlation.groups:
        left, size, _ = svd(group.factors.astype(np.float64), full_matrices=False)
        factors = (left * size)[:, :n_factors]
        groups.append(group._replace(factors=factors.astype(np.float32)))
    return correlation._replace(groups=groups)


def take_genes(correlation: GeneCorrelation, gene_ids: Iterable[str]) -> tuple[list[NoiseGroup], int]:
    """The factors of some genes, in their order; a gene that is absent gets zeros: it goes with no other.

    Parameters
    ----------
    correlation : GeneCorrelation
    gene_ids : iterable of str

    Returns
    -------
    groups : list of NoiseGroup
    n_known : int
        Genes that are measured in some group.
    """
    place = pd.Index(correlation.gene_ids).get_indexer(pd.Index(list(gene_ids)))
    groups = []
    for group in correlation.groups:
        factors = group.factors[place]
        factors[place < 0] = 0.0
        groups.append(group._replace(factors=factors))
    is_known = np.zeros(len(place), dtype=bool)
    for group in groups:
        is_known |= (group.factors != 0).any(axis=1)
    return groups, int(is_known.sum())


def write_correlation(correlation: GeneCorrelation, path: str | Path) -> None:
    """Write a correlation as a compressed array file, factors as int8 with one scale a factor.

    Parameters
    ----------
    correlation : GeneCorrelation
    path : str or Path
        `.npz`; replaced atomically.
    """
    arrays: dict[str, Any] = {
        "schema_version": np.array(SCHEMA_VERSION),
        "source": np.array(correlation.source),
        "gene_ids": np.array(correlation.gene_ids),
        "group_names": np.array([group.name for group in correlation.groups]),
        "df": np.array([group.df for group in correlation.groups]),
    }
    for number, group in enumerate(correlation.groups):
        scale = np.abs(group.factors).max(axis=0, initial=1e-12) / COARSEST
        arrays[f"factors_{number}"] = np.rint(group.factors / scale).astype(np.int8)
        arrays[f"scale_{number}"] = scale.astype(np.float32)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_correlation(path: str | Path) -> GeneCorrelation:
    """Read what `write_correlation` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    GeneCorrelation

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such file, or damaged.
    """
    path = check_input(path, "correlation of genes")
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["schema_version"]) != SCHEMA_VERSION:
                raise ValueError(f"schema version {stored['schema_version']}; {SCHEMA_VERSION} is read")
            groups = []
            for number, (name, df) in enumerate(zip(stored["group_names"], stored["df"], strict=True)):
                factors = stored[f"factors_{number}"].astype(np.float32) * stored[f"scale_{number}"]
                size = np.sqrt((factors**2).sum(axis=1, keepdims=True))
                groups.append(NoiseGroup(str(name), factors / np.maximum(size, 1.0), int(df)))
            return GeneCorrelation(stored["gene_ids"].tolist(), groups, str(stored["source"]))
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(
            f"{path} is no correlation of genes as decode writes it ({error}); give an expression table, or "
            "write it again"
        ) from error


def shipped_correlation() -> GeneCorrelation:
    """The compact model in the package: residual expression of 350 tumours of six cohorts, hg19 Ensembl gene ids.

    Returns
    -------
    GeneCorrelation

    Notes
    -----
    TCGA RNA-seq, open access (RSEM, log2(x + 1)), cohort means out; the 40 leading components of each cohort. Made by
    data_prep/compendium.py, which holds cohorts, counts and hash.

    References
    ----------
    Weinstein et al. 2013, doi:10.1038/ng.2764 (TCGA).
    """
    with resources.as_file(resources.files("decode.expression").joinpath("data", SHIPPED)) as path:
        return read_correlation(path)
