"""Binding sites: the sites frame, and the readers of site files."""

from __future__ import annotations

from decode.genome.site_readers import SiteBlock, read_block
from decode.genome.site_sources import SiteSource, source_files

__all__ = ["SiteBlock", "SiteSource", "read_block", "source_files"]
