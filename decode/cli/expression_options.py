"""What `decode expression person` is given: a table of samples in one of several forms, to TPM by gene id."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
        Genes x samples.
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

    table: Path | None
    samples: Path | None
    sample_column: str | None
    counts: bool
    preset: PersonPreset | None
    annotation: Path | None
    build: str | None
    id_map: Path | None
    one_per: str | None
    complete: tuple[str, ...]
    already_log2: bool

    def __post_init__(self) -> None:
        if self.table is None:
            raise ValueError("no table is given; name a genes x samples table")
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
            "table": self.table, "samples": self.samples, "annotation": self.annotation, "id_map": self.id_map,
        }  # fmt: skip
        return {name: path for name, path in files.items() if path is not None}


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
    from decode.expression.readers import read_expression
    from decode.expression.samples import read_samples

    assert source.table is not None
    values = read_expression(source.table)
    samples = None
    counts: dict[str, int] = {}
    if source.samples is not None:
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
    expression, numbers, rule = _to_tpm(values, source)
    return PersonTable(expression, samples, counts | numbers, rule)


def _to_tpm(values: pd.DataFrame, source: PersonSource) -> tuple[pd.DataFrame, dict[str, int], str]:
    from decode.core.ids import genes_of_id_map
    from decode.expression.counts import counts_to_tpm
    from decode.expression.gene_ids import rename_genes, rows_by_gene

    if source.annotation is None and source.preset is None:
        named = values if source.id_map is None else rename_genes(values, source.id_map)
        return named, {}, "log2 as given" if source.already_log2 else "TPM as given"
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
        rule = "RSEM normalised counts as given, no lengths" if source.preset else "values as given"
        logger.info("%s", rule)
        return values, numbers, rule
    tpm, _ = counts_to_tpm(values, lengths)
    what = "RSEM normalised counts" if source.preset else "counts"
    return tpm, numbers, f"{what} over gene length, per million"
