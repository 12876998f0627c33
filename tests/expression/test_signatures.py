from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from decode.expression.signatures import read_signatures


def test_a_table_of_signatures(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = (
        "gene\tsignature_id\tchange\tsource\nA\ts2\tup\tx\nB\ts2\tDOWN\tx\nA\ts1\t-1\ty\nC\ts1\t1\ty\nC\ts1\tdown\ty\n"
    )
    path = tmp_path / "many.tsv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    with caplog.at_level("INFO", logger="decode"):
        table = read_signatures(path)
    assert table.is_signature
    assert table.contrasts == ["s2", "s1"]
    assert table.statistic.loc[["A", "B", "C"]].to_numpy().tolist() == [[1, -1], [-1, 0], [0, 0]]
    assert table.counts["n_up"] == {"s2": 1, "s1": 0}
    assert (table.counts["n_up_and_down"], table.counts["n_rows"], table.counts["n_rows_repeated"]) == (1, 5, 0)
    assert "columns left out: source" in caplog.text
    assert "1 genes are both up and down" in caplog.text


def test_gene_sets_named_up_and_down_are_one_signature(tmp_path: Path) -> None:
    path = tmp_path / "sets.gmt"
    path.write_text("MYC_KD_UP\t\tA\tB,1.0\nMYC_KD_DN\tabout\tC\nTP53 knockout down\t\tA\nHYPOXIA\t\tB\tC\n")
    table = read_signatures(path)
    assert table.contrasts == ["MYC_KD", "TP53 knockout", "HYPOXIA"]
    assert table.statistic.loc[["A", "B", "C"]].to_numpy().tolist() == [[1, -1, 0], [1, 0, 1], [-1, 0, 1]]


def test_without_signs_every_gene_has_changed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("signature,symbol\ns,A\ns,A\n")
    table = read_signatures(tmp_path / "x.csv")
    assert table.statistic.to_numpy().tolist() == [[1.0]]
    assert "no signs" in table.rule
    assert table.counts["n_rows_repeated"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gene\tlogFC\nA\t1\n", "has the columns gene, logfc; signature_id, gene and change"),
        ("signature_id\tgene\tchange\ns\tA\tsideways\n", "line 2: the change is 'sideways'"),
        ("signature_id\tgene\tchange\ns\t\tup\n", "line 2 lacks the signature or the gene"),
        ("signature_id\tgene\tchange\n", "names no gene"),
        ("signature_id\tgene\tchange\ns\tA\tup\ns\tA\tdown\n", "s have no gene that is only up or only down"),
        ("a\tb\tc\nshort\n", "line 2 is no name, description and genes"),
    ],
)
def test_what_holds_no_signatures_raises(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_signatures(tmp_path / "x")


@pytest.mark.real_data
def test_real_signatures_have_the_sizes_that_their_table_states(shared: Path) -> None:
    folder = shared / "data" / "perturbation"
    stated = pd.read_csv(folder / "tf_signatures.tsv", sep="\t").set_index("signature_id")
    counts = read_signatures(folder / "tf_signatures_genes.tsv.gz").counts
    assert counts["n_signatures"] == 41
    for direction in ("n_up", "n_down"):
        difference = pd.Series(counts[direction]).reindex(stated.index) - stated[direction]
        assert difference.abs().max() <= 1  # one gene of one signature is both up and down
