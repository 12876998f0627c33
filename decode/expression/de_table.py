"""What a differential expression table says, whichever tool wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from decode.core.shown import shown


@shown()
class DeTable(NamedTuple):
    """What a differential expression table says, row by row, ids as written.

    Attributes
    ----------
    statistic : pd.DataFrame
        Index: ids; one column a contrast; positive is up. NaN where the tool gave none.
    log2_fold_change : pd.DataFrame or None
        The same layout.
    adjusted_p : pd.DataFrame or None
        The same layout.
    mean_expression : pd.Series or None
        log2 scale (AveExpr, logCPM, log2(baseMean + 1)).
    source : str
        The tool whose table it looks like, "matrix" or "signature".
    rule : str
        How the statistic came about.
    is_signature : bool
        Genes that are not in the table count as unchanged (0).
    counts : dict
        n_rows, n_rows_repeated, n_rows_without_a_name, n_without_p (statistics left out because the tool withheld the
        p-value), n_infinite (in columns that are only reported; taken as missing), n_without_statistic of each
        contrast.
    caveats : dict of contrast to str
        What is wrong with a contrast: cut to one direction or to significant genes.
    one_sided : tuple of str
        Contrasts in which all genes change in one direction, so that signs mean nothing.
    """

    statistic: pd.DataFrame
    log2_fold_change: pd.DataFrame | None
    adjusted_p: pd.DataFrame | None
    mean_expression: pd.Series | None
    source: str
    rule: str
    is_signature: bool
    counts: dict[str, Any]
    caveats: Mapping[str, str] = MappingProxyType({})
    one_sided: tuple[str, ...] = ()

    @property
    def contrasts(self) -> list[str]:
        """Names of the contrasts."""
        return [str(name) for name in self.statistic.columns]
