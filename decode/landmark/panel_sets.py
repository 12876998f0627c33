"""Which functions are more frequent in a panel of genes than among all genes that it could have been chosen from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.checks import listed
from decode.core.shown import shown
from decode.landmark.imputation import panel_columns
from decode.statistics.enrichment import MAX_SIZE, MIN_SIZE, hypergeometric_enrichment


@shown()
class PanelSets(NamedTuple):
    """Tests of gene sets in a panel.

    Attributes
    ----------
    table : pd.DataFrame
        As of `decode.statistics.enrichment.hypergeometric_enrichment`: one row a tested set.
    counts : dict of str to int
        n_genes of the matrix, n_background (their names, each once), n_background_in_sets (in any set), n_panel,
        n_panel_absent (not in the matrix), n_selected (names of the panel), n_selected_in_sets, n_gene_sets,
        n_gene_sets_tested.
    """

    table: pd.DataFrame
    counts: dict[str, int]


def enrich_panel(
    panel: ArrayLike | pd.DataFrame,
    gene_ids: ArrayLike,
    gene_names: ArrayLike,
    gene_sets: Mapping[str, Sequence[str]],
    *,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
) -> PanelSets:
    """Find gene sets that a panel holds more of than a random panel of its size would.

    Parameters
    ----------
    panel : sequence of str, or pd.DataFrame with gene_id (and gene_name)
        See `decode.landmark.imputation.panel_columns`.
    gene_ids, gene_names : array of str, shape (n_genes,)
        Of the prepared matrix: the background. A name may be empty.
    gene_sets : mapping of str to sequence of str
        From `read_gmt`. Names or ids of genes: whichever of the two the sets share more of.
    min_size, max_size : int, default 5 and 500
        Genes of a set within the background.

    Returns
    -------
    PanelSets

    Raises
    ------
    ValueError
        If less than half of the panel is in the matrix, the panel is all of it, or no set can be tested.

    Notes
    -----
    The background is every gene of the matrix, those in no set included, as such a gene could have been chosen. Genes
    of one name count once, and as chosen if any of them is. Where well-studied genes were preferred (as for L1000), a
    panel has more members of most sets: compare n_selected_in_sets / n_selected with the background's share.

    References
    ----------
    Kong et al. 2021, BMC Bioinformatics 22:27: hypergeometric test of GO molecular functions.

    Examples
    --------
    >>> found = enrich_panel(["e1", "e2"], ["e1", "e2", "e3", "e4"], list("ABCD"), {"s": "ABX"}, min_size=2)
    >>> found.table[["n_found", "fold"]].to_numpy().tolist(), round(float(found.table["p_value"][0]), 4)
    ([[2.0, 2.0]], 0.1667)
    """
    columns = panel_columns(panel, gene_ids, gene_names)
    members = set().union(*gene_sets.values()) if gene_sets else set()
    labels = _labels(gene_ids, gene_names, members)
    background, selected = set(labels.tolist()), set(labels[columns].tolist())
    if not background & members:
        raise ValueError(
            f"none of {len(background)} genes of the matrix ({listed(sorted(background), 3)}) is in the gene sets "
            f"({listed(sorted(members), 3)}); give sets of symbols or of the same ids"
        )
    table = hypergeometric_enrichment(selected, background, gene_sets, min_size=min_size, max_size=max_size)
    n_panel = len(panel) if isinstance(panel, pd.DataFrame) else len(np.asarray(panel))
    counts = {
        "n_genes": len(labels), "n_background": len(background), "n_background_in_sets": len(background & members),
        "n_panel": n_panel, "n_panel_absent": n_panel - len(columns), "n_selected": len(selected),
        "n_selected_in_sets": len(selected & members), "n_gene_sets": len(gene_sets),
        "n_gene_sets_tested": len(table),
    }  # fmt: skip
    return PanelSets(table, counts)


def _labels(gene_ids: ArrayLike, gene_names: ArrayLike, members: set[str]) -> NDArray[np.object_]:
    """What the sets call each gene: its name (the symbol of `SYMBOL|Entrez` where it has none), or its id."""
    ids = [str(gene) for gene in np.asarray(gene_ids).tolist()]
    names = [
        str(name) or gene.partition("|")[0] for name, gene in zip(np.asarray(gene_names).tolist(), ids, strict=True)
    ]
    names = [gene if name in ("", "?") else name for name, gene in zip(names, ids, strict=True)]
    is_by_name = len(members.intersection(names)) >= len(members.intersection(ids))
    return np.array(names if is_by_name else ids, dtype=object)
