"""decode disrupt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_gene_models, open_model
from decode.cli.options import Annotation, Features, Force, IdMap, Model, Representative, Sizes, comma_list
from decode.cli.outputs import stop_if_finished


def disrupt(
    model: Model,
    features: Features,
    genes: Annotated[str, typer.Option(help="Gene ids or symbols, comma-separated: LAPTM5,CD53.")],
    out: Annotated[Path, typer.Option(help="Table to write (.tsv.gz): gene, window and task with the effect.")],
    window: Annotated[int, typer.Option(help="Bins removed together.")] = 1,
    regions: Annotated[str | None, typer.Option(help="Only these regions, comma-separated.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Tracks of all genes on one page (.png, .svg, .pdf).")] = None,
    task: Annotated[str | None, typer.Option(help="Task of the figure; default that of the largest effect.")] = None,
    annotation: Annotation = None,
    representative: Representative = "auto",
    sizes: Sizes = None,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """What each prediction owes to the sites in one bin after the other, along promoter and RNA.

    Column position_blind says where the network cannot tell bins of a region apart; see docs/in-silico.md.
    """
    from decode.core.files import check_output, run_record
    from decode.report.files import Content, with_counts, write_files
    from decode.report.finished import check_free

    for path in (out, figure):
        if path is not None:
            check_output(path)
    if task is not None and figure is None:
        raise ValueError("--task chooses what the figure shows; give --figure too, or leave it out")
    wanted = comma_list(genes)
    if not wanted:
        raise ValueError("--genes names no gene; give at least one, for example --genes LAPTM5,CD53")
    paths = {"features": features, "annotation": annotation, "sizes": sizes, "id_map": id_map}
    inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
    inputs |= {name: path for name, path in paths.items() if path is not None}
    record = run_record(
        inputs=inputs, genes=genes, window=window, regions=regions, figure=figure, task=task,
        representative=representative,
    )  # fmt: skip
    stop_if_finished(out, "disrupt", record, force=force, beside=True)
    if figure is not None:
        check_free(figure, force=force)
    load_tensorflow()
    from decode.insilico.disruption import disrupt as disrupt_genes
    from decode.report.insilico import disruption_tracks

    bundle, loaded = open_model(model), open_features(features)
    models = None if annotation is None else open_gene_models(annotation, loaded, representative, sizes)
    found = disrupt_genes(
        bundle, loaded, wanted, regions=comma_list(regions), window_bins=window, gene_models=models, id_map=id_map
    )
    files: dict[Path, Content] = {out: found.windows}
    if figure is not None:
        files[figure] = disruption_tracks(found, task=task)
    write_files("disrupt", files, record=with_counts(record, found.counts), force=force)
    n_blind = int(found.windows["position_blind"].sum()) // len(bundle.tasks)
    typer.echo(
        f"{out}: {found.counts['windows']} windows of {found.counts['genes']} genes x {len(bundle.tasks)} tasks; in "
        f"{n_blind} of them the network cannot tell bins of the region apart (position_blind)"
    )
