"""Which regulators bind DNA by sequence themselves, and which such factors change but have no sites in the features."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_count, check_matched, listed
from decode.core.files import open_text
from decode.regulators.genes import genes_of_names, regulator_genes

logger = logging.getLogger(__name__)

TF_KINDS = ("TF", "other")


def read_sequence_specific(path: str | Path) -> list[str]:
    """Read the names of sequence-specific transcription factors, one a line; what follows a tab is left out.

    Parameters
    ----------
    path : str or Path
        Plain or gzip; symbols or gene ids; lines that start with # are comments.

    Returns
    -------
    list of str
        Each name once.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it names nothing.

    References
    ----------
    Lambert et al. 2018, The Human Transcription Factors, Cell 172:650: such a list of 1,639.
    """
    with open_text(path, "sequence-specific factors") as handle:
        cells = [line.split("\t")[0].strip() for line in handle]
    names = list(dict.fromkeys(name for name in cells if name and not name.startswith("#")))
    if not names:
        raise ValueError(f"sequence-specific factors {path} names nothing; write one name a line")
    return names


def is_sequence_specific(
    regulators: pd.DataFrame, names: Sequence[str], genes: pd.DataFrame, id_map: str | Path | None = None
) -> pd.Series:
    """Whether each TF is in a list of sequence-specific factors; general factors such as POLR2A and EP300 are not.

    Parameters
    ----------
    regulators : pd.DataFrame
        kind and regulator.
    names : sequence of str
        From `read_sequence_specific`.
    genes : pd.DataFrame
        gene_id and gene_name.
    id_map : str or Path, optional

    Returns
    -------
    pd.Series of nullable bool
        In the order and with the index of `regulators`: NA for other kinds than TFs and for names without a gene. A
        complex is sequence-specific where one of its genes is.

    Raises
    ------
    ValueError
        If fewer than half of the list's names are genes of the table.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": ["E1", "E2"], "gene_name": ["MYC", "POLR2A"]})
    >>> regulators = pd.DataFrame({"kind": ["TF", "TF", "RBP"], "regulator": ["MYC", "POLR2A", "MYC"]})
    >>> is_sequence_specific(regulators, ["MYC"], genes).tolist()
    [True, False, <NA>]
    """
    check_columns("regulators", regulators, ["kind", "regulator"])
    listed_genes = set(_listed_genes(names, genes, id_map))
    own = regulator_genes(regulators, genes, id_map).genes
    found = []
    for kind, regulator in zip(regulators["kind"].astype(str), regulators["regulator"].astype(str), strict=True):
        ids = own[kind, regulator] if kind in TF_KINDS else ()
        found.append(bool(listed_genes & set(ids)) if ids else None)
    return pd.Series(found, index=regulators.index, dtype="boolean", name="sequence_specific")


def factors_without_sites(
    statistic: pd.DataFrame,
    names: Sequence[str],
    genes: pd.DataFrame,
    regulators: pd.DataFrame,
    *,
    id_map: str | Path | None = None,
    n: int = 10,
    kinds: Collection[str] = TF_KINDS,
) -> pd.DataFrame:
    """The factors that change most themselves and cannot be found by their sites, as the features hold none.

    Parameters
    ----------
    statistic : pd.DataFrame
        gene id x contrast, signed, ids as those of `genes`; NaN: not measured.
    names : sequence of str
        From `read_sequence_specific`.
    genes : pd.DataFrame
        gene_id and gene_name of all genes, those of factors without sites included.
    regulators : pd.DataFrame
        kind and regulator of the features.
    id_map : str or Path, optional
    n : int
        At most so many factors a contrast.
    kinds : collection of str
        Kinds of the features that count: eCLIP sites of a protein are no sites on DNA.

    Returns
    -------
    pd.DataFrame
        contrast, factor (its name in `genes`), gene_id, statistic, rank (by size, among all measured factors of the
        list, with sites or not), n_factors (measured). Factors that do not change (0) are left out.

    Raises
    ------
    ValueError
        If fewer than half of the list's names are genes of the table.

    Notes
    -----
    A change of its own does not make a factor a driver, nor need a driver change; but where a liver contrast is led by
    HNF4A's own change and the features hold no HNF4A, the list of drivers cannot name it.
    """
    check_count("n", n)
    of_factor = _listed_genes(names, genes, id_map)
    coded = regulators[regulators["kind"].isin(list(kinds))]
    covered = {gene for ids in regulator_genes(coded, genes, id_map).genes.values() for gene in ids}
    name_of = dict(zip(genes["gene_id"].astype(str), genes["gene_name"].astype(str), strict=True))
    rows = []
    for contrast in statistic.columns:
        values = statistic[contrast].reindex(of_factor).dropna()
        values = values.iloc[np.argsort(-values.abs().to_numpy(), kind="stable")]
        rank = values.abs().rank(ascending=False, method="min").astype(int)
        absent = [gene for gene in values.index if gene not in covered and values[gene] != 0][:n]
        rows += [
            {
                "contrast": contrast,
                "factor": name_of[gene],
                "gene_id": gene,
                "statistic": float(values[gene]),
                "rank": int(rank[gene]),
                "n_factors": len(values),
            }
            for gene in absent
        ]
        if absent:
            logger.info("contrast %s: factors without sites: %s", contrast, listed(name_of[gene] for gene in absent))
    return pd.DataFrame(rows, columns=["contrast", "factor", "gene_id", "statistic", "rank", "n_factors"])


def _listed_genes(names: Sequence[str], genes: pd.DataFrame, id_map: str | Path | None) -> list[str]:
    """Gene ids of the list, each once; all candidates of an ambiguous name."""
    of_name = genes_of_names(names, genes, id_map)
    first = [ids[0] if ids else name for name, ids in of_name.items()]
    _, warning = check_matched("sequence-specific factors", first, genes["gene_id"].tolist())
    if warning:
        logger.warning(warning)
    return list(dict.fromkeys(gene for ids in of_name.values() for gene in ids))
