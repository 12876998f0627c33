"""Median TPM of tissues: GTEx releases, each on its own annotation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.sources import Source
from data_prep.steps import run
from decode.core.files import write_table
from decode.expression.readers import read_expression


def convert(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """Check a table of tissues and write it as tpm.tsv.gz: gene_id without version, one column a tissue, TPM."""
    table = read_expression(files["expression"])
    if (table < 0).any(axis=None):
        raise ValueError(f"{found.what} holds values below 0; TPM is wanted")
    write_table(table.rename_axis("gene_id").reset_index(), out / "tpm.tsv.gz")
    return {"genes": len(table), "tissues": table.shape[1]}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    return run("tissue_expression", convert, arguments)


if __name__ == "__main__":
    sys.exit(main())
