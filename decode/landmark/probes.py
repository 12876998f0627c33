"""From the probes of an array to genes: the mean of a gene's probes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import check_columns, check_unique, listed
from decode.core.delimited import read_text_table

logger = logging.getLogger(__name__)

COLUMNS = ["probe", "gene_id", "gene_name"]


@dataclass(frozen=True, eq=False)
class ProbeGroups:
    """Which columns of a matrix are the probes of which gene.

    Attributes
    ----------
    gene_ids, gene_names : list of str
        In the order in which their first probe stands in the matrix.
    order : int array, shape (n_used_probes,)
        Columns of the matrix, gene by gene.
    starts : int array, shape (n_genes,)
        Where a gene's columns begin in `order`.
    counts : dict
    """

    gene_ids: list[str]
    gene_names: list[str]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: dict[str, int]

    def means(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of the probes of every gene, (n_samples, n_probes) -> (n_samples, n_genes)."""
        sizes = np.diff(np.append(self.starts, len(self.order)))
        means: NDArray[np.float64] = np.add.reduceat(values[:, self.order], self.starts, axis=1) / sizes
        return means


def read_probe_map(paths: Sequence[str | Path] | str | Path) -> pd.DataFrame:
    """Read which probe measures which gene.

    Parameters
    ----------
    paths : path or sequence of path
        Tab-separated, plain or gzip, in one of two forms: a header with the columns probe and gene_id (or gene) and,
        if known, gene_name; or the lists of D-GEX, which have no header and hold symbol, Ensembl id and probes,
        separated by commas.

    Returns
    -------
    pd.DataFrame
        probe, gene_id, gene_name; one row a pair, pairs once.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file has another form.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "genes.txt"
    ...     _ = path.write_text("TP53\\tENSG00000141510\\t201746_at,211300_s_at\\n")
    ...     read_probe_map(path)["probe"].tolist()
    ['201746_at', '211300_s_at']
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    table = pd.concat([_read_one(Path(path)) for path in files])
    found = table.drop_duplicates(["probe", "gene_id"], ignore_index=True)
    if len(found) < len(table):
        logger.info("probe map: %d pairs are repeated and count once", len(table) - len(found))
    return found


def _read_one(path: Path) -> pd.DataFrame:
    written = read_text_table(path, "probe map")
    if len(written.header) == 3 and written.header[1].startswith("ENSG"):  # the first row of a list without header
        first = "\t".join(written.header).encode() + b"\n"
        names = {0: "gene_name", 1: "gene_id", 2: "probe"}
        table = written._replace(body=first + written.body, first_line=written.first_line - 1).strings(names)
        table = table.assign(probe=table["probe"].str.split(",")).explode("probe")
    else:
        check_unique(f"column names of {written.name}", written.header)
        table = written.strings()
    table = table.rename(columns={"gene": "gene_id", "probe_id": "probe"})
    check_columns(f"probe map {path}", table, ["probe", "gene_id"])
    if "gene_name" not in table:
        table["gene_name"] = ""
    table = table[COLUMNS].apply(lambda column: column.str.strip())
    is_whole = (table["probe"] != "") & (table["gene_id"] != "")
    if not is_whole.all():
        logger.warning("probe map %s: %d rows without a probe or gene are left out", path, int((~is_whole).sum()))
    result: pd.DataFrame = table[is_whole]
    return result


def group_probes(probe_ids: Sequence[str], probe_map: pd.DataFrame, *, name: str = "expression matrix") -> ProbeGroups:
    """Find the probes of every gene among the columns of a matrix.

    Parameters
    ----------
    probe_ids : sequence of str
    probe_map : pd.DataFrame
        probe and gene_id, and gene_name if known.
    name : str
        For messages.

    Returns
    -------
    ProbeGroups
        counts: n_probes, n_probes_without_gene, n_probes_of_several_genes (both left out), n_probes_used, n_genes.

    Raises
    ------
    ValueError
        If no probe has a gene.

    Examples
    --------
    >>> pairs = pd.DataFrame({"probe": list("abc"), "gene_id": ["G1", "G2", "G1"]})
    >>> groups = group_probes(["c", "b", "a", "x"], pairs)
    >>> groups.gene_ids, groups.means(np.array([[1.0, 5.0, 3.0, 9.0]])).tolist()
    (['G1', 'G2'], [[2.0, 5.0]])
    """
    check_columns("probe map", probe_map, ["probe", "gene_id"])
    pairs = probe_map.drop_duplicates(["probe", "gene_id"])
    several = set(pairs.loc[pairs["probe"].duplicated(keep=False), "probe"])
    gene_of = dict(zip(pairs["probe"], pairs["gene_id"], strict=True))
    names = dict(zip(pairs["gene_id"], pairs["gene_name"], strict=True)) if "gene_name" in pairs else {}
    columns: dict[str, list[int]] = {}
    n_without = n_several = 0
    for column, probe in enumerate(probe_ids):
        if probe in several:
            n_several += 1
        elif probe in gene_of:
            columns.setdefault(gene_of[probe], []).append(column)
        else:
            n_without += 1
    if not columns:
        raise ValueError(
            f"none of the {len(probe_ids)} probes of {name} is in the probe map: {listed(probe_ids)}; the map holds "
            f"{listed(pairs['probe'])}. Give a map of this array"
        )
    genes = list(columns)
    sizes = [len(columns[gene]) for gene in genes]
    counts = {
        "n_probes": len(probe_ids), "n_probes_without_gene": n_without, "n_probes_of_several_genes": n_several,
        "n_probes_used": sum(sizes), "n_genes_of_probes": len(genes),
    }  # fmt: skip
    logger.info("%s: %d of %d probes measure %d genes", name, sum(sizes), len(probe_ids), len(genes))
    order = np.concatenate([columns[gene] for gene in genes]).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return ProbeGroups(genes, [names.get(gene, "") for gene in genes], order, starts, counts)
