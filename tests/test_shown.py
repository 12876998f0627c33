"""What public objects show of themselves: never more than 1,000 characters, and a small escaped table in notebooks."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features, planted_table

import decode
from decode.core.shown import html_of, outline, shown

BIG = pd.DataFrame(np.zeros((3000, 200))).set_axis([f"column {i}" for i in range(200)], axis=1)
VALUES = [
    BIG,
    {f"key {i}": [i] * 100 for i in range(2000)},
    ["word " * 30] * 2000,
    "letters " * 2000,
    np.zeros((50, 60)),
]


def public_classes() -> list[type]:
    """Classes that are public, or that public functions say they return."""
    found: dict[str, type] = {}
    for name in decode.__all__:
        thing = getattr(decode, name)
        if inspect.isclass(thing):
            found[name] = thing
        elif inspect.isfunction(thing):
            word = str(thing.__annotations__.get("return", ""))
            own = vars(sys.modules[thing.__module__]).get(word)
            if inspect.isclass(own) and own.__module__.startswith("decode."):
                found[word] = own
    return [found[name] for name in sorted(found)]


def filled(cls: type, value):
    """An object with the same large value in every field, without the checks of its making."""
    if hasattr(cls, "_fields"):
        return cls._make([value] * len(cls._fields))
    thing = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(thing, field.name, value)
    return thing


def test_there_are_many_public_classes():
    assert {"DriversResult", "Evaluation", "ModelBundle", "RegulatoryFeatures", "DeTable"} <= {
        cls.__name__ for cls in public_classes()
    }
    assert len(public_classes()) > 50


OWN = {"ModelBundle", "Evaluation", "DriversResult", "RegulatoryFeatures"}  # lines of their own, tested below
GENERIC = [cls for cls in public_classes() if "_repr_html_" in vars(cls) and cls.__name__ not in OWN]


@pytest.mark.parametrize("value", VALUES, ids=["table", "dict", "list", "text", "array"])
@pytest.mark.parametrize("cls", GENERIC, ids=lambda cls: cls.__name__)
def test_large_results_stay_short(cls, value):
    thing = filled(cls, value)
    assert cls.__name__ in repr(thing)
    assert len(repr(thing)) <= 1000
    assert "<table" in thing._repr_html_()


def test_every_public_class_has_a_short_line_or_is_made_of_a_few_options():
    rest = [cls for cls in public_classes() if cls not in GENERIC and cls.__name__ not in OWN]
    assert {cls.__name__ for cls in rest} <= {  # Engine is a kind of function
        "Engine", "AutoencoderConfig", "DriversConfig", "FullOptions", "NetworkConfig", "TrainingConfig",
        "TuningConfig", "WindowRegion", "LinkedRegion", "PotentialRegion", "SiteSource", "SignalSource",
    }  # fmt: skip
    made = [
        decode.AutoencoderConfig(), decode.DriversConfig(), decode.FullOptions(), decode.NetworkConfig(),
        decode.TrainingConfig(), decode.TuningConfig(), decode.SiteSource("TF", Path("x.bed")),
    ]  # fmt: skip
    for thing in made:
        assert len(repr(thing)) <= 1000, type(thing)


def test_features_and_drivers():
    features = driver_features()
    assert "800 genes, hg19" in repr(features)
    assert "promoter" in features._repr_html_()
    result = decode.find_drivers(
        planted_table(features), features, config=decode.DriversConfig(independent_genes=True, n_null=50)
    )
    assert repr(result).startswith("DriversResult(significant regulators: kd: ")
    assert len(repr(result)) <= 1000
    first = result.drivers.sort_values("rank")["regulator"].iloc[0]
    html = result._repr_html_()
    assert f"<td>{first}</td>" in html
    assert html.count("<tr>") + html.count("<tr ") <= 9
    many = result._replace(contrasts=pd.concat([result.contrasts.assign(contrast=f"c{i} " * 200) for i in range(300)]))
    assert len(repr(many)) <= 1000


def test_names_are_escaped():
    html = html_of("<b>", pd.DataFrame({"<i>name</i>": ["<script>alert(1)</script>"]}))
    assert "<script>" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;" in html
    assert "12 more rows" in html_of("", pd.DataFrame({"a": range(20)}))


def test_outlines():
    assert outline(BIG["column 1"]) == "table of 3,000"
    assert outline([1, 2]) == "[1, 2]"
    assert outline(Path("a") / "b") == "'a/b'"
    assert shown()(dataclasses.make_dataclass("Empty", [])).__name__ == "Empty"
