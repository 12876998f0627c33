"""Samples of two conditions on the toy genome: a few regulators change their activity, all others do not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_columns, check_positive
from decode.core.files import make_output_folder, write_table
from decode.core.shown import shown
from decode.synthetic.toy import ToyData, observed_tpm

CONTROL, TREATED = "control", "treated"
DESIGN = "~ condition"
LEAST_SAMPLES = 3
# COBOUND1 is bound beside ACT1 and DECOY1 as often as ACT3; neither acts
DRIVERS = (("ACT1", 1), ("ACT3", -1), ("REP1", 1), ("STAB1", -1), ("DESTAB1", 1), ("miR-R1", -1))
CHANGE_LOG2 = (0.25, 0.4)  # of a driver's activity, log2 units per unit of dose
OWN_CHANGE_SD = 1.0  # of a gene, log2 units: what no site explains


@shown()
class ToyContrast(NamedTuple):
    """Files of a toy experiment, and what was planted in it.

    Attributes
    ----------
    tpm : Path
        Table gene_id (with version) x sample in TPM.
    samples : Path
        One row a sample: sample, condition (control or treated).
    truth_path : Path
        The table `truth` as TSV.
    truth : pd.DataFrame
        One row a regulator: kind, regulator, role, partner, change (of its activity in treated samples, log2 units per
        unit of dose; negative where its sites go with down-regulation, 0 where it is no driver).
    """

    tpm: Path
    samples: Path
    truth_path: Path
    truth: pd.DataFrame


def make_toy_contrast(
    out: str | Path, toy: ToyData, *, n_samples: int = 8, seed: int = 0, noise_log2: float = 0.6, scale: float = 1.0
) -> ToyContrast:
    """Simulate treated and control samples that differ in the activity of six regulators.

    The level of gene g in sample s, in log2(TPM + 0.25), is

        level[g, s] = median level[g] + half[s] * (sum over r of dose[g, r] * change[r] + own change[g]) + noise

    with half[s] 0.5 in treated samples and -0.5 in controls, and the own change, N(0, 1), what no site explains. Genes
    are independent of each other beside the planted changes.

    Parameters
    ----------
    out : str or Path
        Folder for the files; created if needed, its parent must exist.
    toy : ToyData
        The toy genome, see `make_toy_data`.
    n_samples : int, default 8
        Of each condition; at least 3.
    seed : int, default 0
        The same seed gives the same bytes.
    noise_log2 : float, default 0.6
        Standard deviation of the noise of a gene in a sample (that of the gene itself has the same), log2 units.
    scale : float, default 1.0
        Factor on the planted changes; 0 gives an experiment in which no regulator changes.

    Returns
    -------
    ToyContrast

    Raises
    ------
    ValueError
        If a number is out of range.
    FileNotFoundError
        If the parent of `out` does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from decode.synthetic import make_toy_contrast, make_toy_data
    >>> toy = make_toy_data(tempfile.mkdtemp(), n_genes=100)
    >>> found = make_toy_contrast(toy.folder, toy, n_samples=3)
    >>> found.truth.query("change > 0")["regulator"].tolist()
    ['ACT1', 'REP1', 'DESTAB1']
    """
    for name, value in (("seed", seed), ("noise_log2", noise_log2), ("scale", scale)):
        check_positive(name, value, zero=True)
    if n_samples < LEAST_SAMPLES:
        raise ValueError(f"n_samples is {n_samples}; a toy contrast needs at least {LEAST_SAMPLES} of each condition")
    folder = make_output_folder(out)
    rng = np.random.default_rng([seed, 30])
    truth = toy.truth[["kind", "regulator", "role", "partner"]].copy()
    signs = truth["regulator"].map(dict(DRIVERS)).fillna(0).to_numpy()
    truth["change"] = scale * signs * rng.uniform(*CHANGE_LOG2, len(truth)) + 0.0

    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col=0).to_numpy()
    median = pd.read_csv(toy.truth_signal, sep="\t", index_col=0)["median_level"].to_numpy()
    half = np.repeat([-0.5, 0.5], n_samples)
    change = dose @ truth["change"].to_numpy() + OWN_CHANGE_SD * rng.normal(size=len(dose))
    level = median[:, None] + change[:, None] * half
    tpm = observed_tpm(np.random.default_rng([seed, 31]), level, noise_log2)

    conditions = np.where(half > 0, TREATED, CONTROL)
    names = [f"{condition}_{number % n_samples + 1}" for number, condition in enumerate(conditions)]
    made = ToyContrast(
        folder / "contrast_tpm.tsv.gz", folder / "contrast_samples.tsv", folder / "contrast_truth.tsv", truth
    )
    table = pd.DataFrame(np.round(tpm, 4), columns=names)
    table.insert(0, "gene_id", pd.read_csv(toy.tissue_tpm, sep="\t", usecols=["gene_id"])["gene_id"])
    write_table(table, made.tpm)
    write_table(pd.DataFrame({"sample": names, "condition": conditions}), made.samples)
    write_table(truth, made.truth_path)
    return made


def judge_drivers(drivers: pd.DataFrame, truth: pd.DataFrame, *, fdr: float = 0.05) -> pd.DataFrame:
    """Hold a ranking of drivers against what was planted.

    Parameters
    ----------
    drivers : pd.DataFrame
        One contrast: kind, regulator, effect, strength, fdr, rank, group.
    truth : pd.DataFrame
        kind, regulator, role, partner, change, see `ToyContrast`.
    fdr : float, default 0.05
        Below it, a regulator is called a driver.

    Returns
    -------
    pd.DataFrame
        In the order of rank: rank, kind, regulator, role, partner, change, effect, strength, fdr, group, is_planted,
        is_called, verdict: "found" (planted, called, with the planted direction), "wrong sign" (planted and called,
        other direction), "missed" (planted, not called), "false" (called, not planted), "left out" (neither).

    Raises
    ------
    ValueError
        If a column is missing or a regulator of the ranking was not planted.

    Examples
    --------
    >>> truth = pd.DataFrame({"kind": "TF", "regulator": ["A", "N"], "role": ["activator", "null"], "partner": "",
    ...                       "change": [0.5, 0.0]})
    >>> drivers = pd.DataFrame({"kind": "TF", "regulator": ["N", "A"], "effect": [0.1, 0.3], "strength": [1.0, 4.0],
    ...                         "fdr": [0.4, 0.01], "rank": [2, 1], "group": ["TF:N", "TF:A"]})
    >>> judge_drivers(drivers, truth)[["regulator", "verdict"]].values.tolist()
    [['A', 'found'], ['N', 'left out']]
    """
    columns = ["rank", "kind", "regulator", "effect", "strength", "fdr", "group"]
    check_columns("drivers", drivers, columns)
    check_columns("truth", truth, ["kind", "regulator", "role", "partner", "change"])
    judged = drivers[columns].merge(truth, on=["kind", "regulator"], how="left", validate="one_to_one")
    unknown = judged.loc[judged["change"].isna(), "regulator"].tolist()
    if unknown:
        raise ValueError(f"the truth does not know {unknown[:5]}; compare with the data that the ranking was made from")
    judged = judged.sort_values("rank", kind="stable").reset_index(drop=True)
    judged["is_planted"] = judged["change"] != 0
    judged["is_called"] = judged["fdr"] < fdr
    is_right = np.sign(judged["effect"]) == np.sign(judged["change"])
    planted = np.where(judged["is_called"], np.where(is_right, "found", "wrong sign"), "missed")
    judged["verdict"] = np.where(judged["is_planted"], planted, np.where(judged["is_called"], "false", "left out"))
    order = ["rank", "kind", "regulator", "role", "partner", "change", "effect", "strength", "fdr", "group"]
    return judged[[*order, "is_planted", "is_called", "verdict"]]
