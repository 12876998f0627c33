"""D-GEX networks: a multi-layer perceptron from the panel to the other genes, targets split over two networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from decode.core.seeds import member_seeds, seed_stream

Float = NDArray[np.float64]

MIN_PUBLISHED = 20_000  # training samples below which the published sizes only remember
# [G] D-GEX scripts: 3 x 9,000 tanh units, dropout 0.25, SGD 5e-4 with momentum 0.5, batch 200, 200 epochs, 2 networks
PUBLISHED = {"hidden": [9000, 9000, 9000], "dropout": 0.25, "rate": 5e-4, "momentum": 0.5, "batch": 200, "epochs": 200}
SMALL = {"hidden": [300], "dropout": 0.25, "rate": 1e-3, "momentum": 0.0, "batch": 32, "epochs": 300}
PATIENCE = 20


def fit_networks(
    panel: Float, targets: Float, other_panel: Float, other_targets: Float, *, is_published: bool, seed: int = 0
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Train the networks; the epoch with the smallest validation MAE is kept.

    Parameters
    ----------
    panel, targets : array, shape (n_samples, n_panel) and (n_samples, n_targets)
        Standardised panel, centred targets of training samples.
    other_panel, other_targets : array
        The same of validation samples.
    is_published : bool
        The published D-GEX: three layers of 9,000 tanh units, SGD, two networks of half of the targets each.
        Otherwise one hidden layer of 300, Adam, early stopping, one network.
    seed : int

    Returns
    -------
    arrays : dict of str to array
        Kernels and biases.
    settings : dict

    Raises
    ------
    ValueError
        If the published sizes are asked for with fewer than 20,000 training samples.

    References
    ----------
    Chen et al. 2016, Bioinformatics 32:1832 (D-GEX).
    """
    if is_published:
        check_published(len(panel))
    settings: dict[str, Any] = dict(PUBLISHED if is_published else SMALL)
    halves = np.array_split(np.arange(targets.shape[1]), 2 if is_published else 1)
    arrays: dict[str, NDArray[Any]] = {}
    best_epochs = []
    for number, (part, own_seed) in enumerate(zip(halves, member_seeds(seed, len(halves)), strict=True)):
        fitted, n_epochs = _fit(
            panel, targets[:, part], other_panel, other_targets[:, part], settings, is_published, own_seed
        )
        best_epochs.append(n_epochs)
        for layer, (kernel, bias) in enumerate(fitted):
            arrays |= {f"network{number}_kernel{layer}": kernel, f"network{number}_bias{layer}": bias}
    return arrays, settings | {"best_epochs": best_epochs}


def check_published(n_train: int) -> None:
    """Raise ValueError unless there are enough training samples for the published sizes."""
    if n_train < MIN_PUBLISHED:
        raise ValueError(
            f"dgex_published needs {MIN_PUBLISHED:,} training samples and there are {n_train:,}; choose network"
        )


def _fit(
    panel: Float, targets: Float, other_panel: Float, other_targets: Float, settings: dict[str, Any],
    is_published: bool, seed: int,
) -> tuple[list[tuple[Any, Any]], int]:  # fmt: skip
    import keras

    keras.utils.set_random_seed(seed)
    seeds = seed_stream(seed)
    x = inputs = keras.Input((panel.shape[1],))
    for width in settings["hidden"]:
        x = keras.layers.Dense(width, "tanh", kernel_initializer=keras.initializers.GlorotUniform(next(seeds)))(x)
        x = keras.layers.Dropout(settings["dropout"], seed=next(seeds))(x)
    outputs = keras.layers.Dense(targets.shape[1], kernel_initializer=keras.initializers.GlorotUniform(next(seeds)))(x)
    model = keras.Model(inputs, outputs)
    optimizer: Any = keras.optimizers.Adam(settings["rate"])
    if is_published:
        optimizer = keras.optimizers.SGD(settings["rate"], settings["momentum"])
    model.compile(optimizer, loss="mse", metrics=["mae"])
    stop = keras.callbacks.EarlyStopping("val_mae", patience=PATIENCE, mode="min", restore_best_weights=True)
    history = model.fit(
        panel.astype(np.float32), targets.astype(np.float32), settings["batch"], settings["epochs"], verbose=0,
        validation_data=(other_panel.astype(np.float32), other_targets.astype(np.float32)), callbacks=[stop],
    )  # fmt: skip
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    weights = [tuple(np.asarray(value) for value in layer.get_weights()) for layer in dense]
    return weights, int(np.argmin(history.history["val_mae"])) + 1  # type: ignore[return-value]


def check_networks(arrays: dict[str, NDArray[Any]], n_panel: int, n_targets: int) -> None:
    """Kernels and biases of stored networks follow on one another from the panel to all targets; ValueError."""
    number, n_outputs = 0, 0
    while f"network{number}_kernel0" in arrays:
        width, layer = n_panel, 0
        while (name := f"network{number}_kernel{layer}") in arrays:
            kernel, bias = arrays[name], arrays.get(f"network{number}_bias{layer}")
            if kernel.ndim != 2 or kernel.shape[0] != width or bias is None or bias.shape != kernel.shape[1:]:
                raise ValueError(f"{name} has shape {kernel.shape}, which does not take {width} inputs and a bias each")
            width, layer = kernel.shape[1], layer + 1
        n_outputs, number = n_outputs + width, number + 1
    if n_outputs != n_targets:
        raise ValueError(f"{number} networks give {n_outputs} targets; {n_targets} are wanted")


def predict_networks(scaled: Float, arrays: dict[str, NDArray[Any]]) -> Float:
    """Outputs of stored networks, side by side; (n_samples, n_panel) -> (n_samples, n_targets)."""
    found = []
    number = 0
    while f"network{number}_kernel0" in arrays:
        x, layer = scaled, 0
        while f"network{number}_kernel{layer}" in arrays:
            x = (np.tanh(x) if layer else x) @ arrays[f"network{number}_kernel{layer}"]
            x = x + arrays[f"network{number}_bias{layer}"]
            layer += 1
        found.append(x)
        number += 1
    return np.hstack(found)
