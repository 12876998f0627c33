"""decoupler's ulm and mlm on a matrix of signatures; runs alone, in an environment that has decoupler.

    python decoupler_peer.py SIGNATURES.tsv NETWORK.tsv OUT.tsv [TIMES.json]

It imports nothing of this package, as decoupler may want other versions of pandas.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import decoupler
import pandas as pd


def main(signatures: str, network: str, out: str, times: str | None = None) -> None:
    """Write signature, method, regulator and score, one row each; and CPU seconds by method, compiling not counted."""
    values = pd.read_csv(signatures, sep="\t", index_col=0)
    net = pd.read_csv(network, sep="\t")
    parts, seconds = [], {}
    for method in ("ulm", "mlm"):
        if times is not None:  # compiles what it needs
            getattr(decoupler.mt, method)(values.iloc[:2], net, tmin=5)
        start = time.process_time()
        scores, _ = getattr(decoupler.mt, method)(values, net, tmin=5)
        seconds[method] = time.process_time() - start
        long = scores.rename_axis("signature").reset_index().melt("signature", var_name="regulator", value_name="score")
        parts.append(long.assign(method=method))
    pd.concat(parts).to_csv(out, sep="\t", index=False)
    if times is not None:
        Path(times).write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
