"""Which genes train, which choose, and which are held out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from decode.core.checks import check_choice, check_columns, check_positive, check_unique, listed
from decode.core.choices import SplitBy
from decode.core.files import open_text
from decode.core.ids import strip_version
from decode.expression.targets import TRANSCRIPT_ID

TRAIN, VALIDATION, TEST, EXCLUDED = "train", "validation", "test", "excluded"
VALIDATION_SHARE = 0.1  # Tasaki 2020, Methods: 2,472 of 24,723 genes
MIN_GENES = {TRAIN: 20, VALIDATION: 3, TEST: 3}


def make_split(
    genes: pd.DataFrame,
    *,
    test_chromosome: str | Collection[str] = "chr1",
    validation_share: float = VALIDATION_SHARE,
    seed: int = 0,
    groups: Mapping[str, str] | None = None,
    split_by: SplitBy = "gene",
) -> np.ndarray:
    """Hold one chromosome out and split the other genes at random into training and validation.

    Transcripts of one gene stay together, unless `split_by` is "transcript". With `groups`, so do the members of a
    group (a paralogue family): a group is wholly training or wholly validation, and members of a group that also has a
    gene on the test chromosome are "excluded".

    Parameters
    ----------
    genes : pd.DataFrame
        Columns gene_id and chrom, one row a gene or transcript.
    test_chromosome : str or collection of str
        Held out whole. Tasaki 2020 holds out chr1.
    validation_share : float
        Share of the remaining genes, in (0, 1).
    seed : int
        Seed of the random part.
    groups : mapping of gene_id to group name, optional
        Genes that it lacks are groups of their own; genes that the table lacks play no part.
    split_by : {"gene", "transcript"}
        "transcript" draws validation transcripts at random, whatever their gene, as Tasaki 2020 does (64,978 training
        and 7,038 validation transcripts). It leaks: most validation transcripts share promoter and exons with a
        training transcript of their gene, so the validation loss stops training too late and flatters the model. The
        test chromosome is held out whole either way.

    Returns
    -------
    np.ndarray of str, shape (n_rows,)

    Raises
    ------
    ValueError
        If the test chromosome holds no gene, no gene of the table has a group, a part holds too few genes, or a split
        by transcript is asked for genes or together with groups.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene_id": [f"G{i}" for i in range(60)], "chrom": ["chr1"] * 20 + ["chr2"] * 40})
    >>> parts, counts = np.unique(make_split(genes), return_counts=True)
    >>> [(str(part), int(count)) for part, count in zip(parts, counts)]
    [('test', 20), ('train', 36), ('validation', 4)]
    """
    check_columns("genes", genes, ["gene_id", "chrom"])
    check_choice("split_by", split_by, ("gene", "transcript"))
    if split_by == "transcript":
        _check_transcript_split(genes, groups)
    check_positive("validation_share", validation_share)
    if validation_share >= 1:
        raise ValueError(f"validation_share is {validation_share}; a share below 1 is wanted")
    wanted = {test_chromosome} if isinstance(test_chromosome, str) else set(test_chromosome)
    present = genes["chrom"].astype(str)
    absent = sorted(wanted - set(present))
    if absent:
        raise ValueError(
            f"test chromosome {listed(absent)} holds no gene; "
            f"chromosomes with genes are {listed(sorted(set(present)), 10)}"
        )
    gene_ids = genes["gene_id"].astype(str)
    group = gene_ids if groups is None else _group_of(gene_ids, groups)
    if split_by == "transcript":
        group = genes[TRANSCRIPT_ID].astype(str)
    is_test = present.isin(wanted).to_numpy()
    test_groups = set(group[is_test])
    is_excluded = ~is_test & group.isin(test_groups).to_numpy()
    rest = sorted(set(group[~is_test & ~is_excluded]))
    rng = np.random.default_rng(seed)
    n_validation = min(len(rest), max(1, round(validation_share * len(rest))))
    validation_groups = {rest[i] for i in rng.permutation(len(rest))[:n_validation]}
    split = np.where(group.isin(validation_groups).to_numpy(), VALIDATION, TRAIN).astype(object)
    split[is_test] = TEST
    split[is_excluded] = EXCLUDED
    for part, least in MIN_GENES.items():
        n_genes = gene_ids[split == part].nunique()
        if n_genes < least:
            raise ValueError(
                f"the {part} part holds {n_genes} genes; at least {least} are needed. Use more genes, another test "
                "chromosome or another validation share"
            )
    return split.astype(str)


def _check_transcript_split(genes: pd.DataFrame, groups: Mapping[str, str] | None) -> None:
    if TRANSCRIPT_ID not in genes.columns:
        raise ValueError("split_by is 'transcript' but the rows are genes; build features with level transcript")
    if groups is not None:
        raise ValueError(
            "split_by is 'transcript', which parts the transcripts of a gene, but groups are given; drop one"
        )


def _group_of(gene_ids: pd.Series, groups: Mapping[str, str]) -> pd.Series:
    """Group of every gene; a gene without one stands alone, also where a group bears its name."""
    has_group = gene_ids.isin(set(groups))
    if not has_group.any():
        raise ValueError(
            f"none of the {len(groups)} genes with a group is among the {gene_ids.nunique()} genes to split "
            f"({listed(gene_ids, 3)}); use the same gene ids, or leave the groups out"
        )
    return gene_ids.map(lambda gene: f"group {groups[gene]}" if gene in groups else f"gene {gene}")


def read_groups(path: str | Path) -> dict[str, str]:
    """Read which genes belong together (a paralogue family), so that a split keeps them on one side.

    Parameters
    ----------
    path : str or Path
        Tab-separated text, plain or gzip: gene_id (version ignored) and group, without header or with one whose first
        column is gene_id. Further columns are ignored.

    Returns
    -------
    dict of gene_id to group name

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no gene, a line lacks the gene or its group, or a gene is there twice.
    """
    with open_text(path, "group file") as handle:
        lines = [(number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(handle, 1) if line.strip()]
    rows = [(number, [cell.strip() for cell in cells[:2]]) for number, cells in lines if not cells[0].startswith("#")]
    if rows and rows[0][1][0].lower() in {"gene_id", "gene"}:
        rows = rows[1:]
    short = [number for number, cells in rows if len(cells) < 2 or not all(cells)]
    if short:
        raise ValueError(
            f"group file {path} lacks a gene or its group in line {listed(short)}; write gene_id<TAB>group"
        )
    if not rows:
        raise ValueError(f"group file {path} holds no gene; write one line gene_id<TAB>group a gene")
    genes = strip_version(cells[0] for _, cells in rows)
    check_unique(f"genes of the group file {path}", genes)
    return dict(zip(genes, (cells[1] for _, cells in rows), strict=True))
