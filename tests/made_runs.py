"""Small finished runs as the run writer leaves them, of made numbers; names are strangers'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.files import run_record, to_json
from decode.report.files import write_files, write_run

HOSTILE = "<script>window.harmed = 1</script>\"'&"
FORMULA = "=HYPERLINK(1)"


def figure() -> Figure:
    drawn = Figure(figsize=(2, 2))
    drawn.add_subplot().plot([0, 1], [1, 0])
    return drawn


def made_drivers(
    out: Path, *, n_called: int = 2, contrasts: tuple[str, ...] = ("old_vs_young",), **entries: Any
) -> Path:
    """A run of drivers: 12 regulators a contrast, the first `n_called` significant."""
    random = np.random.default_rng(0)
    n = 12
    frames, rows = [], []
    for contrast in contrasts:
        fdr = np.where(np.arange(n) < n_called, 1e-4, 0.6)
        frames.append(
            pd.DataFrame(
                {
                    "contrast": contrast,
                    "kind": np.array(["TF", "RBP", "miRNA"])[np.arange(n) % 3],
                    "regulator": [HOSTILE, FORMULA, *(f"REG{i}" for i in range(n - 2))],
                    "n_bound_genes": 100 + np.arange(n),
                    "effect": np.linspace(0.4, -0.2, n),
                    "sign": np.where(np.linspace(0.4, -0.2, n) > 0, "up", "down"),
                    "sd": 0.05,
                    "z": random.normal(size=n),
                    "direction_fdr": fdr,
                    "strength": np.linspace(6, 0.1, n),
                    "fdr": fdr,
                    "rank": np.arange(1, n + 1),
                    "own_log2_fold_change": random.normal(size=n),
                    "leading_targets": "A, B",
                }
            )
        )
        rows.append(
            {
                "contrast": contrast,
                "n_genes": 900,
                "n_regulators": n,
                "n_significant": n_called,
                "r2": 0.12,
                "null": "the model of the package",
                "inflation": 1.2,
                "n_changed_genes": 40 if n_called else 0,
                "caveat": "",
            }
            | entries
        )
    tables = {
        "drivers.tsv": pd.concat(frames),
        "contrasts.tsv": pd.DataFrame(rows),
        "targets.tsv": pd.DataFrame({"contrast": contrasts[0], "regulator": [HOSTILE], "gene_id": ["G1"]}),
        "factors_without_sites.tsv": pd.DataFrame(
            {"contrast": [contrasts[0]], "factor": ["HNF4A"], "gene_id": ["G2"], "statistic": [9.0], "rank": [1]}
        ),
        "sites.bed": pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [20], "name": ["REG1"]}),
    }
    counts = {
        "n_null": 1000,
        "rule": "column t",
        "inputs": {contrasts[0]: {"n_tracks_dropped": 3, "covariates": ["log length"]}},
    }
    record = run_record(seed=7, score="marginal", scale="normal_scores")
    write_run(
        out, "drivers", tables=tables, figures={"extra": figure()}, numbers={"counts.json": counts}, record=record
    )
    return out


def made_evaluation(out: Path, *, model: float = 0.5, split: str = "test") -> Path:
    """A run of evaluate with its targets beside it."""
    genes = [f"G{i}" for i in range(40)]
    values = np.linspace(-1, 1, 40)
    targets = out.with_name(f"{out.name}_targets.tsv")
    pd.DataFrame({"gene_id": genes, "median_level": values + 3, "liver": values, HOSTILE: values}).to_csv(
        targets, sep="\t", index=False
    )
    kinds = ["median_level", "fold_change", "fold_change"]
    per_task = pd.DataFrame(
        {
            "task": ["median_level", "liver", HOSTILE],
            "task_kind": kinds,
            "n_genes": 40,
            "model": [0.7, model, model - 0.1],
            "mean": np.nan,
            "ridge_totals": [0.6, 0.4, 0.45],
            "pearson": 0.5,
            "rmse": 1.0,
            "member_mean": 0.4,
            "member_sd": 0.01,
        }
    )
    metrics = {
        "split": split,
        "n_genes": 40,
        "model": {"fold_change_mean_spearman": model, "median_level_spearman": 0.7},
        "baselines": {"ridge_totals": {"fold_change_mean_spearman": 0.42, "median_level_spearman": 0.6}},
        "members": [{}, {}],
        "specificity": {"n_tasks": 2, "n_own_highest": 2},
        "seeds": [1, 2],
        "architecture": "default",
    }
    predictions = pd.DataFrame({"gene_id": genes, "median_level": values, "liver": values, HOSTILE: values})
    write_run(
        out,
        "evaluate",
        tables={"per_task.tsv": per_task, "predictions.tsv.gz": predictions},
        figures={"specificity": figure()},
        numbers={"metrics.json": metrics},
        record=run_record(inputs={"targets": targets}, split=split),
    )
    return out


def made_mediation(out: Path, *, share: float | None = 0.5, p_value: float = 0.01) -> Path:
    """A run of mediate: JSON, drivers and draws beside each other."""
    found = {
        "pair": ["LAPTM5", HOSTILE],
        "n_samples": 60,
        "covariates": ["sex"],
        "r2_before": 0.4,
        "r2_after": 0.2,
        "share": share,
        "drivers": ["SPI1"],
        "drivers_not_used": {"miR-1": "has no expression in the table"},
        "draws": {"none": {"n_candidates": 7, "n_draws": 100, "p_value": p_value}},
    }
    stem = out.with_suffix("")
    draws = pd.DataFrame({"match_on": "none", "share": np.linspace(0, 0.6, 100)})
    drivers = pd.DataFrame(
        {"regulator": ["SPI1", "miR-1"], "is_used": [True, False], "why_not": ["", "has no expression"]}
    )
    files = {
        out: to_json(found),
        stem.with_name(f"{stem.name}.draws.tsv.gz"): draws,
        stem.with_name(f"{stem.name}.drivers.tsv"): drivers,
    }
    write_files("mediate", files, record=run_record(draws=100, seed=0))
    return out


def made_disruption(out: Path, *, is_blind: bool = True) -> Path:
    """A run of disrupt: one gene, two regions, one task."""
    windows = pd.DataFrame(
        {
            "gene_id": "G1",
            "gene_name": HOSTILE,
            "region": ["promoter"] * 3 + ["rna"] * 3,
            "from_bp": [-200, -100, 0, 0, 100, 200],
            "to_bp": [-100, 0, 100, 100, 200, 300],
            "n_tracks": 1,
            "position_blind": is_blind,
            "task": "liver",
            "effect": [0.0, 0.2, 0.0, -0.1, 0.0, 0.0],
            "sd_members": 0.01,
        }
    )
    write_files("disrupt", {out: windows}, record=run_record(window=1, task="liver"))
    return out


def made_knockout(out: Path) -> Path:
    """A run of knockout whose summary stands for the output."""
    summary = pd.DataFrame(
        {
            "regulator": ["TF:SPI1", "RBP:TARDBP"] * 2,
            "kind": ["TF", "RBP"] * 2,
            "task": ["liver"] * 2 + ["lung"] * 2,
            "n_genes": [50, 0] * 2,
            "mean_effect": [-0.3, np.nan, -0.1, np.nan],
            "mean_effect_sd": [0.01, np.nan] * 2,
            "mean_abs_effect": [0.3, np.nan, 0.1, np.nan],
        }
    )
    write_files("knockout", {out: summary}, record=run_record(regulators=None))
    return out


def made_panels(out: Path, *, is_in_band: bool = True) -> Path:
    """A run of landmark evaluate."""
    sizes = [50, 100]
    curves = pd.DataFrame(
        [
            {
                "over": "all",
                "panel": panel,
                "method": panel,
                "size": size,
                "n_genes": size,
                "n_splits": 1,
                "mean_mae": 0.5 - size / 1000,
                "mean_pcc": 0.5,
                "share_passing": 0.6,
            }
            for panel in ("panel", "L1000", "random")
            for size in sizes
        ]
    )
    band = pd.DataFrame(
        [
            {"split": 0, "size": size, "measure": measure, "n_random": 20, "lowest": 0.3, "mean": 0.4, "highest": 0.5}
            for size in sizes
            for measure in ("mean_mae", "mean_pcc", "share_passing")
        ]
    )
    comparisons = pd.DataFrame(
        {
            "split": 0,
            "panel": "panel",
            "reference": ["L1000", "random"],
            "size": 100,
            "difference": [0.01, -0.02],
            "low": [-0.01, -0.03],
            "high": [0.03, -0.01],
            "n_test": 24,
            "is_in_band": ["", is_in_band],
        }
    )
    write_run(
        out,
        "landmark evaluate",
        tables={"curves.tsv": curves, "band.tsv": band, "comparisons.tsv": comparisons},
        texts={"summary.txt": "panel: not judged on 1 of 2 splits\n"},
        record=run_record(sizes=sizes, splits=1, random=20, against="L1000", imputers=["network"], seed=0),
    )
    return out


def made_persons(out: Path, *, best: float = 0.6) -> Path:
    """A run of persons evaluate; `best` is the accuracy of the best baseline."""
    per_person = pd.DataFrame(
        {"sample": [HOSTILE, "b", "c"], "model": [0.6, 0.5, 0.4], "knn_genes": best, "ridge_totals": 0.1}
    )
    found = {
        "task_kind": "fold_change",
        "split": "test",
        "n_genes": 30,
        "n_persons": 3,
        "n_samples": 3,
        "n_kept": 2,
        "keep_above_percentile": 50.0,
        "all": {"model": 0.5, "knn_genes": best},
        "kept": {"model": 0.55},
        "published": {"all": 0.28},
        "genes": {"all": {"share_fdr5": 0.8, "share_fdr5_random_pairs": 0.2, "mean_pearson": 0.4}},
        "concordance": {"n_own_highest": 3, "n_samples": 3, "mean_own": 0.5, "mean_unrelated": 0.0, "p_value": 0.4},
    }
    per_gene = pd.DataFrame({"gene_id": ["G1", "G2"], "pearson": [0.2, np.nan]})
    write_run(
        out,
        "persons evaluate",
        tables={"per_person.tsv": per_person, "per_gene.tsv.gz": per_gene},
        numbers={"persons.json": found},
        record=run_record(split="test", seed=0),
    )
    return out


def made_differential(out: Path) -> Path:
    """A run of differential: one term with a significant gene, one without."""
    table = pd.DataFrame(
        {
            "gene_id": ["G1", "G2", HOSTILE] * 2,
            "term": ["age"] * 3 + ["sex"] * 3,
            "log2_fold_change": [1.0, -1.0, 0.1] * 2,
            "t": 1.0,
            "p_value": 0.1,
            "fdr": [0.01, 0.2, 0.3, 0.9, 0.9, 0.9],
        }
    )
    record = run_record(design="~ age + sex") | {"counts": {"n_samples": 20, "df": 17, "prior_df": 3.5}}
    write_files("differential", {out: table}, record=record)
    return out


def made_activity(out: Path, *, more: dict[str, pd.DataFrame] | None = None) -> Path:
    """A run of activity: samples x regulators; the second regulator varies most."""
    table = pd.DataFrame({"sample": ["a", "b", "c"], "TF:X": [0.1, 0.1, 0.1], HOSTILE: [1.0, 0.0, -1.0]})
    record = run_record(split="test") | {"counts": {"n_samples": 3, "n_regulators": 2, "n_genes": 9, "part": "test"}}
    files = {out: table} | {out.with_name(name): frame for name, frame in (more or {}).items()}
    write_files("activity", files, record=record)
    return out
