"""Persons on the toy genome: planted regulator activities that differ between persons, with age, sex and batch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_positive, counted
from decode.core.files import make_output_folder, write_table
from decode.core.shown import shown
from decode.synthetic.toy import PSEUDOCOUNT_TPM, ToyData, observed_tpm

logger = logging.getLogger(__name__)

LEAST_PERSONS = 12
ACTIVITY_SD = 0.35  # log2 units per unit of dose
OWN_GENE_SD = 1.2  # log2 units of the regulator's own mRNA per standard deviation of its activity
AGE_EFFECT, SEX_EFFECT = 1.2, 1.5  # standard deviations of activity, per standard deviation of age and for a male
BATCH_SD, FRACTION_SD = 0.3, 0.4  # log2 units over genes
N_AGE, N_SEX = 2, 2  # regulators whose activity changes with age, and with sex


@shown()
class ToyPersons(NamedTuple):
    """Files of toy persons, and what was planted in them.

    Attributes
    ----------
    tpm : Path
        Table gene_id (with version) x person in TPM.
    samples : Path
        One row a person: sample, age, sex, batch, fraction (of a cell type).
    activity_path, truth_path : Path
        The tables `activity` and `truth` as TSV.
    activity : pd.DataFrame, shape (n_persons, n_regulators)
        Planted activity, log2 units per unit of dose; columns "kind:regulator" of the regulators that act.
    truth : pd.DataFrame
        One row a regulator that acts: regulator, kind, own_gene_id (empty for miRNAs), age_effect, sex_effect (standard
        deviations of activity).
    pair : tuple of str
        Two genes (stable ids) that share the regulators `pair_regulators`, so that they are expressed together.
    pair_regulators : list of str
    """

    tpm: Path
    samples: Path
    activity_path: Path
    truth_path: Path
    activity: pd.DataFrame
    truth: pd.DataFrame
    pair: tuple[str, str]
    pair_regulators: list[str]


def make_toy_persons(
    out: str | Path,
    toy: ToyData,
    *,
    n_persons: int = 60,
    seed: int = 0,
    noise_log2: float = 0.5,
    effect_scale: float = 1.0,
    phenotype_scale: float = 1.0,
) -> ToyPersons:
    """Simulate the expression of persons in whom regulators are active to different degrees.

    The level of gene g in person p, in log2(TPM + 0.25), is

        level[g, p] = median level[g] + sum over r of dose[g, r] * activity[r, p]
                      + batch[g] * is_second_batch[p] + loading[g] * fraction[p] + noise
        activity[r, p] = 0.35 * (N(0, 1) + age_effect[r] * age[p] + sex_effect[r] * is_male[p]), centred

    with age and fraction in standard deviations. The first two TFs that act change with age, the first two RBPs with
    sex. The mRNA of a regulator's own gene follows its activity (1.2 log2 units a standard deviation).

    Parameters
    ----------
    out : str or Path
        Folder for the files; created if needed, its parent must exist.
    toy : ToyData
        The toy genome, see `make_toy_data`.
    n_persons : int, default 60
        At least 12.
    seed : int, default 0
        The same seed gives the same bytes.
    noise_log2 : float, default 0.5
        Standard deviation of the noise of a gene in a person (that of the gene itself has the same), log2 units.
    effect_scale : float, default 1.0
        Factor on all activities; 0 gives persons in whom no site matters.
    phenotype_scale : float, default 1.0
        Factor on the effects of age and sex; 0 gives persons in whom nothing differs with them.

    Returns
    -------
    ToyPersons

    Raises
    ------
    ValueError
        If a number is out of range.
    FileNotFoundError
        If the parent of `out` does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from decode.synthetic import make_toy_data, make_toy_persons
    >>> toy = make_toy_data(tempfile.mkdtemp(), n_genes=200)
    >>> persons = make_toy_persons(toy.folder, toy, n_persons=12)
    >>> persons.truth.query("age_effect != 0")["regulator"].tolist()
    ['ACT1', 'ACT2']
    """
    for name, value in (("seed", seed), ("noise_log2", noise_log2), ("effect_scale", effect_scale)):
        check_positive(name, value, zero=True)
    check_positive("phenotype_scale", phenotype_scale, zero=True)
    if n_persons < LEAST_PERSONS:
        raise ValueError(f"n_persons is {n_persons}; toy persons need at least {LEAST_PERSONS}")
    folder = make_output_folder(out)
    names = [f"person_{number}" for number in range(1, n_persons + 1)]
    samples = _samples(np.random.default_rng([seed, 20]), names)
    dose = pd.read_csv(toy.truth_dose, sep="\t", index_col=0)
    truth = _truth(toy, phenotype_scale)
    acting = [f"{kind}:{name}" for kind, name in zip(truth["kind"], truth["regulator"], strict=True)]
    activity = effect_scale * _activity(np.random.default_rng([seed, 21]), truth, samples)
    median = pd.read_csv(toy.truth_signal, sep="\t", index_col=0)["median_level"]

    rng = np.random.default_rng([seed, 22])
    level = median.to_numpy()[:, None] + dose[acting].to_numpy() @ activity
    level += BATCH_SD * rng.normal(size=(len(level), 1)) * (samples["batch"] == "B").to_numpy()
    level += FRACTION_SD * rng.normal(size=(len(level), 1)) * _standardised(samples["fraction"])
    own = median.index.get_indexer(pd.Index(truth["own_gene_id"]))
    has_gene = own >= 0
    level[own[has_gene]] += OWN_GENE_SD / ACTIVITY_SD * activity[has_gene]
    tpm = observed_tpm(np.random.default_rng([seed, 23]), level, noise_log2)
    # a regulator's own gene is never one of the silent ones
    tpm[own[has_gene]] = np.maximum(2.0 ** level[own[has_gene]] - PSEUDOCOUNT_TPM, 0.0)

    table = pd.DataFrame(np.round(tpm, 4), columns=names)
    table.insert(0, "gene_id", pd.read_csv(toy.tissue_tpm, sep="\t", usecols=["gene_id"])["gene_id"])
    activities = pd.DataFrame(activity.T, index=pd.Index(names, name="sample"), columns=acting)
    pair, shared = _pair(dose[acting], pd.Series(tpm.min(axis=1) > 1.0, dose.index))
    persons = ToyPersons(
        folder / "person_tpm.tsv.gz", folder / "persons.tsv", folder / "person_activity.tsv",
        folder / "person_truth.tsv", activities, truth, pair, shared,
    )  # fmt: skip
    write_table(table, persons.tpm)
    write_table(samples, persons.samples)
    write_table(activities.reset_index(), persons.activity_path)
    write_table(truth, persons.truth_path)
    logger.info("toy persons in %s: %s", folder, counted({"persons": n_persons, "acting": len(acting), "seed": seed}))
    return persons


def _samples(rng: np.random.Generator, names: list[str]) -> pd.DataFrame:
    """Age, sex and batch in turn and drawn apart, so that no two of them go together."""
    order = np.arange(len(names))
    return pd.DataFrame(
        {
            "sample": names,
            "age": rng.integers(20, 81, len(names)),
            "sex": np.array(["female", "male"])[rng.permutation(order % 2)],
            "batch": np.array(["A", "B"])[rng.permutation(order % 2)],
            "fraction": np.round(rng.beta(4, 8, len(names)), 4),
        }
    )


def _truth(toy: ToyData, phenotype_scale: float) -> pd.DataFrame:
    acts = toy.truth["sign"].ne(0) & toy.truth["role"].isin(["activator", "repressor"])
    truth = toy.truth.loc[acts, ["regulator", "kind"]].reset_index(drop=True)
    truth["own_gene_id"] = truth["regulator"].map(toy.own_genes).fillna("")
    planted = (("age_effect", "TF", AGE_EFFECT, N_AGE), ("sex_effect", "RBP", SEX_EFFECT, N_SEX))
    for column, kind, effect, count in planted:
        changed = truth.index[truth["kind"] == kind][:count]
        truth[column] = 0.0
        truth.loc[changed, column] = phenotype_scale * effect * np.resize([1.0, -1.0], len(changed))
    return truth


def _activity(rng: np.random.Generator, truth: pd.DataFrame, samples: pd.DataFrame) -> np.ndarray:
    """Activity of every regulator in every person, shape (n_regulators, n_persons), mean 0 over persons."""
    activity = rng.normal(size=(len(truth), len(samples)))
    activity += truth["age_effect"].to_numpy()[:, None] * _standardised(samples["age"])
    activity += truth["sex_effect"].to_numpy()[:, None] * (samples["sex"] == "male").to_numpy()
    values: np.ndarray = ACTIVITY_SD * (activity - activity.mean(axis=1, keepdims=True))
    return values


def _standardised(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float64)
    result: np.ndarray = (numbers - numbers.mean()) / numbers.std()
    return result


def _pair(dose: pd.DataFrame, is_expressed: pd.Series) -> tuple[tuple[str, str], list[str]]:
    """Two expressed genes that share most of the regulators of either, and which they share (at least two)."""
    is_bound = dose.to_numpy() > 0
    candidates = np.flatnonzero(is_expressed.to_numpy() & (is_bound.sum(axis=1) >= 3))
    if len(candidates) < 2:  # tiny genomes
        candidates = np.argsort(-is_bound.sum(axis=1), kind="stable")[:2]
    chosen = is_bound[candidates].astype(np.int64)
    shared = chosen @ chosen.T
    either = chosen.sum(axis=1)[:, None] + chosen.sum(axis=1) - shared
    likeness = np.where(np.eye(len(candidates), dtype=bool), -1.0, shared**1.5 / either)
    first, second = sorted(candidates[list(np.unravel_index(likeness.argmax(), likeness.shape))])
    names = dose.columns[is_bound[first] & is_bound[second]].tolist()
    return (str(dose.index[first]), str(dose.index[second])), names
