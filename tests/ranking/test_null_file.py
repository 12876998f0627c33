from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from full_disk import flipped, room_for

from decode.ranking.null_file import Scores, null_dataset, read_null, write_null


@pytest.fixture
def written(tmp_path: Path) -> Path:
    names = [f"TF:R{i}" for i in range(40)]
    regulators = pd.DataFrame({"kind": "TF", "regulator": [name[3:] for name in names]}, index=names)
    regulators = regulators.assign(n_tracks=1, n_bound_genes=30)
    values = np.random.default_rng(0).normal(size=(5, 40, 3))
    kinds = ["fold_change"] * 3
    null = null_dataset(Scores(values, np.abs(values)), regulators, ["a", "b", "c"], kinds, {"reference": "own_length"})
    write_null(null, tmp_path / "null.nc")
    assert read_null(tmp_path / "null.nc").identical(null)
    return tmp_path / "null.nc"


def test_a_changed_bit_is_noticed_wherever_it_is(written: Path) -> None:
    for copy in flipped(written, 200):
        with pytest.raises(ValueError, match=r"null file .*flipped\.nc is damaged .*; give the output of decode null"):
            read_null(copy)


def test_a_full_disk_leaves_the_old_file(written: Path) -> None:
    null, before = read_null(written), written.read_bytes()
    for share in (0.0, 0.3, 0.7, 0.99):
        with (
            room_for(int(share * len(before))),
            pytest.raises(OSError, match=r"null\.nc could not be written .*make room"),
        ):
            write_null(null, written)
        assert written.read_bytes() == before
        assert list(written.parent.iterdir()) == [written]
