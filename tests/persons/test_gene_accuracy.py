from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from decode.persons.gene_accuracy import gene_accuracy, one_sided_p


@pytest.fixture(scope="module")
def own_signal():
    """Genes whose persons are predicted each by itself."""
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(60, 40))
    return actual, actual + rng.normal(size=(60, 40))


@pytest.fixture(scope="module")
def common_state():
    """Genes that follow one state of the persons and nothing else: any gene's prediction serves any other."""
    rng = np.random.default_rng(1)
    state = rng.normal(size=40)
    loading = rng.uniform(0.5, 1.5, size=(60, 1))
    return loading * state + rng.normal(size=(60, 40)), loading * state + 0.3 * rng.normal(size=(60, 40))


def test_pearson_and_p_are_those_of_scipy(own_signal):
    actual, predicted = own_signal
    actual = actual.copy()
    actual[3, :5] = np.nan
    found = gene_accuracy(actual, predicted).table
    for gene in (0, 3):
        use = np.isfinite(actual[gene])
        expected = stats.pearsonr(actual[gene, use], predicted[gene, use], alternative="greater")
        assert found["pearson"][gene] == pytest.approx(expected.statistic, abs=1e-12)
        assert found["p_value"][gene] == pytest.approx(expected.pvalue, rel=1e-9)
        assert found["spearman"][gene] == pytest.approx(
            stats.spearmanr(actual[gene, use], predicted[gene, use]).statistic, abs=1e-12
        )
    assert found["n_persons"].tolist()[:4] == [40, 40, 40, 35]
    np.testing.assert_allclose(found["fdr"], stats.false_discovery_control(found["p_value"]), atol=1e-12)


def test_genes_of_their_own_stand_out_and_pairs_do_not(own_signal):
    summary = gene_accuracy(*own_signal).summary
    assert summary["share_fdr5"] > 0.9
    assert summary["share_fdr5_own"] > 0.9
    assert summary["share_fdr5_random_pairs"] < 0.1
    assert abs(summary["mean_pearson_random_pairs"]) < 0.05


def test_a_common_state_passes_for_gene_by_gene_prediction_and_is_seen_through(common_state):
    summary = gene_accuracy(*common_state).summary
    assert summary["share_fdr5"] > 0.9
    assert summary["share_fdr5_random_pairs"] > 0.9  # any other gene does as well
    assert summary["share_fdr5_own"] < 0.2


def test_where_nothing_is_predicted_p_values_are_even():
    rng = np.random.default_rng(2)
    found = gene_accuracy(rng.normal(size=(400, 30)), rng.normal(size=(400, 30)))
    for column in ("p_value", "p_own"):
        assert stats.kstest(found.table[column], "uniform").pvalue > 0.01, column
    assert found.summary["share_fdr5"] < 0.02


def test_undefined_genes_and_what_is_refused(own_signal):
    actual, predicted = (values.copy() for values in own_signal)
    predicted[0] = 1.0
    actual[1] = np.nan
    found = gene_accuracy(actual, predicted)
    assert found.table[["pearson", "p_value", "fdr", "p_own"]].iloc[:2].isna().all(axis=None)
    assert found.summary["n_genes"] == 58
    with pytest.raises(ValueError, match="genes x persons are wanted"):
        gene_accuracy(actual, predicted[:5])
    with pytest.raises(ValueError, match="60 genes in 3 persons"):
        gene_accuracy(actual[:, :3], predicted[:, :3])
    assert np.isnan(one_sided_p([np.nan], [9])).all()
