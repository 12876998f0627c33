"""One contrast of a run of drivers: its regulators, what limits them, and where their sites lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.report.page.charts import KIND_LOOKS, ranked, series, volcano
from decode.report.page.content import Chart, Number, Part, Section
from decode.report.page.runs import Run
from decode.report.page.sections.common import number, percent, picture, table_part

FDR = 0.05
N_ROWS = 25  # of the ranked figure
FIRST = (
    "rank",
    "regulator",
    "kind",
    "effect",
    "strength",
    "fdr",
    "sign",
    "direction_fdr",
    "n_bound_genes",
    "own_log2_fold_change",
    "leading_targets",
)
EVIDENCE = ("evidence_rank", "evidence_fdr")
NOTHING = (
    "No regulator is significant in this contrast: the order of the list is not evidence, and its first names are what "
    "comes first where nothing differs, too."
)
NO_HIT = "None is significant; of so many regulators, some have an interval without 0 where nothing differs."
NO_HIT_HERE = "None of these regulators is significant."
NO_GENE = (
    "No gene of this contrast passes FDR 5 %; regulators that do may follow what the samples share, not the contrast."
)
ABSENT = (
    "These factors change most themselves, and the features hold no sites of theirs: the list of drivers cannot name"
    " them."
)
POSITIONS = (
    "Where the sites of the first drivers lie: in their leading targets (red) and in all genes that they bind (grey)."
)
EVIDENCE_CELLS = "Lines of evidence beside the sites; a darker cell says more."
CAPTIONS = {
    "contrasts": "The contrast",
    "targets": "Leading targets of the first drivers",
    "where": "Where the sites lie, in targets and in all bound genes",
    "positions": "Sites along promoter and RNA",
    "sites": "Sites of the first drivers in their leading targets",
}


class ContrastTables(NamedTuple):
    """Tables of a run that have a column contrast, split by it once."""

    of: dict[str, dict[str, pd.DataFrame]]

    def of_contrast(self, file: str, contrast: str) -> pd.DataFrame | None:
        """The rows of a contrast; None where the run has no such table."""
        parts = self.of.get(file)
        if parts is None:
            return None
        return parts[contrast] if contrast in parts else next(iter(parts.values())).head(0)


def figures_of(run: Run, stem: str) -> set[str]:
    """Names of the figures that the run drew of a contrast, those that the page draws anew among them."""
    evidence = {f"evidence_{stem}_{kind}" for kind in KIND_LOOKS}
    return {one for one in run.figures() if one in evidence} | {
        f"{one}_{stem}" for one in ("drivers", "volcano", "positions")
    }


def contrast_section(
    run: Run, row: Mapping[Any, Any], stem: str, tables: ContrastTables, inputs: Mapping[str, Any]
) -> Section:
    """One contrast of a run of `decode drivers`.

    Parameters
    ----------
    run : Run
    row : mapping
        Of contrasts.tsv.
    stem : str
        What names of its figures end with.
    tables : ContrastTables
    inputs : mapping
        What counts.json says of it.
    """
    name = str(row["contrast"])
    drivers = tables.of_contrast("drivers.tsv", name)
    own = pd.DataFrame() if drivers is None else drivers.sort_values("rank", kind="stable").reset_index(drop=True)
    absent = tables.of_contrast("factors_without_sites.tsv", name)
    parts: list[Part] = list(_charts(run, own, name, stem))
    parts.append(
        table_part(
            run,
            own,
            "drivers.tsv",
            f"Regulators of {name}, {len(own):,} in all",
            first=FIRST,
            shown=(*FIRST, *_given(own, EVIDENCE)),
            name=f"{run.name}_{stem}_drivers",
        )
    )
    if absent is not None and len(absent):
        parts.append(
            table_part(
                run,
                absent,
                "factors_without_sites.tsv",
                "Factors without sites",
                text=ABSENT,
                name=f"{run.name}_{stem}_factors_without_sites",
            )
        )
    own_figures = figures_of(run, stem)
    for figure in sorted(own_figures & {*run.figures()}, key=lambda one: (one.startswith("evidence_"), one)):
        if figure not in (f"drivers_{stem}", f"volcano_{stem}"):  # drawn anew above
            is_evidence = figure.startswith("evidence_")
            about = EVIDENCE_CELLS if is_evidence else POSITIONS
            judged = own["evidence_fdr" if is_evidence and "evidence_fdr" in own else "fdr"]
            parts.append(picture(run, figure, about if (judged < FDR).any() else f"{about} {NO_HIT_HERE}"))
    parts += _folded(run, name, stem, tables)
    return Section(
        name, "contrast", _lead(row, own), _numbers(row, own, absent, inputs), _caveats(row, own, absent), tuple(parts)
    )


def _given(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    return [one for one in columns if one in frame and frame[one].notna().any()]


def _lead(row: Mapping[Any, Any], own: pd.DataFrame) -> str:
    called = own[own["fdr"] < FDR]
    if not len(called):
        return f"None of {number(row['n_regulators'])} regulators has an FDR below 5 %."
    up = called[(called["sign"] == "up") & (called["direction_fdr"] < FDR)]["regulator"].tolist()
    down = called[(called["sign"] == "down") & (called["direction_fdr"] < FDR)]["regulator"].tolist()
    sides = [
        f"sites of {listed(names)} go with {side}-regulation" for side, names in (("up", up), ("down", down)) if names
    ]
    text = f"{number(row['n_significant'])} of {number(row['n_regulators'])} regulators have an FDR below 5 %"
    return f"{text}: {'; '.join(sides)}." if sides else f"{text}, none with a significant direction."


def _numbers(
    row: Mapping[Any, Any], own: pd.DataFrame, absent: pd.DataFrame | None, inputs: Mapping[str, Any]
) -> tuple[Number, ...]:
    nothing = "nothing is significant; the order is no evidence" if not (own["fdr"] < FDR).any() else ""
    null = str(row.get("null") or "")
    inflation = float(row["inflation"]) if _known(row.get("inflation")) else None
    made = [
        Number(
            "Regulators with FDR < 5 %",
            number(row["n_significant"]),
            note=f"of {number(row['n_regulators'])}; p-values: {null or 'not stated'}",
            caveat=nothing or _null_caveat(null),
        ),
        Number("Genes", number(row["n_genes"]), note="matched between table and features"),
    ]
    made += _left_out(inputs, absent)
    if _known(row.get("n_changed_genes")):
        none = "no gene is significant" if not row["n_changed_genes"] else ""
        made.append(Number("Genes that change, FDR < 5 %", number(row["n_changed_genes"]), caveat=none))
    if _known(row.get("r2")):
        made.append(Number("Held-out variance explained", percent(row["r2"]), note="by all sites together"))
    if inflation is not None:
        wide = "all regulators move at once; z is divided by it" if inflation > 1 else ""
        made.append(Number("Spread of all regulators", f"{inflation:.2f}", note="times that of the null", caveat=wide))
    if _known(row.get("prior_auroc")):
        generic = "generic responders: these genes change in many experiments" if row.get("is_generic") is True else ""
        made.append(
            Number(
                "AUROC of the DE prior",
                number(row["prior_auroc"]),
                note="for the genes that change most",
                caveat=generic,
            )
        )
    return tuple(made)


def _left_out(inputs: Mapping[str, Any], absent: pd.DataFrame | None) -> list[Number]:
    """What cannot be among the drivers, as the features lack it or hold too little of it."""
    made = []
    if inputs.get("n_tracks_dropped"):
        made.append(
            Number(
                "Tracks left out",
                number(inputs["n_tracks_dropped"]),
                note="sites in too few of these genes",
                caveat="these cannot be found",
            )
        )
    if absent is not None and len(absent):
        made.append(
            Number(
                "Factors that change without sites",
                number(len(absent)),
                note="at most ten are listed, see below",
                caveat="the features lack them: they cannot be among the drivers",
            )
        )
    return made


def _null_caveat(null: str) -> str:
    return "genes taken as independent: random halves of a cohort have drivers, too" if "independent" in null else ""


def _known(value: Any) -> bool:
    return value is not None and value == value and value != ""


def _caveats(row: Mapping[Any, Any], own: pd.DataFrame, absent: pd.DataFrame | None) -> tuple[str, ...]:
    found = []
    if not (own["fdr"] < FDR).any():
        found.append(NOTHING)
    if _known(row.get("n_changed_genes")) and not row["n_changed_genes"]:
        found.append(NO_GENE)
    own_caveat = row.get("caveat")
    if _known(own_caveat):
        found.append(str(own_caveat)[:1].upper() + str(own_caveat)[1:] + ("" if str(own_caveat).endswith(".") else "."))
    if absent is not None and len(absent):
        found.append(f"{ABSENT} First of them: {listed(absent['factor'].astype(str).head(5).tolist())}.")
    return tuple(found)


def _charts(run: Run, own: pd.DataFrame, name: str, stem: str) -> list[Part]:
    if not len(own):
        return []
    has_hit = bool((own["fdr"] < FDR).any())
    top = own.head(N_ROWS).reset_index(drop=True)
    is_called, has_side = (top["fdr"] < FDR).to_numpy(), (top["direction_fdr"] < FDR).to_numpy()
    groups: list[tuple[str, np.ndarray, tuple[int | str, str]]] = [
        ("sites go with up-regulation", has_side & (top["effect"] > 0).to_numpy(), (3, "circle")),
        ("sites go with down-regulation", has_side & (top["effect"] <= 0).to_numpy(), (0, "square")),
        ("direction not significant", ~has_side, ("grey", "diamond")),
    ]
    spread = 2 * top["sd"]
    shown = []
    for label, chosen, look in groups:
        if chosen.any():
            part = top[chosen]
            shown.append(
                series(
                    part["effect"],
                    pd.Series(np.flatnonzero(chosen)),
                    name=label,
                    look=look,
                    low=(top["effect"] - spread)[chosen],
                    high=(top["effect"] + spread)[chosen],
                    more={
                        "strength": part["strength"],
                        "FDR": part["fdr"],
                        "direction FDR": part["direction_fdr"],
                        "leading targets": part.get("leading_targets", pd.Series("", index=part.index)),
                    },
                )
            )
    names = [
        f"{regulator} ({kind}){' *' if called else ''}"
        for regulator, kind, called in zip(top["regulator"], top["kind"], is_called, strict=True)
    ]
    first = ranked(
        names,
        shown,
        name=f"{run.name}_{stem}_drivers",
        title=f"First {len(top)} regulators of {name} by strength{'' if is_called.any() else '; none is significant'}.",
        x_label="effect (SDs of the statistic)",
    )
    second = volcano(
        own,
        name=f"{run.name}_{stem}_volcano",
        title=f"Effect and FDR of all regulators of {name}.",
        effect="effect",
        fdr="fdr",
        text="regulator",
        x_label="effect (SDs of the statistic); positive: sites go with up-regulation",
        group="kind",
        rank="rank",
        more={"rank": "rank", "strength": "strength", "genes with a site": "n_bound_genes"},
    )
    return [
        Chart(
            first,
            f"The first {len(top)} of {len(own):,} regulators by strength; effect with \u00b1 2 SD of what it is where "
            "nothing differs. * FDR < 5 %. Strength counts changes of either sign, so that a regulator can "
            "come first with a small effect.",
            "" if has_hit else NO_HIT,
        ),
        Chart(
            second,
            "All regulators: effect and the FDR of the strength."
            f" {', '.join(one for one in KIND_LOOKS if one in set(own['kind']))} by colour and shape. Click a point to"
            " keep its name.",
            "" if has_hit else NO_HIT_HERE,
        ),
    ]


def _folded(run: Run, name: str, stem: str, tables: ContrastTables) -> list[Part]:
    parts: list[Part] = []
    for file in ("targets.tsv", "where.tsv", "positions.tsv"):
        own = tables.of_contrast(file, name)
        if own is not None:
            caption = CAPTIONS[file.removesuffix(".tsv")]
            parts.append(table_part(run, own, file, caption, is_folded=True, name=f"{run.name}_{stem}_{file[:-4]}"))
    return parts
