from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features, planted_table

from decode.drivers.engine import DriversConfig
from decode.drivers.explain import explain_table
from decode.drivers.gather import EvidenceOptions, correlation_line, gather_lines
from decode.expression.compendium import residual_correlation

CONFIG = DriversConfig(n_null=100, n_top=3, n_targets=10)


@pytest.fixture(scope="module")
def features():
    return driver_features(400)


@pytest.fixture(scope="module")
def correlation(features):
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.normal(size=(400, 40)), index=features.ids.astype(str))
    return residual_correlation(values, source="toy samples")


def test_correlation_line_by_numpy(features, correlation):
    genes = features.genes[["gene_id", "gene_name"]]
    regulators = features.tracks[["kind", "regulator"]].drop_duplicates()
    line = correlation_line(correlation, genes, regulators)
    number = line.regulators.index[line.regulators["regulator"] == "TF3"][0]
    row = int(np.flatnonzero(genes["gene_name"] == "TF3")[0])
    factors = correlation.groups[0].factors
    expected = factors @ factors[row]
    expected[row] = 0.0
    np.testing.assert_allclose(line.matrix[:, number], expected, atol=1e-6)
    assert correlation_line(correlation, genes, regulators.assign(regulator="nobody", kind="TF").head(1)) is None


def test_evidence_stands_beside_the_sites(features, correlation, tmp_path):
    table = planted_table(features)
    names = features.genes["gene_name"]
    high = names[np.argsort(-np.abs(table.statistic["kd"].to_numpy()))[:80]]
    edges = [("TF8", name) for name in high] + [(f"TF{i}", name) for i in range(4, 8) for name in names[i::9]]
    pd.DataFrame([*edges, *(("TF9", name) for name in names[3::10])], columns=["source", "target"]).to_csv(
        tmp_path / "net.tsv", sep="\t", index=False
    )
    options = EvidenceOptions(networks=(tmp_path / "net.tsv",))
    result = explain_table(table, features, config=CONFIG, correlation=correlation, evidence=options)
    rows = result.drivers.set_index("regulator")
    assert rows.loc["TF8", "evidence_rank"] == 1
    assert rows.loc["TF8", "n_lines"] == 3  # binding, co-expression, network
    assert rows.loc["RBP5", "n_lines"] == 1
    assert rows.loc["TF8", "evidence_p"] < 0.01
    assert result.counts["evidence"]["p_values"] == "null targets with correlated genes"
    assert {"z_binding", "z_sites", "z_coexpression", "z_net"} <= set(result.drivers)


def test_evidence_p_values_are_uniform_where_nothing_differs(features, correlation):
    rng = np.random.default_rng(4)
    noise = pd.DataFrame(
        rng.normal(size=(400, 10)), index=features.ids.astype(str), columns=[f"c{i}" for i in range(10)]
    )
    table = planted_table(features)._replace(statistic=noise, log2_fold_change=None, adjusted_p=None)
    result = explain_table(table, features, config=CONFIG, correlation=correlation, evidence=EvidenceOptions())
    p_value = result.drivers["evidence_p"].dropna()
    assert abs((p_value < 0.05).mean() - 0.05) < 0.04


def test_many_contrasts_have_no_evidence_p_values(features, correlation):
    rng = np.random.default_rng(4)
    names = [f"c{i}" for i in range(11)]
    noise = pd.DataFrame(rng.normal(size=(400, 11)), index=features.ids.astype(str), columns=names)
    table = planted_table(features)._replace(statistic=noise, log2_fold_change=None, adjusted_p=None)
    result = explain_table(table, features, config=CONFIG, correlation=correlation, evidence=EvidenceOptions())
    assert result.drivers["evidence_p"].isna().all()
    assert result.drivers["evidence_rank"].notna().any()
    assert result.counts["evidence"]["p_values"] == "none"


def test_own_change_needs_a_background_for_p(features, correlation):
    result = explain_table(
        planted_table(features), features, config=CONFIG, correlation=correlation,
        evidence=EvidenceOptions(with_own_change=True),
    )  # fmt: skip
    assert result.drivers["evidence_p"].isna().all()
    assert "z_own_change" in result.drivers
    assert result.counts["evidence"]["p_values"] == "none"


def test_lines_of_one_name_are_refused(features, correlation, tmp_path):
    (tmp_path / "a").mkdir()
    names = features.genes["gene_name"]
    for folder in (tmp_path, tmp_path / "a"):
        pd.DataFrame({"source": "TF1", "target": names[:50]}).to_csv(folder / "net.tsv", sep="\t", index=False)
    with pytest.raises(ValueError, match="rename a file"):
        gather_lines(
            features, correlation, EvidenceOptions(networks=(tmp_path / "net.tsv", tmp_path / "a" / "net.tsv"))
        )


def test_factors_without_sites_are_named(features, correlation, tmp_path, caplog):
    table = planted_table(features)
    gene = features.genes["gene_name"][~features.genes["gene_name"].str.startswith("TF")].iloc[5]
    (tmp_path / "factors.txt").write_text(f"TF3\nTF8\n{gene}\n")
    path = tmp_path / "factors.txt"
    result = explain_table(table, features, config=CONFIG, correlation=correlation, sequence_specific=path)
    assert result.missing["factor"].tolist() == [gene]
    assert "no sites in the features" in caplog.text
    assert result.evidence is None
