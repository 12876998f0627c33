"""Open what commands are given: models, features, gene models, expression and lists of genes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from decode.core.choices import Representative
    from decode.features.matrix import RegulatoryFeatures
    from decode.genome.gene_models import GeneModels
    from decode.models.bundle import ModelBundle
    from decode.registry.entries import EntryKind


def load_tensorflow() -> None:
    """Load TensorFlow, quietly."""
    from decode.core import quiet_keras  # noqa: F401  its import is what loads


def by_name(path: str | Path, kind: EntryKind) -> Path:
    """The path of what a command was given: a path, or a name of a registry, whose files are fetched once."""
    if Path(path).exists():
        return Path(path)
    from decode.cli.progress import bar
    from decode.registry.open import local_path

    with bar(str(path)) as advance:
        return local_path(path, kind, progress=advance)


def open_model(path: str | Path) -> ModelBundle:
    """The model of a bundle folder, or of a name."""
    load_tensorflow()
    from decode.models.bundle import load_bundle

    return load_bundle(by_name(path, "model"))


def open_features(path: Path) -> RegulatoryFeatures:
    """The features of a file, or of a name, whole."""
    from decode.features.matrix import RegulatoryFeatures

    return RegulatoryFeatures.read(by_name(path, "features"))


def open_gene_models(
    annotation: Path, features: RegulatoryFeatures, representative: Representative, sizes: Path | None
) -> GeneModels:
    """Gene models of the annotation that the features were built from."""
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models

    read = read_annotation(annotation, build=features.build, sizes=sizes)
    return gene_models(read, level=features.level, representative=representative)


def open_expression(path: Path, id_map: Path | None) -> pd.DataFrame:
    """An expression table, with its rows renamed to gene ids where an id map is given."""
    from decode.expression.gene_ids import rename_genes
    from decode.expression.readers import read_expression

    table = read_expression(path)
    return table if id_map is None else rename_genes(table, id_map)


def open_groups(path: Path | None) -> dict[str, str] | None:
    """The family of each gene, or None."""
    from decode.dataset import read_groups

    return None if path is None else read_groups(path)


def open_tissue_groups(value: str | None, tasks: list[str]) -> dict[str, str] | None:
    """Groups of a file, the known groups of GTEx tissues, or none."""
    from decode.expression.tissue_groups import known_tissue_groups, read_tissue_groups

    if value is None:
        return None
    if value != "gtex":
        return read_tissue_groups(value)
    groups = known_tissue_groups(tasks)
    if not groups:
        raise ValueError(
            "--tissue-groups gtex: no task bears the name of a grouped GTEx tissue; give a file of your own"
        )
    return groups


def read_genes(path: Path) -> list[str]:
    """Gene ids of a file, one a line; versions and lines that begin with # are left out."""
    from decode.core.files import open_text
    from decode.core.ids import strip_version

    with open_text(path, "gene list") as handle:
        names = [line.strip().split("\t")[0] for line in handle if line.strip() and not line.startswith("#")]
    if not names:
        raise ValueError(f"gene list {path} names no gene; write one gene id a line")
    return strip_version(names)


def read_panel(path: Path) -> pd.DataFrame | list[str]:
    """The table of a panel, whose column gene_id names its genes, or a plain list of genes."""
    from decode.core.checks import check_unique
    from decode.core.delimited import read_text_table

    written = read_text_table(path, "panel")
    if "gene_id" not in written.header:
        if len(written.header) > 1 or any("\t" in line for line in written.lines() if not line.startswith("#")):
            raise ValueError(
                f"panel {path} has several columns, none of which is called gene_id; name that of the genes so, or "
                "write one gene a line"
            )
        return read_genes(path)
    check_unique(f"column names of {written.name}", written.header)
    table = written.strings().reset_index(drop=True)
    if table.empty:
        raise ValueError(f"panel {path} names no gene; give a table of decode landmark select")
    return table


def label_of(table: pd.DataFrame, column: str | None) -> NDArray[Any]:
    """What a table of samples says of each, as text: a named column, or the first beside the names; empty: unknown."""
    from decode.core.checks import check_columns

    others = [str(name) for name in table.columns if list(table[name].astype(str)) != list(table.index)]
    if column is None and not others:
        raise ValueError("the table of labels has no column beside the sample names; name the label in a column")
    name = others[0] if column is None else column
    check_columns("table of labels", table, [name])
    text = table[name].astype(object)
    labels: NDArray[Any] = text.where(text.notna(), "").astype(str).to_numpy()
    return labels
