from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from http_server import serve
from public_files import make_public_files, sites

from data_prep import annotation, build, rbp_sites, tf_sites
from data_prep.sources import TABLE, obtain, source
from data_prep.steps import MANIFEST, Request, prepare
from decode.expression.readers import read_expression
from decode.expression.targets import read_targets
from decode.expression.tissue import tissue_targets
from decode.features.build import build_features
from decode.features.matrix import RegulatoryFeatures
from decode.genome.annotation import read_annotation
from decode.genome.gene_models import gene_models
from decode.genome.site_table import SiteTable


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    return folder, make_public_files(folder)


@pytest.fixture
def served(public, monkeypatch):
    """A server with all files, whose addresses stand in the table of sources; no size is asked for."""
    with serve(public[0]) as server:
        for kind in TABLE:
            for name, found in TABLE[kind].items():
                files = {
                    role: address and f"{server.address}/{address.rpartition('/')[2]}"
                    for role, address in found["files"].items()
                }
                monkeypatch.setitem(TABLE[kind], name, found | {"files": files, "least": {}})
        yield server


def test_a_release_from_the_first_download_to_features(public, served, tmp_path):
    toy, out = public[1], tmp_path / "v10"
    arguments = ["--release", "gtex-v10", "--out", str(out), "--cache", str(tmp_path / "cache")]
    assert build.main(arguments) == 0
    features = RegulatoryFeatures.read(out / "features.h5")
    models = gene_models(read_annotation(toy.annotation, build="hg38"))
    wanted = build_features(
        models,
        [
            SiteTable(sites(toy.promoter_sites).drop(columns=["biosample", "score"]).assign(kind="TF")),
            SiteTable(sites(toy.rna_sites).drop(columns="score").assign(kind="RBP")),
            SiteTable(sites(toy.mirna_sites).drop(columns=["biosample", "score"]).assign(kind="miRNA")),
        ],
        allow_suspicious=True,
    )
    assert set(features.track_ids) == set(wanted.track_ids)
    order = [features.track_ids.index(name) for name in wanted.track_ids]
    np.testing.assert_array_equal(features.totals()[:, order], wanted.totals())
    targets = read_targets(out / "targets.tsv.gz")
    measured = tissue_targets(read_expression(toy.tissue_tpm)).targets
    np.testing.assert_allclose(targets.drop(columns="gene_id"), measured.drop(columns="gene_id"), atol=1e-9)
    manifest = json.loads((out / "tf_sites" / MANIFEST).read_text())
    assert manifest["licence"].startswith("GTRD")
    assert manifest["inputs"]["sites"]["origin"].startswith("http://127.0.0.1")
    assert manifest["counts"]["sites"] == len(sites(toy.promoter_sites))
    lifted = json.loads((out / "mirna_sites" / MANIFEST).read_text())
    assert (lifted["build"], lifted["counts"]["lost in liftover"]) == ("hg38", 0)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    served.asked.clear()
    assert build.main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert served.asked == []


def test_a_stopped_release_goes_on(public, served, tmp_path):
    out, cache = tmp_path / "v10", tmp_path / "cache"
    arguments = ["--release", "gtex-v10", "--out", str(out), "--cache", str(cache)]
    packed = public[0] / "human_RBP_binding_sites.txt.zip"
    away = packed.rename(packed.with_suffix(".away"))
    try:
        assert build.main(arguments) == 2
    finally:
        away.rename(packed)
    assert sorted(path.name for path in out.iterdir()) == ["annotation", "tf_sites", "tissue_expression"]
    before = (out / "tf_sites" / MANIFEST).stat().st_mtime_ns
    served.cuts = 1
    assert build.main(arguments) == 0
    assert (out / "tf_sites" / MANIFEST).stat().st_mtime_ns == before
    assert (out / "features.h5").is_file()


def test_a_slice(served, tmp_path):
    request = Request("tf_sites", "gtrd-19.10", tmp_path / "tf", cache=tmp_path / "cache", limit=50)
    assert prepare(request, tf_sites.convert)["counts"]["sites"] == 49  # and the header
    assert sorted(path.name for path in (tmp_path / "tf").iterdir()) == [MANIFEST, "sites.bed.gz"]


def test_another_build_needs_a_chain(served, tmp_path, capsys):
    arguments = ["gtrd-19.10", "--out", str(tmp_path / "tf"), "--cache", str(tmp_path / "cache"), "--build", "hg19"]
    assert tf_sites.main(arguments) == 2
    assert "give the chain from hg38 to hg19" in capsys.readouterr().err
    assert not (tmp_path / "tf").exists()


def test_files_already_here(public, tmp_path):
    found = source("rbp_sites", "postar3")
    got = obtain(found, "sites", folder=public[0], cache=tmp_path)
    assert got.path.name == "human_RBP_binding_sites.txt"
    assert got.origin == str(public[0] / "human_RBP_binding_sites.txt.zip")
    with pytest.raises(FileNotFoundError, match="put it there"):
        obtain(source("annotation", "gtex-v7"), "annotation", folder=public[0], cache=tmp_path)
    with pytest.raises(FileNotFoundError, match="cannot be fetched by one address"):
        obtain(source("tf_sites", "encode-hg19"), "sites", cache=tmp_path)


def test_a_file_that_is_there_twice(public, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        shutil.copy(public[0] / "gencode.v39.GRCh38.genes.gtf", tmp_path / name)
    with pytest.raises(ValueError, match="2 times"):
        obtain(source("annotation", "gtex-v10"), "annotation", folder=tmp_path)


def test_less_than_a_whole_file(public, tmp_path, capsys):
    arguments = ["gtex-v10", "--from", str(public[0]), "--out", str(tmp_path / "annotation")]
    assert annotation.main(arguments) == 2
    assert "a whole file has 50,000 or more" in capsys.readouterr().err
    assert not (tmp_path / "annotation").exists()


def test_an_altered_output_is_made_again(served, tmp_path):
    request = Request("rbp_sites", "postar3", tmp_path / "rbp", cache=tmp_path / "cache")
    first = prepare(request, rbp_sites.convert)
    out = tmp_path / "rbp" / "sites.bed.gz"
    content = out.read_bytes()
    out.write_bytes(b"altered")
    assert prepare(request, rbp_sites.convert)["counts"] == first["counts"]
    assert out.read_bytes() == content


@pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing of an archive", b""])
def test_damaged_archives(tmp_path, content):
    (tmp_path / "human_RBP_binding_sites.txt.zip").write_bytes(content)
    request = Request("rbp_sites", "postar3", tmp_path / "rbp", folder=tmp_path, cache=tmp_path / "cache")
    with pytest.raises(ValueError, match=r"damaged|empty"):
        prepare(request, rbp_sites.convert)
    assert not (tmp_path / "rbp").exists()


def test_every_source_is_described():
    for kind in TABLE:
        for name in TABLE[kind]:
            found = source(kind, name)
            assert found.what
            assert found.licence
            assert all(address is None or address.startswith("http") for address in found.files.values())
            assert all(found.file_name(role) for role in found.files)


def test_unknown_names(tmp_path):
    with pytest.raises(KeyError, match="gtex-v9"):
        source("annotation", "gtex-v9")
    with pytest.raises(KeyError, match="release is"):
        build.build("gtex-v9", tmp_path / "out")
    assert not Path(tmp_path / "out").exists()
