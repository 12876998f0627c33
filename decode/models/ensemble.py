"""Predictions of networks and of bundles from input arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Inputs = list[np.ndarray]
Batches = Callable[[np.ndarray], Inputs]
PREDICT_BATCH = 1024


def predict_rows(model: Any, batches: Batches, rows: np.ndarray, batch_size: int = PREDICT_BATCH) -> np.ndarray:
    """Predict some rows with one Keras model, in batches; (len(rows), n_tasks), float32."""
    parts = [
        np.asarray(model(batches(rows[start : start + batch_size]), training=False))
        for start in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), dtype=np.float32)
