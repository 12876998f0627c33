"""Read back what `decode activity` writes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from decode.core.checks import check_unique, shortened
from decode.core.delimited import read_frame
from decode.expression.targets import numeric_values

SAMPLE = "sample"


def read_activity(path: str | Path) -> pd.DataFrame:
    """Read a table of activities.

    Parameters
    ----------
    path : str or Path
        Tab-separated, plain or gzip: `sample`, then one column "kind:regulator" each.

    Returns
    -------
    pd.DataFrame, shape (n_samples, n_regulators)

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the first column is another, there is no regulator, samples repeat, or a cell holds text.
    """
    table = read_frame(path, "activities", text=[SAMPLE])
    if table.columns[0] != SAMPLE or table.shape[1] < 2:
        raise ValueError(
            f"activities {path} start with the column {shortened(table.columns[0])!r} of {table.shape[1]}; "
            "'sample' and one column a regulator are wanted, as decode activity writes them"
        )
    check_unique(f"samples of {path}", table[SAMPLE])
    table = table.set_index(SAMPLE)
    return pd.DataFrame(numeric_values(table, f"activities {path}"), index=table.index, columns=table.columns)


def read_regions(path: str | Path) -> dict[str, pd.DataFrame]:
    """Read activities by region.

    Parameters
    ----------
    path : str or Path
        As `read_activity`, with columns "region:kind:regulator".

    Returns
    -------
    dict of region to pd.DataFrame, shape (n_samples, n_regulators)
        Columns "kind:regulator"; 0 where a regulator has no track in the region.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_activity`, or if a column names no region.
    """
    table = read_activity(path)
    parts = [str(name).split(":", 2) for name in table.columns]
    wrong = [":".join(part) for part in parts if len(part) < 3]
    if wrong:
        raise ValueError(f"column {wrong[0]!r} of {path} names no region; give NAME_regions of decode activity")
    regulators = list(dict.fromkeys(f"{kind}:{name}" for _, kind, name in parts))
    found = {}
    for region in dict.fromkeys(part[0] for part in parts):
        own = table.loc[:, [part[0] == region for part in parts]]
        own = own.set_axis([f"{kind}:{name}" for part_region, kind, name in parts if part_region == region], axis=1)
        found[region] = own.reindex(columns=regulators, fill_value=0.0)
    return found
