"""decode knockout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model, read_genes
from decode.cli.options import Executor, Features, Force, IdMap, Model, comma_list
from decode.cli.outputs import check_netcdf_name, stop_if_finished
from decode.cli.progress import bar

MOST_FIGURES = 20


def knockout(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Knockouts to write: gene_id x regulator x task, netCDF-4 (.nc).")],
    regulators: Annotated[
        str | None, typer.Option(help="Only these, comma-separated: SPI1 (all its kinds together) or RBP:BCLAF1.")
    ] = None,
    genes: Annotated[Path | None, typer.Option(help="File with one gene id or symbol a line; default all.")] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Table to write (.tsv, .tsv.gz): each regulator over the genes it binds.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help=f"With --genes (at most {MOST_FIGURES}): folder for a heatmap of each gene.")
    ] = None,
    id_map: IdMap = None,
    executor: Executor = "serial",
    force: Force = False,
) -> None:
    """What each prediction would be without the sites of a regulator; a killed run goes on when repeated."""
    from decode.core.files import check_output, check_output_folder, run_record
    from decode.report.files import recorded, write_record
    from decode.report.finished import check_free, is_unfinished

    check_output(out)
    check_netcdf_name(out)
    wanted = None if genes is None else read_genes(genes)
    if summary is not None:
        check_output(summary)
    if figures is not None:
        check_output_folder(figures)
        if wanted is None or len(wanted) > MOST_FIGURES:
            raise ValueError(f"--figures draws a heatmap a gene; give --genes with at most {MOST_FIGURES} genes")
    paths = {"features": features, "genes": genes, "id_map": id_map}
    inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
    inputs |= {name: path for name, path in paths.items() if path is not None}
    record = run_record(inputs=inputs, regulators=regulators, summary=summary, figures=figures)
    stop_if_finished(out, "knockout", record, force=force, beside=True)
    for path in (summary, figures):
        if path is not None:
            check_free(path, force=force or is_unfinished(out))
    load_tensorflow()
    from decode.core.files import write_table
    from decode.core.outputs import output_set
    from decode.insilico.knockout import knock_out, knockout_summary
    from decode.report.insilico import write_heatmaps

    with (
        recorded(out, "knockout", record=record, finished=summary is None and figures is None),
        bar("knockouts") as advance,
        knock_out(
            open_model(model), open_features(features), genes=wanted, regulators=comma_list(regulators), out=out,
            id_map=id_map, executor=executor, on_block=advance,
        ) as found,
    ):  # fmt: skip
        files = [out]
        with output_set() as outputs:  # table and heatmaps appear together
            if summary is not None:
                write_table(knockout_summary(found), outputs.file(summary))
                files.append(summary)
            if figures is not None:
                files += [figures / path.name for path in write_heatmaps(found, outputs.folder(figures))]
        sizes = found.sizes
        n_without = int((found["n_regulators"] == 0).sum())
        typer.echo(
            f"{out}: {found.attrs['n_pairs']:,} bound pairs of {sizes['gene_id']:,} genes and {sizes['regulator']:,} "
            f"regulators x {sizes['task']} tasks; {n_without:,} genes without a site"
        )
    write_record(out, "knockout", files, record=record)
