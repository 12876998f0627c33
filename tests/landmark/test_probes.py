from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from decode.landmark.probes import group_probes, read_probe_map


def test_both_forms_of_a_map_are_read_and_joined(tmp_path, caplog):
    table = tmp_path / "map.tsv"
    table.write_text("probe\tgene\tgene_name\np1\tENSG1\tA\np2\tENSG1\tA\np9\t\t\n")
    lists = tmp_path / "landmarks.txt.gz"
    lists.write_bytes(gzip.compress(b"B\tENSG2\tp3, p4\nA\tENSG1\tp1\n"))
    found = read_probe_map([table, lists])
    pairs = list(found.itertuples(index=False, name=None))
    assert pairs == [("p1", "ENSG1", "A"), ("p2", "ENSG1", "A"), ("p3", "ENSG2", "B"), ("p4", "ENSG2", "B")]
    assert "1 rows without a probe or gene are left out" in caplog.text


def test_a_gene_is_the_mean_of_its_probes_and_what_is_left_out_is_counted():
    pairs = pd.DataFrame(
        {"probe": ["a", "b", "c", "c", "e"], "gene_id": ["G1", "G2", "G1", "G2", "G1"], "gene_name": list("xyxyx")}
    )
    groups = group_probes(["d", "e", "b", "a", "c"], pairs)
    values = np.arange(10.0).reshape(2, 5)
    assert groups.gene_ids == ["G1", "G2"]
    assert groups.gene_names == ["x", "y"]
    assert groups.means(values).tolist() == [[2.0, 2.0], [7.0, 7.0]]
    assert groups.counts == {
        "n_probes": 5, "n_probes_without_gene": 1, "n_probes_of_several_genes": 1, "n_probes_used": 3,
        "n_genes_of_probes": 2,
    }  # fmt: skip


def test_a_map_of_another_array_or_form_is_refused(tmp_path):
    pairs = pd.DataFrame({"probe": ["a"], "gene_id": ["G1"]})
    with pytest.raises(ValueError, match="none of the 2 probes of demo is in the probe map: x, y"):
        group_probes(["x", "y"], pairs, name="demo")
    wrong = tmp_path / "wrong.tsv"
    wrong.write_text("id\tsymbol\np1\tA\n")
    with pytest.raises(ValueError, match="lacks the column"):
        read_probe_map(wrong)
    with pytest.raises(FileNotFoundError):
        read_probe_map(tmp_path / "absent.tsv")
