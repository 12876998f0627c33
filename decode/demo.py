"""The main job from end to end on toy data, judged against what was planted in them."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_positive
from decode.core.files import make_output_folder, run_record, write_table
from decode.core.shown import shown
from decode.dataset import TEST
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.evaluate import Evaluation, dataset_of_model, evaluate, summarise
from decode.evaluation.predict import predict
from decode.expression import read_expression, tissue_targets
from decode.expression.task_kinds import main_tasks
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation
from decode.models.bundle import ModelBundle, save_bundle
from decode.report.evaluation import evaluation_files
from decode.report.figures import recovered_effects
from decode.report.files import check_free, record_path, write_run
from decode.statistics.metrics import spearman_per_task
from decode.synthetic import ToyData, check_toy_options, make_toy_data, toy_sources
from decode.training.config import TrainingConfig
from decode.training.ensemble import train

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MECHANISMS = {
    ("TF", "activator"): "activating TFs",
    ("TF", "repressor"): "repressing TFs",
    ("TF", "position"): "TF acting near the TSS only",
    ("TF", "interaction"): "TF pair acting together only",
    ("RBP", "activator"): "stabilising RBPs",
    ("RBP", "repressor"): "destabilising RBPs",
    ("miRNA", "repressor"): "repressing miRNAs",
}


@shown()
class DemoResult(NamedTuple):
    """What the demo found.

    Attributes
    ----------
    folder : Path
        data/ (toy files), features.h5, targets.tsv.gz, model/ and model_paper/ (bundles), metrics.json, tables, figures
        and summary.txt.
    metrics : dict
        Content of metrics.json: that of an evaluation, and `truth`, the comparison with what was planted.
    recovered : pd.DataFrame
        Rows: planted mechanisms; columns: model, paper, ridge_totals; partial correlation of predicted fold
        changes with what was planted, 1 is fully recovered and 0 is missed.
    summary : str
        The result in a few sentences.
    seconds : float
        Wall time.
    """

    folder: Path
    metrics: dict[str, Any]
    recovered: pd.DataFrame
    summary: str
    seconds: float


def demo_record(*, seed: int = 0, members: int = 3, n_genes: int = 3000) -> dict[str, Any]:
    """What `run_demo` records of its options."""
    return run_record(seed=seed, members=members, n_genes=n_genes)


def run_demo(
    out: str | Path, *, seed: int = 0, members: int = 3, n_genes: int = 3000, force: bool = False
) -> DemoResult:
    """Make toy data with planted regulators, train on them, and say how much of the planted truth was predicted.

    The same calls as for real data: annotation and sites are read from files, counted in bins, expression becomes
    fold changes, the default and the paper network are trained and judged on the held-out chromosome beside the
    baselines. At most 3 minutes on two cores.

    Parameters
    ----------
    out : str or Path
        Folder for everything; created if needed, its parent must exist.
    seed : int, default 0
        Of the toy data and of the training.
    members : int, default 3
        Networks a model.
    n_genes : int, default 3000
        Genes of the toy genome.
    force : bool, default False
        Replace a finished demo.

    Returns
    -------
    DemoResult

    Raises
    ------
    ValueError
        If a number is out of range.
    FileNotFoundError
        If the parent of `out` does not exist.
    FileExistsError
        If `out` holds a finished run and `force` is false.

    Examples
    --------
    >>> from decode.demo import run_demo
    >>> print(run_demo("decode-demo").summary)  # doctest: +SKIP
    """
    start = time.perf_counter()
    check_positive("members", members)
    check_toy_options(seed=seed, n_genes=n_genes)
    check_free(record_path(out), force=force)
    folder = make_output_folder(out)
    toy = make_toy_data(folder / "data", seed=seed, n_genes=n_genes)

    genes = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    features = build_features(genes, toy_sources(toy))
    features.write(folder / "features.h5")
    targets = tissue_targets(read_expression(toy.tissue_tpm)).targets
    write_table(targets, folder / "targets.tsv.gz")

    options = TrainingConfig(members=members, seed=seed)
    model = train(features, targets, network="default", training=options)
    paper = train(features, targets, network="paper", training=options)
    save_bundle(model, folder / "model")
    save_bundle(paper, folder / "model_paper")

    evaluation = evaluate(model, features, targets, others={"paper": paper})
    predicted = _held_out_predictions(model, paper, features, targets)
    truth, recovered = compare_with_truth(toy, evaluation, predicted)
    evaluation = replace(evaluation, metrics=evaluation.metrics | {"truth": truth})
    summary = summarise_demo(evaluation, recovered)
    files = evaluation_files(evaluation, history=model.history, title="toy data")
    heading = f"toy data, {len(evaluation.actual)} test genes"
    write_run(
        folder,
        "demo",
        tables=files.tables | {"recovered_effects.tsv": recovered.rename_axis("mechanism").reset_index()},
        figures=files.figures | {"recovered_effects": recovered_effects(recovered, title=heading)},
        numbers=files.numbers,
        texts={"summary.txt": summary + "\n"},
        record=demo_record(seed=seed, members=members, n_genes=n_genes),
        force=force,
    )
    return DemoResult(folder, evaluation.metrics, recovered, summary, time.perf_counter() - start)


def _held_out_predictions(
    model: ModelBundle, paper: ModelBundle, features: RegulatoryFeatures, targets: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Predictions of both networks and of every baseline for the test genes, each (n_genes, n_tasks)."""
    dataset = dataset_of_model(model, features, targets)
    rows = dataset.rows(TEST)
    genes = [str(gene) for gene in dataset.features.ids[rows]]
    predicted = {
        name: predict(bundle, features).set_index("gene_id").loc[genes, model.tasks].to_numpy()
        for name, bundle in (("model", model), ("paper", paper))
    }
    return predicted | {name: values[rows] for name, values in baseline_predictions(dataset).items()}


def compare_with_truth(
    toy: ToyData, evaluation: Evaluation, predicted: dict[str, np.ndarray]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Compare predictions with the noiseless signal, and ask which planted mechanisms they contain.

    Parameters
    ----------
    toy : ToyData
    evaluation : Evaluation
        Names the judged genes and holds their measured values.
    predicted : dict of str to np.ndarray, shape (n_genes, n_tasks)
        Predictions of these genes, in the order of the evaluation.

    Returns
    -------
    truth : dict
        achievable: mean Spearman of the noiseless signal with the measured values, which no model can be expected to
        beat. against_signal: the same figures of each model against the noiseless signal. recovered: the table below.
    recovered : pd.DataFrame, shape (n_mechanisms, n_models)
        Partial correlation of the predicted fold changes with the planted contribution of each mechanism, given those
        of the others: 1 is fully recovered, 0 is missed. It does not mind that predictions are shrunken.
    """
    tasks = [str(column) for column in evaluation.actual.columns[1:]]
    genes = evaluation.actual["gene_id"].tolist()
    signal = pd.read_csv(toy.truth_signal, sep="\t", index_col="gene_id").loc[genes, tasks].to_numpy()
    kinds = [evaluation.metrics["task_kinds"][task] for task in tasks]
    achievable = summarise(spearman_per_task(evaluation.actual[tasks].to_numpy(), signal), kinds)
    against = {name: summarise(spearman_per_task(signal, values), kinds) for name, values in predicted.items()}
    changes = np.flatnonzero(main_tasks(kinds))
    contributions = planted_contributions(toy, genes, [tasks[number] for number in changes])
    recovered = pd.DataFrame(
        {
            name: _partial_correlations(predicted[name][:, changes], list(contributions.values()))
            for name in ("model", "paper", "ridge_totals")
        },
        index=list(contributions),
    )
    truth = {
        "achievable": achievable,
        "against_signal": against,
        "recovered": {name: column.to_dict() for name, column in recovered.items()},
    }
    return truth, recovered


def planted_contributions(toy: ToyData, genes: list[str], tasks: list[str]) -> dict[str, np.ndarray]:
    """What each planted mechanism adds to these fold changes, (n_genes, n_tasks) in log2 units."""
    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col="gene_id").loc[genes]
    effects = toy.truth[tasks].to_numpy()
    groups = list(zip(toy.truth["kind"], toy.truth["role"], strict=True))
    return {
        name: dose.to_numpy()[:, members] @ effects[members]
        for key, name in MECHANISMS.items()
        if (members := [number for number, group in enumerate(groups) if group == key])
    }


def _partial_correlations(predicted: np.ndarray, contributions: list[np.ndarray]) -> np.ndarray:
    """Correlation with each contribution over genes and tasks, after regressing all the others out of both.

    What is shared by the tasks of a gene, or by the genes of a task, is taken out first. NaN where nothing varies.
    """

    def centred(values: np.ndarray) -> np.ndarray:
        values = values - values.mean(axis=1, keepdims=True)
        return (values - values.mean(axis=0)).ravel()

    design = np.column_stack([centred(values) for values in contributions])
    target = centred(predicted)
    result = []
    for number in range(design.shape[1]):
        others = np.delete(design, number, axis=1)
        pair = np.column_stack([target, design[:, number]])
        left = pair - others @ np.linalg.lstsq(others, pair, rcond=None)[0]
        norm = np.sqrt((left**2).sum(axis=0))
        result.append(left[:, 0] @ left[:, 1] / norm.prod() if norm.min() > 1e-9 else np.nan)
    return np.array(result)


def summarise_demo(evaluation: Evaluation, recovered: pd.DataFrame) -> str:
    """The result in plain sentences, for the terminal and summary.txt."""
    metrics = evaluation.metrics
    truth = metrics["truth"]
    rows = {
        "achievable (noiseless signal)": truth["achievable"],
        "model": metrics["model"],
        "paper network": metrics["others"]["paper"],
        "ridge on totals": metrics["baselines"]["ridge_totals"],
        "length only": metrics["baselines"]["length_only"],
        "mean": metrics["baselines"]["mean"],
    }
    lines = [
        f"Spearman correlation with measured expression, {metrics['n_genes']} genes of the held-out chromosome:",
        f"{'':32}{'fold change':>12}{'median level':>14}",
        *(
            f"{name:32}{_figure(row['fold_change_mean_spearman']):>12}{_figure(row['median_level_spearman']):>14}"
            for name, row in rows.items()
        ),
    ]
    share = metrics["model"]["fold_change_mean_spearman"] / truth["achievable"]["fold_change_mean_spearman"]
    own = metrics["specificity"]
    lines += [
        "",
        f"The model reaches {share:.0%} of what is achievable; its prediction agrees best with the tissue's own column "
        f"in {own['n_own_highest']} of {own['n_tasks']} tissues.",
        f"Its correlation with the planted signal is {_figure(_planted(truth, 'model'))}, that of ridge on totals "
        f"{_figure(_planted(truth, 'ridge_totals'))}, of length alone {_figure(_planted(truth, 'length_only'))}.",
        "",
        "Which planted mechanisms the predicted fold changes contain (partial correlation: 1 is all, 0 is nothing):",
        f"{'':32}{'model':>12}{'paper':>10}{'ridge':>10}",
        *(
            f"{name:32}{row['model']:>12.2f}{row['paper']:>10.2f}{row['ridge_totals']:>10.2f}"
            for name, row in recovered.iterrows()
        ),
    ]
    return "\n".join(lines)


def _planted(truth: dict[str, Any], name: str) -> float:
    return float(truth["against_signal"][name]["fold_change_mean_spearman"])


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "undefined"
