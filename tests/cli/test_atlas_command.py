from __future__ import annotations

import json

import pandas as pd
import pytest
from planted import planted_dataset, planted_features, planted_targets, quick_bundle

from decode.cli.app import main
from decode.models.bundle import save_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas")
    dataset = planted_dataset(150)
    save_bundle(quick_bundle(dataset), folder / "model")
    dataset.features.write(folder / "features.h5")
    return folder


def run(made, *arguments: object, files: bool = True) -> int:
    given = ["--model", made / "model", "--features", made / "features.h5"] if files else []
    with pytest.raises(SystemExit) as stop:
        main(["atlas", *map(str, [*arguments, *given])])
    return int(stop.value.code or 0)


def test_a_gene_and_its_tables(made, tmp_path, capsys):
    assert run(made, "name3", "--top", 4, "--out", tmp_path / "out") == 0
    assert "G0003" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "out" / "regulators.tsv", sep="\t")) == 4
    assert set(pd.read_csv(tmp_path / "out" / "tasks.tsv", sep="\t")["task"]) >= {"liver", "brain", "blood"}
    assert run(made, "name3", "--top", 4, "--out", tmp_path / "out") == 0
    assert run(made, "name4", "--out", tmp_path / "out") == 2


def test_a_task(made, capsys):
    assert run(made, "--task", "liver", "--top", 3) == 0
    said = capsys.readouterr().out
    assert "regulators of liver" in said
    assert "what comes first is not thereby significant" in said
    assert "known factors of liver without sites in the model, which it cannot name: HNF4A, HNF1A" in said


def test_a_page_of_all_genes(made, tmp_path, capsys):
    out = tmp_path / "atlas.html"
    targets = planted_targets(planted_features(150))
    targets.to_csv(tmp_path / "targets.tsv", sep="\t", index=False)
    given = ["--targets", tmp_path / "targets.tsv", "--source", "made up, free", "--top", 3, "--out", out]
    assert run(made, *given) == 0
    assert "atlas.html: 150 genes, 4 tasks" in capsys.readouterr().out
    text = out.read_text()
    assert "made up, free" in text
    assert "the 3 regulators that act most" in text
    record = json.loads((tmp_path / "atlas.html.run.json").read_text())
    assert (record["kind"], record["options"]["top"]) == ("atlas", 3)
    assert not (tmp_path / "atlas.html.work").exists()
    assert run(made, *given) == 0
    assert "already holds this result" in capsys.readouterr().out
    assert run(made, "--out", out) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing is asked for"),
        (["nogene"], "not in the features"),
        (["--task", "livr"], "liver"),
        (["name3", "--task", "livr"], "livr (nearest: liver)"),
        (["--task", "liver", "--top", "-3"], "--top is -3"),
        (["name3", "--top", "0"], "--top is 0"),
        (["--task", "liver", "--targets", "x.tsv"], "name the gene"),
        (["name3", "--out", "x.html"], "leave GENE and --task out"),
        (["--out", "folder"], "--out folder.html"),
        (["--out", "x.html", "--source", "HPA"], "--targets"),
    ],
)
def test_refusals(made, arguments, message, capsys):
    assert run(made, *arguments) == 2
    assert message in capsys.readouterr().err
