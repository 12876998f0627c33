"""Make the entry and the files by which a trained model, or a features file, can be had by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from decode.core.checks import check_known_keys
from decode.core.files import check_output, read_json_object, sha256_of, to_json
from decode.core.outputs import output_set
from decode.models.bundle_record import SUMMARY
from decode.registry.entries import SCHEMA_VERSION, Entry, EntryKind, check_name, parse_registry, registry_json
from decode.registry.store import PACKAGED, damaged, packaged

CARD = ("description", "predicts", "licence", "training_data", "metrics", "address")


def add_entry(
    path: str | Path,
    registry: str | Path,
    name: str,
    *,
    card: dict[str, Any],
    evaluation: dict[str, Any] | None = None,
    summary: str | Path | None = None,
    force: bool = False,
) -> Entry:
    """Copy a model or a features file beside a registry, and list it there.

    Parameters
    ----------
    path : path
        Folder of a model bundle, or a features file; it is opened and checked first.
    registry : path
        The registry's JSON, made if it is not there. The files go into the folder NAME beside it: publish that folder
        and the JSON together, on any web server, and name the JSON's address in DECODE_REGISTRY.
    name : str
    card : dict
        description, predicts, licence (texts), training_data (list of name, source, licence); optionally metrics (list
        of measure, part, value, baselines) and address, where the files will not lie beside the registry.
    evaluation : dict, optional
        metrics.json of `decode evaluate` on this model: its figures and baselines become metrics of the entry.
    summary : path, optional
        Of a model: what `decode.registry.summary.write_summary` wrote; becomes summary.npz among its files.
    force : bool
        Replace an entry of that name.

    Returns
    -------
    Entry

    Raises
    ------
    FileNotFoundError, ValueError
        If the model, the features, the card or the registry is not what it should be.
    FileExistsError
        If the registry has the name already.
    """
    path, registry = Path(path), Path(registry)
    check_name(name)
    check_output(registry)  # finishes what a killed run was putting in place
    check_known_keys("card", card, CARD)
    if name in {entry.name for entry in packaged()} and registry.resolve() != PACKAGED:
        raise FileExistsError(f"{name} is a name of the package (`decode models info {name}`); choose another")
    entries = parse_registry(registry.read_bytes(), str(registry)) if registry.exists() else []
    kind, described, found, model_sha256 = _described(path)
    files = {file.name: file for file in found} | ({} if summary is None else {SUMMARY: Path(summary)})
    if summary is not None:
        if kind != "model":
            raise ValueError(f"{path} is a {kind} file, and a summary is of a model; leave it out")
        _check_summary(Path(summary), model_sha256)
    metrics = [*card.get("metrics", []), *_metrics(evaluation)]
    item = {
        "name": name,
        "kind": kind,
        **described,
        **{key: card.get(key, "") for key in ("description", "predicts", "licence")},
        "training_data": card.get("training_data", []),
        "metrics": metrics,
        "files": {name: {"size": file.stat().st_size, "sha256": sha256_of(file)} for name, file in files.items()},
        "address": card.get("address"),
    }
    [entry] = parse_registry(_text([item]), "card")
    if missing := [key for key in ("description", "predicts", "licence") if not getattr(entry, key)]:
        raise ValueError(f"card of {name} lacks {', '.join(missing)}; whoever loads it by name wants to know")
    listed = next((other for other in entries if other.name == name), None)
    if listed is not None and not force:
        if listed == entry and not damaged(entry, registry.parent / name):
            return entry  # this very command ran before
        raise FileExistsError(f"{registry} lists {name} already; replace it with --force, or choose another name")
    with output_set(registry) as outputs:  # the files and their entry, or neither
        staged = outputs.folder(registry.parent / name)
        for file_name, file in files.items():
            shutil.copyfile(file, staged / file_name)
        others = [other for other in entries if other.name != name]
        outputs.file(registry).write_text(to_json(registry_json([*others, entry])), encoding="utf-8")
    return entry


def read_card(path: str | Path) -> dict[str, Any]:
    """A model's card: a JSON object, see `add_entry`."""
    return read_json_object(path, "card")


def _text(items: list[dict[str, Any]]) -> str:
    return json.dumps({"schema_version": SCHEMA_VERSION, "models": items})


def _described(path: Path) -> tuple[EntryKind, dict[str, Any], list[Path], str]:
    """What a bundle or a features file says of itself, its files, and the hash of a model ("" for features)."""
    if path.is_dir():
        from decode.models.bundle import BUNDLE_FILE, load_bundle, model_hash

        bundle = load_bundle(path)
        record = read_json_object(path / BUNDLE_FILE, "model bundle")
        described = {
            "build": str(bundle.features["build"]),
            "level": bundle.features["level"],
            "n_genes": len(bundle.split),
            "n_tracks": len(bundle.tracks),
            "tasks": bundle.tasks,
        }
        files = [path / BUNDLE_FILE, *(path / name for name in sorted(record["sha256"]))]
        return "model", described, files, model_hash(bundle)
    from decode.features.matrix import RegulatoryFeatures

    features = RegulatoryFeatures.read(path)
    described = {
        "build": str(features.build),
        "level": features.level,
        "n_genes": len(features.genes),
        "n_tracks": len(features.tracks),
        "tasks": [],
    }
    return "features", described, [path], ""


def _check_summary(path: Path, model_sha256: str) -> None:
    """Refuse the summary of another model."""
    from decode.registry.summary import read_summary

    if read_summary(path).about.get("model_sha256") != model_sha256:
        raise ValueError(f"summary {path} is of another model; make it with `decode models summarise` from this one")


def _metrics(evaluation: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One metric a headline figure of an evaluation, with the baselines' figures beside it."""
    if evaluation is None:
        return []
    try:
        part = f"{evaluation['n_genes']} {evaluation['split']} genes"
        rows = {**evaluation["baselines"], **evaluation["others"]}
        return [
            {
                "measure": f"Spearman rho, {figure.removesuffix('_spearman').replace('_', ' ')}",
                "part": part,
                "value": value,
                "baselines": {name: row[figure] for name, row in rows.items() if row.get(figure) is not None},
            }
            for figure, value in evaluation["model"].items()
            if value is not None
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"evaluation lacks {error}; give metrics.json that `decode evaluate` wrote") from error
