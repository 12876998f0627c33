"""From arrays to RNA-seq: imputers trained on 240 arrays, judged on 350 tumours that were sequenced.

    python -m benchmarks.landmark_transfer --out transfer.json

Genes are matched by symbol. Every imputer learns from arrays alone, and tumours get the stored quantiles of the arrays.
They get them twice: among all genes that both sides have, and among the panel genes alone, as `decode landmark impute`
must do where only the panel was measured. The truth is the whole profile with the quantiles of the arrays, on the
scale 4 to 15. PCC is that of a gene over tumours, and over tumours less the mean of their cohort, so that knowing the
tissue is no merit. To compare with: the mean of the arrays, and ridge regression on other tumours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import DATA
from decode.core.choices import Imputation
from decode.core.files import check_output, write_json
from decode.core.threads import one_blas_thread
from decode.landmark.imputation import Imputer, fit_imputer
from decode.landmark.panels import order_genes
from decode.landmark.prepare import prepare_expression
from decode.landmark.prepared import PreparedExpression
from decode.landmark.probes import read_probe_map
from decode.landmark.quantiles import apply_quantiles
from decode.landmark.ridge import shared_ridge
from decode.landmark.sources import open_samples
from decode.statistics.metrics import pearson_per_task

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
N_RANDOM, N_FOLDS, SEED = 20, 5, 0
METHODS: tuple[Imputation, ...] = ("ridge", "knn", "sample_lasso", "network")


class Transfer(NamedTuple):
    """Both platforms on common genes.

    Attributes
    ----------
    prepared : PreparedExpression
        The arrays, all for training.
    tumours : float64 array, shape (n_tumours, n_genes)
        With the arrays' quantiles, genes in the order of `prepared`; NaN where tumours lack the gene.
    cohorts : array of str, shape (n_tumours,)
    """

    prepared: PreparedExpression
    tumours: Float
    cohorts: NDArray[np.str_]


def symbols_of(ids: list[str]) -> pd.Series:
    """Symbol of each `SYMBOL|Entrez`, empty where it is unknown or stands for several rows."""
    symbols = pd.Series([name.partition("|")[0] for name in ids])
    return symbols.mask((symbols == "?") | symbols.duplicated(keep=False), "")


def tumour_table() -> tuple[pd.DataFrame, NDArray[np.str_]]:
    """RSEM of tumours by symbol, genes x tumours, and the cohort of each."""
    with np.load(DATA / "individuals" / "tcga_rnaseq350_rsem.npz") as stored:
        names, values = stored["samples"].tolist(), stored["X"].astype(np.float64)
        symbols = symbols_of(stored["genes"].tolist())
    known = (symbols != "").to_numpy()
    table = pd.DataFrame(values.T[known], index=symbols[known].tolist(), columns=names)
    meta = pd.read_csv(DATA / "individuals" / "tcga_rnaseq350_rsem_meta.tsv", sep="\t", dtype=str).set_index("barcode")
    return table, meta.loc[names, "cohort"].to_numpy(dtype=np.str_)


def read_transfer(out: Path) -> tuple[Transfer, list[str]]:
    """Both data sets by symbol, and the L1000 landmarks that both have."""
    maps = [DATA / "landmark" / name for name in ("dgex_landmarks.txt", "dgex_targets.txt.gz")]
    probes = read_probe_map(maps).assign(gene_id=lambda table: table["gene_name"])
    with open_samples(DATA / "landmark" / "u133a240_mas5.npz") as source:
        prepared = prepare_expression(source, out=out, probe_map=probes, validation_share=0.0, test_share=0.0)
    table, cohorts = tumour_table()
    is_common = np.isin(prepared.gene_ids, table.index)
    tumours = np.full((table.shape[1], prepared.n_genes), np.nan)
    tumours[:, is_common] = apply_quantiles(table.loc[prepared.gene_ids[is_common].tolist()].T, prepared.quantiles)
    landmarks = list(dict.fromkeys(read_probe_map(maps[0])["gene_name"]))
    return Transfer(prepared, tumours, cohorts), [gene for gene in landmarks if gene in set(table.index)]


def scores(actual: Float, predicted: Float, cohorts: NDArray[np.str_]) -> dict[str, float]:
    """Means over genes: MAE, MAE without the gene's own shift between platforms, PCC over all and within cohorts."""
    error = predicted - actual

    def centred(values: Float) -> Float:
        rest = values - pd.DataFrame(values).groupby(cohorts).transform("mean").to_numpy()
        return np.where(
            np.abs(rest) < 1e-9, 0.0, rest
        )  # what does not vary has no correlation, not that of its rounding

    return {
        "mae": float(np.abs(error).mean()),
        "mae_unshifted": float(np.abs(error - error.mean(axis=0)).mean()),
        "pcc": _mean(pearson_per_task(actual, predicted)),
        "pcc_within": _mean(pearson_per_task(centred(actual), centred(predicted))),
    }


def _mean(values: Float) -> float:
    """Mean of the defined values, NaN where there is none."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def judged(data: Transfer, imputer: Imputer, targets: Mask, *, panel_only: bool = False) -> dict[str, float]:
    """Scores of an imputer on tumours, on some genes of the matrix."""
    place = {gene: number for number, gene in enumerate(data.prepared.gene_ids.tolist())}
    own = data.tumours[:, [place[gene] for gene in imputer.panel_ids.tolist()]]
    predicted = imputer.predict(imputer.normalise_panel(own) if panel_only else own)
    columns = np.array([place[gene] for gene in imputer.target_ids.tolist()])
    wanted = targets[columns]
    return scores(data.tumours[:, columns[wanted]], predicted[:, wanted], data.cohorts)


@one_blas_thread()
def other_tumours(data: Transfer, panel: NDArray[np.int64], targets: Mask) -> dict[str, float]:
    """Ridge regression learnt from four fifths of the tumours, predicting the last fifth, in turn."""
    columns, predicted = np.flatnonzero(targets), np.empty((len(data.tumours), int(targets.sum())))
    folds = np.random.default_rng(SEED).permutation(len(data.tumours)) % N_FOLDS
    used = np.concatenate([panel, columns])
    for fold in range(N_FOLDS):
        values = data.tumours[:, used]
        shared = shared_ridge(values[folds != fold], targets=np.arange(len(panel), len(used)))
        fit = shared.fit(np.arange(len(panel)))
        predicted[folds == fold] = fit.predict(values[folds == fold][:, : len(panel)])
    return scores(data.tumours[:, columns], predicted, data.cohorts)


def rows_of(data: Transfer, landmarks: list[str]) -> list[dict[str, Any]]:
    """All rows of the table, each with its scores on the targets that no panel holds."""
    genes, size = data.prepared.gene_ids, len(landmarks)
    is_common: Mask = np.asarray(~np.isnan(data.tumours).any(axis=0))
    train = data.prepared.read()
    common = np.flatnonzero(is_common)
    rng = np.random.default_rng(SEED)
    panels = {"L1000": np.flatnonzero(np.isin(genes, landmarks)),
              "greedy on arrays": common[order_genes(train[:, common], size).columns]}  # fmt: skip
    draws = [rng.permutation(common)[:size] for _ in range(N_RANDOM)]
    free: Mask = is_common.copy()
    free[np.concatenate([*panels.values(), *draws])] = False
    of_l1000: Mask = is_common.copy()
    of_l1000[panels["L1000"]] = False
    rows: list[dict[str, Any]] = []

    def add(targets: Mask, name: str, found: dict[str, float]) -> None:
        rows.append({"targets": int(targets.sum()), "row": name} | found)

    for method in METHODS:
        imputer = fit_imputer(data.prepared, genes[panels["L1000"]], method=method, seed=SEED)
        add(of_l1000, f"L1000, {method}", judged(data, imputer, of_l1000))
        add(of_l1000, f"L1000, {method}, panel alone measured", judged(data, imputer, of_l1000, panel_only=True))
    mean = np.tile(train.mean(axis=0, dtype=np.float64)[of_l1000], (len(data.tumours), 1))
    add(of_l1000, "mean of the arrays", scores(data.tumours[:, of_l1000], mean, data.cohorts))
    add(of_l1000, "L1000, ridge on other tumours", other_tumours(data, panels["L1000"], of_l1000))
    for name, panel in panels.items():
        add(free, f"{name}, ridge, common targets", judged(data, fit_imputer(data.prepared, genes[panel]), free))
    drawn = pd.DataFrame([judged(data, fit_imputer(data.prepared, genes[panel]), free) for panel in draws])
    for name, summary in (("mean", drawn.mean()), ("lowest", drawn.min()), ("highest", drawn.max())):
        add(
            free,
            f"{N_RANDOM} random panels, ridge, common targets, {name}",
            {str(k): float(v) for k, v in summary.items()},
        )
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landmark_transfer", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(arguments)
    check_output(options.out)
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        data, landmarks = read_transfer(Path(folder) / "arrays.h5")
        rows = rows_of(data, landmarks)
        counts = {"n_arrays": data.prepared.n_samples, "n_genes_arrays": data.prepared.n_genes,
                  "n_genes_common": int((~np.isnan(data.tumours).any(axis=0)).sum()), "n_landmarks": len(landmarks),
                  "n_tumours": len(data.tumours)}  # fmt: skip
        data.prepared.close()
    write_json({"counts": counts, "rows": rows}, options.out)
    table = Table(title=", ".join(f"{name} {value:,}" for name, value in counts.items()))
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
