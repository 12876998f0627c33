"""Mediation: how much of what two genes share goes with the expression of their regulators."""

from __future__ import annotations

from typing import Any

import pandas as pd

from decode.core.checks import listed
from decode.report.page.charts import histogram
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.methods import cite, methods_of, record_rows
from decode.report.page.runs import Run
from decode.report.page.sections.common import number, percent, rest_of, table_part

DRAWS = {
    "none": "random regulators",
    "expression": "random regulators matched on mean expression",
    "fractions": "random regulators matched on cell fractions",
}
ASSOCIATION = (
    "Expression of regulators and genes in the same samples: an association, which does not tell the direction of"
    " cause."
)
NOTHING = "The share is undefined: the two genes hardly go together, so that there is nothing to mediate."
NO_DRAWS = (
    "Nothing was drawn for comparison, so that the share cannot be judged; give decode mediate --features or"
    " --candidates."
)


def mediation_section(run: Run) -> Section:
    """A run of `decode mediate`."""
    found = run.numbers(next(iter(run.named(".json")), ""))
    pair = " and ".join(str(one) for one in found.get("pair") or [])
    draws_file, drivers_file = run.find(".draws.tsv.gz"), run.find(".drivers.tsv")
    draws, drivers = run.table(draws_file), run.table(drivers_file)
    share, parts = found.get("share"), list[Part]()
    if draws is not None and share is not None:
        for name, own in draws.groupby("match_on", sort=False):
            parts.append(
                _draws_chart(run, str(name), own["share"], share, (found.get("draws") or {}).get(str(name)) or {})
            )
    if drivers is not None:
        parts.append(table_part(run, drivers, drivers_file, "The drivers, and why some could not be used"))
    if draws is not None:
        parts.append(table_part(run, draws, draws_file, "Every draw", is_folded=True))
    caveats = [ASSOCIATION]
    caveats += [NOTHING] if share is None else []
    caveats += [NO_DRAWS] if not found.get("draws") else []
    lost = found.get("drivers_not_used") or {}
    if lost:
        caveats.append(f"Drivers that could not be used: {listed([f'{name} ({why})' for name, why in lost.items()])}.")
    used = {name.rsplit(".", 1)[0] for name in run.named(".png", ".svg")} if parts and draws is not None else set()
    return Section(
        run.name,
        "mediation",
        f"How much of what {pair or 'the two genes'} share goes with the expression of their regulators?",
        _numbers(found),
        tuple(caveats),
        (*parts, *rest_of(run, tables={draws_file, drivers_file}, figures=used if share is not None else set())),
        methods=methods_of(run, *_methods(run, found)),
        record=record_rows(run),
    )


def _numbers(found: dict[str, Any]) -> tuple[Number, ...]:
    made = [
        Number("R\u00b2 of the pair", number(found.get("r2_before")), note=f"{number(found.get('n_samples'))} samples"),
        Number(
            "R\u00b2 beside the drivers",
            number(found.get("r2_after")),
            note=f"{len(found.get('drivers') or [])} drivers used",
        ),
        Number(
            "Share that the drivers account for",
            percent(found.get("share")),
            caveat="undefined: R\u00b2 is too small" if found.get("share") is None else "",
        ),
    ]
    for name, one in (found.get("draws") or {}).items():
        candidates, n_draws = one.get("n_candidates"), one.get("n_draws")
        few = candidates is not None and candidates < 20
        p_value = one.get("p_value")
        not_special = "random regulators do as well" if p_value is not None and p_value >= 0.05 else ""
        caveat = "; ".join(
            part for part in (not_special, f"only {candidates} candidates to draw from" if few else "") if part
        )
        made.append(
            Number(
                f"p against {DRAWS.get(name, name)}",
                number(p_value),
                note=f"{number(n_draws)} draws from {number(candidates)} candidates",
                caveat=caveat,
            )
        )
    return tuple(made)


def _draws_chart(run: Run, name: str, shares: pd.Series, share: float, null: dict[str, Any]) -> Chart:
    label = DRAWS.get(name, name)
    low, high = min(float(shares.quantile(0.002)), share, 0.0), max(float(shares.max()), share)
    room = 0.05 * (high - low)
    lines = [{"axis": "x", "at": share, "label": "the drivers"}]
    spec = histogram(
        shares,
        name=f"{run.name}_{name}",
        title=f"Share of the drivers beside {label}.",
        x_label="share of R\u00b2 accounted for",
        y_label="draws",
        ends=(low - room, high + room),
        lines=lines,
    )
    return Chart(
        spec,
        f"Share of {number(len(shares))} draws of {label}; the dashed line is the share of the drivers (p ="
        f" {number(null.get('p_value'))}).",
    )


def _methods(run: Run, found: dict[str, Any]) -> list[str]:
    beside = f" beside {', '.join(found['covariates'])}" if found.get("covariates") else ""
    text = (
        f"The squared correlation of {' and '.join(found.get('pair') or ['the pair'])} over"
        f" {number(found.get('n_samples'))} samples{beside} was compared before and after regressing both on the"
        f" expression of {len(found.get('drivers') or [])} regulators {cite('tasaki2020')}; the share is the relative"
        " loss of R\u00b2."
    )
    if found.get("draws"):
        text += (
            f" It was held against {number(run.options.get('draws'))} random sets of as many regulators"
            f" {cite('phipson2010')}"
            + (f", drawn from {run.record['candidates']}" if isinstance(run.record.get("candidates"), str) else "")
            + "."
        )
    return [text]
