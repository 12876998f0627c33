from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import TINY_PAPER, planted_dataset, planted_features, planted_targets, quick_bundle

from decode.attribution.attribute import attribute
from decode.evaluation.predict import predict
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.regulators.atlas import look_up_gene
from decode.regulators.atlas_data import gather_atlas, strongest

N = 150


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(N)


@pytest.fixture(scope="module")
def bundle(dataset):
    return quick_bundle(dataset)


@pytest.fixture(scope="module")
def targets():
    table = planted_targets(planted_features(N))
    return table[table["gene_id"] != "G0002"]


@pytest.fixture(scope="module")
def data(bundle, dataset, targets):
    return gather_atlas(bundle, dataset.features, targets=targets, n_top=4)


def test_levels(data, bundle, dataset, targets):
    predicted = predict(bundle, dataset.features)
    assert data.genes["gene_id"].tolist() == predicted["gene_id"].tolist()
    np.testing.assert_allclose(data.predicted, predicted[bundle.tasks], atol=1e-4)
    measured = targets.set_index("gene_id").reindex(data.genes["gene_id"])[bundle.tasks]
    np.testing.assert_allclose(data.measured, measured)
    row = 7
    main = data.tasks["is_main"].to_numpy()
    wanted = np.corrcoef(data.predicted[row, main], data.measured[row, main])[0, 1]
    assert data.genes["correlation"][row] == pytest.approx(wanted, abs=1e-5)
    assert np.isnan(data.genes["correlation"][2])  # not measured


def test_kept_regulators_have_their_attributions(data, bundle, dataset):
    explained = attribute(bundle, dataset.features, part="all", agreement_genes=0)
    names = explained["kind"].to_numpy() + ":" + explained["track_regulator"].to_numpy()
    for row in (0, 5, 101):
        for slot, code in enumerate(data.top[row]):
            if code < 0:
                assert not data.effect[row, slot].any()
                continue
            own = names == data.regulators.index[code]
            values = explained["attribution"].to_numpy()[row, own].sum(axis=0)
            np.testing.assert_allclose(data.effect[row, slot], values, atol=1e-6)
            overall = explained["overall_sd"].isel(gene=row).to_numpy()
            assert data.sd[row, slot] == pytest.approx(
                overall[explained["regulator"].to_numpy() == data.regulators.index[code]][0]
            )
    np.testing.assert_allclose(data.without_sites, explained["reference_prediction"], atol=1e-6)


def test_all_regulators_together_are_the_prediction(bundle, dataset):
    whole = gather_atlas(bundle, dataset.features, n_top=100)
    np.testing.assert_allclose(whole.effect.sum(axis=1), whole.predicted - whole.without_sites, atol=1e-4)
    assert ((whole.top >= 0).sum(axis=1) == whole.genes["n_regulators"]).all()
    assert whole.share_kept == 1
    sizes = np.abs(whole.effect[:, :, whole.tasks["is_main"].to_numpy()])
    third = np.sort(sizes, axis=1)[:, -3]
    n_first = (np.sort(sizes, axis=1)[:, -3:] >= 0.02).sum()
    n_kept = ((sizes[:, 0] >= third) & (sizes[:, 0] >= 0.02)).sum()  # of the one that comes first
    assert gather_atlas(bundle, dataset.features, n_top=1).share_kept == pytest.approx(n_kept / n_first)


@pytest.mark.parametrize("kind", ["default", "paper"])
def test_places_are_those_of_a_single_gene(dataset, bundle, kind):
    """Totals shared over bins (default), and single bins (paper: its RNA convolutions see the first bins)."""
    model = bundle if kind == "default" else quick_bundle(dataset, TINY_PAPER)
    assert any(model.n_first_bins().values()) == (kind == "paper")
    features = dataset.features.take(np.arange(12))
    data = gather_atlas(model, features, n_top=3)
    for row in (1, 4, 11):
        view = look_up_gene(model, features, data.genes["gene_id"][row], n_top=2)
        for slot in range(2):
            name = data.regulators.index[data.top[row, slot]]
            assert name == view.regulators["regulator"][slot]
            task = data.tasks["task"][data.strongest[row, slot]]
            assert task == view.regulators["strongest_task"][slot]
            own = data.places[(data.places["gene"] == row) & (data.places["slot"] == slot)]
            assert own["effect"].sum() == pytest.approx(data.effect[row, slot, data.strongest[row, slot]], abs=1e-5)
            layout = data.regions.iloc[own["region"].to_numpy()].reset_index(drop=True)
            first = layout["first_bp"] + own["bin"].to_numpy() * layout["bin_bp"]
            found = {
                (layout["region"][i], first[i]): (own["bases"].iloc[i], own["effect"].iloc[i]) for i in range(len(own))
            }
            for place in view.places[view.places["regulator"] == name].itertuples():
                assert found[place.region, place.first_bp] == pytest.approx((place.bases, place.effect), abs=1e-5)


def test_ranking_is_that_of_the_held_out_genes(data, bundle, dataset):
    explained = attribute(bundle, dataset.features, part="test", agreement_genes=0)
    pd.testing.assert_frame_equal(data.ranking, rank_regulators(regulator_scores(explained)))
    assert data.ranked_part == "test"


def test_splits_and_other_names(data, bundle, dataset):
    split = bundle.split_map
    assert [split[gene] for gene in data.genes["gene_id"]] == data.genes["split"].tolist()
    assert not any(data.genes["other_names"])  # not human
    genes = dataset.features.genes.assign(gene_id=[f"ENSG{i:011d}" for i in range(N)])
    genes.loc[3, ["gene_id", "gene_name"]] = ["ENSG00000066336", "SPI1"]
    human = gather_atlas(bundle, replace(dataset.features, genes=genes), n_top=2)
    assert "PU.1" in human.genes["other_names"][3]
    assert "SPI1" not in human.genes["other_names"][3]
    assert set(human.genes["split"]) == {"none"}
    assert human.ranked_part == "all"


def test_a_killed_run_goes_on(bundle, dataset, targets, tmp_path, caplog):
    calls = []

    def stop(what, done, total):
        calls.append(what)
        if what == "places":
            raise KeyboardInterrupt

    options = {"work": tmp_path / "killed", "targets": targets, "n_top": 4}
    for folder in ("killed", "whole"):
        (tmp_path / folder).mkdir()
    whole = gather_atlas(bundle, dataset.features, **options | {"work": tmp_path / "whole"})
    with pytest.raises(KeyboardInterrupt):
        gather_atlas(bundle, dataset.features, on_block=stop, **options)
    assert "attributions of all genes" in calls
    calls.clear()
    with caplog.at_level("INFO", logger="decode"):
        again = gather_atlas(bundle, dataset.features, on_block=lambda what, *_: calls.append(what), **options)
    assert set(calls) == {"places"}
    assert "finished before, reused" in caplog.text
    np.testing.assert_array_equal(again.effect, whole.effect)
    pd.testing.assert_frame_equal(again.places, whole.places)
    pd.testing.assert_frame_equal(again.ranking, whole.ranking)
    other = gather_atlas(quick_bundle(dataset, max_epochs=1), dataset.features, **options)  # another model: not reused
    assert not np.array_equal(other.effect, whole.effect)


def test_what_comes_first_in_a_quiet_task_is_kept():
    effects = np.zeros((1, 5, 3), dtype=np.float32)
    effects[0, :3, 0] = [5, 4, 3]  # one loud task
    effects[0, 3, 1] = -0.1  # first in a quiet one
    effects[0, 4, 2] = 9  # no main task
    is_main = np.array([True, True, False])
    assert strongest(effects, is_main, 2).tolist() == [[0, 3]]
    assert strongest(effects, is_main, 3).tolist() == [[0, 1, 3]]
    assert strongest(effects, np.zeros(3, dtype=bool), 1).tolist() == [[4]]
    assert strongest(effects, is_main, 9).shape == (1, 5)


def test_refusals(bundle, dataset, targets):
    with pytest.raises(ValueError, match="gene level"):
        gather_atlas(bundle, planted_features(20, level="transcript"))
    with pytest.raises(ValueError, match="share no gene"):
        gather_atlas(bundle, dataset.features, targets=targets.assign(gene_id="X" + targets["gene_id"]))
