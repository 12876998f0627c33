from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
from full_disk import flipped, room_for

from decode.core.seal import LENGTH, append_seal
from decode.landmark.prepare import prepare_expression
from decode.landmark.prepared import open_prepared
from decode.landmark.quantiles import apply_quantiles


@pytest.fixture
def labels(arrays):
    return pd.DataFrame({"study": np.repeat(list("abcde"), 8), "age": np.arange(40.0)}, index=arrays.columns)


def test_values_are_quantile_normalised_against_training_samples_alone(arrays):
    prepared = prepare_expression(arrays, seed=2)
    log2 = np.log2(arrays.to_numpy().T + 1)
    train = prepared.rows("train")
    mean = np.sort(log2[train], axis=1).mean(axis=0)
    reference = 4 + 11 * (mean - mean[0]) / (mean[-1] - mean[0])
    assert prepared.quantiles.reference == pytest.approx(reference, abs=1e-9)
    assert prepared.read() == pytest.approx(reference[log2.argsort(axis=1).argsort(axis=1)], abs=1e-5)
    values = prepared.read(train).astype(float)
    assert prepared.train_mean == pytest.approx(values.mean(axis=0), abs=1e-9)
    assert prepared.train_sd == pytest.approx(values.std(axis=0), abs=1e-6)
    assert np.array_equal(prepared.train_min, values.min(axis=0))
    assert np.array_equal(prepared.train_max, values.max(axis=0))
    changed = arrays.copy()  # what is held out teaches nothing
    changed.iloc[:, prepared.rows("test")] **= 1.5
    again = prepare_expression(changed, seed=2)
    assert np.array_equal(again.read(train), prepared.read(train))
    assert np.array_equal(again.quantiles.reference, prepared.quantiles.reference)


def test_the_file_holds_what_is_made_in_memory(tmp_path, arrays, labels):
    arrays.to_csv(tmp_path / "a.tsv", sep="\t", index_label="gene")
    options = {"labels": labels, "group_column": "study", "seed": 5}
    memory = prepare_expression(arrays, **options)
    with prepare_expression(tmp_path / "a.tsv", out=tmp_path / "p.h5", **options) as made:
        assert made.counts["n_samples"] == 40
    with open_prepared(tmp_path / "p.h5") as disk:
        for name in ("gene_ids", "gene_names", "sample_ids", "split", "train_mean", "train_sd", "train_min"):
            assert np.array_equal(getattr(disk, name), getattr(memory, name)), name
        assert np.array_equal(disk.read(), memory.read())
        assert disk.counts == memory.counts
        assert disk.options == memory.options
        pd.testing.assert_frame_equal(disk.labels, memory.labels)
        assert np.array_equal(disk.quantiles.reference, memory.quantiles.reference)
        assert (disk.quantiles.raw_low, disk.quantiles.raw_high) == (
            memory.quantiles.raw_low,
            memory.quantiles.raw_high,
        )
        rows = [7, 3, 4, 5, 39, 0]
        assert np.array_equal(disk.read(rows), memory.read(rows))
        assert np.array_equal(np.concatenate([v for _, v in disk.blocks(rows, size=4)]), memory.read(rows))
        assert disk.read([]).shape == (0, 30)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.tsv", "p.h5"]
    groups = memory.labels["study"].to_numpy()
    assert all(len(set(memory.split[groups == name])) == 1 for name in set(groups))


def test_log2_values_are_taken_as_they_are_and_linear_ones_are_not(arrays):
    log2 = np.log2(arrays + 1)
    a, b = prepare_expression(arrays), prepare_expression(log2)
    assert np.array_equal(a.read(), b.read())
    assert (a.options["raw_unit"], b.options["raw_unit"]) == ("log2(x + 1)", "log2, as given")
    assert np.array_equal(prepare_expression(arrays, scale="linear").read(), a.read())


def test_copies_go_before_the_split_and_each_step_is_counted(arrays):
    table = arrays.assign(copy=arrays["s3"] * 1.00001)
    table.loc["flat"] = 5.0
    table.loc["gap"] = 5.0
    table.loc["gap", "s1"] = np.nan
    prepared = prepare_expression(table)
    assert prepared.duplicates[["sample_id", "duplicate_of"]].to_numpy().tolist() == [["copy", "s3"]]
    assert prepared.counts == {
        "n_samples_read": 41, "n_rows_read": 32, "n_genes_missing": 1, "n_genes_constant": 1, "n_genes": 30,
        "n_duplicates": 1, "n_clusters": 2, "n_samples": 40, "n_train": 32, "n_validation": 4, "n_test": 4,
    }  # fmt: skip
    kept = prepare_expression(table, deduplicate=False)
    assert (kept.n_samples, kept.counts["n_clusters"], len(kept.duplicates)) == (41, 0, 0)


def test_probes_become_genes_with_names(arrays):
    probe_map = pd.DataFrame({"probe": ["G0", "G1", "G2"], "gene_id": ["E1", "E1", "E2"], "gene_name": ["A", "A", "B"]})
    prepared = prepare_expression(arrays, probe_map=probe_map, deduplicate=False)
    assert prepared.gene_table().to_numpy().tolist() == [["E1", "A"], ["E2", "B"]]
    log2 = np.log2(arrays.to_numpy() + 1)
    is_first_higher = log2[:2].mean(axis=0) > log2[2]
    assert np.array_equal(prepared.read()[:, 0] > prepared.read()[:, 1], is_first_higher)
    named = prepare_expression(arrays.set_axis([f"S{i}|{i}" for i in range(30)], axis=0))
    assert named.gene_names[4] == "S4"


def test_a_new_sample_gets_the_reference_by_its_ranks(arrays):
    prepared = prepare_expression(arrays, seed=2)
    again = apply_quantiles(arrays.to_numpy().T[[5]], prepared.quantiles)
    assert np.array_equal(again, prepared.read([5]))


def test_mixed_scales_and_other_bad_values(arrays):
    mixed = arrays.copy()
    mixed.iloc[:, 3:5] = np.log2(mixed.iloc[:, 3:5] + 1)
    with pytest.raises(ValueError, match=r"mixes linear and log2 values: 38 samples .*2 have none \(s3, s4\)"):
        prepare_expression(mixed)
    with pytest.raises(ValueError, match="mixes linear and log2"):
        prepare_expression(mixed, scale="log2")
    with pytest.raises(ValueError, match="too large for log2"):
        prepare_expression(arrays, scale="log2")
    with pytest.raises(ValueError, match=r"negative values \(s7\)"):
        prepare_expression(arrays.assign(s7=arrays["s7"] - 5000))
    with pytest.raises(ValueError, match=r"1 sample\(s\) of expression have the same value in every gene: s7"):
        prepare_expression(arrays.assign(s7=100.0))
    with pytest.raises(ValueError, match=r"miss more than 50%.*s2"):
        prepare_expression(arrays.assign(s2=[np.nan] * 20 + [100.0] * 10))
    with pytest.raises(ValueError, match="0 gene"):
        prepare_expression(pd.DataFrame(np.tile([[100.0], [200.0]], 5)))
    with pytest.raises(ValueError, match="scale is 'ln'"):
        prepare_expression(arrays, scale="ln")


def test_names_of_labels_that_do_not_match(arrays, labels):
    with pytest.raises(ValueError, match="40 of 40 samples of expression have no row in the table of labels: s0, s1"):
        prepare_expression(arrays, labels=labels.set_axis(range(40), axis=0))
    with pytest.raises(ValueError, match=r"lacks the column\(s\) tissue"):
        prepare_expression(arrays, labels=labels, group_column="tissue")
    with pytest.raises(ValueError, match="needs a table of samples"):
        prepare_expression(arrays, group_column="study")


def test_files_of_another_kind_or_damaged_are_refused(tmp_path, arrays):
    path = tmp_path / "p.h5"
    prepare_expression(arrays, out=path).close()
    content = path.read_bytes()
    with pytest.raises(ValueError, match="is a decode-landmark-prepared file already"):
        prepare_expression(path)
    for share in (0.2, 0.95):
        (tmp_path / "cut.h5").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ValueError, match="is damaged"):
            open_prepared(tmp_path / "cut.h5")
    (tmp_path / "text.h5").write_text("gene\ts1\n")
    with pytest.raises(ValueError, match="no HDF5 file"):
        open_prepared(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["format"] = "other"
    with pytest.raises(ValueError, match="is no prepared expression; this release reads"):
        open_prepared(tmp_path / "other.h5")
    for copy in flipped(path, 200):
        with pytest.raises(ValueError, match=r"flipped\.h5 is damaged .*decode landmark prepare"):
            open_prepared(copy)


def test_nothing_is_left_behind_where_it_fails(tmp_path, arrays):
    source = tmp_path / "a.h5"
    with h5py.File(source, "w") as file:
        file.create_dataset("matrix", data=arrays.to_numpy().T, chunks=(1, 30), fletcher32=True)
        file["gene_ids"], file["sample_ids"] = list(arrays.index), list(arrays.columns)
        offset = file["matrix"].id.get_chunk_info(30).byte_offset
    content = bytearray(source.read_bytes())
    content[offset + 3] ^= 0xFF
    source.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="cannot be read at samples 1 to 40"):
        prepare_expression(source, out=tmp_path / "p.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def replaced(name, values):
    def change(file):
        del file[name]
        file[name] = values

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("train_sd", [1.0, 2.0]), "train_sd is no row of finite numbers"),
        (replaced("train_mean", ["a", "b"]), "train_mean is no row of finite numbers"),
        (replaced("split", ["train"] * 3), "the matrix has shape"),
        (replaced("values", np.zeros((3, 3), "f4")), "the matrix has shape"),
        (lambda file: file.attrs.update(counts="[" * 100_000), "damaged"),
        (lambda file: file.attrs.update(options="[]"), "counts or options are no objects"),
        (lambda file: file.attrs.update(raw_low=np.nan), "raw_low or raw_high is undefined"),
        (replaced("gene_names", h5py.ExternalLink("other.h5", "/x")), "gene_names is a link to another file"),
    ],
)
def test_a_prepared_file_of_strangers(tmp_path, arrays, change, message):
    path = tmp_path / "p.h5"
    prepare_expression(arrays, out=path).close()
    path.write_bytes(path.read_bytes()[:-LENGTH])
    with h5py.File(path, "a") as file:
        change(file)
    append_seal(path)
    with pytest.raises(ValueError, match=rf"prepared expression .*{message}.*decode landmark prepare"):
        open_prepared(path)


def test_a_full_disk_while_preparing(tmp_path, arrays):
    path = tmp_path / "p.h5"
    for size in (0, 5_000, 15_000):
        with room_for(size), pytest.raises(OSError, match=r"could not be written .*; make room"):
            prepare_expression(arrays, out=path)
        assert not list(tmp_path.iterdir())
