"""A ranking of regulators on the terminal."""

from __future__ import annotations

import pandas as pd

from decode.ranking.against import N_TOP, RankingComparison
from decode.ranking.rank import RegulatorScores
from decode.ranking.table import OVERALL

N_SHOWN = 10  # regulators
NULL_NOTE = (
    "z, p-value and fdr ask whether any site matters: against refits in which like genes exchange their sites, one "
    "independently of the other. They do not say whether samples differ; for a contrast of samples use decode drivers"
)
NO_STRUCTURE_NOTE = (
    "the model knows no gene structure, and sites on RNAs follow exons: part of what RBPs score here is structure; see "
    "decode features build --structure and decode rank --against"
)


def ranking_heading(scores: RegulatorScores) -> str:
    """Reference and genes that the scores stand on, in one line."""
    attributes = scores.attributes
    what = f"{attributes['n_genes']} {attributes['level']}s"
    if attributes["is_usage"]:
        what = f"usage, {attributes['n_usage_genes']} genes of several transcripts"
    return f"reference {attributes['reference']}, {what}"


def ranking_text(scores: RegulatorScores, ranking: pd.DataFrame) -> str:
    """The head of the ranking, with what length alone does beside it, as text.

    Parameters
    ----------
    scores : RegulatorScores
    ranking : pd.DataFrame
        From `rank_regulators` of the same scores; z and fdr are shown where there is a null.

    Returns
    -------
    str
    """
    task = str(ranking["task"].iloc[0])
    rows = ranking[ranking["task"] == task].head(N_SHOWN)
    ranked = "mean_abs" if task == OVERALL else "mean"
    has_null = bool(ranking["z"].notna().any()) if "z" in ranking else False
    head = f"{'':4}{'':7}{'regulator':20}{ranked:>12}{'SD':>10}{'rank range':>12}"
    lines = [f"{task}, {ranking_heading(scores)}", head + (f"{'z':>8}{'fdr':>10}" if has_null else "")]
    for row in rows.to_dict("records"):
        has_range = row["sd_members"] == row["sd_members"]
        spread = f"{row['sd_members']:.4f}" if has_range else "-"
        ranks = f"{row['rank_low']}-{row['rank_high']}" if has_range else "-"
        tested = f"{row['z']:>8.1f}{row['fdr']:>10.2g}" if has_null else ""
        name = f"{row['kind']:7}{row['regulator']:20}"
        lines.append(f"{row['rank']:<4}{name}{row[ranked]:>12.4f}{spread:>10}{ranks:>12}{tested}")
    is_shown = scores.is_main_task if task == OVERALL else [name == task for name in scores.tasks]
    signed, size = abs(scores.length_mean[is_shown]).mean(), scores.length_mean_abs[is_shown].mean()
    note = " (0 by construction)" if scores.attributes["reference"] == "own_length" else ""
    lines.append(
        f"length alone, no regulator: |mean| {signed:.4f}, mean absolute in a gene {size:.4f} log2 units{note}"
    )
    if scores.structure_mean_abs is None:
        if "RBP" in set(scores.regulators["kind"]):
            lines.append(NO_STRUCTURE_NOTE)
    else:
        size = scores.structure_mean_abs[is_shown].mean()
        lines.append(f"gene structure, no regulator: mean absolute in a gene {size:.4f} log2 units{note}")
    if has_null:
        lines.append(NULL_NOTE)
    return "\n".join(lines)


def against_text(compared: RankingComparison, name: str) -> str:
    """What changes against another model, kind by kind, in the first task of the comparison, as text.

    Parameters
    ----------
    compared : RankingComparison
        From `compare_rankings`.
    name : str
        Of the other attributions.

    Returns
    -------
    str
        Shares of the sum of scores, median ranks and numbers among the first 30, here and (in brackets) there; then
        those of the kind whose share falls most that lose most places.
    """
    task = str(compared.kinds["task"].iloc[0])
    kinds = compared.kinds[compared.kinds["task"] == task]
    lines = [f"{task}, against {name} (in brackets)"]
    lines.append(
        f"{'':8}{'regulators':>10}{'share of scores':>19}{'median rank':>15}{f'in first {N_TOP}':>15}{'Spearman':>10}"
    )
    for row in kinds.to_dict("records"):
        share = f"{row['share']:.3f} ({row['share_against']:.3f})"
        median = f"{row['median_rank']:.0f} ({row['median_rank_against']:.0f})"
        top = f"{row['n_top']} ({row['n_top_against']})"
        lines.append(
            f"{row['kind']:8}{row['n_regulators']:>10}{share:>19}{median:>15}{top:>15}{row['spearman']:>10.2f}"
        )
    falling = str(kinds["kind"].iloc[int((kinds["share"] - kinds["share_against"]).to_numpy().argmin())])
    own = compared.regulators[(compared.regulators["task"] == task) & (compared.regulators["kind"] == falling)]
    lost = own[own["rank_change"] > 0].nlargest(5, "rank_change")
    if len(lost):
        named = ", ".join(f"{row.regulator} {row.rank_against} -> {row.rank}" for row in lost.itertuples())
        lines.append(f"{falling}s that stand lower here: {named}")
    if compared.only_here or compared.only_against:
        lines.append(f"left out: {len(compared.only_here)} only here, {len(compared.only_against)} only there")
    return "\n".join(lines)
