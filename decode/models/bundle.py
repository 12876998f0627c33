"""The model bundle: a folder with members, names, split, scalers, versions and hashes; loading checks all of it.

The folder holds plain data only: JSON, tables, and one .npz of float32 arrays a member. The network itself is built by
`decode.models.architectures` from bundle.json, so a bundle from a stranger brings no code along. Every file but
bundle.json is in its list of hashes. Whatever else lies in the folder is never opened; it is named in a warning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.files import check_output, sha256_of, staged_folder, to_json, versions, write_table
from decode.core.record_files import read_history
from decode.core.resume import content_hash
from decode.core.shown import shown, tracks_of
from decode.dataset import Dataset
from decode.expression.person_reference import PersonReference, read_person_reference, write_person_reference
from decode.expression.task_kinds import TaskKind, main_tasks
from decode.genome.structure import STRUCTURE
from decode.models.architectures import Network, build_network
from decode.models.bundle_record import (
    AGAIN,
    BUNDLE_FILE,
    PERSON_REFERENCE,
    SCHEMA_VERSION,
    TABLES,
    TRACK_COLUMNS,
    member_file,
    own_hash,
    read_record,
    read_split,
    read_tracks,
)
from decode.models.config import NetworkConfig
from decode.models.member_arrays import check_member, read_member, write_member
from decode.models.member_shapes import member_shapes
from decode.models.scales import RegionScale, TaskScale

__all__ = [
    "BUNDLE_FILE",
    "ModelBundle",
    "check_bundle_output",
    "load_bundle",
    "make_bundle",
    "model_hash",
    "read_record",
    "save_bundle",
]


def _line(bundle: ModelBundle) -> str:
    return (
        f"ModelBundle({bundle.network.architecture}, {len(bundle.members)} members, {len(bundle.tasks)} tasks, "
        f"{len(bundle.tracks)} tracks, {bundle.features.get('build', 'build not stated')})"
    )


def _tracks(bundle: ModelBundle) -> pd.DataFrame:
    return tracks_of(bundle.tracks)


@shown(_line, _tracks)
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
        level, build, bin_size, upstream, downstream, definitions, sources and structure channels of the features
        trained on.
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

    Files in it that belong to no bundle stay.

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
    try:
        with staged_folder(folder, files_of_bundle(folder)) as temporary:
            _write_parts(bundle, temporary)
    except NotImplementedError:
        raise
    except (OSError, RuntimeError) as error:  # HDF5 tells of a full disk by either
        raise OSError(f"model bundle {folder} could not be written ({error}); is the disk full?") from error


def check_bundle_output(folder: Path) -> Path:
    """Refuse a name that belongs to something else than a model bundle or an empty folder; FileExistsError."""
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_empty and not (folder / BUNDLE_FILE).is_file():
        raise FileExistsError(f"{folder} exists and is not a model bundle; choose another --out")
    return folder


def files_of_bundle(folder: Path) -> set[str]:
    """Names of the files that belong to the bundle in a folder; none where there is no bundle, or a damaged one.

    Returns
    -------
    set of str
        bundle.json and what it lists. Whatever else lies there is somebody else's.
    """
    try:
        return {BUNDLE_FILE, *json.loads((folder / BUNDLE_FILE).read_text(encoding="utf-8"))["sha256"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _write_parts(bundle: ModelBundle, folder: Path) -> None:
    names = []
    for number, member in enumerate(bundle.members):
        names.append(member_file(number))
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
    record["own_sha256"] = own_hash(record)
    (folder / BUNDLE_FILE).write_text(to_json(record), encoding="utf-8")


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
    tracks = read_tracks(folder, record["regions"])
    network = NetworkConfig.from_json(record["network"])
    members = _load_members(folder, network, record, tracks)
    return ModelBundle(
        members=members,
        network=network,
        training=record["training"],
        tasks=record["tasks"],
        task_kinds=record["task_kinds"],
        tracks=tracks,
        regions=record["regions"],
        features=record["features"],
        split=read_split(folder),
        seeds=record["seeds"],
        validation_loss=record["validation_loss"],
        history=read_history(folder, AGAIN),
        counts=record["counts"],
        versions=record["versions"],
        person_reference=(
            read_person_reference(folder / PERSON_REFERENCE) if PERSON_REFERENCE in record["sha256"] else None
        ),
    )


def _load_members(folder: Path, network: NetworkConfig, record: dict[str, Any], tracks: pd.DataFrame) -> list[Network]:
    """Build the networks that the record describes, once their files are known to hold them, and fill them."""
    n_tracks = tracks["region"].value_counts()
    widths = {region: 1 + int(n_tracks.get(region, 0)) for region in record["regions"]}
    n_tasks = len(record["tasks"])
    n_structure = len(record["features"].get("structure", []))
    shapes = member_shapes(network, widths, n_tasks, n_structure=n_structure)
    paths = [folder / member_file(number) for number in range(record["n_members"])]
    for path in paths:
        check_member(path, shapes)
    blank = {region: RegionScale(np.zeros(width), np.ones(width)) for region, width in widths.items()}
    if n_structure:
        blank[STRUCTURE] = RegionScale(np.zeros(n_structure), np.ones(n_structure))
    members = []
    for path in paths:
        views = build_network(network, blank, TaskScale(np.zeros(n_tasks), np.ones(n_tasks)))
        read_member(views.bins, path)
        members.append(views)
    return members
