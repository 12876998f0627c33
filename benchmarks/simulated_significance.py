"""Small simulated data sets with known truth, and a closed-form ridge with exact attributions: for significance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from decode.features.matrix import RegionMatrix, RegulatoryFeatures
from decode.features.region import count_bound_genes
from decode.features.regulators import regulators_of, sum_tracks
from decode.ranking.null_file import Scores

BIN_SIZE = 250
N_PROMOTER_BINS = 12
N_GENES = 1500
KINDS = (("promoter", "TF", 40), ("rna", "RBP", 30), ("rna", "miRNA", 30))
TWO_CELL_LINES = 10  # TFs with two tracks that share most sites
PENALTY = 30.0  # of the ridge, for standardised columns


class Simulated(NamedTuple):
    """One data set.

    Attributes
    ----------
    features : RegulatoryFeatures
    parts : array of str, shape (n_genes,)
    targets : float64 array, shape (n_genes, n_tasks)
    effects : float64 array, shape (n_regulators, n_tasks)
        What one SD of a regulator's log bound bases adds; 0 where it does not act.
    """

    features: RegulatoryFeatures
    parts: NDArray[np.str_]
    targets: NDArray[np.float64]
    effects: NDArray[np.float64]


def simulate(
    seed: int,
    *,
    n_drivers: int = 0,
    propensity: float = 0.0,
    copied: float = 0.0,
    n_genes: int = N_GENES,
    n_tasks: int = 3,
    share_of_regulators: float = 1.0,
) -> Simulated:
    """Genes with length, sites and targets.

    Parameters
    ----------
    seed : int
    n_drivers : int
        Regulators that act, each in about nine tenths of the tasks.
    propensity : float
        Log odds of being bound that an SD of a gene's own propensity adds, for all regulators: 0 is independent
        binding, 1 is like promoters that bind everything.
    copied : float
        Share of its bins in which every second regulator has the sites of the one before it: partners.
    n_genes, n_tasks : int
    share_of_regulators : float
        Of 40 TFs, 30 RBPs and 30 miRNAs.

    Returns
    -------
    Simulated
        Length acts on every target; of the sites only those of drivers do.
    """
    rng = np.random.default_rng(seed)
    length_bp = np.clip(rng.lognormal(7.8, 0.7, n_genes), 300, 12000).astype(np.int64)
    log_length = (np.log(length_bp) - np.log(length_bp).mean()) / np.log(length_bp).std()
    own = rng.normal(size=n_genes)
    kinds = [(region, kind, max(2, round(n * share_of_regulators))) for region, kind, n in KINDS]
    regions, tracks = {}, []
    for region in ("promoter", "rna"):
        n_bins = np.full(n_genes, N_PROMOTER_BINS) if region == "promoter" else -(-length_bp // BIN_SIZE)
        columns, before = [], np.zeros(0, dtype=np.int64)
        for kind, number in [(kind, i) for where, kind, n in kinds if where == region for i in range(n)]:
            slope = 0.0 if region == "promoter" else 0.8
            log_odds = rng.uniform(-2.5, 0.5) + slope * log_length + propensity * own
            sites = _sites(log_odds, n_bins, rng)
            if copied and number % 2:
                sites = np.where(rng.random(len(sites)) < copied, before, sites)
            before = sites
            lines = ["A", "B"] if kind == "TF" and number < TWO_CELL_LINES else ["A"]
            for line in lines:
                columns.append(sites if len(lines) == 1 else sites * (rng.random(len(sites)) < 0.8))
                tracks.append((region, kind, f"{kind}{number}", line, "bases"))
        offsets = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int64)
        size = np.full(offsets[-1], BIN_SIZE, dtype=np.int32)
        if region == "rna":
            size[offsets[1:] - 1] = length_bp - BIN_SIZE * (n_bins - 1)
        bases = np.minimum(np.stack(columns, axis=1), size[:, None]).astype(np.int16)
        regions[region] = RegionMatrix(region, sparse.csr_array(bases), offsets, size)
    features = _features(length_bp, regions, tracks)
    effects = _effects(len(regulators_of(features).table), n_tasks, n_drivers, rng)
    signal = _regulator_logs(features) @ effects
    noise = rng.normal(size=(n_genes, n_tasks))
    targets = 0.4 * log_length[:, None] + signal + noise
    parts = np.where(np.arange(n_genes) % 5 == 0, "test", "train")
    return Simulated(features, parts, targets, effects)


def _sites(log_odds: NDArray[np.float64], n_bins: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Covered bases of every bin of one regulator: one site or a few in each gene that is bound."""
    offsets = np.concatenate([[0], np.cumsum(n_bins)])
    bound = np.flatnonzero(rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds)))
    gene = np.repeat(bound, 1 + rng.poisson(0.5, size=len(bound)))
    rows = offsets[gene] + (rng.random(len(gene)) * n_bins[gene]).astype(np.int64)
    return np.bincount(rows, weights=rng.integers(20, 200, size=len(gene)), minlength=offsets[-1]).astype(np.int64)


def _features(
    length_bp: NDArray[np.int64], regions: dict[str, RegionMatrix], tracks: list[tuple[str, str, str, str, str]]
) -> RegulatoryFeatures:
    number = np.arange(len(length_bp))
    genes = pd.DataFrame(
        {
            "gene_id": [f"ENSG{i:011d}" for i in number],
            "gene_name": [f"GENE{i}" for i in number],
            "chrom": np.where(number % 5 == 0, "chr1", "chr2"),
            "strand": "+",
            "tss": 100_000 * number,
            "length_bp": length_bp,
        }
    )
    table = pd.DataFrame(tracks, columns=["region", "kind", "regulator", "biosample", "value_kind"])
    return RegulatoryFeatures(
        level="gene",
        genes=genes,
        tracks=table.assign(n_bound_genes=count_bound_genes(regions)),
        regions=regions,
        build="hg38",
        bin_size=BIN_SIZE,
        upstream=2000,
        downstream=1000,
    )


def _effects(n_regulators: int, n_tasks: int, n_drivers: int, rng: np.random.Generator) -> NDArray[np.float64]:
    effects = np.zeros((n_regulators, n_tasks))
    drivers = rng.choice(n_regulators, size=n_drivers, replace=False)
    size = rng.uniform(0.08, 0.3, size=(n_drivers, n_tasks)) * rng.choice([-1, 1], size=(n_drivers, n_tasks))
    effects[drivers] = size * (rng.random((n_drivers, n_tasks)) < 0.9)
    return effects


def _regulator_logs(features: RegulatoryFeatures) -> NDArray[np.float64]:
    """Standardised log bound bases of every regulator, its tracks added up."""
    totals = sum_tracks(features.totals().astype(np.float64), regulators_of(features).code)
    logs = np.log1p(totals)
    return np.asarray((logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-9), dtype=np.float64)


def targets_table(data: Simulated) -> pd.DataFrame:
    """Targets as a table, for networks."""
    table = pd.DataFrame(data.targets, columns=[f"task{i}" for i in range(data.targets.shape[1])])
    table.insert(0, "gene_id", data.features.ids)
    return table


@dataclass(frozen=True, eq=False)
class RidgeScorer:
    """Ridge on log bound bases and length; the attribution of a gene without sites is exact: coefficient x value.

    Parameters
    ----------
    targets : float64 array, shape (n_genes, n_tasks)
    parts : array of str, shape (n_genes,)
        Fitted on "train", explained on "test".
    """

    targets: NDArray[np.float64]
    parts: NDArray[np.str_]

    def __call__(self, features: RegulatoryFeatures, seed: int) -> Scores:
        """Fit and score; nothing is random."""
        train, test = self.parts == "train", self.parts == "test"
        logs = np.log1p(features.totals().astype(np.float64))
        sd = np.maximum(logs[train].std(axis=0), 1e-9)
        log_length = np.log(features.genes["length_bp"].to_numpy(dtype=np.float64))
        basis = np.linalg.qr(np.vander(log_length[train] - log_length[train].mean(), 3))[0]
        columns, targets = logs[train] / sd, self.targets[train]
        columns = columns - basis @ (basis.T @ columns)
        targets = targets - basis @ (basis.T @ targets)
        gram = columns.T @ columns + PENALTY * np.eye(columns.shape[1])
        coefficients = cho_solve(cho_factor(gram), columns.T @ targets) / sd[:, None]
        code = pd.factorize(features.tracks["kind"] + ":" + features.tracks["regulator"])[0]  # as `regulators_of`
        found = sum_tracks(logs[test][:, :, None] * coefficients[None], code)
        return Scores(found.mean(axis=0, dtype=np.float64), np.abs(found).mean(axis=0, dtype=np.float64))
