"""What a model says of one gene, as tables, and what they are made of however they are come by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from decode.core.checks import nearest
from decode.core.ids import resolve_ids
from decode.core.shown import shown
from decode.expression.targets import check_targets

N_TOP = 10
PLACE_COLUMNS = ["regulator", "region", "first_bp", "last_bp", "bases", "task", "effect", "position_blind"]


@shown()
@dataclass(frozen=True)
class GeneView:
    """What a model says of one gene.

    Attributes
    ----------
    gene : dict
        gene_id, gene_name, chrom, strand, tss, length_bp, build, and split: whether the model was trained on it.
    tasks : pd.DataFrame
        task, kind, predicted and measured (log2 units; NaN where not measured), in the order of the model.
    regulators : pd.DataFrame
        regulator, kind, effect (log2 units: attribution in `task`, or the mean over main tasks), sd (over members),
        strongest_task, strongest_effect; the largest absolute effect in any of the tasks looked at first.
    places : pd.DataFrame
        regulator, region, first_bp, last_bp (from the TSS, or from the 5' end of the RNA), bases, task, effect: the
        bins that contribute most to the regulator's strongest task. position_blind: the model sees the total of the
        region only, so that effects are shared by bases.
    length_effect : float
        Share of the lengths, log2 units, as `effect`.
    """

    gene: dict[str, Any]
    tasks: pd.DataFrame
    regulators: pd.DataFrame
    places: pd.DataFrame
    length_effect: float


def resolved_gene(genes: pd.DataFrame, gene: str) -> str:
    """The id of a gene named by id or symbol; KeyError with the nearest names, ValueError if it stands for several."""
    found = resolve_ids([gene], genes[["gene_id", "gene_name"]]).ids[0]
    if found is None:
        near = nearest(gene, genes["gene_name"])
        hint = f"perhaps {' or '.join(near)}" if near else "name a gene id or a symbol"
        raise KeyError(f"gene {gene!r} is not in the features; {hint}")
    return found


def task_levels(
    tasks: Sequence[str], kinds: Sequence[str], predicted: np.ndarray, targets: pd.DataFrame | None, gene_id: str
) -> pd.DataFrame:
    """Predicted beside measured values: task, kind, predicted, measured (NaN where not measured)."""
    table = pd.DataFrame({"task": list(tasks), "kind": list(kinds), "predicted": predicted, "measured": np.nan})
    if targets is not None:
        check_targets(targets)
        row = targets.set_index("gene_id")
        if gene_id in row.index:
            table["measured"] = row.loc[gene_id].reindex(list(tasks)).to_numpy(dtype=np.float64)
    return table
