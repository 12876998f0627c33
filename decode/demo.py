"""The main job from end to end on toy data, judged against what was planted in them."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_positive
from decode.core.files import run_record, staged_folder, write_table
from decode.core.shown import shown
from decode.dataset import TEST
from decode.drivers.engine import DriversConfig
from decode.drivers.find import DriversResult, find_drivers
from decode.drivers.targets import FDR_LIMIT
from decode.evaluation.baselines import baseline_predictions
from decode.evaluation.evaluate import Evaluation, dataset_of_model, evaluate, summarise
from decode.evaluation.intervals import bootstrap_headlines
from decode.evaluation.predict import predict
from decode.expression import read_expression, tissue_targets
from decode.expression.de_tables import read_de_table
from decode.expression.gene_ids import rows_by_gene
from decode.expression.samples import log_expression, read_samples, sample_contrasts
from decode.expression.task_kinds import main_tasks
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation, with_structure
from decode.models.bundle import ModelBundle, save_bundle
from decode.report.evaluation import evaluation_files
from decode.report.figures import recovered_effects
from decode.report.files import write_run
from decode.report.finished import check_free, record_path
from decode.report.judged_drivers import driver_counts, judged_figures, judged_text
from decode.statistics.metrics import spearman_per_task
from decode.synthetic import (
    ToyContrast,
    ToyData,
    check_toy_options,
    judge_drivers,
    make_toy_contrast,
    make_toy_data,
    toy_sources,
)
from decode.synthetic.contrast import DESIGN
from decode.training.config import TrainingConfig
from decode.training.ensemble import train

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels

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
JUNCTION_EFFECT_LOG2 = 0.6  # planted beside the sites, as in real genes: many coding exons, higher level
STRUCTURE_MECHANISM, LEAST_EFFECT_LOG2 = "gene structure (no site)", 1e-6
SHOWN = {
    "achievable": "achievable (noiseless signal)",
    "model": "model",
    "paper": "paper network",
    "ridge_totals": "ridge on totals",
    "length_only": "length only",
}
NEXT_STEPS = """On your own data (hg38 and so on; `decode COMMAND --help` says more):
  decode features build --annotation genes.gtf.gz --build hg38 --promoter-sites TF=peaks/ --out features.h5
  decode drivers deseq2.csv --features features.h5 --annotation genes.gtf.gz --out drivers
  decode expression tissue tpm.gct.gz --out targets.tsv.gz && decode train features.h5 targets.tsv.gz --out model
  decode evaluate model features.h5 targets.tsv.gz --out results"""


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
    drivers : pd.DataFrame
        Regulators by rank, held against the planted contrast, see `decode.synthetic.judge_drivers`.
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
    drivers: pd.DataFrame
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
    baselines. Then samples of two conditions are made, in which six regulators change their activity, and the drivers
    of that contrast are ranked and held against what was planted. At most 3 minutes on two cores.

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
    with staged_folder(out) as folder:
        found = _demo(folder, Path(out), seed=seed, members=members, n_genes=n_genes)
    return found._replace(seconds=time.perf_counter() - start)


def _demo(folder: Path, out: Path, *, seed: int, members: int, n_genes: int) -> DemoResult:
    """Everything, written into `folder`, which becomes `out`."""
    toy = make_toy_data(folder / "data", seed=seed, n_genes=n_genes, junction_effect_log2=JUNCTION_EFFECT_LOG2)

    annotation = read_annotation(toy.annotation, build="toy", sizes=toy.sizes)
    genes = with_structure(gene_models(annotation), annotation)
    features = _of_place(build_features(genes, toy_sources(toy)), folder, out)
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
    contrast = make_toy_contrast(folder / "data", toy, seed=seed)
    found = contrast_drivers(contrast, features, genes, seed=seed)
    judged = judge_drivers(found.drivers, contrast.truth, fdr=FDR_LIMIT)
    evaluation = replace(evaluation, metrics=evaluation.metrics | {"truth": truth | {"drivers": driver_counts(judged)}})
    summary = f"{summarise_demo(evaluation, recovered)}\n\n{judged_text(judged)}"
    files = evaluation_files(evaluation, history=model.history, title="toy data")
    heading = f"toy data, {len(evaluation.actual)} test genes"
    write_run(
        folder,
        "demo",
        tables=files.tables
        | {
            "recovered_effects.tsv": recovered.rename_axis("mechanism").reset_index(),
            "drivers.tsv": found.drivers,
            "drivers_judged.tsv": judged,
        },
        figures=files.figures
        | {"recovered_effects": recovered_effects(recovered, title=heading)}
        | judged_figures(found, judged),
        numbers=files.numbers,
        texts={"summary.txt": f"{summary}\n\n{NEXT_STEPS}\n"},
        record=demo_record(seed=seed, members=members, n_genes=n_genes),
    )
    return DemoResult(out, evaluation.metrics, judged, recovered, summary, 0.0)


def _of_place(features: RegulatoryFeatures, folder: Path, out: Path) -> RegulatoryFeatures:
    """Features that name their sources by the folder in which they will lie."""

    def moved(value: Any) -> Any:
        return json.loads(json.dumps(value).replace(json.dumps(str(folder))[1:-1], json.dumps(str(out))[1:-1]))

    return replace(features, sources=moved(features.sources), checks=moved(features.checks))


def contrast_drivers(
    contrast: ToyContrast, features: RegulatoryFeatures, genes: GeneModels, *, seed: int = 0
) -> DriversResult:
    """Differential expression of the toy samples, written as a table, and the drivers that explain it.

    The genes of the toy are independent of each other by construction, and there are few regulators, many of which
    act: each is judged beside the others (`--score joint --independent-genes`), which real data do not allow.
    """
    matrix, _ = rows_by_gene(
        read_expression(contrast.tpm), features.genes[["gene_id", "gene_name"]], None, name=contrast.tpm.name
    )
    samples = read_samples(contrast.samples, [str(name) for name in matrix.columns])
    table = sample_contrasts(log_expression(matrix), samples, DESIGN, source=contrast.tpm.name).table
    path = contrast.tpm.parent / "contrast_de.tsv.gz"
    columns = {
        "logFC": table.log2_fold_change,
        "AveExpr": table.mean_expression,
        "t": table.statistic,
        "adj.P.Val": table.adjusted_p,
    }
    frame = pd.DataFrame({name: np.asarray(column).ravel() for name, column in columns.items() if column is not None})
    frame.insert(0, "gene_id", table.statistic.index.to_numpy())
    write_table(frame, path)
    config = DriversConfig(score="joint", independent_genes=True, seed=seed)
    return find_drivers(read_de_table(path), features, config=config, gene_models=genes)


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
    rest = signal[:, changes] - sum(contributions.values())
    rest = rest - rest.mean(axis=1, keepdims=True)  # what is the same in all tissues is no fold change
    if np.ptp(rest, axis=0).max() > LEAST_EFFECT_LOG2:
        contributions |= {STRUCTURE_MECHANISM: rest}
    recovered = pd.DataFrame(
        {
            name: _partial_correlations(predicted[name][:, changes], list(contributions.values()))
            for name in ("model", "paper", "ridge_totals")
        },
        index=list(contributions),
    )
    measured = evaluation.actual[tasks].to_numpy()
    known = {name: predicted[name] for name in SHOWN if name in predicted}
    truth = {
        "intervals": bootstrap_headlines(measured, {"achievable": signal, **known}, kinds, reference="model").to_dict(
            "records"
        ),
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
        result: np.ndarray = (values - values.mean(axis=0)).ravel()
        return result

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
    intervals = {(row["name"], row["figure"]): row for row in truth["intervals"]}
    lines = [
        f"Spearman correlation with measured expression, {metrics['n_genes']} genes of the held-out chromosome, with",
        "95 % intervals (bootstrap over genes):",
        f"{'':32}{'fold change':>22}{'median level':>24}",
    ]
    for name, label in SHOWN.items():
        pair = [intervals[name, figure] for figure in ("fold_change_mean_spearman", "median_level_spearman")]
        lines.append(f"{label:32}" + "".join(f"{_with_interval(row):>23}" for row in pair))
    lead = intervals["ridge_totals", "fold_change_mean_spearman"]
    share = metrics["model"]["fold_change_mean_spearman"] / truth["achievable"]["fold_change_mean_spearman"]
    own = metrics["specificity"]
    lines += [
        "",
        f"The model reaches {share:.0%} of what is achievable; its prediction agrees best with the tissue's own column "
        f"in {own['n_own_highest']} of {own['n_tasks']} tissues.",
        f"Its correlation with the planted signal is {_figure(_planted(truth, 'model'))}, that of ridge on totals "
        f"{_figure(_planted(truth, 'ridge_totals'))}, of length alone {_figure(_planted(truth, 'length_only'))}.",
        f"It leads ridge on totals by {lead['lead']:.3f} ({lead['lead_low']:.3f} to {lead['lead_high']:.3f}).",
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


def _with_interval(row: dict[str, Any]) -> str:
    return f"{_figure(row['value'])} ({_figure(row['low'])}-{_figure(row['high'])})"


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "undefined"
