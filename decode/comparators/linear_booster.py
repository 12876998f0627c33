"""ExPecto's expression model: a boosted linear regression of each tissue on any genes x features table."""

from __future__ import annotations

import logging
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from decode.core.checks import check_count, check_positive, check_unique
from decode.core.files import check_input
from decode.dataset import TRAIN, VALIDATION
from decode.expression.gene_ids import clean_gene_ids
from decode.expression.readers import read_expression

if TYPE_CHECKING:
    from decode.features.matrix import RegulatoryFeatures

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BoosterConfig:
    """Hyper-parameters of ExPecto (Zhou et al. 2018; train.py of the published code), early stopping as Tasaki 2020.

    Parameters
    ----------
    base_score : float or None
        Prediction before the first round; None: the mean of the training labels. 2 belongs to log(TPM + 1e-4).
    l1, l2 : float
        Penalties alpha and lambda. XGBoost multiplies both by the number of training genes: 100 is strong.
    eta : float
        Share of each coordinate step, the bias's too, that is taken.
    n_rounds : int
        Most passes over all coordinates.
    patience : int
        Stop after so many rounds without a lower validation RMSE. In the published code this number stands among the
        booster's parameters, where XGBoost ignores it, and the test genes stand first in the list to watch; here it
        works, on validation genes, and the model of the best round is kept.
    pseudocount : float
        Added to TPM before the natural logarithm.
    n_threads : int
        Threads of XGBoost. It waits for all of them after every coordinate, so on a busy machine a second one costs
        more than it gains (seen: 30 times slower); the result is the same.
    """

    base_score: float | None = 2.0
    l1: float = 0.0
    l2: float = 100.0
    eta: float = 0.01
    n_rounds: int = 100
    patience: int = 10
    pseudocount: float = 1e-4
    n_threads: int = field(default=1, metadata={"changes_result": False})

    def __post_init__(self) -> None:
        if self.base_score is not None and not np.isfinite(self.base_score):
            raise ValueError(f"base_score is {self.base_score}; a finite number or None is wanted")
        for name in ("l1", "l2"):
            check_positive(name, getattr(self, name), zero=True)
        for name in ("eta", "pseudocount"):
            check_positive(name, getattr(self, name))
        for name in ("n_rounds", "patience", "n_threads"):
            check_count(name, getattr(self, name))

    @property
    def signature(self) -> dict[str, Any]:
        """What decides the result; the number of threads does not."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("changes_result", True)}


class BoosterFit(NamedTuple):
    """Predictions of one booster for all rows, and the rounds of the model that was kept."""

    predicted: np.ndarray  # (n_rows,), float64, in the unit of the labels; NaN where it could not be fitted
    n_rounds: int


def require_xgboost() -> Any:
    """The package xgboost; ImportError saying how to install it where it is absent."""
    try:
        import xgboost
    except ImportError as error:
        raise ImportError("the ExPecto comparison needs XGBoost; pip install 'decode-expression[expecto]'") from error
    return xgboost


def booster_design(values: np.ndarray) -> np.ndarray | sparse.csr_array:
    """Features as XGBoost takes them fastest: without the zeros where most are (per-gene totals: 11 times faster).

    A linear booster treats what is absent as 0, so the fit stays the same; NaN counts as 0 too.

    Parameters
    ----------
    values : np.ndarray, shape (n_rows, n_features), float32

    Returns
    -------
    np.ndarray or scipy.sparse.csr_array
    """
    filled = np.nan_to_num(values, nan=0.0)
    return sparse.csr_array(filled) if np.count_nonzero(filled) < 0.5 * filled.size else filled


def fit_booster(
    design: np.ndarray | sparse.csr_array, labels: np.ndarray, split: np.ndarray, *, config: BoosterConfig, seed: int
) -> BoosterFit:
    """Fit one tissue and predict all rows.

    Parameters
    ----------
    design : np.ndarray or scipy.sparse.csr_array, shape (n_rows, n_features)
        Used as it is, unscaled; see `booster_design`.
    labels : np.ndarray, shape (n_rows,)
        Rows without a label (NaN) are left out of training and validation.
    split : np.ndarray of str, shape (n_rows,)
        "train" and "validation" rows are used; of the others only the prediction is made.
    config : BoosterConfig
    seed : int
        Order of the coordinates in each round.

    Returns
    -------
    BoosterFit
        All NaN with 0 rounds where no training or no validation row has a label.

    Raises
    ------
    ImportError
        If XGBoost is not installed.

    Notes
    -----
    Linear booster with squared error by coordinate descent, coordinates in random order. The published code used
    XGBoost 0.7's "shotgun" updater on 16 threads, whose result differs from run to run; coordinate descent gives the
    same result for the same seed. XGBoost cannot go back to an earlier round of a linear booster, so a model that
    stopped early is fitted again up to its best round.

    Examples
    --------
    >>> x = np.arange(8.0)[:, None]
    >>> split = np.array(["train", "validation"] * 4)
    >>> eager = BoosterConfig(base_score=None, l2=0, eta=1.0)
    >>> fit_booster(x, 2 * x[:, 0], split, config=eager, seed=0).predicted[:3].round(2).tolist()
    [0.0, 2.0, 4.0]
    """
    xgboost = require_xgboost()
    is_measured = np.isfinite(labels)
    train, validation = ((split == part) & is_measured for part in (TRAIN, VALIDATION))
    if not train.any() or not validation.any():
        return BoosterFit(np.full(len(labels), np.nan), 0)
    base_score = float(np.mean(labels[train])) if config.base_score is None else config.base_score
    options = {
        "booster": "gblinear",
        "objective": "reg:squarederror",
        "eval_metric": "rmse",
        "updater": "coord_descent",
        "feature_selector": "shuffle",
        "base_score": base_score,
        "alpha": config.l1,
        "lambda": config.l2,
        "eta": config.eta,
        "nthread": config.n_threads,
        "seed": seed,
    }
    trained = xgboost.DMatrix(design[train], labels[train], nthread=config.n_threads)
    watched = [(xgboost.DMatrix(design[validation], labels[validation], nthread=config.n_threads), VALIDATION)]
    booster = xgboost.train(
        options,
        trained,
        config.n_rounds,
        evals=watched,
        early_stopping_rounds=config.patience,
        verbose_eval=False,
    )
    n_rounds = booster.best_iteration + 1
    if n_rounds < booster.num_boosted_rounds():
        booster = xgboost.train(options, trained, n_rounds)
    everything = xgboost.DMatrix(design, nthread=config.n_threads)
    return BoosterFit(booster.predict(everything).astype(np.float64), n_rounds)


def totals_table(features: RegulatoryFeatures) -> pd.DataFrame:
    """Per-gene totals as a feature table: log(1 + bases) of every track, and of the length of every region.

    Parameters
    ----------
    features : RegulatoryFeatures

    Returns
    -------
    pd.DataFrame, shape (n_genes, n_tracks + n_regions), float32
        Index: gene ids. Columns: track ids, then "length|region".
    """
    lengths = np.stack([features.lengths(region) for region in features.regions], axis=1)
    values = np.log1p(np.concatenate([features.totals(), lengths], axis=1).astype(np.float64))
    names = [*features.track_ids, *(f"length|{region}" for region in features.regions)]
    return pd.DataFrame(values.astype(np.float32), index=pd.Index(features.ids, name="gene_id"), columns=names)


def read_feature_table(path: str | Path) -> pd.DataFrame:
    """Read a genes x features table.

    Parameters
    ----------
    path : str or Path
        Either .npz with the arrays `X` (n_genes, n_features), `gene_ids` and, optionally, `names`; ExPecto's own matrix
        fits so: ``np.savez("expecto.npz", X=np.load("Xreducedall.2002.npy"), gene_ids=anno["id"])``. Or a text table as
        `decode.read_expression` reads it: tab- or comma-separated, gene ids first, plain or gzip.

    Returns
    -------
    pd.DataFrame, shape (n_genes, n_features), float32
        Index: gene ids without version. NaN stays.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, lacks an array, shapes disagree, ids or names repeat, or a number is infinite.
    """
    path = check_input(path, "feature table")
    table = _read_npz(path) if path.suffix == ".npz" else read_expression(path).astype(np.float32)
    logger.info("feature table %s: %d genes x %d features", path, *table.shape)
    return table


def _read_npz(path: Path) -> pd.DataFrame:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("X", "gene_ids", "names") if name in stored.files}
            found = stored.files
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"feature table {path} cannot be read ({error}); write numbers and texts by numpy.savez, no objects"
        ) from error
    lacking = [name for name in ("X", "gene_ids") if name not in arrays]
    if lacking:
        raise ValueError(f"feature table {path} lacks the array(s) {', '.join(lacking)}; it holds {', '.join(found)}")
    values, ids = arrays["X"], [str(gene) for gene in arrays["gene_ids"].ravel()]
    names = [str(name) for name in arrays.get("names", np.arange(values.shape[-1] if values.ndim else 0)).ravel()]
    if values.shape != (len(ids), len(names)):
        raise ValueError(
            f"feature table {path} has X of shape {values.shape}; ({len(ids)} gene_ids, {len(names)} names) is wanted"
        )
    check_unique(f"feature names of {path}", names)
    values = values.astype(np.float32)
    if np.isinf(values).any():
        raise ValueError(f"feature table {path} holds {int(np.isinf(values).sum())} infinite numbers; remove them")
    cleaned, keep, counts = clean_gene_ids(ids, f"feature table {path}")
    if counts["n_par_y_dropped"]:
        logger.warning("feature table %s: %d rows of PAR_Y gene copies left out", path, counts["n_par_y_dropped"])
    return pd.DataFrame(values[keep], index=pd.Index(cleaned, name="gene_id"), columns=names)
