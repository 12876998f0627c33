"""A table in memory is read as the file that it would be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from toy_drivers import driver_features, planted_table

import decode
from decode.core.frames import check_source, frame_text


def as_file(frame: pd.DataFrame, folder, **options):
    path = folder / "table.tsv"
    frame.to_csv(path, sep="\t", **options)
    return path


DE = pd.DataFrame(
    {
        "lfc": [1.5, -2.0, 0.25, np.nan],
        "pv": [0.001, 0.2, 0.5, np.nan],
        "about": ["a\tb", 'POL 5" end', None, "two\nlines"],
    },
    index=["MYC", "JUN", "FOS", "KLF4"],
)
ROLES = {"log2_fold_change": "lfc", "p_value": "pv"}


@pytest.mark.parametrize("name", [None, "gene", "symbol of the gene"])
def test_a_frame_and_its_file_give_the_same_de_table(tmp_path, name):
    frame = DE.rename_axis(name)
    kept = frame.copy(deep=True)
    found = decode.read_de_table(frame, columns=ROLES)
    read = decode.read_de_table(as_file(frame.drop(columns="about"), tmp_path), columns=ROLES, contrast="contrast")
    pd.testing.assert_frame_equal(found.statistic, read.statistic, check_exact=True)
    pd.testing.assert_frame_equal(found.log2_fold_change, read.log2_fold_change, check_exact=True)
    assert found.rule == "normal quantile of pv / 2 with the sign of lfc"
    assert found.counts["n_rows"] == 4
    pd.testing.assert_frame_equal(frame, kept)


@pytest.mark.parametrize(
    "frame",
    [
        DE.rename_axis("gene").reset_index(),
        DE.rename_axis("gene").reset_index().iloc[::-1],  # row numbers left by sorting
        DE.assign(gene=DE.index).set_index(np.array([7, 3, 12, 5])),
        DE.rename_axis("gene").assign(gene=DE.index),
        pl.from_pandas(DE.rename_axis("gene").reset_index()),
        DE.rename_axis("gene").reset_index().astype({"gene": "category", "lfc": "Float64"}),
    ],
    ids=["column", "sorted", "filtered", "both", "polars", "dtypes"],
)
def test_genes_in_a_column(frame):
    found = decode.read_de_table(frame, columns=ROLES, gene_column="gene").statistic["contrast"]
    expected = decode.read_de_table(DE, columns=ROLES).statistic["contrast"]
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), check_exact=True)


def test_whole_numbers_as_index_are_ids_where_nothing_else_can_be():
    frame = pd.DataFrame({"log2FoldChange": [1.0, -1.0], "pvalue": [0.1, 0.2]}, index=[4609, 3725])
    assert decode.read_de_table(frame).statistic.index.tolist() == ["4609", "3725"]
    assert frame_text(frame.assign(gene=["MYC", "JUN"]), "demo").startswith(b"log2FoldChange\t")


def test_numbers_keep_their_precision():
    random = np.random.default_rng(0)
    values = pd.DataFrame(random.lognormal(0, 20, (200, 3)), columns=list("abc")).set_axis(
        [f"ENSG{i:011d}" for i in range(200)], axis=0
    )
    pd.testing.assert_frame_equal(decode.read_expression(values).rename_axis(None), values, check_exact=True)


@pytest.mark.parametrize("name", [None, "gene_id"])
def test_targets_have_their_ids_in_the_index_or_in_a_column(tmp_path, name):
    frame = pd.DataFrame({"liver": [0.5, -0.5], "lung": [1.0, np.nan]}, index=["ENSG00000000003.14", "ENSG00000000005"])
    found = decode.read_targets(frame.rename_axis(name))
    expected = decode.read_targets(as_file(frame.rename_axis("gene_id"), tmp_path))
    pd.testing.assert_frame_equal(found, expected)
    assert found["gene_id"].tolist() == ["ENSG00000000003", "ENSG00000000005"]
    pd.testing.assert_frame_equal(decode.read_targets(pl.from_pandas(expected)), expected)


def test_tissue_targets_of_a_path_a_frame_and_ids_in_a_column(tmp_path):
    tpm = pd.DataFrame({"liver": [3.75, 9.0], "lung": [0.75, 1.0], "skin": [1.75, 4.0]}, index=["ENSG1", "ENSG2"])
    expected = decode.tissue_targets(tpm)
    for source in (as_file(tpm, tmp_path), tpm.rename_axis("gene_id").reset_index(), pl.from_pandas(tpm.reset_index())):
        pd.testing.assert_frame_equal(decode.tissue_targets(source).targets, expected.targets)


def test_find_drivers_takes_a_frame_with_named_roles():
    features = driver_features()
    table = planted_table(features)
    frame = pd.DataFrame({"change": table.statistic.iloc[:, 0]})
    config = decode.DriversConfig(independent_genes=True, n_null=50)
    options = {"config": config, "contrasts": ["contrast"]}
    found = decode.find_drivers(frame, features, columns={"statistic": "change"}, **options)
    renamed = decode.read_de_table(frame.set_axis(["stat"], axis=1))
    assert found.drivers["rank"].iloc[0] == 1
    pd.testing.assert_series_equal(
        found.drivers["strength"], decode.find_drivers(renamed, features, **options).drivers["strength"]
    )
    with pytest.raises(TypeError, match="columns is for a frame or a file"):
        decode.find_drivers(table, features, columns={"statistic": "change"})


def test_exchanged_arguments_are_a_sentence():
    features = driver_features()
    table = planted_table(features)
    with pytest.raises(TypeError, match=r"features is a DeTable; .*did you exchange two arguments\?"):
        decode.find_drivers(features, table)
    with pytest.raises(TypeError, match=r"features is a DataFrame; .*did you exchange two arguments\?"):
        decode.prepare_dataset(DE, features)
    with pytest.raises(TypeError, match=r"targets is a RegulatoryFeatures; .*did you exchange two arguments\?"):
        decode.prepare_dataset(features, features)
    with pytest.raises(TypeError, match=r"DE table is a RegulatoryFeatures; .*did you exchange"):
        decode.read_de_table(features)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (np.ones((2, 2)), TypeError, "DE table is a ndarray; a path or a DataFrame"),
        (None, TypeError, "DE table is a NoneType"),
        (pl.LazyFrame({"a": [1]}), TypeError, "LazyFrame.*collect"),
        (pd.DataFrame(), ValueError, "DE table in memory has 0 rows and 0 columns"),
        (DE.set_index("lfc", append=True), TypeError, "rows of several levels"),
        (pd.concat({"A": DE}, axis=1), TypeError, "columns of several levels"),
        (DE.set_axis(["lfc", "lfc", "about"], axis=1), ValueError, "column names of DE table in memory occur"),
    ],
)
def test_what_is_no_table_is_refused(source, error, message):
    with pytest.raises(error, match=message):
        decode.read_de_table(source)


def test_paths_and_frames_are_sources():
    check_source("de.tsv", "DE table")
    check_source(DE, "DE table")
