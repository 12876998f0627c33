"""decode landmark train-imputer, impute: predict all genes from a panel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_expression, read_panel
from decode.cli.options import Force
from decode.cli.outputs import stop_if_finished
from decode.core import choices

app = typer.Typer()
PanelFile = Annotated[Path, typer.Argument(help="Panel (decode landmark select), or a list of genes, one a line.")]
Prepared = Annotated[Path, typer.Argument(help="Prepared profiles (decode landmark prepare).")]


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
        imputer = fit_imputer(profiles, read_panel(panel), method=method, seed=seed)
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
