"""Tables of tissues and cell lines for `--coexpression`, from downloads of GTEx and the Human Protein Atlas.

python -m data_prep.coexpression hpa-cell-lines --out cell_lines.tsv.gz
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decode.core.checks import listed
from decode.core.files import check_output, sha256_of, write_json, write_table
from decode.core.ids import strip_version
from decode.expression.readers import read_expression
from decode.registry.download import download

SOURCES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("coexpression_sources.json").read_text())
SAMPLE_COLUMNS = ("Tissue", "Cell line", "Cell type", "Sample")  # of the long tables of the Human Protein Atlas
MIN_GENES, MIN_SAMPLES = 10_000, 20  # of a table worth correlating over; less means a wrong or cut-off file


def read_long_tpm(path: str | Path) -> pd.DataFrame:
    """A long table of the Human Protein Atlas (Gene, Tissue or Cell line, TPM, ...), plain or zip, to genes x samples.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    pd.DataFrame
        TPM; index gene_id; columns in order of first appearance. NaN where a gene has no row for a sample.

    Raises
    ------
    ValueError
        If columns are missing, a pair of gene and sample is repeated, or the archive holds not exactly one table.
    """
    content = Path(path).read_bytes()
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith((".tsv", ".txt", ".csv"))]
            if len(names) != 1:
                raise ValueError(f"{path} holds {len(names)} tables ({listed(names)}); one is wanted")
            content = archive.read(names[0])
    table = pd.read_csv(io.BytesIO(content), sep="\t")
    sample = next((name for name in SAMPLE_COLUMNS if name in table.columns), None)
    if sample is None or not {"Gene", "TPM"} <= set(table.columns):
        raise ValueError(
            f"{path} has the columns {listed(table.columns, 8)}; Gene, TPM and one of {', '.join(SAMPLE_COLUMNS)} are "
            "wanted"
        )
    if table.duplicated(["Gene", sample]).any():
        raise ValueError(f"{path} names a gene and {sample.lower()} twice; the file may be damaged: fetch it again")
    wide = table.pivot_table(index="Gene", columns=sample, values="TPM", sort=False)
    return wide.set_axis(pd.Index(strip_version(wide.index), name="gene_id"), axis=0)


def is_long(path: Path) -> bool:
    """Whether a file is a zip archive or a long table, rather than genes x samples."""
    head = path.read_bytes()[:2000]
    return head.startswith(b"PK\x03\x04") or b"\tTPM" in head.split(b"\n")[0]


def convert(path: Path, out: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Write log2(TPM + 1), genes x samples, and the record beside it (OUT.json); returns the record.

    Raises
    ------
    ValueError
        If the table is smaller than any whole one, or holds negative values.
    """
    table = read_long_tpm(path) if is_long(path) else read_expression(path)
    if len(table) < MIN_GENES or table.shape[1] < MIN_SAMPLES:
        raise ValueError(
            f"{path} holds {len(table)} genes x {table.shape[1]} samples; a whole table has {MIN_GENES:,} x "
            f"{MIN_SAMPLES} or more: fetch it again"
        )
    if (table < 0).any(axis=None):
        raise ValueError(f"{path} holds values below 0; TPM is wanted")
    record = record | {
        "n_genes": len(table),
        "n_samples": table.shape[1],
        "n_missing": int(table.isna().to_numpy().sum()),
        "unit": "log2(TPM + 1)",
    }
    write_table((table + 1).apply(np.log2).round(4).reset_index(), out)
    write_json(record | {"sha256_out": sha256_of(out)}, out.with_name(out.name + ".json"))
    return record


def main(arguments: list[str] | None = None) -> int:
    """Fetch or take, check, convert, record; exit status 2 where that fails."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.coexpression", description=__doc__)
    parser.add_argument("source", choices=sorted(SOURCES))
    parser.add_argument("--out", type=Path, required=True, help="table to write (.tsv or .tsv.gz)")
    parser.add_argument("--file", type=Path, help="the source, already downloaded")
    parser.add_argument("--url", help="where the source is now")
    options = parser.parse_args(arguments)
    source = SOURCES[options.source]
    record = {"source": options.source, **{key: source[key] for key in ("what", "licence")}}
    try:
        check_output(options.out)
        with tempfile.TemporaryDirectory() as folder:
            path = options.file
            if path is None:
                record["url"] = options.url or source["url"]
                path = Path(folder) / Path(record["url"]).name
                download(record["url"], path, sha256=None if options.url else source["sha256"])
                record["sha256"] = sha256_of(path)
            else:
                record |= {"file": path.name, "sha256": sha256_of(path)}
            made = convert(path, options.out, record)
    except (ValueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{options.out}: {made['n_genes']:,} genes x {made['n_samples']} samples\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
