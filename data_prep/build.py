"""A release from the first download to features and targets: every step leaves a manifest and is done once.

python -m data_prep.build --release gtex-v8 --out DIR
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep import annotation, mirna_sites, rbp_sites, tf_sites, tissue_expression
from data_prep.sites import OUT as SITES
from data_prep.sources import obtain, source
from data_prep.steps import MANIFEST, Convert, Request, add_common, prepare
from decode.core.files import read_json_object, sha256_of, versions, write_json, write_table
from decode.expression.readers import read_expression
from decode.expression.tissue import tissue_targets
from decode.features.build import build_features
from decode.genome.annotation import read_annotation
from decode.genome.gene_models import gene_models
from decode.genome.site_files import Kind
from decode.genome.site_sources import SiteSource

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Release:
    """Which sources go together; where a source is on another build, the chain that brings it over."""

    annotation: str
    expression: str
    tf: str | None
    rbp: str | None
    mirna: str | None


RELEASES = {
    "gtex-v7": Release("gtex-v7", "gtex-v7", "gtrd-19.10", "postar3", "targetscan-8.0"),
    "gtex-v8": Release("gtex-v8", "gtex-v8", "gtrd-19.10", "postar3", "targetscan-8.0"),
    "gtex-v10": Release("gtex-v10", "gtex-v10", "gtrd-19.10", "postar3", "targetscan-8.0"),
    "encode-hg19": Release("gencode-v19-coding", "hpa-gtex", "encode-hg19", "encode-hg19", None),
}
SITE_STEPS: dict[str, tuple[Kind, Convert]] = {
    "tf_sites": ("TF", tf_sites.convert),
    "rbp_sites": ("RBP", rbp_sites.convert),
    "mirna_sites": ("miRNA", mirna_sites.convert),
}


def build(
    release: str,
    out: Path,
    *,
    folder: Path | None = None,
    cache: Path | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Fetch, convert and build everything of a release.

    Parameters
    ----------
    release : str
        A key of `RELEASES`.
    out : Path
        Made if absent; one folder a step, features.h5, targets.tsv.gz, manifest.json.
    folder, cache : Path, optional
        Where files are already; where fetched ones go.
    limit : int, optional
        Lines of each file of sites to take, to try the chain; annotation and expression are taken whole.

    Returns
    -------
    dict
        release, limit, inputs (sha256 of each step's manifest), counts, files.

    Raises
    ------
    KeyError
        If there is no such release.
    FileNotFoundError, ValueError, OSError
        If a source cannot be had or is not what it should be; finished steps stay and are not done again.
    """
    if release not in RELEASES:
        raise KeyError(f"release is {release!r}; there are {', '.join(RELEASES)}")
    chosen = RELEASES[release]
    out.mkdir(exist_ok=True)
    places: dict[str, Any] = {"folder": folder, "cache": cache}
    prepare(Request("annotation", chosen.annotation, out / "annotation", **places), annotation.convert)
    prepare(
        Request("tissue_expression", chosen.expression, out / "tissue_expression", **places), tissue_expression.convert
    )
    wanted = str(source("annotation", chosen.annotation).build)
    steps = {"tf_sites": chosen.tf, "rbp_sites": chosen.rbp, "mirna_sites": chosen.mirna}
    for kind, name in steps.items():
        if name is None:
            continue
        found = str(source(kind, name).build)
        options: dict[str, Any] = {"build": wanted}
        if found != wanted:
            options["chain"] = obtain(source("chains", f"{found}-to-{wanted}"), "chain", **places).path
        logger.info("%s: %s", kind, name)
        request = Request(kind, name, out / kind, limit=limit, options=options, **places)
        prepare(request, SITE_STEPS[kind][1])
    return _assemble(release, out, [kind for kind, name in steps.items() if name], wanted, limit)


def _assemble(release: str, out: Path, kinds: list[str], build: str, limit: int | None) -> dict[str, Any]:
    """Features and targets from the finished steps."""
    made = ["annotation", "tissue_expression", *kinds]
    asked = {
        "release": release,
        "limit": limit,
        "inputs": {step: {name: item["sha256"] for name, item in _files(out / step).items()} for step in made},
    }
    if (finished := _finished(out, asked)) is not None:
        return finished
    models = gene_models(read_annotation(out / "annotation" / "annotation.gtf.gz", build=build))
    sites = [SiteSource(SITE_STEPS[kind][0], out / kind / SITES, biosample_column=7) for kind in kinds]
    features = build_features(models, sites, allow_suspicious=limit is not None)
    features.write(out / "features.h5")
    result = tissue_targets(read_expression(out / "tissue_expression" / "tpm.tsv.gz"))
    write_table(result.targets, out / "targets.tsv.gz")
    manifest = asked | {
        "build": build,
        "counts": {"genes": len(features.genes), "tracks": len(features.tracks), "target genes": len(result.targets)},
        "files": {name: {"sha256": sha256_of(out / name)} for name in ("features.h5", "targets.tsv.gz")},
        "versions": versions(),
    }
    write_json(manifest, out / MANIFEST)
    return manifest


def _files(folder: Path) -> dict[str, Any]:
    files: dict[str, Any] = read_json_object(folder / MANIFEST, "manifest")["files"]
    return files


def _finished(out: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of an earlier run over the same steps whose files are unaltered."""
    try:
        manifest = read_json_object(out / MANIFEST, "manifest")
        same = all(manifest.get(key) == value for key, value in asked.items())
        whole = all(sha256_of(out / name) == item["sha256"] for name, item in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if same and whole else None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; exit status 2 with a sentence where a step fails."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.build", description=__doc__)
    parser.add_argument("--release", choices=sorted(RELEASES), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder; its parent must exist")
    add_common(parser)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        manifest = build(options.release, options.out, folder=options.folder, cache=options.cache, limit=options.limit)
    except (ValueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error.args[0] if isinstance(error, KeyError) else error}\n")
        return 2
    sys.stdout.write(f"{options.out}: {', '.join(f'{value:,} {key}' for key, value in manifest['counts'].items())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
