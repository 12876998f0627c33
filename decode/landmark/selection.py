"""Choose a panel of landmark genes, by whichever method, and say how stable the choice is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_choice
from decode.core.choices import SelectionMethod
from decode.core.shown import shown
from decode.landmark.deeplift import select_by_deeplift
from decode.landmark.gene_scores import GeneScores, Method, SelectionRequest
from decode.landmark.panels import METHODS as PANEL_METHODS
from decode.landmark.panels import select_by
from decode.landmark.prepared import PreparedExpression

if TYPE_CHECKING:
    from decode.landmark.autoencoder import Autoencoder

logger = logging.getLogger(__name__)

METHODS: dict[str, Method] = {"deeplift": select_by_deeplift} | {
    name: select_by(name) for name in PANEL_METHODS
}  # name -> function(prepared, request)
COLUMNS = ["rank", "gene_id", "gene_name", "score", "score_signed", "method"]


@shown()
class Panel(NamedTuple):
    """A panel of landmark genes.

    Attributes
    ----------
    table : pd.DataFrame
        rank, gene_id, gene_name, score, score_signed (NaN where the method has none), method and, with repeats,
        stability: the share of repeats that choose the gene.
    scores : pd.DataFrame
        gene_id, gene_name, score and score_signed of all genes, in their order in the matrix.
    counts : dict
        n_genes, n_training_samples, size, n_repeats and, with repeats, mean_overlap: genes that two repeats share, as a
        share of the panel, and overlap_by_chance: the same for random panels.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    counts: dict[str, Any]


def select_panel(
    prepared: PreparedExpression,
    *,
    method: SelectionMethod = "deeplift",
    size: int = 943,
    seed: int = 0,
    repeats: int = 0,
    autoencoder: Autoencoder | None = None,
    max_samples: int | None = None,
    work: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Panel:
    """Choose genes from which the others can be told, on training samples alone.

    Parameters
    ----------
    prepared : PreparedExpression
    method : str, default "deeplift"
        One of `METHODS`.
    size : int, default 943
        Genes of the panel (Kong et al. 2021). A smaller panel of a ranked method is the head of a larger one.
    seed : int, default 0
    repeats : int, default 0
        Further choices on bootstrap samples; they give the stability.
    autoencoder : Autoencoder, optional
        Trained on this very matrix; needed by "deeplift".
    max_samples : int, optional
        So many training samples at most.
    work : Path, optional
        Folder that keeps finished pieces.
    on_progress : callable, optional
        Called with (done, total).

    Returns
    -------
    Panel

    Raises
    ------
    ValueError
        If the panel is larger than the genes, the method is unknown or lacks its autoencoder, or the autoencoder is of
        other genes.
    """
    check_choice("method", method, METHODS)
    request = SelectionRequest(size, seed, repeats, autoencoder, max_samples, work, on_progress)
    if size > prepared.n_genes:
        raise ValueError(
            f"a panel of {size} genes is larger than the {prepared.n_genes} genes of the matrix; ask for less"
        )
    found = METHODS[method](prepared, request)
    table = _all_scores(prepared, found).iloc[found.order[:size]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    table["method"] = method
    counts: dict[str, Any] = {
        "n_genes": prepared.n_genes, "n_training_samples": len(request.training_rows(prepared)), "size": len(table),
        "n_repeats": 0 if found.repeated is None else len(found.repeated),
    }  # fmt: skip
    if found.repeated is not None and len(found.repeated):
        chosen = np.bincount(found.repeated.ravel(), minlength=prepared.n_genes) / len(found.repeated)
        table["stability"] = chosen[found.order[:size]]
        counts |= {"mean_overlap": mean_overlap(found.repeated), "overlap_by_chance": size / prepared.n_genes}
    return Panel(table, _all_scores(prepared, found), counts)


def _all_scores(prepared: PreparedExpression, found: GeneScores) -> pd.DataFrame:
    signed = np.full(prepared.n_genes, np.nan) if found.score_signed is None else found.score_signed
    return prepared.gene_table().assign(score=found.score, score_signed=signed)


def mean_overlap(repeated: NDArray[np.int64]) -> float:
    """Share of the panel that two repeats have in common, mean over pairs of repeats; NaN for one repeat.

    Examples
    --------
    >>> mean_overlap(np.array([[0, 1], [1, 2], [0, 1]]))
    0.6666666666666666
    """
    n_repeats, size = repeated.shape
    if n_repeats < 2:
        return float("nan")
    times = np.bincount(repeated.ravel()).astype(np.float64)  # a gene chosen m times is shared by m (m - 1) / 2 pairs
    return float((times * (times - 1)).sum() / (n_repeats * (n_repeats - 1) * size))
