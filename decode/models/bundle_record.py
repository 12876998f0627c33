"""What a model bundle may say of itself: bundle.json, its files and its tables, checked before anything is built."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from decode.core.checks import check_unique, listed
from decode.core.record_files import check_files, read_record_table
from decode.core.records import (
    HASH,
    NAME,
    anything,
    choice,
    fields,
    flag,
    items,
    mapping,
    number,
    optional,
    read_json_record,
    text,
    whole,
)
from decode.expression.task_kinds import TASK_KINDS
from decode.models.config import ARCHITECTURES

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2  # 1 had members as Keras files, whose configuration can run code
BUNDLE_FILE = "bundle.json"
TRACK_COLUMNS = ["region", "kind", "regulator", "biosample", "value_kind"]
SPLIT_COLUMNS = ["id", "split"]
SPLITS = ("train", "validation", "test", "excluded")
TABLES = ("tracks.tsv", "split.tsv.gz", "history.tsv")
PERSON_REFERENCE = "persons_reference.npz"  # there in models of persons only
SUMMARY = "summary.npz"  # may lie beside a model: looked up, not opened with it (`decode.registry.summary`)
AGAIN = "train or download the model again"
MOST_MEMBERS = 10_000
LONGEST_BP = 10**9

_CONVOLUTION = fields({"kernel_size": whole(1, 10_000), "filters": whole(1, 10**6), "n_layers": whole(1, 1000)})
_NETWORK = {
    "architecture": choice(ARCHITECTURES),
    "width": whole(1, 10**6),
    "n_dense": whole(1, 1000),
    "dropout": number(0, 1, open_high=True),
    "input_dropout": number(0, 1, open_high=True),
    "huber_delta": optional(number(0, open_low=True)),
    "level_weight": number(0, open_low=True),
    "weigh_kinds": flag,
    "structure": flag,
    "rna": _CONVOLUTION,
    "promoter": _CONVOLUTION,
}
_TRAINING = {
    "members": whole(1, MOST_MEMBERS),
    "keep": choice(("mean", "best")),
    "max_epochs": whole(1, 10**9),
    "patience": whole(1, 10**9),
    "batch_size": whole(1, 10**9),
    "learning_rate": number(0, open_low=True),
    "seed": whole(0, 2**63),
}
_FEATURES = {
    "level": choice(("gene", "transcript")),
    "build": NAME,
    "bin_size": whole(1, LONGEST_BP),
    "upstream": whole(0, LONGEST_BP),
    "downstream": whole(0, LONGEST_BP),
    "definitions": mapping(mapping(anything)),
    "sources": items(mapping(anything)),
    "structure": items(NAME, most=1000, unique=True),
}
_COUNTS = {"kind_weights": mapping(number(0))}
_RECORD = {
    "schema_version": whole(SCHEMA_VERSION, SCHEMA_VERSION),
    "network": fields(_NETWORK, may_lack=_NETWORK),
    "training": fields(_TRAINING, may_lack=_TRAINING, may_add=True),
    "tasks": items(NAME, least=1, most=10**6, unique=True),
    "task_kinds": items(choice(TASK_KINDS), least=1, most=10**6),
    "regions": items(text("[^/]+", "a name without '/'", longest=200), least=1, most=1000, unique=True),
    "features": fields(_FEATURES, may_lack=("definitions", "structure")),
    "n_members": whole(1, MOST_MEMBERS),
    "seeds": items(whole(0, 2**63), most=MOST_MEMBERS),
    "validation_loss": items(optional(number()), most=MOST_MEMBERS),
    "counts": fields(_COUNTS, may_lack=_COUNTS, may_add=True),
    "versions": mapping(text()),
    "sha256": mapping(HASH, most=MOST_MEMBERS + 100),
    "own_sha256": HASH,
}
_check_record = fields(_RECORD)


def member_file(number: int) -> str:
    """Name of the file of one member."""
    return f"member_{number}.npz"


def own_hash(record: dict[str, Any]) -> str:
    """SHA-256 of all of a record but this hash."""
    content = {key: value for key, value in record.items() if key != "own_sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_record(folder: str | Path) -> dict[str, Any]:
    """Read bundle.json and check every field and every hash, without loading a network.

    Raises
    ------
    FileNotFoundError
        If the folder is no bundle.
    ValueError
        If a field is of another type or range than it can be, a file is missing, altered, a link or not in the list of
        hashes, or the schema version is another.
    """
    folder = Path(folder)
    path = folder / BUNDLE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is no model bundle: it holds no {BUNDLE_FILE}; give the folder that `decode train` wrote"
        )
    record = read_json_record(path, "record", AGAIN)
    found = record.get("schema_version")
    if type(found) is not int or found != SCHEMA_VERSION:
        raise ValueError(f"model bundle {folder} {_other_schema(found)}")
    if record.get("own_sha256") != own_hash(record):
        raise ValueError(f"{path} was altered: its own hash does not match; {AGAIN}")
    try:
        _check_record("", record)
        for name in ("task_kinds", "seeds"):
            wanted = record["n_members"] if name == "seeds" else len(record["tasks"])
            if len(record[name]) != wanted:
                raise ValueError(f"{name} holds {len(record[name])} entries, not {wanted}")
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {str(error).strip()}; {AGAIN}") from error
    _check_files(folder, record)
    return record


def _other_schema(found: Any) -> str:
    if type(found) is int and found == 1:
        return (
            "was written by an older release (schema version 1: Keras files, which can run code of a stranger); this "
            f"release reads plain arrays only (schema version {SCHEMA_VERSION}): train it again with `decode train`"
        )
    return (
        f"has schema version {str(found)[:20]}; this release reads {SCHEMA_VERSION}: use the release that wrote it, or "
        "train it again with `decode train`"
    )


def _check_files(folder: Path, record: dict[str, Any]) -> None:
    """Every file that is read has a hash, and the right one; others are named and left alone."""
    n_members, hashes = record["n_members"], record["sha256"]
    wanted = {*TABLES, *(member_file(number) for number in range(n_members))}
    wanted |= {PERSON_REFERENCE} & set(hashes)
    if set(hashes) != wanted:
        raise ValueError(
            f"{folder / BUNDLE_FILE} gives hashes of other files than a bundle of {n_members} member(s) has: "
            f"{listed(sorted(set(hashes) ^ wanted))}; {AGAIN}"
        )
    check_files(folder, hashes, "model bundle", AGAIN)
    others = sorted(path.name for path in folder.iterdir() if path.name not in wanted | {BUNDLE_FILE, SUMMARY})
    if others:
        logger.warning("model bundle %s: %s are no part of it and were not opened", folder, listed(others))


def read_tracks(folder: Path, regions: Sequence[str]) -> pd.DataFrame:
    """The table of tracks; ValueError where it names other regions than the record, or a track twice."""
    path = folder / "tracks.tsv"
    tracks = read_record_table(path, TRACK_COLUMNS, AGAIN)
    column = tracks["region"].tolist()
    runs = [name for i, name in enumerate(column) if i == 0 or column[i - 1] != name]
    if runs != [region for region in regions if region in set(runs)]:
        raise ValueError(f"{path} names the regions {listed(runs)}, the record {listed(regions)}; {AGAIN}")
    check_unique(f"tracks of {path}", map(tuple, tracks[TRACK_COLUMNS[:-1]].to_numpy().tolist()))
    return tracks


def read_split(folder: Path) -> pd.DataFrame:
    """The table of genes and their part; ValueError where a part is none, or a gene is there twice."""
    path = folder / "split.tsv.gz"
    split = read_record_table(path, SPLIT_COLUMNS, AGAIN)
    other = sorted(set(split["split"]) - set(SPLITS))
    if other:
        raise ValueError(f"{path} names the parts {listed(other)}; {listed(SPLITS)} are known: {AGAIN}")
    check_unique(f"ids of {path}", split["id"])
    return split
