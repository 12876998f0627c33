"""What `decode expression person` is given: a table of samples in one of several forms, to TPM by gene id."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from decode.cli.options import comma_list
from decode.core.choices import PersonPreset

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PersonSource:
    """Files and options that make a table of samples.

    Parameters
    ----------
    table : Path, optional
        Genes x samples; with `pseudobulk` an h5ad file.
    samples_from : Path, optional
        Instead of a table: a folder, or a list, of files of single samples.
    pseudobulk : str, optional
        SAMPLE_COLUMN[,GROUP_COLUMN] of the cells of `table`; pseudobulks of fewer than `min_cells` are left out.
    samples : Path, optional
        Table of the samples, with `sample_column`.
    counts : bool
        The table holds counts; lengths come from `annotation`, of genome build `build`.
    preset : {"tcga-rsem"}, optional
        Ids are SYMBOL|Entrez and values RSEM normalised counts.
    id_map : Path, optional
        Names to gene ids.
    one_per : str, optional
        Column of the table of samples: of samples that share a value, the deepest stays.
    complete : tuple of str
        Samples with an unknown value in one of these columns of the table of samples are left out.
    already_log2 : bool
    """

    table: Path | None = None
    samples_from: Path | None = None
    pseudobulk: str | None = None
    min_cells: int = 20
    samples: Path | None = None
    sample_column: str | None = None
    counts: bool = False
    preset: PersonPreset | None = None
    annotation: Path | None = None
    build: str | None = None
    id_map: Path | None = None
    one_per: str | None = None
    complete: tuple[str, ...] = ()
    already_log2: bool = False

    def __post_init__(self) -> None:
        if (self.table is None) == (self.samples_from is None):
            raise ValueError("give either a genes x samples table or --samples-from FOLDER, and not both")
        if self.samples_from is not None and (self.counts or self.preset or self.already_log2 or self.pseudobulk):
            raise ValueError("--samples-from reads TPM; leave out --counts, --preset, --already-log2 and --pseudobulk")
        if self.pseudobulk is not None and (self.counts or self.preset or self.already_log2):
            raise ValueError("--pseudobulk makes counts per million; leave out --counts, --preset and --already-log2")
        if self.one_per and (self.pseudobulk or self.samples_from):
            raise ValueError("--one-per chooses by the totals of a table of counts; leave it out here")
        if self.counts and self.annotation is None:
            raise ValueError("--counts needs the lengths of the genes; name an annotation (--annotation, --build)")
        if self.annotation is not None and self.build is None:
            raise ValueError("--annotation needs the genome build that it belongs to; name it (--build hg38)")
        if self.already_log2 and (self.counts or self.preset):
            raise ValueError("--already-log2 goes with neither --counts nor --preset, which hold linear values")
        if self.counts and self.preset:
            raise ValueError("--preset tcga-rsem says what the values are; leave out --counts")
        if self.preset and self.annotation is None and self.id_map is None:
            raise ValueError("--preset tcga-rsem names genes SYMBOL|Entrez; give --annotation and --build, or --id-map")
        if self.one_per and self.samples is None:
            raise ValueError("--one-per names a column of the table of samples; name the table too (--samples)")

    def inputs(self) -> dict[str, str | Path]:
        """Files by name, as a record takes them."""
        files = {
            "table": self.table, "samples_from": self.samples_from, "samples": self.samples,
            "annotation": self.annotation, "id_map": self.id_map,
        }  # fmt: skip
        found: dict[str, str | Path] = {name: path for name, path in files.items() if path is not None}
        if self.samples_from is not None and not self.samples_from.is_dir():
            from decode.expression.sample_files import find_sample_files

            found |= {f"sample:{sample.name}": sample.path for sample in find_sample_files(self.samples_from)}
        return found


def open_values(source: PersonSource, already_log2: bool = False) -> pd.DataFrame:
    """TPM by gene id of a table, or of files of single samples, for `decode expression tissue` and `table`."""
    from decode.cli.inputs import open_expression

    if source.samples_from is None:
        if source.annotation is not None or source.build is not None:
            raise ValueError("--annotation and --build say the genes of the transcripts of --samples-from; name it too")
        assert source.table is not None
        return open_expression(source.table, source.id_map)
    if already_log2:
        raise ValueError("--samples-from reads TPM; leave out --already-log2")
    return open_person_table(source).expression


class PersonTable(NamedTuple):
    """TPM (or log2) by gene id, what is known of its samples, what was counted, and what the values are, in words."""

    expression: pd.DataFrame
    samples: pd.DataFrame | None
    counts: dict[str, int]
    rule: str


def open_person_table(source: PersonSource) -> PersonTable:
    """Read the samples, choose one a person where asked, name the genes and make TPM of the values."""
    from decode.core.checks import check_columns, listed
    from decode.expression.counts import deepest_samples
    from decode.expression.samples import read_samples

    values, samples, counts, rule = _read(source)
    if source.samples is not None and samples is None:
        samples = read_samples(source.samples, [str(name) for name in values], sample_column=source.sample_column)
    if samples is not None and source.complete:
        check_columns(f"table of samples {source.samples}", samples, source.complete)
        is_known = samples[list(source.complete)].notna().all(axis=1)
        counts["n_samples_incomplete"] = int((~is_known).sum())
        if counts["n_samples_incomplete"]:
            lost = samples.index[~is_known]
            logger.warning("%d samples lack a covariate and are left out: %s", len(lost), listed(lost))
        samples = samples.loc[is_known]
        values = values[list(samples.index)]
    if source.one_per is not None and samples is not None:
        check_columns(f"table of samples {source.samples} (--one-per)", samples, [source.one_per])
        chosen = deepest_samples(values.sum(axis=0), samples[source.one_per])
        counts["n_samples_not_deepest"] = len(samples) - len(chosen)
        values, samples = values[chosen], samples.loc[chosen]
    expression, numbers, made = _to_tpm(values, source)
    return PersonTable(expression, samples, counts | numbers, made or rule)


def _read(source: PersonSource) -> PersonTable:
    """The values as they are in the file or files, and the samples where the file describes them."""
    if source.samples_from is not None:
        from decode.expression.sample_files import read_sample_files

        found = read_sample_files(source.samples_from, _genes_of_transcripts(source))
        return PersonTable(found.tpm, None, dict(found.counts), "TPM of genes, or of transcripts summed by gene")
    assert source.table is not None
    if source.pseudobulk is not None:
        return _read_cells(source, source.table, comma_list(source.pseudobulk) or [])
    from decode.expression.readers import read_expression

    rule = "log2 as given" if source.already_log2 else "TPM as given"
    return PersonTable(read_expression(source.table), None, {}, rule)


def _read_cells(source: PersonSource, table: Path, columns: list[str]) -> PersonTable:
    from decode.expression.pseudobulk import join_samples, pseudobulk
    from decode.expression.samples import read_samples

    if len(columns) not in (1, 2):
        raise ValueError(f"--pseudobulk is {source.pseudobulk!r}; write SAMPLE_COLUMN or SAMPLE_COLUMN,GROUP_COLUMN")
    cells = pseudobulk(table, columns[0], columns[1] if len(columns) == 2 else None, min_cells=source.min_cells)
    samples = cells.samples
    if source.samples is not None:
        names = list(dict.fromkeys(samples[columns[0]].astype(str)))
        known = read_samples(source.samples, names, sample_column=source.sample_column)
        samples = join_samples(samples, known, columns[0])
    return PersonTable(cells.cpm, samples, dict(cells.counts), f"{cells.matrix}, cells summed, per million")


def _genes_of_transcripts(source: PersonSource) -> dict[str, str] | None:
    """The gene of every transcript, where an annotation or an id map says it."""
    if source.annotation is not None:
        from decode.genome.annotation import read_annotation

        table = read_annotation(source.annotation, build=str(source.build)).transcripts
        return dict(zip(table["transcript_id"], table["gene_id"], strict=True))
    if source.id_map is not None:
        from decode.core.ids import genes_of_id_map, strip_version

        pairs = genes_of_id_map(source.id_map)
        return dict(zip(strip_version(pairs["gene_name"]), pairs["gene_id"], strict=True))
    return None


def _to_tpm(values: pd.DataFrame, source: PersonSource) -> tuple[pd.DataFrame, dict[str, int], str]:
    from decode.core.ids import genes_of_id_map
    from decode.expression.counts import counts_to_tpm
    from decode.expression.gene_ids import rename_genes, rows_by_gene

    if source.samples_from is not None:
        return values, {}, ""  # named by gene while they were read
    if source.annotation is None and source.preset is None:
        named = values if source.id_map is None else rename_genes(values, source.id_map)
        return named, {}, ""
    n_rows, lengths = len(values), None
    if source.annotation is not None:
        from decode.genome.annotation import read_annotation
        from decode.genome.gene_models import gene_models

        table = gene_models(read_annotation(source.annotation, build=str(source.build))).table
        genes, lengths = table[["gene_id", "gene_name"]], table.set_index("gene_id")["length_bp"]
    else:
        assert source.id_map is not None
        genes = genes_of_id_map(source.id_map)
    values, _ = rows_by_gene(values, genes, source.id_map, name="table of persons")
    numbers = {"n_rows_of_no_gene": n_rows - len(values)}
    if lengths is None or not (source.counts or source.preset):
        return values, numbers, "RSEM normalised counts as given, no lengths" if source.preset else ""
    tpm, _ = counts_to_tpm(values, lengths)
    what = "RSEM normalised counts" if source.preset else "counts"
    return tpm, numbers, f"{what} over gene length, per million"
