"""decode activity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decode.cli.inputs import load_tensorflow, open_features, open_model
from decode.cli.options import Executor, Features, Force, IdMap, Model, Part, Reference
from decode.cli.outputs import stop_if_finished
from decode.cli.progress import bar

if TYPE_CHECKING:
    import pandas as pd

    from decode.features.matrix import RegulatoryFeatures
    from decode.persons.activity import ActivityResult
    from decode.persons.activity_expression import ActivityExpression

OWN = "Own expression"


def activity(
    model: Model,
    features: Features,
    out: Annotated[Path, typer.Option(help="Activities to write: samples x regulators (.tsv or .tsv.gz).")],
    split: Part = "test",
    reference: Reference = "own_length",
    expression: Annotated[
        Path | None,
        typer.Option(help="TPM or log2 of the same samples: correlate with own expression.", rich_help_panel=OWN),
    ] = None,
    id_map: IdMap = None,
    complexes: Annotated[
        Path | None, typer.Option(help="regulator<TAB>gene, for regulators of several genes.", rich_help_panel=OWN)
    ] = None,
    tissue_signs: Annotated[
        Path | None,
        typer.Option(
            help="regulator_expression.tsv of a tissue model (decode regulators expression): do signs agree?",
            rich_help_panel=OWN,
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws of other regulators' genes.", rich_help_panel=OWN)] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the draws.", rich_help_panel=OWN)] = 0,
    samples: Annotated[Path | None, typer.Option(help="Table of samples, for the bar beside the heatmaps.")] = None,
    phenotype: Annotated[str | None, typer.Option(help="Its variable for the bar, such as age.")] = None,
    executor: Executor = "threads",
    force: Force = False,
) -> None:
    """How active each regulator is in each sample of a person model: its attribution, averaged over genes."""
    from decode.core.files import check_output, run_record

    check_output(out)
    if expression is None and (complexes or tissue_signs):
        raise ValueError("--complexes and --tissue-signs go with --expression; give the samples' expression too")
    if (samples is None) != (phenotype is None):
        raise ValueError("--samples and --phenotype go together: a table and its variable")
    paths = {
        "features": features, "expression": expression, "id_map": id_map, "complexes": complexes,
        "tissue_signs": tissue_signs, "samples": samples,
    }  # fmt: skip
    inputs: dict[str, str | Path] = {"model": model / "bundle.json"}
    inputs |= {name: path for name, path in paths.items() if path is not None}
    record = run_record(
        inputs=inputs, split=split, reference=reference, draws=draws if expression else None,
        seed=seed if expression else None, phenotype=phenotype,
    )  # fmt: skip
    stop_if_finished(out, "activity", record, force=force, beside=True)
    load_tensorflow()
    from decode.persons.activity import regulator_activity
    from decode.report.activity import activity_text, write_activity

    bundle, loaded = open_model(model), open_features(features)
    with bar("activities") as advance:
        found = regulator_activity(bundle, loaded, part=split, reference=reference, executor=executor, on_block=advance)
    own = None
    if expression is not None:
        own = _own(found, loaded, expression, id_map, complexes, tissue_signs, draws, seed)
    bar_values = None if samples is None else _phenotype(samples, str(phenotype), found)
    write_activity(found, out, own=own, phenotype=bar_values, record=record, force=force)
    typer.echo(activity_text(found, own))


def _own(
    found: ActivityResult,
    features: RegulatoryFeatures,
    expression: Path,
    id_map: Path | None,
    complexes: Path | None,
    tissue_signs: Path | None,
    draws: int,
    seed: int,
) -> ActivityExpression:
    from decode.core.delimited import read_frame
    from decode.expression.gene_ids import rows_by_gene
    from decode.expression.readers import read_expression
    from decode.persons.activity_expression import correlate_activity
    from decode.regulators.genes import read_complexes

    genes = features.genes[["gene_id", "gene_name"]].drop_duplicates()
    levels, _ = rows_by_gene(read_expression(expression), genes, id_map, name=f"expression {expression}")
    tissue = None if tissue_signs is None else read_frame(tissue_signs, "tissue signs")
    return correlate_activity(
        found.activity, levels, genes=genes, id_map=id_map, tissue=tissue, n_draws=draws, seed=seed,
        complexes=None if complexes is None else read_complexes(complexes),
    )  # fmt: skip


def _phenotype(path: Path, name: str, found: ActivityResult) -> pd.Series:
    from decode.core.checks import check_columns
    from decode.expression.samples import read_samples

    known = read_samples(path, [str(sample) for sample in found.activity.index])
    check_columns(f"table of samples {path}", known, [name])
    return known[name]
