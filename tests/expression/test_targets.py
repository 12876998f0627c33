from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from decode.core.files import write_table
from decode.expression import GENE_ID, MEDIAN_LEVEL, check_targets, id_column, read_targets, task_names
from decode.expression.targets import numeric_values

NAN = np.nan


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"gene_id": ["A", "B", "C"], **columns})


def test_reserved_names():
    assert (GENE_ID, MEDIAN_LEVEL) == ("gene_id", "median_level")
    assert task_names(table(median_level=[1, 2, 3], x=[1, 2, 3])) == ["median_level", "x"]


@pytest.mark.parametrize("name", ["targets.tsv", "targets.tsv.gz"])
def test_written_and_read_again_bit_by_bit(tmp_path, name):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3)) * 10.0 ** rng.integers(-12, 5, (30, 3))
    values[3, 1] = NAN
    targets = pd.DataFrame(values, columns=["median_level", "adipose tissue", "b,c"])
    targets.insert(0, "gene_id", [f"ENSG{i:011d}" for i in range(30)])
    write_table(targets, tmp_path / name)
    pd.testing.assert_frame_equal(read_targets(tmp_path / name), targets, check_exact=True)
    text = (tmp_path / name).read_bytes()
    text = gzip.decompress(text) if name.endswith("gz") else text
    assert b"nan" not in text.lower()


def test_versions_par_y_and_transcripts(tmp_path, caplog):
    path = tmp_path / "t.csv"
    path.write_text("gene_id,x\nENSG00000182378.8,1\nENSG00000182378.8_PAR_Y,0\nA,\n")
    targets = read_targets(path)
    assert targets["gene_id"].tolist() == ["ENSG00000182378", "A"]
    np.testing.assert_array_equal(targets["x"], [1, NAN])
    assert "1 rows of PAR_Y" in caplog.text
    path.write_text("transcript_id,x\nENST00000373020.8,1\nNM_001284256.2,2\n")
    targets = read_targets(path)
    assert list(targets) == ["transcript_id", "x"]
    assert targets.to_numpy().tolist() == [["ENST00000373020", 1.0], ["NM_001284256", 2.0]]


def test_gene_ids_beside_transcript_ids_are_no_task(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("transcript_id\tgene_id\tx\nNM_1.2\tA\t1\nNM_2.1\tA\t2\n")
    assert read_targets(path).to_numpy().tolist() == [["NM_1", 1.0], ["NM_2", 2.0]]
    frame = pd.DataFrame({"gene_id": ["A", "A"], "transcript_id": ["T1", "T2"], "x": [1.0, 2.0]})
    check_targets(frame)  # the repeated gene is no fault
    assert (id_column(frame), task_names(frame)) == ("transcript_id", ["x"])
    with pytest.raises(ValueError, match="transcript ids of targets occur more than once: T1"):
        check_targets(frame.assign(transcript_id="T1"))


READ_FAULTS = {
    "text": ("gene_id\tx\ty\nA\t1\thigh\n", r"text where a number belongs: row A \(line 2\), column y: 'high'"),
    "infinite": ("gene_id\tx\nA\t-inf\n", "infinite values: row A, column x: -inf"),
    "other first column": ("Name\tx\nA\t1\n", "starts with the column 'Name'; gene_id is wanted"),
    "gene_id later": ("x\tgene_id\n1\tA\n", "starts with the column 'x'"),
    "no task": ("gene_id\tgene_id\nA\tA\n", "text where a number belongs"),
    "one column": ("gene_id\nA\n", "header of one column"),
    "repeated task": ("gene_id\tx\tx\nA\t1\t2\n", "more than once: x"),
    "repeated gene": ("gene_id\tx\nA\t1\nA\t2\n", "gene ids occur more than once.*: A"),
    "repeated after stripping": ("gene_id\tx\nENSG00000000003.1\t1\nENSG00000000003.2\t2\n", "ENSG00000000003;"),
    "no rows": ("gene_id\tx\n", "a header but no row"),
    "cut line": ("gene_id\tx\ty\nA\t1\t2\nB\t1", "line 3 has 2"),
    "task without values": ("gene_id\tx\ty\nA\t1\t\nB\t2\tNA\n", "tasks without a single value: y"),
}


@pytest.mark.parametrize(("text", "message"), READ_FAULTS.values(), ids=READ_FAULTS.keys())
def test_read_faults(tmp_path, text, message):
    path = tmp_path / "targets.tsv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_targets(path)


def test_read_file_faults(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"targets .* does not exist"):
        read_targets(tmp_path / "none.tsv")
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(b"gene_id\tx\nA\t1\n" * 50)[:-12])
    with pytest.raises(ValueError, match="truncated or damaged gzip"):
        read_targets(tmp_path / "cut.tsv.gz")


def test_good_tables_pass():
    check_targets(table(x=[1, 2, 3]))  # whole numbers
    check_targets(table(x=pd.array([1.5, None, 2], dtype="Float64")))  # nullable numbers
    check_targets(table(x=np.array([1.5, None, 2], dtype=object)))  # numbers in a column of objects
    check_targets(table(median_level=[1.0, 2.0, NAN]))  # the level alone


def test_numeric_values_of_nullable_columns():
    frame = pd.DataFrame({"x": pd.array([1, None], dtype="Int64"), "y": np.array([None, 2.5], dtype=object)})
    np.testing.assert_array_equal(numeric_values(frame, "demo"), [[1.0, NAN], [NAN, 2.5]])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (pd.DataFrame({"x": [1.0]}), "lacks the column.*gene_id"),
        (table(), "no task"),
        (table(x=["1", "2", "3"]), "row A, column x: '1'; row B, column x: '2'"),
        (table(x=[1.0, np.inf, 2.0]), "infinite values: row B, column x: inf"),
        (table(x=[NAN, NAN, NAN]), "without a single value: x"),
        (table(**{" ": [1.0, 2.0, 3.0]}), "without a name"),
        (table(x=[1.0, 2.0, 3.0]).iloc[:0], "no gene"),
        (pd.DataFrame({"gene_id": ["A", "A"], "x": [1.0, 2.0]}), "gene ids of targets occur more than once: A"),
        (pd.DataFrame({"gene_id": ["A", None], "x": [1.0, 2.0]}), "must be text and never empty"),
        (pd.DataFrame({"gene_id": [1, 2], "x": [1.0, 2.0]}), "must be text and never empty; got 1, 2"),
        (
            pd.DataFrame([["A", 1.0, 2.0]], columns=["gene_id", "x", "x"]),
            "column names of targets occur more than once: x",
        ),
    ],
)
def test_check_faults(targets, message):
    with pytest.raises(ValueError, match=message):
        check_targets(targets)


def test_check_wants_a_frame():
    with pytest.raises(TypeError, match="DataFrame is wanted"):
        check_targets([[1]])


def test_constant_tasks_and_empty_genes_are_logged(caplog):
    check_targets(table(x=[1.0, 1.0, NAN], y=[1.0, 2.0, NAN]))
    assert "1 tasks are constant" in caplog.text
    assert "1 of 3 genes have no value" in caplog.text


def test_a_task_may_not_be_called_as_the_list_over_all_tasks():
    with pytest.raises(ValueError, match="a task called overall, the name of the list over all tasks; rename"):
        check_targets(pd.DataFrame({"gene_id": ["A", "B"], "overall": [0.2, -0.1]}))
