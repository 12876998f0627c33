from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from decode.models.bundle import BUNDLE_FILE, read_record

QUICK = ("--max-epochs", 2)


@pytest.fixture(scope="session")
def persons_file(targets_file: Path) -> Path:
    """Four persons: tasks of the tissues under other names."""
    table = pd.read_csv(targets_file, sep="\t")
    tissues = [column for column in table.columns if column not in ("gene_id", "median_level")]
    persons = table[["gene_id"]].assign(
        **{f"person_{number}": table[tissues[number % 3]] * (1 + number / 10) for number in range(4)}
    )
    path = targets_file.parent / "persons.tsv"
    persons.to_csv(path, sep="\t", index=False)
    return path


def test_a_model_of_persons(run, trained, features_file, persons_file, tmp_path):
    out = tmp_path / "persons"
    command = ("train", features_file, persons_file, "--transfer-from", trained, "--out", out, *QUICK)
    result = run(*command, "--transfer", "head")
    assert result.status == 0, result.err
    record, source = read_record(out), read_record(trained)
    assert record["tasks"] == [f"person_{number}" for number in range(4)]
    assert record["training"]["transfer"]["mode"] == "head"
    assert record["training"]["members"] == record["n_members"] == source["n_members"] == 2
    split = [pd.read_csv(folder / "split.tsv.gz", sep="\t", index_col="id")["split"] for folder in (out, trained)]
    assert split[0].equals(split[1].loc[split[0].index])
    inputs = json.loads((tmp_path / "persons.run.json").read_text())["inputs"]
    assert inputs["transfer_from"]["path"] == str(trained / BUNDLE_FILE)
    assert run(*command, "--transfer", "head").status == 0  # the same again: finished already
    assert run(*command, "--transfer", "scratch").status == 2
    assert run("predict", out, features_file, "--out", tmp_path / "predicted.tsv").status == 0
    assert run("evaluate", out, features_file, persons_file, "--out", tmp_path / "evaluation").status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--architecture", "paper"], "is a default network, which a transferred model keeps"),
        (["--test-chromosome", "chr2"], "--test-chromosome is given with --transfer-from"),
        (["--biosamples", "CellA"], "--biosamples is given with --transfer-from"),
        (["--members", "3"], "3 members are asked for and the source has 2"),
    ],
)
def test_what_the_source_decides(run, trained, features_file, persons_file, tmp_path, options, said):
    result = run(
        "train", features_file, persons_file, "--transfer-from", trained, "--out", tmp_path / "m", *QUICK, *options
    )
    assert result.status == 2
    assert said in result.err
    assert not (tmp_path / "m").exists()


def test_a_network_of_a_configuration_must_be_that_of_the_source(run, trained, features_file, persons_file, tmp_path):
    (tmp_path / "wide.json").write_text('{"network": {"width": 7}}')
    result = run(
        *("train", features_file, persons_file, "--transfer-from", trained, "--out", tmp_path / "m"),
        *("--config", tmp_path / "wide.json"),
    )
    assert result.status == 2
    assert "the network of --config is another" in result.err


def test_a_mode_without_a_source(run, features_file, persons_file, tmp_path):
    result = run("train", features_file, persons_file, "--out", tmp_path / "m", "--transfer", "head")
    assert result.status == 2
    assert "add --transfer-from MODEL" in result.err
