from __future__ import annotations

import numpy as np
import pytest

from decode.landmark.samples_split import split_samples


def test_shares_and_seed():
    split = split_samples(200, validation_share=0.1, test_share=0.25, seed=3)
    assert {part: int((split == part).sum()) for part in ("train", "validation", "test")} == {
        "train": 130, "validation": 20, "test": 50,
    }  # fmt: skip
    assert np.array_equal(split, split_samples(200, validation_share=0.1, test_share=0.25, seed=3))
    assert not np.array_equal(split, split_samples(200, validation_share=0.1, test_share=0.25, seed=4))
    assert set(split_samples(5, validation_share=0, test_share=0)) == {"train"}


@pytest.mark.parametrize("seed", range(8))
def test_groups_stay_together(seed):
    groups = np.repeat([f"study{i}" for i in range(12)], np.arange(5, 17))
    split = split_samples(len(groups), seed=seed, groups=groups)
    assert all(len(set(split[groups == name])) == 1 for name in set(groups))
    for part in ("validation", "test"):
        assert 1 <= (split == part).sum() <= 0.15 * len(groups) + 1
    assert set(split) == {"train", "validation", "test"}


@pytest.mark.parametrize("seed", range(4))
def test_three_groups_make_three_parts(seed):
    groups = np.repeat(["a", "b", "c"], [10, 20, 70])
    assert len(set(split_samples(100, seed=seed, groups=groups))) == 3


def test_bad_input():
    with pytest.raises(ValueError, match=r"there are 2 group\(s\) of samples \(a, b\) for 3 parts"):
        split_samples(4, groups=np.array(list("aabb")))
    with pytest.raises(ValueError, match="test share is 1"):
        split_samples(4, test_share=1)
    with pytest.raises(ValueError, match="1 of 3 samples are left for training"):
        split_samples(3)
