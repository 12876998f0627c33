"""How well an autoencoder gives profiles back, gene by gene, summed up block by block."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decode.landmark.autoencoder import Autoencoder
from decode.landmark.prepared import PreparedExpression


class Reconstruction(NamedTuple):
    """Accuracy of every gene.

    Attributes
    ----------
    mae : float64 array, shape (n_genes,)
        Mean absolute error on the scale 4 to 15.
    pcc : float64 array, shape (n_genes,)
        Pearson correlation over samples; NaN where either side is constant.
    n_samples : int
    """

    mae: NDArray[np.float64]
    pcc: NDArray[np.float64]
    n_samples: int

    def summary(self) -> dict[str, float]:
        """Means over genes."""
        pcc = self.pcc[np.isfinite(self.pcc)]
        return {
            "mean_mae": float(self.mae.mean()),
            "mean_pcc": float(pcc.mean()) if len(pcc) else float("nan"),
            "n_genes_without_pcc": float(len(self.pcc) - len(pcc)),
            "n_samples": float(self.n_samples),
        }

    def table(self, prepared: PreparedExpression) -> pd.DataFrame:
        """gene_id, gene_name, mae, pcc."""
        return prepared.gene_table().assign(mae=self.mae, pcc=self.pcc)


def reconstruction_accuracy(autoencoder: Autoencoder, prepared: PreparedExpression, part: str) -> Reconstruction:
    """Compare the profiles of a part of the split with what the autoencoder makes of them.

    Parameters
    ----------
    autoencoder : Autoencoder
    prepared : PreparedExpression
    part : {"train", "validation", "test", "all"}

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        If the part is empty or the genes differ.
    """
    autoencoder.check_genes(prepared)
    rows = prepared.rows(part)
    if not len(rows):
        raise ValueError(f"the prepared matrix has no {part} samples; choose another part")
    centre = prepared.train_mean  # sums of differences lose no digits
    error, x_sum, y_sum, xx, yy, xy = np.zeros((6, prepared.n_genes))
    for _, values in prepared.blocks(rows):
        y = autoencoder.reconstruct(values).astype(np.float64)
        error += np.abs(values - y).sum(axis=0)
        x, y = values - centre, y - centre
        x_sum += x.sum(axis=0)
        y_sum += y.sum(axis=0)
        xx += (x**2).sum(axis=0)
        yy += (y**2).sum(axis=0)
        xy += (x * y).sum(axis=0)
    n = len(rows)
    x_var, y_var = xx - x_sum**2 / n, yy - y_sum**2 / n
    varies = (x_var > 1e-10 * np.maximum(xx, 1.0)) & (y_var > 1e-10 * np.maximum(yy, 1.0))
    scale = np.sqrt(np.where(varies, x_var * y_var, 1.0))
    return Reconstruction(error / n, np.where(varies, (xy - x_sum * y_sum / n) / scale, np.nan), n)
