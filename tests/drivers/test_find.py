from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import planted_features
from toy_drivers import PLANTED, driver_features, planted_table

from decode.drivers.engine import DriversConfig
from decode.drivers.find import _say_without_places, find_drivers
from decode.drivers.inputs import driver_inputs, match_table
from decode.drivers.prior import prior_agreement, read_de_prior
from decode.drivers.sites import position_profile, site_intervals
from decode.drivers.targets import leading_targets
from decode.expression.compendium import residual_correlation
from decode.expression.de_table import DeTable
from decode.expression.gene_signature import signature_table
from decode.features.matrix import RegulatoryFeatures

QUICK = DriversConfig(score="joint", n_null=200, independent_genes=True, n_top=5, n_targets=20)


@pytest.fixture(scope="module")
def features() -> RegulatoryFeatures:
    return driver_features()


@pytest.fixture(scope="module")
def found(features):
    return find_drivers(planted_table(features), features, config=QUICK)


def keys(frame: pd.DataFrame) -> list[str]:
    return (frame["kind"] + ":" + frame["regulator"]).tolist()


def test_planted_drivers_come_first_with_their_sign(found):
    top = found.drivers.head(3)
    assert set(keys(top)) == set(PLANTED)
    assert top["fdr"].max() < 0.05
    assert (found.drivers["fdr"] < 0.05).sum() <= 4
    assert dict(zip(keys(top), top["sign"], strict=True)) == {
        name: "up" if effect > 0 else "down" for name, effect in PLANTED.items()
    }
    assert top["z"].abs().min() > 3
    assert found.drivers["rank"].tolist() == list(range(1, 61))
    assert found.drivers.set_index("regulator").loc["TF3", "n_tracks"] == 2
    assert found.contrasts.loc[0, "r2"] > 0.1


def test_own_change_of_a_regulator(found, features):
    table = planted_table(features)
    row = found.drivers.set_index("regulator").loc["TF3"]
    gene = features.genes.loc[features.genes["gene_name"] == "TF3", "gene_id"].iloc[0]
    assert row["own_statistic"] == table.statistic.loc[gene, "kd"]
    assert row["own_log2_fold_change"] == table.log2_fold_change.loc[gene, "kd"]
    assert row["own_adjusted_p"] == 0.5
    assert pd.isna(row["is_expressed"])  # the unit of limma's AveExpr is not known
    absent = found.drivers.set_index("regulator").loc["RBP5"]
    assert np.isnan(absent["own_statistic"])
    assert pd.isna(absent["is_expressed"])  # no gene of that name is known


def test_is_expressed_where_the_unit_tells(features):
    table = planted_table(features)
    level = pd.Series(0.5, index=table.statistic.index)
    rows = features.genes["gene_name"].isin(["TF3"]).to_numpy()
    level[rows] = 9.0
    result = find_drivers(table._replace(source="DESeq2", mean_expression=level), features, config=QUICK)
    found = result.drivers.set_index("regulator")["is_expressed"]
    assert (bool(found["TF3"]), bool(found["TF7"]), pd.isna(found["RBP5"])) == (True, False, True)


def test_genes_without_statistic_are_left_out(features):
    table = planted_table(features)
    table.statistic.iloc[:5] = np.nan
    result = find_drivers(table, features, config=QUICK)
    assert result.contrasts.loc[0, "n_genes"] == features.n_genes - 5


def test_no_gene_changes_is_said(features, found, caplog):
    assert found.contrasts.loc[0, "n_changed_genes"] == 0
    find_drivers(planted_table(features), features, config=QUICK)
    assert "no gene changes at FDR 5 %" in caplog.text
    assert found.contrasts.loc[0, "caveat"].startswith("no gene changes at FDR 5 %")


def own_samples(features, n=40):
    rng = np.random.default_rng(3)
    return pd.DataFrame(rng.normal(size=(features.n_genes, n)), index=features.ids.astype(str))


def test_correlation_of_own_samples(features):
    config = DriversConfig(n_null=200, n_top=5, n_targets=20)
    correlation = residual_correlation(own_samples(features), source="these samples")
    result = find_drivers(planted_table(features), features, config=config, correlation=correlation)
    assert set(keys(result.drivers.head(3))) == set(PLANTED)
    assert result.contrasts.loc[0, "null"] == "these samples"
    assert result.drivers["vif"].median() == pytest.approx(1.0, abs=0.1)
    weak = result.drivers[result.drivers["z"].abs() < 1.5]  # beyond, Student's t for 39 degrees of freedom shrinks z
    np.testing.assert_allclose(weak["effect"] / weak["sd"], weak["z"], rtol=0.1)
    assert result.counts["inputs"]["kd"]["n_genes_with_correlation"] == features.n_genes


def test_shipped_correlation_is_of_human_genes(features):
    with pytest.raises(ValueError, match="--independent-genes"):
        find_drivers(planted_table(features), features, config=DriversConfig(n_null=50))


def test_groups_hold_regulators_that_go_together(features):
    twins = RegulatoryFeatures(
        **{
            **{n: getattr(features, n) for n in features.__dataclass_fields__},
            "tracks": features.tracks.assign(
                regulator=[
                    "TWIN" if name == "promoter|TF:TF3@HepG2" else regulator
                    for name, regulator in zip(features.track_ids, features.tracks["regulator"], strict=True)
                ]
            ),
        }
    )
    result = find_drivers(planted_table(features), twins, config=QUICK)
    assert result.drivers["group"].nunique() > 50
    assert set(result.drivers["group"]) <= set(keys(result.drivers))
    first = result.drivers.iloc[0]
    assert first["group"] == f"{first['kind']}:{first['regulator']}"


def test_targets_are_bound_and_agree_with_the_statistic(found, features):
    targets = found.targets[found.targets["regulator"] == "TF8"]
    assert 0 < len(targets) <= 20
    assert (np.sign(targets["attribution"]) == np.sign(targets["statistic"])).all()
    assert (np.diff((targets["attribution"] * targets["statistic"]).to_numpy()) <= 0).all()
    bound = features.totals()[:, features.track_ids.index("promoter|TF:TF8@K562")] > 0
    assert bound[features.genes["gene_id"].isin(targets["gene_id"])].all()
    first = found.drivers.set_index("regulator").loc["TF8", "leading_targets"].split(", ")
    assert first == targets["gene_name"].tolist()[:5]


def test_symbols_give_the_same(found, features):
    by_name = find_drivers(planted_table(features, symbols=True), features, config=QUICK)
    pd.testing.assert_frame_equal(by_name.drivers, found.drivers)
    assert by_name.counts["names"]["symbol"] == features.n_genes


def test_signature_counts_other_genes_as_unchanged(features):
    statistic = planted_table(features).statistic["kd"]
    high, low = statistic.nlargest(150).index, statistic.nsmallest(150).index
    table = signature_table([(gene, 1.0) for gene in high] + [(gene, -1.0) for gene in low], "sig")
    result = find_drivers(table, features, config=QUICK)
    assert result.contrasts.loc[0, "n_genes"] == features.n_genes
    assert set(keys(result.drivers.head(3))) == set(PLANTED)
    assert result.drivers["is_expressed"].isna().all()


def test_contrasts_measured_in_different_genes(features):
    table = planted_table(features)
    frame = table.statistic.assign(other=-table.statistic["kd"], third=table.statistic["kd"])
    frame.loc[frame.index[:50], "third"] = np.nan
    table = table._replace(statistic=frame, log2_fold_change=None, adjusted_p=None)
    result = find_drivers(table, features, config=QUICK)
    assert result.contrasts["contrast"].tolist() == ["kd", "other", "third"]
    assert result.contrasts["n_genes"].tolist() == [800, 800, 750]
    effect = result.drivers.pivot_table(index=["kind", "regulator"], columns="contrast", values="effect")
    np.testing.assert_allclose(effect["kd"], -effect["other"], atol=1e-9)
    only = find_drivers(table, features, config=QUICK, contrasts=["other"])
    assert only.contrasts["contrast"].tolist() == ["other"]
    with pytest.raises(KeyError, match="contrast"):
        find_drivers(table, features, contrasts=["none"])


def test_biosamples(features):
    result = find_drivers(planted_table(features), features, config=QUICK, biosamples=["K562"])
    assert result.drivers["n_tracks"].max() == 1
    with pytest.raises(KeyError, match="biosample"):
        find_drivers(planted_table(features), features, biosamples=["none"])


def test_null_table_has_no_driver(features):
    rng = np.random.default_rng(5)
    table = planted_table(features)
    noise = pd.DataFrame(rng.normal(size=(800, 6)), index=table.statistic.index, columns=list("abcdef"))
    result = find_drivers(
        table._replace(statistic=noise, log2_fold_change=None, adjusted_p=None), features, config=QUICK
    )
    assert (result.drivers["fdr"] < 0.05).sum() <= 2
    assert abs((result.drivers["p_value"] < 0.05).mean() - 0.05) < 0.04


def test_prior(features, found, tmp_path):
    genes = features.genes
    change = planted_table(features).statistic["kd"].abs()
    text = "Gene_Name\tDE_Prior_Rank\n" + "".join(
        f"{name}\t{rank}\n" for name, rank in zip(genes["gene_name"], change.rank(pct=True), strict=True)
    )
    (tmp_path / "prior.txt").write_text(text)
    prior = read_de_prior(tmp_path / "prior.txt", genes)
    result = find_drivers(planted_table(features), features, config=QUICK, prior=prior)
    assert result.contrasts.loc[0, "prior_auroc"] == 1.0
    assert result.contrasts.loc[0, "prior_spearman"] == pytest.approx(1.0)
    assert bool(result.contrasts.loc[0, "is_generic"])
    assert result.drivers.loc[0, "targets_prior_rank"] > 0.8
    assert "respond in most" in result.drivers.loc[0, "de_prior_note"]
    pd.testing.assert_series_equal(result.drivers["z"], found.drivers["z"])
    config = DriversConfig(score="joint", n_null=200, independent_genes=True, n_top=5, prior_covariate=True)
    adjusted = find_drivers(planted_table(features), features, config=config, prior=prior)
    assert "DE prior" in adjusted.counts["inputs"]["kd"]["covariates"]
    (tmp_path / "bad.txt").write_text("Gene\tRank\nA\t1\n")
    with pytest.raises(ValueError, match="lacks the columns Gene_Name"):
        read_de_prior(tmp_path / "bad.txt", genes)
    (tmp_path / "none.txt").write_text("Gene_Name\tDE_Prior_Rank\nnobody\t1\n")
    with pytest.raises(ValueError, match="no gene of its 1"):
        read_de_prior(tmp_path / "none.txt", genes)
    assert np.isnan(prior_agreement(pd.Series(dtype=float), prior).auroc)


def test_sites_lie_where_the_bins_are(features):
    is_own = np.array([name == "promoter|TF:TF8@K562" for name in features.track_ids])
    values = features.dense("promoter", [0, 1])[0][:, :, features.track_ids.index("promoter|TF:TF8@K562")]
    for gene, strand in ((0, "+"), (1, "-")):
        sites = site_intervals(features, is_own, [gene], "TF:TF8")
        tss = int(features.genes.loc[gene, "tss"])
        start = [tss - 200 + 100 * i if strand == "+" else tss + 1 + 200 - 100 * (i + 1) for i in range(3)]
        expected = sorted(start[i] for i in range(3) if values[gene, i] > 0)
        assert sites["start"].tolist() == expected
        assert (sites["end"] - sites["start"]).tolist() == [100] * len(expected)
    assert site_intervals(features, is_own, [], "TF:TF8").empty


def test_sites_of_further_regions(features, caplog):
    is_own = np.array([name == "promoter|TF:TF8@K562" for name in features.track_ids])
    bound = int(np.flatnonzero(features.totals()[:, is_own].ravel())[0])

    def moved_to(region: str, definition: dict) -> RegulatoryFeatures:
        tracks = features.tracks.assign(region=features.tracks["region"].replace("promoter", region))
        regions = {region if name == "promoter" else name: matrix for name, matrix in features.regions.items()}
        return replace(features, tracks=tracks, regions=regions, definitions={region: definition})

    window = {"type": "window", "first_bp": 800, "last_bp": 1100, "bin_size": 100}
    own = site_intervals(features, is_own, [bound], "TF:TF8")
    far = site_intervals(moved_to("far", window), is_own, [bound], "TF:TF8")
    shift = 1000 if features.genes.loc[bound, "strand"] == "+" else -1000
    assert len(own)
    assert (far["start"] - own["start"]).tolist() == [shift] * len(own)
    assert far["score"].tolist() == own["score"].tolist()
    assert not caplog.records
    links = {"type": "linked", "bin_size": 100, "path": "nowhere.tsv", "sha256": "0" * 64, "min_score": None}
    assert site_intervals(moved_to("distal", links), is_own, [bound], "TF:TF8").empty
    assert f"TF:TF8: {len(own)} bins with sites are not among the intervals: region 'distal'" in caplog.text
    potential = window | {"type": "potential"}
    caplog.clear()
    near = moved_to("near", potential)
    assert site_intervals(near, is_own, [bound], "TF:TF8").empty
    assert not caplog.records  # told once for all regulators, not by each
    with caplog.at_level("INFO", logger="decode.drivers.find"):
        _say_without_places(near, None)
    assert "do not say where the peaks lie: no sites of the region(s) near" in caplog.text


def test_positions(features):
    is_own = np.array([name == "rna|RBP:RBP5@K562" for name in features.track_ids])
    profile = position_profile(features, is_own, np.array([1, 2]), np.arange(800))
    assert set(profile["zone"]) == {"RNA 5' third", "RNA middle third", "RNA 3' third"}
    assert len(profile) == 15
    assert profile["covered_bound"].between(0, 1).all()
    promoter = position_profile(features, np.array([n.startswith("promoter|TF:TF8@") for n in features.track_ids]),
                                np.array([0]), np.array([0]))  # fmt: skip
    values = features.dense("promoter", [0])[0][0, :, features.track_ids.index("promoter|TF:TF8@K562")]
    np.testing.assert_allclose(promoter["covered_targets"], values / 100)
    assert promoter["zone"].tolist() == ["promoter upstream", "promoter upstream", "promoter downstream"]


def test_covariates_and_strata(features):
    inputs = driver_inputs(features, list(features.ids[:300]), None, min_bound_genes=60)
    assert inputs.counts["n_tracks"] + inputs.counts["n_tracks_dropped"] == len(features.tracks)
    assert (inputs.regulators.table["n_bound_genes"] >= 60).all()
    assert inputs.covariate_names[:2] == ["log length", "log length squared"]
    assert np.bincount(inputs.strata).min() >= 10
    mean = pd.Series([1.0, np.nan], index=features.ids[:2])
    assert driver_inputs(features, list(features.ids[:300]), mean).covariates.shape[1] == 10
    with pytest.raises(ValueError, match="at least 100"):
        driver_inputs(features, list(features.ids[:50]), None)
    with pytest.raises(ValueError, match="no track has sites"):
        driver_inputs(features, list(features.ids[:300]), None, min_bound_genes=301)


class TestCovariates:
    def frame(self, features) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        values = pd.DataFrame(rng.gamma(2, 2, (len(features.ids), 2)), index=features.ids, columns=["K562", "HepG2"])
        values.iloc[:5, 0] = np.nan
        return values

    def test_each_with_its_square_and_the_median_where_unknown(self, features):
        frame = self.frame(features)
        inputs = driver_inputs(features, list(features.ids), None, covariates=frame.sample(frac=1, random_state=1))
        without = driver_inputs(features, list(features.ids), None)
        names = ["K562", "K562 squared", "HepG2", "HepG2 squared"]
        assert inputs.covariate_names == [*without.covariate_names, *names]
        level = frame["K562"].fillna(frame["K562"].median()).to_numpy()
        expected = [level, (level - level.mean()) ** 2]
        np.testing.assert_allclose(inputs.covariates[:, -4:-2].T, expected)
        np.testing.assert_array_equal(inputs.strata, without.strata)

    def test_what_they_explain_is_gone(self, features):
        """A protein whose sites lie on the RNAs of its cell, in a contrast of genes that this cell expresses."""
        rng, own = np.random.default_rng(0), features.track_ids.index("rna|RBP:RBP5@K562")
        level = np.log1p(features.totals()[:, own]) + rng.normal(size=features.n_genes)
        frame = pd.DataFrame({"K562": level}, index=features.ids)
        statistic = pd.DataFrame({"kd": level + rng.normal(size=features.n_genes)}, index=features.ids)
        table = table_of(list(features.ids))._replace(statistic=statistic)
        config, z = replace(QUICK, scale="as_given"), {}
        for name, covariates in (("without", None), ("with", frame)):
            result = find_drivers(table, features, config=config, covariates=covariates)
            z[name] = result.drivers.set_index("regulator").loc["RBP5", "z"]
        assert z["without"] > 10
        assert abs(z["with"]) < 3
        assert result.counts["inputs"]["kd"]["covariates"][-2:] == ["K562", "K562 squared"]

    def test_bad_ones(self, features):
        frame = self.frame(features)
        for bad, message in (
            (frame.assign(K562=1.0), "covariate K562 is 1 for every gene of the contrast; leave this column out"),
            (frame.assign(K562="high"), "covariate K562 holds .* values; numbers are wanted"),
            (frame.rename(columns={"K562": "log length"}), "log length are there already; rename"),
            (frame.set_axis(["a", "a"], axis=1), "covariates occur more than once: a"),
            (frame.set_axis([f"X{i}" for i in range(len(frame))]), "covariates: 0 of"),
            (pd.concat([frame, frame[:1]]), "genes of the covariates occur more than once"),
        ):
            with pytest.raises(ValueError, match=message):
                driver_inputs(features, list(features.ids), None, covariates=bad)


def table_of(ids: list[str]) -> DeTable:
    frame = pd.DataFrame({"kd": np.arange(len(ids), dtype=float)}, index=ids)
    return DeTable(frame, None, None, None, "table", "column t", False, {})


def test_matching_rule(features, caplog):
    ids = [str(gene) for gene in features.ids]
    with pytest.raises(ValueError, match="0 of 3 rows"):
        match_table(table_of(["no gene 1", "no gene 2", "no gene 3"]), features)
    with pytest.raises(ValueError, match=r"40\.0%"):
        match_table(table_of(ids[:40] + [f"no gene {i}" for i in range(60)]), features)
    matched = match_table(table_of([f"{gene}.7" for gene in ids[:70]] + [f"no gene {i}" for i in range(30)]), features)
    assert "70.0% of the smaller side" in caplog.text
    assert matched.genes == ids[:70]
    assert matched.table.statistic.loc[ids[3], "kd"] == 3.0


def test_rows_of_one_gene_and_ambiguous_names(features):
    ids, names = list(features.ids), features.genes["gene_name"].tolist()
    doubled = table_of([names[0], ids[0], *ids[1:200]])
    matched = match_table(doubled, features)
    assert (matched.counts["n_rows_sharing_a_gene"], matched.table.statistic.loc[ids[0], "kd"]) == (1, 0.0)
    mean = pd.Series([1.0, 2.0] + [0.0] * 199, index=doubled.statistic.index)
    assert match_table(doubled._replace(mean_expression=mean), features).table.statistic.loc[ids[0], "kd"] == 1.0
    genes = features.genes.assign(gene_name=["TWIN", "TWIN", *names[2:]])
    twins = RegulatoryFeatures(**{**{n: getattr(features, n) for n in features.__dataclass_fields__}, "genes": genes})
    table = table_of(["TWIN", *ids[2:99]])
    with pytest.raises(ValueError, match=r"1 of 98 names .*TWIN .*--skip-ambiguous"):
        match_table(table, twins)
    assert match_table(table, twins, skip_ambiguous=True).counts["n_matched"] == 97


def test_less_than_one_ambiguous_name_of_a_hundred_is_left_out(features, caplog):
    ids, names = list(features.ids), features.genes["gene_name"].tolist()
    genes = features.genes.assign(gene_name=["TWIN", "TWIN", *names[2:]])
    twins = RegulatoryFeatures(**{**{n: getattr(features, n) for n in features.__dataclass_fields__}, "genes": genes})
    matched = match_table(table_of(["TWIN", *ids[2:200]]), twins)
    assert matched.counts["n_matched"] == 198
    assert f"1 of 199 names stand for several genes and are left out: TWIN ({ids[0]}, {ids[1]})" in caplog.text


def test_rows_of_other_genes_are_outside_and_not_unmatched(features, caplog):
    ids = [str(gene) for gene in features.ids]
    other = [f"ENSG{number:011d}" for number in range(90_000_000, 90_000_200)]
    named = ["MALAT1", "RP11-34P13.7", "XIST"]
    matched = match_table(table_of([*ids[:100], *other, *named]), features)
    assert matched.counts["n_rows_outside"] == 203
    assert "smaller side" not in caplog.text
    with pytest.raises(ValueError, match=r"100 of 320 rows .*45\.5% of the smaller side; 100 rows are other genes"):
        match_table(table_of([*ids[:100], *other[:100], *(f"no gene {i}" for i in range(120))]), features)
    with pytest.raises(ValueError, match="0 of 200 rows"):
        match_table(table_of(other), features)


def test_transcripts_are_refused():
    transcripts = planted_features(40, level="transcript")
    with pytest.raises(ValueError, match="hold transcripts"):
        match_table(table_of(["T0000"]), transcripts)


def test_leading_targets_of_nothing():
    assert leading_targets(np.zeros(3), np.ones(3), np.ones(3, dtype=bool), 2).tolist() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [({"score": "best"}, "score"), ({"scale": "log"}, "scale"), ({"n_null": 0}, "n_null"), ({"seed": -1}, "seed")],
)
def test_options(options, message):
    with pytest.raises(ValueError, match=message):
        DriversConfig(**options)


def test_expression_explains_a_response_away(features):
    """Genes that change are expressed, and so are the RNAs that an RBP is found on."""
    rng = np.random.default_rng(8)
    own = (features.tracks["regulator"] == "RBP7").to_numpy()
    level = np.log1p(features.totals()[:, own].sum(axis=1)) + rng.normal(size=features.n_genes)
    changed = np.argsort(-level - rng.normal(size=features.n_genes))[:160]
    table = signature_table(
        [(features.ids[row], sign) for row, sign in zip(changed, [1.0, -1.0] * 80, strict=True)], "s"
    )
    expression = pd.Series(level, index=features.ids.astype(str))
    z = []
    for given in (None, expression):
        result = find_drivers(table, features, config=QUICK, mean_expression=given)
        z.append(result.drivers.set_index("regulator").loc["RBP7", "response_z"])
        has_level = any("expression" in name for name in result.counts["inputs"]["s"]["covariates"])
        assert has_level is (given is not None)
    assert z[0] > 4
    assert z[1] < z[0] / 2


def test_expression_of_other_genes(features):
    with pytest.raises(ValueError, match="mean expression"):
        find_drivers(planted_table(features), features, config=QUICK, mean_expression=pd.Series([1.0], index=["X"]))
