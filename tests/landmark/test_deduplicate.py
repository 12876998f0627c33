from __future__ import annotations

import numpy as np
import pytest

from decode.landmark.deduplicate import find_duplicates


def planted(n=120, n_genes=400, seed=0):
    rng = np.random.default_rng(seed)
    profiles = rng.normal(size=(n, n_genes)).astype(np.float32) + 9
    profiles[50] = profiles[3] + 1e-3
    profiles[51] = profiles[3]
    profiles[119] = profiles[80] + 0.9 / np.sqrt(n_genes)
    profiles[118] = profiles[81] + 1.1 / np.sqrt(n_genes)
    return profiles


@pytest.mark.parametrize("seed", [0, 1])
def test_copies_are_found_with_their_original_and_distance(seed):
    profiles = planted()
    found = find_duplicates(lambda rows: profiles[rows], len(profiles), seed=seed)
    assert list(zip(found.dropped.tolist(), found.duplicate_of.tolist(), strict=True)) == [(50, 3), (51, 3), (119, 80)]
    exact = [np.linalg.norm(profiles[a] - profiles[b]) for a, b in ((50, 3), (51, 3), (119, 80))]
    assert found.distance == pytest.approx(exact, abs=1e-5)
    assert found.n_clusters == 6
    assert set(found.keep) | set(found.dropped) == set(range(120))


def test_blocks_do_not_change_what_is_found(monkeypatch):
    profiles = planted()
    whole = find_duplicates(lambda rows: profiles[rows], len(profiles))
    monkeypatch.setattr("decode.landmark.deduplicate.BLOCK", 7)
    parts = find_duplicates(lambda rows: profiles[rows], len(profiles), batch=50)
    assert parts.dropped.tolist() == whole.dropped.tolist()


def test_a_copy_of_a_copy_is_compared_with_samples_that_stay():
    profiles = np.array([[0.0], [0.8], [1.6]], dtype=np.float32)  # 2 is near 1, which goes, and far from 0
    found = find_duplicates(lambda rows: profiles[rows], 3)
    assert found.keep.tolist() == [0, 2]


def test_memory_is_bounded_by_the_block(monkeypatch):
    monkeypatch.setattr("decode.landmark.deduplicate.BLOCK", 20)
    profiles = planted()
    asked = []

    def read(rows):
        asked.append(len(rows))
        return profiles[rows]

    find_duplicates(read, len(profiles), batch=30)
    assert max(asked) <= 30


def test_a_distance_of_zero_is_refused():
    with pytest.raises(ValueError, match="max_distance is 0"):
        find_duplicates(lambda rows: np.zeros((len(rows), 2)), 3, max_distance=0)
