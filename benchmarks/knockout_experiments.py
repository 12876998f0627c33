"""Do predicted knockouts tell which genes change when the TF itself is perturbed? 41 experiments on 17 TFs.

    python -m benchmarks knockout-experiments --out experiments.json

The score of a gene is the mean over tasks of the absolute effect of taking the TF's sites away from it; a gene without
a site has 0. It is compared with the plain number of bases bound by the TF, with the knockouts of the ten TFs that bind
most nearly as many genes, and with the sum over all TFs of knockouts, which does not know what was perturbed. The
AUROC is over genes of the corpus (changed against all others), averaged first over the experiments of a series, then
over the series of a TF, then over TFs.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy import Evidence, corpus_features, corpus_targets
from benchmarks.measure import Row
from benchmarks.recovery_data import Signatures, read_experiments

MODEL = "DECODE_CORPUS_MODEL"  # environment variable: a model of the corpus; absent: three members are trained
N_LIKE = 10  # TFs that bind most nearly as many genes
SCORES = ("knockout", "bases bound", "knockout of a like TF", "all TFs' knockouts")


def run(scale: float | None) -> list[Row]:
    """One row a score; the scale is not used."""
    features = corpus_features(Evidence(with_mirna=True))
    bundle = corpus_model(features)
    effects = tf_effects(bundle, features)
    genes = features.genes[["gene_id", "gene_name"]].reset_index(drop=True)
    return rows_of(judged(effects, tf_bases(features, effects.columns), read_experiments(genes)))


def corpus_model(features: Any) -> Any:
    """The model that the environment names, or three members trained now (5 minutes)."""
    from decode.models.bundle import load_bundle
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train

    if MODEL in os.environ:
        return load_bundle(os.environ[MODEL])
    return train(features, corpus_targets(), training=TrainingConfig(members=3, seed=0))


def tf_effects(bundle: Any, features: Any) -> pd.DataFrame:
    """Mean over tasks of the absolute effect of each TF's knockout, gene id x TF; 0 where it has no site."""
    from decode.insilico.knockout import knock_out

    names = [f"TF:{name}" for name in dict.fromkeys(bundle.tracks.query("kind == 'TF'")["regulator"])]
    with (
        tempfile.TemporaryDirectory() as folder,
        knock_out(bundle, features, regulators=names, out=Path(folder) / "k.nc") as found,
    ):
        columns: dict[str, NDArray[np.float64]] = {}
        for start in range(0, len(names), 8):
            size = np.abs(found["effect"][:, start : start + 8].to_numpy()).mean(axis=2)
            columns |= dict(zip(names[start : start + 8], np.nan_to_num(size).T, strict=True))
        return pd.DataFrame(columns, index=found["gene_id"].to_numpy()).rename(columns=lambda name: name[3:])


def tf_bases(features: Any, names: Any) -> pd.DataFrame:
    """Bases bound by each TF over all its tracks, gene id x TF."""
    totals, tracks = features.totals(), features.tracks
    columns = {
        name: totals[:, ((tracks["kind"] == "TF") & (tracks["regulator"] == name)).to_numpy()].sum(axis=1)
        for name in names
    }
    return pd.DataFrame(columns, index=features.ids)


def judged(effects: pd.DataFrame, bases: pd.DataFrame, experiments: Signatures) -> pd.DataFrame:
    """AUROC of every score for every experiment, over all genes and over the genes that the TF binds."""
    n_bound = (bases > 0).sum()
    changed = experiments.changes.reindex(effects.index).fillna(0.0) != 0
    everything = effects.sum(axis=1).to_numpy()
    rows: list[dict[str, Any]] = []
    for signature, regulator, source in experiments.table.itertuples(index=False):
        if regulator not in effects:
            continue
        label = changed[signature].to_numpy()
        own = bases[regulator].to_numpy() > 0
        others = (n_bound.drop(regulator) - n_bound[regulator]).abs().sort_values(kind="stable").index[:N_LIKE]
        scores = {"knockout": [effects[regulator]], "bases bound": [bases[regulator]]}
        scores |= {"knockout of a like TF": [effects[name] for name in others], "all TFs' knockouts": [everything]}
        for genes, mask in (("all genes", np.ones(len(label), dtype=bool)), ("bound genes", own)):
            for name, values in scores.items():
                auroc = [_auroc(label[mask], np.asarray(value)[mask]) for value in values]
                rows.append(
                    {
                        "signature": signature, "regulator": regulator, "source": source, "genes": genes, "score": name,
                        "auroc": float(np.mean(auroc)), "n_changed": int(label[mask].sum()), "n_genes": int(mask.sum()),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def _auroc(label: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    return float(roc_auc_score(label, score)) if 0 < label.sum() < len(label) else float("nan")


def by_regulator(table: pd.DataFrame) -> pd.DataFrame:
    """Mean AUROC by TF (rows), score and genes (columns): over the experiments of a series, then over series."""
    series = table.groupby(["regulator", "source", "genes", "score"], as_index=False)["auroc"].mean()
    return series.pivot_table("auroc", "regulator", ["genes", "score"])


def rows_of(table: pd.DataFrame) -> list[Row]:
    """Means over TFs with their standard errors, and paired differences of the knockout to the others."""
    means = by_regulator(table)
    rows = []
    for genes in ("all genes", "bound genes"):
        knockout = means[genes, "knockout"]
        for score in SCORES:
            values = means[genes, score].dropna()
            difference = (knockout - means[genes, score]).dropna()
            spread = table.query("genes == @genes and score == @score")["auroc"]
            numbers = {
                "auroc": float(values.mean()), "se_over_tfs": float(values.std(ddof=1) / np.sqrt(len(values))),
                "knockout_minus_it": float(difference.mean()),
                "se_of_difference": float(difference.std(ddof=1) / np.sqrt(len(difference))),
                "sd_over_experiments": float(spread.std(ddof=1)), "n_tfs": float(len(values)),
                "n_experiments": float(spread.notna().sum()),
                "n_series": float(table.loc[table["genes"] == genes, "source"].nunique()),
            }  # fmt: skip
            note = (
                f"AUROC {numbers['auroc']:.3f} (SE {numbers['se_over_tfs']:.3f} over {len(values)} TFs); knockout "
                f"minus it {numbers['knockout_minus_it']:+.3f} (SE {numbers['se_of_difference']:.3f}); SD over "
                f"{int(numbers['n_experiments'])} experiments {numbers['sd_over_experiments']:.3f}"
            )
            rows.append(Row(f"{genes}: {score}", None, note=note, numbers=numbers))
    return rows
