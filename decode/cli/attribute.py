"""decode attribute."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.common import comma_list, load_tensorflow
from decode.cli.features import RepresentativeName
from decode.cli.model import Features, Model, PartName

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels


class EngineName(StrEnum):
    """Choices of --engine."""

    exact = "exact"
    shap = "shap"


class ReferenceName(StrEnum):
    """Choices of --reference."""

    own_length = "own_length"
    median_length = "median_length"
    mean_gene = "mean_gene"
    matched_genes = "matched_genes"


def attribute(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Attributions to write: gene x track x task, netCDF-4 (.nc).")],
    engine: Annotated[
        EngineName, typer.Option(help="exact: closed form, all tasks at once; shap: shap.DeepExplainer, slow.")
    ] = EngineName.exact,
    reference: Annotated[
        ReferenceName, typer.Option(help="What a gene is compared with; the first two are without sites.")
    ] = ReferenceName.own_length,
    genes: Annotated[Path | None, typer.Option(help="File with one gene id a line.")] = None,
    split: Annotated[PartName, typer.Option(help="Genes to explain where --genes is not given.")] = PartName.test,
    bins: Annotated[
        bool, typer.Option("--bins", help="Every bin of the genes of --genes instead of their sums over bins.")
    ] = False,
    bedgraph: Annotated[
        Path | None, typer.Option(help="With --bins: folder for one bedGraph a gene and task (GENE.TASK.bedgraph).")
    ] = None,
    tasks: Annotated[str | None, typer.Option(help="With --bins: only these tasks, comma-separated.")] = None,
    annotation: Annotated[
        Path | None, typer.Option(help="With --bedgraph: annotation of the features, to put RNA bins on exons.")
    ] = None,
    representative: Annotated[
        RepresentativeName, typer.Option(help="With --annotation: as the features were built.")
    ] = RepresentativeName.auto,
    sizes: Annotated[Path | None, typer.Option(help="With --annotation: chromosome sizes of another genome.")] = None,
    matched: Annotated[int, typer.Option(help="Genes that a reference of matched_genes is the mean of.")] = 20,
    stability: Annotated[
        Path | None, typer.Option(help="Also compare the four references; table to write (.tsv). Four more passes.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            help="Where genes are computed: serial, threads:N (default 2), or a Dask scheduler tcp://host:port."
        ),
    ] = None,
) -> None:
    """Which sites raise or lower each prediction; a killed run goes on when the same command is given again."""
    from decode.core.files import check_output
    from decode.features.matrix import RegulatoryFeatures

    check_output(out)
    if stability is not None:
        check_output(stability)
        if bins:
            raise ValueError("--stability compares sums over bins; leave out --bins or --stability")
    _check_options(bins, {"--genes": genes}, {"--bedgraph": bedgraph, "--tasks": tasks})
    if bedgraph is None and annotation is not None:
        raise ValueError("--annotation is used to write bedGraph files; give --bedgraph too, or leave it out")
    wanted = None if genes is None else read_genes(genes)
    load_tensorflow()
    from decode.attribution.attribute import attribute as attribute_genes
    from decode.models.bundle import load_bundle

    bundle, loaded = load_bundle(model), RegulatoryFeatures.read(features)
    common: dict[str, Any] = {"engine": engine.value, "reference": reference.value, "n_matched": matched}
    if bins:
        models = None
        if annotation is not None:
            models = _gene_models(annotation, loaded, representative.value, sizes)
        _write_bins(bundle, loaded, wanted or [], out, bedgraph, comma_list(tasks), models, common)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as progress:
        bar = progress.add_task("attributions", total=None)
        with attribute_genes(
            bundle,
            loaded,
            out=out,
            genes=wanted,
            part=split.value,
            executor=executor,
            on_block=lambda done, total: progress.update(bar, completed=done, total=total),
            **common,
        ) as result:
            sizes_of, attrs = dict(result.sizes), result.attrs
    agreement = attrs["engine_agreement"]
    compared = "not compared" if agreement != agreement else f"differs by {agreement:.1g}"
    typer.echo(
        f"{out}: {sizes_of['gene']} genes x {sizes_of['track']} tracks x {sizes_of['task']} tasks, reference "
        f"{attrs['reference']}; largest additivity error {attrs['additivity_error_max']:.1g} log2 units, the other "
        f"engine {compared}; next: decode rank {out} --out ranking.tsv"
    )
    if stability is not None:
        _write_stability(bundle, loaded, stability, genes=wanted, part=split.value, n_matched=matched)


def _write_stability(bundle: Any, features: RegulatoryFeatures, path: Path, **options: Any) -> None:
    from decode.attribution.stability import reference_stability
    from decode.core.files import write_table

    table = reference_stability(bundle, features, **options)
    write_table(table, path)
    typer.echo(f"{path}: median over tasks of the Spearman correlation of regulators between references")
    columns = ["spearman_mean", "spearman_mean_abs", "top_shared"]
    typer.echo(f"{'':32}{'signed mean':>13}{'mean absolute':>15}{'top shared':>12}")
    medians = table.groupby(["reference_a", "reference_b"], sort=False)[columns].median().reset_index()
    for row in medians.to_dict("records"):
        pair = f"{row['reference_a']}, {row['reference_b']}"
        typer.echo(f"{pair:32}{row[columns[0]]:>13.2f}{row[columns[1]]:>15.2f}{row[columns[2]]:>12.2f}")


def _check_options(bins: bool, with_bins: dict[str, Any], only_bins: dict[str, Any]) -> None:
    for name, value in with_bins.items():
        if bins and value is None:
            raise ValueError(f"--bins writes a number for every bin and needs {name} (a file with a few gene ids)")
    for name, value in only_bins.items():
        if not bins and value is not None:
            raise ValueError(f"{name} goes with --bins; add --bins or leave it out")


def read_genes(path: Path) -> list[str]:
    """Gene ids of a file, one a line; versions and lines that begin with # are left out."""
    from decode.core.files import open_text
    from decode.core.ids import strip_version

    with open_text(path, "gene list") as handle:
        names = [line.strip().split("\t")[0] for line in handle if line.strip() and not line.startswith("#")]
    if not names:
        raise ValueError(f"gene list {path} names no gene; write one gene id a line")
    return strip_version(names)


def _gene_models(annotation: Path, features: RegulatoryFeatures, representative: str, sizes: Path | None) -> GeneModels:
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    read = read_annotation(annotation, build=features.build, sizes=sizes)
    return gene_models(read, level=features.level, representative=representative)  # type: ignore[arg-type]


def _write_bins(
    bundle: Any,
    features: RegulatoryFeatures,
    genes: list[str],
    out: Path,
    bedgraph: Path | None,
    tasks: list[str] | None,
    models: GeneModels | None,
    common: dict[str, Any],
) -> None:
    from decode.attribution.bedgraph import write_bedgraph
    from decode.attribution.bins import bin_attributions, read_bin_attributions, write_bin_attributions
    from decode.core.files import check_output_folder, make_output_folder
    from decode.core.finished import file_name
    from decode.features.coordinates import BinPlaces

    if bedgraph is not None:
        check_output_folder(bedgraph)
    groups = write_bin_attributions(bin_attributions(bundle, features, genes, tasks=tasks, **common), out)
    n_files = 0
    if bedgraph is not None:
        make_output_folder(bedgraph)
        places = BinPlaces(models)
        for gene in groups:
            with read_bin_attributions(out, gene) as dataset:
                for task in dataset["task"].to_numpy().tolist():
                    path = bedgraph / f"{file_name(gene)}.{file_name(task)}.bedgraph"
                    write_bedgraph(dataset, path, task=task, places=places)
                    n_files += 1
    typer.echo(f"{out}: bins of {len(groups)} genes" + (f"; {bedgraph}: {n_files} bedGraph files" if n_files else ""))
