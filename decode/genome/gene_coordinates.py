"""Where gene models lie: windows around each TSS, and genome <-> RNA coordinates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from decode.core.checks import check_positive, listed
from decode.genome.gene_models import GeneModels


def promoter_windows(gene_models: GeneModels, *, upstream: int = 2000, downstream: int = 1000) -> pd.DataFrame:
    """Window around each TSS, on the strand of the gene.

    On the plus strand [tss - upstream, tss + downstream); on the minus strand its mirror image, so that the TSS base is
    the first of the downstream part on both. Windows are not clipped: they may run past a chromosome end.

    Parameters
    ----------
    gene_models : GeneModels
    upstream, downstream : int
        Bases before the TSS, and from the TSS on.

    Returns
    -------
    DataFrame
        model (row of `gene_models.table`), chrom, start, end, strand; 0-based half-open, one row a model.

    Raises
    ------
    ValueError
        If a size is negative or no whole number, or both are 0.

    References
    ----------
    Tasaki et al. 2020, Methods: TSS - 2000 to TSS + 1000.
    """
    for name, value in (("upstream", upstream), ("downstream", downstream)):
        check_positive(name, value, zero=True)
        if value != int(value):
            raise ValueError(f"{name} is {value!r}; a whole number of bases is wanted")
    check_positive("upstream + downstream", upstream + downstream)
    return tss_windows(gene_models, first_bp=-int(upstream), last_bp=int(downstream))


def tss_windows(gene_models: GeneModels, *, first_bp: int, last_bp: int) -> pd.DataFrame:
    """Window at any distance from each TSS, on the strand of the gene; the TSS base itself is 0.

    Parameters
    ----------
    gene_models : GeneModels
    first_bp, last_bp : int
        The window is [first_bp, last_bp) in transcript direction; negative numbers lie upstream. Not clipped.

    Returns
    -------
    DataFrame
        As `promoter_windows`.

    Raises
    ------
    ValueError
        If the window is empty or its ends are no whole numbers.
    """
    for name, value in (("first_bp", first_bp), ("last_bp", last_bp)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError(f"{name} is {value!r}; a whole number of bases from the TSS is wanted")
    if first_bp >= last_bp:
        raise ValueError(f"window {first_bp}..{last_bp} is empty; its first base must lie before its end")
    tss = gene_models.table["tss"].to_numpy(dtype=np.int64)
    is_minus = (gene_models.table["strand"] == "-").to_numpy()
    start = np.where(is_minus, tss - last_bp + 1, tss + first_bp)
    return pd.DataFrame(
        {
            "model": np.arange(len(tss)),
            "chrom": gene_models.table["chrom"],
            "start": start,
            "end": start + (last_bp - first_bp),
            "strand": gene_models.table["strand"],
        }
    )


def genome_to_rna(gene_models: GeneModels, model_id: str, positions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """RNA coordinates of genome positions on a model's chromosome.

    Parameters
    ----------
    gene_models : GeneModels
    model_id : str
        Gene id, or transcript id at transcript level.
    positions : array of int, any shape
        0-based genome positions.

    Returns
    -------
    int64 array
        0-based offset from the 5' end of the spliced RNA; -1 in introns and outside the model.

    Raises
    ------
    KeyError
        If there is no such model.
    """
    exons = gene_models.exons_of(model_id)
    wanted = np.asarray(positions, dtype=np.int64)
    order = np.argsort(exons["start"].to_numpy())
    start, end, rna_start = (exons[name].to_numpy(dtype=np.int64)[order] for name in ("start", "end", "rna_start"))
    at = np.maximum(np.searchsorted(start, wanted, side="right") - 1, 0)
    is_inside = (wanted >= start[at]) & (wanted < end[at])
    from_5_end = end[at] - 1 - wanted if exons["strand"].iloc[0] == "-" else wanted - start[at]
    return np.where(is_inside, rna_start[at] + from_5_end, -1)


def rna_to_genome(gene_models: GeneModels, model_id: str, positions: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Genome positions of RNA coordinates: the inverse of `genome_to_rna`.

    Parameters
    ----------
    gene_models : GeneModels
    model_id : str
        Gene id, or transcript id at transcript level.
    positions : array of int, any shape
        0-based offsets from the 5' end of the spliced RNA.

    Returns
    -------
    int64 array
        0-based genome positions.

    Raises
    ------
    KeyError
        If there is no such model.
    ValueError
        If an offset is negative or not below the spliced length.
    """
    exons = gene_models.exons_of(model_id)
    wanted = np.asarray(positions, dtype=np.int64)
    start, end, rna_start = (exons[name].to_numpy(dtype=np.int64) for name in ("start", "end", "rna_start"))
    length = int((end - start).sum())
    is_outside = (wanted < 0) | (wanted >= length)
    if is_outside.any():
        raise ValueError(
            f"RNA coordinates of {model_id} must lie in 0 to {length - 1}, got {listed(wanted[is_outside].tolist())}"
        )
    at = np.searchsorted(rna_start, wanted, side="right") - 1
    offset = wanted - rna_start[at]
    result = end[at] - 1 - offset if exons["strand"].iloc[0] == "-" else start[at] + offset
    return np.asarray(result, dtype=np.int64)
