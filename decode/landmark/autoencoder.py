"""The autoencoder that squeezes profiles through a few nodes: its network, its folder, and how it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.core.arrays import read_arrays
from decode.core.checks import check_count, check_known_keys, check_positive, check_unique, listed
from decode.core.files import sha256_of, staged_folder, versions, write_json, write_table
from decode.core.record_files import check_files, read_history, read_record_table
from decode.core.records import HASH, anything, fields, mapping, number, read_json_record, text, whole
from decode.core.seeds import seed_stream
from decode.core.shown import shown
from decode.landmark.prepared import PreparedExpression
from decode.landmark.quantiles import Quantiles

if TYPE_CHECKING:
    import keras

SCHEMA_VERSION = 1
RECORD, GENES, HISTORY, SCALES = "autoencoder.json", "genes.tsv.gz", "history.tsv", "scales.npz"
SCALE_ARRAYS = ("reference", "raw", "mean", "low", "high", "components")
BOTTLENECK = "bottleneck"
AGAIN = "train it again (decode landmark train)"
PREDICT_ROWS = 256


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes and training of the autoencoder; the defaults are those published.

    Parameters
    ----------
    hidden : int, default 500
        Nodes of the layers beside the bottleneck.
    bottleneck : int, default 100
    dropout : float, default 0.1
        Share of the hidden nodes switched off in training.
    l2 : float, default 1e-6
        Weight of the squared weights in the loss.
    learning_rate : float, default 0.001
        Of Adam (not stated in the paper).
    epochs : int, default 100
    batch_size : int, default 128
        Largest batch (not stated in the paper); with few samples an eighth of them, at least 16.
    min_updates : int, default 2000
        With few samples, more epochs until so many steps are done; 100 epochs of 99,909 profiles are 78,000.
    members : int, default 1
        Networks from different seeds; scores are means over them.
    seed : int, default 0

    References
    ----------
    Kong et al. 2021, BMC Bioinformatics 22:27, Methods.
    """

    hidden: int = 500
    bottleneck: int = 100
    dropout: float = 0.1
    l2: float = 1e-6
    learning_rate: float = 1e-3
    epochs: int = 100
    batch_size: int = 128
    min_updates: int = 2000
    members: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("hidden", "bottleneck", "epochs", "batch_size", "members"):
            check_count(name, getattr(self, name))
        for name in ("min_updates", "seed"):
            check_count(name, getattr(self, name), zero=True)
        check_positive("learning_rate", self.learning_rate)
        check_positive("l2", self.l2, zero=True)
        check_positive("dropout", self.dropout, zero=True)
        if self.dropout >= 1:
            raise ValueError(f"dropout is {self.dropout}; a share below 1 is wanted")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError."""
        check_known_keys("autoencoder configuration", values, [field.name for field in fields_of(cls)])
        return cls(**values)


def build_autoencoder(
    config: AutoencoderConfig, low: NDArray[np.float64], high: NDArray[np.float64], *, seed: int = 0
) -> keras.Model:
    """The network: n - hidden - bottleneck - hidden - n, sigmoid throughout.

    Parameters
    ----------
    config : AutoencoderConfig
    low, high : float64 array, shape (n_genes,)
        Range of every gene over training samples; the first layer brings it to (0, 1). Where it is empty, to 0.
    seed : int

    Returns
    -------
    keras.Model
        Takes profiles on the scale 4 to 15, gives them back on the scale (0, 1). The layer "bottleneck" is the code.
    """
    import keras

    from decode.models.layers import ChannelScale

    seeds = seed_stream(seed)

    def dense(units: int, name: str) -> Any:
        start = keras.initializers.GlorotUniform(seed=next(seeds))
        return keras.layers.Dense(units, activation="sigmoid", kernel_initializer=start, name=name)

    def dropout(name: str) -> Any:
        return keras.layers.Dropout(config.dropout, seed=next(seeds), name=name)

    span = high - low
    inputs = keras.Input((len(low),), name="profile")
    x = ChannelScale(low, np.where(span > 0, 1 / np.where(span > 0, span, 1.0), 0.0), name="scale")(inputs)
    x = dropout("encoder_dropout")(dense(config.hidden, "encoder")(x))
    x = dense(config.bottleneck, BOTTLENECK)(x)
    x = dropout("decoder_dropout")(dense(config.hidden, "decoder")(x))
    return keras.Model(inputs, dense(len(low), "genes")(x), name="autoencoder")


@shown()
@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Trained networks, and all that is needed to use them on new samples.

    Attributes
    ----------
    config : AutoencoderConfig
    members : list of keras.Model
    gene_ids, gene_names : array of str, shape (n_genes,)
    quantiles : Quantiles
        Of the training profiles.
    train_mean, train_low, train_high : float64 array, shape (n_genes,)
        Mean and range of every gene over training samples, on the scale 4 to 15.
    components : float32 array, shape (n_components, n_genes)
        Principal components of the training samples, as many as nodes where there are so many: what the bottleneck is
        compared with.
    history : pd.DataFrame
        member, epoch, train_loss, validation_loss (mean absolute error on the scale (0, 1)).
    counts : dict
        Samples, batch size, epochs and updates, and what was prepared.
    metrics : dict
        Mean absolute error and correlation of the genes by part of the split, on the scale 4 to 15.
    """

    config: AutoencoderConfig
    members: list[keras.Model]
    gene_ids: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    quantiles: Quantiles
    train_mean: NDArray[np.float64]
    train_low: NDArray[np.float64]
    train_high: NDArray[np.float64]
    components: NDArray[np.float32]
    history: pd.DataFrame
    counts: dict[str, Any]
    metrics: dict[str, Any]

    @cached_property
    def encoders(self) -> list[keras.Model]:
        """The front half of every member: profile in, bottleneck out."""
        import keras

        return [keras.Model(member.inputs[0], member.get_layer(BOTTLENECK).output) for member in self.members]

    def encode(self, values: NDArray[np.floating], *, member: int = 0) -> NDArray[np.float32]:
        """Bottleneck of profiles on the scale 4 to 15, shape (n_samples, n_nodes)."""
        parts = [np.asarray(self.encoders[member](block, training=False)) for block in _blocks(values)]
        return np.concatenate(parts) if parts else np.empty((0, self.config.bottleneck), dtype=np.float32)

    def reconstruct(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """What comes out again, mean over members, on the scale 4 to 15; shape (n_samples, n_genes)."""
        low, span = self.train_low.astype(np.float32), (self.train_high - self.train_low).astype(np.float32)
        parts = []
        for block in _blocks(values):
            out = sum(np.asarray(member(block, training=False)) for member in self.members) / len(self.members)
            parts.append(low + out * span)
        return np.concatenate(parts) if parts else np.empty((0, len(low)), dtype=np.float32)

    def principal_components(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """The same profiles on the principal components of the training samples, shape (n_samples, n_components)."""
        return ((values - self.train_mean) @ self.components.T.astype(np.float64)).astype(np.float32)

    def check_genes(self, prepared: PreparedExpression) -> None:
        """Raise ValueError unless a prepared matrix has the very genes of this autoencoder, in their order."""
        if np.array_equal(self.gene_ids, prepared.gene_ids):
            return
        shared = len(np.intersect1d(self.gene_ids, prepared.gene_ids))
        others = np.setdiff1d(prepared.gene_ids, self.gene_ids)
        order = "; their order differs" if shared == len(self.gene_ids) == prepared.n_genes else ""
        raise ValueError(
            f"the autoencoder has {len(self.gene_ids)} genes, the prepared matrix {prepared.n_genes}, and {shared} "
            f"names match{order} (not of the autoencoder: {listed(others) or 'none'}); give the matrix that it was "
            "trained on"
        )


def _blocks(values: NDArray[np.floating]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(values), PREDICT_ROWS):
        yield np.asarray(values[start : start + PREDICT_ROWS], dtype=np.float32)


def save_autoencoder(autoencoder: Autoencoder, folder: str | Path) -> list[Path]:
    """Write an autoencoder as a folder of plain arrays, tables and JSON with the hash of every file.

    Parameters
    ----------
    autoencoder : Autoencoder
    folder : path
        Its parent must exist.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError, OSError
        If it cannot be written.
    """
    from decode.models.member_arrays import write_member

    folder = Path(folder)
    with staged_folder(folder) as staged:
        names = [f"member_{number}.npz" for number in range(len(autoencoder.members))]
        for name, member in zip(names, autoencoder.members, strict=True):
            write_member(member, staged / name)
        genes = {"gene_id": autoencoder.gene_ids, "gene_name": autoencoder.gene_names}
        write_table(pd.DataFrame(genes), staged / GENES)
        write_table(autoencoder.history, staged / HISTORY)
        raw = np.array([autoencoder.quantiles.raw_low, autoencoder.quantiles.raw_high])
        with open(staged / SCALES, "wb") as handle:
            np.savez(
                handle, reference=autoencoder.quantiles.reference, raw=raw, mean=autoencoder.train_mean,
                low=autoencoder.train_low, high=autoencoder.train_high, components=autoencoder.components,
            )  # fmt: skip
        names += [GENES, HISTORY, SCALES]
        record = {
            "schema_version": SCHEMA_VERSION, "config": autoencoder.config.to_json(), "counts": autoencoder.counts,
            "metrics": autoencoder.metrics, "versions": versions(),
            "sha256": {name: sha256_of(staged / name) for name in names},
        }  # fmt: skip
        write_json(record, staged / RECORD)
    return [folder / name for name in (*names, RECORD)]


def load_autoencoder(folder: str | Path) -> Autoencoder:
    """Load an autoencoder after checking every hash.

    Parameters
    ----------
    folder : path
        A folder of `decode landmark train`.

    Returns
    -------
    Autoencoder

    Raises
    ------
    FileNotFoundError
        If the folder is no autoencoder.
    ValueError
        If it is damaged, altered or of another schema version.
    """
    from decode.models.member_arrays import check_member, read_member

    folder = Path(folder)
    if not (folder / RECORD).is_file():
        raise FileNotFoundError(
            f"{folder} is no autoencoder (it lacks {RECORD}); give the output of decode landmark train"
        )
    record = _read_record(folder)
    config = AutoencoderConfig.from_json(record["config"])
    genes = _read_genes(folder / GENES)
    scales = read_arrays(folder / SCALES, SCALE_ARRAYS, "scales of the autoencoder", AGAIN)
    n_genes = len(genes)
    for name in SCALE_ARRAYS:
        wanted = (2,) if name == "raw" else (n_genes,)
        shape = scales[name].shape[1:] if name == "components" else scales[name].shape
        if shape != wanted or scales[name].dtype.kind != "f" or not np.isfinite(scales[name]).all():
            raise ValueError(
                f"{name} of {folder / SCALES} holds undefined numbers or has shape {scales[name].shape} for "
                f"{n_genes:,} genes; {AGAIN}"
            )
    paths = [folder / f"member_{number}.npz" for number in range(config.members)]
    for path in paths:
        check_member(path, _member_shapes(config, n_genes))
    members = []
    for path in paths:
        member = build_autoencoder(config, scales["low"], scales["high"])
        read_member(member, path)
        members.append(member)
    return Autoencoder(
        config, members, genes["gene_id"].to_numpy(dtype=np.str_), genes["gene_name"].to_numpy(dtype=np.str_),
        Quantiles(scales["reference"], float(scales["raw"][0]), float(scales["raw"][1])), scales["mean"], scales["low"],
        scales["high"], scales["components"], read_history(folder, AGAIN), record["counts"], record["metrics"],
    )  # fmt: skip


def _member_shapes(config: AutoencoderConfig, n_genes: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the variables of `build_autoencoder`, by name."""
    sizes = (n_genes, config.hidden, config.bottleneck, config.hidden, n_genes)
    shapes: dict[str, tuple[int, ...]] = {"scale/shift": (n_genes,), "scale/factor": (n_genes,)}
    for name, n_in, n_out in zip(("encoder", BOTTLENECK, "decoder", "genes"), sizes, sizes[1:], strict=False):
        shapes |= {f"{name}/kernel": (n_in, n_out), f"{name}/bias": (n_out,)}
    return shapes


_CONFIG = {
    **{name: whole(1, 10**6) for name in ("hidden", "bottleneck")},
    **{name: whole(1, 10**9) for name in ("epochs", "batch_size")},
    "dropout": number(0, 1, open_high=True), "l2": number(0), "learning_rate": number(0, open_low=True),
    "min_updates": whole(0, 10**12), "members": whole(1, 10_000), "seed": whole(0, 2**63),
}  # fmt: skip
_check_record = fields({
    "schema_version": whole(SCHEMA_VERSION, SCHEMA_VERSION), "config": fields(_CONFIG, may_lack=_CONFIG),
    "counts": mapping(anything), "metrics": mapping(anything), "versions": mapping(text()), "sha256": mapping(HASH),
})  # fmt: skip


def _read_record(folder: Path) -> dict[str, Any]:
    record = read_json_record(folder / RECORD, "autoencoder", AGAIN)
    version = record.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ValueError(
            f"{folder} is of schema version {str(version)[:20]}; this release reads {SCHEMA_VERSION}: train it again"
        )
    try:
        _check_record("", record)
    except ValueError as error:
        raise ValueError(f"{folder / RECORD} cannot be used: {str(error).strip()}; {AGAIN}") from error
    hashes, n_members = record["sha256"], record["config"].get("members", 1)
    if set(hashes) != {GENES, HISTORY, SCALES, *(f"member_{number}.npz" for number in range(n_members))}:
        raise ValueError(f"{folder / RECORD} does not list the files of an autoencoder; {AGAIN}")
    check_files(folder, hashes, "autoencoder", AGAIN)
    return record


def _read_genes(path: Path) -> pd.DataFrame:
    genes = read_record_table(path, ["gene_id", "gene_name"], AGAIN)
    check_unique(f"genes of {path}", genes["gene_id"])
    return genes
