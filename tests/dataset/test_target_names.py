from __future__ import annotations

import logging

import pandas as pd
import pytest
from planted import planted_features

from decode.dataset.names import with_gene_ids
from decode.dataset.prepare import prepare_dataset


@pytest.fixture(scope="module")
def features():
    return planted_features(60)


def table_of(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"gene_id": names, "liver": [float(i) for i in range(len(names))]})


def test_symbols_become_the_ids_of_the_features(features, caplog):
    targets = table_of([*features.genes["gene_name"], "unknown"])
    with caplog.at_level(logging.INFO, logger="decode"):
        found = with_gene_ids(targets, features)
    assert list(found["gene_id"]) == [*features.ids, "unknown"]
    assert list(found["liver"]) == list(targets["liver"])
    assert "resolved" in caplog.text
    assert targets["gene_id"][0] == "name0"  # the caller's table is not changed


def test_a_dataset_is_the_same_from_symbols_and_from_ids(features):
    by_id = prepare_dataset(features, table_of(list(features.ids)), min_bound_genes=1)
    by_name = prepare_dataset(features, table_of(list(features.genes["gene_name"])), min_bound_genes=1)
    assert (by_id.targets == by_name.targets).all()
    assert (by_id.split == by_name.split).all()


def test_ids_stay_as_they_are(features):
    targets = table_of(list(features.ids))
    assert with_gene_ids(targets, features) is targets


def test_an_ambiguous_symbol_raises_with_its_candidates(features):
    genes = features.genes.assign(gene_name=["twin" if i < 2 else f"name{i}" for i in range(60)])
    twins = type(features)(**{**vars_of(features), "genes": genes})
    with pytest.raises(ValueError, match=r"twin \(G0000, G0001\)"):
        with_gene_ids(table_of(["twin", *genes["gene_name"][2:]]), twins)


def vars_of(features) -> dict:
    names = ("level", "genes", "tracks", "regions", "build", "bin_size", "upstream", "downstream")
    return {name: getattr(features, name) for name in names}


def test_two_names_of_one_gene_raise(features):
    names = ["G0000", *features.genes["gene_name"]]
    with pytest.raises(ValueError, match="another row names too"):
        with_gene_ids(table_of(names), features)
