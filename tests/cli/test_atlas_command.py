from __future__ import annotations

import pandas as pd
import pytest
from planted import planted_dataset, quick_bundle

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
    assert "regulators of liver" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing is asked for"),
        (["nogene"], "not in the features"),
        (["--task", "livr"], "liver"),
        (["--task", "liver", "--targets", "x.tsv"], "name the gene"),
    ],
)
def test_refusals(made, arguments, message, capsys):
    assert run(made, *arguments) == 2
    assert message in capsys.readouterr().err
