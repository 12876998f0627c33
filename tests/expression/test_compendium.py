from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression.compendium import (
    compact,
    read_correlation,
    residual_correlation,
    shipped_correlation,
    take_genes,
    write_correlation,
)

GENES = [f"G{i}" for i in range(60)]


def samples(n, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    values = rng.normal(size=(60, n))
    values[:30] += 2 * shared
    return pd.DataFrame(values, index=GENES, columns=[f"s{i}" for i in range(n)])


def test_one_group_is_the_correlation_of_numpy():
    values = samples(20)
    (group,) = residual_correlation(values, source="x").groups
    np.testing.assert_allclose(group.factors @ group.factors.T, np.corrcoef(values.to_numpy()), atol=1e-5)
    assert group.df == 19


def test_group_means_are_taken_out_and_groups_stay_apart():
    values = samples(12)
    names = ["a"] * 6 + ["b"] * 6
    shifted = values + 100.0 * np.repeat([0, 1], 6)
    for one, other in zip(residual_correlation(values, names, source="").groups,
                          residual_correlation(shifted, names, source="").groups, strict=True):  # fmt: skip
        np.testing.assert_allclose(one.factors, other.factors, atol=1e-5)
    assert [group.name for group in residual_correlation(values, names, source="").groups] == ["a", "b"]


def test_small_groups_are_left_out(caplog):
    found = residual_correlation(samples(9), ["a"] * 6 + ["b"] * 3, source="")
    assert [group.name for group in found.groups] == ["a"]
    assert "fewer than four samples" in caplog.text
    with pytest.raises(ValueError, match="no group has more than 3 samples"):
        residual_correlation(samples(3), source="")


def test_design_is_taken_out():
    values = samples(12)
    condition = np.repeat([0.0, 1.0], 6)
    found = residual_correlation(values + 5 * condition, design=np.column_stack([np.ones(12), condition]), source="")
    np.testing.assert_allclose(found.groups[0].factors @ condition, 0, atol=1e-5)
    assert found.groups[0].df == 10
    with pytest.raises(ValueError, match="degrees of freedom"):
        residual_correlation(samples(5), design=np.column_stack([np.ones(5), np.eye(5)[:, :2]]), source="")


def test_constant_genes_count_as_not_measured():
    values = samples(12)
    values.iloc[4] = 3.0
    (group,) = residual_correlation(values, source="").groups
    assert not group.factors[4].any()


def test_compact_keeps_what_goes_together():
    found = compact(residual_correlation(samples(40), source=""), 1)
    factors = found.groups[0].factors
    assert factors.shape == (60, 1)
    correlation = factors @ factors.T
    assert np.abs(correlation[:30, :30]).mean() > 0.5
    assert np.abs(correlation[30:, 30:]).mean() < 0.1
    assert ((factors**2).sum(axis=1) <= 1 + 1e-6).all()


def test_take_genes_in_order_with_absent_ones():
    found = residual_correlation(samples(10), source="")
    groups, n_known = take_genes(found, ["G5", "other", "G2"])
    np.testing.assert_array_equal(groups[0].factors[[0, 2]], found.groups[0].factors[[5, 2]])
    assert not groups[0].factors[1].any()
    assert n_known == 2


def test_written_and_read(tmp_path):
    found = residual_correlation(samples(30), ["a"] * 15 + ["b"] * 15, source="these samples")
    write_correlation(found, tmp_path / "c.npz")
    again = read_correlation(tmp_path / "c.npz")
    assert (again.gene_ids, again.source) == (found.gene_ids, "these samples")
    for one, other in zip(found.groups, again.groups, strict=True):
        assert (one.name, one.df) == (other.name, other.df)
        np.testing.assert_allclose(one.factors, other.factors, atol=np.abs(one.factors).max() / 127)
    (tmp_path / "bad.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:2000])
    (tmp_path / "text.npz").write_text("no array")
    np.savez(tmp_path / "other.npz", a=np.arange(3))
    for name in ("bad.npz", "text.npz", "other.npz"):
        with pytest.raises(ValueError, match="no correlation of genes"):
            read_correlation(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_correlation(tmp_path / "none.npz")


def test_the_shipped_model():
    found = shipped_correlation()
    assert len(found.gene_ids) > 17000
    assert all(gene.startswith("ENSG") for gene in found.gene_ids[:50])
    assert [group.name for group in found.groups] == ["ACC", "CHOL", "DLBC", "STAD", "UCS", "UVM"]
    assert "350 TCGA tumours" in found.source
    for group in found.groups:
        assert ((group.factors**2).sum(axis=1) <= 1 + 1e-5).all()
        assert ((group.factors**2).sum(axis=1) > 0.3).mean() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": pd.DataFrame(np.ones((2, 5)), index=["a", "a"])}, "more than once"),
        ({"values": pd.DataFrame(np.full((2, 5), np.nan), index=["a", "b"])}, "undefined"),
        ({"groups": ["a"]}, "one a sample"),
    ],
)
def test_bad_input(change, message):
    given = {"values": samples(6), "source": ""} | change
    with pytest.raises(ValueError, match=message):
        residual_correlation(given.pop("values"), given.pop("groups", None), **given)
