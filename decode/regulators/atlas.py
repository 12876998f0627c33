"""Look a gene up in a trained model: levels, predicted and measured, the regulators behind them, and where they act."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from decode.attribution.attribute import attribute
from decode.attribution.bins import bin_attributions
from decode.core.checks import check_count, check_named
from decode.features.matrix import RegulatoryFeatures
from decode.models.bundle import ModelBundle
from decode.models.matching import select_for_model
from decode.regulators.gene_view import N_TOP, PLACE_COLUMNS, GeneView, resolved_gene, task_levels

N_PLACES = 3  # bins of a regulator


def look_up_gene(
    bundle: ModelBundle,
    features: RegulatoryFeatures,
    gene: str,
    *,
    task: str | None = None,
    targets: pd.DataFrame | None = None,
    n_top: int = N_TOP,
) -> GeneView:
    """Levels, regulators and places of one gene.

    Parameters
    ----------
    bundle : ModelBundle
    features : RegulatoryFeatures
        Gene level.
    gene : str
        Gene id or symbol.
    task : str, optional
        The task whose regulators are wanted; default: all main tasks (fold changes) together.
    targets : pd.DataFrame, optional
        Measured values (gene_id and columns of tasks), shown beside the predictions.
    n_top : int
        Regulators.

    Returns
    -------
    GeneView

    Raises
    ------
    KeyError
        If the features lack the gene, or the model the task; the nearest names are proposed.
    ValueError
        If the name stands for several genes, or features and model do not fit.
    """
    check_count("n_top", n_top)
    if task is not None:
        check_named("task(s)", [task], bundle.tasks, "the model")
    features = select_for_model(bundle, features)
    gene_id = resolved_gene(features.genes, gene)
    explained = attribute(bundle, features, genes=[gene_id], agreement_genes=0, executor="serial")
    by_task = _by_regulator(explained)
    chosen = [task] if task is not None else _main_tasks(bundle)
    regulators = _regulators(explained, by_task, task, chosen).head(n_top).reset_index(drop=True)
    length = explained["length_effect"].isel(gene=0).sel(task=chosen).mean("task")
    places = _places(bundle, features, gene_id, regulators)
    return GeneView(
        gene=_described(bundle, features, gene_id),
        tasks=task_levels(
            bundle.tasks, bundle.task_kinds, explained["prediction"].isel(gene=0).to_numpy(), targets, gene_id
        ),
        regulators=regulators,
        places=places,
        length_effect=float(length),
    )


def _main_tasks(bundle: ModelBundle) -> list[str]:
    return [name for name, is_main in zip(bundle.tasks, bundle.is_main_task, strict=True) if is_main]


def _by_regulator(explained: xr.Dataset) -> pd.DataFrame:
    """Attributions summed over the tracks of a regulator: KIND:NAME x task."""
    kinds, regulators = explained["kind"].to_numpy(), explained["track_regulator"].to_numpy()
    names = [f"{kind}:{name}" for kind, name in zip(kinds, regulators, strict=True)]
    table = pd.DataFrame(explained["attribution"].isel(gene=0).to_numpy(), columns=explained["task"].to_numpy())
    return table.groupby(np.array(names, dtype=object), sort=False).sum()


def _regulators(explained: xr.Dataset, by_task: pd.DataFrame, task: str | None, chosen: list[str]) -> pd.DataFrame:
    values = by_task[chosen].to_numpy()
    strongest = by_task[chosen].abs().idxmax(axis=1)
    table = pd.DataFrame(
        {
            "regulator": by_task.index,
            "kind": [name.partition(":")[0] for name in by_task.index],
            "effect": by_task[chosen].mean(axis=1).to_numpy(),
            "strongest_task": strongest.to_numpy(),
            "strongest_effect": values[np.arange(len(values)), np.abs(values).argmax(axis=1)],
        }
    )
    if task is None:
        spread = pd.Series(explained["overall_sd"].isel(gene=0).to_numpy(), index=explained["regulator"].to_numpy())
        table.insert(3, "sd", spread.reindex(table["regulator"]).to_numpy())
    order = table["strongest_effect"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order]


def _places(bundle: ModelBundle, features: RegulatoryFeatures, gene_id: str, regulators: pd.DataFrame) -> pd.DataFrame:
    """The bins through which each regulator acts most, in the task where it acts most."""
    tasks = list(dict.fromkeys(regulators["strongest_task"]))
    [bins] = list(bin_attributions(bundle, features, [gene_id], tasks=tasks))
    parts = []
    for region in features.regions:
        tracks = features.tracks[features.tracks["region"] == region]
        name = (tracks["kind"].astype(str) + ":" + tracks["regulator"].astype(str)).to_numpy(dtype=object)
        bases = bins[f"bases_{region}"].to_numpy()
        first, last = _edges(features, region, bins[f"bin_length_bp_{region}"].to_numpy())
        for order, (regulator, task) in enumerate(regulators[["regulator", "strongest_task"]].itertuples(index=False)):
            is_own = name == regulator
            effect = bins[f"attribution_{region}"].sel(task=task).to_numpy()[:, is_own].sum(axis=1)
            parts += [
                {
                    "order": order,
                    "regulator": regulator,
                    "region": region,
                    "first_bp": int(first[row]),
                    "last_bp": int(last[row]),
                    "bases": float(bases[row, is_own].max()),
                    "task": task,
                    "effect": float(effect[row]),
                    "position_blind": bool(bins.attrs[f"position_blind_{region}"]),
                }
                for row in np.flatnonzero(effect)
            ]
    if not parts:
        return pd.DataFrame(columns=PLACE_COLUMNS)
    table = pd.DataFrame(parts)
    table = table.assign(size=-table["effect"].abs()).sort_values(["order", "size"], kind="stable")
    return table.groupby("order", sort=True).head(N_PLACES)[PLACE_COLUMNS].reset_index(drop=True)


def region_layout(features: RegulatoryFeatures, region: str) -> tuple[int, int]:
    """First base of the first bin (from the TSS in windows, from the 5' end of the RNA else), and bases of a bin."""
    definition = features.definitions.get(region, {})
    size = int(definition.get("bin_size", features.bin_size))
    return {"promoter": -features.upstream, "rna": 0}.get(region, int(definition.get("first_bp", 0))), size


def _edges(features: RegulatoryFeatures, region: str, length_bp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last base of each bin."""
    start, size = region_layout(features, region)
    first = start + size * np.arange(len(length_bp))
    width = np.where(length_bp > 0, length_bp, size) if region == "rna" else np.full(len(length_bp), size)
    return first, first + width - 1


def _described(bundle: ModelBundle, features: RegulatoryFeatures, gene_id: str) -> dict[str, Any]:
    [row] = features.genes[features.genes["gene_id"] == gene_id].to_dict("records")
    described = {name: row[name] for name in ("gene_name", "chrom", "strand")}
    numbers = {name: int(row[name]) for name in ("tss", "length_bp")}
    split = bundle.split_map.get(gene_id, "none")
    return {"gene_id": gene_id, **described, **numbers, "build": features.build, "split": split}
