"""Persons: how well single samples are predicted, what changes with a phenotype, activities of regulators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from decode.report.page.charts import LOOKS, histogram, ranked, scatter, series, volcano
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order
from decode.report.page.sections.common import UNDEFINED, number, percent, rest_of, table_part

FDR = 0.05
MOST_TERMS = 8
MOST_ROWS = 60  # of a ranked figure
LABELS = {
    "model": "model",
    "mean_profile": "mean profile",
    "length_only": "length only",
    "ridge_totals": "ridge on totals",
    "ridge_ranks": "ridge on normal scores",
    "knn_genes": "like genes",
    "pca_of_training_genes": "components of training genes",
}
CAPTIONS = {
    "per_person": "Spearman of every sample, model and baselines.",
    "per_gene": "Accuracy of genes over persons by the number of regulators with sites.",
    "variance": "Variance of genes between persons against that between tissues.",
    "determinants": "What the accuracy of a gene goes with",
    "relations": "How samples of one person and of others go together",
    "predictions": "Predicted values, gene by gene",
    "similarity": "Similarity of the samples",
}
DIFFERENTIAL_CAPTIONS = {
    "p_values": "P-values of every term: flat where nothing differs, a peak at 0 where genes do.",
    "closest": "Spearman of t between predictions (rows) and data sets (columns).",
    "regulators": "Regulators alone, beside the leading components, and given all others.",
    "predicted": "The same of predicted values",
    "agreement": "Predicted against actual t, term by term",
    "t_of_genes": "Predicted and actual t of every gene",
    "joint": "All regulators together, term by term",
    "summary": "Each term in a row",
}
ACTIVITY_CAPTIONS = {
    "heatmap": "Samples (rows) by regulators, both clustered; standard deviations from the regulator's mean.",
    "top": "Regulators among the strongest of a sample, the most frequent first; dots mark them.",
    "spread": "SD over members, sample by sample",
    "regions": "Activity by region, sample by sample",
    "own_expression": "Activity beside the expression of the regulator's own gene.",
}
BASELINES = "A baseline without binding sites does as well: the accuracy is not evidence that the sites matter."


def persons_section(run: Run) -> Section:
    """A run of `decode persons evaluate`."""
    found, per_person, per_gene = run.numbers("persons.json"), run.table("per_person.tsv"), run.table("per_gene.tsv.gz")
    means = found.get("all") or {}
    rivals = {name: value for name, value in means.items() if name not in ("model",) and value is not None}
    best = max(rivals, key=lambda name: rivals[name], default=None)
    model = means.get("model")
    is_beaten = best is not None and model is not None and rivals[best] >= model
    parts: list[Part] = []
    used: set[str] = set()
    if per_person is not None and {"sample", "model"} <= set(per_person):
        parts += [
            _persons_chart(run, per_person),
            table_part(run, per_person, "per_person.tsv", "Accuracy of every sample"),
        ]
        used |= {"per_person.tsv", "per_person"}
    if per_gene is not None and {"gene_id", "pearson"} <= set(per_gene):
        parts.append(_genes_chart(run, per_gene))
        parts.append(
            table_part(run, per_gene, "per_gene.tsv.gz", "Accuracy of every gene over persons", is_folded=True)
        )
        used.add("per_gene.tsv.gz")
    return Section(
        run.name,
        "persons",
        f"How well are {number(found.get('n_samples'))} samples predicted from binding sites, in"
        f" {number(found.get('n_genes'))} {found.get('split', 'test')} genes?",
        _numbers(found, best, rivals, is_beaten),
        (BASELINES,) if is_beaten else (),
        (*parts, *rest_of(run, tables=used, figures=used, captions=CAPTIONS)),
        methods=methods_of(run, *_methods(found)),
        record=record_rows(run),
    )


def _numbers(
    found: Mapping[str, Any], best: str | None, rivals: Mapping[str, float], is_beaten: bool
) -> tuple[Number, ...]:
    kind = str(found.get("task_kind", "fold_change")).replace("_", " ")
    note = f"best baseline: {LABELS.get(best, best)} {number(rivals[best])}" if best is not None else ""
    made = [
        Number(
            f"Mean Spearman, {kind}",
            number((found.get("all") or {}).get("model")),
            note=note,
            caveat=(
                "a baseline without sites does as well"
                if is_beaten and best in ("knn_genes", "pca_of_training_genes", "mean_profile")
                else "a plain baseline does as well"
                if is_beaten
                else ""
            ),
        ),
        Number(
            f"The same, {number(found.get('n_kept'))} persons kept",
            number((found.get("kept") or {}).get("model")),
            note=f"above percentile {number(found.get('keep_above_percentile'))} on validation genes",
            caveat="chosen by accuracy: above the mean of all by construction",
        ),
    ]
    agreement = found.get("concordance") or {}
    if agreement:
        is_chance = agreement.get("p_value") is not None and agreement["p_value"] >= 0.05
        made.append(
            Number(
                "Own sample predicted best",
                f"{number(agreement.get('n_own_highest'))} of {number(agreement.get('n_samples'))}",
                note=(
                    f"own {number(agreement.get('mean_own'))}, unrelated {number(agreement.get('mean_unrelated'))}; p"
                    f" {number(agreement.get('p_value'), 2)}"
                ),
                caveat="no better than chance" if is_chance else "",
            )
        )
    for tissue, genes in (found.get("genes") or {}).items():
        random = genes.get("share_fdr5_random_pairs")
        many = random is not None and random > 0.05
        made.append(
            Number(
                f"Genes with FDR < 5 % over persons{'' if tissue == 'all' else f' ({tissue})'}",
                percent(genes.get("share_fdr5"), 0),
                note=f"random pairs {percent(random, 0)}; mean Pearson {number(genes.get('mean_pearson'))}",
                caveat="samples are not independent: random pairs pass, too" if many else "",
            )
        )
    published = found.get("published") or {}
    if published.get("all") is not None:
        made.append(
            Number(
                "Published, other data",
                number(published["all"]),
                note="Tasaki et al. 2020",
                caveat="not comparable number by number",
            )
        )
    return tuple(made)


def _persons_chart(run: Run, per_person: pd.DataFrame) -> Chart:
    table = per_person.sort_values("model", ascending=False, kind="stable").reset_index(drop=True)
    models = [one for one in LABELS if one in table and table[one].notna().any()]
    at = pd.Series(np.arange(1, len(table) + 1))
    shown = [
        series(at, table[one], name=LABELS[one], look=LOOKS[place % len(LOOKS)], text=table["sample"].tolist())
        for place, one in enumerate(models)
    ]
    spec = scatter(
        shown,
        name=f"{run.name}_per_person",
        title="Spearman of every sample, model and baselines.",
        x_label="sample, by the model's accuracy",
        y_label="Spearman over genes",
    )
    return Chart(
        spec,
        "Every sample: the model beside baselines on the same genes. The mean profile of fold changes is 0 by"
        " construction and not drawn.",
    )


def _genes_chart(run: Run, per_gene: pd.DataFrame) -> Chart:
    spec = histogram(
        per_gene["pearson"],
        name=f"{run.name}_per_gene",
        title="Accuracy of genes over persons.",
        x_label="Pearson over persons, a gene",
        y_label="genes",
        ends=(-1.0, 1.0),
        lines=[{"axis": "x", "at": 0}],
    )
    return Chart(spec, f"Correlation of predicted with measured values over persons, {number(len(per_gene))} genes.")


def _methods(found: Mapping[str, Any]) -> list[str]:
    transfer = found.get("transfer") or {}
    text = (
        f"Expression of {number(found.get('n_persons'))} persons ({number(found.get('n_samples'))} samples) was"
        f" predicted with decode {cite('tasaki2020')}"
        + (
            f", starting from a model of {number(transfer.get('source_tasks'))} tissue tasks"
            f" ({str(transfer.get('mode', '')).replace('_', ' ')})"
            if transfer
            else ""
        )
        + f", and judged over {number(found.get('n_genes'))} {found.get('split', 'test')} genes by Spearman's"
        " correlation; genes were judged over persons with false discovery rates by Benjamini and Hochberg"
        f" {cite('benjamini1995')}."
    )
    return [text]


def differential_section(run: Run) -> Section:
    """A run of `decode differential`, of genes or of regulators' activities."""
    file = next((name for name in run.named(".tsv", ".tsv.gz") if not _is_beside(run, name)), "")
    table = run.table(file)
    if table is None or not {"term", "fdr"} <= set(table):
        return Section(run.name, run.kind, parts=rest_of(run), record=record_rows(run))
    effect = next((one for one in ("log2_fold_change", "effect", "t") if one in table), "t")
    name = next((one for one in ("gene_name", "gene_id", "regulator") if one in table), table.columns[0])
    what = "regulators" if "regulator" in table else "genes"
    terms = in_order(table["term"])
    parts: list[Part] = []
    numbers: list[Number] = []
    for term in terms:
        own = table[table["term"] == term]
        n_hits = int((own["fdr"] < FDR).sum())
        numbers.append(
            Number(
                f"{term}: {what} at FDR < 5 %",
                number(n_hits),
                note=f"of {number(own['fdr'].notna().sum())}",
                caveat="" if n_hits else "nothing is significant; the order is no evidence",
            )
        )
    for term in terms[:MOST_TERMS]:
        own = table[table["term"] == term].reset_index(drop=True)
        spec = volcano(
            own,
            name=f"{run.name}_{term}_volcano",
            title=f"Effect and FDR of {term}.",
            effect=effect,
            fdr="fdr",
            text=name,
            x_label=effect.replace("_", " "),
            more={"t": "t"},
        )
        parts.append(
            Chart(
                spec,
                f"{term}: {effect.replace('_', ' ')} and FDR of {number(len(own))} {what}. Click a point to keep its"
                " name.",
            )
        )
    parts.append(table_part(run, table, file, f"{what.capitalize()}, term by term"))
    counts = run.counts
    df = (
        f" with {number(counts.get('df'))} degrees of freedom and {number(counts.get('prior_df'))} of the prior"
        if counts.get("df") is not None
        else ""
    )
    return Section(
        run.name,
        run.kind,
        f"Which {what} change with {', '.join(terms[:5])}? {number(counts.get('n_samples'))} samples{df}.",
        tuple(numbers),
        (),
        (*parts, *rest_of(run, tables={file}, captions=DIFFERENTIAL_CAPTIONS)),
        methods=methods_of(
            run,
            f"Each of the {what} was regressed on the design {run.options.get('design', '')} and tested by the"
            f" moderated t statistic {cite('smyth2004')}; false discovery rates are Benjamini and Hochberg's over the"
            f" {what} of a term {cite('benjamini1995')}."
            + (
                f" Permutations moved the residuals of whole samples {cite('freedman1983')}."
                if run.options.get("permutations")
                else ""
            ),
        ),
        record=record_rows(run),
    )


def _is_beside(run: Run, name: str) -> bool:
    """Whether a file belongs to another one of the run: its name goes on where that of the output ends."""
    return name != run.out.name and run.out.name in run.files


def _activity_chart(run: Run, activity: pd.DataFrame) -> Chart:
    """The regulators that vary most between samples; columns of `activity` are regulators."""
    spread = activity.std(axis=0, ddof=1)
    names = spread.sort_values(ascending=False, kind="stable").index[:MOST_ROWS]
    mean, sd = activity[names].mean(axis=0).reset_index(drop=True), spread[names].reset_index(drop=True)
    shown = series(mean, pd.Series(np.arange(len(names))), name="mean", low=mean - sd, high=mean + sd)
    spec = ranked(
        names.tolist(),
        [shown],
        name=f"{run.name}_activity",
        title="Activity of regulators over samples.",
        x_label="mean activity (log2), \u00b1 SD over samples",
    )
    return Chart(
        spec, f"The {len(names)} regulators that vary most between samples: mean activity, and SD over samples."
    )


def activity_section(run: Run) -> Section:
    """A run of `decode activity`."""
    regulators_file = run.find("_regulators.tsv.gz") or run.find("_regulators.tsv")
    regulators = run.table(regulators_file)
    activity = run.table(run.out.name)
    parts: list[Part] = []
    used = {regulators_file}
    if activity is not None and "sample" in activity:
        parts.append(_activity_chart(run, activity.set_index("sample").select_dtypes("number")))
    if regulators is not None:
        parts.append(table_part(run, regulators, regulators_file, "Regulators"))
    counts = run.counts
    return Section(
        run.name,
        "activity",
        "How active does the model take each regulator to be in every sample?",
        (
            Number("Samples", number(counts.get("n_samples"))),
            Number("Regulators", number(counts.get("n_regulators"))),
            Number(
                "Genes averaged over",
                number(counts.get("n_genes")),
                note=f"{counts.get('part', '')} genes of the model",
            ),
            Number("Largest additivity error", number(counts.get("additivity_error"), 2), note="of the attributions"),
        ),
        ("Activity is the mean attribution of the model, not a measurement of the protein.",),
        (*parts, *rest_of(run, tables=used, captions=ACTIVITY_CAPTIONS)),
        methods=methods_of(
            run,
            "The activity of a regulator in a sample is the mean over genes of its DeepLIFT attributions"
            f" {cite('shrikumar2017')} in the model of that sample {cite('tasaki2020')}, against the reference"
            f" {str(run.options.get('reference', UNDEFINED)).replace('_', ' ')}.",
        ),
        record=record_rows(run),
    )
