from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import TINY, TINY_PAPER, planted_dataset, quick_bundle

from decode.attribution.attribute import attribute
from decode.ranking.rank import rank_regulators, regulator_scores
from decode.registry.summary import STEPS, read_summary, write_summary
from decode.regulators.atlas import look_up_gene
from decode.regulators.atlas_summary import can_look_up, gene_in_summary, task_in_summary
from decode.regulators.summarise import strongest, summarise
from decode.report.atlas import gene_text


def half(name: str) -> float:
    """Half a step, and a little for numbers that lie between two."""
    return 0.51 * STEPS[name]


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(150)


@pytest.fixture(scope="module", params=[TINY, TINY_PAPER], ids=["position blind", "sees bins"])
def bundle(dataset, request):
    return quick_bundle(dataset, request.param)


@pytest.fixture(scope="module")
def summary(bundle, dataset):
    return summarise(bundle, dataset.features, n_top=2, n_leading=3, n_places=2)


@pytest.fixture(scope="module")
def stored(summary, tmp_path_factory):
    path = tmp_path_factory.mktemp("summary") / "summary.npz"
    write_summary(summary, path)
    return path


def test_a_gene_reads_as_when_it_is_computed(bundle, dataset, stored):
    summary = read_summary(stored)
    for gene in dataset.features.genes["gene_name"][:12]:
        wanted = look_up_gene(bundle, dataset.features, gene, n_top=3)
        found = gene_in_summary(summary, gene, n_top=3)
        assert found.gene == wanted.gene
        np.testing.assert_allclose(found.tasks["predicted"], wanted.tasks["predicted"], atol=half("predicted"))
        acts = wanted.regulators[wanted.regulators["strongest_effect"] != 0].reset_index(drop=True)
        assert found.regulators[["regulator", "strongest_task"]].equals(acts[["regulator", "strongest_task"]])
        np.testing.assert_allclose(found.regulators["effect"], acts["effect"], atol=half("leading_effect"))
        np.testing.assert_allclose(found.regulators["sd"], acts["sd"], atol=half("leading_sd"))
        np.testing.assert_allclose(
            found.regulators["strongest_effect"], acts["strongest_effect"], atol=half("leading_strongest")
        )
        places = wanted.places.groupby("regulator", sort=False).head(2).reset_index(drop=True)
        keys = ["regulator", "region", "first_bp", "last_bp", "bases", "task", "position_blind"]
        pd.testing.assert_frame_equal(found.places[keys], places[keys], check_dtype=False)
        np.testing.assert_allclose(found.places["effect"], places["effect"], atol=half("place_effect"))
        assert gene in gene_text(found)


def test_a_gene_in_one_task(bundle, dataset, stored):
    summary = read_summary(stored)
    gene = dataset.features.genes["gene_id"].iloc[int((dataset.features.totals() > 0).sum(axis=1).argmax())]
    wanted = look_up_gene(bundle, dataset.features, gene, task="liver", n_top=2).regulators
    found = gene_in_summary(summary, gene, task="liver", n_top=2).regulators
    assert found["regulator"].tolist() == wanted["regulator"].tolist()
    np.testing.assert_allclose(found["effect"], wanted["effect"], atol=half("top_effect"))
    assert can_look_up(summary, task="liver", n_top=2)
    assert not can_look_up(summary, task="liver", n_top=3)
    assert can_look_up(summary, n_top=3)


def test_the_ranking_is_that_of_the_test_genes(bundle, dataset, stored):
    summary = read_summary(stored)
    wanted = rank_regulators(regulator_scores(attribute(bundle, dataset.features, agreement_genes=0)))
    for task in ["overall", *bundle.tasks]:
        own = wanted[wanted["task"] == task].reset_index(drop=True)
        found = task_in_summary(summary, task)
        pd.testing.assert_frame_equal(found, own[found.columns.tolist()], rtol=1e-6, check_dtype=False)
    assert summary.about["n_ranked_genes"] == (dataset.split == "test").sum()
    with pytest.raises(KeyError, match="nearest: liver"):
        task_in_summary(summary, "livr")


def test_measured_values_stand_beside(stored, dataset):
    gene = dataset.features.genes["gene_id"].iloc[0]
    targets = pd.DataFrame({"gene_id": [gene], "liver": [1.5]})
    found = gene_in_summary(read_summary(stored), gene, targets=targets)
    assert found.tasks.set_index("task").loc["liver", "measured"] == 1.5
    with pytest.raises(KeyError, match="not in the features; perhaps"):
        gene_in_summary(read_summary(stored), "nam1e")


def test_places_add_up_where_all_are_kept(bundle, dataset):
    whole = summarise(bundle, dataset.features, n_leading=7, n_places=40)
    acts = whole.leading_regulator >= 0
    np.testing.assert_allclose(whole.place_effect.sum(axis=2)[acts], whole.leading_strongest[acts], atol=1e-4)


def test_strongest_breaks_ties_by_order_and_leaves_zeros_out():
    found = strongest(np.array([[0.1, -0.1, 0.0, 0.3], [0.0, 0.0, 0.0, 0.0]]), 5)
    assert found.regulator.tolist() == [[3, 0, 1, -1, -1], [-1] * 5]
    assert found.effect.tolist() == [[0.3, 0.1, -0.1, 0, 0], [0] * 5]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda arrays: arrays.pop("predicted"), "predicted is missing"),
        (lambda arrays: arrays.update(predicted=arrays["predicted"][:, :-1]), "int16 of shape"),
        (lambda arrays: arrays.update(top_leading=arrays["top_leading"] + 90), "regulators that are not there"),
        (lambda arrays: arrays.update(record=arrays["record"][:-2]), "is no summary of a model"),
        (lambda arrays: arrays.update(record=np.frombuffer(b"[]", dtype=np.uint8)), "is no summary of a model"),
        (lambda arrays: arrays.update(gene_id=arrays["gene_id"].astype(float)), "text is stored as float64"),
        (lambda arrays: arrays.update(ranking_task=arrays["ranking_task"] + 90), "names what is not there"),
        (lambda arrays: arrays.update(tss=arrays["tss"][:3]), "is no summary of a model"),
    ],
)
def test_a_damaged_file_is_refused(stored, tmp_path, change, complaint):
    with np.load(stored) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(tmp_path / "summary.npz", **arrays)
    with pytest.raises(ValueError, match=complaint):
        read_summary(tmp_path / "summary.npz")


def test_a_cut_file_is_refused(stored, tmp_path):
    (tmp_path / "summary.npz").write_bytes(stored.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        read_summary(tmp_path / "summary.npz")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_summary(tmp_path / "none.npz")
