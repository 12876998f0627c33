"""decode expression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.expression_options import PersonSource, open_person_table, open_values
from decode.cli.options import REGIONS, Force, IdMap, comma_list
from decode.cli.outputs import stop_if_finished
from decode.core.choices import PersonPreset

if TYPE_CHECKING:
    from decode.expression.person import PersonTargets
    from decode.expression.person_tissues import TissueTargets
    from decode.expression.targets import TargetResult

app = typer.Typer(no_args_is_help=True, help="Expression tables: turn them into targets.")
SAMPLES = "Samples"
SamplesFrom = Annotated[
    Path | None,
    typer.Option(
        help="Instead of a table: folder, or list, of Salmon, RSEM, kallisto, StringTie or featureCounts files, one a "
        "sample.",
        rich_help_panel=SAMPLES,
    ),
]
Genes = Annotated[
    Path | None,
    typer.Option(
        "--annotation", help="GTF, GFF3 or genePred: names and lengths of the genes.", rich_help_panel=REGIONS
    ),
]
BuildOfGenes = Annotated[
    str | None,
    typer.Option("--build", help="Genome build of --annotation: hg19, hg38, mm10, mm39.", rich_help_panel=REGIONS),
]
Out = Annotated[
    Path, typer.Option(help="Targets table: gene_id or transcript_id and one column a task, log2 (.tsv or .tsv.gz).")
]


def _build_of(build: str | None) -> dict[str, str]:
    """The build as a record takes it: left out where none is named."""
    return {} if build is None else {"build": build}


def _write(result: TargetResult, out: Path, kind: str, record: dict[str, Any], force: bool) -> None:
    from decode.expression.task_kinds import kinds_sentence
    from decode.report.files import with_counts, write_files

    write_files(kind, {out: result.targets}, record=with_counts(record, result.counts), force=force)
    typer.echo(", ".join(f"{key}: {value}" for key, value in result.counts.items()))
    typer.echo(f"kinds of tasks: {kinds_sentence(result.targets)}")


@app.command()
def tissue(
    out: Out,
    tpm: Annotated[
        Path | None,
        typer.Argument(help="Genes x tissues TPM: GCT, GCTX, TSV or CSV, plain or gzip.", show_default=False),
    ] = None,
    samples_from: SamplesFrom = None,
    min_tpm: Annotated[float, typer.Option(help="Keep genes above this TPM in at least one tissue.")] = 2.0,
    pseudocount: Annotated[float, typer.Option(help="Added to TPM before log2.")] = 0.25,
    annotation: Genes = None,
    build: BuildOfGenes = None,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Median level and log2 fold-change of every tissue against it."""
    from decode.core.files import check_output, run_record
    from decode.expression.tissue import tissue_targets

    check_output(out)
    source = PersonSource(table=tpm, samples_from=samples_from, annotation=annotation, build=build, id_map=id_map)
    inputs = {"tpm" if name == "table" else name: path for name, path in source.inputs().items()}
    record = run_record(inputs=inputs, min_tpm=min_tpm, pseudocount=pseudocount, **_build_of(build))
    stop_if_finished(out, "expression tissue", record, force=force, beside=True)
    result = tissue_targets(open_values(source), min_tpm=min_tpm, pseudocount=pseudocount)
    _write(result, out, "expression tissue", record, force)


@app.command()
def table(
    out: Out,
    file: Annotated[
        Path | None, typer.Argument(help="Genes x columns: GCT, GCTX, TSV or CSV, plain or gzip.", show_default=False)
    ] = None,
    samples_from: SamplesFrom = None,
    already_log2: Annotated[
        bool, typer.Option("--already-log2", help="Values are log2 already; else log2(x + 0.25) is taken.")
    ] = False,
    no_centre: Annotated[
        bool, typer.Option("--no-centre", help="Keep columns as they are (fold changes of contrasts, for example).")
    ] = False,
    annotation: Genes = None,
    build: BuildOfGenes = None,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Turn your own table into targets, without a filter on expression."""
    from decode.core.files import check_output, run_record
    from decode.expression.tissue import table_targets

    check_output(out)
    source = PersonSource(table=file, samples_from=samples_from, annotation=annotation, build=build, id_map=id_map)
    record = run_record(inputs=source.inputs(), already_log2=already_log2, centre=not no_centre, **_build_of(build))
    stop_if_finished(out, "expression table", record, force=force, beside=True)
    result = table_targets(open_values(source, already_log2), already_log2=already_log2, centre=not no_centre)
    _write(result, out, "expression table", record, force)


@app.command()
def person(
    out: Out,
    tpm: Annotated[
        Path | None, typer.Argument(help="Genes x samples: GCT, GCTX, TSV or CSV, plain or gzip.", show_default=False)
    ] = None,
    samples_from: SamplesFrom = None,
    pseudobulk: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLE_COLUMN[,GROUP_COLUMN]",
            help="TPM is an h5ad file: sum the counts of cells by these columns.",
        ),
    ] = None,
    min_cells: Annotated[int, typer.Option(help="Fewest cells of a pseudobulk.")] = 20,
    samples: Annotated[
        Path | None, typer.Option(help="Table of the samples, names in the first column.", rich_help_panel=SAMPLES)
    ] = None,
    sample_column: Annotated[
        str | None, typer.Option(help="Column of --samples that names the samples.", rich_help_panel=SAMPLES)
    ] = None,
    covariates: Annotated[
        str | None,
        typer.Option(
            help="Columns of --samples whose effects are taken out, comma-separated; text is categorical, C(batch) "
            "makes numbers so.",
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Phenotypes that must stay, such as age,sex.", rich_help_panel=SAMPLES),
    ] = None,
    hidden_factors: Annotated[
        int,
        typer.Option(help="Leading components of the residuals to take out too.", rich_help_panel=SAMPLES),
    ] = 0,
    tissue_column: Annotated[
        str | None,
        typer.Option(help="Column of --samples: the steps run within each tissue.", rich_help_panel=SAMPLES),
    ] = None,
    one_per: Annotated[
        str | None,
        typer.Option(help="Column of --samples with persons: the deepest sample of each.", rich_help_panel=SAMPLES),
    ] = None,
    leave_out_incomplete: Annotated[
        bool,
        typer.Option(
            "--leave-out-incomplete",
            help="Leave out samples with an unknown covariate, kept phenotype or tissue.",
            rich_help_panel=SAMPLES,
        ),
    ] = False,
    counts: Annotated[bool, typer.Option("--counts", help="Values are counts; needs --annotation.")] = False,
    annotation: Genes = None,
    build: BuildOfGenes = None,
    preset: Annotated[
        PersonPreset | None, typer.Option(help="tcga-rsem: RSEM normalised counts by SYMBOL|Entrez.")
    ] = None,
    already_log2: Annotated[
        bool, typer.Option("--already-log2", help="Values are log2(TPM + pseudocount) already.")
    ] = False,
    min_tpm: Annotated[float, typer.Option(help="Keep genes above this TPM ...")] = 1.0,
    min_share: Annotated[float, typer.Option(help="... in this share of the samples.")] = 0.5,
    pseudocount: Annotated[float, typer.Option(help="Added to TPM before log2.")] = 0.25,
    levels: Annotated[bool, typer.Option("--levels", help="Keep levels; their rho says nothing of a person.")] = False,
    median_level: Annotated[
        bool, typer.Option("--median-level", help="Add each gene's mean, which fold changes refer to.")
    ] = False,
    id_map: IdMap = None,
    force: Force = False,
) -> None:
    """Log2 fold-change of every sample against each gene's mean, covariates taken out."""
    from functools import partial

    from decode.core.files import check_output, run_record
    from decode.expression.person import person_targets
    from decode.expression.person_tissues import person_targets_by_tissue
    from decode.report.person_preparation import preparation_text, write_person_targets

    check_output(out)
    removed, kept = comma_list(covariates) or [], comma_list(keep) or []
    needed = [*removed, *kept, *([tissue_column] if tissue_column else [])] if leave_out_incomplete else []
    source = PersonSource(
        table=tpm, samples_from=samples_from, pseudobulk=pseudobulk, min_cells=min_cells, samples=samples,
        sample_column=sample_column, counts=counts, preset=preset, annotation=annotation, build=build, id_map=id_map,
        one_per=one_per, complete=tuple(needed), already_log2=already_log2,
    )  # fmt: skip
    record = run_record(
        inputs=source.inputs(),
        pseudobulk=pseudobulk, min_cells=min_cells, sample_column=sample_column, covariates=covariates, keep=keep,
        hidden_factors=hidden_factors, tissue_column=tissue_column, one_per=one_per, counts=counts,
        build=build, preset=preset,
        already_log2=already_log2, min_tpm=min_tpm, min_share=min_share, pseudocount=pseudocount, levels=levels,
        median_level=median_level, leave_out_incomplete=leave_out_incomplete,
    )  # fmt: skip
    stop_if_finished(out, "expression person", record, force=force, beside=True)
    table = open_person_table(source)
    prepare = partial(
        person_targets, covariates=removed, min_tpm=min_tpm, min_share=min_share,
        pseudocount=pseudocount, already_log2=already_log2, levels=levels, median_level=median_level,
        keep=kept, hidden_factors=hidden_factors,
    )  # fmt: skip
    result: PersonTargets | TissueTargets
    if tissue_column is None:
        result = prepare(table.expression, table.samples)
    else:
        result = person_targets_by_tissue(table.expression, table.samples, tissue_column, prepare=prepare)
    write_person_targets(result, out, samples=table.samples, counts=table.counts, record=record, force=force)
    typer.echo(preparation_text(result, table.counts, table.rule))
