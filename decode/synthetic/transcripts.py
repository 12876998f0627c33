"""Simulated expression of real or toy transcripts, in which chosen regulators act on the transcripts that they bind."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_count, check_known, check_positive, check_unique, listed
from decode.core.files import make_output_folder, write_table
from decode.core.shown import shown
from decode.synthetic.toy import BASE_LEVEL_LOG2, MIN_TASKS, observed_tpm

logger = logging.getLogger(__name__)

MIN_BOUND_GENES = 30  # as many as a regulator needs to stay in a data set
ACTING_SHARE = 0.35  # tissues in which a regulator acts beyond its overall effect


@shown()
class ToyTranscripts(NamedTuple):
    """Files of a simulated transcript table, and what was planted in it.

    Attributes
    ----------
    folder : Path
        The folder that holds all of them.
    tissue_tpm : Path
        Table transcript_id, gene_id and one column a tissue, TPM; `decode expression tissue` makes targets of it.
    truth_path : Path
        The table `truth` as TSV.
    truth_signal : Path
        Table transcript_id, median_level, one column a tissue: the targets without any noise. Its agreement with the
        noisy targets (`decode.evaluation.transcript_usage.usage_accuracy`) is the most that a model can reach.
    truth : pd.DataFrame
        One row an acting regulator: track (its column in the totals), sign, n_bound_genes, n_genes_told_apart (genes
        whose transcripts it binds differently), tissues (comma list of where it acts beyond its overall effect),
        effect_all (log2 units per unit of dose, in every tissue) and one column a tissue with the effect added there.
    """

    folder: Path
    tissue_tpm: Path
    truth_path: Path
    truth_signal: Path
    truth: pd.DataFrame


def make_toy_transcripts(
    out: str | Path,
    transcripts: pd.DataFrame,
    totals: pd.DataFrame,
    *,
    regulators: Sequence[str] | None = None,
    n_regulators: int = 8,
    n_tasks: int = 8,
    seed: int = 0,
    effect_scale: float = 1.0,
    gene_noise_log2: float = 1.0,
    noise_log2: float = 0.5,
) -> ToyTranscripts:
    """Simulate the expression of every transcript of an annotation, so that usage is predictable by construction.

    The level of transcript i of gene g in tissue t, in log2(TPM + 0.25), is

        level[i, t] = 4 + gene noise[g] + gene noise[g, t] + sum over r of dose[i, r] * (effect_all[r] + effect[r, t])
                      + noise[i] + noise[i, t]
        dose[i, r]  = log2(1 + bases of r's sites in i / median of the bases where it is bound)

    Gene noise cancels in usage; transcript noise does not. One transcript in twenty is silent.

    Parameters
    ----------
    out : str or Path
        Folder for the files; created if needed, its parent must exist.
    transcripts : pd.DataFrame
        Columns transcript_id and gene_id: real transcripts (`GeneModels.table`, or `genes` of features at transcript
        level) or those of the toy genome.
    totals : pd.DataFrame, shape (n_transcripts, n_tracks)
        Bases that the sites of each track cover, index = transcript ids, columns = names of tracks, such as
        `pd.DataFrame(features.totals("rna"), features.ids, features.track_ids)` of features with that region only.
    regulators : sequence of str, optional
        Columns of `totals` that act. Default: the `n_regulators` that tell most transcripts of one gene apart, one
        track a regulator (the text before "@"), bound to at least 30 genes.
    n_regulators : int, default 8
    n_tasks : int, default 8
        Tissues, named tissue_1, tissue_2 and so on; at least 3.
    seed : int, default 0
        The same seed gives the same bytes.
    effect_scale : float, default 1.0
        Factor on all planted effects; 0 gives data in which no site matters.
    gene_noise_log2, noise_log2 : float
        Standard deviation of the noise that the transcripts of a gene share, and of that of each transcript; each is
        drawn once for all tissues and once a tissue.

    Returns
    -------
    ToyTranscripts

    Raises
    ------
    ValueError
        If columns are missing, ids repeat or differ between the two tables, a number is out of range, or fewer
        regulators than asked for tell transcripts apart.
    KeyError
        If a regulator is no column of `totals`.

    Examples
    --------
    >>> transcripts = pd.DataFrame({"transcript_id": ["T1", "T2", "T3"], "gene_id": ["A", "A", "B"]})
    >>> totals = pd.DataFrame({"rna|RBP:QKI": [0, 40, 40]}, index=["T1", "T2", "T3"])
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     toy = make_toy_transcripts(folder, transcripts, totals, regulators=["rna|RBP:QKI"])
    >>> toy.truth[["track", "n_bound_genes", "n_genes_told_apart"]].values.tolist()
    [['rna|RBP:QKI', 2, 1]]
    """
    _check_options(n_regulators, n_tasks, seed, effect_scale, gene_noise_log2, noise_log2)
    bases, genes = _checked_tables(transcripts, totals)
    dose = _dose(bases)
    chosen = _chosen(regulators, n_regulators, dose, genes, list(totals.columns))
    tasks = [f"tissue_{number}" for number in range(1, n_tasks + 1)]
    effect_all, effects = _effects(np.random.default_rng([seed, 11]), len(chosen), n_tasks, effect_scale)
    signal = BASE_LEVEL_LOG2 + dose[:, chosen] @ (effect_all[:, None] + effects)
    rng = np.random.default_rng([seed, 12])
    n_genes = int(genes.max()) + 1
    shared = gene_noise_log2 * (rng.normal(size=(n_genes, 1)) + rng.normal(size=(n_genes, n_tasks)))
    tpm = observed_tpm(np.random.default_rng([seed, 13]), signal + shared[genes], noise_log2)

    truth = pd.DataFrame(
        {
            "track": [str(totals.columns[column]) for column in chosen],
            "sign": np.sign(effect_all).astype(np.int64),
            "n_bound_genes": [len(np.unique(genes[dose[:, column] > 0])) for column in chosen],
            "n_genes_told_apart": [int((_spread(dose[:, column], genes) > 0).sum()) for column in chosen],
            "tissues": [",".join(np.array(tasks)[row != 0]) for row in effects],
            "effect_all": effect_all,
            **dict(zip(tasks, effects.T, strict=True)),
        }
    )
    folder = make_output_folder(out)
    toy = ToyTranscripts(
        folder, folder / "transcript_tpm.tsv.gz", folder / "truth.tsv", folder / "truth_signal.tsv.gz", truth
    )
    ids = transcripts[["transcript_id", "gene_id"]].reset_index(drop=True)
    write_table(pd.concat([ids, pd.DataFrame(np.round(tpm, 4), columns=tasks)], axis=1), toy.tissue_tpm)
    median = np.median(signal, axis=1, keepdims=True)
    values = pd.DataFrame(np.hstack([median, signal - median]), columns=["median_level", *tasks])
    write_table(pd.concat([ids[["transcript_id"]], values], axis=1), toy.truth_signal)
    write_table(truth, toy.truth_path)
    logger.info(
        "toy transcripts in %s: %d transcripts of %d genes, %s act", folder, len(ids), n_genes, list(truth["track"])
    )
    return toy


def _check_options(
    n_regulators: int, n_tasks: int, seed: int, effect_scale: float, gene_noise_log2: float, noise_log2: float
) -> None:
    check_count("n_regulators", n_regulators)
    check_count("seed", seed, zero=True)
    if n_tasks < MIN_TASKS:
        raise ValueError(f"n_tasks is {n_tasks}; the toy data need at least {MIN_TASKS}")
    for name, value in (
        ("effect_scale", effect_scale), ("gene_noise_log2", gene_noise_log2), ("noise_log2", noise_log2)
    ):  # fmt: skip
        check_positive(name, value, zero=True)


def _checked_tables(transcripts: pd.DataFrame, totals: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Bases in the order of the transcripts, float64, and the number of each transcript's gene."""
    check_columns("transcripts", transcripts, ["transcript_id", "gene_id"])
    check_columns("totals", totals, [])
    check_unique("transcript ids", transcripts["transcript_id"])
    check_unique("tracks of the totals", totals.columns)
    lacking = sorted(set(transcripts["transcript_id"]) ^ set(totals.index))
    if lacking or len(totals) != len(transcripts):
        raise ValueError(
            f"transcripts and totals have different ids: {listed(lacking)}; give one row of totals a transcript"
        )
    bases = totals.loc[transcripts["transcript_id"]].to_numpy(dtype=np.float64)
    if not np.isfinite(bases).all() or (bases < 0).any():
        raise ValueError("totals hold missing, infinite or negative numbers; bases covered by sites are wanted")
    return bases, pd.factorize(transcripts["gene_id"])[0]


def _dose(bases: np.ndarray) -> np.ndarray:
    """log2(1 + bases / typical bases of the track), shape (n_transcripts, n_tracks)."""
    typical = np.array([np.median(column[column > 0]) if (column > 0).any() else 1.0 for column in bases.T])
    values: np.ndarray = np.log2(1 + bases / typical)
    return values


def _spread(values: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Largest minus smallest value of each gene."""
    n_genes = int(genes.max()) + 1
    high, low = np.full(n_genes, -np.inf), np.full(n_genes, np.inf)
    np.maximum.at(high, genes, values)
    np.minimum.at(low, genes, values)
    result: np.ndarray = high - low
    return result


def _chosen(
    regulators: Sequence[str] | None, n_regulators: int, dose: np.ndarray, genes: np.ndarray, tracks: list[str]
) -> list[int]:
    if regulators is not None:
        check_unique("regulators", regulators)
        check_known("regulators", regulators, tracks, "the totals")
        return [tracks.index(name) for name in regulators]
    spread = np.array([(_spread(column, genes) ** 2).sum() for column in dose.T])
    found: dict[str, int] = {}
    for column in np.argsort(-spread, kind="stable"):
        n_bound = len(np.unique(genes[dose[:, column] > 0]))
        if spread[column] > 0 and n_bound >= MIN_BOUND_GENES:
            found.setdefault(str(tracks[column]).split("@")[0], int(column))
    if len(found) < n_regulators:
        raise ValueError(
            f"only {len(found)} of {len(tracks)} tracks are bound to {MIN_BOUND_GENES} genes and tell transcripts of "
            f"a gene apart; {n_regulators} are wanted: give more transcripts or sites, or a lower n_regulators"
        )
    return list(found.values())[:n_regulators]


def _effects(rng: np.random.Generator, n_regulators: int, n_tasks: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Overall effects (n_regulators,), and those added in a third of the tissues (n_regulators, n_tasks)."""
    n_chosen = max(1, round(n_tasks * ACTING_SHARE))
    order = rng.permutation(n_tasks)
    sign = np.where(np.arange(n_regulators) % 2, -1, 1)
    effects = np.zeros((n_regulators, n_tasks))
    for number in range(n_regulators):
        tissues = order[np.arange(number * n_chosen, (number + 1) * n_chosen) % n_tasks]
        effects[number, tissues] = sign[number] * rng.uniform(0.6, 1.1, n_chosen)
    return scale * sign * rng.uniform(0.5, 1.0, n_regulators), scale * effects
