from __future__ import annotations

from itertools import islice

import pytest

from decode.core.seeds import member_seeds, seed_stream


def test_member_seeds_are_a_function_of_the_seed():
    assert member_seeds(7, 4) == member_seeds(7, 4)
    assert member_seeds(7, 10)[:4] == member_seeds(7, 4)
    assert member_seeds(0, 0) == []


def test_member_seeds_differ_between_members_and_seeds():
    seeds = [seed for start in range(20) for seed in member_seeds(start, 10)]
    assert len(set(seeds)) == 200
    assert all(0 <= seed < 2**31 and isinstance(seed, int) for seed in seeds)


def test_member_seeds_of_release_0_1():
    # stored in model bundles: a change would change every model
    assert member_seeds(0, 3) == [821328062, 1817441348, 993632895]


def test_negative_seed_raises():
    with pytest.raises(ValueError, match="non-negative"):
        member_seeds(-1, 1)


def test_layer_seeds_are_a_function_of_the_seed():
    assert list(islice(seed_stream(7), 4)) == list(islice(seed_stream(7), 4))
    seeds = [seed for start in range(20) for seed in islice(seed_stream(start), 10)]
    assert len(set(seeds)) == 200
    assert not set(seeds) & set(member_seeds(0, 20))
    assert all(0 <= seed < 2**31 and isinstance(seed, int) for seed in seeds)
