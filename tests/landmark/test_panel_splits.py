from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decode.landmark.panel_splits import evaluation_splits


def test_further_splits_are_new_and_of_the_same_shares(prepared):
    splits = evaluation_splits(prepared, 3)
    np.testing.assert_array_equal(splits[0], prepared.split)
    for split in splits[1:]:
        for part in ("train", "validation", "test"):
            assert (split == part).sum() == (prepared.split == part).sum()
    tested = [frozenset(np.flatnonzero(split == "test")) for split in splits]
    assert len(set(tested)) == 3
    for one, other in zip(splits, evaluation_splits(prepared, 3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_group_is_held_out_once(toy, prepared):
    groups = toy.samples["group"].astype(str).to_numpy()
    splits = evaluation_splits(prepared, 3, groups=groups)
    times = np.sum([split == "test" for split in splits], axis=0)
    assert (times == 1).all()
    for split in splits:
        assert not set(groups[split == "test"]) & set(groups[split == "train"])


def test_groups_that_the_file_keeps_together_stay_together(toy, prepared):
    groups = toy.samples["group"].astype(str)
    file_split = np.where(groups == groups.iloc[0], "test", "train").astype(np.str_)
    labels = groups.to_frame("group")
    kept = replace(prepared, split=file_split, labels=labels, options=prepared.options | {"group_column": "group"})
    splits = evaluation_splits(kept, 3)
    for split in splits:
        assert not set(groups[split == "test"]) & set(groups[split == "train"])
    assert len({tuple(sorted(set(groups[split == "test"]))) for split in splits}) == len(splits) > 1


def test_bad_input(prepared):
    with pytest.raises(ValueError, match="cannot be held out in 5 split"):
        evaluation_splits(prepared, 5, groups=np.arange(prepared.n_samples) % 4)
    with pytest.raises(ValueError, match="cannot be held out in 1 split"):
        evaluation_splits(prepared, 1, groups=np.arange(prepared.n_samples) % 4)
    with pytest.raises(ValueError, match="1 of 400 samples have no group"):
        evaluation_splits(prepared, 2, groups=["", *["a", "b"] * 199, "a"])
    with pytest.raises(ValueError, match="2 groups for 400 samples"):
        evaluation_splits(prepared, 2, groups=["a", "b"])
    few = replace(prepared, split=np.where(np.arange(400) < 2, "test", "train"))
    with pytest.raises(ValueError, match=r"2 test sample\(s\) are too few"):
        evaluation_splits(few)
