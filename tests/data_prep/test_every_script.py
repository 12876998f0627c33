"""Every script and every release on toy files in the form of their source, whole and on a slice."""

from __future__ import annotations

import gzip
import importlib
import json

import numpy as np
import pandas as pd
import pytest
from full_disk import room_for
from http_server import serve
from public_files import make_public_files, make_release_files, sites

from data_prep import build, gene_tables, person_expression, tf_sites
from data_prep.sources import TABLE, source
from data_prep.steps import MANIFEST
from decode.expression.targets import read_targets
from decode.features.matrix import RegulatoryFeatures

SCRIPTS = {
    "annotation": "gtex-v10",
    "tf_sites": "gtrd-19.10",
    "rbp_sites": "postar3",
    "mirna_sites": "targetscan-8.0",
    "tissue_expression": "gtex-v10",
}
TABLES = {
    "de_prior": ("crow-2019", "de_prior.txt", "Gene_EntrezID\tDE_Prior_Rank\tGene_Name\n10\t1.0\tA\n20\t0.5\tB\n", 1),
    "landmarks": ("l1000", "GSE92742_Broad_LINCS_gene_info.txt.gz",
                  "pr_gene_id\tpr_gene_symbol\tpr_is_lm\n16\tAARS\t1\n17\tB\t1\n", 1),
    "gene_sets": ("msigdb-hallmark-2024.1", "h.all.v2024.1.Hs.symbols.gmt", "ONE\tx\tA\nTWO\tx\tB\nTHREE\tx\tC\n", 2),
    "constraint": ("gnomad-v4.1", "gnomad.v4.1.constraint_metrics.tsv",
                   "gene\tgene_id\ttranscript\tcanonical\tmane_select\tlof.pLI\tlof.oe_ci.upper\n"
                   "A\tENSG1\tENST1\ttrue\ttrue\t0.99\t0.2\nB\tENSG2\tENST2\ttrue\ttrue\t0.1\t0.9\n", 1),
    "symbols": ("hgnc", "hgnc_complete_set.txt",
                "symbol\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\nA\t\t\t1\tENSG1\nB\t\t\t2\tENSG2\n", 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    make_public_files(folder)
    return folder


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for kind in TABLE:
        for name, found in TABLE[kind].items():
            monkeypatch.setitem(TABLE[kind], name, found | {"least": {}})


@pytest.mark.parametrize("script", SCRIPTS)
def test_whole_and_on_a_slice(script, public, tmp_path):
    module = importlib.import_module(f"data_prep.{script}")
    arguments = [SCRIPTS[script], "--from", str(public)]
    assert module.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    assert module.main([*arguments, "--out", str(tmp_path / "slice"), "--limit", "40"]) == 0
    whole, part = (json.loads((tmp_path / name / MANIFEST).read_text()) for name in ("whole", "slice"))
    key = "sites" if "sites" in whole["counts"] else "genes"
    assert 0 < part["counts"][key] < whole["counts"][key]
    assert (part["limit"], whole["limit"]) == (40, None)
    assert sorted(part["files"]) == sorted(whole["files"])
    assert whole["licence"] == source(script, SCRIPTS[script]).licence


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_genes_whole_and_on_a_slice(kind, tmp_path, monkeypatch):
    name, file_name, text, n_part = TABLES[kind]
    served = tmp_path / "served"
    served.mkdir()
    (served / file_name).write_bytes(gzip.compress(text.encode()) if file_name.endswith(".gz") else text.encode())
    with serve(served) as server:
        role = next(iter(TABLE[kind][name]["files"]))
        address = ["--address", f"{role}={server.address}/{file_name}", "--cache", str(tmp_path / "cache")]
        assert gene_tables.main([kind, name, *address, "--out", str(tmp_path / "whole")]) == 0
        limit = ["--limit", "2"]
        assert gene_tables.main([kind, name, *address, "--out", str(tmp_path / "slice"), *limit]) == 0
        assert len(server.asked) == 1
    counts = [json.loads((tmp_path / part / MANIFEST).read_text())["counts"] for part in ("whole", "slice")]
    key = {"gene_sets": "sets", "landmarks": "landmarks"}.get(kind, "genes")
    assert counts[1][key] == n_part < counts[0][key]


@pytest.mark.parametrize("release", ["gtex-v7", "gtex-v8", "gtex-v10"])
def test_persons_of_every_release(release, tmp_path):
    files = {
        role: source("person_expression", release).file_name(role) for role in ("expression", "samples", "persons")
    }
    text = "#1.2\n2\t3\nName\tDescription\tGTEX-1-1\tGTEX-2-1\tGTEX-3-1\nENSG1.4\tA\t1\t2\t3\nENSG2.1\tB\t0\t1\t8\n"
    (tmp_path / files["expression"]).write_bytes(gzip.compress(text.encode()))
    (tmp_path / files["samples"]).write_text(
        "SAMPID\tSMTSD\tSMRIN\nGTEX-1-1\tLiver\t7\nGTEX-2-1\tLung\t6\nGTEX-3-1\tLiver\t8\n"
    )
    (tmp_path / files["persons"]).write_text("SUBJID\tSEX\tAGE\nGTEX-1\t1\t60-69\nGTEX-3\t2\t20-29\n")
    arguments = [release, "--from", str(tmp_path), "--tissue", "Liver"]
    assert person_expression.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert pd.read_csv(tmp_path / "out" / "tpm.tsv.gz", sep="\t").columns.tolist() == [
        "gene_id",
        "GTEX-1-1",
        "GTEX-3-1",
    ]
    assert person_expression.main([*arguments, "--out", str(tmp_path / "part"), "--limit", "4"]) == 0
    assert len(pd.read_csv(tmp_path / "part" / "tpm.tsv.gz", sep="\t")) == 1


@pytest.mark.parametrize("release", ["gtex-v7", "gtex-v8", "encode-hg19"])
def test_every_release(release, tmp_path):
    public = tmp_path / "public"
    public.mkdir()
    toy = make_release_files(public, release)
    arguments = ["--release", release, "--from", str(public), "--out", str(tmp_path / "out")]
    assert build.main([*arguments, "--cache", str(tmp_path / "cache")]) == 0
    features, targets = (
        RegulatoryFeatures.read(tmp_path / "out" / "features.h5"),
        read_targets(tmp_path / "out" / "targets.tsv.gz"),
    )
    assert features.build == ("hg38" if release == "gtex-v8" else "hg19")
    assert set(targets["gene_id"]) <= set(features.genes["gene_id"])
    assert {"TF", "RBP"} <= set(features.tracks["kind"])
    manifests = {kind: tmp_path / "out" / kind / MANIFEST for kind in ("tf_sites", "rbp_sites", "mirna_sites")}
    found = {kind: json.loads(path.read_text()) for kind, path in manifests.items() if path.exists()}
    assert {manifest["build"] for manifest in found.values()} == {features.build}
    lifted = {kind for kind, manifest in found.items() if "lost in liftover" in manifest["counts"]}
    assert lifted == {"gtex-v7": {"tf_sites", "rbp_sites"}, "gtex-v8": {"mirna_sites"}, "encode-hg19": set()}[release]
    assert found["tf_sites"]["counts"]["sites"] == len(sites(toy.promoter_sites))
    assert np.isfinite(targets.drop(columns="gene_id").to_numpy(dtype=float)).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limit", "0"], "--limit"),
        (["--address", "page=http://127.0.0.1/x"], "--address names page"),
        (["--address", "sites"], "write ROLE=URL"),
        (["--from", "/nowhere"], "put it there"),
    ],
)
def test_wrong_options(options, message, tmp_path, capsys):
    arguments = ["gtrd-19.10", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), *options]
    assert tf_sites.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_disk_that_runs_full(public, tmp_path, capsys):
    arguments = [
        "gtrd-19.10",
        "--from",
        str(public),
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "cache"),
    ]
    with room_for(500):
        assert tf_sites.main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
    assert tf_sites.main(arguments) == 0
