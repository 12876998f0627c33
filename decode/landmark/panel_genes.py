"""A panel of genes from elsewhere, as columns of a prepared matrix: with or without an order, chosen here or not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.landmark.imputation import panel_columns
from decode.landmark.panels import NESTED
from decode.landmark.prepared import PreparedExpression

GIVEN = "given"  # method of a panel that is no table of select
RANKED = ("deeplift", *NESTED)  # methods of select whose smaller panels are heads of larger ones


class PanelGenes(NamedTuple):
    """Genes of a panel.

    Attributes
    ----------
    columns : int array, shape (n_genes,)
        Columns of the matrix; by falling rank where the panel is ordered.
    is_ordered : bool, default False
        A smaller panel is the head. Otherwise it is a random part.
    method : str, default "given"
        How the panel was chosen, where that is known.
    is_chosen_here : bool, default False
        Chosen from the training samples of the prepared matrix, so that other splits would test on samples that took
        part in the choice.
    """

    columns: NDArray[np.int64]
    is_ordered: bool = False
    method: str = GIVEN
    is_chosen_here: bool = False


def panel_genes(panel: ArrayLike | pd.DataFrame, prepared: PreparedExpression) -> PanelGenes:
    """Find a panel in a prepared matrix, and whether its rows are ranked.

    Parameters
    ----------
    panel : sequence of str, or pd.DataFrame with gene_id
        A table with a column `rank` is ordered by it. A table with a column `method` (of `select_panel`) counts as
        chosen from the training samples of `prepared`, and is ordered only where the method ranks genes: selectors of
        a concrete autoencoder do not. A plain list has no order.
    prepared : PreparedExpression

    Returns
    -------
    PanelGenes

    Raises
    ------
    ValueError
        As `panel_columns`, or if a rank is no number or repeats.

    Examples
    --------
    >>> from decode.landmark.prepare import prepare_expression
    >>> from decode.synthetic.profiles import make_toy_profiles
    >>> prepared = prepare_expression(make_toy_profiles(60).expression)
    >>> table = pd.DataFrame({"gene_id": prepared.gene_ids[:3], "rank": [2, 3, 1]})
    >>> panel_genes(table, prepared).columns.tolist()
    [2, 0, 1]
    """
    if not isinstance(panel, pd.DataFrame):
        return PanelGenes(panel_columns(panel, prepared.gene_ids, prepared.gene_names))
    methods = sorted(set(panel["method"].astype(str))) if "method" in panel else []
    method = methods[0] if len(methods) == 1 else GIVEN
    is_ordered = "rank" in panel and (not methods or method in RANKED)
    table = panel.iloc[np.argsort(_ranks(panel), kind="stable")] if is_ordered else panel
    columns = panel_columns(table, prepared.gene_ids, prepared.gene_names)
    return PanelGenes(columns, is_ordered, method, bool(methods) and method != "random")


def _ranks(panel: pd.DataFrame) -> NDArray[np.float64]:
    ranks = pd.to_numeric(panel["rank"], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(ranks).all() or len(np.unique(ranks)) < len(ranks):
        raise ValueError("column rank of the panel must hold a different number in every row; mend it or leave it out")
    return ranks
