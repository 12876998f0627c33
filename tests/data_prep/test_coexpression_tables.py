from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from http_server import serve

from data_prep import coexpression
from data_prep.coexpression import SOURCES, main, read_long_tpm
from decode.expression.readers import read_expression

LONG = "Gene\tGene name\tCell line\tTPM\tpTPM\nENSG1\tA\tK562\t3\t4\nENSG1\tA\tHepG2\t0\t0\nENSG2\tB\tK562\t1\t1\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serve(folder) as server:
        yield folder, server.address


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coexpression, "MIN_GENES", 2)
    monkeypatch.setattr(coexpression, "MIN_SAMPLES", 2)


def packed(path: Path, text: str = LONG) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rna_celline.tsv", text)
    return path


def test_download_convert_and_record(served: tuple[Path, str], tmp_path: Path, small: None) -> None:
    folder, url = served
    source = packed(folder / "rna_celline.tsv.zip")
    out = tmp_path / "cells.tsv.gz"
    assert main(["hpa-cell-lines", "--url", f"{url}/rna_celline.tsv.zip", "--out", str(out)]) == 0
    table = read_expression(out)  # as the package reads it
    expected = pd.DataFrame({"K562": [2.0, 1.0], "HepG2": [0.0, np.nan]}, index=["ENSG1", "ENSG2"])
    pd.testing.assert_frame_equal(table, expected, check_names=False)
    record = json.loads((tmp_path / "cells.tsv.gz.json").read_text())
    assert record["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert record["sha256_out"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (record["n_genes"], record["n_samples"], record["n_missing"]) == (2, 2, 1)
    assert "CC BY-SA" in record["licence"]


def test_a_gct_file_that_is_already_here(tmp_path: Path, small: None) -> None:
    path, out = tmp_path / "gtex.gct", tmp_path / "tissues.tsv"
    path.write_text("#1.2\n2\t2\nName\tDescription\tLiver\tLung\nENSG1.4\tA\t3\t0\nENSG2.1\tB\t1\t7\n")
    assert main(["gtex-tissues", "--file", str(path), "--out", str(out)]) == 0
    assert read_expression(out).to_numpy().tolist() == [[2.0, 0.0], [1.0, 3.0]]


def test_what_came_is_checked(served: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, url = served
    packed(folder / "x.zip")
    out = tmp_path / "cells.tsv"
    assert main(["hpa-cell-lines", "--url", f"{url}/absent.zip", "--out", str(out)]) == 2
    assert "absent.zip could not be fetched: the server answers 404" in capsys.readouterr().err
    assert main(["hpa-cell-lines", "--url", f"{url}/x.zip", "--out", str(out)]) == 2
    assert "2 genes x 2 samples; a whole table has" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Gene\tTissue\tnTPM\nENSG1\tliver\t1\n", "has the columns Gene, Tissue, nTPM; Gene, TPM"),
        (LONG + "ENSG1\tA\tK562\t5\t5\n", "twice"),
    ],
)
def test_other_tables_raise(tmp_path: Path, text: str, message: str) -> None:
    path = packed(tmp_path / "x.zip", text)
    with pytest.raises(ValueError, match=message):
        read_long_tpm(path)


def test_every_source_states_its_licence() -> None:
    for source in SOURCES.values():
        assert source["url"].startswith("https://")
        assert source["licence"]
