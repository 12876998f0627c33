"""What a model says of a gene or a task, on the terminal."""

from __future__ import annotations

import pandas as pd

from decode.core.checks import listed
from decode.regulators.gene_view import GeneView
from decode.regulators.tissue_factors import tissue_factors

N_TASKS = 5  # highest and lowest shown


def gene_text(view: GeneView, *, n_tasks: int = N_TASKS) -> str:
    """Levels, regulators and places of a gene, as text."""
    gene = view.gene
    where = f"{gene['chrom']}:{gene['tss'] + 1:,} ({gene['strand']}, {gene['build']})"
    part = {"none": "not in the model's split", "test": "held out: the model never saw it"}.get(
        gene["split"], f"a {gene['split']} gene of the model"
    )
    lines = [f"{gene['gene_name']}  {gene['gene_id']}  TSS {where}, RNA {gene['length_bp']:,} bases; {part}", ""]
    lines += _levels(view.tasks, n_tasks)
    lines += ["", "regulators by their largest effect on the prediction (log2 units; attributions, no experiment)"]
    has_spread = "sd" in view.regulators
    is_one_task = bool((view.regulators["effect"] == view.regulators["strongest_effect"]).all())
    lines.append(f"{'':20}{'effect' if is_one_task else 'mean':>8}{'sd' if has_spread else '':>8}{'largest':>9}  in")
    for row in view.regulators.to_dict("records"):
        spread = f"{row['sd']:8.3f}" if has_spread and row["sd"] == row["sd"] else " " * 8
        lines.append(
            f"{row['regulator']:20}{row['effect']:8.3f}{spread}{row['strongest_effect']:9.3f}  {row['strongest_task']}"
        )
    lines.append(f"{'lengths':20}{view.length_effect:8.3f}")
    lines += ["", "where they act most, in the task of the largest effect (bases from the TSS; in rna from the 5' end)"]
    strongest = dict(zip(view.regulators["regulator"], view.regulators["strongest_task"], strict=True))
    for row in view.places.to_dict("records"):
        lines.append(
            f"{row['regulator']:20}{row['region']:12}{row['first_bp']:>7,} to {row['last_bp']:<7,}"
            f"{row['bases']:6.0f} bases{row['effect']:9.3f}{'  shared by bases' if row['position_blind'] else ''}"
            f"{'' if strongest.get(row['regulator'], row['task']) == row['task'] else '  in ' + row['task']}"
        )
    if view.places["position_blind"].any():
        lines.append("shared by bases: the model sees the total of the region, not the place")
    return "\n".join(lines)


def _levels(tasks: pd.DataFrame, n_tasks: int) -> list[str]:
    is_level = tasks["kind"] == "median_level"
    main = tasks[~is_level].sort_values("predicted", ascending=False, kind="stable")
    shown = main if len(main) <= 2 * n_tasks else pd.concat([main.head(n_tasks), main.tail(n_tasks)])
    lines = [f"{'log2':28}{'predicted':>10}{'measured':>10}"]
    for row in pd.concat([tasks[is_level], shown]).to_dict("records"):
        measured = f"{row['measured']:10.2f}" if row["measured"] == row["measured"] else f"{'-':>10}"
        lines.append(f"{row['task']:28}{row['predicted']:10.2f}{measured}")
    if len(shown) < len(main):
        lines.insert(len(lines) - n_tasks, f"... {len(main) - len(shown)} more, highest and lowest shown (--out: all)")
    return lines


def task_text(ranking: pd.DataFrame, task: str, n_top: int) -> str:
    """The first regulators of a task, and what their order cannot say, as text."""
    own = ranking[ranking["task"] == task].sort_values("rank", kind="stable")
    rows = own.head(n_top)
    lines = [
        f"regulators of {task} by their mean attribution over the genes (log2 units)",
        f"{'rank':>4} {'range':>9}  {'regulator':18}{'kind':7}{'mean':>9}{'genes bound':>13}",
    ]
    for row in rows.to_dict("records"):
        interval = f"{row['rank_low']:.0f}-{row['rank_high']:.0f}" if row["rank_low"] == row["rank_low"] else ""
        lines.append(
            f"{row['rank']:4.0f} {interval:>9}  {row['regulator']:18}{row['kind']:7}{row['mean']:9.4f}"
            f"{row['n_bound_genes']:13,}"
        )
    lines.append("attributions of the model, no experiment; no p-values: what comes first is not thereby significant")
    factors = tissue_factors(task, [f"{kind}:{name}" for kind, name in zip(own["kind"], own["regulator"], strict=True)])
    if factors is not None and factors.without_sites:
        lacking = listed(factors.without_sites, 8)
        lines.append(f"known factors of {factors.tissue} without sites in the model, which it cannot name: {lacking}")
    return "\n".join(lines)
