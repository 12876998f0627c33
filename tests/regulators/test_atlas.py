from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import planted_dataset, quick_bundle

from decode.attribution.attribute import attribute
from decode.evaluation.predict import predict
from decode.regulators.atlas import look_up_gene
from decode.report.atlas import gene_text, task_text


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset(150)


@pytest.fixture(scope="module")
def bundle(dataset):
    return quick_bundle(dataset)


@pytest.fixture(scope="module")
def gene(dataset):
    """A gene with sites of several regulators."""
    n_bound = (dataset.features.totals() > 0).sum(axis=1)
    return dataset.features.genes.iloc[int(n_bound.argmax())]


def test_regulators_add_up_to_the_prediction(bundle, dataset, gene):
    view = look_up_gene(bundle, dataset.features, gene["gene_name"], task="liver", n_top=100)
    explained = attribute(bundle, dataset.features, genes=[gene["gene_id"]], agreement_genes=0)
    difference = (explained["prediction"] - explained["reference_prediction"]).isel(gene=0).sel(task="liver")
    assert view.regulators["effect"].sum() + view.length_effect == pytest.approx(float(difference), abs=1e-4)
    assert view.regulators["effect"].tolist() == view.regulators["strongest_effect"].tolist()
    sizes = view.regulators["effect"].abs()
    assert sizes.is_monotonic_decreasing
    assert set(view.regulators["strongest_task"]) == {"liver"}


def test_mean_over_main_tasks(bundle, dataset, gene):
    view = look_up_gene(bundle, dataset.features, gene["gene_id"], n_top=100)
    explained = attribute(bundle, dataset.features, genes=[gene["gene_id"]], agreement_genes=0)
    overall = pd.Series(explained["overall"].isel(gene=0).to_numpy(), index=explained["regulator"].to_numpy())
    found = view.regulators.set_index("regulator")["effect"]
    pd.testing.assert_series_equal(found, overall.reindex(found.index), check_names=False, check_dtype=False, atol=1e-5)
    assert set(view.regulators["strongest_task"]) <= {"liver", "brain", "blood"}


def test_places_hold_the_sites(bundle, dataset, gene):
    features = dataset.features
    view = look_up_gene(bundle, features, gene["gene_id"], n_top=2)
    row = int(np.flatnonzero(features.genes["gene_id"] == gene["gene_id"])[0])
    assert len(view.places)
    for place in view.places.itertuples():
        region = features.regions[place.region]
        start = -features.upstream if place.region == "promoter" else 0
        number = (place.first_bp - start) // features.bin_size
        kind, name = place.regulator.split(":")
        tracks = features.tracks[features.tracks["region"] == place.region].reset_index(drop=True)
        columns = tracks.index[(tracks["kind"] == kind) & (tracks["regulator"] == name)]
        bases = region.data[[region.offsets[row] + number]].toarray()[0, columns]
        assert place.bases == bases.max() > 0


def test_levels_beside_measured_ones(bundle, dataset, gene):
    targets = pd.DataFrame({"gene_id": [gene["gene_id"]], "liver": [1.5], "median_level": [4.0]})
    view = look_up_gene(bundle, dataset.features, gene["gene_id"], targets=targets)
    predicted = predict(bundle, dataset.features).set_index("gene_id").loc[gene["gene_id"]]
    np.testing.assert_allclose(view.tasks["predicted"], predicted[view.tasks["task"]].astype(float), atol=1e-4)
    measured = view.tasks.set_index("task")["measured"]
    assert (measured["liver"], measured["median_level"]) == (1.5, 4.0)
    assert np.isnan(measured["brain"])
    text = gene_text(view)
    assert gene["gene_name"] in text
    assert "1.50" in text
    assert "shared by bases" in text


def test_held_out_genes_are_named_so(bundle, dataset):
    split = bundle.split.set_index("split")["id"]
    assert "held out" in gene_text(look_up_gene(bundle, dataset.features, split["test"].iloc[0]))
    assert "a train gene" in gene_text(look_up_gene(bundle, dataset.features, split["train"].iloc[0]))


def test_unknown_names(bundle, dataset):
    with pytest.raises(KeyError, match="not in the features; perhaps name"):
        look_up_gene(bundle, dataset.features, "nam1e")
    with pytest.raises(KeyError, match="not in the model"):
        look_up_gene(bundle, dataset.features, "name1", task="kidney")


def test_regulators_of_a_task():
    ranking = pd.DataFrame(
        {
            "task": ["overall", "liver", "liver"],
            "rank": [1, 2, 1],
            "rank_low": [np.nan, 1, 1],
            "rank_high": [np.nan, 2, 2],
            "regulator": ["A", "B", "C"],
            "kind": "TF",
            "mean": [0.1, 0.2, -0.3],
            "n_bound_genes": [10, 2000, 30],
        }
    )
    lines = task_text(ranking, "liver", 1).splitlines()
    assert lines[2].split() == ["1", "1-2", "C", "TF", "-0.3000", "30"]
    assert "no p-values" in lines[3]
    assert "cannot name: HNF4A" in lines[4]
    assert len(lines) == 5
