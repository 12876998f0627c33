"""Three sites on a small assembly."""

from __future__ import annotations

from typing import Any

import pandas as pd

from decode.genome.assembly import Assembly
from decode.genome.sites import sites_from_frame

TOY = Assembly("toy", {"chr1": 1000, "chr2": 500, "chrM": 100})


def toy_frame(**columns: Any) -> pd.DataFrame:
    table = {
        "chrom": ["chr1", "2", "MT"],
        "start": [10, 0, 5],
        "end": [30, 500, 6],
        "strand": ["+", "-", "."],
        "regulator": ["CTCF", "REST", "CTCF"],
        "kind": ["TF", "TF", "TF"],
    }
    return pd.DataFrame({**table, **columns})


def toy_sites(**columns: Any) -> pd.DataFrame:
    return sites_from_frame(toy_frame(**columns), build=TOY)
