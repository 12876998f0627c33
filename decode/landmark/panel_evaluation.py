"""Judge a panel beside other panels, methods and random panels: curves, comparisons, band, imputers, sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from decode.core.choices import Imputation, PanelMethod
from decode.core.executor import get_executor
from decode.core.shown import shown
from decode.landmark.imputer_peers import check_imputers, imputer_peers
from decode.landmark.panel_comparisons import band_table, compare_panels
from decode.landmark.panel_curves import (
    CHOSEN_ANEW,
    RANDOM,
    SIZES,
    JudgedPanel,
    curves_table,
    gene_table,
    judge_panels,
    panels_table,
)
from decode.landmark.panel_genes import PanelGenes, panel_genes
from decode.landmark.panel_splits import Split, evaluation_splits
from decode.landmark.panel_summary import summary_lines
from decode.landmark.prepared import TEST, TRAIN, VALIDATION, PreparedExpression

logger = logging.getLogger(__name__)

PANEL = "panel"  # the name of the panel that is judged
N_RANDOM_IMPUTED = 3  # random panels on which every imputer is fitted
Panel = ArrayLike | pd.DataFrame


@shown()
class PanelEvaluation(NamedTuple):
    """What a panel is worth.

    Attributes
    ----------
    panels : pd.DataFrame
        One row a split, panel, draw and size, see `decode.landmark.panel_curves.panels_table`.
    curves : pd.DataFrame
        Means over draws and splits, see `decode.landmark.panel_curves.curves_table`.
    comparisons : pd.DataFrame
        Differences to the reference panel and to random panels, see `decode.landmark.panel_comparisons.compare_panels`.
    band : pd.DataFrame
        Spread of the random panels, by split and size.
    per_gene : pd.DataFrame
        Of the first split at the largest size: gene_id, panel, size, mae, pcc, is_passing.
    imputers : pd.DataFrame
        Imputers by panel on the first split, see `decode.landmark.imputer_peers`; no rows where none was asked for.
    summary : list of str
        Sentences.
    """

    panels: pd.DataFrame
    curves: pd.DataFrame
    comparisons: pd.DataFrame
    band: pd.DataFrame
    per_gene: pd.DataFrame
    imputers: pd.DataFrame
    summary: list[str]


def evaluate_panel(
    prepared: PreparedExpression,
    panel: Panel,
    *,
    others: Mapping[str, Panel] | None = None,
    against: str | None = None,
    methods: Sequence[PanelMethod] = CHOSEN_ANEW,
    sizes: Sequence[int] = SIZES,
    n_random: int = 20,
    n_splits: int = 1,
    groups: ArrayLike | None = None,
    imputers: Sequence[Imputation] = (),
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    executor: Any = "serial",
) -> PanelEvaluation:
    """Judge a panel by ridge regression on test samples, on genes that no panel holds.

    Parameters
    ----------
    prepared : PreparedExpression
        Methods choose on the training samples of each split.
    panel : sequence of str, or pd.DataFrame
        The panel, named "panel" in the results; see `decode.landmark.panel_genes.panel_genes` for its order.
    others : mapping of name to panel, optional
        Further panels.
    against : str, optional
        The name in `others` that all panels are compared with and share genes with.
    methods : sequence of str
        Nested methods of `order_genes` that choose anew on each split.
    sizes : sequence of int
        A size beyond the panel's is cut to the panel's.
    n_random : int, default 20
        Random panels a split.
    n_splits, groups, seed
        See `decode.landmark.panel_splits.evaluation_splits`.
    imputers : sequence of str
        Imputers that are fitted on every panel of the largest size (and on three random ones), on the first split.
    on_progress : callable, optional
        Called with (done, total) splits.
    executor : str, distributed.Client or Executor, default "serial"
        Where splits are judged, see `decode.core.executor.get_executor`; each holds its samples in memory.

    Returns
    -------
    PanelEvaluation

    Raises
    ------
    ValueError
        If a panel does not fit the matrix, leaves no common target, or was chosen on samples that all splits test;
        if there are too few test samples; or for an imputer that needs more training samples.
    """
    given = {name: panel_genes(genes, prepared) for name, genes in {PANEL: panel, **(others or {})}.items()}
    if against is not None and against not in given:
        raise ValueError(f"against is {against!r}; name one of the panels {', '.join(given)}")
    cut = sorted({min(size, len(given[PANEL].columns)) for size in sizes})
    splits = evaluation_splits(prepared, n_splits, groups=groups, seed=seed)
    check_imputers(imputers, int((splits[0] == TRAIN).sum()))
    lines = _not_judged(given, splits, prepared)
    judged: list[JudgedPanel] = []
    judge = partial(
        _judge_split, prepared=prepared, given=given, methods=methods, sizes=cut, n_random=n_random, seed=seed
    )
    for number, some in enumerate(get_executor(executor).map(judge, list(enumerate(splits)))):
        judged += some
        if on_progress is not None:
            on_progress(number + 1, len(splits))
    reference = None if against is None else given[against].columns
    panels = panels_table(judged, n_genes=prepared.n_genes, against=reference, against_name=against or "")
    tested = {number: prepared.sample_ids[split == TEST].tolist() for number, split in enumerate(splits)}
    comparisons = compare_panels(judged, reference=against, samples=tested, seed=seed)
    genes = gene_table(judged)
    genes.insert(0, "gene_id", prepared.gene_ids[genes.pop("column").to_numpy()])
    return PanelEvaluation(
        panels, curves_table(panels), comparisons, band_table(judged), genes,
        _imputed(prepared, splits[0], judged, imputers, seed),
        summary_lines(panels, comparisons, reference=against) + lines,
    )  # fmt: skip


def _judge_split(
    item: tuple[int, Split], *, prepared: PreparedExpression, given: Mapping[str, PanelGenes], **options: Any
) -> list[JudgedPanel]:
    """One split, whose samples are read where it is judged."""
    number, split = item
    train, test = (prepared.read(np.flatnonzero(split == part)) for part in (TRAIN, TEST))
    fair = {name: genes for name, genes in given.items() if not _has_seen(genes, split, prepared)}
    return judge_panels(train, test, fixed=fair, split=number, **options)


def _has_seen(panel: PanelGenes, split: Split, prepared: PreparedExpression) -> bool:
    """Whether samples that the split tests took part in the choice of the panel."""
    return panel.is_chosen_here and bool(((split == TEST) & (prepared.split != TEST)).any())


def _not_judged(given: Mapping[str, PanelGenes], splits: Sequence[Split], prepared: PreparedExpression) -> list[str]:
    lines = []
    for name, panel in given.items():
        n = sum(_has_seen(panel, split, prepared) for split in splits)
        if n == len(splits):
            raise ValueError(
                f"panel {name!r} was chosen on samples that these groups hold out; prepare the matrix with "
                "--group-column and choose again, or judge it without groups"
            )
        if n:
            lines.append(
                f"{name}: not judged on {n} of {len(splits)} splits, which test samples that took part in its choice."
            )
    return lines


def _imputed(
    prepared: PreparedExpression, split: Split, judged: Sequence[JudgedPanel], imputers: Sequence[Imputation], seed: int
) -> pd.DataFrame:
    if not imputers:
        return pd.DataFrame()
    largest = max(one.size for one in judged)
    chosen: dict[str, list[JudgedPanel]] = {}
    for one in judged:
        if one.split == 0 and one.size == largest and one.draw < (N_RANDOM_IMPUTED if one.panel == RANDOM else 1):
            chosen.setdefault(one.panel, []).append(one)
    train, validation, test = (prepared.read(np.flatnonzero(split == part)) for part in (TRAIN, VALIDATION, TEST))
    return imputer_peers(
        train, validation, test, {name: [one.columns for one in some] for name, some in chosen.items()},
        targets=judged[0].targets, imputers=imputers, seed=seed,
    )  # fmt: skip
