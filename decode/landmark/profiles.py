"""Profiles of an expression matrix in log2 units: is it linear, and which genes can be used?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.core.choices import ExpressionScale
from decode.landmark.probes import ProbeGroups
from decode.landmark.sources import SampleMatrix

logger = logging.getLogger(__name__)

LARGEST_LOG2 = 64.0  # a larger value shows linear values: 2^64 is no count
MAX_MISSING = 0.5  # share of missing genes from which a sample is refused


@dataclass(frozen=True, eq=False)
class LogProfiles:
    """Profiles of a source in log2 units, genes that are left out gone."""

    source: SampleMatrix
    groups: ProbeGroups | None
    is_linear: bool
    genes: NDArray[np.int64]

    def blocks(self, wanted: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Row numbers and profiles of the wanted samples, block by block."""
        for start, values in self.source.blocks():
            rows = np.flatnonzero(wanted[start : start + len(values)])
            if len(rows):
                chosen = np.log2(values[rows] + 1) if self.is_linear else values[rows]
                yield start + rows, _genes_of(chosen, self.groups)[:, self.genes]


def _genes_of(values: NDArray[np.float64], groups: ProbeGroups | None) -> NDArray[np.float64]:
    return values if groups is None else groups.means(values)


def scan_profiles(
    source: SampleMatrix, groups: ProbeGroups | None, scale: ExpressionScale, *, keep_constant: bool = False
) -> tuple[LogProfiles, dict[str, Any]]:
    """One pass: unit of the values, and genes with missing or constant values."""
    n_genes = len(source.gene_ids) if groups is None else len(groups.gene_ids)
    highest, lowest = np.empty(source.n_samples), np.empty(source.n_samples)
    missing = np.zeros(source.n_samples)
    is_incomplete, low, high = np.zeros(n_genes, dtype=bool), np.full(n_genes, np.inf), np.full(n_genes, -np.inf)
    for start, values in source.blocks():
        rows = slice(start, start + len(values))
        with np.errstate(invalid="ignore"):
            highest[rows] = np.fmax.reduce(values, axis=1)
            lowest[rows] = np.fmin.reduce(values, axis=1)
        missing[rows] = np.isnan(values).mean(axis=1)
        genes = _genes_of(values, groups)
        is_incomplete |= np.isnan(genes).any(axis=0)
        low, high = np.fmin(low, genes.min(axis=0)), np.fmax(high, genes.max(axis=0))
    ids = np.asarray(source.sample_ids, dtype=object)
    _refuse_samples(source.name, ids[missing > MAX_MISSING], f"miss more than {MAX_MISSING:.0%} of their genes")
    _refuse_samples(source.name, ids[~(highest > lowest)], "have the same value in every gene")
    is_linear = is_linear_scale(highest, lowest, ids, scale, source.name)
    is_constant = ~is_incomplete & ~(high > low) & (not keep_constant)
    keep = np.flatnonzero(~is_incomplete & ~is_constant)
    gene_ids = np.asarray(source.gene_ids if groups is None else groups.gene_ids, dtype=object)
    for what, left_out in (("missing values", is_incomplete), ("the same value in every sample", is_constant)):
        if left_out.any():
            logger.warning("%s: %d genes with %s are left out: %s", source.name, left_out.sum(), what,
                           listed(gene_ids[left_out]))  # fmt: skip
    if len(keep) < 2:
        raise ValueError(
            f"{source.name} has {len(keep)} gene(s) without missing values that vary over its {source.n_samples} "
            "samples; at least 2 are wanted"
        )
    counts: dict[str, Any] = {"n_samples_read": source.n_samples, "n_rows_read": len(source.gene_ids)}
    counts |= {} if groups is None else groups.counts
    counts |= {
        "n_genes_missing": int(is_incomplete.sum()), "n_genes_constant": int(is_constant.sum()), "n_genes": len(keep),
    }  # fmt: skip
    return LogProfiles(source, groups, is_linear, keep), counts


def _refuse_samples(name: str, ids: NDArray[np.object_], what: str) -> None:
    if len(ids):
        raise ValueError(f"{len(ids)} sample(s) of {name} {what}: {listed(ids)}; leave them out")


def is_linear_scale(
    highest: NDArray[np.float64],
    lowest: NDArray[np.float64],
    ids: NDArray[np.object_],
    scale: ExpressionScale,
    name: str,
) -> bool:
    """Whether the values of a matrix are linear, by the largest and smallest value of every sample.

    Raises
    ------
    ValueError
        If some samples are linear and some log2, linear values are negative, or log2 values are above 64.

    Examples
    --------
    >>> ids = np.array(["a", "b"], dtype=object)
    >>> is_linear_scale(np.array([9000.0, 7000.0]), np.array([1.0, 2.0]), ids, "auto", "demo")
    True
    """
    looks_linear = highest > LARGEST_LOG2
    if looks_linear.any() and not looks_linear.all() and scale != "linear":
        raise ValueError(
            f"{name} mixes linear and log2 values: {int(looks_linear.sum())} samples have values above "
            f"{LARGEST_LOG2:g} ({listed(ids[looks_linear], 3)}), {int((~looks_linear).sum())} have none "
            f"({listed(ids[~looks_linear], 3)}); bring all to one scale"
        )
    if scale == "log2" and looks_linear.any():
        raise ValueError(
            f"{name} has values up to {highest.max():g}, too large for log2 ({listed(ids[looks_linear], 3)}); give "
            "--scale linear"
        )
    if scale == "linear" and looks_linear.any() and not looks_linear.all():
        logger.warning("%s: %d samples have no value above %g, as if they were log2 already: %s", name,
                       int((~looks_linear).sum()), LARGEST_LOG2, listed(ids[~looks_linear]))  # fmt: skip
    is_linear = scale == "linear" or bool(looks_linear.all())
    if is_linear and (lowest < 0).any():
        raise ValueError(
            f"{name} holds negative values ({listed(ids[lowest < 0], 3)}) beside values up to {highest.max():g}; set "
            "negative linear values to 0, or give log2 values"
        )
    return is_linear
