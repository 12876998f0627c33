"""Landmark genes: autoencoders, panels, what they are worth, embeddings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from decode.report.page.charts import LOOKS, scatter, series
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order
from decode.report.page.sections.common import number, percent, rest_of, table_part

RANDOM = "random"
MEASURES = {
    "mean_mae": ("mean absolute error", "less is better"),
    "mean_pcc": ("mean correlation (PCC)", "more is better"),
    "share_passing": ("share of genes passing", "more is better"),
}
CAPTIONS = {
    "curves": "Accuracy over panel size.",
    "genes": "Error of each target gene, two panels.",
    "history": "Loss over the epochs.",
    "panels": "Every split, panel, draw and size",
    "curves_table": "Means over draws and splits",
    "band": "Random panels: their range",
    "per_gene": "Every target gene at the largest size",
    "imputers": "Imputers on every panel, first split",
}
IN_BAND = "the band of random panels swallows it"


def evaluation_section(run: Run) -> Section:
    """A run of `decode landmark evaluate`."""
    curves, comparisons, band = run.table("curves.tsv"), run.table("comparisons.tsv"), run.table("band.tsv")
    parts: list[Part] = []
    used: set[str] = set()
    if curves is not None and {"panel", "n_genes", "mean_mae"} <= set(curves):
        parts += [_curve(run, curves, band, measure) for measure in MEASURES if measure in curves]
        parts.append(table_part(run, curves, "curves.tsv", "Panels over their size: means over draws and splits"))
        used |= {"curves.tsv", "curves"}
    if comparisons is not None:
        text = (
            "difference: error of the panel minus that of the reference (negative: the panel is better), with a"
            " bootstrap interval over test samples; is_in_band: the random panels reach as far."
        )
        parts.append(table_part(run, comparisons, "comparisons.tsv", "Panels against each other", text=text))
        used.add("comparisons.tsv")
    summary = run.text("summary.txt").strip()
    return Section(
        run.name,
        "landmark panels",
        "How well does each panel predict the genes that no panel holds, in test samples?",
        _numbers(comparisons),
        _caveats(run, comparisons, summary),
        (*parts, *rest_of(run, tables=used, figures=used, captions=CAPTIONS)),
        methods=methods_of(
            run,
            f"Panels of {', '.join(str(one) for one in run.options.get('sizes') or [])} genes were judged by ridge"
            f" regression of all genes that no panel holds, in held-out samples of {number(run.options.get('splits'))}"
            f" split(s), beside {number(run.options.get('random'))} random panels {cite('kong2021')}"
            + (f" and the panel {run.options['against']}" if run.options.get("against") else "")
            + "."
            + _imputers(run),
        ),
        record=record_rows(run),
    )


def _imputers(run: Run) -> str:
    chosen = run.options.get("imputers") or []
    if not chosen:
        return ""
    works = {"network": "chen2016", "dgex_published": "chen2016", "sample_lasso": "mancuso2020"}
    named = [f"{one} {cite(works[one])}" if one in works else str(one) for one in chosen]
    return f" Imputers compared on the first split: {', '.join(named)}."


def _curve(run: Run, curves: pd.DataFrame, band: pd.DataFrame | None, measure: str) -> Chart:
    label, better = MEASURES[measure]
    shown = []
    if band is not None and {"measure", "size", "lowest", "mean", "highest"} <= set(band):
        own = (
            band[band["measure"] == measure]
            .groupby("size", as_index=False)[["lowest", "mean", "highest", "n_random"]]
            .mean()
        )
        if len(own):
            shown.append(
                series(
                    own["size"],
                    own["mean"],
                    name=f"{number(own['n_random'].max())} random panels",
                    look=("grey", "circle"),
                    low=own["lowest"],
                    high=own["highest"],
                    line=True,
                )
            )
    over = in_order(curves["over"]) if "over" in curves else []
    chosen = curves[curves["over"] == over[-1]] if len(over) > 1 else curves
    for at, panel in enumerate(one for one in in_order(chosen["panel"]) if one != RANDOM):
        own = chosen[chosen["panel"] == panel].sort_values("n_genes")
        shown.append(
            series(
                own["n_genes"],
                own[measure],
                name=str(panel),
                look=LOOKS[at % len(LOOKS)],
                line=True,
                text=[str(panel)] * len(own),
                more=(
                    {"method": own["method"], "splits": own["n_splits"]} if {"method", "n_splits"} <= set(own) else None
                ),
            )
        )
    spec = scatter(
        shown,
        name=f"{run.name}_{measure}",
        title=f"{_sentence(label)} over panel size.",
        x_label="genes in the panel",
        y_label=label,
    )
    spec["x"]["log"] = True
    return Chart(
        spec,
        f"{_sentence(label)} of the target genes over the size of the panel; {better}. The band is from the lowest to"
        " the highest random panel.",
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _numbers(comparisons: pd.DataFrame | None) -> tuple[Number, ...]:
    if (
        comparisons is None
        or not len(comparisons)
        or not {"panel", "reference", "size", "difference", "low", "high"} <= set(comparisons)
    ):
        return ()
    largest = comparisons[comparisons["size"] == comparisons["size"].max()]
    main = largest[largest["panel"] == largest["panel"].iloc[0]]
    made = []
    for reference, own in main.groupby("reference", sort=False):
        first = own.iloc[0]
        in_band = str(first.get("is_in_band")).lower() == "true"
        crosses = first["low"] <= 0 <= first["high"]
        worse = "the panel is worse" if first["low"] > 0 else ""
        caveat = IN_BAND if in_band else "the interval holds 0" if crosses else worse
        made.append(
            Number(
                f"{first['panel']} against {reference}, {number(first['size'])} genes",
                number(first["difference"], 4),
                f"{number(first['low'], 4)} to {number(first['high'], 4)} (95 %)",
                note=(
                    f"difference of the mean error (below 0: better), split {first['split']}, {number(first['n_test'])}"
                    " test samples"
                ),
                caveat=caveat,
            )
        )
    return tuple(made)


def _caveats(run: Run, comparisons: pd.DataFrame | None, summary: str) -> tuple[str, ...]:
    found = []
    if comparisons is not None and "n_test" in comparisons and len(comparisons) and comparisons["n_test"].min() < 50:
        found.append(
            f"Test samples are few ({number(comparisons['n_test'].min())} in a split): differences of this size change"
            " with the split, which the intervals (bootstrap over test samples) do not show."
        )
    found += [line for line in summary.splitlines() if "not judged" in line]
    return tuple(found)


def selection_section(run: Run) -> Section:
    """A run of `decode landmark select`."""
    file = next(iter(run.named(".tsv", ".tsv.gz")), "")
    panel = run.table(file)
    counts = run.counts
    parts: list[Part] = []
    if panel is not None and {"rank", "gene_id", "score"} <= set(panel):
        has_stability = "stability" in panel and panel["stability"].notna().any()
        symbols = panel.get("gene_name", panel["gene_id"])
        named = [
            str(gene if pd.isna(symbol) else symbol) for symbol, gene in zip(symbols, panel["gene_id"], strict=True)
        ]
        spec = scatter(
            [
                series(
                    panel["rank"],
                    panel["score"],
                    name="genes",
                    text=named,
                    more={"stability": panel["stability"]} if has_stability else None,
                    labels=list(range(min(8, len(panel)))),
                )
            ],
            name=f"{run.name}_scores",
            title="Score of the chosen genes by rank.",
            x_label="rank",
            y_label="score",
            height=340,
        )
        parts.append(Chart(spec, "Score of each gene of the panel by rank; the first are named."))
    if panel is not None:
        parts.append(table_part(run, panel, file, "The panel"))
    numbers = [
        Number("Genes chosen", number(counts.get("size")), note=f"of {number(counts.get('n_genes'))}"),
        Number("Training samples", number(counts.get("n_training_samples"))),
    ]
    if counts.get("mean_overlap") is not None:
        numbers.append(
            Number(
                "Two bootstrap choices share",
                percent(counts["mean_overlap"], 0),
                note=f"by chance {percent(counts.get('overlap_by_chance'), 0)}",
                caveat="the network was not trained again",
            )
        )
    method = str(run.options.get("method", "deeplift"))
    works = {"deeplift": ("shrikumar2017", "kong2021"), "concrete": ("balin2019",)}
    return Section(
        run.name,
        "landmark genes",
        "Which few genes carry most of the transcriptome, by this method?",
        tuple(numbers),
        (
            (
                "A high score says that the method listens to the gene; whether the gene predicts the others well is"
                " judged by decode landmark evaluate."
            ),
        ),
        (*parts, *rest_of(run, tables={file})),
        methods=methods_of(
            run,
            f"{number(counts.get('size'))} genes were chosen by the method {method}"
            f" {cite(*works.get(method, ('kong2021',)))} on {number(counts.get('n_training_samples'))} training"
            " samples.",
        ),
        record=record_rows(run),
    )


def autoencoder_section(run: Run) -> Section:
    """A run of `decode landmark train`."""
    file = run.find("history.tsv")
    history, counts = run.table(file), run.counts
    parts: list[Part] = []
    if history is not None and {"member", "epoch", "train_loss", "validation_loss"} <= set(history):
        shown = []
        for at, member in enumerate(in_order(history["member"])):
            own = history[history["member"] == member]
            for place, (column, label) in enumerate((("validation_loss", "validation"), ("train_loss", "training"))):
                shown.append(
                    series(
                        own["epoch"],
                        own[column],
                        name=f"member {member}, {label}",
                        look=LOOKS[(2 * at + place) % len(LOOKS)],
                        line=True,
                    )
                )
        spec = scatter(
            shown,
            name=f"{run.name}_history",
            title="Loss over the epochs.",
            x_label="epoch",
            y_label="loss",
            height=340,
        )
        parts += [
            Chart(spec, "Loss of the autoencoder over the epochs, training and validation samples."),
            table_part(run, history, file, "Losses", is_folded=True),
        ]
    few = "few samples: epochs were added, and batches made smaller" if counts.get("is_few_samples") else ""
    options = run.options
    figures = {name for name in run.figures() if name.endswith("history")} if parts else set()
    return Section(
        run.name,
        "landmark autoencoder",
        "The autoencoder whose bottleneck the genes are chosen for.",
        (
            Number(
                "Training samples",
                number(counts.get("n_train")),
                note=f"{number(counts.get('n_validation'))} for validation, {number(counts.get('n_test'))} held out",
                caveat=few,
            ),
            Number("Bottleneck", number(options.get("bottleneck")), note="nodes"),
            Number("Epochs", number(counts.get("epochs")), note=f"{number(counts.get('n_updates'))} steps"),
        ),
        (),
        (*parts, *rest_of(run, tables={file}, figures=figures, captions=CAPTIONS)),
        methods=methods_of(
            run,
            f"An autoencoder with hidden layers of {number(options.get('hidden'))}, {number(options.get('bottleneck'))}"
            f" and {number(options.get('hidden'))} nodes {cite('kong2021')} was trained on"
            f" {number(counts.get('n_train'))} samples ({number(counts.get('epochs'))} epochs, batches of"
            f" {number(counts.get('batch_size'))}).",
        ),
        record=record_rows(run),
    )


def embedding_section(run: Run) -> Section:
    """A run of `decode landmark embed`."""
    file = run.find(".groups.tsv")
    groups = run.table(file)
    numbers: list[Number] = []
    if groups is not None and {"space", "ari", "silhouette"} <= set(groups):
        known = groups[groups["ari"].notna()].nlargest(1, "ari")
        best: dict[Any, Any] = known.to_dict("records")[0] if len(known) else {}
        for row in groups.to_dict("records"):
            beaten = row["space"] == "bottleneck" and best.get("space") != "bottleneck"
            numbers.append(
                Number(
                    f"Adjusted Rand index, {row['space']}",
                    number(row["ari"]),
                    note=f"silhouette {number(row['silhouette'])}, {number(row['n_dimensions'])} dimensions",
                    caveat=f"{best['space']} keep the labels apart better" if beaten and best else "",
                )
            )
    parts = () if groups is None else (table_part(run, groups, file, "Labels in each space"),)
    captions = {
        "plane": "Samples on the two leading axes of the bottleneck, and of principal components.",
        "tree": "Tree of the samples in the bottleneck.",
    }
    named = {
        name: text
        for ending, text in captions.items()
        for name in map(_last, run.figures())
        if name.endswith(f".{ending}")
    }
    return Section(
        run.name,
        "landmark embedding",
        "Where do samples lie in the bottleneck, beside principal components?",
        tuple(numbers),
        ("Samples that the autoencoder was trained on are no evidence that new ones separate.",),
        (*parts, *rest_of(run, tables={file}, captions=named)),
        methods=methods_of(
            run, f"Samples were brought to the stored quantiles and embedded by the autoencoder {cite('kong2021')}."
        ),
        record=record_rows(run),
    )


def _last(stem: str) -> str:
    return stem.rsplit("/", 1)[-1]
