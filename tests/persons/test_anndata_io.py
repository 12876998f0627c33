from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from decode.persons.anndata_io import activities_of_anndata, add_activities, add_projection, samples_of_anndata
from decode.persons.project import project


def plain(x, obs, var):
    """What the functions use of an AnnData object, without the package."""
    frame = pd.DataFrame(index=pd.Index(obs))
    return SimpleNamespace(X=x, layers={}, obsm={}, obs=frame, obs_names=frame.index, var_names=pd.Index(var))


def real(x, obs, var):
    anndata = pytest.importorskip("anndata", reason="anndata (extra h5ad) is not installed")
    return anndata.AnnData(x, obs=pd.DataFrame(index=obs), var=pd.DataFrame(index=var))


@pytest.mark.parametrize("made", [plain, real])
class TestRoundTrip:
    def test_a_projection(self, persons, made):
        table = persons.new.iloc[::2]
        data = made(sparse.csr_matrix(table.to_numpy().T), list(table.columns), list(table.index))
        samples = samples_of_anndata(data)
        pd.testing.assert_frame_equal(samples, table, check_names=False)
        found = project(persons.model, persons.features, samples[list(samples.columns[::-1])], values="fold_change")
        add_projection(data, found)
        expected = found.predictions.set_index("gene_id").loc[table.index, "new_1"]
        np.testing.assert_allclose(data.layers["decode_fold_change"][1], expected)
        assert data.obsm["X_decode"].shape[0] == 6
        accuracy = found.accuracy.set_index("sample")["spearman"]
        assert data.obs["decode_spearman"].tolist() == accuracy.loc[table.columns].tolist()
        assert samples_of_anndata(data, layer="decode_fold_change").shape == (300, 6)

    def test_activities(self, made):
        data = made(np.zeros((2, 3)), ["a", "b"], ["G1", "G2", "G3"])
        table = pd.DataFrame({"TF:AAA": [1.0, 2.0, 3.0]}, index=["b", "c", "a"])
        add_activities(data, table)
        assert activities_of_anndata(data)["TF:AAA"].tolist() == [3.0, 1.0]

    def test_what_is_refused(self, made):
        data = made(np.zeros((2, 3)), ["a", "b"], ["G1", "G2", "G3"])
        with pytest.raises(KeyError, match="no layer 'tpm'"):
            samples_of_anndata(data, layer="tpm")
        with pytest.raises(KeyError, match="no obsm"):
            activities_of_anndata(data)
        with pytest.raises(ValueError, match=r"1 of 2 samples .* are not in the table of activities: b"):
            add_activities(data, pd.DataFrame({"TF:AAA": [1.0]}, index=["a"]))
