"""Regulator-target weights as a table that decoupler, scanpy and other network tools read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import t as student

from decode.attribution.result import gene_blocks
from decode.core.checks import check_choice, check_count, check_known, listed
from decode.core.shown import shown
from decode.expression.task_kinds import main_tasks
from decode.features.regulators import sum_tracks
from decode.ranking.table import OUTSIDE, OVERALL
from decode.statistics.multiple_testing import false_discovery_rate

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
COLUMNS = ["source", "target", "weight", "fdr", "split"]
MAX_TARGETS = 500  # of a regulator, so that a table stays small: about 100,000 rows for 200 regulators
TARGET_NAMES = ("id", "symbol")
PARTS = {  # of the model's split: what the model saw of its genes' expression
    "train": "train (in sample)",
    "validation": "validation (chose epochs and kinds)",
    "test": "test (held out)",
    OUTSIDE: "outside the split (never seen)",
}


@shown()
class TargetNetwork(NamedTuple):
    """Regulator-target weights, and what was counted while they were made.

    Attributes
    ----------
    table : pd.DataFrame
        source (regulator), target (gene), weight (log2 units), fdr, split (train, validation or test gene of the model,
        or outside its split); sorted by source as in the attributions, then by |weight|.
    counts : dict of str to int
        regulators, edges_bound (pairs of a regulator and a gene with its sites), edges_kept, same_symbol (edges left
        out because another gene of the same symbol has a larger weight), and explained genes by part of the split:
        genes_train, genes_validation, genes_test, genes_outside.
    """

    table: pd.DataFrame
    counts: dict[str, int]


def regulator_network(
    dataset: xr.Dataset,
    *,
    task: str | None = None,
    kinds: Collection[str] | None = None,
    max_targets: int = MAX_TARGETS,
    max_fdr: float | None = None,
    min_weight: float = 0.0,
    target_names: str = "id",
) -> TargetNetwork:
    """Turn attributions into a signed, weighted network from regulators to their target genes.

    Parameters
    ----------
    dataset : xr.Dataset
        From `attribute` or `read_attributions`; read block by block.
    task : str, optional
        The weight is the regulator's attribution in this task; only attributions of a single task can do without.
        "overall": the signed mean over the fold changes (without any the levels, then the others), in which a regulator
        that raises one tissue and lowers another cancels out.
    kinds : collection of str, optional
        Only regulators of these kinds (TF, RBP, miRNA, other).
    max_targets : int, default 500
        Most targets of a regulator, those of largest |weight|; 0 keeps all.
    max_fdr : float, optional
        Keep edges of at most this fdr.
    min_weight : float, default 0
        Keep edges of at least this |weight|, log2 units.
    target_names : {"id", "symbol"}
        Whether targets are gene ids (transcript ids at transcript level) or gene symbols.

    Returns
    -------
    TargetNetwork
        A regulator whose name several kinds share is written KIND:NAME, every other one by its name.

    Raises
    ------
    KeyError
        If the task or a kind is not in the attributions.
    ValueError
        If no task is given and there are several, an option is out of range, "overall" is asked of median levels, or
        no edge is left.

    Notes
    -----
    Targets are the explained genes: `attribute(..., part="all")` makes them all genes of the features. The weights of
    training genes are in sample: what the model learnt from their expression is in them. `split` tells them apart.

    A gene is a target only where the regulator has a site. fdr is Benjamini-Hochberg over all those pairs (before any
    is left out) of the p-value of a two-sided t-test that the weight is 0 over the K members, with K - 1 degrees of
    freedom: t = weight / (s / sqrt(K)). It asks whether networks trained from other seeds agree that the weight is not
    0. Members share their training data, so it is no evidence that the regulator binds or acts; that is what the null
    of the ranking is for. Overall, s is the standard deviation of the weight over members. For one task the file keeps
    the spread of single tracks; s is then their sum over the regulator's tracks, which the spread of the sum cannot
    exceed (Minkowski), so that the test errs on the safe side. With one member fdr is undefined.

    Examples
    --------
    `decoupler.mt.ulm(data, net)` takes the table as it is.
    """
    check_count("max_targets", max_targets, zero=True)
    check_choice("target_names", target_names, TARGET_NAMES)
    if max_fdr is not None and not 0 <= max_fdr <= 1:
        raise ValueError(f"max_fdr is {max_fdr!r}; it must lie between 0 and 1")
    if not min_weight >= 0:
        raise ValueError(f"min_weight is {min_weight!r}; it must be >= 0")
    if max_fdr is not None and dataset.attrs["n_members"] < 2:
        raise ValueError("max_fdr needs a spread over members, and these attributions are of one; leave it out")
    task = network_task(dataset, task)
    is_wanted = _wanted_regulators(dataset, kinds)
    split = _split(dataset)
    edges = _edges(dataset, _task_row(dataset, task), is_wanted)
    n_members = int(dataset.attrs["n_members"])
    edges["fdr"] = false_discovery_rate(member_p_value(edges["weight"], edges.pop("spread"), n_members))
    n_bound = len(edges)
    edges = edges[edges["weight"].abs() >= min_weight]
    if max_fdr is not None:
        edges = edges[edges["fdr"] <= max_fdr]
    edges = edges.loc[edges["weight"].abs().sort_values(ascending=False, kind="stable").index]
    names = dataset["gene" if target_names == "id" else "gene_name"].to_numpy().astype(str)
    edges["split"] = split[edges["gene"]]
    edges["target"] = names[edges.pop("gene")]
    is_repeated = edges.duplicated(["regulator", "target"])
    edges = edges[~is_repeated].sort_values("regulator", kind="stable")
    if max_targets:
        edges = edges.groupby("regulator", sort=False).head(max_targets)
    if edges.empty:
        raise ValueError(f"none of the {n_bound} pairs of regulator and bound gene is left; loosen the thresholds")
    edges["source"] = _source_names(dataset)[edges["regulator"]]
    counts = {"regulators": int(is_wanted.sum()), "edges_bound": n_bound, "edges_kept": len(edges)}
    counts["same_symbol"] = int(is_repeated.sum())
    counts |= {f"genes_{part}": int((split == part).sum()) for part in PARTS}
    logger.info("network of %s: %s", task, ", ".join(f"{name} {number}" for name, number in counts.items()))
    return TargetNetwork(edges[COLUMNS].reset_index(drop=True), counts)


def network_task(dataset: xr.Dataset, task: str | None) -> str:
    """The task of a network: the one that is named, or the only one there is.

    Parameters
    ----------
    dataset : xr.Dataset
        Attributions.
    task : str or None

    Returns
    -------
    str
        Name of a task, or "overall".

    Raises
    ------
    KeyError
        If the task is not in the attributions.
    ValueError
        If none is named and there are several.
    """
    tasks = [str(name) for name in dataset["task"].to_numpy()]
    if task is not None:
        check_known("tasks", [task], [OVERALL, *tasks], "the attributions")
        return task
    if len(tasks) > 1:
        raise ValueError(
            f"the attributions hold {len(tasks)} tasks: {listed(tasks)}; name the one that the network is of (--task), "
            f"or {OVERALL!r} for the mean over tasks"
        )
    return tasks[0]


def genes_text(counts: Mapping[str, int]) -> str:
    """Explained genes by part of the model's split, in words.

    Parameters
    ----------
    counts : mapping
        Of a `Network`.

    Returns
    -------
    str

    Examples
    --------
    >>> genes_text({"genes_train": 90, "genes_validation": 0, "genes_test": 10, "genes_outside": 0})
    '90 train (in sample), 10 test (held out)'
    """
    sizes = {words: counts[f"genes_{part}"] for part, words in PARTS.items()}
    return ", ".join(f"{size} {words}" for words, size in sizes.items() if size)


def member_p_value(mean: pd.Series, spread: pd.Series, n_members: int) -> Float:
    """Two-sided p-value that a mean over members is 0, by Student's t with n_members - 1 degrees of freedom.

    Parameters
    ----------
    mean, spread : pd.Series
        Mean and standard deviation (n - 1) over members.
    n_members : int

    Returns
    -------
    float64 array
        NaN for one member; 1 where the mean is 0.

    Examples
    --------
    >>> member_p_value(pd.Series([2.0, 0.0]), pd.Series([1.0, 0.0]), 3).round(4).tolist()
    [0.0742, 1.0]
    """
    size, sd = np.abs(mean.to_numpy(dtype=np.float64)), spread.to_numpy(dtype=np.float64)
    if n_members < 2:
        return np.full(len(size), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(size > 0, size / (sd / np.sqrt(n_members)), 0.0)
    p_value: Float = 2 * student.sf(statistic, n_members - 1)
    return p_value


def _task_row(dataset: xr.Dataset, task: str) -> int | None:
    """Number of the task; None stands for overall."""
    tasks = [str(name) for name in dataset["task"].to_numpy()]
    if task != OVERALL:
        return tasks.index(task)
    if not main_tasks(dataset["task_kind"].to_numpy().astype(str)).any():
        raise ValueError(f"the attributions have no task beside the median level; give task {tasks[0]!r}")
    return None


def _split(dataset: xr.Dataset) -> NDArray[np.object_]:
    """Part of the model's split of each explained gene; a warning where no training gene was explained."""
    found = dataset["split"].to_numpy().astype(str).astype(object)
    found[found == ""] = OUTSIDE
    if "train" not in found:
        logger.warning(
            "targets are only the %d explained genes, none of them a training gene; for contrasts of all genes explain "
            "all of them first: decode attribute --split all",
            len(found),
        )
    return found


def _wanted_regulators(dataset: xr.Dataset, kinds: Collection[str] | None) -> NDArray[np.bool_]:
    found = dataset["regulator_kind"].to_numpy().astype(str)
    if kinds is None:
        return np.ones(len(found), dtype=bool)
    check_known("kinds", kinds, list(dict.fromkeys(found)), "the attributions")
    return np.isin(found, list(kinds))


def _edges(dataset: xr.Dataset, task: int | None, is_wanted: NDArray[np.bool_]) -> pd.DataFrame:
    """Every wanted regulator with every gene that has its sites: gene and regulator row, weight and spread."""
    kind, name = (dataset[column].to_numpy().astype(str) for column in ("kind", "track_regulator"))
    row_of = {str(index): row for row, index in enumerate(dataset["regulator"].to_numpy())}
    code = np.array([row_of[f"{k}:{n}"] for k, n in zip(kind, name, strict=True)], dtype=np.int64)
    variables = ["attribution", "sd"] if task is not None else ["overall", "overall_sd"]
    parts, first = [], 0
    for block in gene_blocks(dataset[["bases", *variables]]):
        values = [block[variable].to_numpy() for variable in variables]
        if task is not None:
            values = [sum_tracks(array[:, :, task].astype(np.float64), code) for array in values]
        is_bound = (sum_tracks(block["bases"].to_numpy(), code) > 0) & is_wanted
        gene, regulator = np.nonzero(is_bound)
        numbers = {"weight": values[0][is_bound], "spread": values[1][is_bound]}
        parts.append(pd.DataFrame({"gene": gene + first, "regulator": regulator} | numbers))
        first += block.sizes["gene"]
    return pd.concat(parts, ignore_index=True).astype({"weight": np.float64, "spread": np.float64})


def _source_names(dataset: xr.Dataset) -> NDArray[np.object_]:
    """Names of the regulators, with their kind where several kinds share a name."""
    names = pd.Series(dataset["regulator_name"].to_numpy().astype(str), dtype=object)
    is_shared = names.duplicated(keep=False).to_numpy()
    found: NDArray[np.object_] = np.where(is_shared, dataset["regulator"].to_numpy().astype(str), names.to_numpy())
    return found
