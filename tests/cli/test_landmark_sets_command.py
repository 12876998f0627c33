from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.cli.app import main
from decode.landmark.prepare import prepare_expression


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    genes = [f"G{i}" for i in range(30)]
    table = pd.DataFrame(np.random.default_rng(0).normal(7, 1, size=(30, 20)), genes, [f"s{i}" for i in range(20)])
    prepare_expression(table, out=tmp_path / "p.h5", scale="log2", deduplicate=False).close()
    (tmp_path / "sets.gmt").write_text("\n".join(
        "\t".join([name, "", *members]) for name, members in {"low": genes[:8], "high": genes[15:]}.items()
    ) + "\n")  # fmt: skip
    (tmp_path / "list.txt").write_text("G0\nG1\nG2\nG20\n")
    pd.DataFrame({"rank": [1, 2, 3, 4], "gene_id": ["G0", "G1", "G2", "G20"]}).to_csv(
        tmp_path / "panel.tsv", sep="\t", index=False
    )
    (tmp_path / "empty.tsv").write_text("rank\tgene_id\n")
    return {path.name: str(path) for path in tmp_path.iterdir()} | {"out": str(tmp_path / "out.tsv")}


def enrich(panel: str, files: dict[str, str], out: str, sets: str = "sets.gmt") -> int:
    with pytest.raises(SystemExit) as caught:
        main(["landmark", "enrich", files[panel], files["p.h5"], "--gene-sets", files[sets], "--out", out])
    return int(caught.value.code or 0)


def test_a_table_and_a_list_give_the_same(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert enrich("panel.tsv", files, files["out"]) == 0
    assert "4 of 4 panel genes are in a set, 23 of 30 of the background" in capsys.readouterr().out
    found = pd.read_csv(files["out"], sep="\t").set_index("gene_set")
    assert found["n_found"].to_dict() == {"low": 3, "high": 1}
    # Fisher: (C(8,3) C(22,1) + C(8,4)) / C(30,4) = (56 * 22 + 70) / 27405
    assert found.loc["low", "p_value"] == pytest.approx(1302 / 27405)
    record = json.loads(Path(files["out"] + ".run.json").read_text())
    assert record["kind"] == "landmark enrich"
    other = files["out"].replace("out.tsv", "other.tsv")
    assert enrich("list.txt", files, other) == 0
    assert Path(other).read_text() == Path(files["out"]).read_text()


def test_bad_input(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert enrich("empty.tsv", files, files["out"]) == 2
    assert "names no gene" in capsys.readouterr().err
    assert enrich("panel.tsv", files, files["out"], sets="list.txt") == 2
    assert "give a GMT file" in capsys.readouterr().err
    assert not Path(files["out"]).exists()
