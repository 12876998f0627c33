"""What a preparation of persons leaves for samples that come later: gene means and reference quantiles."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.arrays import read_arrays
from decode.core.checks import check_matched, check_unique, listed
from decode.core.files import atomic_path, check_input
from decode.core.shown import shown
from decode.expression.quantiles import map_to_quantiles
from decode.expression.targets import GENE_ID, TRANSCRIPT_ID
from decode.expression.tissue import checked_values

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
ARRAYS = ("schema_version", "gene_ids", "gene_mean", "quantiles", "pseudocount", "n_samples", "id_name")


@shown()
class PersonReference(NamedTuple):
    """Gene means and quantiles of prepared samples.

    Attributes
    ----------
    gene_ids : list of str
        Genes kept, in the order of the targets.
    gene_mean : float64 array, shape (n_genes,)
        Mean over the samples after all steps, log2 units: what fold changes refer to.
    quantiles : float64 array, shape (2, n_genes)
        Common distribution of all samples, ascending, log2 units: after the first and after the second normalisation.
    pseudocount : float
        Added to TPM before log2.
    n_samples : int
    id_name : str
        gene_id or transcript_id.
    """

    gene_ids: list[str]
    gene_mean: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    pseudocount: float
    n_samples: int
    id_name: str = GENE_ID


def new_sample_values(reference: PersonReference, tpm: pd.DataFrame) -> pd.DataFrame:
    """Fold changes of new samples against the gene means of prepared ones.

    Each sample is mapped to the reference quantiles of the genes that it measures: the quantiles at the places which
    the means of these genes have among all genes of the reference. With every gene measured these are the stored
    quantiles. Only ranks within a sample count, so TPM, log2 TPM or counts over length give the same.

    Effects of covariates are not taken out: they were estimated on the samples of the reference.

    Parameters
    ----------
    reference : PersonReference
    tpm : pd.DataFrame, shape (n_rows, n_samples)
        By gene id; TPM or log2 TPM. Genes may be absent or missing (NaN) in some or all samples; genes that the
        reference lacks are left out and counted in the log.

    Returns
    -------
    pd.DataFrame, shape (n_genes, n_samples)
        log2 fold changes; index: all genes of the reference in its order, NaN where not measured.

    Raises
    ------
    TypeError
        If `tpm` is no DataFrame.
    ValueError
        If genes or samples repeat; if fewer than half of the rows (or of the reference's genes) match; if a sample
        measures fewer than two genes of the reference; if a cell is infinite or text.

    Examples
    --------
    >>> quantiles = np.array([[1.0, 3.0, 5.0]] * 2)
    >>> reference = PersonReference(["A", "B", "C"], np.array([1.0, 5.0, 3.0]), quantiles, 0.25, 4)
    >>> new_sample_values(reference, pd.DataFrame({"s": [0.0, 90.0]}, index=["B", "A"]))["s"].tolist()
    [4.0, -4.0, nan]
    """
    checked_values(tpm, "table of new samples", negative=True)
    rows = [str(gene) for gene in tpm.index]
    matched, warning = check_matched("table of new samples", rows, reference.gene_ids)
    if warning:
        logger.warning(warning)
    values = tpm.reindex(reference.gene_ids).to_numpy(dtype=np.float64)
    logger.info(
        "new samples: %d of %d genes of the reference are measured, %d rows are of other genes",
        *(len(matched), len(reference.gene_ids), len(rows) - len(matched)),
    )
    is_few = (~np.isnan(values)).sum(axis=0) < 2
    if is_few.any():
        raise ValueError(
            f"samples that measure fewer than two genes of the reference: {listed(tpm.columns[is_few])}; leave them out"
        )
    place = np.argsort(np.argsort(reference.gene_mean, kind="stable"), kind="stable")  # of each gene's mean, from 0
    mapped = np.full(values.shape, np.nan)
    measured = ~np.isnan(values)
    patterns, number = np.unique(measured, axis=1, return_inverse=True)
    for index, pattern in enumerate(patterns.T):
        samples = np.flatnonzero(number.ravel() == index)
        own = reference.quantiles[1][np.sort(place[pattern])]
        mapped[np.ix_(pattern, samples)] = map_to_quantiles(values[np.ix_(pattern, samples)], own)
    mapped -= reference.gene_mean[:, None]
    return pd.DataFrame(
        mapped, index=pd.Index(reference.gene_ids, name=reference.id_name), columns=[str(name) for name in tpm.columns]
    )


def write_person_reference(reference: PersonReference, path: str | Path) -> None:
    """Write a reference as an array file without pickle.

    Parameters
    ----------
    reference : PersonReference
    path : str or Path
        `.npz`; replaced atomically.
    """
    arrays: dict[str, Any] = {
        "schema_version": np.array(SCHEMA_VERSION),
        "gene_ids": np.array(reference.gene_ids, dtype=np.str_),
        "gene_mean": reference.gene_mean,
        "quantiles": reference.quantiles,
        "pseudocount": np.array(reference.pseudocount),
        "n_samples": np.array(reference.n_samples),
        "id_name": np.array(reference.id_name),
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_person_reference(path: str | Path) -> PersonReference:
    """Read what `write_person_reference` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    PersonReference

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such file, or damaged.
    """
    path = check_input(path, "reference of persons")
    try:
        stored = read_arrays(path, ARRAYS, "reference of persons", "write it again")
        if int(stored["schema_version"]) != SCHEMA_VERSION:
            raise ValueError(f"schema version {stored['schema_version']}; {SCHEMA_VERSION} is read")
        reference = PersonReference(
            [str(gene) for gene in stored["gene_ids"].ravel()],
            stored["gene_mean"].astype(np.float64),
            stored["quantiles"].astype(np.float64),
            float(stored["pseudocount"]),
            int(stored["n_samples"]),
            str(stored["id_name"]),
        )
        if not (np.isfinite(reference.gene_mean).all() and np.isfinite(reference.quantiles).all()):
            raise ValueError("means or quantiles are undefined")
        if not 0 < reference.pseudocount < np.inf or reference.n_samples < 1:
            raise ValueError(f"{reference.n_samples} samples, pseudocount {reference.pseudocount:g}")
        n_genes = len(reference.gene_ids)
        if reference.gene_mean.shape != (n_genes,) or reference.quantiles.shape != (2, n_genes):
            raise ValueError(f"{n_genes} genes, means of shape {reference.gene_mean.shape}")
        if reference.id_name not in (GENE_ID, TRANSCRIPT_ID):
            raise ValueError(f"ids are called {reference.id_name!r}")
        check_unique("genes", reference.gene_ids)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"{path} is no reference of persons as decode writes it ({error}); write it again (decode expression "
            "person)"
        ) from error
    return reference
