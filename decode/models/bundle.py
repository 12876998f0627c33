"""The model bundle: a folder with members, names, split, scalers, versions and hashes; loading checks all of it.

The folder holds plain data only: JSON, tables, and one .npz of float32 arrays a member. The network itself is built by
`decode.models.architectures` from bundle.json, so a bundle from a stranger brings no code along. Every file but
bundle.json is in its list of hashes. Whatever else lies in the folder is never opened; it is named in a warning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.checks import listed
from decode.core.files import check_output, sha256_of, to_json, versions, write_table
from decode.core.resume import content_hash
from decode.dataset import Dataset
from decode.expression.person_reference import PersonReference, read_person_reference, write_person_reference
from decode.expression.task_kinds import TaskKind, main_tasks
from decode.genome.structure import STRUCTURE
from decode.models.architectures import Network, build_network
from decode.models.config import NetworkConfig
from decode.models.member_arrays import read_member, write_member
from decode.models.scales import RegionScale, TaskScale

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2  # 1 had members as Keras files, whose configuration can run code
BUNDLE_FILE = "bundle.json"
TRACK_COLUMNS = ["region", "kind", "regulator", "biosample", "value_kind"]
TABLES = ("tracks.tsv", "split.tsv.gz", "history.tsv")
PERSON_REFERENCE = "persons_reference.npz"  # there in models of persons only


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A trained ensemble and everything needed to use it on new features.

    Attributes
    ----------
    members : list of Network
        Two views each; a prediction is the mean over members.
    network : NetworkConfig
    training : dict
        Options of the training run.
    tasks : list of str
    task_kinds : list of str
        fold_change, level, other or median_level, one a task.
    tracks : pd.DataFrame
        region, kind, regulator, biosample, value_kind of each input channel after the occupancy, in order.
    regions : list of str
        Regions of the inputs, in order.
    features : dict
        Of those trained on: level, build, bin_size, upstream, downstream, definitions, sources, structure channels.
    split : pd.DataFrame
        id and split of each gene or transcript.
    seeds : list of int
        Of the members kept.
    validation_loss : list of float
        Of all members fitted.
    history : pd.DataFrame
        member, epoch, train_loss, validation_loss.
    counts : dict
        What was matched and dropped when the dataset was made.
    versions : dict
    person_reference : PersonReference, optional
        Of a model of persons: gene means and quantiles, from which fold changes of new samples are taken.
    """

    members: list[Network]
    network: NetworkConfig
    training: dict[str, Any]
    tasks: list[str]
    task_kinds: list[TaskKind]
    tracks: pd.DataFrame
    regions: list[str]
    features: dict[str, Any]
    split: pd.DataFrame
    seeds: list[int]
    validation_loss: list[float]
    history: pd.DataFrame
    counts: dict[str, Any]
    versions: dict[str, str]
    person_reference: PersonReference | None = None

    @property
    def track_ids(self) -> list[str]:
        """Names of the input channels, as `RegulatoryFeatures.track_ids` writes them."""
        from decode.features.content import track_names

        return track_names(self.tracks)

    @property
    def is_main_task(self) -> NDArray[np.bool_]:
        """Which tasks an overall figure is over (`decode.expression.task_kinds.main_tasks`), shape (n_tasks,)."""
        return main_tasks(self.task_kinds)

    @property
    def split_map(self) -> dict[str, str]:
        """Part of each gene or transcript of the training run."""
        return dict(zip(self.split["id"], self.split["split"], strict=True))

    @property
    def structure_channels(self) -> list[str]:
        """Numbers of gene structure that the networks take; none in most models and all older ones."""
        return list(self.features.get("structure", []))

    @property
    def input_names(self) -> list[str]:
        """Inputs of the networks, in order: the regions and, last, the gene structure where there is one."""
        return [*self.regions, *([STRUCTURE] if self.structure_channels else [])]

    def n_first_bins(self) -> dict[str, int]:
        """Rows of each pooled input besides the total."""
        return {region: self.network.n_first_bins(region) for region in self.regions}


def make_bundle(
    dataset: Dataset,
    members: list[Network],
    *,
    network: NetworkConfig,
    training: dict[str, Any],
    seeds: list[int],
    validation_loss: list[float],
    history: pd.DataFrame,
) -> ModelBundle:
    """Collect a trained ensemble and the description of its data."""
    features = dataset.features
    return ModelBundle(
        members=members,
        network=network,
        training=training,
        tasks=dataset.tasks,
        task_kinds=dataset.task_kinds,
        tracks=features.tracks[TRACK_COLUMNS].reset_index(drop=True),
        regions=list(features.regions),
        features={
            "level": features.level,
            "build": features.build,
            "bin_size": features.bin_size,
            "upstream": features.upstream,
            "downstream": features.downstream,
            "definitions": features.definitions,
            "sources": features.sources,
            "structure": features.structure_channels,
        },
        split=pd.DataFrame({"id": features.ids.astype(str), "split": dataset.split}),
        seeds=seeds,
        validation_loss=validation_loss,
        history=history,
        counts=dataset.counts,
        versions=versions(),
    )


def model_hash(bundle: ModelBundle) -> str:
    """SHA-256 of what an ensemble computes: networks, weights, tracks, tasks and their kinds."""
    weights = [weight for member in bundle.members for weight in member.bins.get_weights()]
    # what the networks take of the structure stands in its channels; older networks do not state the option
    network = {name: value for name, value in bundle.network.to_json().items() if name != "structure"}
    names = [
        json.dumps(network),
        *bundle.input_names,
        *bundle.structure_channels,
        *bundle.track_ids,
        *bundle.tasks,
        *bundle.task_kinds,
    ]
    return content_hash([*names, *(np.asarray(weight) for weight in weights)])


def save_bundle(bundle: ModelBundle, folder: str | Path) -> None:
    """Write a bundle as a folder, whole or not at all; an existing bundle of that name is replaced at the end.

    Parameters
    ----------
    bundle : ModelBundle
    folder : path
        Its parent must exist.

    Raises
    ------
    FileNotFoundError, PermissionError
        If the parent folder is absent or not writable.
    FileExistsError
        If the name belongs to something that is not a bundle.
    OSError
        If writing fails, for instance on a full disk; an older bundle of that name stays as it was.
    """
    folder = check_bundle_output(check_output(folder))
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        try:
            _write_parts(bundle, temporary)
        except NotImplementedError:
            raise
        except (OSError, RuntimeError) as error:  # HDF5 tells of a full disk by either
            raise OSError(f"model bundle {folder} could not be written ({error}); is the disk full?") from error
        _put_in_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, folder: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o777 & ~umask)
    if not folder.exists():
        temporary.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "bundle")
    try:
        temporary.rename(folder)
    except OSError:
        (old / "bundle").rename(folder)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_bundle_output(folder: Path) -> Path:
    """Refuse a name that belongs to something else than a model bundle; FileExistsError."""
    if folder.exists() and not (folder / BUNDLE_FILE).is_file():
        raise FileExistsError(f"{folder} exists and is not a model bundle; choose another --out")
    return folder


def _write_parts(bundle: ModelBundle, folder: Path) -> None:
    names = []
    for number, member in enumerate(bundle.members):
        names.append(_member_file(number))
        write_member(member.bins, folder / names[-1])
    for name, table in zip(TABLES, (bundle.tracks, bundle.split, bundle.history), strict=True):
        write_table(table, folder / name)
        names.append(name)
    if bundle.person_reference is not None:
        write_person_reference(bundle.person_reference, folder / PERSON_REFERENCE)
        names.append(PERSON_REFERENCE)
    record = {
        "schema_version": SCHEMA_VERSION,
        "network": bundle.network.to_json(),
        "training": bundle.training,
        "tasks": bundle.tasks,
        "task_kinds": bundle.task_kinds,
        "regions": bundle.regions,
        "features": bundle.features,
        "n_members": len(bundle.members),
        "seeds": bundle.seeds,
        "validation_loss": bundle.validation_loss,
        "counts": bundle.counts,
        "versions": bundle.versions,
        "sha256": {name: sha256_of(folder / name) for name in names},
    }
    record = json.loads(to_json(record))
    record["own_sha256"] = _own_hash(record)
    (folder / BUNDLE_FILE).write_text(to_json(record), encoding="utf-8")


def _member_file(number: int) -> str:
    return f"member_{number}.npz"


def _own_hash(record: dict[str, Any]) -> str:
    content = {key: value for key, value in record.items() if key != "own_sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_record(folder: str | Path) -> dict[str, Any]:
    """Read bundle.json and check every hash, without loading a network.

    Raises
    ------
    FileNotFoundError
        If the folder is no bundle.
    ValueError
        If a file is missing, altered or not in the list of hashes, or the schema version is another.
    """
    folder = Path(folder)
    path = folder / BUNDLE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is no model bundle: it holds no {BUNDLE_FILE}; give the folder that `decode train` wrote"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); train or download the model again") from error
    found = record.get("schema_version") if isinstance(record, dict) else None
    if found != SCHEMA_VERSION:
        raise ValueError(f"model bundle {folder} {_other_schema(found)}")
    if record.get("own_sha256") != _own_hash(record):
        raise ValueError(f"{path} was altered: its own hash does not match; train or download the model again")
    _check_files(folder, record)
    return record


def _other_schema(found: Any) -> str:
    if found == 1:
        return (
            "was written by an older release (schema version 1: Keras files, which can run code of a stranger); this "
            f"release reads plain arrays only (schema version {SCHEMA_VERSION}): train it again with `decode train`"
        )
    return (
        f"has schema version {found}; this release reads {SCHEMA_VERSION}: use the release that wrote it, or train it "
        "again with `decode train`"
    )


def _check_files(folder: Path, record: dict[str, Any]) -> None:
    """Every file that is read has a hash, and the right one; others are named and left alone."""
    n_members, hashes = record.get("n_members"), record.get("sha256", {})
    if not isinstance(n_members, int) or n_members < 1:
        raise ValueError(f"{folder / BUNDLE_FILE} lists {n_members!r} members; at least 1 is wanted")
    wanted = {*TABLES, *(_member_file(number) for number in range(n_members))}
    wanted |= {PERSON_REFERENCE} & set(hashes)
    if set(hashes) != wanted:
        raise ValueError(
            f"{folder / BUNDLE_FILE} gives hashes of other files than a bundle of {n_members} member(s) has: "
            f"{listed(sorted(set(hashes) ^ wanted))}; train or download the model again"
        )
    for name, expected in hashes.items():
        if not (folder / name).is_file():
            raise ValueError(f"model bundle {folder} lacks {name}; train or download the model again")
        if sha256_of(folder / name) != expected:
            raise ValueError(f"{folder / name} was altered: its hash does not match; train or download the model again")
    others = sorted(path.name for path in folder.iterdir() if path.name not in wanted | {BUNDLE_FILE})
    if others:
        logger.warning("model bundle %s: %s are no part of it and were not opened", folder, listed(others))


def load_bundle(folder: str | Path) -> ModelBundle:
    """Load a trained ensemble after checking every hash and name.

    Parameters
    ----------
    folder : path
        A folder that `save_bundle` or `decode train` wrote.

    Returns
    -------
    ModelBundle

    Raises
    ------
    FileNotFoundError
        If the folder is no bundle.
    ValueError
        If it is damaged, altered, of another schema version, or a member's arrays do not fit the network.
    """
    folder = Path(folder)
    record = read_record(folder)
    tracks = pd.read_csv(folder / "tracks.tsv", sep="\t", dtype=str, keep_default_na=False)
    network = NetworkConfig.from_json(record["network"])
    members = [
        _load_member(folder / _member_file(number), network, record, tracks) for number in range(record["n_members"])
    ]
    return ModelBundle(
        members=members,
        network=network,
        training=record["training"],
        tasks=record["tasks"],
        task_kinds=record["task_kinds"],
        tracks=tracks,
        regions=record["regions"],
        features=record["features"],
        split=pd.read_csv(folder / "split.tsv.gz", sep="\t", dtype=str, keep_default_na=False),
        seeds=record["seeds"],
        validation_loss=record["validation_loss"],
        history=pd.read_csv(folder / "history.tsv", sep="\t"),
        counts=record["counts"],
        versions=record["versions"],
        person_reference=(
            read_person_reference(folder / PERSON_REFERENCE) if PERSON_REFERENCE in record["sha256"] else None
        ),
    )


def _load_member(path: Path, network: NetworkConfig, record: dict[str, Any], tracks: pd.DataFrame) -> Network:
    """Build the network that the record describes, and fill it."""
    n_tracks = tracks["region"].value_counts()
    widths = {region: 1 + int(n_tracks.get(region, 0)) for region in record["regions"]}
    blank = {region: RegionScale(np.zeros(width), np.ones(width)) for region, width in widths.items()}
    n_structure, n_tasks = len(record["features"].get("structure", [])), len(record["tasks"])
    if n_structure:
        blank[STRUCTURE] = RegionScale(np.zeros(n_structure), np.ones(n_structure))
    views = build_network(network, blank, TaskScale(np.zeros(n_tasks), np.ones(n_tasks)))
    read_member(views.bins, path)
    return views
