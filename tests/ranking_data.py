"""Attributions with known scores, made without a network."""

from __future__ import annotations

import numpy as np
import xarray as xr
from kinds import kinds_of

from decode.attribution.regulator_sums import SumTaker, means
from decode.attribution.result import FORMAT, SCHEMA_VERSION, with_variables

TASKS = ["median_level", "liver", "lung", "brain"]
TRACKS = [("TF", "A"), ("TF", "A"), ("TF", "B"), ("RBP", "A"), ("RBP", "C"), ("miRNA", "M")]
CODE = np.array([0, 0, 1, 2, 3, 4])
NAMES = ["TF:A", "TF:B", "RBP:A", "RBP:C", "miRNA:M"]


def attributions(
    n_genes: int = 6, n_members: int = 3, *, seed: int = 0, gene_ids: list[str] | None = None
) -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    """A dataset as `attribute` gives it; and the members' attributions (member, gene, track, task) and length effects.

    With `gene_ids` the rows are transcripts of those genes.
    """
    rng = np.random.default_rng(seed)
    n_genes = n_genes if gene_ids is None else len(gene_ids)
    bases = rng.integers(0, 3, (n_genes, len(TRACKS))) * 50
    effect = rng.normal(size=(1, 1, len(TRACKS), len(TASKS)))
    members = effect + 0.3 * rng.normal(size=(n_members, n_genes, len(TRACKS), len(TASKS)))
    members = (members * (bases > 0)[None, :, :, None]).astype(np.float32)
    length = (0.2 * rng.normal(size=(n_members, n_genes, len(TASKS)))).astype(np.float32)
    usage_gene, n_usage = None, 0
    names = [f"G{i}" for i in range(n_genes)] if gene_ids is None else gene_ids
    if gene_ids is not None:
        code = np.unique(gene_ids, return_inverse=True)[1]
        n_usage = int((np.bincount(code) > 1).sum())
        usage_gene = np.where(np.bincount(code)[code] > 1, code, -1)
    taker = SumTaker(CODE, n_genes, usage_gene)
    overall = np.stack(
        [
            taker.spread_out(taker.add(row, values))[:, :, 1:].mean(2)
            for values, row in zip(members, length, strict=True)
        ]
    )
    header = xr.Dataset(
        {"bases": (("gene", "track"), bases)},
        {
            "gene": [f"{'G' if gene_ids is None else 'T'}{i}" for i in range(n_genes)],
            "gene_id": ("gene", np.array(names, dtype=object)),
            "gene_name": ("gene", np.array([f"N{name[1:]}" for name in names], dtype=object)),
            "split": ("gene", np.array([("train", "test", "")[i % 3] for i in range(n_genes)], dtype=object)),
            "track": [f"track{i}" for i in range(len(TRACKS))],
            "task": TASKS,
            "task_kind": ("task", kinds_of(TASKS)),
            "member": np.arange(n_members),
            "kind": ("track", np.array([kind for kind, _ in TRACKS], dtype=object)),
            "track_regulator": ("track", np.array([name for _, name in TRACKS], dtype=object)),
            "regulator": np.array(NAMES, dtype=object),
            "regulator_kind": ("regulator", np.array([name.split(":")[0] for name in NAMES], dtype=object)),
            "regulator_name": ("regulator", np.array([name.split(":")[1] for name in NAMES], dtype=object)),
            "regulator_n_tracks": ("regulator", np.bincount(CODE)),
            "regulator_n_bound_genes": ("regulator", np.array([900, 40, 300, 500, 100])),
        },
        {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "reference": "own_length",
            "reference_has_sites": 0,
            "level": "gene" if gene_ids is None else "transcript",
            "engine": "exact",
            "model_sha256": "m",
            "n_members": n_members,
            "n_genes": n_genes,
            "n_usage_genes": n_usage,
        },
    )
    sums = taker.result()
    assert means(sums, n_genes, n_usage)
    sd = members.std(axis=0, ddof=1) if n_members > 1 else np.full(members.shape[1:], np.nan, np.float32)
    zeros = np.zeros(n_genes, dtype=np.float32)
    values = {"attribution": members.mean(axis=0), "sd": sd, "length_effect": length.mean(axis=0)}
    values |= {"overall": overall.mean(axis=0)}
    values |= {"overall_sd": overall.std(axis=0, ddof=1) if n_members > 1 else np.full(overall.shape[1:], np.nan)}
    dataset = with_variables(header, values | {"additivity_error": zeros, "float32_error": zeros}, sums)
    return dataset, members, length


def null_of(dataset: xr.Dataset, n_refits: int = 20, *, seed: int = 1) -> xr.Dataset:
    """Small random null scores for the regulators and tasks of a dataset, in another order."""
    order = dataset["regulator"].to_numpy()[::-1]
    values = 0.01 * np.random.default_rng(seed).normal(size=(n_refits, len(order), dataset.sizes["task"]))
    return xr.Dataset(
        {
            "mean": (("refit", "regulator", "task"), values),
            "mean_abs": (("refit", "regulator", "task"), np.abs(values)),
        },
        {"regulator": order, "task": dataset["task"].to_numpy()},
        {"reference": "own_length", "model_sha256": "m", "level": "gene"},
    )
