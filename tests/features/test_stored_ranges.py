from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from decode.core.seal import LENGTH, append_seal
from decode.features.matrix import RegulatoryFeatures

Change = Callable[[h5py.File], None]


def put(part: str, change: Callable[[np.ndarray], Any]) -> Change:
    """Replace an array of the region rna, chunks and filters gone."""

    def apply(file: h5py.File) -> None:
        values = file[f"regions/rna/{part}"][:]
        del file[f"regions/rna/{part}"]
        file[f"regions/rna/{part}"] = change(values)

    return apply


def at(place: int, value: Any, dtype: Any = None) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values = values.astype(dtype or values.dtype)
        values[place] = value
        return values

    return change


def header(**changes: Any) -> Change:
    def apply(file: h5py.File) -> None:
        content = json.loads(file["header"][:].tobytes()) | changes
        del file["header"]
        file["header"] = np.frombuffer(json.dumps(content).encode(), np.uint8)

    return apply


def nested(file: h5py.File) -> None:
    del file["header"]
    file["header"] = np.frombuffer(b'{"level":' + b"[" * 200_000, np.uint8)


def table(name: str, column: str, values: Any) -> Change:
    def apply(file: h5py.File) -> None:
        del file[f"{name}/{column}"]
        file[f"{name}/{column}"] = values

    return apply


def n_tracks(file: h5py.File) -> None:
    file["regions/rna"].attrs["n_tracks"] = 2**40


def no_region(file: h5py.File) -> None:
    del file["regions/rna"]


def harmed(path: Path, change: Change) -> Path:
    """A copy with something changed by somebody who also knows about the hash."""
    copy = path.with_name("harmed.h5")
    copy.write_bytes(path.read_bytes()[:-LENGTH])
    with h5py.File(copy, "a") as file:
        change(file)
    append_seal(copy)
    return copy


@pytest.fixture
def written(features: RegulatoryFeatures, tmp_path: Path) -> Path:
    features.write(tmp_path / "features.h5")
    return tmp_path / "features.h5"


MATRIX = [
    (put("indices", at(0, 3)), "region rna has track numbers 0 to 3; it has 3 tracks, numbered from 0"),
    (put("indices", at(0, 60_000)), "region rna has track numbers .* to 60000"),
    (put("indices", at(0, -1, np.int32)), "region rna has track numbers -1 to"),
    (put("indices", at(0, -(2**40), np.int64)), "track numbers -1099511627776 to"),
    (put("indices", lambda values: values.astype(float)), "indices of region rna is no row of numbers"),
    (put("data", at(0, -5)), "bases of region rna are negative"),
    (put("data", at(0, np.nan, float)), "values of region rna are undefined or infinite"),
    (put("data", at(0, np.inf, float)), "values of region rna are undefined or infinite"),
    (put("data", lambda values: values[:, None]), ""),
    (put("data", lambda values: values.astype("S4")), "data of region rna is no row of numbers"),
    (put("indptr", at(1, 10**6)), "indptr of region rna do not rise from 0 to its"),
    (put("indptr", at(0, -1)), "indptr of region rna do not rise"),
    (put("indptr", at(-1, 10**6)), "indptr of region rna do not rise"),
    (put("offsets", at(1, -(2**62), np.int64)), "offsets of region rna do not rise from 0 to its"),
    (put("offsets", at(-1, 10**6)), "offsets of region rna do not rise"),
    (put("offsets", lambda values: values[[0, -1]]), "region rna has offsets of 1 genes, the table 3"),
    (put("bin_length_bp", at(0, -100)), "bin lengths of region rna are negative"),
    (put("bin_length_bp", lambda values: values[:-1]), "region rna has 5 bin lengths for 6 bins"),
    (no_region, ""),
]
REST = [
    (put("indices", lambda values: values[:-1]), r"region rna has \d+ values and \d+ track numbers"),
    (n_tracks, "region rna has 1099511627776 tracks, the table 3"),
]
NAMES = [
    (header(bin_size=0), "bin_size of the header is no number of bases from 1"),
    (header(bin_size="100"), "bin_size of the header"),
    (header(upstream=-5), "upstream of the header is no number of bases from 0"),
    (header(downstream=10**30), "downstream of the header"),
    (header(build=["hg19"]), "build of the header is no text"),
    (header(regions="rna"), "regions of the header is no list of names"),
    (header(regions=["rna", "rna"]), "the header names a region twice"),
    (header(sources=[1]), "sources of the header is no list of objects"),
    (header(definitions={"x": 1}), "a definition of a region in the header is no object"),
    (header(checks=[]), "checks or definitions of the header is no object"),
    (header(other=1), "the header lacks or adds other"),
    (nested, "."),
]
TABLES = [
    (table("genes", "tss", np.array([1.0, np.nan, 3.0])), "column tss of the table of genes holds something else than"),
    (table("genes", "gene_id", np.arange(3)), "column gene_id of the table of genes holds numbers instead of text"),
    (
        table("genes", "gene_name", np.array([b"a", b"b"])),
        "columns of the table of genes differ in length: .*gene_name 2",
    ),
    (table("genes", "gene_name", np.array([b"\xff"] * 3)), ""),
]


@pytest.mark.parametrize(("change", "message"), MATRIX + REST + NAMES + TABLES)
def test_reading_follows_no_wrong_number(written: Path, change: Change, message: str) -> None:
    with pytest.raises(ValueError, match=rf"harmed\.h5 is damaged .*{message}.*build it again"):
        RegulatoryFeatures.read(harmed(written, change))


@pytest.mark.parametrize(("change", "message"), MATRIX)
def test_reading_single_genes_neither(written: Path, change: Change, message: str) -> None:
    with (
        RegulatoryFeatures.open(harmed(written, change)) as file,
        pytest.raises(ValueError, match=rf"harmed\.h5 is damaged .*{message}"),
    ):
        file.dense("rna", [0, 1, 2])


@pytest.mark.parametrize(("change", "message"), NAMES)
def test_opening_looks_at_the_header(written: Path, change: Change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegulatoryFeatures.open(harmed(written, change))


def test_signals_may_be_negative(features: RegulatoryFeatures, tmp_path: Path) -> None:
    region = features.regions["rna"]
    data = region.data.astype(np.float32)
    data.data = -data.data
    tracks = features.tracks.assign(value_kind=np.where(features.tracks["region"] == "rna", "signal", "bases"))
    signals = replace(features, tracks=tracks, regions=features.regions | {"rna": replace(region, data=data)})
    signals.write(tmp_path / "signals.h5")
    found = RegulatoryFeatures.read(tmp_path / "signals.h5")
    np.testing.assert_array_equal(found.regions["rna"].data.toarray(), -region.data.toarray())
    with RegulatoryFeatures.open(tmp_path / "signals.h5") as file:
        assert file.dense("rna", [0, 1, 2])[0].min() < 0
