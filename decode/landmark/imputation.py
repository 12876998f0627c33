"""Predict all genes of a sample from a panel of them, by imputers that are stored as plain arrays."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from decode.core.arrays import read_arrays
from decode.core.checks import check_choice, check_unique, listed
from decode.core.choices import Imputation
from decode.core.files import sha256_of, staged_folder, write_json
from decode.core.record_files import check_files
from decode.core.records import (
    HASH,
    NAME,
    anything,
    choice,
    fields,
    items,
    mapping,
    number,
    read_json_record,
    text,
    whole,
)
from decode.core.shown import shown
from decode.landmark.dgex import check_networks, fit_networks, predict_networks
from decode.landmark.panels import check_training
from decode.landmark.peers import LASSO_PENALTIES, choose_neighbours, nearest_mean, sample_lasso
from decode.landmark.prepared import TRAIN, VALIDATION, PreparedExpression
from decode.landmark.quantiles import Quantiles, apply_quantiles
from decode.landmark.ridge import scale_of, shared_ridge

logger = logging.getLogger(__name__)

Float = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

FORMAT, SCHEMA_VERSION = "decode-landmark-imputer", 1
METHODS: tuple[Imputation, ...] = get_args(Imputation)
DESCRIPTION, NUMBERS = "imputer.json", "arrays.npz"
COMMON = ("panel_mean", "panel_sd", "target_mean", "panel_reference")
AGAIN = "train it again (decode landmark train-imputer)"


@shown()
@dataclass(frozen=True, eq=False)
class Imputer:
    """A fitted imputer.

    Attributes
    ----------
    method : str
    panel_ids, target_ids : array of str
        Genes that are measured, and genes that are predicted (all others).
    arrays : dict of str to array
        What the method needs, with mean and SD of the panel, means of the targets, and the mean sorted panel of the
        training samples (`panel_reference`).
    settings : dict
        What was chosen: penalty, neighbours, epochs.
    raw : tuple of float
        What 4 and 15 of the scale are in the unit before (log2).
    """

    method: Imputation
    panel_ids: NDArray[np.str_]
    target_ids: NDArray[np.str_]
    arrays: Arrays
    settings: dict[str, Any]
    raw: tuple[float, float]

    def predict(self, panel_values: ArrayLike) -> Float:
        """Targets of samples from their panel genes, both on the scale 4 to 15.

        Parameters
        ----------
        panel_values : array, shape (n_samples, n_panel)

        Returns
        -------
        float64 array, shape (n_samples, n_targets)

        Raises
        ------
        ValueError
            If the number of genes is another, or a value is missing.
        """
        values = np.asarray(panel_values, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.panel_ids):
            raise ValueError(f"samples have shape {values.shape}; {len(self.panel_ids)} panel genes each are wanted")
        if not np.isfinite(values).all():
            raise ValueError("panel genes hold missing or infinite values; leave these samples out or fill them")
        own = self.arrays
        scaled = (values - own["panel_mean"]) / own["panel_sd"]
        if self.method == "ridge":
            return np.asarray((scaled @ own["left"]) @ own["right"] + own["target_mean"], dtype=np.float64)
        if self.method == "knn":
            change = nearest_mean(scaled, own["train_panel"], own["train_targets"], int(self.settings["neighbours"]))
        elif self.method == "sample_lasso":
            change = sample_lasso(scaled, own["train_panel"], own["train_targets"], float(self.settings["penalty"]))
        else:
            change = predict_networks(scaled, own)
        return np.asarray(change + own["target_mean"], dtype=np.float64)

    def normalise_panel(self, values: ArrayLike) -> Float:
        """New samples of which only the panel is measured, on the scale 4 to 15: by ranks among the panel genes.

        The panel genes of a sample get the mean sorted panel of the training samples, by rank. A sample whose panel as
        a whole is higher or lower than theirs loses this difference.
        """
        reference = Quantiles(np.asarray(self.arrays["panel_reference"], dtype=np.float64), *self.raw)
        return apply_quantiles(values, reference).astype(np.float64)


def fit_imputer(
    prepared: PreparedExpression,
    panel: ArrayLike | pd.DataFrame,
    *,
    method: Imputation = "ridge",
    seed: int = 0,
) -> Imputer:
    """Fit an imputer to the training samples of a prepared matrix; validation samples choose what is to be chosen.

    Parameters
    ----------
    prepared : PreparedExpression
    panel : sequence of str, or a table with gene_id (and gene_name)
        Genes that will be measured; see `panel_columns`.
    method : {"ridge", "knn", "sample_lasso", "network", "dgex_published"}
        dgex_published needs 20,000 training samples.
    seed : int
        Of the networks.

    Returns
    -------
    Imputer

    Raises
    ------
    ValueError
        If no gene is left to predict, names do not match, or there are too few samples.
    """
    columns = panel_columns(panel, prepared.gene_ids, prepared.gene_names)
    train = prepared.read(prepared.rows(TRAIN))
    validation = prepared.read(prepared.rows(VALIDATION))
    arrays, settings = fit_arrays(train, validation, columns, method=method, seed=seed)
    is_target = np.ones(prepared.n_genes, dtype=bool)
    is_target[columns] = False
    quantiles = prepared.quantiles
    return Imputer(
        method, prepared.gene_ids[columns], prepared.gene_ids[is_target], arrays, settings,
        (quantiles.raw_low, quantiles.raw_high),
    )  # fmt: skip


def fit_arrays(
    train: ArrayLike, validation: ArrayLike, columns: NDArray[np.int64], *, method: Imputation = "ridge", seed: int = 0
) -> tuple[Arrays, dict[str, Any]]:
    """What an imputer of a panel stores, from plain matrices.

    Parameters
    ----------
    train, validation : array, shape (n_samples, n_genes)
        Validation may have no row: then the last tenth of the training samples chooses (networks, lasso).
    columns : int array, shape (n_panel,)
    method : str
    seed : int

    Returns
    -------
    arrays : dict of str to array
    settings : dict
    """
    check_choice("method", method, METHODS)
    values, chosen_by = check_training(train), np.asarray(validation, dtype=np.float64)
    is_target = np.ones(values.shape[1], dtype=bool)
    is_target[columns] = False
    if not is_target.any():
        raise ValueError(f"a panel of all {len(columns)} genes leaves no gene to predict; give a smaller panel")
    mean = values.mean(axis=0)
    sd = scale_of(values.std(axis=0), values)
    arrays: Arrays = {
        "panel_mean": mean[columns], "panel_sd": sd[columns], "target_mean": mean[is_target],
        "panel_reference": np.sort(values[:, columns], axis=1).mean(axis=0),
    }  # fmt: skip
    if method == "ridge":
        fit = shared_ridge(values, targets=np.flatnonzero(is_target)).fit(columns)
        return arrays | {"left": fit.left, "right": fit.right}, {"penalty": fit.penalty}
    scaled, targets = (values[:, columns] - arrays["panel_mean"]) / arrays["panel_sd"], values[:, is_target]
    targets = targets - arrays["target_mean"]
    if method == "knn":
        n = choose_neighbours(scaled, targets)
        return arrays | {"train_panel": scaled, "train_targets": targets}, {"neighbours": n}
    if not len(chosen_by):
        n_last = max(1, len(values) // 10)
        chosen_by, scaled_fit, targets_fit = values[-n_last:], scaled[:-n_last], targets[:-n_last]
    else:
        scaled_fit, targets_fit = scaled, targets
    other = (chosen_by[:, columns] - arrays["panel_mean"]) / arrays["panel_sd"]
    other_targets = chosen_by[:, is_target] - arrays["target_mean"]
    if method == "sample_lasso":
        errors = [
            np.abs(sample_lasso(other, scaled_fit, targets_fit, p) - other_targets).mean() for p in LASSO_PENALTIES
        ]
        penalty = float(LASSO_PENALTIES[int(np.argmin(errors))])
        return arrays | {"train_panel": scaled, "train_targets": targets}, {"penalty": penalty}
    networks, settings = fit_networks(
        scaled_fit, targets_fit, other, other_targets, is_published=method == "dgex_published", seed=seed
    )
    return arrays | networks, settings


def panel_columns(panel: ArrayLike | pd.DataFrame, gene_ids: ArrayLike, gene_names: ArrayLike) -> NDArray[np.int64]:
    """Columns of the genes of a panel: by gene id, or by name where ids do not match, whichever the matrix goes by.

    Parameters
    ----------
    panel : sequence of str, or pd.DataFrame with gene_id (and gene_name)
    gene_ids, gene_names : array of str, shape (n_genes,)

    Returns
    -------
    int array, shape (n_found,)
        In the order of the panel. Genes that the matrix lacks are counted in the log.

    Raises
    ------
    ValueError
        If genes repeat, or less than half of the panel is in the matrix.

    Examples
    --------
    >>> panel_columns(["B", "e3"], ["e1", "e2", "e3"], ["A", "B", "C"]).tolist()
    [1, 2]
    """
    wanted = [str(name) for name in (panel["gene_id"] if isinstance(panel, pd.DataFrame) else np.asarray(panel))]
    names = list(panel["gene_name"]) if isinstance(panel, pd.DataFrame) and "gene_name" in panel else wanted
    if not wanted:
        raise ValueError("the panel is empty; give at least one gene")
    check_unique("genes of the panel", wanted)
    by_id = {str(name): i for i, name in enumerate(np.asarray(gene_ids).tolist())}
    by_name: dict[str, int] = {}
    for i, name in enumerate(np.asarray(gene_names).tolist()):
        if name:
            by_name.setdefault(str(name), i)
    found = [
        next((known[key] for key in (gene, str(name)) for known in (by_id, by_name) if key in known), None)
        for gene, name in zip(wanted, names, strict=True)
    ]
    lost = [gene for gene, place in zip(wanted, found, strict=True) if place is None]
    columns = np.array(list(dict.fromkeys(place for place in found if place is not None)), dtype=np.int64)
    if 2 * len(lost) > len(wanted) or not len(columns):
        raise ValueError(
            f"{len(lost)} of {len(wanted)} genes of the panel are not in the matrix: {listed(lost)}; it holds "
            f"{listed(by_id, 3)}. Check that both use the same ids or symbols"
        )
    if lost:
        logger.warning("%d of %d genes of the panel are not in the matrix: %s", len(lost), len(wanted), listed(lost))
    return columns


def save_imputer(imputer: Imputer, path: str | Path) -> None:
    """Write an imputer into a folder: arrays.npz and imputer.json, without pickle."""
    with staged_folder(path) as folder:
        stored = {name: np.asarray(value, dtype=np.float32) for name, value in imputer.arrays.items()}
        with open(folder / NUMBERS, "wb") as handle:
            np.savez(handle, **stored)  # type: ignore[arg-type]
        write_json(
            {
                "format": FORMAT, "schema_version": SCHEMA_VERSION, "method": imputer.method,
                "settings": imputer.settings, "raw_low": imputer.raw[0], "raw_high": imputer.raw[1],
                "panel_ids": imputer.panel_ids.tolist(), "target_ids": imputer.target_ids.tolist(),
                "files": {NUMBERS: sha256_of(folder / NUMBERS)},
            },
            folder / DESCRIPTION,
        )  # fmt: skip


def load_imputer(path: str | Path) -> Imputer:
    """Read an imputer that `save_imputer` wrote.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is of another format, or its arrays were changed.
    """
    folder = Path(path)
    if not (folder / DESCRIPTION).is_file():
        raise FileNotFoundError(
            f"{folder} is no imputer (it lacks {DESCRIPTION}); give the output of decode landmark train-imputer"
        )
    said = read_json_record(folder / DESCRIPTION, "imputer", AGAIN)
    if said.get("format") != FORMAT or said.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"{folder} is no imputer of schema version {SCHEMA_VERSION}; {AGAIN}")
    try:
        _check_description("", said)
        if set(said["files"]) != {NUMBERS}:
            raise ValueError(f"files lists {listed(sorted(said['files']))}, not {NUMBERS} alone")
    except ValueError as error:
        raise ValueError(f"{folder / DESCRIPTION} cannot be used: {str(error).strip()}; {AGAIN}") from error
    check_files(folder, said["files"], "imputer", AGAIN)
    arrays = read_arrays(folder / NUMBERS, COMMON, "arrays of the imputer", AGAIN)
    try:
        _check_arrays(said, arrays)
    except ValueError as error:
        raise ValueError(f"{folder / NUMBERS} cannot be used: {error}; {AGAIN}") from error
    return Imputer(
        said["method"], np.asarray(said["panel_ids"], dtype=np.str_), np.asarray(said["target_ids"], dtype=np.str_),
        {name: values.astype(np.float64) for name, values in arrays.items()}, said["settings"],
        (float(said["raw_low"]), float(said["raw_high"])),
    )  # fmt: skip


_check_description = fields({
    "format": text(), "schema_version": whole(1, SCHEMA_VERSION), "method": choice(METHODS),
    "settings": mapping(anything), "raw_low": number(), "raw_high": number(),
    "panel_ids": items(NAME, least=1, unique=True), "target_ids": items(NAME, least=1, unique=True),
    "files": mapping(HASH),
})  # fmt: skip


def _check_arrays(said: dict[str, Any], arrays: Arrays) -> None:
    """Arrays are finite and of the shapes that `Imputer.predict` multiplies; ValueError."""
    n_panel, n_targets = len(said["panel_ids"]), len(said["target_ids"])
    bad = [name for name, values in arrays.items() if values.dtype.kind != "f" or not np.isfinite(values).all()]
    if bad:
        raise ValueError(f"{listed(bad)} hold something else than finite numbers")
    _check_shape(arrays, "target_mean", (n_targets,))
    for name in ("panel_mean", "panel_sd", "panel_reference"):
        _check_shape(arrays, name, (n_panel,))
    if (arrays["panel_sd"] <= 0).any():
        raise ValueError("panel_sd is not above 0")
    method, settings = said["method"], said["settings"]
    if method == "ridge":
        rank = _check_shape(arrays, "left", (n_panel, None))[1]
        _check_shape(arrays, "right", (rank, n_targets))
    elif method in ("knn", "sample_lasso"):
        n_train = _check_shape(arrays, "train_panel", (None, n_panel))[0]
        _check_shape(arrays, "train_targets", (n_train, n_targets))
        wanted = {"neighbours": whole(1, n_train)} if method == "knn" else {"penalty": number(0)}
        fields(wanted, may_add=True)("settings", settings)
    else:
        check_networks(arrays, n_panel, n_targets)


def _check_shape(arrays: Arrays, name: str, wanted: tuple[int | None, ...]) -> tuple[int, ...]:
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    found = arrays[name].shape
    if len(found) != len(wanted) or any(size not in (None, own) for size, own in zip(wanted, found, strict=True)):
        raise ValueError(
            f"{name} has shape {found}; {tuple('any' if size is None else size for size in wanted)} is wanted"
        )
    return found


def impute(imputer: Imputer, samples: pd.DataFrame, *, is_normalised: bool = False) -> pd.DataFrame:
    """All genes of samples of which the panel is measured.

    Parameters
    ----------
    imputer : Imputer
    samples : pd.DataFrame, shape (n_genes, n_samples)
        Index: gene ids, the panel's among them; values in any unit that keeps the order.
    is_normalised : bool, default False
        Values lie on the scale 4 to 15 already.

    Returns
    -------
    pd.DataFrame, shape (n_panel + n_targets, n_samples)
        On the scale 4 to 15; panel genes as they were taken, then the predicted genes.

    Raises
    ------
    ValueError
        If a panel gene is missing.
    """
    table = samples.set_axis(samples.index.astype(str), axis=0)
    lost = [gene for gene in imputer.panel_ids.tolist() if gene not in table.index]
    if lost:
        raise ValueError(
            f"{len(lost)} of {len(imputer.panel_ids)} panel genes are not in the samples: {listed(lost)}; "
            f"they hold {listed(table.index, 3)}"
        )
    check_unique("genes of the samples", table.index)
    values = table.loc[imputer.panel_ids.tolist()].to_numpy(dtype=np.float64).T
    values = values if is_normalised else imputer.normalise_panel(values)
    full = np.hstack([values, imputer.predict(values)])
    index = pd.Index([*imputer.panel_ids.tolist(), *imputer.target_ids.tolist()], name="gene_id")
    return pd.DataFrame(full.T, index=index, columns=table.columns)
