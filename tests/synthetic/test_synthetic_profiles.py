from __future__ import annotations

import numpy as np
import pytest

from decode.synthetic.profiles import make_toy_profiles


def test_hubs_tell_their_followers_and_noise_genes_nothing():
    toy = make_toy_profiles(500, n_factors=4, followers=10, n_noise_genes=30, seed=2)
    correlation = np.abs(np.corrcoef(toy.expression.to_numpy()))
    factor, is_hub = toy.genes["factor"].to_numpy(), toy.genes["is_hub"].to_numpy()
    for number in range(4):
        (hub,) = np.flatnonzero((factor == number) & is_hub)
        followers = np.flatnonzero((factor == number) & ~is_hub)
        assert correlation[hub, followers].mean() > 1.15 * correlation[np.ix_(followers, followers)].mean()
        assert correlation[hub, factor == -1].max() < 0.2
    assert toy.genes.loc[is_hub, "gene_id"].tolist() == toy.hubs
    assert toy.samples["group"].nunique() == 4


def test_seed():
    a, b, c = (make_toy_profiles(20, seed=seed).expression for seed in (0, 0, 1))
    assert a.equals(b)
    assert not a.equals(c)
    with pytest.raises(ValueError, match="n_samples is 0"):
        make_toy_profiles(0)
