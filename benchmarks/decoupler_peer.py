"""decoupler's ulm and mlm on a matrix of signatures; runs alone, in an environment that has decoupler.

    python decoupler_peer.py SIGNATURES.tsv NETWORK.tsv OUT.tsv

It imports nothing of this package, as decoupler may want other versions of pandas.
"""

from __future__ import annotations

import sys

import decoupler
import pandas as pd


def main(signatures: str, network: str, out: str) -> None:
    """Write signature, method, regulator and score, one row each."""
    values = pd.read_csv(signatures, sep="\t", index_col=0)
    net = pd.read_csv(network, sep="\t")
    parts = []
    for method in ("ulm", "mlm"):
        scores, _ = getattr(decoupler.mt, method)(values, net, tmin=5)
        long = scores.rename_axis("signature").reset_index().melt("signature", var_name="regulator", value_name="score")
        parts.append(long.assign(method=method))
    pd.concat(parts).to_csv(out, sep="\t", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
