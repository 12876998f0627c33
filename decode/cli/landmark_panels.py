"""decode landmark evaluate, train-imputer, impute: what a panel is worth, and its use."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_expression, read_genes
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished
from decode.core import choices

app = typer.Typer()
PanelFile = Annotated[Path, typer.Argument(help="Panel (decode landmark select), or a list of genes, one a line.")]
Prepared = Annotated[Path, typer.Argument(help="Prepared profiles (decode landmark prepare).")]


@app.command()
def evaluate(
    panel: PanelFile,
    prepared: Prepared,
    out: Annotated[Path, typer.Option(help="Folder for panels.tsv and per_gene.tsv.gz.")],
    against: Annotated[Path | None, typer.Option(help="Genes of another panel, one a line, such as L1000's.")] = None,
    random: Annotated[int, typer.Option(help="Random panels.")] = 20,
    sizes: Annotated[str, typer.Option(help="Panel sizes, comma-separated.")] = "50,100,200,400,943",
    seed: Annotated[int, typer.Option(help="Seed of the random panels.")] = 0,
    force: Force = False,
) -> None:
    """Judge a panel beside other methods and random panels, on test samples and genes that no panel holds."""
    from decode.cli.options import comma_list
    from decode.core.files import check_output_folder, run_record
    from decode.landmark.evaluation import evaluate_panel
    from decode.landmark.prepared import open_prepared
    from decode.report.files import write_run

    check_output_folder(out)
    inputs: dict[str, str | Path] = {"panel": panel, "prepared": prepared}
    inputs |= {} if against is None else {"against": against}
    record = run_record(inputs=inputs, random=random, sizes=sizes, seed=seed)
    stop_if_finished(out, "landmark evaluate", record, force=force)
    others = {} if against is None else {"against": read_genes(against)}
    numbers = [int(size) for size in comma_list(sizes) or []]
    with open_prepared(prepared) as profiles:
        found = evaluate_panel(profiles, _genes(panel), others=others, sizes=numbers, n_random=random, seed=seed)
    write_run(
        out, "landmark evaluate", record=record, force=force,
        tables={"panels.tsv": found.panels, "per_gene.tsv.gz": found.per_gene},
    )  # fmt: skip
    largest = found.panels.sort_values("size").groupby(["method", "draw"]).tail(1).groupby("method")
    typer.echo(largest[["size", "mean_mae", "mean_pcc", "share_passing"]].mean().round(4).to_string())


@app.command("train-imputer")
def train_imputer(
    panel: PanelFile,
    prepared: Prepared,
    out: Annotated[Path, typer.Option(help="Folder of the imputer.")],
    method: Annotated[choices.Imputation, typer.Option(help="How genes are predicted.")] = "ridge",
    seed: Annotated[int, typer.Option(help="Seed of networks.")] = 0,
    force: Force = False,
) -> None:
    """Learn to predict all genes from a panel."""
    if method in ("network", "dgex_published"):
        load_tensorflow()
    from decode.core.files import check_output_folder, run_record
    from decode.landmark.imputation import fit_imputer, save_imputer
    from decode.landmark.prepared import open_prepared
    from decode.report.files import write_folder

    check_output_folder(out)
    record = run_record(inputs={"panel": panel, "prepared": prepared}, method=method, seed=seed)
    stop_if_finished(out, "landmark train-imputer", record, force=force, beside=True)
    with open_prepared(prepared) as profiles:
        imputer = fit_imputer(profiles, _genes(panel), method=method, seed=seed)
    write_folder(out, "landmark train-imputer", partial(save_imputer, imputer), record=record)
    typer.echo(f"{len(imputer.target_ids)} genes from {len(imputer.panel_ids)} by {method}: {imputer.settings}")


@app.command()
def impute(
    imputer: Annotated[Path, typer.Argument(help="Imputer (decode landmark train-imputer).")],
    samples: Annotated[Path, typer.Argument(help="Panel genes x samples, in any unit that keeps the order.")],
    out: Annotated[Path, typer.Option(help="All genes x samples on the scale 4 to 15 (.tsv or .tsv.gz).")],
    force: Force = False,
) -> None:
    """Predict all genes of samples of which the panel is measured."""
    from decode.core.files import check_output, run_record
    from decode.landmark.imputation import impute as predicted_genes
    from decode.landmark.imputation import load_imputer
    from decode.report.files import write_files

    check_output(out)
    record = run_record(inputs={"imputer": imputer, "samples": samples})
    stop_if_finished(out, "landmark impute", record, force=force, beside=True)
    table = predicted_genes(load_imputer(imputer), open_expression(samples, None))
    write_files("landmark impute", {out: table.reset_index()}, record=record, force=force)
    typer.echo(f"{len(table)} genes of {table.shape[1]} samples")


def _genes(path: Path) -> list[str]:
    """Gene ids of a panel's table, or of a plain list."""
    import pandas as pd

    from decode.core.files import check_input

    header = pd.read_csv(check_input(path, "panel"), sep="\t", nrows=0).columns
    return pd.read_csv(path, sep="\t", dtype=str)["gene_id"].tolist() if "gene_id" in header else read_genes(path)
