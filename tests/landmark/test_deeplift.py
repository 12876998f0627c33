from __future__ import annotations

import numpy as np
import pytest

from decode.attribution.exact.engine import ExactEngine
from decode.landmark import deeplift
from decode.landmark.deeplift import absolute_scores, node_scores, select_by_deeplift, signed_scores
from decode.landmark.gene_scores import SelectionRequest


@pytest.fixture(scope="module")
def explained(prepared, autoencoder):
    """Scores by the engine itself, (sample, gene, node), with what they are of."""
    values, reference = prepared.read(prepared.rows("train")[:70]), autoencoder.train_mean
    engine = ExactEngine.from_model(autoencoder.encoders[0])
    (scores,) = engine.attribute([values], [reference[None]])
    return engine, values, reference, scores


def test_scores_are_those_of_shap(autoencoder, explained):
    import shap

    _, values, reference, scores = explained
    explainer = shap.DeepExplainer(autoencoder.encoders[0], reference[None].astype(np.float32))
    theirs = np.asarray(explainer.shap_values(values[:6], check_additivity=False))
    assert np.abs(scores[:6] - theirs).max() < 1e-4
    assert np.abs(theirs).max() > 1e-2


def test_they_add_up_to_the_change_of_the_bottleneck(autoencoder, explained):
    _, values, reference, scores = explained
    change = autoencoder.encode(values) - autoencoder.encode(reference[None])
    assert scores.sum(axis=1) == pytest.approx(change, abs=1e-4)


def test_streamed_sums_are_those_of_the_full_array(explained):
    engine, values, reference, scores = explained
    found = node_scores(engine, values, reference)
    assert found.signed == pytest.approx(scores.mean(axis=0), abs=1e-6)
    assert found.absolute == pytest.approx(np.abs(scores).mean(axis=0), abs=1e-6)
    assert absolute_scores(engine, values, reference) == pytest.approx(np.abs(scores).mean(axis=2), abs=1e-6)
    assert signed_scores(engine, values, reference, 12) == pytest.approx(scores.mean(axis=2), abs=1e-6)


def test_pieces_and_repeats(prepared, autoencoder, explained, tmp_path, monkeypatch):
    monkeypatch.setattr(deeplift, "PIECE", 128)
    request = SelectionRequest(10, repeats=3, seed=4, autoencoder=autoencoder, work=tmp_path / "out.work")
    found = select_by_deeplift(prepared, request)
    assert len(list((tmp_path / "out.work").glob("*.npz"))) == 3
    rows = prepared.rows("train")
    (scores,) = explained[0].attribute([prepared.read(rows)], [autoencoder.train_mean[None]])
    by_sample = np.abs(scores).mean(axis=2)
    assert found.score == pytest.approx(by_sample.mean(axis=0), abs=1e-6)
    assert found.score_signed == pytest.approx(scores.mean(axis=(0, 2)), abs=1e-6)
    drawn = np.random.default_rng([4, 2]).integers(len(rows), size=len(rows))
    assert set(found.repeated[2]) == set(np.argsort(-by_sample[drawn].mean(axis=0))[:10])
    monkeypatch.setattr(deeplift, "absolute_scores", None)  # all pieces are finished: nothing is computed again
    again = select_by_deeplift(prepared, request)
    assert np.array_equal(again.score, found.score)
    with pytest.raises(ValueError, match="belongs to a run with other"):
        select_by_deeplift(
            prepared, SelectionRequest(10, repeats=2, seed=4, autoencoder=autoencoder, work=request.work)
        )
