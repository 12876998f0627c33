"""The second engine: shap.DeepExplainer over views of fixed length, summed over bins gene by gene."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

# TensorFlow operations of our layers that shap (0.46 to 0.51) does not know: element-wise with one input. Without a
# handler shap takes the plain derivative, and the parts no longer add up.
ELEMENTWISE_OPERATIONS = ("Log1p",)

_lock = threading.RLock()  # shap swaps TensorFlow's gradients for its own while it runs


class _NoRetracing(logging.Filter):
    """Keeps back TensorFlow's warning about many traced functions: shap makes one a task, once."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        return "retracing" not in record.getMessage()


def _load_explainer() -> Any:
    """shap.DeepExplainer, without tqdm's warning in notebooks about widgets for bars that are not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        from shap import DeepExplainer
    return DeepExplainer


@contextmanager
def _shap_at_work() -> Iterator[None]:
    """Give shap the Rescale rule for our operations and keep back warnings that tell nothing; undo both at the end."""
    from shap.explainers._deep import deep_tf

    tensorflow_logger, no_retracing = logging.getLogger("tensorflow"), _NoRetracing()
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about every TensorFlow since 2.4
        tensorflow_logger.addFilter(no_retracing)
        added = [name for name in ELEMENTWISE_OPERATIONS if name not in deep_tf.op_handlers]
        deep_tf.op_handlers.update({name: deep_tf.nonlinearity_1d(0) for name in added})
        try:
            yield
        finally:
            for name in added:
                del deep_tf.op_handlers[name]
            tensorflow_logger.removeFilter(no_retracing)


class ShapEngine:
    """shap.DeepExplainer over one network.

    It is slow and memory-hungry: every task and gene by itself, every bin in float64. It serves as an independent check
    of the exact engine, and for networks with layers that the exact engine cannot treat.

    Parameters
    ----------
    model : keras.Model
        The view of a network that takes bins: inputs (gene, bin, channel), output (gene, task).
    n_bins : sequence of int
        Bins of each input; shap cannot work with a free number. Genes and references are padded to these.
    tasks : sequence of int, optional
        Task numbers to explain; default all.
    """

    def __init__(self, model: Any, n_bins: Sequence[int], *, tasks: Sequence[int] | None = None) -> None:
        import keras

        explainer = _load_explainer()
        inputs = [keras.Input((n, tensor.shape[-1])) for n, tensor in zip(n_bins, model.inputs, strict=True)]
        output = model(inputs)
        if tasks is not None:  # a fixed matrix of zeros and ones: shap has no sound handler for picking columns
            picked = keras.layers.Dense(len(tasks), use_bias=False, trainable=False)
            output = picked(output)
            picked.set_weights([np.eye(model.output_shape[-1], dtype=np.float32)[:, list(tasks)]])
        self.n_bins = list(n_bins)
        self._reference: list[NDArray[np.float32]] = []
        with _shap_at_work():
            self._explainer = explainer(keras.Model(inputs, output), lambda _: self._reference)

    def attribute_bins(
        self, bins: Sequence[NDArray[np.float32]], reference: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float64]]:
        """What every bin and channel of one gene contributes.

        Parameters
        ----------
        bins : sequence of array, shape (n_bins, n_channels)
            One an input.
        reference : sequence of array, shape (n_bins, n_channels)

        Returns
        -------
        list of float64 array, shape (n_bins, n_channels, n_tasks)
        """
        self._reference = [values[None] for values in reference]
        with _shap_at_work():
            found = self._explainer.shap_values([values[None] for values in bins], check_additivity=False)
        return [part[0] for part in (found if isinstance(found, list) else [found])]

    def attribute(
        self, bins: Sequence[NDArray[np.float32]], references: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """What every channel of every gene contributes, summed over bins at once, gene by gene.

        Parameters
        ----------
        bins : sequence of array, shape (n_genes, n_bins, n_channels)
            One an input.
        references : sequence of array
            The same, with n_genes or one row.

        Returns
        -------
        list of float32 array, shape (n_genes, n_channels, n_tasks)
        """
        n_genes = len(bins[0])
        wide = [np.broadcast_to(r, (n_genes, *r.shape[1:])) for r in references]
        sums = []
        for gene in range(n_genes):
            found = self.attribute_bins([x[gene] for x in bins], [r[gene] for r in wide])
            sums.append([part.sum(axis=0).astype(np.float32) for part in found])
        return [np.stack(parts) for parts in zip(*sums, strict=True)]
