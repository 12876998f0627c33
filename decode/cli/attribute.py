"""decode attribute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_gene_models, open_model, read_genes
from decode.cli.options import (
    Annotation,
    ExecutorIfGiven,
    Features,
    Force,
    Matched,
    Model,
    Part,
    Reference,
    Representative,
    Sizes,
    comma_list,
)
from decode.cli.outputs import check_netcdf_name, stop_if_finished
from decode.cli.progress import bar
from decode.core.choices import EngineName

if TYPE_CHECKING:
    import xarray as xr

    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels


def attribute(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Attributions to write: gene x track x task, netCDF-4 (.nc).")],
    engine: Annotated[
        EngineName, typer.Option(help="exact: closed form, all tasks at once; shap: shap.DeepExplainer, slow.")
    ] = "exact",
    reference: Reference = "own_length",
    genes: Annotated[Path | None, typer.Option(help="File with one gene id a line.")] = None,
    split: Part = "test",
    bins: Annotated[
        bool, typer.Option("--bins", help="Every bin of the genes of --genes instead of their sums over bins.")
    ] = False,
    bedgraph: Annotated[
        Path | None, typer.Option(help="With --bins: folder for one bedGraph a gene and task (GENE.TASK.bedgraph).")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="With --bins: only these tasks, comma-separated.")] = None,
    annotation: Annotation = None,
    representative: Representative = "auto",
    sizes: Sizes = None,
    matched: Matched = 20,
    stability: Annotated[
        Path | None, typer.Option(help="Also compare the four references; table to write (.tsv). Four more passes.")
    ] = None,
    executor: ExecutorIfGiven = None,
    force: Force = False,
) -> None:
    """Which sites raise or lower each prediction; a killed run goes on when the same command is given again."""
    from decode.core.files import check_output, run_record
    from decode.report.files import recorded, write_record
    from decode.report.finished import check_free, is_unfinished

    check_output(out)
    check_netcdf_name(out)
    if stability is not None:
        check_output(stability)
        if bins:
            raise ValueError("--stability compares sums over bins; leave out --bins or --stability")
    if bins and executor is not None:
        raise ValueError("--bins explains few genes, in this process; leave out --bins or --executor")
    _check_options(bins, {"--genes": genes}, {"--bedgraph": bedgraph, "--tasks": tasks})
    if bedgraph is None and annotation is not None:
        raise ValueError("--annotation is used to write bedGraph files; give --bedgraph too, or leave it out")
    paths = {"features": features, "genes": genes, "annotation": annotation, "sizes": sizes}
    inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
    inputs |= {name: path for name, path in paths.items() if path is not None}
    record = run_record(
        inputs=inputs, engine=engine, reference=reference, matched=matched, bins=bins, tasks=tasks,
        split=None if genes else split, representative=representative, bedgraph=bedgraph,
        stability=stability,
    )  # fmt: skip
    stop_if_finished(out, "attribute", record, force=force, beside=True)
    for path in (stability, bedgraph):
        if path is not None:
            check_free(path, force=force or is_unfinished(out))
    wanted = None if genes is None else read_genes(genes)
    load_tensorflow()
    from decode.attribution.attribute import attribute as attribute_genes

    bundle, loaded = open_model(model), open_features(features)
    common: dict[str, Any] = {"engine": engine, "reference": reference, "n_matched": matched}
    if bins:
        gene_models = None if annotation is None else open_gene_models(annotation, loaded, representative, sizes)
        with recorded(out, "attribute", record=record, finished=bedgraph is None):
            files = _write_bins(bundle, loaded, wanted or [], out, bedgraph, comma_list(tasks), gene_models, common)
        write_record(out, "attribute", files, record=record)
        return
    with (
        recorded(out, "attribute", record=record, finished=stability is None),
        bar("attributions") as advance,
        attribute_genes(
            bundle, loaded, out=out, genes=wanted, part=split, executor=executor, on_block=advance, **common
        ) as result,
    ):
        typer.echo(f"{out}: {_summary(result)}; next: decode rank {out} --out ranking.tsv")
    files = [out]
    if stability is not None:
        _write_stability(bundle, loaded, stability, genes=wanted, part=split, n_matched=matched)
        files.append(stability)
    write_record(out, "attribute", files, record=record)


def _summary(result: xr.Dataset) -> str:
    sizes, attrs = result.sizes, result.attrs
    agreement = attrs["engine_agreement"]
    compared = "not compared" if agreement != agreement else f"differs by {agreement:.1g}"
    return (
        f"{sizes['gene']} genes x {sizes['track']} tracks x {sizes['task']} tasks, reference {attrs['reference']}; "
        f"largest additivity error {attrs['additivity_error_max']:.1g} log2 units, the other engine {compared}"
    )


def _write_stability(bundle: Any, features: RegulatoryFeatures, path: Path, **options: Any) -> None:
    from decode.attribution.stability import reference_stability
    from decode.core.files import write_table
    from decode.report.attributions import stability_text

    table = reference_stability(bundle, features, **options)
    write_table(table, path)
    typer.echo(f"{path}: median over tasks of the Spearman correlation of regulators between references")
    typer.echo(stability_text(table))


def _check_options(bins: bool, with_bins: dict[str, Any], only_bins: dict[str, Any]) -> None:
    for name, value in with_bins.items():
        if bins and value is None:
            raise ValueError(f"--bins writes a number for every bin and needs {name} (a file with a few gene ids)")
    for name, value in only_bins.items():
        if not bins and value is not None:
            raise ValueError(f"{name} goes with --bins; add --bins or leave it out")


def _write_bins(
    bundle: Any,
    features: RegulatoryFeatures,
    genes: list[str],
    out: Path,
    bedgraph: Path | None,
    tasks: list[str] | None,
    gene_models: GeneModels | None,
    common: dict[str, Any],
) -> list[Path]:
    from decode.attribution.bedgraph import write_bedgraph
    from decode.attribution.bins import bin_attributions, read_bin_attributions, write_bin_attributions
    from decode.core.files import check_output_folder
    from decode.core.naming import file_names
    from decode.core.outputs import staged_folder
    from decode.features.coordinates import BinPlaces

    if bedgraph is not None:
        check_output_folder(bedgraph)
    groups = write_bin_attributions(bin_attributions(bundle, features, genes, tasks=tasks, **common), out)
    files = [out]
    if bedgraph is not None:
        places = BinPlaces(gene_models)
        with staged_folder(bedgraph) as folder:  # all tracks appear together
            for gene, start in zip(groups, file_names(groups), strict=True):
                with read_bin_attributions(out, gene) as dataset:
                    own_tasks = dataset["task"].to_numpy().tolist()
                    for task, end in zip(own_tasks, file_names(own_tasks), strict=True):
                        name = f"{start}.{end}.bedgraph"
                        write_bedgraph(dataset, folder / name, task=task, places=places)
                        files.append(bedgraph / name)
    written = f"; {bedgraph}: {len(files) - 1} bedGraph files" if bedgraph is not None else ""
    typer.echo(f"{out}: bins of {len(groups)} genes{written}")
    return files
