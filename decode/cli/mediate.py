"""decode mediate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from decode.cli.inputs import open_expression, open_features, read_genes
from decode.cli.options import Force, IdMap, comma_list
from decode.cli.outputs import stop_if_finished
from decode.core import choices

if TYPE_CHECKING:
    import pandas as pd

    from decode.insilico.mediators import Mediators

SAMPLES = "Samples"


def mediate(
    expression: Annotated[Path, typer.Argument(help="Expression table, genes x samples, log2: taken as it is.")],
    pair: Annotated[str, typer.Option(help="Two genes: row id, gene id or symbol, comma-separated.")],
    regulators: Annotated[Path, typer.Option(help="The drivers: one regulator a line, SPI1 or TF:SPI1.")],
    out: Annotated[Path, typer.Option(help="JSON file to write; tables and figure go beside it.")],
    features: Annotated[
        Path | None,
        typer.Option(help="Features: gene names, and the regulators with a site in either gene to draw from."),
    ] = None,
    candidates: Annotated[Path | None, typer.Option(help="Draw from these regulators instead, one a line.")] = None,
    draws: Annotated[int, typer.Option(help="Random sets of regulators in the place of the drivers.")] = 1000,
    match_on: Annotated[
        str | None,
        typer.Option(
            metavar="expression|fractions",
            help="Also draw regulators of like mean expression, or of like correlation with --fractions; or both, "
            "comma-separated.",
        ),
    ] = None,
    with_drivers: Annotated[
        bool,
        typer.Option("--with-drivers", help="Let the draws hold drivers too: then p of random drivers is exact."),
    ] = False,
    samples: Annotated[
        Path | None, typer.Option(help="Table of samples, one row each.", rich_help_panel=SAMPLES)
    ] = None,
    sample_column: Annotated[
        str | None, typer.Option(help="Column that names the samples; default the first.", rich_help_panel=SAMPLES)
    ] = None,
    covariates: Annotated[
        str | None,
        typer.Option(help="Columns regressed out before and after, comma-separated.", rich_help_panel=SAMPLES),
    ] = None,
    fractions: Annotated[
        str | None, typer.Option(help="Columns of cell fractions, for --match-on.", rich_help_panel=SAMPLES)
    ] = None,
    id_map: IdMap = None,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    force: Force = False,
) -> None:
    """Ask how much of what two genes share goes with the expression of their regulators, beside random ones."""
    from decode.core.files import check_output, run_record
    from decode.insilico.mediation import mediate as mediate_pair
    from decode.report.files import with_counts, write_files
    from decode.report.mediation import mediation_files, mediation_sentence

    check_output(out)
    named = {"features": features, "candidates": candidates, "samples": samples, "id_map": id_map}
    inputs: dict[str, str | Path] = {"expression": expression, "regulators": regulators}
    inputs |= {name: path for name, path in named.items() if path is not None}
    options: dict[str, list[str] | None] = {
        "covariates": comma_list(covariates),
        "fractions": comma_list(fractions),
        "match_on": comma_list(match_on),
    }
    record = run_record(
        inputs=inputs,
        pair=pair,
        draws=draws,
        sample_column=sample_column,
        seed=seed,
        with_drivers=with_drivers,
        **options,
    )
    stop_if_finished(out, "mediate", record, force=force, beside=True)
    genes = comma_list(pair) or []
    table = open_expression(expression, None)
    found = _mediators(table, genes, regulators, features, candidates, id_map)
    known = _columns(samples, table, options["covariates"], options["fractions"], sample_column)
    matched = cast("list[choices.MatchOn]", options["match_on"] or [])
    result = mediate_pair(
        table, found.pair, found.drivers, found.candidates,
        names=(genes[0], genes[1]), n_draws=draws, match_on=matched, covariates=known[0], fractions=known[1],
        with_drivers=with_drivers, seed=seed,
    )  # fmt: skip
    files = mediation_files(result, out)
    write_files("mediate", files, record=with_counts(record, result.counts) | {"candidates": found.source}, force=force)
    typer.echo(mediation_sentence(result))


def _mediators(
    table: pd.DataFrame,
    genes: list[str],
    regulators: Path,
    features: Path | None,
    candidates: Path | None,
    id_map: Path | None,
) -> Mediators:
    """Rows of pair, drivers and candidates, and where the candidates come from."""
    from decode.features.regulators import regulators_of
    from decode.insilico.mediators import find_mediators
    from decode.insilico.rows import table_rows
    from decode.regulators.genes import regulator_genes

    held = None if features is None else open_features(features)
    own = None if held is None else regulator_genes(regulators_of(held).table, held.genes, id_map).genes
    rows = table_rows(table.index.tolist(), None if held is None else held.genes, id_map)
    return find_mediators(
        rows, genes, read_genes(regulators), features=held, own_genes=own,
        candidates=None if candidates is None else read_genes(candidates),
    )  # fmt: skip


def _columns(
    samples: Path | None,
    table: pd.DataFrame,
    covariates: list[str] | None,
    fractions: list[str] | None,
    sample_column: str | None,
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Covariates and cell fractions of the table's samples."""
    from decode.core.checks import check_columns
    from decode.expression.samples import read_samples

    if samples is None:
        if covariates or fractions:
            raise ValueError(
                "--covariates and --fractions name columns of a table of samples; give it (--samples FILE)"
            )
        return None, None
    known = read_samples(samples, [str(name) for name in table.columns], sample_column=sample_column)
    check_columns(f"table of samples {samples}", known, [*(covariates or []), *(fractions or [])])
    return (None if covariates is None else known[covariates]), (None if fractions is None else known[fractions])
