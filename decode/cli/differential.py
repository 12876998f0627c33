"""decode differential."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from decode.cli.inputs import open_model, read_genes
from decode.cli.options import Force, IdMap, pairs
from decode.cli.outputs import stop_if_finished
from decode.core.choices import Part

if TYPE_CHECKING:
    import pandas as pd

PREDICTED, TESTS, ACTIVITY = "Predicted expression", "Test", "Activities of regulators"


def differential(
    expression: Annotated[
        Path,
        typer.Argument(help="log2 expression, genes x samples, taken as it is, row ids too; or activities."),
    ],
    samples: Annotated[Path, typer.Option(help="Table of samples: one row a sample, one column a variable.")],
    design: Annotated[str, typer.Option(help='What to test, as in R: "~ age + sex". Every term is tested.')],
    out: Annotated[Path, typer.Option(help="Table to write: gene_id, term, log2_fold_change, t, p_value, fdr, ...")],
    sample_column: Annotated[
        str | None, typer.Option(help="Column of --samples that names the samples; default the first.")
    ] = None,
    complete_only: Annotated[
        bool, typer.Option("--complete-only", help="Leave out samples that lack a row or a variable of the design.")
    ] = False,
    trend: Annotated[
        bool,
        typer.Option(
            "--trend", help="Let the usual variance follow the level (logs of counts).", rich_help_panel=TESTS
        ),
    ] = False,
    id_map: IdMap = None,
    predicted: Annotated[
        Path | None,
        typer.Option(help="Predictions of the same samples (decode predict).", rich_help_panel=PREDICTED),
    ] = None,
    genes: Annotated[
        Path | None, typer.Option(help="Compare t over these genes only, one id a line.", rich_help_panel=PREDICTED)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Person model: compare t over the genes of --split.", rich_help_panel=PREDICTED),
    ] = None,
    split: Annotated[
        Part, typer.Option(help="Genes to compare, by the split of --model.", rich_help_panel=PREDICTED)
    ] = "test",
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Table of another tissue or cohort (decode differential), NAME=TABLE: which is closest?",
            rich_help_panel=PREDICTED,
        ),
    ] = None,
    own_name: Annotated[
        str, typer.Option("--name", help="Name of EXPRESSION beside those of --against.", rich_help_panel=PREDICTED)
    ] = "own",
    activity: Annotated[
        bool,
        typer.Option("--activity", help="Test regulators: EXPRESSION is of decode activity.", rich_help_panel=ACTIVITY),
    ] = False,
    regions: Annotated[
        Path | None,
        typer.Option(help="NAME_regions of decode activity: the change by region.", rich_help_panel=ACTIVITY),
    ] = None,
    components: Annotated[
        int, typer.Option(help="Leading components of all activities to regress out.", rich_help_panel=ACTIVITY)
    ] = 1,
    within: Annotated[
        str | None,
        typer.Option(help="Variable: permute samples within its levels (cohort, study).", rich_help_panel=ACTIVITY),
    ] = None,
    permutations: Annotated[int, typer.Option(help="Permutations of whole samples.", rich_help_panel=TESTS)] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the permutations.", rich_help_panel=TESTS)] = 0,
    force: Force = False,
) -> None:
    """Test genes for a change with age, sex or any design: moderated t, as measured and as predicted."""
    from decode.core.files import check_output, run_record
    from decode.persons.agreement import agreement_matrix, agreement_of_t
    from decode.persons.differential import differential as test_genes
    from decode.report.differential import differential_text, write_differential

    check_output(out)
    others = dict(pairs("--against", against, "NAME=TABLE, for example lung=lung_de.tsv"))
    _check(predicted, {"--genes": genes, "--model": model, "--against": against}, own_name, others)
    _check_activity(activity, {"--regions": regions, "--within": within}, {"--predicted": predicted, "--trend": trend})
    given = {
        "expression": expression, "samples": samples, "id_map": id_map, "predicted": predicted, "genes": genes,
        "model": None if model is None else model / "bundle.json", "regions": regions,
    }  # fmt: skip
    inputs: dict[str, str | Path] = {name: path for name, path in given.items() if path is not None}
    inputs |= {f"against:{name}": path for name, path in others.items()}
    record = run_record(
        inputs=inputs, design=design, sample_column=sample_column, complete_only=complete_only, trend=trend,
        split=None if model is None else split, name=own_name if others else None,
        permutations=permutations if predicted or activity else None, seed=seed if predicted or activity else None,
        components=components if activity else None, within=within,
    )  # fmt: skip
    kind = "differential activity" if activity else "differential"
    stop_if_finished(out, kind, record, force=force, beside=True)
    if activity:
        test_regulators(
            expression, samples, design, out, sample_column=sample_column, complete_only=complete_only,
            regions=regions, components=components, within=within, permutations=permutations, seed=seed,
            record=record, force=force,
        )  # fmt: skip
        return
    values = _read(expression, id_map)
    known = _read_samples(samples, values, sample_column, complete_only)
    result = test_genes(values, known, design, trend=trend, complete_only=complete_only)
    if predicted is None:
        write_differential(result, out, record=record, force=force)
        typer.echo(differential_text(result))
        return
    forecast = _read(predicted, id_map)
    chosen = None if genes is None else read_genes(genes)
    if model is not None:
        table = open_model(model).split
        chosen = table["id"].tolist() if split == "all" else table.loc[table["split"] == split, "id"].tolist()
    agreement = agreement_of_t(
        values, forecast, known, design, genes=chosen, trend=trend, complete_only=complete_only,
        n_permutations=permutations, seed=seed,
    )  # fmt: skip
    closest = None
    if others:
        actual = {own_name: result.table} | {name: _read_table(Path(path)) for name, path in others.items()}
        closest = agreement_matrix({own_name: agreement.predicted.table}, actual, genes=chosen)
    write_differential(result, out, agreement=agreement, closest=closest, record=record, force=force)
    typer.echo(differential_text(result, agreement, closest))


def test_regulators(
    activity: Path,
    samples: Path,
    design: str,
    out: Path,
    *,
    sample_column: str | None,
    complete_only: bool,
    regions: Path | None,
    components: int,
    within: str | None,
    permutations: int,
    seed: int,
    record: dict[str, Any],
    force: bool,
) -> None:
    """The part of --activity."""
    from decode.persons.phenotype_regulators import phenotype_regulators
    from decode.persons.tables import read_activity, read_regions
    from decode.report.phenotype_regulators import phenotype_text, write_phenotype_regulators

    values = read_activity(activity)
    known = _read_samples(samples, values.T, sample_column, complete_only)
    found = phenotype_regulators(
        values, known, design, by_region=None if regions is None else read_regions(regions), within=within,
        n_components=components, n_permutations=permutations, seed=seed, complete_only=complete_only,
    )  # fmt: skip
    write_phenotype_regulators(found, out, record=record, force=force)
    typer.echo(phenotype_text(found))


def _check_activity(activity: bool, with_it: dict[str, object], without: dict[str, object]) -> None:
    for option, value in (without if activity else with_it).items():
        if value:
            raise ValueError(f"{option} goes {'without' if activity else 'with'} --activity; leave out one of them")


def _check(predicted: Path | None, needs: dict[str, object], name: str, others: dict[str, str]) -> None:
    if predicted is None:
        for option, value in needs.items():
            if value:
                raise ValueError(
                    f"{option} goes with --predicted; give the predictions (decode predict) or leave it out"
                )
    if needs["--genes"] and needs["--model"]:
        raise ValueError("--genes and --model both name the genes to compare; give one of them")
    if name in others:
        raise ValueError(f"--name {name} is also a name of --against; choose another")


def _read(path: Path, id_map: Path | None) -> pd.DataFrame:
    from decode.expression.gene_ids import rename_genes
    from decode.expression.readers import read_expression

    if id_map is None:
        return read_expression(path, ids_as_given=True)
    return rename_genes(read_expression(path), id_map)


def _read_samples(path: Path, values: pd.DataFrame, sample_column: str | None, complete_only: bool) -> pd.DataFrame:
    from decode.expression.samples import read_samples
    from decode.expression.targets import MEDIAN_LEVEL

    names = [str(name) for name in values.columns if name != MEDIAN_LEVEL]
    return read_samples(path, names, sample_column=sample_column, complete_only=complete_only)


def _read_table(path: Path) -> pd.DataFrame:
    from decode.core.delimited import read_frame

    return read_frame(path, "differential table", text=["gene_id", "term"])
