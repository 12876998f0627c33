"""Binding sites of a collection as one BED file in the build that is wanted: what the three scripts of sites share."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from data_prep.sources import Source
from data_prep.steps import Convert
from decode.core.files import write_table
from decode.genome.liftover import lift_sites
from decode.genome.site_files import Kind
from decode.genome.site_sources import SiteSource
from decode.genome.sites import read_sites

logger = logging.getLogger(__name__)

OUT = "sites.bed.gz"  # chrom, start, end, regulator, score, strand, biosample: --biosample-column 7


def convert(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any], *, kind: Kind) -> dict[str, int]:
    """Read a collection of sites, lift it where another build is wanted, and write it as BED, the cell in column 7."""
    build = options.get("build") or found.build
    chain = options.get("chain")
    if build != found.build and chain is None:
        raise ValueError(
            f"{found.what} is on {found.build}, and {build} is wanted: give the chain from {found.build} to {build} by "
            "--chain, or take a source of that build"
        )
    sites = read_sites(SiteSource(kind, files["sites"], **found.options), build=str(found.build))
    counts = {"rows": len(sites)}
    if build != found.build:
        result = lift_sites(sites, Path(str(chain)))
        counts |= {"lost in liftover": result.n_lost}
        sites = result.sites
        if not result.n_lifted:
            raise ValueError(f"none of {len(sites):,} sites could be lifted with {chain}; is it from {found.build}?")
    table = pd.DataFrame(
        {
            "chrom": sites["chrom"],
            "start": sites["start"],
            "end": sites["end"],
            "name": sites["regulator"],
            "score": 0,
            "strand": sites.get("strand", "."),
            "biosample": sites.get("biosample", "."),
        }
    )
    table["biosample"] = table["biosample"].astype(object).where(table["biosample"].notna(), ".").replace("", ".")
    write_table(table, out / OUT, header=False)
    return counts | {"sites": len(table), "regulators": int(table["name"].nunique())}


def converter(kind: Kind) -> Convert:
    """`convert` of one kind of regulator."""
    made = partial(convert, kind=kind)
    made.__doc__ = convert.__doc__
    return made


def add_options(parser: argparse.ArgumentParser) -> None:
    """The build that is wanted, and how to get there."""
    parser.add_argument("--build", help="build that is wanted; default: that of the source")
    parser.add_argument("--chain", type=Path, help="UCSC chain from the source's build to the one that is wanted")
