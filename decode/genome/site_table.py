"""Sites that are in memory already, as a source for the feature builder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from decode.core.checks import check_columns, listed
from decode.core.shown import shown
from decode.genome.site_files import REGION_OF_KIND
from decode.genome.sites import block_from_sites
from decode.genome.sources import BASES, Counted, Counter, ValueKind


@shown()
@dataclass(frozen=True, eq=False)
class SiteTable:
    """A sites frame (`read_sites`, `sites_from_frame`, `from_pyranges`) to be counted like a file.

    Parameters
    ----------
    sites : pd.DataFrame
        Sites frame of one kind: chrom, start, end, strand, regulator, kind, optionally biosample.
    region : str, optional
        Named region in which the sites are counted; default "promoter" for TF, "rna" for RBP and miRNA.
    name : str
        What to call it in the record of sources.

    Raises
    ------
    ValueError
        If columns are missing, or the frame is empty or of several kinds.

    Examples
    --------
    >>> columns = ["chrom", "start", "end", "strand", "regulator", "kind"]
    >>> SiteTable(pd.DataFrame([["chr1", 10, 20, ".", "CTCF", "TF"]], columns=columns)).region
    'promoter'
    """

    sites: pd.DataFrame
    region: str = ""
    name: str = "table in memory"
    value_kind: ClassVar[ValueKind] = BASES

    def __post_init__(self) -> None:
        check_columns("sites", self.sites, ["chrom", "start", "end", "strand", "regulator", "kind"])
        kinds = pd.unique(self.sites["kind"].astype(str))
        if len(kinds) != 1:
            raise ValueError(f"sites are of {len(kinds)} kinds ({listed(kinds)}); give one table a kind, with sites")
        object.__setattr__(self, "region", self.region or REGION_OF_KIND.get(self.kind, ""))

    @property
    def kind(self) -> str:
        """TF, RBP, miRNA or other."""
        return str(self.sites["kind"].iloc[0])

    @property
    def path(self) -> Path:
        """The name, where other sources have their file."""
        return Path(self.name)

    def jobs(self) -> list[Path]:
        """The table as a whole."""
        return [self.path]

    def count(self, path: Path, counter: Counter[Counted]) -> Counted:
        """Have its sites counted."""
        return counter.sites(block_from_sites(self.sites, counter.assembly, stranded=counter.is_stranded))

    def files(self, path: Path) -> list[dict[str, str]]:
        """Name, and SHA-256 of the content."""
        content = self.sites.to_csv(index=False).encode()
        return [{"name": self.name, "sha256": hashlib.sha256(content).hexdigest()}]

    def options(self) -> dict[str, Any]:
        """What else the record of the source says: nothing."""
        return {}
