"""decode regulators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from decode.cli.options import Force, IdMap, comma_list, pairs
from decode.cli.outputs import stop_if_finished

app = typer.Typer(
    no_args_is_help=True, help="What a ranking means: own expression, gene lists, gene sets of the regulators."
)
Ranking = Annotated[Path, typer.Option(help="Ranking of regulators (decode rank).")]
Features = Annotated[
    Path | None, typer.Option(help="Features file: its genes are used to find the gene ids of regulators.")
]
Complexes = Annotated[
    Path | None, typer.Option(help="regulator<TAB>gene, one line a gene, for regulators made of several genes.")
]
Out = Annotated[Path, typer.Option(help="Folder for tables, figures and the run record.")]
Task = Annotated[str, typer.Option(help="Whose scores: a task of the ranking, or overall.")]
NAMED = "NAME=FILE, for example essential=essential.txt"


def gene_table(features: Path | None, id_map: Path | None) -> Any:
    """Genes of a features file, of an id map, or None."""
    if features is not None:
        from decode.features.matrix import RegulatoryFeatures

        with RegulatoryFeatures.open(features) as file:
            return file.genes[["gene_id", "gene_name"]].drop_duplicates()
    if id_map is not None:
        from decode.core.ids import genes_of_id_map

        return genes_of_id_map(id_map)
    return None


def read_optional_complexes(path: Path | None) -> dict[str, list[str]] | None:
    """The complexes of a file, or None."""
    from decode.regulators.genes import read_complexes

    return None if path is None else read_complexes(path)


def inputs_of(**paths: Path | None) -> dict[str, str | Path]:
    """The inputs that were given, by name, for the run record."""
    return {name: path for name, path in paths.items() if path is not None}


@app.command()
def expression(
    ranking: Ranking,
    expression: Annotated[Path, typer.Option(help="Targets table: log2 level or fold change in every tissue.")],
    out: Out,
    features: Features = None,
    id_map: IdMap = None,
    complexes: Complexes = None,
    tissue_groups: Annotated[
        Path | None, typer.Option(help="task<TAB>group: tissues that are not independent. Default: groups of GTEx.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap draws of tissue groups.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    force: Force = False,
) -> None:
    """Correlate each regulator's attribution with its own expression over tissues: activator or repressor?"""
    from decode.core.files import check_output_folder, run_record
    from decode.expression.targets import read_targets
    from decode.expression.tissue_groups import read_tissue_groups
    from decode.ranking.table import read_ranking
    from decode.regulators.own_expression import correlate_expression
    from decode.report.regulator_biology import expression_summary, write_regulator_expression

    check_output_folder(out)
    inputs = inputs_of(ranking=ranking, expression=expression, features=features, id_map=id_map, complexes=complexes)
    inputs |= inputs_of(tissue_groups=tissue_groups)
    record = run_record(inputs=inputs, draws=draws, seed=seed)
    stop_if_finished(out, "regulators expression", record, force=force)
    result = correlate_expression(
        read_ranking(ranking),
        read_targets(expression),
        genes=gene_table(features, id_map),
        id_map=id_map,
        complexes=read_optional_complexes(complexes),
        tissue_groups=None if tissue_groups is None else read_tissue_groups(tissue_groups),
        n_draws=draws,
        seed=seed,
    )
    write_regulator_expression(result, out, record=record, force=force)
    typer.echo(expression_summary(result))


@app.command("gene-lists")
def gene_lists(
    ranking: Annotated[
        list[str], typer.Option(help="Ranking (decode rank), or LEVEL=RANKING several times (gene, transcript, usage).")
    ],
    out: Out,
    gene_list: Annotated[list[str] | None, typer.Option(help=f"One gene a line: {NAMED}.")] = None,
    pli: Annotated[Path | None, typer.Option(help="Table with columns gene and pLI (and pRec).")] = None,
    pli_threshold: Annotated[float, typer.Option(help="A gene counts above it.")] = 0.99,
    interactions: Annotated[
        Path | None, typer.Option(help="Protein interactions A<TAB>B: their hubs are a list.")
    ] = None,
    hub_quantile: Annotated[float, typer.Option(help="A hub has more partners than this share of proteins.")] = 0.9,
    task: Task = "overall",
    features: Features = None,
    id_map: IdMap = None,
    complexes: Complexes = None,
    force: Force = False,
) -> None:
    """Test whether key regulators are in gene lists, with and without the number of sites and experiments."""
    from decode.core.checks import check_unique
    from decode.core.files import check_output_folder, run_record
    from decode.ranking.table import read_ranking
    from decode.regulators.gene_lists import read_gene_lists, read_hubs, read_pli, validate_gene_lists
    from decode.report.regulator_biology import gene_list_summary, write_gene_lists

    check_output_folder(out)
    named = [("ranking", ranking[0])] if len(ranking) == 1 and "=" not in ranking[0] else pairs(
        "--ranking", ranking, "LEVEL=FILE, for example usage=usage_ranking.tsv"
    )  # fmt: skip
    files = pairs("--gene-list", gene_list, NAMED)
    check_unique("levels of --ranking", [name for name, _ in named])
    check_unique("names of --gene-list", [name for name, _ in files])
    inputs: dict[str, str | Path] = {f"ranking:{name}": path for name, path in named}
    inputs |= {f"list:{name}": path for name, path in files}
    inputs |= inputs_of(pli=pli, interactions=interactions, features=features, id_map=id_map, complexes=complexes)
    record = run_record(inputs=inputs, task=task, pli_threshold=pli_threshold, hub_quantile=hub_quantile)
    stop_if_finished(out, "regulators gene-lists", record, force=force)
    lists = read_gene_lists(dict(files))
    lists |= {} if pli is None else read_pli(pli, threshold=pli_threshold)
    lists |= {} if interactions is None else {"interaction_hubs": read_hubs(interactions, quantile=hub_quantile)}
    if not lists:
        raise ValueError("no gene list is given; give --gene-list NAME=FILE, --pli FILE or --interactions FILE")
    result = validate_gene_lists(
        {name: read_ranking(path) for name, path in named},
        lists,
        task=task,
        genes=gene_table(features, id_map),
        id_map=id_map,
        complexes=read_optional_complexes(complexes),
    )
    write_gene_lists(result, out, record=record, force=force)
    typer.echo(gene_list_summary(result))


@app.command("gene-sets")
def gene_sets(
    ranking: Ranking,
    gene_sets: Annotated[Path, typer.Option(help="Gene sets, GMT, plain or gzip.")],
    out: Out,
    task: Task = "overall",
    kinds: Annotated[str | None, typer.Option(help="Only these kinds, comma-separated, e.g. TF,RBP.")] = None,
    within_kind: Annotated[
        bool, typer.Option("--within-kind", help="Standardise TFs and RBPs apart: their kinds differ in score.")
    ] = False,
    fdr: Annotated[
        float | None, typer.Option(help="Hypergeometric test of regulators at this FDR of the ranking.")
    ] = None,
    top: Annotated[float | None, typer.Option(help="Hypergeometric test of this share of the best regulators.")] = None,
    permutations: Annotated[int, typer.Option(help="Random sets of the pre-ranked test.")] = 10_000,
    min_size: Annotated[int, typer.Option(help="Least regulators of a set.")] = 5,
    max_size: Annotated[int, typer.Option(help="Most regulators of a set.")] = 500,
    features: Features = None,
    id_map: IdMap = None,
    complexes: Complexes = None,
    threads: Annotated[int, typer.Option(help="Threads of the pre-ranked test; the result is the same.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the permutations.")] = 0,
    force: Force = False,
) -> None:
    """Find functions that key regulators share: pre-ranked GSEA, and with --fdr or --top a hypergeometric test."""
    from decode.core.files import check_output_folder, run_record
    from decode.ranking.table import read_ranking
    from decode.regulators.gene_sets import enrich_regulators
    from decode.report.files import with_counts
    from decode.report.regulator_biology import gene_set_summary, write_gene_sets
    from decode.statistics.enrichment import read_gmt

    check_output_folder(out)
    inputs = inputs_of(ranking=ranking, gene_sets=gene_sets, features=features, id_map=id_map, complexes=complexes)
    record = run_record(
        inputs=inputs, task=task, kinds=kinds, within_kind=within_kind, fdr=fdr, top=top, permutations=permutations,
        min_size=min_size, max_size=max_size, seed=seed,
    )  # fmt: skip
    stop_if_finished(out, "regulators gene-sets", record, force=force)
    result = enrich_regulators(
        read_ranking(ranking), read_gmt(gene_sets), task=task, kinds=comma_list(kinds), within_kind=within_kind,
        max_fdr=fdr, top_share=top, genes=gene_table(features, id_map), id_map=id_map,
        complexes=read_optional_complexes(complexes), n_permutations=permutations, min_size=min_size,
        max_size=max_size, threads=threads, seed=seed,
    )  # fmt: skip
    record = with_counts(record, result.counts)
    write_gene_sets(result.tables, result.gene_sets, out, record=record, force=force)
    typer.echo(gene_set_summary(result.tables))
