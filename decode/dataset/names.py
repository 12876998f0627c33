"""Targets named by symbols: find the genes of the features that they mean."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from decode.core.checks import MATCH_ERROR_SHARE, counted, matched_share
from decode.core.ids import resolve_ids
from decode.expression.targets import GENE_ID, id_column

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)


def with_gene_ids(
    targets: pd.DataFrame, features: RegulatoryFeatures, id_map: str | Path | None = None
) -> pd.DataFrame:
    """Replace symbols, previous symbols and `SYMBOL|Entrez` by the gene ids of the features.

    Tables whose ids are those of the features already, and tables of transcripts, come back as they are, unless an id
    map is given. Names that are not found keep their name and are counted later as rows outside the features.

    Parameters
    ----------
    targets : pd.DataFrame
        Targets table; its column gene_id may hold names.
    features : RegulatoryFeatures
        Its genes' ids and names are what can be found.
    id_map : str or Path, optional
        Two columns, name and gene id or gene name, or the HGNC complete set.

    Returns
    -------
    pd.DataFrame
        A new table where anything changed.

    Raises
    ------
    ValueError
        If a name stands for several genes (with its candidates), or several names for one gene.
    """
    if id_column(targets) != GENE_ID:
        return targets
    names = [str(name) for name in targets[GENE_ID]]
    known = set(features.genes[GENE_ID].astype(str))
    n_known = sum(name in known for name in names)
    if id_map is None and matched_share(n_known, len(names), len(known)) >= MATCH_ERROR_SHARE:
        return targets
    genes = features.genes[[GENE_ID, "gene_name"]].drop_duplicates(GENE_ID)
    found = resolve_ids(names, genes, id_map)
    if not any(found.ids):
        return targets  # the matching rule says what is wrong
    ids = pd.Series([name if gene is None else gene for name, gene in zip(names, found.ids, strict=True)])
    repeated = ids[ids.duplicated(keep=False)]
    if len(repeated):
        pairs = [f"{names[row]} ({gene})" for row, gene in repeated.items() if isinstance(row, int)]
        shown = ", ".join(sorted(pairs, key=lambda pair: pair.split(" ")[-1])[:5])
        raise ValueError(
            f"{len(repeated)} rows of the targets name a gene that another row names too: {shown}; keep one row a gene"
        )
    logger.info("targets: gene names resolved against the features: %s", counted(found.counts))
    return targets.assign(**{GENE_ID: ids.to_numpy()})
