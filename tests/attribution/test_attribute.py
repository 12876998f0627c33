from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from full_disk import flipped, room_for
from planted import TASKS, TINY, TINY_PAPER, planted_dataset, planted_features, planted_targets
from threadpoolctl import threadpool_info, threadpool_limits
from toy_networks import random_bundle

import decode.attribution.attribute as attribute_module
from decode.attribution.attribute import attribute, explain_block
from decode.attribution.exact.engine import ExactEngine
from decode.attribution.job import Block, make_job
from decode.attribution.references import REFERENCES
from decode.attribution.result import AttributionFile, Layout, gene_blocks, make_layout, read_attributions
from decode.core.executor import ThreadsExecutor
from decode.dataset import TEST, prepare_dataset
from decode.evaluation.predict import predict


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.fixture(scope="module")
def bundle(dataset):
    return random_bundle(dataset, TINY, members=3)


@pytest.fixture(scope="module")
def whole(dataset, bundle):
    return attribute(bundle, dataset.features, agreement_genes=0)


@pytest.fixture(scope="module")
def stored(dataset, bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "a.nc"
    with attribute(bundle, dataset.features, agreement_genes=0, out=path) as found:
        return found.load()


def assert_as_stored(found, exact):
    """Alike but for the rounding that files state."""
    for name in exact.variables:
        if name not in ("attribution", "sd", "additivity_error"):
            if exact[name].dtype.kind == "f":
                np.testing.assert_allclose(found[name], exact[name], atol=1e-6, err_msg=name)
            else:
                xr.testing.assert_identical(found[name], exact[name])
    np.testing.assert_allclose(found["attribution"], exact["attribution"], atol=2**-14 + 1e-6)
    np.testing.assert_allclose(found["sd"], exact["sd"], rtol=2**-6 + 1e-5, atol=1e-6)
    sums, wanted = (values["attribution"].sum("track", dtype=np.float64) for values in (found, exact))
    np.testing.assert_allclose(sums, wanted, atol=2**-15 + 1e-6)


class TestResult:
    @pytest.mark.parametrize("reference", REFERENCES)
    def test_sums_and_predictions(self, dataset, bundle, reference):
        found = attribute(bundle, dataset.features, reference=reference, part="all", agreement_genes=0)
        difference = found["prediction"] - found["reference_prediction"]
        sums = found["attribution"].sum("track") + found["length_effect"]
        np.testing.assert_allclose(sums, difference, atol=1e-5)
        assert float(found["additivity_error"].max()) == found.attrs["additivity_error_max"] < 1e-5
        assert found.attrs["float32_error_max"] < 1e-5
        expected = predict(bundle, dataset.features)[bundle.tasks].to_numpy()
        np.testing.assert_allclose(found["prediction"], expected, atol=1e-5)
        assert found["gene"].to_numpy().tolist() == dataset.features.ids.tolist()
        has_length_effect = bool((found["length_effect"] != 0).any())
        assert has_length_effect == (reference != "own_length")

    def test_mean_and_spread_over_members(self, dataset, bundle, whole):
        job = make_job(bundle, dataset.features, engine="exact", reference="own_length", genes=None, part="test")
        members = []
        for member in bundle.members:
            parts = ExactEngine.from_model(member.pooled).attribute(*job.pooled(job.rows))
            members.append(np.concatenate([part[:, 1:] for part in parts], axis=1))
        np.testing.assert_allclose(whole["attribution"], np.mean(members, axis=0), atol=1e-6)
        np.testing.assert_allclose(whole["sd"], np.std(members, axis=0, ddof=1), atol=1e-6)

    def test_one_member_has_no_spread(self, dataset, tmp_path):
        bundle = random_bundle(dataset, TINY, members=1)
        found = attribute(bundle, dataset.features, agreement_genes=0)
        assert np.isnan(found["sd"]).all()
        assert np.isnan(found["length_effect_sd"]).all()
        with attribute(bundle, dataset.features, agreement_genes=0, out=tmp_path / "a.nc") as stored:
            assert_as_stored(stored.load(), found)

    def test_names_and_numbers(self, dataset, whole):
        test = dataset.rows(TEST)
        assert dict(whole.sizes) == {"gene": 20, "track": 6, "task": 4, "member": 3, "regulator": 5}
        assert whole["attribution"].dims == ("gene", "track", "task")
        assert whole["attribution"].dtype == np.float32
        assert whole["task"].to_numpy().tolist() == TASKS
        assert whole["track"].to_numpy().tolist() == dataset.features.track_ids
        assert whole["track_regulator"].to_numpy().tolist() == dataset.features.tracks["regulator"].tolist()
        assert set(whole["split"].to_numpy()) == {TEST}
        np.testing.assert_array_equal(whole["bases"], dataset.features.totals()[test])
        np.testing.assert_array_equal(whole["n_bound_genes"], (whole["bases"] > 0).sum("gene"))
        np.testing.assert_array_equal(whole["length_bp"], dataset.features.genes["length_bp"].to_numpy()[test])
        attributes = {"engine": "exact", "reference": "own_length", "n_members": 3, "build": "hg19"}
        assert {key: whole.attrs[key] for key in attributes} == attributes
        assert json.loads(whole.attrs["seeds"]) == [0, 1, 2]
        assert "keras" in json.loads(whole.attrs["versions"])
        assert whole["attribution"].attrs["units"] == "log2"

    def test_agreement_is_stored(self, dataset, bundle):
        found = attribute(bundle, dataset.features, agreement_genes=2)
        assert 0 <= found.attrs["engine_agreement"] < 1e-5
        sample = json.loads(found.attrs["engine_agreement_sample"])
        assert len(sample["genes"]) == 2
        assert sample["tasks"] == ["median_level", "liver", "blood"]

    def test_shap_engine(self, dataset, bundle, whole):
        genes = whole["gene"].to_numpy()[:3].tolist()
        found = attribute(bundle, dataset.features, engine="shap", genes=genes, agreement_genes=1)
        for name in ("attribution", "sd", "length_effect", "prediction"):
            np.testing.assert_allclose(found[name], whole[name][:3], atol=1e-5)
        assert found.attrs["engine"] == "shap"
        assert found.attrs["engine_agreement"] < 1e-5
        assert found.attrs["model_sha256"] == whole.attrs["model_sha256"]

    def test_genes_in_the_order_asked_for(self, dataset, bundle, whole):
        genes = whole["gene"].to_numpy()[[5, 0, 11]].tolist()
        found = attribute(bundle, dataset.features, genes=genes, agreement_genes=0)
        assert found["gene"].to_numpy().tolist() == genes
        np.testing.assert_allclose(found["attribution"], whole["attribution"].sel(gene=genes), atol=1e-6)

    def test_blocks_and_threads_play_no_part(self, dataset, bundle, whole):
        found = attribute(bundle, dataset.features, block_genes=3, executor=ThreadsExecutor(2), agreement_genes=0)
        for name in whole.data_vars:
            np.testing.assert_allclose(found[name], whole[name], atol=1e-6)

    @pytest.mark.slow
    def test_blocks_as_tasks_of_a_cluster(self, dataset, bundle, whole):
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            found = attribute(bundle, dataset.features, block_genes=6, executor=client, agreement_genes=0)
        for name in whole.data_vars:
            np.testing.assert_allclose(found[name], whole[name], atol=1e-6)

    def test_transcript_level(self):
        features = planted_features(120, level="transcript")
        dataset = prepare_dataset(features, planted_targets(features), min_bound_genes=10)
        found = attribute(random_bundle(dataset, TINY_PAPER), features, agreement_genes=0)
        assert found.attrs["level"] == "transcript"
        assert found["gene"].to_numpy()[0].startswith("T")
        assert found["gene_id"].to_numpy()[0].startswith("G")


class Killed(Exception):
    pass


def kill_after(n_blocks: int):
    def on_block(done: int, _total: int) -> None:
        if done == n_blocks:
            raise Killed

    return on_block


class TestFile:
    def test_same_as_in_memory(self, dataset, bundle, whole, tmp_path):
        for number, block_genes in enumerate((None, 3, 7)):
            path = tmp_path / f"{number}.nc"
            with attribute(bundle, dataset.features, out=path, block_genes=block_genes, agreement_genes=0) as found:
                assert_as_stored(found.load(), whole)
                assert found.attrs.keys() == whole.attrs.keys()
            assert [item.name for item in tmp_path.iterdir() if item.name.endswith(".work")] == []

    def test_the_additivity_error_is_that_of_the_stored_numbers(self, stored, whole):
        sums = stored["attribution"].sum("track", dtype=np.float64) + stored["length_effect"]
        missed = np.abs(sums - (stored["prediction"] - stored["reference_prediction"])).max("task")
        assert (missed <= stored["additivity_error"] + 1e-6).all()
        assert float(stored["additivity_error"].max()) == stored.attrs["additivity_error_max"] < 1e-4
        assert float(stored["additivity_error"].max()) > 5 * float(whole["additivity_error"].max())

    @pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
    def test_any_reader_of_netcdf(self, dataset, bundle, stored, tmp_path, engine):
        if engine == "netcdf4":
            pytest.importorskip("netCDF4")
        path = tmp_path / "a.nc"
        attribute(bundle, dataset.features, out=path, agreement_genes=0).close()
        with xr.open_dataset(path, engine=engine) as found:
            for name in ("attribution", "sd", "overall", "bases"):
                np.testing.assert_array_equal(found[name], stored[name])
                assert found[name].dtype == np.float32
        with h5py.File(path) as file:
            filters = {name for name in ("compression", "shuffle") if getattr(file["attribution"], name)}
            assert filters == {"compression", "shuffle"}
            assert file["attribution"].compression == "gzip"

    def test_a_reference_with_sites_leaves_no_track_out(self, dataset, bundle, tmp_path):
        options = {"reference": "mean_gene", "agreement_genes": 0}
        exact = attribute(bundle, dataset.features, **options)
        assert (exact["attribution"] != 0).mean() > 0.99
        with attribute(bundle, dataset.features, out=tmp_path / "a.nc", **options) as found:
            assert_as_stored(found.load(), exact)

    def test_a_killed_run_goes_on(self, dataset, bundle, whole, tmp_path, monkeypatch):
        path, options = tmp_path / "a.nc", {"block_genes": 3, "agreement_genes": 0}
        with pytest.raises(Killed):
            attribute(bundle, dataset.features, out=path, on_block=kill_after(2), **options)
        assert not path.exists()
        explained = []

        def counted(block, **options):
            explained.append(block.number)
            return explain_block(block, **options)

        monkeypatch.setattr(attribute_module, "explain_block", counted)
        with attribute(bundle, dataset.features, out=path, **options) as found:
            assert_as_stored(found.load(), whole)
        assert explained == [2, 3, 4, 5, 6]

    def test_killed_while_putting_together(self, dataset, bundle, whole, tmp_path, monkeypatch):
        path, options = tmp_path / "a.nc", {"block_genes": 3, "agreement_genes": 0}
        with monkeypatch.context() as patch:
            patch.setattr(AttributionFile, "finish", lambda *_: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                attribute(bundle, dataset.features, out=path, **options)
        monkeypatch.setattr(attribute_module, "explain_block", kill_after(0))  # nothing is left to explain
        with attribute(bundle, dataset.features, out=path, **options) as found:
            assert_as_stored(found.load(), whole)

    @pytest.mark.slow
    def test_a_process_killed_hard_goes_on(self, tmp_path):
        path = tmp_path / "a.nc"
        script = (
            "import sys, os, signal; sys.path[:0] = sys.argv[2:]\n"
            "from planted import *; from toy_networks import *\n"
            "from decode.attribution.attribute import attribute\n"
            "def kill(done, total):\n    if done == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
            "data = planted_dataset(100)\n"
            "attribute(random_bundle(data, TINY, members=3), data.features, out=sys.argv[1], block_genes=3,\n"
            "          on_block=kill, agreement_genes=0)\n"
        )
        folders = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
        result = subprocess.run([sys.executable, "-c", script, str(path), *folders], capture_output=True, check=False)
        assert result.returncode == -signal.SIGKILL, result.stderr
        data = planted_dataset(100)
        bundle = random_bundle(data, TINY, members=3)
        done = []
        with attribute(
            bundle, data.features, out=path, block_genes=3, agreement_genes=0, on_block=lambda n, _: done.append(n)
        ) as found:
            assert done == [3, 4, 5, 6, 7]
            assert float(found["additivity_error"].max()) < 2**-15 + 1e-5

    def test_blocks_of_another_run_are_not_taken(self, dataset, bundle, tmp_path):
        path, options = tmp_path / "a.nc", {"block_genes": 3, "agreement_genes": 0}
        with pytest.raises(Killed):
            attribute(bundle, dataset.features, out=path, on_block=kill_after(1), **options)
        others = [
            (bundle, dataset.features, {"reference": "mean_gene"}),
            (bundle, dataset.features, {"part": "all"}),
            (random_bundle(dataset, TINY, members=2), dataset.features, {}),
            (bundle, dataset.features.shuffled(["rna"], seed=1), {}),
        ]
        for model, features, other in others:
            with pytest.raises(ValueError, match="belongs to a run with other data or options; remove"):
                attribute(model, features, out=path, **(options | other))

    def test_every_finished_block_is_checked(self, dataset, bundle, tmp_path):
        path, options = tmp_path / "a.nc", {"block_genes": 3, "agreement_genes": 0}
        with pytest.raises(Killed):
            attribute(bundle, dataset.features, out=path, on_block=kill_after(3), **options)
        blocks = sorted((tmp_path / "a.nc.work").glob("block_*.h5"))
        for block in blocks[1:]:
            with h5py.File(block, "r+") as file:
                right = file.attrs["signature"]
                file.attrs["signature"] = "another"
            with pytest.raises(ValueError, match=rf"{block.name} belongs to a run with other data or options; remove"):
                attribute(bundle, dataset.features, out=path, **options)
            with h5py.File(block, "r+") as file:
                file.attrs["signature"] = right
        content = blocks[-1].read_bytes()
        blocks[-1].write_bytes(content[:100])
        with pytest.raises(ValueError, match=rf"{blocks[-1].name} is damaged .*remove it to compute it again"):
            attribute(bundle, dataset.features, out=path, **options)
        blocks[-1].write_bytes(content)
        attribute(bundle, dataset.features, out=path, **options).close()
        assert [found.name for found in tmp_path.iterdir()] == ["a.nc"]

    def test_blocks_are_explained_on_one_blas_thread(self):
        """Also in a worker of a cluster, where the caller's limit does not reach."""

        class Spy(Exception):
            pass

        class Engine:
            def attribute(self, inputs, references):
                raise Spy({lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"})

        zeros = np.zeros((1, 2, 1), dtype=np.float32)
        bins = [np.zeros((2, 1, 2), dtype=np.float32)]
        block = Block(0, 2, None, bins, bins, zeros, zeros)
        with threadpool_limits(2, "blas"), pytest.raises(Spy, match=r"^\{1\}$"):
            explain_block(block, engines=[Engine()], regulators=np.zeros(1, int), is_main_task=np.ones(1, bool))

    def test_a_full_disk_leaves_the_old_file(self, dataset, bundle, tmp_path):
        path = tmp_path / "a.nc"
        attribute(bundle, dataset.features, out=path, agreement_genes=0).close()
        before = path.read_bytes()
        for size in (2_000, len(before) // 2, len(before) - 1):
            with room_for(size), pytest.raises(OSError, match=r"could not be written \(.*\); make room"):
                attribute(bundle, dataset.features, out=path, agreement_genes=0)
            assert path.read_bytes() == before

    def test_a_damaged_block_is_not_taken(self, dataset, bundle, tmp_path, monkeypatch):
        path = tmp_path / "a.nc"
        with room_for(60_000), pytest.raises(OSError, match="make room"):
            attribute(bundle, dataset.features, out=path, agreement_genes=0, block_genes=8)
        block = sorted((tmp_path / "a.nc.work").glob("block_*.h5"))[0]
        content = bytearray(block.read_bytes())
        content[len(content) // 2] ^= 4
        block.write_bytes(content)
        with pytest.raises(ValueError, match=r"finished piece .* was changed.*remove it to compute it again"):
            attribute(bundle, dataset.features, out=path, agreement_genes=0, block_genes=8)

    def test_blocks_of_genes(self, whole):
        blocks = list(gene_blocks(whole, 8))
        assert [block.sizes["gene"] for block in blocks] == [8, 8, 4]
        xr.testing.assert_identical(xr.concat(blocks, "gene", data_vars="minimal", coords="minimal"), whole)

    def test_layout(self):
        assert make_layout(2705, 1100, 54) == Layout(4, 64)
        assert make_layout(10, 5, 3) == Layout(10, 10)
        assert make_layout(100, 5000, 5000) == Layout(1, 64)
        assert make_layout(100, 1100, 54, 7) == Layout(4, 4)
        assert make_layout(1, 1, 1, 1) == Layout(1, 1)


class TestReading:
    def test_what_is_no_file_of_attributions(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"attributions .* does not exist"):
            read_attributions(tmp_path / "none.nc")
        (tmp_path / "text.nc").write_text("text")
        with pytest.raises(ValueError, match="damaged or no HDF5 file"):
            read_attributions(tmp_path / "text.nc")
        xr.Dataset({"x": ("y", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
        with pytest.raises(ValueError, match="no file of attributions"):
            read_attributions(tmp_path / "other.nc")
        with h5py.File(tmp_path / "plain.h5", "w") as file:
            file["counts"] = np.zeros((2, 2))  # no dimension scales, as in a features file
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match="no file of attributions"):
                read_attributions(tmp_path / "plain.h5")
        xr.Dataset(attrs={"format": "decode-attributions", "schema_version": 99}).to_netcdf(
            tmp_path / "new.nc", engine="h5netcdf"
        )
        with pytest.raises(ValueError, match="of schema version 99; this release reads schema version 3"):
            read_attributions(tmp_path / "new.nc")

    def test_a_changed_bit_is_noticed_wherever_it_is(self, dataset, bundle, tmp_path):
        path = tmp_path / "a.nc"
        attribute(bundle, dataset.features, out=path, agreement_genes=0).close()
        for copy in flipped(path, 200):
            with pytest.raises(ValueError, match=r"file of attributions .*flipped\.nc is damaged .*decode attribute"):
                read_attributions(copy)


class TestBadInput:
    def test_options(self, dataset, bundle):
        for options, message in (
            ({"engine": "fast"}, "engine is 'fast'; choose one of: exact, shap"),
            ({"reference": "zero"}, "reference is 'zero'"),
            ({"part": "chr1"}, "part is 'chr1'"),
            ({"agreement_genes": -1}, "agreement_genes is -1"),
            ({"genes": []}, "list of genes is empty"),
            ({"genes": ["G0000", "G0000"]}, "occur more than once: G0000"),
            ({"engine": "shap", "executor": "threads"}, "runs in this process only"),
        ):
            with pytest.raises(ValueError, match=message):
                attribute(bundle, dataset.features, **options)
        with pytest.raises(KeyError, match=r"1 gene_id\(s\) not in the features: XYZ"):
            attribute(bundle, dataset.features, genes=["XYZ", "G0000"])

    def test_features_that_do_not_fit(self, dataset, bundle):
        lacking = dataset.features.select(regulators=["AAA", "CCC"])
        with pytest.raises(ValueError, match="features lack 2 of the model's 6 tracks"):
            attribute(bundle, lacking)
        train = [str(i) for i in dataset.features.ids[dataset.split != TEST]]
        with pytest.raises(ValueError, match="hold none of the model's test genes; name genes, or explain part 'all'"):
            attribute(bundle, dataset.features.select(genes=train))

    def test_an_output_that_cannot_be_written(self, dataset, bundle, tmp_path):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            attribute(bundle, dataset.features, out=tmp_path / "no" / "a.nc")

    def test_parts_that_do_not_add_up(self, dataset, bundle, tmp_path, monkeypatch):
        right = ExactEngine.explain_at

        def wrong(*arguments):
            found = right(*arguments)
            return found._replace(contributions=[1.01 * part for part in found.contributions])

        monkeypatch.setattr(ExactEngine, "explain_at", wrong)
        with pytest.raises(ValueError, match=r"genes by engine 'exact' do not add up .* use engine 'shap'"):
            attribute(bundle, dataset.features, out=tmp_path / "a.nc")
        assert not list(tmp_path.iterdir())

    def test_a_network_read_wrongly(self, dataset, bundle, tmp_path, monkeypatch):
        right = ExactEngine.explain_at

        def wrong(*arguments):
            parts, prediction, reference = right(*arguments)
            return parts, prediction + 0.1, reference + 0.1

        monkeypatch.setattr(ExactEngine, "explain_at", wrong)
        with pytest.raises(ValueError, match=r"predicts G0000, .* otherwise than Keras does, by up to 0.1 log2 units"):
            attribute(bundle, dataset.features)

    def test_engines_that_differ_are_reported(self, dataset, bundle, monkeypatch, caplog):
        from decode.attribution.deep_explainer import ShapEngine

        right = ShapEngine.attribute
        monkeypatch.setattr(ShapEngine, "attribute", lambda *a: [part + 0.1 for part in right(*a)])
        caplog.set_level(logging.WARNING)
        found = attribute(bundle, dataset.features, agreement_genes=1)
        assert found.attrs["engine_agreement"] == pytest.approx(0.1, rel=1e-3)
        assert "the two engines differ by up to 0.1 log2 units" in caplog.text
