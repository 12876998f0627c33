"""Preparation of persons within each of several tissues; all samples in one table of targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from decode.core.checks import listed
from decode.core.shown import shown
from decode.expression.person import PersonTargets, person_targets, rows_of_samples, table_counts
from decode.expression.person_reference import PersonReference
from decode.expression.targets import MEDIAN_LEVEL, check_targets
from decode.expression.task_kinds import TaskKind, with_task_kinds


@shown()
class TissueTargets(NamedTuple):
    """Targets of persons in several tissues, one table.

    Attributes
    ----------
    targets : pd.DataFrame
        As of one tissue; genes that are kept in any tissue, missing where they are not kept.
    references : dict of str to PersonReference
        By tissue.
    counts : dict of str to int
        Of the whole table, and n_tissues.
    steps : pd.DataFrame
        As of one tissue, with the column tissue first.
    """

    targets: pd.DataFrame
    references: dict[str, PersonReference]
    counts: dict[str, int]
    steps: pd.DataFrame


def person_targets_by_tissue(
    tpm: pd.DataFrame,
    samples: pd.DataFrame | None,
    tissue_column: str,
    *,
    prepare: Callable[[pd.DataFrame, pd.DataFrame | None], PersonTargets] = person_targets,
) -> TissueTargets:
    """Run the preparation within each tissue; the samples of all tissues are columns of one table.

    Parameters
    ----------
    tpm : pd.DataFrame, shape (n_genes, n_samples)
    samples : pd.DataFrame
        Index: sample names.
    tissue_column : str
        Column of `samples`.
    prepare : function of (tpm, samples)
        `person_targets`, with its options bound by functools.partial.

    Returns
    -------
    TissueTargets
        With `median_level`, that column is the mean of the gene's means over the tissues which keep it.

    Raises
    ------
    ValueError
        If the column is absent or has missing values, a tissue has one sample, or `prepare` fails (the tissue is
        named).

    Examples
    --------
    >>> tpm = pd.DataFrame({"a": [4, 900.5], "b": [9, 50.0], "c": [80, 3.0], "d": [70, 1.0]}, index=["G1", "G2"])
    >>> found = person_targets_by_tissue(tpm, pd.DataFrame({"tissue": list("xxyy")}, index=list("abcd")), "tissue")
    >>> found.counts["n_tissues"], int(found.targets.isna().sum().sum())
    (2, 0)
    """
    table = rows_of_samples(samples, tpm.columns, [tissue_column])
    if tissue_column not in table:
        raise ValueError(
            f"tissue column {tissue_column!r} is no column of the table of samples; it has {listed(table.columns, 12)}"
        )
    tissues = table[tissue_column]
    if tissues.isna().any():
        lost = listed(tissues.index[tissues.isna()])
        raise ValueError(f"samples without a tissue in column {tissue_column!r}: {lost}; complete the table")
    names = tissues.astype(str)
    parts: dict[str, PersonTargets] = {}
    for tissue in dict.fromkeys(names):
        own = (names == tissue).to_numpy()
        try:
            parts[tissue] = prepare(tpm.loc[:, own], table.loc[own])
        except ValueError as error:
            raise ValueError(f"tissue {tissue} ({int(own.sum())} samples): {error}") from error
    return _joined(parts, tpm)


def _joined(parts: dict[str, PersonTargets], tpm: pd.DataFrame) -> TissueTargets:
    first = next(iter(parts.values())).targets
    id_name = first.columns[0]
    kinds: dict[str, TaskKind] = {}
    frames = [part.targets.set_index(id_name) for part in parts.values()]
    for part in parts.values():
        kinds |= part.targets.attrs["task_kinds"]
    joined = pd.concat([frame.drop(columns=MEDIAN_LEVEL, errors="ignore") for frame in frames], axis=1)
    if MEDIAN_LEVEL in first:
        means = pd.concat([frame[MEDIAN_LEVEL] for frame in frames], axis=1).mean(axis=1)
        joined.insert(0, MEDIAN_LEVEL, means)
    wanted = [str(gene) for gene in tpm.index]
    place = joined.index.get_indexer(pd.Index(wanted))
    joined = joined.iloc[place[place >= 0]]
    joined = joined[[*([MEDIAN_LEVEL] if MEDIAN_LEVEL in joined else []), *(str(name) for name in tpm.columns)]]
    targets = joined.rename_axis(id_name).reset_index()
    check_targets(targets)
    targets = with_task_kinds(targets, kinds)
    counts = {"n_rows": len(tpm), "n_tissues": len(parts), **table_counts(targets, tpm.shape[1])}
    steps = pd.concat([part.steps.assign(tissue=tissue) for tissue, part in parts.items()], ignore_index=True)
    steps.insert(0, "tissue", steps.pop("tissue"))
    return TissueTargets(targets, {name: part.reference for name, part in parts.items()}, counts, steps)
