"""What a model says of every gene and task, looked up instead of computed: `summary.npz` beside a model's files.

The file holds plain arrays (no pickle), packed by LZMA; numbers are whole multiples of a step, in log2 units:

==========================================  ======  ================================================================
array                                       type    holds
==========================================  ======  ================================================================
record                                      uint8   JSON: schema_version, tasks, task_kinds, regulators, regions,
                                                    ranking_tasks, ranking_kinds and about
gene_id, gene_name, chrom, strand, split    uint8   UTF-8 text, a line a gene
tss, length_bp                              int32   a number a gene
n_tracks, n_bound_genes                     int32   a number a regulator
ranking_task, ranking_regulator             int16   rows of the ranking: numbers of ranking_tasks and regulators
ranking_rank, _rank_low, _rank_high         int16   -1 where undefined
ranking_mean, _mean_abs, _sd_members        f4
predicted                                   int16   (gene, task), step 0.01
length_effect                               int16   (gene), step 0.001
leading_regulator, leading_task             int16   (gene, leading)
leading_effect, leading_sd                  int16   (gene, leading), step 0.001
leading_strongest                           int16   (gene, leading), step 0.01
top_leading                                 int16   (gene, task, top): number among the gene's leading regulators; -1:
                                                    none; -2: the next one of top_other
top_other                                   int16   (further), numbers of regulators
top_effect                                  int16   (gene, task, top), step 0.02
place_region, place_bin, place_bases        int16   (gene, leading, place)
place_effect                                int16   (gene, leading, place), step 0.002
==========================================  ======  ================================================================

A regulator, task or region of -1 says that there is no further one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.arrays import read_arrays, write_arrays
from decode.core.checks import check_unique
from decode.core.files import check_input
from decode.core.records import NAME, anything, choice, fields, flag, items, mapping, whole
from decode.core.shown import shown
from decode.expression.task_kinds import TASK_KINDS

SCHEMA_VERSION = 1
LARGEST = 32_767  # of a stored number
WHAT, ADVICE = "summary of a model", "get the model again, or make it with `decode models summarise`"
TEXT = ("gene_id", "gene_name", "chrom", "strand", "split")
WHOLE = ("tss", "length_bp")
RANKS = ("rank", "rank_low", "rank_high")
SCORES = ("mean", "mean_abs", "sd_members")
NONE, OTHER = -1, -2  # of top_leading
ARRAYS: dict[str, tuple[str, ...]] = {
    "predicted": ("gene", "task"),
    "length_effect": ("gene",),
    "leading_regulator": ("gene", "leading"),
    "leading_task": ("gene", "leading"),
    "leading_effect": ("gene", "leading"),
    "leading_sd": ("gene", "leading"),
    "leading_strongest": ("gene", "leading"),
    "top_leading": ("gene", "task", "top"),
    "top_other": ("further",),
    "top_effect": ("gene", "task", "top"),
    "place_region": ("gene", "leading", "place"),
    "place_bin": ("gene", "leading", "place"),
    "place_bases": ("gene", "leading", "place"),
    "place_effect": ("gene", "leading", "place"),
}
STEPS = {
    "predicted": 0.01,
    "length_effect": 0.001,
    "leading_effect": 0.001,
    "leading_sd": 0.001,
    "leading_strongest": 0.01,
    "top_effect": 0.02,
    "place_effect": 0.002,
}  # log2 units; fmt: skip
CODES = {"top_other": "regulators", "leading_regulator": "regulators", "leading_task": "tasks"}
CODES |= {"place_region": "regions"}

_REGION = fields({"name": NAME, "first_bp": whole(-(10**9), 10**9), "bin_size": whole(1, 10**9), "is_blind": flag})
_check_record = fields(
    {
        "schema_version": whole(SCHEMA_VERSION, SCHEMA_VERSION),
        "tasks": items(NAME, least=1, most=LARGEST, unique=True),
        "task_kinds": items(choice(TASK_KINDS), least=1, most=LARGEST),
        "regulators": items(NAME, most=LARGEST, unique=True),
        "regions": items(_REGION, least=1, most=1000),
        "ranking_tasks": items(NAME, most=LARGEST, unique=True),
        "ranking_kinds": items(choice(TASK_KINDS), most=LARGEST),
        "about": mapping(anything),
    }
)

Whole = NDArray[np.int32]
Real = NDArray[np.float32]


@shown()
@dataclass(frozen=True, eq=False)
class AttributionSummary:
    """Predictions, rankings and the strongest attributions of a model, for all genes of its features.

    Attributes
    ----------
    genes : pd.DataFrame
        gene_id, gene_name, chrom, strand, tss (0-based), length_bp (spliced), split (train, validation, test, none).
    tasks, task_kinds : list of str
    regulators : list of str
        "KIND:NAME".
    regions : pd.DataFrame
        name; first_bp (of the first bin, from the TSS, or from the 5' end of the RNA), bin_size; is_blind: the model
        sees the total of the region only, and effects of bins are shared by bases.
    ranking : pd.DataFrame
        As `decode.ranking.rank.rank_regulators` has it, without z, p_value and fdr: task ("overall" first), task_kind,
        kind, regulator, n_tracks, n_bound_genes, mean, mean_abs, sd_members, rank, rank_low, rank_high (lowest and
        highest rank in single members).
    predicted : float32 array, shape (n_genes, n_tasks)
        log2 units.
    length_effect : float32 array, shape (n_genes,)
        Mean over the main tasks.
    top_regulator : int32 array, shape (n_genes, n_tasks, n_top)
        Regulators of the largest absolute effects on the gene in the task, largest first; -1: none is left.
    top_effect : float32 array, shape (n_genes, n_tasks, n_top)
        Their effects (attributions, tracks summed, mean over members), log2 units.
    leading_regulator : int32 array, shape (n_genes, n_leading)
        Regulators of the largest absolute effect on the gene in any main task; -1: none is left.
    leading_effect, leading_sd : float32 array, shape (n_genes, n_leading)
        Mean over the main tasks, and its standard deviation over members (NaN for one member).
    leading_task : int32 array, shape (n_genes, n_leading)
        Main task of the largest absolute effect.
    leading_strongest : float32 array, shape (n_genes, n_leading)
        The effect there.
    place_region, place_bin, place_bases : int32 array, shape (n_genes, n_leading, n_places)
        Where a leading regulator acts most on its strongest task: region (-1: no further one), number of the bin, bases
        bound (the most of its tracks).
    place_effect : float32 array, shape (n_genes, n_leading, n_places)
        Share of the bin, log2 units.
    about : dict
        How it was made: model_sha256, features_sha256, build, reference, engine, n_members, ranked_part (genes that the
        ranking is over), n_ranked_genes, versions.
    """

    genes: pd.DataFrame
    tasks: list[str]
    task_kinds: list[str]
    regulators: list[str]
    regions: pd.DataFrame
    ranking: pd.DataFrame
    predicted: Real
    length_effect: Real
    top_regulator: Whole
    top_effect: Real
    leading_regulator: Whole
    leading_effect: Real
    leading_sd: Real
    leading_task: Whole
    leading_strongest: Real
    place_region: Whole
    place_bin: Whole
    place_bases: Whole
    place_effect: Real
    about: dict[str, Any]


def write_summary(summary: AttributionSummary, path: str | Path) -> None:
    """Write a summary; replaced atomically. Numbers are rounded to the steps above.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    ranking = summary.ranking
    ranking_tasks = ranking.drop_duplicates("task")
    record = {
        "schema_version": SCHEMA_VERSION,
        "tasks": summary.tasks,
        "task_kinds": summary.task_kinds,
        "regulators": summary.regulators,
        "regions": json.loads(summary.regions.to_json(orient="records")),
        "ranking_tasks": ranking_tasks["task"].tolist(),
        "ranking_kinds": ranking_tasks["task_kind"].tolist(),
        "about": summary.about,
    }
    names = ranking["kind"].astype(str) + ":" + ranking["regulator"].astype(str)
    by_regulator = ranking.assign(name=names).drop_duplicates("name").set_index("name").reindex(summary.regulators)
    arrays: dict[str, NDArray[Any]] = {
        "record": _text(json.dumps(record)),
        **{name: _text("\n".join(summary.genes[name].astype(str))) for name in TEXT},
        **{name: summary.genes[name].to_numpy(np.int32) for name in WHOLE},
        **{name: by_regulator[name].to_numpy(np.int32) for name in ("n_tracks", "n_bound_genes")},
        "ranking_task": pd.Index(record["ranking_tasks"]).get_indexer(pd.Index(ranking["task"])).astype(np.int16),
        "ranking_regulator": pd.Index(summary.regulators).get_indexer(pd.Index(names)).astype(np.int16),
        **{f"ranking_{name}": ranking[name].fillna(-1).to_numpy(np.int16) for name in RANKS},
        **{f"ranking_{name}": ranking[name].to_numpy(np.float32) for name in SCORES},
        **{name: _stored(getattr(summary, name), STEPS.get(name)) for name in ARRAYS if hasattr(summary, name)},
    }
    arrays["top_leading"], arrays["top_other"] = _among_leading(summary.top_regulator, summary.leading_regulator)
    write_arrays(arrays, path)


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _stored(values: NDArray[Any], step: float | None) -> NDArray[np.int16]:
    """Whole steps; undefined numbers are -32768, and what is beyond the largest is the largest."""
    if step is None:
        numbers: NDArray[np.int16] = np.clip(values, NONE, LARGEST).astype(np.int16)
        return numbers
    steps = np.clip(np.rint(np.nan_to_num(values, nan=0.0) / step), -LARGEST, LARGEST)
    return np.where(np.isnan(values), -LARGEST - 1, steps).astype(np.int16)


def _restored(stored: NDArray[np.int16], step: float | None) -> NDArray[Any]:
    if step is None:
        return stored.astype(np.int32)
    values = np.multiply(stored, step, dtype=np.float32)
    values[stored == -LARGEST - 1] = np.nan
    return values


def _among_leading(top: Whole, leading: Whole) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Numbers of regulators as places among the gene's leading ones, and those that are not among them, in order."""
    place = np.where(top < 0, NONE, OTHER)
    for number in range(leading.shape[1]):
        place[(top == leading[:, number, None, None]) & (top >= 0)] = number
    return place.astype(np.int16), top[place == OTHER].astype(np.int16)


def _from_leading(place: NDArray[np.int16], other: NDArray[np.int16], leading: NDArray[np.int16]) -> Whole:
    is_within = not place.size or OTHER <= place.min() <= place.max() < leading.shape[1]
    if not is_within or (place == OTHER).sum() != len(other):
        raise ValueError("top_leading names regulators that are not there")
    gene = np.arange(len(leading))[:, None, None]
    top = np.where(place >= 0, leading[gene, np.maximum(place, 0)], NONE).astype(np.int32)
    top[place == OTHER] = other
    return top


def read_summary(path: str | Path) -> AttributionSummary:
    """Read what `write_summary` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    AttributionSummary

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no such file, damaged, or of another schema version.
    """
    path = check_input(path, WHAT)
    ranks = [f"ranking_{name}" for name in ("task", "regulator", *RANKS, *SCORES)]
    wanted = ["record", *TEXT, *WHOLE, "n_tracks", "n_bound_genes", *ranks, *ARRAYS]
    stored = read_arrays(path, wanted, WHAT, ADVICE)
    try:
        return _summary(stored)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is no {WHAT} as decode writes it ({error}); {ADVICE}") from error


def _summary(stored: dict[str, NDArray[Any]]) -> AttributionSummary:
    record = json.loads(_read_text(stored["record"]))
    _check_record("", record)
    genes = pd.DataFrame({name: _read_text(stored[name]).split("\n") for name in TEXT})
    for name in WHOLE:
        genes[name] = stored[name].astype(np.int64)
    check_unique("genes", genes["gene_id"])
    if len(record["task_kinds"]) != len(record["tasks"]):
        raise ValueError(f"{len(record['task_kinds'])} kinds of {len(record['tasks'])} tasks")
    arrays = _checked(stored, record, len(genes))
    return AttributionSummary(
        genes=genes[["gene_id", "gene_name", "chrom", "strand", "tss", "length_bp", "split"]],
        tasks=record["tasks"],
        task_kinds=record["task_kinds"],
        regulators=record["regulators"],
        regions=pd.DataFrame(record["regions"]),
        ranking=_ranking(stored, record),
        about=record["about"],
        top_regulator=_from_leading(arrays.pop("top_leading"), arrays.pop("top_other"), arrays["leading_regulator"]),
        **{name: _restored(values, STEPS.get(name)) for name, values in arrays.items()},
    )


def _read_text(stored: NDArray[Any]) -> str:
    if stored.dtype != np.uint8 or stored.ndim != 1:
        raise ValueError(f"text is stored as {stored.dtype}")
    return stored.tobytes().decode()


def _checked(stored: dict[str, NDArray[Any]], record: dict[str, Any], n_genes: int) -> dict[str, NDArray[np.int16]]:
    """Arrays of one size for each dimension, whose numbers of regulators, tasks and regions there are."""
    sizes = {"gene": n_genes, "task": len(record["tasks"])}
    found = {}
    for name, dimensions in ARRAYS.items():
        values = stored[name]
        wanted = tuple(sizes.setdefault(key, size) for key, size in zip(dimensions, values.shape, strict=False))
        if values.dtype != np.int16 or values.shape != wanted or len(dimensions) != values.ndim:
            raise ValueError(f"{name} is {values.dtype} of shape {values.shape}; int16 of shape {wanted} is wanted")
        if name in CODES and values.size and not -1 <= values.min() <= values.max() < len(record[CODES[name]]):
            raise ValueError(f"{name} names {CODES[name]} that are not there")
        found[name] = values
    return found


def _ranking(stored: dict[str, NDArray[Any]], record: dict[str, Any]) -> pd.DataFrame:
    """The ranking as a table."""
    tasks, regulators = record["ranking_tasks"], record["regulators"]
    if len(record["ranking_kinds"]) != len(tasks):
        raise ValueError(f"{len(record['ranking_kinds'])} kinds of {len(tasks)} ranked tasks")
    task, regulator = stored["ranking_task"].astype(np.int64), stored["ranking_regulator"].astype(np.int64)
    for name, codes, names in (("task", task, tasks), ("regulator", regulator, regulators)):
        if codes.size and not 0 <= codes.min() <= codes.max() < len(names):
            raise ValueError(f"ranking_{name} names what is not there")
    split = np.array([name.partition(":")[::2] for name in regulators], dtype=object).reshape(-1, 2)
    table = pd.DataFrame(
        {
            "task": np.array(tasks, dtype=object)[task],
            "task_kind": np.array(record["ranking_kinds"], dtype=object)[task],
            "kind": split[regulator, 0],
            "regulator": split[regulator, 1],
            **{name: stored[name].astype(np.int64)[regulator] for name in ("n_tracks", "n_bound_genes")},
            **{name: stored[f"ranking_{name}"].astype(np.float64) for name in SCORES},
        }
    )
    for name in RANKS:
        values = stored[f"ranking_{name}"].astype(np.int64)
        table[name] = values if name == "rank" else pd.array(np.where(values < 0, 0, values), dtype="Int64")
        if name != "rank":
            table.loc[values < 0, name] = pd.NA
    return table
