"""Make the table of human gene names that ships with the package: symbols, older symbols, aliases and their gene ids.

    python -m data_prep.gene_names org.Hs.eg.sqlite
    python -m data_prep.gene_names hgnc_complete_set.txt

org.Hs.eg.sqlite: the data file of Bioconductor's org.Hs.eg.db (Debian: r-bioc-org.hs.eg.db; Artistic-2.0), which holds
NCBI Gene's symbols and aliases and the Ensembl ids that NCBI and Ensembl assign to them. NCBI states that its data are
in the public domain and may be copied and passed on without restriction. NCBI does not tell older symbols from other
aliases, so that `prev_symbol` is empty then. hgnc_complete_set.txt: HGNC's complete set (CC0), which does.
"""

from __future__ import annotations

import argparse
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd

from decode.core.files import sha256_of, write_json, write_table
from decode.core.known_names import COLUMNS, SHIPPED

logger = logging.getLogger(__name__)

OUT = SHIPPED
NCBI = "NCBI Gene by org.Hs.eg.db: public domain (NCBI Gene); the file it was taken from Artistic-2.0"
HGNC = "HGNC complete set: CC0"
SQL = """
    SELECT gene_info._id, genes.gene_id, gene_info.symbol, alias.alias_symbol, ensembl.ensembl_id
    FROM gene_info JOIN genes USING (_id) JOIN ensembl USING (_id) LEFT JOIN alias USING (_id)
"""


def of_ncbi(path: Path) -> tuple[pd.DataFrame, str]:
    """Genes with an Ensembl id, and the date of NCBI's data."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        rows = pd.read_sql_query(SQL, base)
        date = base.execute("SELECT value FROM metadata WHERE name = 'EGSOURCEDATE'").fetchone()[0]
    rows["alias_symbol"] = rows["alias_symbol"].where(rows["alias_symbol"] != rows["symbol"])
    grouped = rows.groupby(["gene_id", "symbol"], sort=False)
    table = grouped.agg(alias_symbol=("alias_symbol", _joined), ensembl_gene_id=("ensembl_id", _joined)).reset_index()
    return table.rename(columns={"gene_id": "entrez_id"}).assign(prev_symbol=""), date


def of_hgnc(path: Path) -> tuple[pd.DataFrame, str]:
    """Genes with an Ensembl id, and the last change that the set states."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    date = max(table["date_modified"]) if "date_modified" in table else "not stated"
    return table[table["ensembl_gene_id"] != ""], date


def _joined(names: pd.Series) -> str:
    return "|".join(sorted(set(names.dropna())))


def make_table(source: Path, out: Path = OUT) -> dict[str, object]:
    """Write the table and beside it a manifest of what went in; returns the manifest."""
    is_ncbi = source.read_bytes()[:15] == b"SQLite format 3"
    table, date = of_ncbi(source) if is_ncbi else of_hgnc(source)
    table = table[list(COLUMNS)].sort_values(["symbol", "entrez_id"])
    out.parent.mkdir(parents=True, exist_ok=True)
    write_table(table, out)
    manifest: dict[str, object] = {
        "source": NCBI if is_ncbi else HGNC,
        "date": date,
        "n_genes": len(table),
        "inputs": {source.name: sha256_of(source)},
        "sha256": sha256_of(out),
        "size_bytes": out.stat().st_size,
    }
    write_json(manifest, out.parent / (out.name.partition(".")[0] + ".json"))
    return manifest


def main() -> None:
    """Command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    manifest = make_table(given.source, given.out)
    logger.info("%s: %s genes, %s bytes", given.out, manifest["n_genes"], manifest["size_bytes"])


if __name__ == "__main__":
    main()
