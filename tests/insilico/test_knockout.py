from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import xarray as xr
from planted import TINY, TINY_PAPER, planted_dataset
from scipy import sparse
from toy_networks import random_bundle

import decode.insilico.knockout as knockout_module
from decode.dataset import pooled_inputs, prepare_dataset
from decode.evaluation.predict import predict
from decode.expression import read_expression, tissue_targets
from decode.features.build import build_features
from decode.features.regulators import named_regulators
from decode.genome import gene_models, read_annotation
from decode.insilico.knockout import Block, knock_out, knock_out_block, knockout_summary
from decode.insilico.knockout_file import read_knockout
from decode.insilico.removal import gene_inputs
from decode.insilico.removal_model import RemovalModel
from decode.insilico.unfolded import UnfoldedNetwork
from decode.models.ensemble import predict_inputs
from decode.synthetic import make_toy_data
from decode.synthetic.toy import toy_sources


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(60)


@pytest.fixture(scope="module", params=["default", "paper"])
def bundle(dataset, request):
    return random_bundle(dataset, TINY if request.param == "default" else TINY_PAPER, members=3)


@pytest.fixture(scope="module")
def plain(dataset):
    return random_bundle(dataset, TINY, members=2)


@pytest.fixture(scope="module")
def whole(dataset, plain):
    return knock_out(plain, dataset.features)


@pytest.mark.parametrize("config", [TINY, TINY_PAPER], ids=["default", "paper"])
def test_equals_features_built_from_files_without_the_sites(tmp_path, config):
    """The same data set built twice: the second time POS1 has sites on chr1 only."""
    toy = make_toy_data(tmp_path / "toy", n_genes=100)
    models = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    before = build_features(models, toy_sources(toy), allow_suspicious=True)
    lines = gzip.decompress(toy.promoter_sites.read_bytes()).decode().splitlines(keepends=True)
    kept = [line for line in lines if "\tPOS1\t" not in line or line.startswith("chr1\t")]
    assert 0 < len(kept) < len(lines)
    toy.promoter_sites.write_bytes(gzip.compress("".join(kept).encode()))
    after = build_features(models, toy_sources(toy), allow_suspicious=True)
    targets = tissue_targets(read_expression(toy.tissue_tpm)).targets
    bundle = random_bundle(prepare_dataset(before, targets, min_bound_genes=5), config)
    found = knock_out(bundle, before, regulators=["POS1"])
    is_elsewhere = (before.genes["chrom"] != "chr1").to_numpy()
    difference = predict(bundle, after)[bundle.tasks].to_numpy() - predict(bundle, before)[bundle.tasks].to_numpy()
    effect = found["effect"].to_numpy()[:, 0]
    is_bound = found["is_bound"].to_numpy()[:, 0] == 1
    chosen = is_elsewhere & is_bound
    assert chosen.sum() > 10
    assert np.abs(effect[chosen]).max() > 0.01
    np.testing.assert_allclose(effect[chosen], difference[chosen], atol=1e-4)
    np.testing.assert_allclose(difference[is_elsewhere & ~is_bound], 0, atol=1e-5)


class TestNumbers:
    def test_every_pair_is_predicted_anew(self, dataset, bundle):
        found = knock_out(bundle, dataset.features, block_genes=13)
        inputs = pooled_inputs(dataset.features, bundle.n_first_bins())
        base = predict_inputs(bundle, inputs)
        tracks = dataset.features.tracks
        columns: dict[str, list[tuple[str, int]]] = {}
        for region in inputs:
            own = tracks[tracks["region"] == region]
            for number, name in enumerate(own["kind"] + ":" + own["regulator"]):
                columns.setdefault(name, []).append((region, 1 + number))
        assert found["regulator"].to_numpy().tolist() == list(columns)
        totals = dataset.features.totals()
        full = (tracks["kind"] + ":" + tracks["regulator"]).to_numpy()
        for name, places in columns.items():
            without = {region: values.copy() for region, values in inputs.items()}
            for region, column in places:
                without[region][:, :, column] = 0
            change = predict_inputs(bundle, without) - base
            is_bound = (totals[:, full == name] > 0).any(axis=1)
            one = found.sel(regulator=name)
            np.testing.assert_array_equal(one["is_bound"] == 1, is_bound)
            np.testing.assert_allclose(one["effect"][is_bound], change.mean(axis=0)[is_bound], atol=1e-5)
            np.testing.assert_allclose(one["sd_members"][is_bound], change.std(axis=0, ddof=1)[is_bound], atol=1e-5)
            assert np.isnan(one["effect"][~is_bound]).all()
            bound = change[:, is_bound]
            np.testing.assert_allclose(one["mean_effect"], bound.mean(axis=(0, 1)), atol=1e-5)
            np.testing.assert_allclose(one["mean_effect_sd"], bound.mean(axis=1).std(axis=0, ddof=1), atol=1e-5)
            np.testing.assert_allclose(one["mean_abs_effect"], np.abs(bound).mean(axis=(0, 1)), atol=1e-5)
        np.testing.assert_allclose(found["prediction"], base.mean(axis=0), atol=1e-5)
        assert found.attrs["n_pairs"] == int(found["is_bound"].sum())

    def test_networks_travel_to_other_processes(self, dataset, bundle):
        cloudpickle = pytest.importorskip("cloudpickle")
        members = [UnfoldedNetwork.from_model(member.pooled, bundle.regions) for member in bundle.members]
        block = Block(0, pooled_inputs(dataset.features, bundle.n_first_bins()))
        is_track = named_regulators(dataset.features.tracks).is_track
        compute = partial(knock_out_block, members=members, is_track=is_track)
        copy = cloudpickle.loads(cloudpickle.dumps(compute))  # as Dask sends it
        np.testing.assert_array_equal(copy(block)[1].effect, compute(block)[1].effect)

    def test_agrees_with_single_removals(self, dataset, bundle):
        genes = ["G0003", "G0007"]
        found = knock_out(bundle, dataset.features, genes=genes)
        model = RemovalModel.of(bundle)
        for gene in gene_inputs(bundle, dataset.features, genes):
            removed = model.without_regulators(gene, np.eye(len(gene.regulators), dtype=bool))
            change = (removed - model.predict(gene)[:, None]).mean(axis=0)
            np.testing.assert_allclose(
                found["effect"].sel(gene_id=gene.gene_id, regulator=gene.regulators), change, atol=1e-5
            )

    def test_a_bare_name_takes_all_kinds_away(self, dataset, plain):
        found = knock_out(plain, dataset.features, regulators=["AAA", "RBP:AAA", "TF:AAA"])
        assert found["regulator"].to_numpy().tolist() == ["AAA", "RBP:AAA", "TF:AAA"]
        assert found["regulator_kind"].to_numpy().tolist() == ["RBP+TF", "RBP", "TF"]
        bound = found["is_bound"].to_numpy()
        np.testing.assert_array_equal(bound[:, 0], bound[:, 1] | bound[:, 2])
        only_tf = (bound[:, 1] == 0) & (bound[:, 2] == 1)
        assert only_tf.any()
        np.testing.assert_allclose(found["effect"][only_tf, 0], found["effect"][only_tf, 2], atol=1e-6)
        both = (bound == 1).all(axis=1)
        assert np.abs(found["effect"][both, 0] - found["effect"][both, 1]).max() > 0.01

    def test_one_member_has_no_spread(self, dataset):
        found = knock_out(random_bundle(dataset, TINY, members=1), dataset.features, genes=["G0003"])
        assert np.isnan(found["sd_members"]).all()
        assert np.isnan(found["mean_effect_sd"]).all()

    def test_blocks_order_and_executor_change_nothing(self, dataset, plain, whole):
        ids = dataset.features.ids.tolist()
        for other in (
            knock_out(plain, dataset.features, block_genes=7, executor="threads:2"),
            knock_out(plain, dataset.features, genes=ids[::-1]).sel(gene_id=ids),
        ):
            for name in ("effect", "sd_members", "mean_effect"):
                np.testing.assert_allclose(other[name], whole[name], atol=1e-6)
            np.testing.assert_array_equal(other["is_bound"], whole["is_bound"])


class TestFile:
    def test_equals_the_result_in_memory(self, dataset, plain, whole, tmp_path):
        seen = []
        with knock_out(
            plain, dataset.features, out=tmp_path / "k.nc", block_genes=25, on_block=lambda *done: seen.append(done)
        ) as found:
            for name in whole.data_vars:
                np.testing.assert_allclose(found[name], whole[name], atol=1e-6, err_msg=name)
                assert found[name].dims == whole[name].dims
            assert found["effect"].dims == ("gene_id", "regulator", "task")
            assert found.attrs["n_pairs"] == whole.attrs["n_pairs"]
        assert seen == [(1, 3), (2, 3), (3, 3)]
        assert [path.name for path in tmp_path.iterdir()] == ["k.nc"]
        with (
            read_knockout(tmp_path / "k.nc") as again,
            xr.open_dataset(tmp_path / "k.nc", engine="h5netcdf") as plainly,
        ):
            xr.testing.assert_identical(again.load(), plainly.load())

    def test_a_killed_run_goes_on(self, dataset, plain, whole, tmp_path, monkeypatch):
        def stop(n_done, _):
            if n_done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            knock_out(plain, dataset.features, out=tmp_path / "k.nc", block_genes=20, on_block=stop)
        assert not (tmp_path / "k.nc").exists()
        computed = []
        original = knockout_module.knock_out_block

        def counted(block, **options):
            computed.append(block.number)
            return original(block, **options)

        monkeypatch.setattr(knockout_module, "knock_out_block", counted)
        with pytest.raises(ValueError, match="belongs to a run with other data or options"):
            knock_out(plain, dataset.features, out=tmp_path / "k.nc", block_genes=30)
        with knock_out(plain, dataset.features, out=tmp_path / "k.nc", block_genes=20) as found:
            np.testing.assert_allclose(found["effect"], whole["effect"], atol=1e-6)
        assert computed == [2]

    def test_no_file_of_knockouts(self, tmp_path):
        (tmp_path / "x.nc").write_text("nothing")
        with pytest.raises(ValueError, match="give the output of decode knockout"):
            read_knockout(tmp_path / "x.nc")


class TestSummary:
    def test_one_row_a_regulator_and_task(self, whole):
        table = knockout_summary(whole)
        assert len(table) == whole.sizes["regulator"] * whole.sizes["task"]
        row = table[(table["regulator"] == "TF:BBB") & (table["task"] == "brain")].iloc[0]
        effect = whole["effect"].sel(regulator="TF:BBB", task="brain")
        assert row["n_genes"] == int(np.isfinite(effect).sum())
        assert row["mean_effect"] == pytest.approx(float(effect.mean()), abs=1e-5)


class TestBadInput:
    def test_unknown_names_get_the_nearest(self, dataset, plain):
        with pytest.raises(KeyError, match=r"nearest: name1"):
            knock_out(plain, dataset.features, genes=["nme1"])
        with pytest.raises(KeyError, match=r"ABA \(nearest: AAA\)"):
            knock_out(plain, dataset.features, regulators=["ABA"])

    def test_a_regulator_named_twice(self, dataset, plain):
        with pytest.raises(ValueError, match="TF:BBB"):
            knock_out(plain, dataset.features, regulators=["BBB", "TF:BBB"])

    def test_genes_without_sites(self, dataset, plain, caplog):
        bare = {name: _emptied(region, 2) for name, region in dataset.features.regions.items()}
        features = replace(dataset.features, regions=bare)
        with pytest.raises(ValueError, match=r"none of the 2 gene\(s\) has a site of the 5 regulator"):
            knock_out(plain, features, genes=["G0000", "G0001"])
        with caplog.at_level(logging.INFO, logger="decode"):
            found = knock_out(plain, features, genes=["G0001", "G0003"], block_genes=1)  # a block without a pair
        assert found["n_regulators"].to_numpy()[0] == 0
        assert np.isnan(found["effect"][0]).all()
        assert "1 genes without a site" in caplog.text

    def test_features_that_lack_tracks(self, dataset, plain):
        with pytest.raises(ValueError, match="the features lack 1 of the model's"):
            knock_out(plain, dataset.features.select(regulators=["AAA", "CCC", "miR-1"]))


def _emptied(region, n_genes):
    dense = region.data.toarray()
    dense[: region.offsets[n_genes]] = 0
    return replace(region, data=sparse.csr_array(dense))
