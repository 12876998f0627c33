"""TPM of the samples of one tissue, with what is known of samples and donors: from GTEx's tables of all tissues."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from data_prep.sources import Source
from data_prep.steps import run
from decode.core.checks import nearest
from decode.core.chunks import line_chunks
from decode.core.files import open_text, write_table
from decode.core.ids import strip_version

# what the published person models correct for, or ask about
SAMPLE_COLUMNS = {"SMRIN": "rin", "SMTSISCH": "ischemic_minutes", "SMRRNART": "rrna_rate", "SMNTRNRT": "intronic_rate"}
PERSON_COLUMNS = {"SEX": "sex", "AGE": "age_range", "DTHHRDY": "hardy"}


def convert(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """Cut one tissue out of a table of all samples: tpm.tsv.gz (gene_id, one column a sample) and samples.tsv."""
    samples = tissue_samples(files["samples"], files["persons"], str(options["tissue"]))
    table = pd.concat(_blocks(files["expression"], samples.index.tolist()))
    table = table.groupby(level=0, sort=False).sum() if not table.index.is_unique else table
    samples = samples.loc[table.columns]
    write_table(table.rename_axis("gene_id").reset_index(), out / "tpm.tsv.gz")
    write_table(samples.rename_axis("sample").reset_index(), out / "samples.tsv")
    return {"genes": len(table), "samples": table.shape[1], "persons": int(samples["person"].nunique())}


def tissue_samples(attributes: Path, phenotypes: Path, tissue: str) -> pd.DataFrame:
    """Samples of one detailed tissue (SMTSD): person, the columns above; index SAMPID.

    Raises
    ------
    ValueError
        If a column is missing or no sample is of that tissue.
    """
    samples, persons = _table(attributes, ["SAMPID", "SMTSD"]), _table(phenotypes, ["SUBJID"])
    chosen = samples[samples["SMTSD"] == tissue].set_index("SAMPID")
    if chosen.empty:
        near = nearest(tissue, samples["SMTSD"].unique())
        raise ValueError(f"no sample is of tissue {tissue!r}" + (f"; perhaps {' or '.join(near)}" if near else ""))
    table = pd.DataFrame({"person": ["-".join(name.split("-")[:2]) for name in chosen.index]}, index=chosen.index)
    for column, name in SAMPLE_COLUMNS.items():
        if column in chosen:
            table[name] = chosen[column]
    known = persons.drop_duplicates("SUBJID").set_index("SUBJID")
    for column, name in PERSON_COLUMNS.items():
        if column in known:
            table[name] = table["person"].map(known[column])
    if "sex" in table:
        table["sex"] = table["sex"].map({"1": "male", "2": "female"}).fillna(table["sex"])
    return table


def _table(path: Path, wanted: list[str]) -> pd.DataFrame:
    with open_text(path, "sample table") as handle:
        table = pd.read_csv(handle, sep="\t", dtype=str, keep_default_na=False, comment="#")
    missing = [name for name in wanted if name not in table]
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(missing)}; it is no table of GTEx")
    return table


def _blocks(path: Path, wanted: list[str]) -> Iterator[pd.DataFrame]:
    """Genes x wanted samples, piece by piece: the whole table has 17,000 columns and is never in memory."""
    header: list[str] | None = None
    rest = b""
    for piece in line_chunks(path, "GCT table"):
        text = rest + piece
        if header is None:
            lines = text.split(b"\n", 3)
            if len(lines) < 4:
                rest = text
                continue
            if not lines[0].startswith(b"#1."):
                raise ValueError(f"{path} is no GCT table: its first line is {lines[0][:40]!r}")
            header, text = lines[2].decode().rstrip("\r").split("\t"), lines[3]
            kept = [number for number, name in enumerate(header) if name in set(wanted)]
            if not kept:
                raise ValueError(
                    f"{path} holds none of the {len(wanted):,} samples of this tissue; is it of this release?"
                )
        rest = b""
        if not text.strip():
            continue
        frame = pl.read_csv(
            io.BytesIO(text), separator="\t", has_header=False, columns=[0, *kept], quote_char=None, infer_schema=False
        ).to_pandas()
        values = frame.iloc[:, 1:].astype("float64").set_axis([header[number] for number in kept], axis=1)
        yield values.set_axis(pd.Index(strip_version(frame.iloc[:, 0]), name="gene_id"), axis=0)
    if header is None:
        raise ValueError(f"{path} holds no gene; fetch it again")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tissue", required=True, help='detailed tissue as GTEx names it, for example "Whole Blood"')


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    return run("person_expression", convert, arguments, add_options=_add_options)


if __name__ == "__main__":
    sys.exit(main())
