"""Counts of samples: to TPM by the lengths of the genes, and the deepest sample of each person."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from decode.core.checks import check_matched, check_unique, listed
from decode.expression.samples import LARGEST_LOG2, MILLION
from decode.expression.tissue import checked_values

logger = logging.getLogger(__name__)


def counts_to_tpm(counts: pd.DataFrame, length_bp: pd.Series) -> tuple[pd.DataFrame, dict[str, int]]:
    """Transcripts per million from counts and gene lengths.

    TPM[g, s] = 1e6 (c[g, s] / length[g]) / sum over genes of (c / length), over the genes whose length is known.

    Parameters
    ----------
    counts : pd.DataFrame, shape (n_rows, n_samples)
        By gene id; expected counts with fractions are fine. NaN stays NaN and counts as nothing in the sum.
    length_bp : pd.Series
        Spliced length of each gene, in bases; index: gene ids.

    Returns
    -------
    tpm : pd.DataFrame, shape (n_genes, n_samples)
        Rows with a length, in their order.
    numbers : dict of str to int
        n_rows, n_without_length.

    Raises
    ------
    TypeError
        If `counts` is no DataFrame.
    ValueError
        If counts are negative, infinite, text, or look like logarithms; if fewer than half of the rows (or lengths)
        match; if a length is not above 0; if a sample holds no count.

    References
    ----------
    Li and Dewey 2011, doi:10.1186/1471-2105-12-323.

    Examples
    --------
    >>> counts = pd.DataFrame({"s": [30, 10, 7]}, index=["A", "B", "other"])
    >>> counts_to_tpm(counts, pd.Series({"A": 3000, "B": 1000}))[0]["s"].tolist()
    [500000.0, 500000.0]
    """
    values = checked_values(counts, "table of counts", negative=False)
    check_unique("genes with a length", length_bp.index)
    if not (length_bp > 0).all():
        raise ValueError(f"gene lengths must be above 0 bases; got {listed(length_bp.index[~(length_bp > 0)])}")
    largest = float(np.nanmax(values, initial=0.0))
    present = values[~np.isnan(values)]
    if largest < LARGEST_LOG2 and (present != np.floor(present)).any():
        raise ValueError(
            f"the largest value of the table of counts is {largest:g}, with fractions: it looks like logarithms; give "
            "counts, or leave out --counts and give --already-log2"
        )
    rows = [str(gene) for gene in counts.index]
    _, warning = check_matched("table of counts", rows, [str(gene) for gene in length_bp.index])
    if warning:
        logger.warning(warning)
    lengths = length_bp.reindex(counts.index).to_numpy(dtype=np.float64)
    known = ~np.isnan(lengths)
    tpm = per_million(
        pd.DataFrame(values[known] / lengths[known, None], index=counts.index[known], columns=counts.columns)
    )
    share = np.nansum(values[~known]) / max(float(np.nansum(values)), 1.0)
    logger.info(
        "counts to TPM: %d rows have a length, %d have none (%.1f %% of all counts) and are left out",
        *(int(known.sum()), int((~known).sum()), 100 * share),
    )
    return tpm, {"n_rows": len(rows), "n_without_length": int((~known).sum())}


def per_million(values: pd.DataFrame) -> pd.DataFrame:
    """Every sample scaled to a sum of a million.

    Parameters
    ----------
    values : pd.DataFrame, shape (n_genes, n_samples)
        Linear, not negative; NaN stays NaN and counts as nothing.

    Returns
    -------
    pd.DataFrame

    Raises
    ------
    ValueError
        If a sample holds nothing.

    Examples
    --------
    >>> per_million(pd.DataFrame({"s": [1.0, 3.0]}))["s"].tolist()
    [250000.0, 750000.0]
    """
    totals = values.sum(axis=0)
    empty = totals.index[totals <= 0]
    if len(empty):
        raise ValueError(f"samples without any expression: {listed(empty)}; leave them out")
    return values / totals * MILLION


def deepest_samples(totals: pd.Series, persons: pd.Series) -> list[str]:
    """The sample with the largest total of each person.

    Parameters
    ----------
    totals : pd.Series
        Sum of counts by sample.
    persons : pd.Series
        The person of each sample, same index.

    Returns
    -------
    list of str
        In the order of `totals`; of equal totals the first.

    Raises
    ------
    ValueError
        If a sample has no person.

    Examples
    --------
    >>> deepest_samples(pd.Series({"a": 5, "b": 9, "c": 1}), pd.Series({"a": "P", "b": "P", "c": "Q"}))
    ['b', 'c']
    """
    owners = persons.reindex(totals.index)
    if owners.isna().any():
        lost = owners.index[owners.isna()]
        raise ValueError(f"samples without a person in column {persons.name!r}: {listed(lost)}; complete the table")
    order = totals.sort_values(ascending=False, kind="stable").index
    chosen = set(order[~owners.loc[order].duplicated()])
    logger.info("deepest samples: %d of %d samples, one a person", len(chosen), len(totals))
    return [str(name) for name in totals.index if name in chosen]
