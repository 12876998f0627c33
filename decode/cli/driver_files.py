"""What the commands of drivers read: tables, features, compendia, and the engines that options ask for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from decode.cli.inputs import load_tensorflow, open_model
from decode.cli.progress import report_run

if TYPE_CHECKING:
    import pandas as pd

    from decode.drivers.engine import Engine
    from decode.expression.compendium import GeneCorrelation
    from decode.expression.de_table import DeTable
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)

MANY_CONTRASTS = 10
DRAWS, DRAWS_OF_MANY = 1000, 300
TOP, TOP_OF_MANY = 20, 5


class TableFiles(NamedTuple):
    """Files of which exactly one kind holds what is to be explained."""

    de_table: Path | None
    up: Path | None
    down: Path | None
    signatures: Path | None
    expression: Path | None
    samples: Path | None
    sample_column: str | None
    design: str | None


class Given(NamedTuple):
    """The table to explain, and the correlation of genes where the user's samples tell it."""

    table: DeTable
    correlation: GeneCorrelation | None


def default_features() -> Path:
    """The features that the package brings along, with a word on what they hold."""
    from decode.cli.inputs import by_name
    from decode.registry.defaults import default_entry
    from decode.registry.store import find_entry

    name = default_entry("features")
    entry = find_entry(name).entry
    logger.warning(
        "no --features: %s of the package is taken (%s; %s); regulators that it lacks cannot be found",
        name, entry.description, entry.predicts,
    )  # fmt: skip
    return by_name(Path(name), "features")


def default_out(de_table: Path | None) -> Path:
    """The folder NAME_drivers, in the current folder, for the table NAME.csv; ValueError without a table."""
    if de_table is None:
        raise ValueError("results are named after the table of a contrast; without one, name their folder with --out")
    return Path(f"{de_table.name.removesuffix('.gz').rpartition('.')[0] or de_table.name}_drivers")


def check_files(files: TableFiles, compendium: Path | None, *, independent: bool) -> None:
    """Refuse contradictory options before anything is read."""
    is_signature = files.up is not None or files.down is not None
    kinds = [files.de_table is not None, is_signature, files.signatures is not None]
    if sum(kinds) > 1:
        raise ValueError("give either DE_TABLE or the lists --up and --down or --signatures, not two of them")
    if not any(kinds) and files.expression is None:
        raise ValueError(
            "nothing to explain: give DE_TABLE, the lists of a signature (--up FILE --down FILE), --signatures FILE, "
            "or samples (--expression FILE --samples FILE --design '~ condition')"
        )
    if files.expression is not None and (files.samples is None or files.design is None):
        raise ValueError("--expression needs --samples FILE and --design, for example --design '~ condition'")
    if files.expression is None and (files.samples is not None or files.design is not None):
        raise ValueError("--samples and --design describe the samples of --expression; name it too")
    if sum([files.expression is not None, compendium is not None, independent]) > 1:
        raise ValueError("choose one of --expression, --compendium and --independent-genes")


def read_table(
    files: TableFiles,
    features: RegulatoryFeatures,
    form: Any,
    gene_column: str | None,
    id_map: Path | None,
    columns: dict[str, str],
) -> Given:
    """Read what is to be explained."""
    from decode.expression.de_tables import read_de_table
    from decode.expression.gene_ids import rows_by_gene
    from decode.expression.gene_signature import read_signature
    from decode.expression.readers import read_expression
    from decode.expression.samples import log_expression, read_samples, sample_contrasts
    from decode.expression.signatures import read_signatures

    own = None
    if files.expression is not None and files.samples is not None and files.design is not None:
        genes = features.genes[["gene_id", "gene_name"]]
        matrix, _ = rows_by_gene(read_expression(files.expression), genes, id_map, name=files.expression.name)
        names = [str(name) for name in matrix.columns]
        samples = read_samples(files.samples, names, sample_column=files.sample_column)
        own = sample_contrasts(
            log_expression(matrix), samples, files.design, source=f"{len(names)} samples of {files.expression.name}"
        )
    if files.de_table is not None:
        table = read_de_table(files.de_table, form=form, gene_column=gene_column, columns=columns or None)
    elif files.signatures is not None:
        table = read_signatures(files.signatures)
    elif own is not None and files.up is None and files.down is None:
        table = own.table
    else:
        table = read_signature(files.up, files.down)
    return Given(table, None if own is None else own.correlation)


def open_compendium(
    path: Path | None, groups: Path | None, features: RegulatoryFeatures, id_map: Path | None
) -> GeneCorrelation | None:
    """Correlation of genes over the residuals of other samples."""
    from decode.expression.compendium import residual_correlation
    from decode.expression.gene_ids import rows_by_gene
    from decode.expression.readers import read_expression
    from decode.expression.samples import log_expression

    if path is None:
        return None
    genes = features.genes[["gene_id", "gene_name"]]
    matrix, _ = rows_by_gene(read_expression(path), genes, id_map, name=path.name)
    names = [str(name) for name in matrix.columns]
    labels = None if groups is None else read_groups(groups).reindex(names)
    if labels is not None and labels.isna().any():
        raise ValueError(
            f"{int(labels.isna().sum())} samples of --compendium have no group in {groups}, such as "
            f"{labels.index[labels.isna()][0]}; name all"
        )
    return residual_correlation(
        log_expression(matrix).log2,
        None if labels is None else labels.tolist(),
        source=f"residuals of {len(names)} samples of {path.name}",
    )


def read_groups(path: Path) -> pd.Series:
    """Group by sample, from a file sample<TAB>group with or without a header."""
    import pandas as pd

    from decode.core.delimited import split_cells
    from decode.core.files import open_text

    with open_text(path, "groups of samples") as handle:
        rows = [split_cells(line.rstrip("\n"), "\t") for line in handle if line.strip()]
    short = [number for number, cells in enumerate(rows, 1) if len(cells) < 2]
    if short:
        raise ValueError(f"groups of samples {path} row {short[0]} has one column; write sample<TAB>group")
    return pd.Series({cells[0]: cells[1] for cells in reversed(rows)}, dtype=str)


def median_level(path: Path) -> pd.Series:
    """Expression covariate: median_level of a targets table, of which 0 is about 1 TPM."""
    from decode.expression.targets import MEDIAN_LEVEL, read_targets

    table = read_targets(path)
    if MEDIAN_LEVEL not in table:
        raise ValueError(f"--mean-expression {path} has no {MEDIAN_LEVEL}; give a table of decode expression tissue")
    level = table.set_index("gene_id")[MEDIAN_LEVEL]
    level.attrs["expressed_from"] = 0.0
    return level


def read_covariates(path: Path, features: RegulatoryFeatures, id_map: Path | None) -> pd.DataFrame:
    """Covariates by gene id."""
    from decode.expression.gene_ids import rows_by_gene
    from decode.expression.readers import read_expression

    genes = features.genes[["gene_id", "gene_name"]]
    return rows_by_gene(read_expression(path), genes, id_map, name=f"covariates {path}")[0]


def frozen_body(model: Path, features: RegulatoryFeatures) -> Engine:
    """Engine of --model."""
    load_tensorflow()
    from decode.drivers.frozen_body import frozen_body_engine

    return frozen_body_engine(open_model(model), features)


def full_network(members: int, refits: int, folder: Path, executor: str, seed: int) -> Engine:
    """Engine of --full."""
    load_tensorflow()
    from decode.drivers.full_network import FullOptions, full_network_engine
    from decode.training.config import TrainingConfig

    training = TrainingConfig(members=members, seed=seed)
    options = FullOptions(training=training, refits=refits, folder=folder, executor=executor, on_run=report_run)
    return full_network_engine(options)
