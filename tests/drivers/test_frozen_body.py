from __future__ import annotations

import numpy as np
import pytest
from planted import TINY
from toy_drivers import PLANTED, driver_features, planted_statistic, planted_table

from decode.attribution.job import make_job
from decode.dataset import prepare_dataset
from decode.drivers.engine import DriversConfig
from decode.drivers.find import find_drivers
from decode.drivers.frozen_body import frozen_body_engine, hidden_engine, with_head
from decode.drivers.inputs import driver_inputs
from decode.models.config import NetworkConfig
from decode.training.config import TrainingConfig
from decode.training.ensemble import train_dataset

pytestmark = pytest.mark.slow  # trains two networks


@pytest.fixture(scope="module")
def features():
    return driver_features(500)


@pytest.fixture(scope="module")
def bundle(features):
    import pandas as pd

    targets = pd.DataFrame({"gene_id": features.ids, "level": planted_statistic(features, seed=3, noise=0.3)})
    config = TrainingConfig(members=2, max_epochs=8, batch_size=64)
    network = NetworkConfig(width=64, dropout=0.0, input_dropout=0.0)
    return train_dataset(prepare_dataset(features, targets), network, config)


def test_head_on_the_body_is_the_network(bundle, features):
    job = make_job(bundle, features, engine="exact", reference="own_length", genes=list(features.ids[:9]), part="all")
    inputs, references = job.pooled(job.rows)
    member = bundle.members[0].pooled
    weights, offset = (np.asarray(w, dtype=np.float64) for w in member.get_layer("tasks_scaled").get_weights())
    body = hidden_engine(member)
    hidden = body.predict(inputs)
    scaled = member.get_layer("tasks")
    whole = np.asarray(member(inputs, training=False))
    np.testing.assert_allclose(np.asarray(scaled(hidden @ weights + offset)), whole, atol=1e-4)
    with_weights = with_head(body, weights[:, 0])
    parts = with_weights.attribute(inputs, references)
    total = sum(part.sum(axis=1) for part in parts)
    expected = with_weights.predict(inputs) - with_weights.predict(references)
    np.testing.assert_allclose(total, expected, atol=1e-4)


def test_score_is_the_mean_of_the_attributions(bundle, features):
    inputs = driver_inputs(features, list(features.ids), None)
    config = DriversConfig(score="attribution")
    found = frozen_body_engine(bundle, features)(inputs, config)(planted_statistic(features))
    for number in (0, 3, 45):
        assert found.effect[number] == pytest.approx(found.attribution(number).mean(), abs=1e-5)


def test_planted_drivers_are_found(bundle, features):
    result = find_drivers(
        planted_table(features),
        features,
        config=DriversConfig(score="joint", n_null=200, independent_genes=True, n_top=3),
        engine=frozen_body_engine(bundle, features),
    )
    rows = result.drivers.set_index(result.drivers["kind"] + ":" + result.drivers["regulator"])
    others = rows["z"].drop(list(PLANTED)).abs()
    for name, effect in PLANTED.items():  # the network is barely trained
        assert np.sign(rows.loc[name, "effect"]) == np.sign(effect)
        assert abs(rows.loc[name, "z"]) > others.quantile(0.75)


def test_regulators_outside_the_model_score_zero(bundle, features, caplog):
    few = bundle.track_ids[5:]
    fitted = prepare_dataset(
        features, planted_table(features).statistic.rename_axis("gene_id").reset_index(), track_ids=few
    )
    small = train_dataset(fitted, TINY, TrainingConfig(members=1, max_epochs=1))
    inputs = driver_inputs(features, list(features.ids), None)
    found = frozen_body_engine(small, features)(inputs, DriversConfig(score="joint"))(planted_statistic(features))
    assert (found.effect[0], found.attribution(0).any()) == (0.0, False)
    assert "not in the model" in caplog.text


def test_bad_score(bundle, features):
    inputs = driver_inputs(features, list(features.ids), None)
    with pytest.raises(ValueError, match="score with a model"):
        frozen_body_engine(bundle, features)(inputs, DriversConfig(score="marginal"))
