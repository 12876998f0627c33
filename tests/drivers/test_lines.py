from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import pearsonr
from toy_drivers import driver_features

from decode.drivers.lines import binding_line, coexpression_line, network_line, site_line
from decode.features.matrix import RegionMatrix

GENES = pd.DataFrame({"gene_id": [f"ENSG{i:011d}" for i in range(6)], "gene_name": list("ABCDEF")})
TFS = pd.DataFrame({"kind": ["TF", "TF", "miRNA"], "regulator": ["A", "C", "miR-1"]})


def six_genes(n_samples: int = 8, seed: int = 0) -> pd.DataFrame:
    """log2 values of A to F."""
    values = np.random.default_rng(seed).normal(5, 1, (6, n_samples))
    return pd.DataFrame(values, index=list("ABCDEF"), columns=[f"s{i}" for i in range(n_samples)])


def test_coexpression_is_pearsons_r_and_0_with_itself() -> None:
    table = six_genes()
    line = coexpression_line(table, GENES, TFS)
    assert line.regulators["regulator"].tolist() == ["A", "C"]  # a miRNA has no messenger RNA
    for column, own in enumerate("AC"):
        expected = [0.0 if gene == own else pearsonr(table.loc[gene], table.loc[own])[0] for gene in "ABCDEF"]
        np.testing.assert_allclose(line.matrix[:, column], expected, atol=1e-12)
    cubed = coexpression_line(table, GENES, TFS, cube=True)
    np.testing.assert_allclose(cubed.matrix, np.maximum(line.matrix, 0) ** 3, atol=1e-12)
    assert "cubed" in cubed.rule


def test_coexpression_within_groups_ignores_differences_between_them() -> None:
    table = six_genes(12)
    groups = pd.Series(["x"] * 6 + ["y"] * 6, index=table.columns)
    shifted = table.copy()
    shifted.iloc[:, 6:] += np.arange(6)[:, None]
    within = coexpression_line(table, GENES, TFS, groups=groups).matrix
    np.testing.assert_allclose(within, coexpression_line(shifted, GENES, TFS, groups=groups).matrix, atol=1e-12)
    centred = table - table.T.groupby(groups.to_numpy()).transform("mean").T
    assert within[1, 0] == pytest.approx(np.corrcoef(centred.loc["B"], centred.loc["A"])[0, 1])
    with pytest.raises(ValueError, match="1 samples have no group: s11"):
        coexpression_line(table, GENES, TFS, groups=groups.iloc[:-1])


def test_coexpression_takes_logs_of_amounts_and_means_of_a_complex() -> None:
    table = six_genes()
    regulators = pd.DataFrame({"kind": ["TF"], "regulator": ["A::C"]})
    logs = coexpression_line(table, GENES, regulators)
    amounts = coexpression_line((2**table - 1) * 100, GENES, regulators)
    assert "log2(x + 1)" in amounts.rule
    assert "values as given" in logs.rule
    expected = (pearsonr(table.loc["B"], table.loc["A"])[0] + pearsonr(table.loc["B"], table.loc["C"])[0]) / 2
    assert logs.matrix[1, 0] == pytest.approx(expected)
    assert logs.matrix[[0, 2], 0].tolist() == [0.0, 0.0]


def test_a_regulator_that_is_not_measured_is_unknown() -> None:
    table = six_genes().drop(index="C")
    table.loc["F"] = 1.0
    line = coexpression_line(table, GENES, TFS)
    assert line.regulators["regulator"].tolist() == ["A"]
    assert line.matrix[[2, 5], 0].tolist() == [0.0, 0.0]  # absent and constant genes say nothing
    assert line.counts["n_regulators_unknown"] == 2
    missing = six_genes()
    missing.iloc[1, 0] = np.nan
    assert np.isfinite(coexpression_line(missing, GENES, TFS).matrix).all()


def test_coexpression_complains() -> None:
    with pytest.raises(ValueError, match="4 samples; 5 or more"):
        coexpression_line(six_genes(4), GENES, TFS)
    with pytest.raises(ValueError, match="match the 6 genes"):
        coexpression_line(six_genes().set_axis(list("UVWXYZ"), axis=0), GENES, TFS)
    with pytest.raises(ValueError, match="neither logs nor"):
        coexpression_line(six_genes() * 100 - 300, GENES, TFS)
    with pytest.raises(ValueError, match="measures none of 1 regulators"):
        coexpression_line(six_genes(), GENES, TFS.iloc[2:])


def network(sources: dict[str, str]) -> pd.DataFrame:
    pairs = [(source, target) for source, targets in sources.items() for target in targets]
    return pd.DataFrame(pairs, columns=["source", "target"])


def test_network_line_knows_regulators_with_five_targets() -> None:
    edges = network({"A": "BCDEF", "ENSG00000000002": "AB", "miR-1": "ABCDEF", "Z": "ABCDEF"})
    line = network_line(edges, GENES, TFS)
    assert line.regulators.to_numpy().tolist() == [["TF", "A"], ["miRNA", "miR-1"]]
    assert line.matrix.tolist() == [[0, 1], [1, 1], [1, 1], [1, 1], [1, 1], [1, 1]]
    assert line.counts["n_sources_outside"] == 1
    assert line.counts["n_regulators_few_targets"] == 1


def test_a_source_stands_for_all_kinds_of_its_name_and_is_found_by_gene_id() -> None:
    both = pd.DataFrame({"kind": ["TF", "RBP"], "regulator": ["A", "A"]})
    line = network_line(network({"A": "BCDEF"}), GENES, both)
    assert line.regulators["kind"].tolist() == ["TF", "RBP"]
    by_id = network({"A": "BCDEF"}).assign(source="ENSG00000000000.7")
    np.testing.assert_array_equal(network_line(by_id, GENES, both).matrix, line.matrix)


def test_network_line_complains() -> None:
    with pytest.raises(ValueError, match="targets: 1 of 6 rows match"):
        network_line(network({"A": "BUVXYZ"}), GENES, TFS)
    with pytest.raises(ValueError, match=r"none of its 1 sources \(Z\)"):
        network_line(network({"Z": "ABCDEF"}), GENES, TFS)


def test_binding_line_regresses_out_how_much_a_gene_is_bound() -> None:
    features = driver_features(300)
    line = binding_line(features)
    assert line is not None
    assert "no regulatory potential" in line.rule
    assert line.counts == {"n_regulators": 40, "n_tracks": 44}
    is_tf = (features.tracks["kind"] == "TF").to_numpy()
    logs = np.log1p(features.totals()[:, is_tf].astype(np.float64))
    x = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    mean = x.mean(axis=1)
    slope = [np.polyfit(mean, column, 1) for column in x.T]
    left = np.stack([column - np.polyval(fit, mean) for column, fit in zip(x.T, slope, strict=True)], axis=1)
    np.testing.assert_allclose(line.matrix[:, 0], left[:, :2].mean(axis=1), atol=1e-9)  # TF0 has two tracks
    np.testing.assert_allclose(line.matrix[:, 10], left[:, 14], atol=1e-9)


def test_binding_line_prefers_the_potential() -> None:
    features = driver_features(300)
    values = np.random.default_rng(0).random((300, 2)).astype(np.float32)
    region = RegionMatrix("potential", sparse.csr_array(values), np.arange(301), np.ones(300, dtype=np.int32))
    tracks = features.tracks.iloc[:2].assign(region="potential", value_kind="potential", regulator=["TF7", "TF9"])
    both = replace(
        features,
        regions={**features.regions, "potential": region},
        tracks=pd.concat([features.tracks, tracks], ignore_index=True),
    )
    line = binding_line(both)
    assert line is not None
    assert line.rule == "regulatory potential of sites"
    assert line.regulators["regulator"].tolist() == ["TF7", "TF9"]
    logs = np.log1p(values.astype(np.float64))
    np.testing.assert_allclose(line.matrix, (logs - logs.mean(axis=0)) / logs.std(axis=0), atol=1e-6)  # too few tracks


def test_site_line_is_of_the_rna_kinds_and_free_of_length() -> None:
    features = driver_features(300)
    line = site_line(features)
    assert line is not None
    assert set(line.regulators["kind"]) == {"RBP"}
    length = np.log(features.genes["length_bp"])
    assert np.abs(np.corrcoef(line.matrix.T, length)[-1, :-1]).max() < 1e-9
    assert site_line(features.select(kinds=["TF"])) is None
    assert binding_line(features.select(kinds=["RBP"])) is None
