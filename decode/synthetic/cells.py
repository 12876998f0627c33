"""Single cells of the donors of a toy contrast, as an h5ad file: one cell type responds, another does not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from decode.core.checks import check_count, check_positive
from decode.core.files import atomic_path, check_output
from decode.core.ids import strip_version
from decode.core.shown import shown
from decode.synthetic.contrast import CONTROL, ToyContrast
from decode.synthetic.toy import PSEUDOCOUNT_TPM

RESPONDER, BYSTANDER = "responder", "bystander"
DEPTH, DEPTH_SPREAD = 3000.0, 0.35  # molecules of a cell: median, and SD of its logarithm
DONOR_NOISE = 0.4  # SD of a gene's level in the bystanders of a donor, log2 units
CELL_NOISE = 0.5  # SD of a gene's level in a cell, log2 units


@shown()
class ToyCells(NamedTuple):
    """A file of toy cells, and what was planted in it.

    Attributes
    ----------
    path : Path
        h5ad with raw counts in X (cells x genes); obs: donor, condition, cell_type; var: symbols as the index, and
        gene_ids (with version).
    n_cells : int
    truth : pd.DataFrame
        Of the contrast, see `ToyContrast`: it holds in cells of the type "responder"; in "bystander" nothing differs.
    """

    path: Path
    n_cells: int
    truth: pd.DataFrame


def make_toy_cells(
    out: str | Path, contrast: ToyContrast, genes: pd.DataFrame, *, n_cells: int = 40, seed: int = 0
) -> ToyCells:
    """Draw the molecules of single cells from the expression of the samples of a toy contrast, as an h5ad file.

    Every sample is a donor. Its cells of the type "responder" have the sample's expression; those of the type
    "bystander" the usual expression of the controls, with noise of the donor (SD 0.4 log2 units), whatever the
    condition. A cell has a depth of its own (median 3,000 molecules, log-normal), its genes levels of their own (SD 0.5
    log2 units), and molecules are drawn by Poisson's law.

    Parameters
    ----------
    out : str or Path
        h5ad file to write.
    contrast : ToyContrast
        From `make_toy_contrast`.
    genes : pd.DataFrame
        gene_id (without version) and gene_name, such as `features.genes`.
    n_cells : int, default 40
        Of each type and donor.
    seed : int, default 0
        The same seed gives the same counts.

    Returns
    -------
    ToyCells

    Raises
    ------
    FileNotFoundError
        If the folder of `out` does not exist.
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> cells = make_toy_cells("cells.h5ad", contrast, features.genes)  # doctest: +SKIP
    >>> decode.pseudobulk(cells.path, "donor", "cell_type").samples  # doctest: +SKIP
    """
    check_count("n_cells", n_cells)
    check_positive("seed", seed, zero=True)
    check_output(out)
    path = Path(out)
    rng = np.random.default_rng([seed, 40])
    tpm = pd.read_csv(contrast.tpm, sep="\t", index_col="gene_id")
    condition = pd.read_csv(contrast.samples, sep="\t", index_col="sample")["condition"]
    usual = np.log2(tpm.loc[:, condition[tpm.columns].eq(CONTROL).to_numpy()] + PSEUDOCOUNT_TPM).mean(axis=1)
    parts, obs = [], []
    for donor in tpm.columns:
        levels = {RESPONDER: tpm[donor], BYSTANDER: 2.0 ** (usual + rng.normal(0.0, DONOR_NOISE, len(tpm)))}
        for cell_type, level in levels.items():
            parts.append(_molecules(rng, level.to_numpy(dtype=np.float64), n_cells))
            row = {"donor": donor, "condition": condition[donor], "cell_type": cell_type}
            obs.append(pd.DataFrame(row, index=range(n_cells)))
    cells = pd.concat(obs, ignore_index=True).set_axis([f"cell_{i}" for i in range(n_cells * len(obs))], axis=0)
    stable_ids = strip_version([str(gene) for gene in tpm.index])
    symbols = genes.set_index("gene_id")["gene_name"].loc[stable_ids]
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        _write_frame(file, "obs", cells)
        _write_frame(file, "var", pd.DataFrame({"gene_ids": tpm.index.to_numpy()}, index=symbols.to_numpy()))
        _write_counts(file, sparse.csr_matrix(np.vstack(parts)))
    return ToyCells(path, len(cells), contrast.truth)


def _molecules(rng: np.random.Generator, tpm: NDArray[np.float64], n_cells: int) -> NDArray[np.float32]:
    """Counts of cells that share an expression, shape (n_cells, n_genes)."""
    shares = tpm * 2.0 ** rng.normal(0.0, CELL_NOISE, (n_cells, len(tpm)))
    depth = DEPTH * np.exp(rng.normal(0.0, DEPTH_SPREAD, (n_cells, 1)))
    drawn: NDArray[np.float32] = rng.poisson(depth * shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return drawn


def _write_frame(file: h5py.File, name: str, frame: pd.DataFrame) -> None:
    """A table as AnnData 0.8 and later write it: text that repeats as categories."""
    group = file.create_group(name)
    group.attrs.update({
        "encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index",
        "column-order": np.array([str(column) for column in frame.columns], dtype=h5py.string_dtype()),
    })  # fmt: skip
    _write_text(group, "_index", [str(label) for label in frame.index])
    for column in frame:
        values = frame[column].astype(str)
        if values.is_unique:
            _write_text(group, str(column), values.tolist())
            continue
        codes, levels = pd.factorize(values, sort=True)
        part = group.create_group(str(column))
        part.attrs.update({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": False})
        part.create_dataset("codes", data=codes.astype(np.int8)).attrs.update(
            {"encoding-type": "array", "encoding-version": "0.2.0"}
        )
        _write_text(part, "categories", [str(level) for level in levels])


def _write_text(group: h5py.Group, name: str, values: list[str]) -> None:
    written = group.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype())
    written.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})


def _write_counts(file: h5py.File, counts: sparse.csr_matrix) -> None:
    group = file.create_group("X")
    group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": counts.shape})
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(counts, name), compression="gzip")
