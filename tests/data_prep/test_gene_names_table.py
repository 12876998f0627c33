from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from data_prep.gene_names import make_table
from decode.core.files import open_text
from decode.core.known_names import SHIPPED, names_of, shipped_names


def rows(path):
    with open_text(path) as handle:
        return [line.rstrip("\n").split("\t") for line in handle]


def test_table_of_ncbi(tmp_path):
    with closing(sqlite3.connect(tmp_path / "org.sqlite")) as base, base:
        base.executescript(
            """
            CREATE TABLE metadata (name, value); INSERT INTO metadata VALUES ('EGSOURCEDATE', '2030-Jan1');
            CREATE TABLE genes (_id, gene_id); INSERT INTO genes VALUES (1, '70'), (2, '80'), (3, '90');
            CREATE TABLE gene_info (_id, gene_name, symbol);
            INSERT INTO gene_info VALUES (1, 'x', 'NEW'), (2, 'y', 'LONE'), (3, 'z', 'NOWHERE');
            CREATE TABLE alias (_id, alias_symbol);
            INSERT INTO alias VALUES (1, 'NEW'), (1, 'OLD'), (1, 'OLDER'), (2, 'LONE');
            CREATE TABLE ensembl (_id, ensembl_id);
            INSERT INTO ensembl VALUES (1, 'ENSG00000000002'), (1, 'ENSG00000000001'), (2, 'ENSG00000000003');
            """
        )
    manifest = make_table(tmp_path / "org.sqlite", tmp_path / "names.tsv.gz")
    assert rows(tmp_path / "names.tsv.gz")[1:] == [
        ["LONE", "", "", "ENSG00000000003", "80"],
        ["NEW", "", "OLD|OLDER", "ENSG00000000001|ENSG00000000002", "70"],
    ]
    assert (manifest["date"], manifest["n_genes"]) == ("2030-Jan1", 2)
    assert json.loads((tmp_path / "names.json").read_text()) == manifest


def test_table_of_hgnc(tmp_path):
    (tmp_path / "hgnc.txt").write_text(
        "hgnc_id\tsymbol\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id\tdate_modified\n"
        'HGNC:1\tNEW\t"A|B"\tOLD\t7\tENSG00000000001\t2030-01-02\nHGNC:2\tNONE\t\t\t8\t\t2030-01-01\n'
    )
    assert make_table(tmp_path / "hgnc.txt", tmp_path / "names.tsv.gz")["date"] == "2030-01-02"
    names = names_of(rows(tmp_path / "names.tsv.gz")[1:])
    assert [names.rows(name) for name in ("NEW", "A", "OLD", "7", "NONE")] == [[0], [0], [0], [0], []]


def test_the_table_of_the_package_says_where_it_comes_from():
    manifest = json.loads((SHIPPED.parent / "human_gene_names.json").read_text())
    assert "public domain" in manifest["source"]
    assert len(shipped_names().ids) == manifest["n_genes"]
