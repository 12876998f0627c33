from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from planted import TINY, TINY_PAPER, planted_dataset, planted_features, planted_targets
from toy_networks import random_bundle

from decode.attribution.attribute import attribute
from decode.attribution.job import make_job
from decode.attribution.regulator_sums import add_up, usage_sum
from decode.core.executor import ThreadsExecutor
from decode.dataset import prepare_dataset
from decode.features.regulators import regulators_of, sum_tracks

REGULATORS = {"TF:AAA": [0, 1], "TF:BBB": [2], "RBP:CCC": [3], "RBP:AAA": [4], "miRNA:miR-1": [5]}
VARIABLES = ("member_mean", "member_mean_abs", "regulator_mean_abs", "member_length_mean", "member_length_mean_abs")


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.fixture(scope="module")
def bundle(dataset):
    return random_bundle(dataset, TINY, members=3)


@pytest.fixture(scope="module")
def transcripts():
    features = planted_features(90, level="transcript")
    dataset = prepare_dataset(features, planted_targets(features), min_bound_genes=10)
    return random_bundle(dataset, TINY_PAPER, members=2), features


def alone(bundle, features, number, **options):
    """Attributions of one member by itself: (gene, regulator, task) by hand, and the length effect."""
    from dataclasses import replace

    one = replace(bundle, members=[bundle.members[number]], seeds=[bundle.seeds[number]])
    found = attribute(one, features, agreement_genes=0, **options)
    values = found["attribution"].to_numpy().astype(np.float64)
    table = {}
    for name in found["regulator"].to_numpy():
        is_own = (found["kind"] + ":" + found["track_regulator"]).to_numpy() == name
        table[name] = values[:, is_own].sum(axis=1)
    return np.stack(list(table.values()), axis=1), found["length_effect"].to_numpy().astype(np.float64), found


@pytest.mark.parametrize("engine", ["exact", "shap"])
def test_sums_by_hand_from_members_by_themselves(dataset, bundle, engine):
    genes = dataset.features.ids[:4].tolist()
    options = {"engine": engine, "genes": genes, "reference": "median_length"}
    found = attribute(bundle, dataset.features, agreement_genes=0, **options)
    members = [alone(bundle, dataset.features, number, **options)[:2] for number in range(3)]
    for number, (values, length) in enumerate(members):
        np.testing.assert_allclose(found["member_mean"][number], values.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found["member_mean_abs"][number], np.abs(values).mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found["member_length_mean"][number], length.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found["member_length_mean_abs"][number], np.abs(length).mean(axis=0), atol=1e-6)
    overall = np.stack([values[:, :, 1:].mean(axis=2) for values, _ in members])  # without the median level
    np.testing.assert_allclose(found["overall"], overall.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found["overall_sd"], overall.std(axis=0, ddof=1), atol=1e-6)
    mean = np.mean([values for values, _ in members], axis=0)
    np.testing.assert_allclose(found["regulator_mean_abs"], np.abs(mean).mean(axis=0), atol=1e-6)
    assert "member_usage" not in found
    assert found.attrs["n_usage_genes"] == 0


def test_regulators(dataset, bundle):
    found = attribute(bundle, dataset.features, agreement_genes=0)
    assert found["regulator"].to_numpy().tolist() == list(REGULATORS)
    assert found["regulator_kind"].to_numpy().tolist() == ["TF", "TF", "RBP", "RBP", "miRNA"]
    assert found["regulator_name"].to_numpy().tolist() == ["AAA", "BBB", "CCC", "AAA", "miR-1"]
    assert found["regulator_n_tracks"].to_numpy().tolist() == [2, 1, 1, 1, 1]
    totals = dataset.features.totals()  # all 100 genes, not only those explained
    bound = [int((totals[:, tracks] > 0).any(axis=1).sum()) for tracks in REGULATORS.values()]
    assert found["regulator_n_bound_genes"].to_numpy().tolist() == bound
    assert found["member"].to_numpy().tolist() == [0, 1, 2]


def test_regulators_of_features_without_tracks(dataset):
    table, code = regulators_of(dataset.features.select(kinds=["TF"]))
    assert table.index.tolist() == ["TF:AAA", "TF:BBB"]
    assert code.tolist() == [0, 0, 1]
    assert sum_tracks(np.ones((2, 0, 3)), np.zeros(0, dtype=np.int64)).shape == (2, 0, 3)


@pytest.mark.parametrize("block_genes", [3, 7])
def test_blocks_threads_and_files_play_no_part(dataset, bundle, tmp_path, block_genes):
    whole = attribute(bundle, dataset.features, agreement_genes=0)
    options = {"block_genes": block_genes, "executor": ThreadsExecutor(2), "agreement_genes": 0}
    found = attribute(bundle, dataset.features, **options)
    for name in VARIABLES:
        np.testing.assert_allclose(found[name], whole[name], atol=1e-7)
    with attribute(bundle, dataset.features, out=tmp_path / "a.nc", **options) as stored:
        for name in (*VARIABLES, "overall", "overall_sd"):
            xr.testing.assert_identical(stored[name].load(), found[name])


class Killed(Exception):
    pass


def test_a_resumed_run_gives_the_same_numbers(transcripts, tmp_path):
    bundle, features = transcripts
    options = {"block_genes": 5, "agreement_genes": 0, "part": "all", "out": tmp_path / "a.nc"}

    def kill(done, _total):
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        attribute(bundle, features, on_block=kill, **options)
    done = []
    with attribute(bundle, features, on_block=lambda n, _: done.append(n), **options) as resumed:
        found = resumed.load()
    assert done[0] == 5
    options["out"] = tmp_path / "b.nc"
    with attribute(bundle, features, **options) as whole:
        xr.testing.assert_identical(found, whole.load())


def usage_by_hand(values, genes):
    variances = [values[genes == gene].var(axis=0, ddof=1) for gene in np.unique(genes) if (genes == gene).sum() > 1]
    return np.mean(variances, axis=0), len(variances)


@pytest.mark.parametrize("block_genes", [None, 3, 4])
def test_usage(transcripts, block_genes):
    bundle, features = transcripts
    found = attribute(bundle, features, part="all", block_genes=block_genes, agreement_genes=0)
    sums = []
    for number in range(2):
        values, _, member = alone(bundle, features, number, part="all")
        expected, n_genes = usage_by_hand(values, member["gene_id"].to_numpy())
        np.testing.assert_allclose(found["member_usage"][number], expected, rtol=1e-4, atol=1e-9)
        sums.append(values)
    expected, _ = usage_by_hand(np.mean(sums, axis=0), found["gene_id"].to_numpy())
    np.testing.assert_allclose(found["regulator_usage"], expected, rtol=1e-4, atol=1e-9)
    assert found.attrs["n_usage_genes"] == n_genes == 45


def test_usage_of_genes_scattered_over_blocks(transcripts, tmp_path):
    bundle, features = transcripts
    chosen = [*features.ids[:20:2], *features.ids[1:20:2], features.ids[40]]  # and one transcript without a partner
    options = {"genes": [str(name) for name in chosen], "agreement_genes": 0}
    whole = attribute(bundle, features, **options)
    assert whole.attrs["n_usage_genes"] == 10
    assert whole["gene"].to_numpy().tolist() == options["genes"]
    cut = attribute(bundle, features, block_genes=4, **options)
    for name in ("member_usage", "regulator_usage", *VARIABLES, "attribution", "additivity_error"):
        np.testing.assert_allclose(cut[name], whole[name], rtol=1e-4, atol=1e-6)


def test_transcripts_of_a_gene_stand_side_by_side(transcripts):
    bundle, features = transcripts
    order = np.random.default_rng(0).permutation(features.ids).tolist()
    job = make_job(bundle, features.select(genes=order), engine="exact", reference="own_length", genes=None, part="all")
    genes = job.features.genes["gene_id"].to_numpy()[job.rows]
    assert (genes[::2] == genes[1::2]).all()


def test_no_gene_with_two_transcripts(transcripts):
    bundle, features = transcripts
    found = attribute(bundle, features, genes=[str(name) for name in features.ids[::2]], agreement_genes=0)
    assert "member_usage" not in found


def test_usage_sum_is_the_variance_of_numpy():
    values = np.random.default_rng(0).normal(size=(6, 2, 3))
    expected = values[[0, 2, 5]].var(axis=0, ddof=1) + values[[1, 4]].var(axis=0, ddof=1)
    np.testing.assert_allclose(usage_sum(values, np.array([0, 1, 0, -1, 1, 0])), expected)


def test_nothing_to_add_up():
    with pytest.raises(ValueError, match="no block to add up"):
        add_up([])
