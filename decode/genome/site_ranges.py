"""Sites frames as PyRanges objects, and back."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd

from decode.core.checks import check_choice, check_columns
from decode.genome.assembly import Assembly
from decode.genome.site_files import KINDS, Kind
from decode.genome.sites import SITE_COLUMNS, sites_from_frame

if TYPE_CHECKING:
    from pyranges import PyRanges

PYRANGES_NAMES = {"chrom": "Chromosome", "start": "Start", "end": "End", "strand": "Strand"}


def to_pyranges(sites: pd.DataFrame) -> PyRanges:
    """Sites as a PyRanges object (Chromosome, Start, End, Strand and the other columns), for interval joins.

    PyRanges groups rows by chromosome. Where a strand is ".", it treats the whole object as unstranded.

    Parameters
    ----------
    sites : DataFrame
        Sites frame.

    Returns
    -------
    pyranges.PyRanges

    Examples
    --------
    >>> frame = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [30], "strand": ["-"]})
    >>> ranges = to_pyranges(sites_from_frame(frame, build="hg38", kind="RBP", regulator="TIA1"))
    >>> ranges.stranded, ranges.df.values.tolist()
    (True, [['chr1', 10, 30, '-', 'TIA1', 'RBP']])
    """
    check_columns("sites", sites, SITE_COLUMNS)
    import pyranges

    table = sites.rename(columns=PYRANGES_NAMES)
    for column in table.columns:
        if isinstance(table[column].dtype, pd.CategoricalDtype):  # unused categories would become empty chromosomes
            table[column] = table[column].astype(object)
    with warnings.catch_warnings():
        # pyranges 0.1.x uses calls that pandas 3 marks for removal; the results are right.
        warnings.simplefilter("ignore")
        return pyranges.PyRanges(table)


def from_pyranges(
    ranges: PyRanges, *, build: str | Assembly, kind: Kind | None = None, regulator: str | None = None
) -> pd.DataFrame:
    """Make a sites frame from a PyRanges object.

    Parameters
    ----------
    ranges : pyranges.PyRanges
        The regulator is taken from a column `regulator`, else from `Name` (as `pyranges.read_bed` gives it); a column
        `Score` becomes score.
    build : str or Assembly
    kind : {"TF", "RBP", "miRNA", "other"}, optional
        Kind of all rows, where there is no such column.
    regulator : str, optional
        Regulator of all rows; goes before `Name`, not before a column `regulator`.

    Returns
    -------
    DataFrame
        Sites frame, see `sites_from_frame`.

    Raises
    ------
    TypeError
        If it is no PyRanges object.
    ValueError
        As `sites_from_frame`.
    """
    if not hasattr(ranges, "df") or not hasattr(ranges, "stranded"):
        raise TypeError(f"ranges is a {type(ranges).__name__}; a pyranges.PyRanges is wanted")
    if kind is not None:
        check_choice("kind", kind, KINDS)
    with warnings.catch_warnings():
        # As in to_pyranges.
        warnings.simplefilter("ignore")
        table = ranges.df
    if table.empty:
        table = pd.DataFrame({name: [] for name in PYRANGES_NAMES.values()})
        regulator, kind = regulator or "", kind or "other"  # of no row
    names = {theirs: ours for ours, theirs in PYRANGES_NAMES.items()}
    if "regulator" not in table.columns and regulator is None:
        names["Name"] = "regulator"
    if "score" not in table.columns:
        names["Score"] = "score"
    return sites_from_frame(table.rename(columns=names), build=build, kind=kind, regulator=regulator)
