from __future__ import annotations

import copy
import json

import pytest

from decode.registry.entries import parse_registry, registry_json

ENTRY = {
    "name": "lab-liver",
    "kind": "model",
    "description": "An ensemble of a lab",
    "predicts": "expression in liver",
    "build": "hg38",
    "level": "gene",
    "licence": "CC BY 4.0",
    "n_genes": 100,
    "n_tracks": 12,
    "tasks": ["liver", "median_level"],
    "training_data": [{"name": "sites", "source": "a lab", "licence": "CC0"}],
    "metrics": [{"measure": "Spearman rho", "part": "test", "value": 0.3, "baselines": {"ridge": 0.2, "length": 0.1}}],
    "files": {"bundle.json": {"size": 12, "sha256": "a" * 64}},
    "address": "https://127.0.0.1/models/lab-liver/",
}


def registry(*entries: object, **changes: object) -> str:
    return json.dumps({"schema_version": 1, "models": list(entries)} | changes)


def test_round_trip():
    entries = parse_registry(registry(ENTRY), "here")
    assert entries[0].address == "https://127.0.0.1/models/lab-liver"
    assert entries[0].metrics[0].baselines["ridge"] == 0.2
    assert parse_registry(json.dumps(registry_json(entries)), "here") == entries


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "../liver"}, "no name for a registry"),
        ({"name": 3}, "name is '3'"),
        ({"kind": "pickle"}, "kind is 'pickle'"),
        ({"address": "file:///etc"}, "an http or https address or null"),
        ({"address": 7}, "an http or https address or null"),
        ({"n_genes": -1}, "cannot be negative"),
        ({"n_genes": True}, "a JSON int is wanted"),
        ({"n_tracks": "12"}, "a JSON int is wanted"),
        ({"description": "two\nlines"}, "one line of text"),
        ({"description": "\x1b[31mred"}, "one line of text"),
        ({"licence": None}, "a JSON str is wanted"),
        ({"tasks": "liver"}, "a JSON list is wanted"),
        ({"tasks": [1]}, "one line of text"),
        ({"training_data": [["a", "b", "c"]]}, "an object is wanted"),
        ({"metrics": [{"measure": "rho", "part": "test", "value": "0.3", "baselines": {}}]}, "a JSON float is wanted"),
        ({"metrics": [{"measure": "rho", "part": "test", "value": 0.3, "baselines": {"x": []}}]}, "a number is wanted"),
        ({"files": {}}, "lists 0 files"),
        ({"files": {"../x": {"size": 1, "sha256": "a" * 64}}}, "no plain file name"),
        ({"files": {".x": {"size": 1, "sha256": "a" * 64}}}, "no plain file name"),
        ({"files": {"x": {"size": 1, "sha256": "A" * 64}}}, "64 hex digits"),
        ({"files": {"x": {"size": 1 << 50, "sha256": "a" * 64}}}, "at most"),
        ({"files": {"x": 3}}, "an object is wanted"),
    ],
)
def test_fields_of_a_stranger(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_registry(registry(ENTRY | change), "here")


@pytest.mark.parametrize("missing", sorted(set(ENTRY) - {"address"}))
def test_missing_fields(missing):
    entry = copy.deepcopy(ENTRY)
    del entry[missing]
    with pytest.raises(ValueError, match=missing):
        parse_registry(registry(entry), "here")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "holds no list `models`"),
        ('{"schema_version": 1}', "holds no list `models`"),
        (registry(schema_version=9), "schema version 9"),
        (registry(ENTRY, ENTRY), "occur more than once: lab-liver"),
        (registry(7), "entry 1 of registry here is a JSON int"),
    ],
)
def test_no_registry(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_registry(text, "here")
