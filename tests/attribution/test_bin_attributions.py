from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from planted import TINY, TINY_PAPER, planted_dataset
from toy_networks import LONG, WIDE, random_bundle

from decode.attribution.attribute import attribute
from decode.attribution.bedgraph import regions_of, write_bedgraph
from decode.attribution.bins import bin_attributions, read_bin_attributions, write_bin_attributions
from decode.genome.annotation import read_annotation
from decode.genome.gene_models import GeneModels, gene_models


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(100)


@pytest.fixture(scope="module")
def paper(dataset):
    return random_bundle(dataset, TINY_PAPER)


@pytest.fixture(scope="module")
def one(dataset, paper) -> xr.Dataset:
    (found,) = bin_attributions(paper, dataset.features, ["G0007"])
    return found


class TestBins:
    @pytest.mark.parametrize("reference", ["own_length", "mean_gene"])
    @pytest.mark.parametrize("config", [TINY, TINY_PAPER, WIDE], ids=["default", "paper", "wide kernels"])
    def test_bins_add_up_to_the_gene(self, dataset, config, reference):
        bundle, genes = random_bundle(dataset, config), ["G0000", "G0007"]
        options = {"reference": reference}
        whole = attribute(bundle, dataset.features, genes=genes, agreement_genes=0, **options)
        for found, gene in zip(bin_attributions(bundle, dataset.features, genes, **options), genes, strict=True):
            sums = [found[f"attribution_{region}"].sum(f"bin_{region}") for region in ("promoter", "rna")]
            np.testing.assert_allclose(np.concatenate(sums), whole["attribution"].sel(gene=gene), atol=1e-5)
            length = sum(found[f"length_effect_{region}"].sum(f"bin_{region}") for region in ("promoter", "rna"))
            np.testing.assert_allclose(length, whole["length_effect"].sel(gene=gene), atol=1e-5)
            assert found.attrs["gene"] == gene

    @pytest.mark.parametrize("reference", ["own_length", "matched_genes"])
    @pytest.mark.parametrize("config", [TINY, WIDE, LONG], ids=["default", "wide kernels", "kernels past the end"])
    def test_both_engines_agree_in_every_bin(self, dataset, config, reference):
        bundle = random_bundle(dataset, config)
        (exact,), (shap,) = (
            bin_attributions(bundle, dataset.features, ["G0004"], engine=engine, reference=reference, tasks=["brain"])
            for engine in ("exact", "shap")
        )
        for name in exact.data_vars:
            np.testing.assert_allclose(exact[name], shap[name], atol=1e-5)

    def test_log_totals_are_shared_in_proportion_to_bases(self, dataset):
        bundle = random_bundle(dataset, TINY, members=1)
        (found,) = bin_attributions(bundle, dataset.features, ["G0007"])
        assert found.attrs["position_blind_rna"] == found.attrs["position_blind_promoter"] == 1
        for region in regions_of(found):
            bases, values = found[f"bases_{region}"].to_numpy(), found[f"attribution_{region}"].to_numpy()
            share = bases / np.maximum(bases.sum(axis=0), 1)
            np.testing.assert_allclose(values, share[:, :, None] * values.sum(axis=0), atol=1e-6)
            assert np.isnan(found[f"sd_{region}"]).all()

    def test_what_a_gene_holds(self, dataset, one):
        row = dataset.features.ids.tolist().index("G0007")
        assert regions_of(one) == ["promoter", "rna"]
        assert one.attrs["position_blind_rna"] == 0
        assert one.attrs["position_blind_promoter"] == 1  # kernels of one bin see the total only
        for region, matrix in dataset.features.regions.items():
            values, length_bp = dataset.features.dense(region, [row])
            np.testing.assert_array_equal(one[f"bases_{region}"], values[0])
            np.testing.assert_array_equal(one[f"bin_length_bp_{region}"], length_bp[0])
            assert one.sizes[f"track_{region}"] == matrix.n_tracks
        assert one["track_rna"].to_numpy()[0] == "rna|RBP:CCC@K562"

    def test_some_tasks(self, dataset, paper, one):
        (found,) = bin_attributions(paper, dataset.features, ["G0007"], tasks=["brain", "liver"])
        assert found["task"].to_numpy().tolist() == ["brain", "liver"]
        name = "attribution_rna"
        np.testing.assert_allclose(found[name], one[name].sel(task=["brain", "liver"]), atol=1e-7)

    def test_a_longer_reference_runs_past_the_gene(self, dataset, paper):
        shortest = str(dataset.features.ids[np.argmin(dataset.features.genes["length_bp"])])
        (found,) = bin_attributions(paper, dataset.features, [shortest], reference="mean_gene")
        is_inside = found["bin_length_bp_rna"].to_numpy() > 0
        assert not is_inside.all()
        assert (found["attribution_rna"].to_numpy()[~is_inside] != 0).any()

    def test_bad_input(self, dataset, paper):
        for options, error, message in (
            ({"tasks": ["skin"]}, KeyError, r"1 task\(s\) not in the model: skin"),
            ({"engine": "fast"}, ValueError, "engine is 'fast'"),
            ({"reference": "zero"}, ValueError, "reference is 'zero'"),
        ):
            with pytest.raises(error, match=message):
                next(bin_attributions(paper, dataset.features, ["G0007"], **options))
        with pytest.raises(KeyError, match="XYZ"):
            next(bin_attributions(paper, dataset.features, ["XYZ"]))


class TestFile:
    def test_round_trip(self, dataset, paper, one, tmp_path):
        genes = ["G0007", "G0004"]
        path = tmp_path / "bins.nc"
        assert write_bin_attributions(bin_attributions(paper, dataset.features, genes), path) == genes
        with read_bin_attributions(path, "G0007") as found:
            xr.testing.assert_identical(found.load(), one)
        with pytest.raises(KeyError, match=r"'G0001' is not in .*; it holds G0007, G0004"):
            read_bin_attributions(path, "G0001")

    def test_an_error_leaves_nothing_behind(self, one, tmp_path):
        def broken() -> Iterator[xr.Dataset]:
            yield one
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            write_bin_attributions(broken(), tmp_path / "bins.nc")
        assert not list(tmp_path.iterdir())

    def test_what_is_no_such_file(self, tmp_path):
        (tmp_path / "text.nc").write_text("text")
        with pytest.raises(ValueError, match="damaged or no HDF5 file"):
            read_bin_attributions(tmp_path / "text.nc", "G")
        xr.Dataset().to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
        with pytest.raises(ValueError, match="holds no per-bin attributions"):
            read_bin_attributions(tmp_path / "other.nc", "G")


def models_of(folder, strand: str) -> GeneModels:
    """One gene with exons [100, 112) and [200, 213): 25 spliced bases."""
    exons = ((100, 112), (200, 213))
    lines = [
        f'chr1\tX\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "G"; transcript_id "T";' for start, end in exons
    ]
    (folder / "one.gtf").write_text("\n".join(lines) + "\n")
    (folder / "sizes.tsv").write_text("chr1\t1000\n")
    return gene_models(read_annotation(folder / "one.gtf", build="toy", sizes=folder / "sizes.tsv"))


def toy_bins(strand: str, tss: int, covered: list[int], length_bp: int = 25) -> xr.Dataset:
    """Two promoter bins before the TSS and one after, three RNA bins, two tracks, one task."""
    attrs = {"gene": "G", "gene_name": "name", "chrom": "chr1", "strand": strand, "tss": tss, "length_bp": length_bp}
    attrs |= {"bin_size": 10, "upstream": 20, "downstream": 10, "position_blind_promoter": 1, "position_blind_rna": 0}
    variables = {}
    for region, lengths in (("promoter", covered), ("rna", [10, 10, 5])):
        axes = (f"bin_{region}", f"track_{region}", "task")
        variables[f"bases_{region}"] = (axes[:2], np.ones((3, 2)))
        variables[f"bin_length_bp_{region}"] = (axes[:1], np.array(lengths, dtype=np.float32))
        variables[f"attribution_{region}"] = (axes, np.array([[[1.0], [0.5]], [[2.0], [-4.0]], [[3.0], [0.0]]]))
    coords = {
        "task": ["liver"],
        "track_promoter": ["promoter|TF:A", "promoter|TF:B"],
        "track_rna": ["rna|R:A", "rna|R:B"],
    }
    return xr.Dataset(variables, coords, attrs)


class TestGenome:
    def test_bedgraph(self, tmp_path):
        path = tmp_path / "one.bedgraph"
        assert (
            write_bedgraph(
                toy_bins("+", 100, [10, 10, 10]), path, task="liver", n_tracks=1, gene_models=models_of(tmp_path, "+")
            )
            == 4
        )
        lines = path.read_text().splitlines()
        names = [line.split('"')[1] for line in lines if line.startswith("track")]
        assert names == [
            *("name liver promoter all tracks", "name liver promoter promoter|TF:A"),
            *("name liver rna all tracks", "name liver rna rna|R:A"),
        ]
        is_blind = ["the network sees the total only" in line for line in lines if line.startswith("track")]
        assert is_blind == [True, True, False, False]
        assert lines[1:4] == ["chr1\t80\t90\t1.5", "chr1\t90\t100\t-2", "chr1\t100\t110\t3"]
        rna = lines[lines.index(next(line for line in lines if "rna all" in line)) + 1 :][:4]
        assert rna == ["chr1\t100\t110\t1.5", "chr1\t110\t112\t-2", "chr1\t200\t208\t-2", "chr1\t208\t213\t3"]

    def test_a_window_is_shown_where_its_definition_says(self, tmp_path, caplog):
        bins = toy_bins("-", 212, [10, 10, 10]).drop_vars(["bases_rna", "bin_length_bp_rna", "attribution_rna"])
        names = {name: name.replace("promoter", "far") for name in map(str, [*bins.variables, *bins.dims])}
        bins = bins.rename({name: new for name, new in names.items() if name != new})
        window = {"type": "window", "first_bp": -45, "last_bp": -15, "bin_size": 10}
        described = bins.assign_attrs(definition_far=json.dumps(window))
        assert write_bedgraph(described, tmp_path / "a.bedgraph", task="liver", n_tracks=0) == 1
        lines = (tmp_path / "a.bedgraph").read_text().splitlines()
        assert lines[1:] == ["chr1\t228\t238\t3", "chr1\t238\t248\t-2", "chr1\t248\t258\t1.5"]
        assert write_bedgraph(bins, tmp_path / "b.bedgraph", task="liver") == 0
        assert "region far is left out of the bedGraph: the attributions do not say where" in caplog.text

    def test_without_gene_models_the_rna_is_left_out(self, tmp_path, caplog):
        assert write_bedgraph(toy_bins("-", 212, [10, 10, 10]), tmp_path / "a.bedgraph", task="liver", n_tracks=0) == 1
        assert "region rna is left out" in caplog.text

    def test_bad_input(self, tmp_path):
        bins = toy_bins("+", 100, [10, 10, 10])
        with pytest.raises(KeyError, match=r"task\(s\) not in the attributions: skin"):
            write_bedgraph(bins, tmp_path / "a.bedgraph", task="skin")
        models = models_of(tmp_path, "+")
        with pytest.raises(ValueError, match="give G 25 spliced bases, the features 30"):
            write_bedgraph(
                toy_bins("+", 100, [10, 10, 10], length_bp=30),
                tmp_path / "a.bedgraph",
                task="liver",
                gene_models=models,
            )
        nobody = replace(models, table=models.table[:0], exons=models.exons[:0])
        with pytest.raises(KeyError, match="'G'"):
            write_bedgraph(bins, tmp_path / "a.bedgraph", task="liver", gene_models=nobody)
