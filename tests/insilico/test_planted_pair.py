"""A planted pair of toy persons: its shared regulators are found from a person model, and from expression."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.expression.readers import read_expression
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation
from decode.insilico.coexpression import coexpression_drivers
from decode.insilico.mediation import mediate
from decode.insilico.mediators import find_mediators
from decode.insilico.rows import table_rows
from decode.synthetic import make_toy_data, make_toy_persons, toy_sources


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted_pair")
    toy = make_toy_data(folder / "toy", n_genes=800, seed=1)
    persons = make_toy_persons(folder / "persons", toy, n_persons=80, noise_log2=0.3, effect_scale=1.5)
    genes = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    log2 = np.log2(read_expression(persons.tpm) + 0.25)
    return persons, build_features(genes, toy_sources(toy)), log2


@pytest.mark.slow
def test_the_model_names_the_shared_regulators(planted):
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train

    persons, features, log2 = planted
    targets = log2.sub(log2.mean(axis=1), axis=0).reset_index()
    options = TrainingConfig(members=2, max_epochs=40, patience=8, seed=0)
    model = train(features, targets, training=options, task_kinds="fold_change")
    found = coexpression_drivers({"toy": model}, features, persons.pair, n_draws=2000, n_resamples=0)
    for _, own in found.effects.groupby("gene"):
        strongest = own.sort_values("shapley")["unit"].head(3)
        assert strongest.isin(persons.pair_regulators).all(), strongest.tolist()


def test_activities_mediate_the_pair_and_messages_that_follow_them_loosely_do_not(planted):
    """mRNA that goes with activity at 0.6 to 0.9 leaves what both genes share of the rest."""
    persons, features, log2 = planted
    activity = persons.activity.T.set_axis([f"activity of {name}" for name in persons.activity], axis=0)
    both = pd.concat([log2, activity])
    truth = persons.truth
    own = {
        (kind, name): (gene,) if gene else ()
        for kind, name, gene in zip(truth["kind"], truth["regulator"], truth["own_gene_id"], strict=True)
    }
    rows = table_rows(log2.index.tolist(), features.genes)
    found = find_mediators(rows, persons.pair, persons.pair_regulators, features=features, own_genes=own)
    acting = {name: [f"activity of {name}"] for name in persons.pair_regulators}
    candidates = found.candidates | {f"{name}, activity": [f"activity of {name}"] for name in persons.activity}
    exact = mediate(both, found.pair, acting, candidates, n_draws=500)
    assert exact.share > 0.9
    assert exact.draws["none"].p_value < 0.01
    loose = mediate(log2, found.pair, found.drivers)
    assert loose.share < 0.5
