"""Panels on real data: three splits, each prepared, trained, selected and judged on its own.

    python -m benchmarks.landmark_table arrays --out arrays_table
    python -m benchmarks.landmark_table tumours --out tumours_table --imputers ridge,knn,sample_lasso,network

For every seed the samples are split anew, quantiles and the autoencoder come from the training samples of that split,
and DeepLIFT chooses by this autoencoder: so no panel has seen a test sample. Prepared profiles and autoencoders in the
folder are used again. Writes panels.tsv, curves.tsv, comparisons.tsv, band.tsv and, on request, imputers.tsv, and
curves.png, the picture of the means.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.accuracy import DATA
from decode.cli.options import comma_list
from decode.core.files import check_input, write_table
from decode.expression.samples import read_samples
from decode.landmark.autoencoder import Autoencoder, AutoencoderConfig, load_autoencoder, save_autoencoder
from decode.landmark.autoencoder_fit import train_autoencoder
from decode.landmark.panel_curves import curves_table
from decode.landmark.panel_evaluation import PanelEvaluation, evaluate_panel
from decode.landmark.prepare import prepare_expression
from decode.landmark.prepared import PreparedExpression, open_prepared
from decode.landmark.probes import read_probe_map
from decode.landmark.selection import select_panel
from decode.landmark.sources import open_samples
from decode.report.files import save_figure
from decode.report.landmark_panels import curves_figure

SIZES = (50, 100, 200, 400, 700, 943)
N_SPLITS = 3
CONFIG = AutoencoderConfig()
LANDMARKS, TARGETS = DATA / "landmark" / "dgex_landmarks.txt", DATA / "landmark" / "dgex_targets.txt.gz"
MATRICES = {
    "arrays": DATA / "landmark" / "u133a240_mas5.npz",
    "tumours": DATA / "individuals" / "tcga_rnaseq350_rsem.npz",
}


def prepared_profiles(name: str, path: Path, seed: int) -> PreparedExpression:
    """The prepared matrix of a seed, from its file where there is one."""
    if not path.exists():
        matrix = check_input(MATRICES[name], "expression matrix")
        with open_samples(matrix) as source:
            labels = read_samples(matrix.with_name(f"{matrix.stem}_meta.tsv"), source.sample_ids)
            maps: list[Path] | None = [LANDMARKS, TARGETS] if name == "arrays" else None
            prepare_expression(source, out=path, labels=labels, probe_map=maps, seed=seed).close()
    return open_prepared(path)


def trained(prepared: PreparedExpression, folder: Path) -> Autoencoder:
    """The autoencoder of a split with the default settings, from its folder where there is one."""
    if not folder.exists():
        save_autoencoder(train_autoencoder(prepared, CONFIG, out=folder), folder)
    return load_autoencoder(folder)


def judged_split(
    name: str, folder: Path, seed: int, imputers: list[Any], sizes: tuple[int, ...]
) -> tuple[PanelEvaluation, float]:
    """DeepLIFT, L1000, the other methods and random panels on one split, and the seconds that judging took."""
    with prepared_profiles(name, folder / f"{name}_{seed}.h5", seed) as prepared:
        autoencoder = trained(prepared, folder / f"AE_{name}_{seed}")
        chosen = select_panel(prepared, size=max(sizes), autoencoder=autoencoder)
        landmarks = list(dict.fromkeys(read_probe_map(LANDMARKS)["gene_name"]))
        start = time.perf_counter()
        found = evaluate_panel(
            prepared, chosen.table, others={"L1000": landmarks}, against="L1000", sizes=sizes, imputers=imputers,
            seed=seed,
        )  # fmt: skip
    return found, time.perf_counter() - start


def with_seed(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A table of one split, its split named by the seed, and DeepLIFT by its name."""
    renamed = table.replace({"panel": "deeplift"}) if "panel" in table else table
    if "split" in renamed:
        renamed = renamed[renamed["split"].astype(str) != "all"]
    return renamed.assign(split=seed)


def main(arguments: list[str] | None = None) -> int:
    """Judge panels on three splits and print the means."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.landmark_table", description=__doc__)
    parser.add_argument("data", choices=sorted(MATRICES))
    parser.add_argument("--out", type=Path, required=True, help="folder")
    parser.add_argument("--imputers", default=None, help="imputers to compare on each split, comma-separated")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[pd.DataFrame]] = {}
    for seed in range(N_SPLITS):
        found, seconds = judged_split(options.data, options.out, seed, comma_list(options.imputers) or [], SIZES)
        print(f"split {seed}: judged in {seconds:.0f} s", flush=True)
        for name in ("panels", "comparisons", "band", "imputers"):
            results.setdefault(name, []).append(with_seed(getattr(found, name), seed))
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in results.items()}
    tables["curves"] = curves_table(tables["panels"])
    for name, table in tables.items():
        if len(table) and len(table.columns) > 1:
            write_table(table, options.out / f"{name}.tsv")
    save_figure(curves_figure(tables["curves"], tables["panels"]), options.out / "curves.png")
    for measure in ("mean_mae", "mean_pcc", "share_passing"):
        print(measure, tables["curves"].pivot_table(index="panel", columns="size", values=measure).round(4), sep="\n")
    if options.imputers:
        print(tables["imputers"].groupby(["panel", "imputer"], sort=False).mean(numeric_only=True).round(4))
    return 0


if __name__ == "__main__":
    sys.exit(main())
