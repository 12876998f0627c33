"""Drivers of differential expression: one section a contrast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from decode.core.naming import file_names
from decode.report.page.content import Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run, in_order
from decode.report.page.sections.common import number, rest_of, table_part
from decode.report.page.sections.contrast import CAPTIONS, FDR, FIRST, ContrastTables, contrast_section, figures_of

SPLIT = ("drivers.tsv", "targets.tsv", "where.tsv", "positions.tsv", "factors_without_sites.tsv")
MOST_CONTRASTS = 100  # with a section of their own
BY_ITSELF = (
    "The FDR holds within each contrast. Over many contrasts some have a regulator below 5 % by chance: of contrasts "
    "in which nothing differs, up to one in twenty."
)
CHOSEN = (
    "{n_shown} of {n_all} contrasts have a section of their own, those with most significant regulators; the tables "
    "below hold all contrasts, the files of the run all their regulators."
)


def drivers_section(run: Run) -> Section:
    """All contrasts of a run of `decode drivers`; of very many, those with most significant regulators."""
    drivers, contrasts = run.table("drivers.tsv"), run.table("contrasts.tsv")
    if drivers is None or contrasts is None or not len(contrasts):
        return Section(run.name, "drivers", "The run lists no contrast.", parts=rest_of(run), record=record_rows(run))
    counts = run.numbers("counts.json")
    n_contrasts = len(contrasts)
    per_contrast = counts.get("inputs") or {}
    shown = contrasts
    if n_contrasts > MOST_CONTRASTS:
        most = contrasts.sort_values("n_significant", ascending=False, kind="stable").head(MOST_CONTRASTS)
        shown = contrasts.loc[sorted(most.index)]
    tables = _split(run)
    names = contrasts["contrast"].astype(str).tolist()
    stems = dict(zip(names, file_names(names), strict=True))
    sections = tuple(
        contrast_section(run, row, stems[name], tables, per_contrast.get(name) or {})
        for name, row in zip(shown["contrast"].astype(str), shown.to_dict("records"), strict=True)
    )
    used = {figure for stem in stems.values() for figure in figures_of(run, stem)}
    parts: list[Part] = []
    if n_contrasts > 1:
        parts.append(table_part(run, contrasts, "contrasts.tsv", "Contrasts"))
        used.add("contrasts.tsv")
    if len(shown) < n_contrasts:
        called = drivers[drivers["fdr"] < FDR]
        parts.append(
            table_part(
                run, called, "drivers.tsv", "Regulators with FDR < 5 %, all contrasts", first=("contrast", *FIRST)
            )
        )
    n_hits = int((contrasts["n_significant"] > 0).sum())
    lead = (
        f"Which regulators have their sites in the genes that change? {number(n_contrasts)} contrasts, "
        f"{number(n_hits)} with a regulator at FDR < 5 %."
        if n_contrasts > 1
        else "Which regulators have their sites in the genes that change?"
    )
    caveats: tuple[str, ...] = (BY_ITSELF,) if n_contrasts > 1 and n_hits else ()
    if len(shown) < n_contrasts:
        caveats += (CHOSEN.format(n_shown=number(len(shown)), n_all=number(n_contrasts)),)
    return Section(
        run.name,
        "drivers",
        lead,
        caveats=caveats,
        parts=tuple(parts),
        sections=sections,
        closing=rest_of(run, tables=used | {*SPLIT}, figures=used, captions=CAPTIONS),
        methods=methods_of(run, *_methods(contrasts, counts, run.options)),
        record=record_rows(run),
    )


def _split(run: Run) -> ContrastTables:
    found = {}
    for file in SPLIT:
        frame = run.table(file)
        if frame is not None:
            groups = frame.groupby(frame["contrast"].astype(str), sort=False)
            parts = {str(name): own.drop(columns="contrast") for name, own in groups}
            found[file] = parts or {"": frame.drop(columns="contrast")}
    return ContrastTables(found)


def _methods(contrasts: pd.DataFrame, counts: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    n_null = counts.get("n_null")
    nulls = in_order(str(one) for one in contrasts["null"].dropna())
    covariates = in_order(
        one
        for entry in (counts.get("inputs") or {}).values()
        if isinstance(entry, dict)
        for one in entry.get("covariates") or []
    )
    scale = "normal scores of the statistic" if options.get("scale") == "normal_scores" else "the statistic"
    sentences = [
        "Regulators whose binding sites go with differential expression were sought by the"
        f" {options.get('score', 'marginal')} score of decode drivers on {scale}"
        + (f" ({counts['rule']})" if counts.get("rule") else "")
        + (f", beside the covariates {', '.join(covariates)}" if covariates else "")
        + ".",
        "The strength of a regulator joins its signed effect with its association with the size of changes.",
    ]
    if n_null:
        sentences.append(
            f"It was compared with {number(n_null)} null targets {cite('phipson2010')}; the correlation of genes came"
            f" from: {'; '.join(nulls) or 'not stated'}. False discovery rates are those of Benjamini and Hochberg over"
            f" all regulators of a contrast {cite('benjamini1995')}."
        )
    return sentences
