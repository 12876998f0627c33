"""Sites of RNA-binding proteins (CLIP) of a public collection, as one BED file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from data_prep.sites import add_options, converter
from data_prep.steps import run

convert = converter("RBP")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    return run("rbp_sites", convert, arguments, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
