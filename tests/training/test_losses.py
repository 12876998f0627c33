from __future__ import annotations

import numpy as np
import pytest

from decode.training.losses import MaskedLoss, masked_loss

NAN = np.nan
# Task 2 is constant (scale 0) and has no weight, so five values count.
ACTUAL = np.array([[1.0, 2.0, 5.0], [NAN, 4.0, 5.0], [3.0, -1.0, NAN]], dtype=np.float32)
PREDICTED = np.array([[0.0, 2.0, 9.0], [7.0, 2.0, 5.0], [3.0, 1.0, 1.0]], dtype=np.float32)
SD = np.array([0.5, 2.0, 0.0])
BY_HAND = ((1 / 0.5) ** 2 + 0 + (2 / 2) ** 2 + 0 + (2 / 2) ** 2) / 5


def test_by_hand():
    assert float(MaskedLoss(SD)(ACTUAL, PREDICTED)) == pytest.approx(BY_HAND)
    assert masked_loss(ACTUAL, PREDICTED, SD) == pytest.approx(BY_HAND)


def test_nothing_measured_is_no_error():
    nothing = np.full((2, 3), NAN, dtype=np.float32)
    assert float(MaskedLoss(SD)(nothing, PREDICTED[:2])) == 0
    assert masked_loss(nothing, PREDICTED[:2], SD) == 0


def test_missing_and_constant_values_send_no_gradient():
    import tensorflow as tf

    predicted = tf.Variable(PREDICTED)
    with tf.GradientTape() as tape:
        loss = MaskedLoss(SD)(ACTUAL, predicted)
    gradient = tape.gradient(loss, predicted).numpy()
    assert np.isfinite(gradient).all()
    assert gradient[1, 0] == 0
    assert (gradient[:, 2] == 0).all()
    assert gradient[0, 0] == pytest.approx(-2 * 1 / 0.25 / 5)


def test_both_forms_agree_on_random_values():
    rng = np.random.default_rng(0)
    actual = rng.normal(size=(50, 4)).astype(np.float32)
    actual[rng.random(actual.shape) < 0.3] = NAN
    predicted = rng.normal(size=(50, 4)).astype(np.float32)
    sd = rng.uniform(0.1, 2, size=4)
    assert float(MaskedLoss(sd)(actual, predicted)) == pytest.approx(masked_loss(actual, predicted, sd), rel=1e-5)


def test_huber_error_by_hand() -> None:
    actual = np.array([[0.0, 0.0, 3.0]], dtype=np.float32)
    predicted = np.array([[0.25, -1.0, 1.0]], dtype=np.float32)
    sd = np.array([1.0, 1.0, 2.0])  # scaled errors 0.25, 1, 1
    by_hand = (0.0625 + 0.5 * (2 - 0.5) * 2) / 3
    assert masked_loss(actual, predicted, sd, 0.5) == pytest.approx(by_hand)
    assert float(MaskedLoss(sd, 0.5)(actual, predicted)) == pytest.approx(by_hand)


def test_huber_error_is_squared_below_delta() -> None:
    assert masked_loss(ACTUAL, PREDICTED, SD, 1e6) == pytest.approx(masked_loss(ACTUAL, PREDICTED, SD))


def test_task_weights_by_hand() -> None:
    actual = np.array([[1.0, 2.0], [np.nan, 0.0]], dtype=np.float32)
    predicted = np.zeros((2, 2), dtype=np.float32)
    sd, weight = np.ones(2), np.array([5.0, 1.0])
    by_hand = (5 * 1 + 4 + 0) / (5 + 1 + 1)
    assert masked_loss(actual, predicted, sd, None, weight) == pytest.approx(by_hand)
    assert float(MaskedLoss(sd, None, weight)(actual, predicted)) == pytest.approx(by_hand)
