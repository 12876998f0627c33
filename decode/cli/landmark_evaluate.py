"""decode landmark evaluate: what a panel is worth, beside other panels, methods and random panels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import label_of, load_tensorflow, read_panel
from decode.cli.options import Executor, Force, comma_list, pairs
from decode.cli.outputs import stop_if_finished
from decode.cli.progress import bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from decode.landmark.panel_evaluation import PanelEvaluation
    from decode.landmark.prepared import PreparedExpression

app = typer.Typer()
FORM = "NAME=PANEL, for example other=panel.tsv"


@app.command()
def evaluate(
    panel: Annotated[Path, typer.Argument(help="Panel (decode landmark select), or a list of genes, one a line.")],
    prepared: Annotated[Path, typer.Argument(help="Prepared profiles (decode landmark prepare).")],
    out: Annotated[Path, typer.Option(help="Folder for tables, figures and summary.txt.")],
    against: Annotated[
        str | None, typer.Option(help="Panel that all are compared with, FILE or NAME=FILE, such as L1000=genes.txt.")
    ] = None,
    also: Annotated[list[str] | None, typer.Option(help="A further panel, NAME=FILE; may be repeated.")] = None,
    random: Annotated[int, typer.Option(help="Random panels a split.")] = 20,
    methods: Annotated[
        str, typer.Option(help="Methods that choose anew on each split, comma-separated; none: no method.")
    ] = "greedy,projection,correlation,pca,variance",
    sizes: Annotated[str, typer.Option(help="Panel sizes, comma-separated.")] = "50,100,200,400,943",
    splits: Annotated[int, typer.Option(help="Splits of the samples; the first is that of the prepared file.")] = 1,
    groups: Annotated[
        Path | None, typer.Option(help="Table sample, group: each group is held out in one of the splits.")
    ] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column of --groups, or else of the labels in the prepared file.")
    ] = None,
    imputers: Annotated[
        str | None, typer.Option(help="Imputers to compare on the first split: ridge,knn,sample_lasso,network.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of random panels, splits, bootstraps and networks.")] = 0,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """Judge a panel beside other panels, methods and random panels, on test samples and genes that no panel holds."""
    from decode.core.files import check_output_folder, run_record
    from decode.landmark.panel_curves import comparable
    from decode.landmark.panel_evaluation import evaluate_panel
    from decode.landmark.prepared import open_prepared
    from decode.report.files import write_run

    check_output_folder(out)
    reference, files = _panel_files(against, also)
    chosen: list[Any] = [] if methods == "none" else comma_list(methods) or []
    wanted: list[Any] = comma_list(imputers) or []
    numbers = _sizes(sizes)
    inputs: dict[str, str | Path] = {"panel": panel, "prepared": prepared, **files}
    record = run_record(
        inputs=inputs | ({} if groups is None else {"groups": groups}), against=reference, random=random,
        methods=chosen, sizes=numbers, splits=splits, group_column=group_column, imputers=wanted, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "landmark evaluate", record, force=force)
    if {"network", "dgex_published"} & set(wanted):
        load_tensorflow()
    others = {name: read_panel(path) for name, path in files.items()}
    with open_prepared(prepared) as profiles, bar("splits") as advance:
        found = evaluate_panel(
            profiles, read_panel(panel), others=others, against=reference, methods=chosen, sizes=numbers,
            n_random=random, n_splits=splits, groups=_groups(profiles, groups, group_column), imputers=wanted,
            seed=seed, on_progress=advance, executor=executor,
        )  # fmt: skip
    tables = {
        "panels.tsv": found.panels, "curves.tsv": found.curves, "comparisons.tsv": found.comparisons,
        "band.tsv": found.band, "per_gene.tsv.gz": found.per_gene,
    } | ({"imputers.tsv": found.imputers} if len(found.imputers) else {})  # fmt: skip
    write_run(
        out, "landmark evaluate", record=record, force=force, tables=tables, figures=_figures(found, reference),
        texts={"summary.txt": "".join(f"{line}\n" for line in found.summary)},
    )  # fmt: skip
    shown = comparable(found.curves)
    largest = shown.sort_values("size", kind="stable").groupby("panel", sort=False).tail(1).set_index("panel")
    typer.echo(largest.drop(columns=["over", "size"]).round(4).to_string())
    for line in found.summary:
        typer.echo(line)


def _panel_files(against: str | None, also: list[str] | None) -> tuple[str | None, dict[str, Path]]:
    """The name of the reference panel, and the file of each further panel."""
    named = pairs("--also", also, FORM)
    reference = None
    if against is not None:
        name, _, path = against.partition("=") if "=" in against else ("against", "", against)
        (pair,) = pairs("--against", [f"{name}={path}"], FORM)
        reference, named = pair[0], [pair, *named]
    names = [name for name, _ in named]
    taken = next((name for name in names if names.count(name) > 1 or name in ("panel", "prepared", "groups")), None)
    if taken is not None:
        raise ValueError(f"{taken!r} names two inputs; give each further panel a name of its own, {FORM}")
    return reference, {name: Path(path) for name, path in named}


def _sizes(text: str) -> list[int]:
    parts = comma_list(text) or []
    if not parts or not all(part.isdecimal() and int(part) for part in parts):
        raise ValueError(f"--sizes is {text!r}; write whole numbers above zero, for example 50,100,200")
    return [int(part) for part in parts]


def _groups(prepared: PreparedExpression, path: Path | None, column: str | None) -> NDArray[Any] | None:
    from decode.expression.samples import read_samples

    if path is not None:
        return label_of(read_samples(path, prepared.sample_ids.tolist()), column)
    return None if column is None else label_of(prepared.labels, column)


def _figures(found: PanelEvaluation, reference: str | None) -> dict[str, Figure]:
    from decode.landmark.panel_curves import RANDOM
    from decode.landmark.panel_evaluation import PANEL
    from decode.report.landmark_panels import curves_figure, genes_figure

    rows = found.panels[found.panels["panel"] == PANEL]
    method = str(rows["method"].iloc[0])
    names = {PANEL: f"{PANEL} ({method})", RANDOM: "a random panel"}
    figures = {"curves": curves_figure(found.curves, found.panels, names)}
    known = set(found.per_gene["panel"])
    to = reference if reference is not None and reference in known else RANDOM
    return figures | ({"genes": genes_figure(found.per_gene, PANEL, to, names)} if {PANEL, to} <= known else {})
