from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from planted import planted_features

from decode.insilico.conditional import conditional_correlation, drawn_correlations
from decode.insilico.mediation import mediate
from decode.insilico.mediators import find_mediators
from decode.insilico.replacements import matched_draws, random_draws
from decode.insilico.rows import table_rows


def table(n_rows: int = 60, n_samples: int = 50, seed: int = 0) -> pd.DataFrame:
    """Rows R0, R1, ... that share two factors, and genes A and B of the regulators R0 and R1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, n_samples)) * 0.5 + rng.normal(size=(n_rows, n_samples))
    frame = pd.DataFrame(
        values + 6, index=[f"R{i}" for i in range(n_rows)], columns=[f"s{i}" for i in range(n_samples)]
    )
    for gene in "AB":
        frame.loc[gene] = frame.loc["R0"] + frame.loc["R1"] + 0.4 * rng.normal(size=n_samples)
    return frame


def own(frame: pd.DataFrame) -> dict[str, list[str]]:
    return {f"TF:{row}": [row] for row in frame.index if row.startswith("R")}


def test_draws_have_the_r2_of_statsmodels():
    frame, rng = table(), np.random.default_rng(1)
    base, columns = rng.normal(size=(50, 2)), frame.iloc[:60].to_numpy().T.copy()
    columns[:, 5] = columns[:, 6] + 1e-4 * rng.normal(size=50)  # almost collinear
    draws = np.concatenate([random_draws(60, 6, 30, rng), [[5, 6, 7, 8, 9, 10]]])
    pair = frame.loc[["A", "B"]].to_numpy().T
    found = drawn_correlations(pair, columns, draws, base)
    for value, draw in zip(found, draws, strict=True):
        design = sm.add_constant(np.column_stack([base, columns[:, draw]]))
        a, b = (sm.OLS(gene, design).fit().resid for gene in pair.T)
        assert value**2 == pytest.approx(sm.OLS(a, sm.add_constant(b)).fit().rsquared, abs=1e-10)
        one = conditional_correlation(pair[:, 0], pair[:, 1], columns[:, draw], base)
        assert value == pytest.approx(one.after, abs=1e-10)
        # the slope of the partner beside the same columns tests the same partial correlation
        assert one.p_after == pytest.approx(sm.OLS(pair[:, 0], np.column_stack([design, pair[:, 1]])).fit().pvalues[-1])


def test_values_are_never_logged_and_a_unit_does_not_matter():
    frame = table()
    first, second = (
        mediate(values, ("A", "B"), {"R0": ["R0"], "R1": ["R1"]}, own(frame), n_draws=50)
        for values in (frame, 10 * frame - 3)
    )
    assert first.r2_after == pytest.approx(second.r2_after)
    assert first.r2_before == pytest.approx(np.corrcoef(*frame.loc[["A", "B"]].to_numpy())[0, 1] ** 2)
    np.testing.assert_allclose(first.draws["none"].share, second.draws["none"].share)


def test_planted_drivers_stand_out_and_random_ones_do_not():
    frame = table()
    found = mediate(frame, ("A", "B"), {"R0": ["R0"], "R1": ["R1"]}, own(frame), n_draws=200)
    assert found.share > 0.8
    drawn = found.draws["none"]
    assert drawn.p_value == (1 + (drawn.correlation**2 <= found.r2_after).sum()) / 201
    assert drawn.p_value < 0.02
    np.testing.assert_allclose(drawn.share, 1 - drawn.correlation**2 / found.r2_before)
    p_values = [
        mediate(table(seed=s), ("A", "B"), {"x": ["R9"], "y": ["R8"]}, own(frame), n_draws=60).draws["none"].p_value
        for s in range(40)
    ]
    assert np.mean(np.array(p_values) < 0.05) < 0.2
    assert 0.25 < np.mean(p_values) < 0.75


def test_mediation_by_a_cell_fraction_goes_with_it_as_covariate():
    rng = np.random.default_rng(3)
    fraction = rng.normal(size=80)
    values = np.outer(rng.uniform(0.5, 1.5, 42), fraction) + 0.5 * rng.normal(size=(42, 80))
    frame = pd.DataFrame(values, index=[*(f"R{i}" for i in range(40)), "A", "B"])
    driver = {"R0": ["R0"], "R1": ["R1"]}
    cells = pd.DataFrame({"fraction": fraction})
    assert mediate(frame, ("A", "B"), driver).share > 0.5
    beside = mediate(frame, ("A", "B"), driver, own(frame), covariates=cells, n_draws=50)
    assert beside.r2_before < 0.1 * mediate(frame, ("A", "B"), driver).r2_before
    assert beside.covariates == ["fraction"]


def test_text_covariates_become_columns():
    frame = table()
    cohort = pd.DataFrame({"cohort": np.repeat(["x", "y"], 25), "copy": np.repeat([0, 1], 25)})
    found = mediate(frame, ("A", "B"), {"R0": ["R0"]}, covariates=cohort)
    a, b = (sm.OLS(frame.loc[g], sm.add_constant(np.repeat([0.0, 1.0], 25))).fit().resid for g in "AB")
    assert found.r2_before == pytest.approx(np.corrcoef(a, b)[0, 1] ** 2)


def test_matched_draws_are_like_the_drivers():
    frame = table(n_rows=200)
    frame.iloc[:200] += np.linspace(0, 50, 200)[:, None]
    drivers = {"R150": ["R150"], "R60": ["R60"]}
    fractions = frame.loc[["R3", "R4"]].T
    found = mediate(
        frame, ("A", "B"), drivers, own(frame), n_draws=30, match_on=["expression", "fractions"], fractions=fractions
    )
    assert list(found.draws) == ["none", "expression", "fractions"]
    distance = np.abs(
        frame.loc[["R150", "R60"]].mean(axis=1).to_numpy()[:, None] - frame.iloc[:200].mean(axis=1).to_numpy()
    )
    draws = matched_draws(distance, 100, 20, np.random.default_rng(0))
    assert (np.abs(draws - [150, 60]) <= 25).all()
    crowded = matched_draws(np.zeros((5, 5)), 20, 5, np.random.default_rng(0))
    assert all(sorted(row) == list(range(5)) for row in crowded.tolist())


def test_what_is_not_used_is_listed():
    frame = table()
    frame.loc["R2"] = 5.0
    drivers = {"R0": ["R0"], "miR-1": [], "A": ["A"], "again": ["R0"], "flat": ["R2"], "complex": ["R3", "R4"]}
    candidates = own(frame) | {"miRNA:miR-2": [], "TF:A": ["A"], "RBP:R7": ["R7"], "gone": ["not there"]}
    frame.loc["R5", "s0"] = np.nan
    found = mediate(frame, ("A", "B"), drivers, candidates, n_draws=20)
    why = found.drivers.set_index("regulator")["why_not"]
    assert why[why != ""].to_dict() == {
        "miR-1": "has no expression in the table",
        "A": "is a gene of the pair",
        "again": "has the same gene as R0",
        "flat": "has the same expression in all samples",
    }
    counts = found.counts
    assert counts["left_out_without_expression"] == 2
    assert (counts["left_out_constant"], counts["left_out_not_complete"], counts["left_out_same_gene"]) == (1, 1, 1)
    assert (counts["left_out_of_the_pair"], counts["left_out_drivers"]) == (1, 1)
    assert counts["candidates_used"] + sum(v for k, v in counts.items() if k.startswith("left_out")) == len(candidates)
    mean = frame.loc[["R3", "R4"]].mean()
    one = conditional_correlation(
        frame.loc["A"], frame.loc["B"], np.column_stack([frame.loc["R0"], mean]), np.empty((50, 0))
    )
    assert found.correlation_after == pytest.approx(one.after)


def test_a_pair_that_does_not_go_together_has_no_share():
    frame = table()
    rng = np.random.default_rng(0)
    noise = rng.normal(size=50)
    frame.loc["B"] = noise - frame.loc["A"] * np.cov(noise, frame.loc["A"])[0, 1] / frame.loc["A"].var()
    found = mediate(frame, ("A", "B"), {"R0": ["R0"]}, own(frame), n_draws=20)
    assert found.r2_before < 0.01
    assert np.isnan([found.share, found.draws["none"].p_value]).all()


def test_bad_tables():
    frame = table()
    with pytest.raises(ValueError, match="has the same value in all 50 samples"):
        mediate(frame.assign(**dict.fromkeys(frame.columns, 1.0)), ("A", "B"), {"R0": ["R0"]})
    holes = frame.copy()
    holes.loc["B", "s3"] = np.nan
    with pytest.raises(ValueError, match="gene B has no value in 1 of 50 samples"):
        mediate(holes, ("A", "B"), {"R0": ["R0"]})
    with pytest.raises(ValueError, match="50 samples are too few for 49 drivers"):
        mediate(frame, ("A", "B"), {f"R{i}": [f"R{i}"] for i in range(49)})
    with pytest.raises(ValueError, match="2 candidates are fewer than the 3 drivers"):
        mediate(frame, ("A", "B"), {f"R{i}": [f"R{i}"] for i in range(3)}, {"x": ["R7"], "y": ["R8"]})
    with pytest.raises(ValueError, match="no driver can be used"):
        mediate(frame, ("A", "B"), {"miR-1": []})
    with pytest.raises(ValueError, match="combination of other drivers"):
        mediate(
            pd.concat([frame, 2 * frame.loc[["R0"]].set_axis(["twice"])]), ("A", "B"), {"R0": ["R0"], "t": ["twice"]}
        )
    with pytest.raises(ValueError, match="no cell fractions are given"):
        mediate(frame, ("A", "B"), {"R0": ["R0"]}, match_on=["fractions"])
    with pytest.raises(KeyError, match="not in the expression table"):
        mediate(frame, ("A", "Z"), {"R0": ["R0"]})
    with pytest.raises(ValueError, match="covariates with missing values: age"):
        mediate(frame, ("A", "B"), {"R0": ["R0"]}, covariates=pd.DataFrame({"age": [np.nan] * 50}))


def test_names_of_rows():
    genes = pd.DataFrame({"gene_id": ["E1", "E2", "E3", "E4"], "gene_name": ["CD53", "SPI1", "DUP", "DUP"]})
    rows = table_rows(["E1", "SPI1|6688", "E3", "E4"], genes)
    assert rows.find(["CD53", "SPI1", "E2", "none"]) == {
        "CD53": ("E1",),
        "SPI1": ("SPI1|6688",),
        "E2": ("SPI1|6688",),
        "none": (),
    }
    with pytest.raises(ValueError, match=r"DUP.*several rows: E3, E4"):
        rows.one("DUP")
    with pytest.raises(KeyError, match="did you mean CD53"):
        rows.one("CD35")
    with pytest.raises(ValueError, match="occur more than once"):
        table_rows(["a", "a"])
    with pytest.raises(KeyError, match="--features or --id-map"):
        table_rows(["E1"]).one("XYZZY")


def test_mediators_are_bound_regulators_with_their_own_rows():
    features = planted_features(40)
    ids = features.ids.tolist()
    rows = table_rows([*ids, "MIX1"], features.genes)
    own_genes = {("TF", "AAA"): ("G0001", "G0002"), ("TF", "BBB"): ("G0003",), ("miRNA", "miR-1"): ()}
    found = find_mediators(rows, ("name7", "G0008"), ["AAA", "miR-1", "MIX1"], features=features, own_genes=own_genes)
    assert found.pair == ("G0007", "G0008")
    assert found.drivers == {"AAA": ("G0001", "G0002"), "miR-1": (), "MIX1": ("MIX1",)}
    is_bound = (features.take([7, 8]).totals() > 0).any(axis=0)
    tracks = features.tracks[is_bound]
    assert list(found.candidates) == list(dict.fromkeys(tracks["kind"] + ":" + tracks["regulator"]))
    assert found.candidates["TF:BBB"] == ("G0003",)
    table = pd.DataFrame(0.0, index=list(rows.rows), columns=["s1", "s2"])
    assert (
        find_mediators(table, ("name7", "G0008"), ["AAA", "miR-1", "MIX1"], features=features, own_genes=own_genes)
        == found
    )
    named = find_mediators(rows, ("name7", "name8"), ["BBB"], features=features, candidates=["MIX1", "nothing"])
    assert named.candidates == {"MIX1": ("MIX1",), "nothing": ()}
    with pytest.raises(KeyError, match="driver 'MIX2' is not in the expression table; did you mean MIX1"):
        find_mediators(rows, ("name7", "name8"), ["MIX2"], features=features)
    with pytest.raises(ValueError, match="are one row"):
        find_mediators(rows, ("name7", "G0007"), ["MIX1"])
    with pytest.raises(ValueError, match="two genes are wanted"):
        find_mediators(rows, ("name7",), ["MIX1"])


def test_a_gene_without_sites_is_named(caplog):
    features = planted_features(40)
    for region in features.regions.values():
        first, last = region.data.indptr[region.offsets[[7, 8]]]
        region.data.data[first:last] = 0
    rows = table_rows(features.ids.tolist(), features.genes)
    find_mediators(rows, ("G0005", "G0008"), ["AAA"], features=features, own_genes={})
    assert "no site" not in caplog.text
    find_mediators(rows, ("name7", "G0008"), ["AAA"], features=features, own_genes={})
    assert "name7 has no site of the features" in caplog.text


def test_with_the_drivers_in_the_pool_p_of_random_sets_is_exact():
    """One regulator explains the pair; sets of 4 of 12 hold it in a third of cases."""
    frame = table(seed=7)
    frame.loc["A"], frame.loc["B"] = (frame.loc["R0"] + 0.3 * frame.loc[row] for row in ("R40", "R41"))
    pool = {f"R{i}": [f"R{i}"] for i in range(12)}
    p_values = {False: [], True: []}
    for number in range(60):
        chosen = np.random.default_rng(number).choice(12, 4, replace=False)
        for with_drivers, found in p_values.items():
            drivers = {f"R{i}": [f"R{i}"] for i in chosen}
            result = mediate(frame, ("A", "B"), drivers, pool, n_draws=60, with_drivers=with_drivers, seed=number)
            found.append(result.draws["none"].p_value)
    assert np.mean(np.array(p_values[False]) < 0.05) > 0.2
    assert np.mean(np.array(p_values[True]) < 0.05) < 0.15
