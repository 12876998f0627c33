"""Annotations of GTEx releases, each with its build."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.sources import Source
from data_prep.steps import run
from decode.core.chunks import line_chunks
from decode.genome.annotation import read_annotation


def convert(found: Source, files: dict[str, Path], out: Path, options: dict[str, Any]) -> dict[str, int]:
    """Check that an annotation is read whole in its build, and keep it as annotation.gtf.gz."""
    import gzip

    build = found.build or ""
    read = read_annotation(files["annotation"], build=build)
    with open(out / "annotation.gtf.gz", "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as handle:
        for piece in line_chunks(files["annotation"], "annotation"):
            handle.write(piece)
    return {"genes": len(read.genes), "transcripts": len(read.transcripts)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    return run("annotation", convert, arguments)


if __name__ == "__main__":
    sys.exit(main())
