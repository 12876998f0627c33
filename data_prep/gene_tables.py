"""Tables of genes: the DE prior, L1000's landmarks, gene sets, constraint and symbols, each checked and made plain.

python -m data_prep.gene_tables de_prior crow-2019 --out DIR
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from data_prep.sources import Source
from data_prep.steps import Convert, run
from decode.core.checks import listed
from decode.core.files import open_text, write_table

INTOLERANT_PLI = 0.9  # Lek et al. 2016: genes that do not bear the loss of one copy


def read_columns(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    """A tab-separated table as text, of which these columns are wanted; ValueError where one is missing."""
    with open_text(path, "table") as handle:
        table = pd.read_csv(handle, sep="\t", dtype=str, keep_default_na=False)
    missing = [name for name in wanted if name not in table]
    if missing:
        raise ValueError(f"{path} lacks the columns {listed(missing)}; it has {listed(table.columns)}")
    return table


def de_prior(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """How often a gene is differentially expressed: de_prior.tsv, ranks from 0 to 1."""
    table = read_columns(files["prior"], ["Gene_EntrezID", "Gene_Name", "DE_Prior_Rank"])
    rank = pd.to_numeric(table["DE_Prior_Rank"], errors="coerce")
    wrong = ~rank.between(0, 1)
    if wrong.any():
        first = table["Gene_Name"][wrong].iloc[0]
        raise ValueError(f"{found.what}: {wrong.sum():,} ranks are not between 0 and 1, the first of {first}")
    write_table(table, out / "de_prior.tsv")
    return {"genes": len(table), "ranks that several genes share": int(rank.duplicated(keep=False).sum())}


def landmarks(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """L1000's landmark genes: landmarks.tsv with gene_id (Entrez) and gene_name."""
    table = read_columns(files["genes"], ["pr_gene_id", "pr_gene_symbol", "pr_is_lm"])
    chosen = table[table["pr_is_lm"] == "1"]
    plain = chosen[["pr_gene_id", "pr_gene_symbol"]].set_axis(["gene_id", "gene_name"], axis=1)
    write_table(plain, out / "landmarks.tsv")
    return {"genes": len(table), "landmarks": len(plain)}


def gene_sets(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """Gene sets, as they are: sets.gmt."""
    with open_text(files["sets"], "gene sets") as handle:
        lines = [line.rstrip("\r\n") for line in handle if line.strip()]
    short = [line for line in lines if line.count("\t") < 2]
    if short:
        raise ValueError(f"{found.what}: {len(short)} lines hold no gene (no GMT), the first is {short[0][:40]!r}")
    (out / "sets.gmt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"sets": len(lines), "genes": len({gene for line in lines for gene in line.split("\t")[2:]})}


def constraint(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """One row a gene (MANE Select, else canonical; Ensembl): constraint.tsv, and intolerant.txt (pLI >= 0.9)."""
    wanted = ["gene", "gene_id", "transcript", "canonical", "mane_select", "lof.pLI", "lof.oe_ci.upper"]
    table = read_columns(files["constraint"], wanted)
    is_ensembl = table["gene_id"].str.startswith("ENSG")
    is_mane, is_canonical = (table[name].str.lower() == "true" for name in ("mane_select", "canonical"))
    chosen = table[is_ensembl & (is_mane | is_canonical)].assign(order=(~is_mane).astype(int))
    chosen = chosen.sort_values(["gene_id", "order"], kind="stable").drop_duplicates("gene_id")
    columns = {"gene": "gene_name", "transcript": "transcript_id", "lof.pLI": "pli", "lof.oe_ci.upper": "loeuf"}
    plain = chosen[["gene_id", *columns]].rename(columns=columns)
    for name in ("pli", "loeuf"):
        plain[name] = pd.to_numeric(plain[name], errors="coerce")
    write_table(plain, out / "constraint.tsv")
    intolerant = plain.loc[plain["pli"] >= INTOLERANT_PLI, "gene_name"]
    (out / "intolerant.txt").write_text("".join(f"{name}\n" for name in intolerant), encoding="utf-8")
    return {"rows": len(table), "genes": len(plain), "intolerant": len(intolerant)}


def symbols(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """Approved, previous and alias symbols: hgnc.tsv, for --id-map."""
    wanted = ["symbol", "alias_symbol", "prev_symbol", "entrez_id", "ensembl_gene_id"]
    table = read_columns(files["symbols"], wanted)
    with_id = table[table["ensembl_gene_id"] != ""]
    write_table(with_id[wanted], out / "hgnc.tsv")
    return {"rows": len(table), "genes": len(with_id)}


CONVERTERS: dict[str, Convert] = {
    "de_prior": de_prior,
    "landmarks": landmarks,
    "gene_sets": gene_sets,
    "constraint": constraint,
    "symbols": symbols,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: the kind of table, then what the other scripts take."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] not in CONVERTERS:
        sys.stderr.write(f"the first argument is the kind of table: {', '.join(CONVERTERS)}\n")
        return 2
    return run(arguments[0], CONVERTERS[arguments[0]], arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
