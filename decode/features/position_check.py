"""Tell sites of another genome build: do they lie in the region more often than displaced sites?

A wrong build often stays inside the chromosome ends. Its sites are off by some 10 kb to some Mb, so they keep the gene
density of their surroundings but miss the exons and promoters. The control is therefore not a position anywhere in the
genome but the same site moved by 10 to 100 kb. Some chromosome arms have (nearly) the same coordinates in two builds
(9q and most of 18 in hg19 and hg38), so the figure is the median over chromosomes, weighted by sites, of the odds ratio

    [share inside / (1 - share inside)] / [share displaced / (1 - share displaced)].

Measured (range of four seeds, 100,000 sites each; in brackets the pooled shares, inside and displaced; the wrong build
without the 0.5 to 1.6 % of sites beyond a chromosome end, which raise anyway):

    source                        right build                        hg38 coordinates read as hg19
    ENCODE TF, by cell line        7.5 to 8.3  (0.254, 0.043)        1.00 to 1.03  (0.049, 0.038)
    ENCODE TF, merged              7.4 to 7.7  (0.234, 0.041)        1.02 to 1.04  (0.048, 0.037)
    ENCODE eCLIP RBP              20.3 to 21.1 (0.524, 0.055)        1.07 to 1.11  (0.061, 0.040)
    miRanda miRNA                121.1 to 132.7 (0.832, 0.041)       0.98 to 1.04  (0.067, 0.032)
    eCLIP with strands swapped     0.28 to 0.29 (0.010, 0.033)

One regulator alone says less: of the sources above cut into single regulators of >= 1000 sites, 1 of 130 TFs (SUPT20H)
and 11 of 109 RBPs (EXOSC5, SUGP2, ...: they bind introns and repeats) lie at or below the limit in the right build, and
126 of 129 and 104 of 109 in the wrong one. So the check can be overruled, and sites of kind "other" only warn.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from decode.features.pieces import Pieces
    from decode.genome.assembly import Assembly

logger = logging.getLogger(__name__)

SAMPLE_SIZE = 50_000  # sites of one source that are looked at, evenly spread over its files
N_DISPLACED = 4  # displaced copies of each
DISPLACED_BP = (10_000, 100_000)
ERROR_ODDS_RATIO = 1.25  # see the table above: wrong builds lie below, sources as a whole far above
WARN_ODDS_RATIO = 2.0
PLACES = {"promoter": "promoters", "rna": "exons on their strand"}
MIN_HITS = 30  # sites inside, found or expected: fewer say nothing


class SiteSample(NamedTuple):
    """Some sites of a file: start on the assembly axis, length, and strand (1, -1, 0); arrays of shape (n,)."""

    position: NDArray[np.int64]
    length: NDArray[np.int64]
    strand: NDArray[np.int8]


def sample_sites(
    position: NDArray[np.int64], length: NDArray[np.int32], strand: NDArray[np.int8], n_sampled: int
) -> SiteSample:
    """At most `n_sampled` sites of a file, evenly spaced in it."""
    n_sites = len(position)
    chosen = np.arange(n_sites) if n_sites <= n_sampled else np.arange(n_sampled) * n_sites // n_sampled
    return SiteSample(position[chosen], length[chosen].astype(np.int64), strand[chosen])


class PositionCounts(NamedTuple):
    """Sites looked at, those inside the region and displaced copies inside it, each per chromosome (int64 arrays).

    Chromosomes on which the region has no piece, because the annotation holds no gene there, count as 0 sites.
    """

    n_sampled: NDArray[np.int64]
    n_inside: NDArray[np.int64]
    n_displaced_inside: NDArray[np.int64]


def union_of(pieces: Pieces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends of the disjoint intervals that the pieces cover together."""
    is_first = pieces.start[1:] > pieces.reach[:-1]
    return pieces.start[np.append(True, is_first)[: len(pieces.start)]], pieces.reach[
        np.append(is_first, True)[: len(pieces.start)]
    ]


def _inside(
    union: tuple[NDArray[np.int64], NDArray[np.int64]], start: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each interval shares a base with the union."""
    starts, ends = union
    following = np.searchsorted(ends, start, side="right")
    return np.append(starts, np.iinfo(np.int64).max)[following] < start + length


def count_positions(
    union: tuple[NDArray[np.int64], NDArray[np.int64]],
    assembly: Assembly,
    strand_shift: int,
    samples: Sequence[SiteSample],
    *,
    seed: int = 0,
) -> PositionCounts:
    """Count sites, and displaced copies of them, that lie inside a region.

    Parameters
    ----------
    union : (starts, ends)
        See `union_of`.
    assembly : Assembly
    strand_shift : int
        Distance between the strands on the axis; 0 where strand does not matter.
    samples : sequence of SiteSample
        One a file; a site without strand counts where it lies inside on either strand.
    seed : int
        Of the displacements.

    Returns
    -------
    PositionCounts
    """
    start, bp, sign = (np.concatenate([sample[k] for sample in samples]) for k in range(3))
    edges = np.array([*assembly.offsets.values(), assembly.length_bp])
    n_chroms = len(edges) - 1
    chrom = np.searchsorted(edges, start, side="right") - 1
    room = np.maximum(np.diff(edges)[chrom] - bp, 1)
    rng = np.random.default_rng(seed)
    shape = (N_DISPLACED, len(start))
    step = rng.integers(*DISPLACED_BP, size=shape) * rng.choice([-1, 1], size=shape)
    displaced = edges[chrom] + (start - edges[chrom] + step) % room
    at = np.concatenate([start[None, :], displaced])
    is_inside = _inside(union, at + np.where(sign < 0, strand_shift, 0), bp)
    if strand_shift and (sign == 0).any():
        is_inside |= (sign == 0) & _inside(union, at + strand_shift, bp)
    n_displaced = is_inside[1:].sum(axis=0)
    forward = union[0] - np.where(union[0] >= edges[-1], strand_shift, 0)
    has_region = np.isin(np.arange(n_chroms), np.searchsorted(edges, forward, side="right") - 1)
    return PositionCounts(
        np.where(has_region, np.bincount(chrom, minlength=n_chroms), 0),
        np.bincount(chrom[is_inside[0]], minlength=n_chroms),
        np.bincount(chrom, weights=n_displaced, minlength=n_chroms).astype(np.int64),
    )


def _odds_ratio(n: NDArray[np.int64], inside: NDArray[np.int64], displaced: NDArray[np.int64]) -> NDArray[np.float64]:
    """Odds ratio per chromosome; 0.5 added to each cell (Haldane 1940), so that none is 0."""
    expected = displaced / N_DISPLACED
    return ((inside + 0.5) / (n - inside + 0.5)) / ((expected + 0.5) / (n - expected + 0.5))


def judge_positions(
    source: dict[str, Any], counts: PositionCounts, *, suspicion: Literal["raise", "warn", "none"] = "raise"
) -> dict[str, Any]:
    """Say whether the sites of a source look like those of this build.

    Parameters
    ----------
    source : dict
        Keys path, kind, region.
    counts : PositionCounts
    suspicion : {"raise", "warn", "none"}
        What to do where sites lie in the region no more often than displaced ones; sites of kind "other" only ever
        warn.

    Returns
    -------
    dict
        path, kind, region, n_sampled, share (inside the region), share_shuffled (displaced), odds_ratio (None where
        too few sites lie inside to tell), verdict ("fine", "near chance", "by chance", "too few sites", or "not
        judged" where `suspicion` is "none").

    Raises
    ------
    ValueError
        If sites lie in the region no more often than displaced ones.
    """
    n, inside, displaced = counts
    total, expected = int(n.sum()), displaced.sum() / N_DISPLACED
    result: dict[str, Any] = {key: source[key] for key in ("path", "kind", "region")}
    result |= {
        "n_sampled": total,
        "share": float(inside.sum() / total) if total else None,
        "share_shuffled": float(expected / total) if total else None,
        "odds_ratio": None,
        "verdict": "too few sites",
    }
    if inside.sum() + expected < MIN_HITS:
        return result
    used = np.flatnonzero(n)
    ratios = _odds_ratio(n[used], inside[used], displaced[used])
    order = np.argsort(ratios)
    middle = np.searchsorted(np.cumsum(n[used][order]), total / 2)
    odds_ratio = float(ratios[order][middle])
    verdict = (
        "fine" if odds_ratio > WARN_ODDS_RATIO else "near chance" if odds_ratio > ERROR_ODDS_RATIO else "by chance"
    )
    result |= {"odds_ratio": odds_ratio, "verdict": verdict}
    if suspicion == "none":
        result["verdict"] = "not judged"
    if verdict == "fine" or suspicion == "none":
        return result
    where = PLACES.get(source["region"], f"the region {source['region']}")
    sentence = (
        f"{source['kind']} sites of {source['path']}: {result['share']:.1%} lie in {where}, displaced ones "
        f"{result['share_shuffled']:.1%} (median odds ratio over chromosomes {odds_ratio:.2f}"
        + ("; 7 and more in ENCODE sources of the right build)" if source["region"] in PLACES else ")")
    )
    if verdict == "by chance" and source["kind"] != "other" and suspicion == "raise":
        raise ValueError(
            f"{sentence}: they look like sites of another genome build or strand; check the build, lift them over "
            "(decode sites liftover), or allow them (allow_suspicious, --allow-suspicious) if these regulators bind "
            "elsewhere"
        )
    logger.warning("%s: check the genome build and the strands", sentence)
    return result
