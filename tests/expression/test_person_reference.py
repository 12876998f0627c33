from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression.person import person_targets
from decode.expression.person_reference import (
    PersonReference,
    new_sample_values,
    read_person_reference,
    write_person_reference,
)

NAN = np.nan


def tpm(n_samples=30, seed=0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    log2 = np.random.default_rng(7).normal(5, 2, size=(400, 1)) + random.normal(0, 0.4, size=(400, n_samples))
    return pd.DataFrame(2**log2, index=[f"G{i}" for i in range(400)], columns=[f"s{i}" for i in range(n_samples)])


@pytest.fixture(scope="module")
def prepared():
    return person_targets(tpm())


def test_prepared_samples_get_their_own_targets_again(prepared):
    found = new_sample_values(prepared.reference, tpm())
    pd.testing.assert_frame_equal(found, prepared.targets.set_index("gene_id"))


def test_only_ranks_count(prepared):
    table = tpm(3, seed=5)
    expected = new_sample_values(prepared.reference, table)
    pd.testing.assert_frame_equal(new_sample_values(prepared.reference, np.log2(table + 1)), expected)
    pd.testing.assert_frame_equal(new_sample_values(prepared.reference, table.iloc[::-1] * 3), expected)


def test_a_sample_does_not_depend_on_the_others(prepared):
    table = tpm(4, seed=5)
    table.iloc[:40, 1] = NAN
    whole = new_sample_values(prepared.reference, table)
    for name in table:
        pd.testing.assert_frame_equal(new_sample_values(prepared.reference, table[[name]]), whole[[name]])


def test_few_genes_suffice(prepared):
    table = tpm(6, seed=5)
    whole = new_sample_values(prepared.reference, table)
    chosen = table.index[table.mean(axis=1).rank() % 4 == 0]
    part = new_sample_values(prepared.reference, table.loc[chosen])
    assert part.index.tolist() == prepared.reference.gene_ids
    assert part.drop(index=chosen, errors="ignore").isna().all().all()
    kept = [gene for gene in chosen if gene in set(prepared.reference.gene_ids)]
    assert np.abs(part.loc[kept] - whole.loc[kept]).to_numpy().mean() < 0.1
    high = table.index[table.mean(axis=1).rank() > 200]  # only the upper half: still no shift
    part = new_sample_values(prepared.reference, table.loc[high])
    assert abs((part.loc[high] - whole.loc[high]).to_numpy().mean()) < 0.05


def test_missing_cells_and_foreign_genes(prepared, caplog):
    table = tpm(2, seed=5)
    table.loc["other"] = [1.0, 2.0]
    table.iloc[0, 0] = NAN
    caplog.set_level("INFO")
    found = new_sample_values(prepared.reference, table)
    assert np.isnan(found.loc["G0", "s0"])
    assert not np.isnan(found.loc["G0", "s1"])
    n_genes = len(prepared.reference.gene_ids)
    assert f"{n_genes} of {n_genes} genes of the reference are measured, {401 - n_genes} rows" in caplog.text


def test_bad_samples(prepared):
    table = tpm(2)
    with pytest.raises(ValueError, match=r"0 of 400 rows match"):
        new_sample_values(prepared.reference, table.set_axis([f"X{i}" for i in range(400)]))
    with pytest.raises(ValueError, match=r"fewer than two genes of the reference: s1"):
        new_sample_values(prepared.reference, table.assign(s1=NAN))
    with pytest.raises(ValueError, match=r"gene ids .* occur more than once"):
        new_sample_values(prepared.reference, table.set_axis(["G0", "G0", *table.index[2:]]))


def test_round_trip(prepared, tmp_path):
    path = tmp_path / "reference.npz"
    write_person_reference(prepared.reference, path)
    found = read_person_reference(path)
    assert found.gene_ids == prepared.reference.gene_ids
    assert found[3:] == prepared.reference[3:] == (0.25, 30, "gene_id")
    np.testing.assert_array_equal(found.gene_mean, prepared.reference.gene_mean)
    np.testing.assert_array_equal(found.quantiles, prepared.reference.quantiles)


def test_files_that_are_no_reference(prepared, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist"):
        read_person_reference(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no array")
    with pytest.raises(ValueError, match=r"no reference of persons"):
        read_person_reference(tmp_path / "text.npz")
    np.savez(tmp_path / "pickled.npz", gene_ids=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"no reference of persons"):
        read_person_reference(tmp_path / "pickled.npz")
    wrong = PersonReference(["A"], np.zeros(2), np.zeros((2, 1)), 0.25, 3)
    write_person_reference(wrong, tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match=r"1 genes, means of shape .2,."):
        read_person_reference(tmp_path / "wrong.npz")
