"""Expression profiles with planted hub genes, which carry a hidden factor nearly without noise; others follow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_count, check_positive
from decode.core.shown import shown


@shown()
class ToyProfiles(NamedTuple):
    """Simulated profiles and what was planted.

    Attributes
    ----------
    expression : pd.DataFrame, shape (n_genes, n_samples)
        log2 values.
    hubs : list of str
        Genes that carry a factor nearly without noise.
    genes : pd.DataFrame
        gene_id, factor (-1: none) and is_hub of every gene.
    samples : pd.DataFrame
        Index: samples. group: the samples of a group share the means of the factors.
    """

    expression: pd.DataFrame
    hubs: list[str]
    genes: pd.DataFrame
    samples: pd.DataFrame


def make_toy_profiles(
    n_samples: int = 200,
    *,
    n_factors: int = 10,
    followers: int = 20,
    hubs: int = 1,
    n_noise_genes: int = 90,
    follower_noise: float = 1.0,
    n_groups: int = 4,
    seed: int = 0,
) -> ToyProfiles:
    """Simulate profiles in which few genes tell nearly all that can be told of the others.

    Hidden factors are independent over samples but for the groups' means. A hub is its factor times 2 with little
    noise (SD 0.1), a follower is the factor times a slope of 0.5 to 1 with noise, a noise gene is noise alone, of SD 1.
    Genes stand in random order.

    Parameters
    ----------
    n_samples : int
    n_factors : int
    followers, hubs : int
        Genes of each kind a factor.
    n_noise_genes : int
    follower_noise : float
        SD of a follower beside its factor, log2 units.
    n_groups : int
    seed : int

    Returns
    -------
    ToyProfiles

    Examples
    --------
    >>> toy = make_toy_profiles(30, n_factors=3)
    >>> toy.expression.shape, len(toy.hubs)
    ((153, 30), 3)
    """
    for name, value in (("n_samples", n_samples), ("n_factors", n_factors), ("hubs", hubs), ("n_groups", n_groups)):
        check_count(name, value)
    check_positive("follower_noise", follower_noise, zero=True)
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.arange(n_samples) % n_groups)
    factors = rng.normal(size=(n_groups, n_factors))[group] + rng.normal(size=(n_samples, n_factors))
    per_factor = hubs + followers
    factor = np.concatenate([np.repeat(np.arange(n_factors), per_factor), np.full(n_noise_genes, -1)])
    is_hub = np.concatenate([np.tile(np.arange(per_factor) < hubs, n_factors), np.zeros(n_noise_genes, dtype=bool)])
    slope = np.where(factor < 0, 0.0, np.where(is_hub, 2.0, rng.uniform(0.5, 1.0, len(factor))))
    sign = rng.choice([-1.0, 1.0], len(factor))
    noise = np.where(factor < 0, 1.0, np.where(is_hub, 0.1, follower_noise))
    values = factors[:, factor] * slope * sign + rng.normal(size=(n_samples, len(factor))) * noise
    order = rng.permutation(len(factor))
    values, factor, is_hub = values[:, order] + rng.uniform(6, 12, len(factor)), factor[order], is_hub[order]
    ids = [f"GENE{number:05d}" for number in range(len(factor))]
    samples = pd.DataFrame(
        {"group": [f"group{number}" for number in group]},
        index=pd.Index([f"sample{number}" for number in range(n_samples)], name="sample"),
    )
    genes = pd.DataFrame({"gene_id": ids, "factor": factor, "is_hub": is_hub})
    expression = pd.DataFrame(values.T, index=pd.Index(ids, name="gene_id"), columns=samples.index.tolist())
    return ToyProfiles(expression, genes.loc[genes["is_hub"], "gene_id"].tolist(), genes, samples)
