from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from decode.expression import pseudobulk as module
from decode.expression.pseudobulk import join_samples, pseudobulk

N_CELLS, N_GENES = 90, 12


def cells() -> tuple[np.ndarray, pd.DataFrame, list[str]]:
    random = np.random.default_rng(0)
    counts = random.poisson(1.5, size=(N_CELLS, N_GENES)).astype(np.float32)
    obs = pd.DataFrame({"donor": random.choice(["A", "B", "C"], N_CELLS), "type": random.choice(["T", "B"], N_CELLS)})
    obs["sex"] = obs["donor"].map({"A": "f", "B": "m", "C": "m"})
    obs["score"] = random.random(N_CELLS)
    obs.index = [f"cell{i}" for i in range(N_CELLS)]
    return counts, obs, [f"ENSG{i:02d}.3" for i in range(N_GENES)]


def write_frame(file: h5py.File, name: str, frame: pd.DataFrame) -> None:
    """As AnnData 0.8 writes a data frame: text as categories."""
    group = file.create_group(name)
    group.attrs.update(
        {"_index": "_index", "encoding-type": "dataframe", "column-order": list(map(str, frame.columns))}
    )
    group["_index"] = np.array(frame.index, dtype=h5py.string_dtype())
    for column in frame:
        if pd.api.types.is_numeric_dtype(frame[column]):
            group[column] = frame[column].to_numpy()
            continue
        values = frame[column].astype("category")
        part = group.create_group(column)
        part["codes"] = values.cat.codes.to_numpy()
        part["categories"] = np.array(values.cat.categories, dtype=h5py.string_dtype())


def write_matrix(file: h5py.File, name: str, values: np.ndarray, form: str) -> None:
    if form == "dense":
        file[name] = values
        return
    matrix = sparse.csr_matrix(values) if form == "csr" else sparse.csc_matrix(values)
    group = file.create_group(name)
    group.attrs.update({"encoding-type": f"{form}_matrix", "shape": values.shape})
    for part in ("data", "indices", "indptr"):
        group[part] = getattr(matrix, part)


def write_h5ad(path, form="csr", name="X", change=lambda values: values, obs=None, var=None):
    counts, own, genes = cells()
    with h5py.File(path, "w") as file:
        write_frame(file, "obs", own if obs is None else obs)
        write_frame(file, "var", pd.DataFrame(index=genes) if var is None else var)
        write_matrix(file, name, change(counts), form)
    return path


def expected(by: list[str]) -> pd.DataFrame:
    counts, obs, genes = cells()
    labels = obs[by].agg("|".join, axis=1)
    table = pd.DataFrame(counts.astype(float), columns=[gene.split(".")[0] for gene in genes])
    sums = table.groupby(labels.to_numpy()).sum().T
    return sums / sums.sum() * 1e6


@pytest.mark.parametrize("form", ["csr", "csc", "dense"])
@pytest.mark.parametrize("by", [["donor"], ["donor", "type"]])
def test_sums_of_cells(tmp_path, monkeypatch, form, by):
    monkeypatch.setattr(module, "CHUNK", 7)
    found = pseudobulk(write_h5ad(tmp_path / "x.h5ad", form), *by, min_cells=1)
    wanted = expected(by)
    pd.testing.assert_frame_equal(found.cpm[wanted.columns], wanted, check_names=False, rtol=1e-6)
    _, obs, _ = cells()
    labels = obs[by].agg("|".join, axis=1)
    assert found.samples["n_cells"].to_dict() == labels.value_counts().to_dict()
    assert found.samples["sex"].tolist() == ["f" if name[0] == "A" else "m" for name in found.samples.index]
    assert "score" not in found.samples
    assert found.matrix == "X"


def test_small_pseudobulks_and_cells_without_a_name_are_counted(tmp_path):
    _, obs, _ = cells()
    obs["donor"] = ["D"] * 5 + [None] * 3 + ["E"] * 82
    found = pseudobulk(write_h5ad(tmp_path / "x.h5ad", obs=obs), "donor")
    assert found.cpm.columns.tolist() == ["E"]
    assert found.counts == {
        "n_cells": 90, "n_cells_unnamed": 3, "n_pseudobulks": 1, "n_pseudobulks_small": 1, "n_cells_of_small": 5,
    }  # fmt: skip
    assert found.samples.loc["E", "total_counts"] == cells()[0][8:].sum()
    with pytest.raises(ValueError, match=r"no pseudobulk has 100 cells .the largest has 82"):
        pseudobulk(tmp_path / "x.h5ad", "donor", min_cells=100)


def test_raw_counts_are_looked_for(tmp_path):
    path = write_h5ad(tmp_path / "x.h5ad", change=np.log1p)
    with pytest.raises(ValueError, match=r"holds no raw counts: looked for whole numbers"):
        pseudobulk(path, "donor", min_cells=1)
    with pytest.raises(ValueError, match=r"matrix X of .* holds negative numbers or fractions"):
        pseudobulk(path, "donor", min_cells=1, matrix="X")
    with pytest.raises(ValueError, match=r"has no matrix 'layers/raw'; it has X"):
        pseudobulk(path, "donor", min_cells=1, matrix="layers/raw")
    with h5py.File(path, "a") as file:
        write_matrix(file, "layers/counts", cells()[0], "csr")
    found = pseudobulk(path, "donor", min_cells=1)
    assert found.matrix == "layers/counts"
    pd.testing.assert_frame_equal(found.cpm[["A", "B", "C"]], expected(["donor"]), check_names=False, rtol=1e-6)


def test_symbols_with_ids_beside_them(tmp_path):
    genes = cells()[2]
    var = pd.DataFrame({"gene_ids": genes}, index=[f"SYM{i}" for i in range(N_GENES)])
    found = pseudobulk(write_h5ad(tmp_path / "x.h5ad", var=var), "donor", min_cells=1)
    assert found.cpm.index.tolist() == [gene.split(".")[0] for gene in genes]


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        pseudobulk(tmp_path / "none.h5ad", "donor")
    (tmp_path / "text.h5ad").write_text("no")
    with pytest.raises(ValueError, match=r"h5ad file .* is damaged or no HDF5 file"):
        pseudobulk(tmp_path / "text.h5ad", "donor")
    with h5py.File(tmp_path / "empty.h5ad", "w") as file:
        file["x"] = 1
    with pytest.raises(ValueError, match=r"has no obs as AnnData"):
        pseudobulk(tmp_path / "empty.h5ad", "donor")
    path = write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match=r"lacks the column.s. person; it has donor, type"):
        pseudobulk(path, "person")
    twice = pd.DataFrame(index=["ENSG00.1", "ENSG00.2", *cells()[2][2:]])
    with pytest.raises(ValueError, match=r"genes of .* occur more than once: ENSG00"):
        pseudobulk(write_h5ad(tmp_path / "y.h5ad", var=twice), "donor", min_cells=1)
    with pytest.raises(ValueError, match=r"has shape .90, 12.; 90 cells x 3 genes are wanted"):
        pseudobulk(write_h5ad(tmp_path / "z.h5ad", var=pd.DataFrame(index=list("abc"))), "donor", min_cells=1)


def test_a_table_of_samples_is_joined():
    samples = pd.DataFrame({"donor": ["A", "B", "A"], "sex": ["x", "x", "x"]}, index=["A|T", "B|T", "A|B"])
    found = join_samples(samples, pd.DataFrame({"sex": ["f", "m"], "age": [3, 4]}, index=["A", "B"]), "donor")
    assert found.to_dict("list") == {"donor": ["A", "B", "A"], "sex": ["f", "m", "f"], "age": [3, 4, 3]}


def test_a_file_of_anndata_itself(tmp_path):
    pytest.importorskip("anndata")
    counts, obs, genes = cells()
    np.savez(tmp_path / "counts.npz", counts=counts)
    obs.to_csv(tmp_path / "obs.csv")
    code = (
        "import anndata, numpy as np, pandas as pd, scipy.sparse as sp, sys; d = sys.argv[1]; "
        "obs = pd.read_csv(d + '/obs.csv', index_col=0); x = np.load(d + '/counts.npz')['counts']; "
        "a = anndata.AnnData(sp.csr_matrix(np.log1p(x)), obs=obs); a.layers['counts'] = sp.csc_matrix(x); "
        f"a.var_names = {genes!r}; a.write_h5ad(d + '/x.h5ad')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    found = pseudobulk(tmp_path / "x.h5ad", "donor", "type", min_cells=1)
    wanted = expected(["donor", "type"])
    pd.testing.assert_frame_equal(found.cpm[wanted.columns], wanted, check_names=False, rtol=1e-6)
    assert found.matrix == "layers/counts"
