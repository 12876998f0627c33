"""Where the regulators of many genes act: effects shared over the bins of their sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.attribution.bins import bin_attributions
from decode.features.regulators import Regulators

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.models.bundle import ModelBundle

COLUMNS = ["gene", "slot", "region", "bin", "bases", "effect"]


def places_of_totals(
    features: RegulatoryFeatures,
    regulators: Regulators,
    attribution: NDArray[np.float32],
    rows: NDArray[np.int64],
    top: NDArray[np.integer],
    task: NDArray[np.int64],
) -> pd.DataFrame:
    """Share the effects of regulators over the bins of their sites, for a model that sees the totals of regions only.

    Parameters
    ----------
    features : RegulatoryFeatures
        With the model's tracks.
    regulators : Regulators
        Of these features.
    attribution : float32 array, shape (n_rows, n_tracks, n_tasks)
        Against a reference without sites; log2 units.
    rows : int array, shape (n_rows,)
        Genes.
    top : int array, shape (n_rows, n_top)
        Regulators whose places are wanted; -1: none.
    task : int array, shape (n_rows, n_top)
        In which task.

    Returns
    -------
    pd.DataFrame
        gene (row of the features), slot (column of `top`), region (number), bin, bases (largest over the regulator's
        tracks), effect (log2 units).

    Notes
    -----
    A track with x_b bases in bin b and attribution a contributes a x_b / sum(x), as in
    `decode.attribution.bins.bin_attributions`.
    """
    slot_of = np.full((len(rows), len(regulators.table)), -1, dtype=np.int64)
    gene, slot = np.nonzero(top >= 0)
    slot_of[gene, top[gene, slot]] = slot
    chosen = features.take(rows)
    parts, first_track = [], 0
    for number, matrix in enumerate(chosen.regions.values()):
        cells = matrix.data.tocoo()
        of_gene = matrix.gene_of_row[cells.row]
        track = first_track + cells.col
        slots = slot_of[of_gene, regulators.code[track]]
        is_kept = (slots >= 0) & (cells.data != 0)
        of_gene, track, slots, values = of_gene[is_kept], track[is_kept], slots[is_kept], cells.data[is_kept]
        totals = np.zeros((len(rows), matrix.n_tracks))
        np.add.at(totals, (of_gene, track - first_track), values.astype(np.float64))
        own = attribution[of_gene, track, task[of_gene, slots]].astype(np.float64)
        parts.append(
            pd.DataFrame(
                {
                    "gene": rows[of_gene],
                    "slot": slots,
                    "region": number,
                    "bin": cells.row[is_kept] - matrix.offsets[of_gene],
                    "bases": values.astype(np.float64),
                    "effect": own * values / totals[of_gene, track - first_track],
                }
            )
        )
        first_track += matrix.n_tracks
    return _together(pd.concat(parts, ignore_index=True))


def places_of_bins(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    regulators: Regulators,
    rows: NDArray[np.int64],
    top: NDArray[np.integer],
    task: NDArray[np.int64],
) -> pd.DataFrame:
    """The same for a model that sees single bins: one gene after the other, by `bin_attributions`.

    Parameters
    ----------
    bundle : ModelBundle
    features, regulators, rows, top, task : as in `places_of_totals`

    Returns
    -------
    pd.DataFrame
        As `places_of_totals`.
    """
    regions = list(features.regions)
    code_of = {region: regulators.code[features.tracks["region"].to_numpy() == region] for region in regions}
    names = list(bundle.tasks)
    parts = []
    ids = [str(features.ids[row]) for row in rows]
    for place, bins in enumerate(bin_attributions(bundle, features, ids)):
        for slot in np.flatnonzero(top[place] >= 0):
            wanted = names[task[place, slot]]
            for number, region in enumerate(regions):
                is_own = code_of[region] == top[place, slot]
                effect = bins[f"attribution_{region}"].sel(task=wanted).to_numpy()[:, is_own].sum(axis=1)
                bases = bins[f"bases_{region}"].to_numpy()[:, is_own].max(axis=1, initial=0)
                at = np.flatnonzero(effect)
                parts.append(
                    pd.DataFrame(
                        {
                            "gene": rows[place],
                            "slot": slot,
                            "region": number,
                            "bin": at,
                            "bases": bases[at].astype(np.float64),
                            "effect": effect[at].astype(np.float64),
                        }
                    )
                )
    return _together(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS))


def _together(table: pd.DataFrame) -> pd.DataFrame:
    """One row a gene, slot and bin: tracks of a regulator taken together."""
    keys = ["gene", "slot", "region", "bin"]
    return table.groupby(keys, sort=True, as_index=False).agg({"bases": "max", "effect": "sum"})[COLUMNS]
