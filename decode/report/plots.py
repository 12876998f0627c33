"""The figures of results under names that begin with `plot_`: a result goes in, a figure comes out.

Each draws what the command of its subject writes into a folder. A notebook shows the figure where it is the last line
of a cell; `figure.savefig("name.pdf")` keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from decode.core.checks import check_known
from decode.report.activity import activity_heatmap, own_expression_figure
from decode.report.coexpression import coexpression_figure
from decode.report.coexpression_prediction import coexpression_density
from decode.report.differential import p_value_histograms, predicted_t
from decode.report.drivers import draw_drivers, draw_positions, draw_volcano
from decode.report.figures import clustered_order, per_task_accuracy, specificity_heatmap, training_history
from decode.report.insilico import knockout_heatmap
from decode.report.landmark import embedding_figure, training_figure, tree_figure
from decode.report.landmark_panels import curves_figure
from decode.report.mediation import mediation_histogram
from decode.report.phenotype_regulators import regulator_t
from decode.report.ranking import top_overall, top_regulators

if TYPE_CHECKING:
    import xarray as xr

    from decode.drivers.find import DriversResult
    from decode.evaluation.evaluate import Evaluation
    from decode.insilico.coexpression import CoexpressionDrivers
    from decode.insilico.coexpression_prediction import CoexpressionPrediction
    from decode.insilico.mediation import Mediation
    from decode.landmark.autoencoder import Autoencoder
    from decode.landmark.embedding import Embedding
    from decode.landmark.panel_evaluation import PanelEvaluation
    from decode.models.bundle import ModelBundle
    from decode.persons.activity import ActivityResult
    from decode.persons.activity_expression import ActivityExpression
    from decode.persons.agreement import Agreement
    from decode.persons.differential import DifferentialResult
    from decode.persons.phenotype_regulators import PhenotypeRegulators
    from decode.ranking.rank import RegulatorScores


def _contrast(result: DriversResult, contrast: str | None) -> str:
    names = [str(name) for name in result.contrasts["contrast"]]
    if contrast is None:
        return names[0]
    check_known("contrast(s)", [contrast], names, "the drivers")
    return contrast


def plot_drivers(
    result: DriversResult, contrast: str | None = None, *, n: int = 20, marked: Sequence[str] = (), title: str = ""
) -> Figure:
    """Draw the first drivers of a contrast: their effect with an interval, and their strength.

    Parameters
    ----------
    result : DriversResult
        From `decode.find_drivers`.
    contrast : str, optional
        Default: the first.
    n : int, default 20
        Regulators drawn.
    marked : sequence of str, optional
        Names of regulators that get a star, such as those of a hypothesis.
    title : str, optional
        Default: the contrast.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If there is no such contrast.
    """
    name = _contrast(result, contrast)
    return draw_drivers(_starred(result.drivers, name, marked), title=title or name, n=n)


def plot_volcano(
    result: DriversResult, contrast: str | None = None, *, n: int = 12, marked: Sequence[str] = (), title: str = ""
) -> Figure:
    """Draw the effect of every regulator of a contrast against its FDR; parameters as `plot_drivers`, n are named."""
    name = _contrast(result, contrast)
    return draw_volcano(_starred(result.drivers, name, marked), title=title or name, n=n)


def plot_driver_positions(result: DriversResult, contrast: str | None = None, *, n: int = 6, title: str = "") -> Figure:
    """Draw where the sites of the first n drivers lie: in their leading targets, and in all genes that they bind."""
    name = _contrast(result, contrast)
    own, positions = (table[table["contrast"] == name] for table in (result.drivers, result.positions))
    return draw_positions(own, positions, title=title or name, n=n)


def _starred(drivers: pd.DataFrame, contrast: str, marked: Sequence[str]) -> pd.DataFrame:
    own = drivers[drivers["contrast"] == contrast]
    check_known("regulator(s)", list(marked), own["regulator"].tolist(), "the drivers")
    return own.assign(regulator=own["regulator"].where(~own["regulator"].isin(marked), lambda name: name + " *"))


def plot_accuracy(evaluation: Evaluation, *, title: str = "") -> Figure:
    """Draw the Spearman correlation of the model and of every baseline, one row of dots a task.

    Parameters
    ----------
    evaluation : Evaluation
        From `decode.evaluate`.
    title : str, optional
        Default: the genes that were judged.

    Returns
    -------
    matplotlib.figure.Figure
    """
    metrics = evaluation.metrics
    columns = ["task", "task_kind", "model", *metrics["baselines"], *metrics.get("others", {})]
    return per_task_accuracy(
        evaluation.per_task[columns], title=title or f"{metrics['n_genes']} {metrics['split']} genes"
    )


def plot_specificity(evaluation: Evaluation, *, title: str = "") -> Figure:
    """Draw how well each predicted task agrees with each measured one; a specific model has a dark diagonal."""
    table = evaluation.specificity
    order = clustered_order(evaluation.actual[[str(task) for task in table.columns]])
    return specificity_heatmap(table.loc[order, order], title=title)


def plot_training(model: ModelBundle | Autoencoder, *, title: str = "") -> Figure:
    """Draw the losses of every member by epoch, of a model (`decode.train`) or an autoencoder of landmark genes."""
    history = model.history
    if hasattr(model, "tasks"):
        return training_history([table for _, table in history.groupby("member", sort=True)], title=title)
    return training_figure(history)


def plot_ranking(ranking: pd.DataFrame, *, n_top: int = 30, title: str = "") -> Figure:
    """Draw the largest overall scores of `decode.rank_regulators`, with their spread and the interval of their rank."""
    return top_overall(ranking, n_top=n_top, title=title)


def plot_regulators(scores: RegulatorScores, *, n_top: int = 5, title: str = "") -> Figure:
    """Draw the regulators that are among the n_top of any task (`decode.regulator_scores`), as a heatmap."""
    return top_regulators(scores, n_top=n_top, title=title)


def plot_knockout(effects: xr.Dataset, gene: str, *, n_regulators: int = 30) -> Figure:
    """Draw the knockouts of one gene (by its gene_id) from `decode.knock_out`: regulators x tasks."""
    return knockout_heatmap(effects, gene, n_regulators=n_regulators)


def plot_coexpression(result: CoexpressionDrivers, *, model: str | None = None, n_shown: int = 15) -> Figure:
    """Draw what removing each regulator does to the correlation of a pair, from `decode.coexpression_drivers`."""
    return coexpression_figure(result, model=model, n_shown=n_shown)


def plot_predicted_coexpression(result: CoexpressionPrediction, *, title: str = "") -> Figure:
    """Draw predicted correlations of pairs that go together, from `decode.predict_coexpression`, beside others."""
    return coexpression_density(result, title=title)


def plot_mediation(result: Mediation, *, title: str = "") -> Figure:
    """Draw the share that the drivers take, from `decode.mediate`, beside random regulators in their place."""
    return mediation_histogram(result, title=title)


def plot_p_values(result: DifferentialResult) -> Figure:
    """Draw the p-values of every term of `decode.differential`: flat where nothing differs, a peak at 0 else."""
    return p_value_histograms(result.table)


def plot_agreement(agreement: Agreement, term: str) -> Figure:
    """Draw predicted against measured t of one term over genes, from `decode.agreement_of_t`."""
    check_known("term(s)", [term], agreement.table["term"].tolist(), "the agreement")
    return predicted_t(agreement, term)


def plot_activity(
    result: ActivityResult | pd.DataFrame, phenotype: pd.Series | None = None, *, n_regulators: int = 60
) -> Figure:
    """Draw samples x regulators, both clustered, with a bar of the phenotype.

    Parameters
    ----------
    result : ActivityResult or pd.DataFrame
        From `decode.regulator_activity`, or any table of samples x regulators.
    phenotype : pd.Series, optional
        Index: samples; numbers or words.
    n_regulators : int, default 60
        Those that vary most are drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    activity = result if isinstance(result, pd.DataFrame) else result.activity
    return activity_heatmap(activity, phenotype, n_regulators=n_regulators)


def plot_own_expression(own: ActivityExpression, *, n_names: int = 8) -> Figure:
    """Draw how activity follows the regulator's own mRNA (`decode.correlate_activity`), and the hits of its null."""
    return own_expression_figure(own, n_names=n_names)


def plot_phenotype_regulators(result: PhenotypeRegulators) -> Figure:
    """Draw the regulators that change most with each term, by each test of `decode.phenotype_regulators`."""
    return regulator_t(result)


def plot_panels(found: PanelEvaluation, names: Mapping[str, str] | None = None) -> Figure:
    """Draw accuracy over panel size from `decode.evaluate_panel`, with the band of random panels.

    Parameters
    ----------
    found : PanelEvaluation
    names : mapping of panel to str, optional
        What the legend says.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return curves_figure(found.curves, found.panels, names)


def plot_embedding(embedding: Embedding, labels: pd.Series | Sequence[str], judged: pd.DataFrame) -> Figure:
    """Draw samples in the bottleneck beside principal components.

    Parameters
    ----------
    embedding : Embedding
        From `decode.embed_samples`.
    labels : series or sequence of str, shape (n_samples,)
        Groups, in the order of the samples.
    judged : pd.DataFrame
        From `decode.compare_spaces`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return embedding_figure(embedding.spaces, np.asarray(labels).astype(str), judged)


def plot_tree(embedding: Embedding, labels: pd.Series | Sequence[str], *, space: str = "bottleneck") -> Figure:
    """Draw the tree of the samples in one space of `decode.embed_samples`, with a strip of their groups."""
    check_known("space(s)", [space], list(embedding.spaces), "the embedding")
    return tree_figure(embedding.spaces[space], np.asarray(labels).astype(str), title=space)
