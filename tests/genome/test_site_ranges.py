from __future__ import annotations

import pandas as pd
import pytest
from small_sites import TOY, toy_sites

from decode.genome.site_ranges import from_pyranges, to_pyranges
from decode.genome.sites import SITE_COLUMNS


def test_pyranges_there_and_back() -> None:
    sites = toy_sites(biosample=["K562", "", "HepG2"], score=[1, 2, 3])
    ranges = to_pyranges(sites)
    assert list(ranges.df.columns[:4]) == ["Chromosome", "Start", "End", "Strand"]
    assert not ranges.stranded
    back = from_pyranges(ranges, build=TOY)
    pd.testing.assert_frame_equal(back[sites.columns], sites)
    assert to_pyranges(sites.iloc[:2]).stranded


def test_pyranges_joins_work() -> None:
    ranges = to_pyranges(toy_sites().iloc[:2])
    other = to_pyranges(toy_sites(start=[29, 0, 5]).iloc[:1])
    assert ranges.overlap(other).df[["Start", "End"]].to_numpy().tolist() == [[10, 30]]


def test_ranges_of_a_bed_reader() -> None:
    import pyranges

    table = {"Chromosome": ["chr1"], "Start": [1], "End": [2], "Name": ["REST"], "Score": [4], "Strand": ["-"]}
    ranges = pyranges.PyRanges(pd.DataFrame(table))
    sites = from_pyranges(ranges, build=TOY, kind="TF")
    assert sites[[*SITE_COLUMNS, "score"]].to_numpy().tolist() == [["chr1", 1, 2, "-", "REST", "TF", 4.0]]
    assert from_pyranges(ranges, build=TOY, kind="TF", regulator="A")["regulator"].tolist() == ["A"]
    with pytest.raises(ValueError, match="kind is 'tf'"):
        from_pyranges(ranges, build=TOY, kind="tf")  # type: ignore[arg-type]


def test_empty_ranges() -> None:
    ranges = to_pyranges(toy_sites().iloc[:0])
    assert len(from_pyranges(ranges, build=TOY)) == 0
    with pytest.raises(TypeError, match=r"is a DataFrame; a pyranges.PyRanges is wanted"):
        from_pyranges(toy_sites(), build=TOY)  # type: ignore[arg-type]
