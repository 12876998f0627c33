"""Predictions of networks and of bundles from input arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from decode.core.checks import check_count, listed

if TYPE_CHECKING:
    from decode.models.bundle import ModelBundle

InputArrays = list[np.ndarray]  # one a region, as a network takes them
Batches = Callable[[np.ndarray], InputArrays]
PREDICT_BATCH = 1024


def predict_rows(model: Any, batches: Batches, rows: np.ndarray, batch_size: int = PREDICT_BATCH) -> np.ndarray:
    """Predict some rows with one Keras model, in batches; (len(rows), n_tasks), float32."""
    parts = [
        np.asarray(model(batches(rows[start : start + batch_size]), training=False))
        for start in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts) if parts else np.empty((0, model.output_shape[-1]), dtype=np.float32)


def predict_inputs(
    bundle: ModelBundle,
    inputs: Mapping[str, np.ndarray] | Sequence[np.ndarray],
    *,
    batch_size: int = PREDICT_BATCH,
) -> np.ndarray:
    """Predict genes, measured or altered, with every member of an ensemble, from pooled inputs.

    Parameters
    ----------
    bundle : ModelBundle
    inputs : mapping of region to array, or sequence of arrays in the order of `bundle.input_names`
        As `decode.dataset.pooled_inputs` makes them with `bundle.n_first_bins()`: one array a region, shape
        (n_genes, 1 + first bins, 1 + n_tracks of the region), sums in bases. They are not changed.
    batch_size : int
        Genes at a time; a prediction does not depend on it (1e-5).

    Returns
    -------
    float32 array, shape (n_members, n_genes, n_tasks)
        log2 units.

    Raises
    ------
    ValueError
        If a region is missing or not the model's, an array has another shape, or the arrays differ in genes.

    Examples
    --------
    With the inputs of some genes, the effect of taking the first track's sites away from them::

        inputs = pooled_inputs(select_for_model(bundle, features), bundle.n_first_bins())
        without = {region: values.copy() for region, values in inputs.items()}
        without[bundle.regions[0]][:, :, 1] = 0
        change = predict_inputs(bundle, without) - predict_inputs(bundle, inputs)
    """
    arrays = _ordered(bundle, inputs)
    check_count("batch_size", batch_size)
    rows = np.arange(len(arrays[0]))
    return np.stack(
        [
            predict_rows(member.pooled, lambda chosen: [values[chosen] for values in arrays], rows, batch_size)
            for member in bundle.members
        ]
    )


def _ordered(bundle: ModelBundle, inputs: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> InputArrays:
    """The inputs in the order of the regions, checked against the shapes that the members take."""
    regions = bundle.input_names
    if isinstance(inputs, Mapping):
        if set(inputs) != set(regions):
            raise ValueError(f"inputs are of the regions {listed(inputs)}; the model takes {listed(regions)}")
        inputs = [inputs[region] for region in regions]
    if len(inputs) != len(regions):
        raise ValueError(f"{len(inputs)} inputs were given; the model takes one a region: {listed(regions)}")
    arrays = [np.asarray(values, dtype=np.float32) for values in inputs]
    for region, values, tensor in zip(regions, arrays, bundle.members[0].pooled.inputs, strict=True):
        if values.shape[1:] != tuple(tensor.shape[1:]) or len(values) != len(arrays[0]):
            wanted = (len(arrays[0]), *tensor.shape[1:])
            raise ValueError(f"the input of region {region} has shape {values.shape}; {wanted} is wanted")
    return arrays
