"""The table of accuracies on the real corpus: both networks on merged tracks, separate tracks and further evidence.

    python -m benchmarks.accuracy --seeds 3 --members 5 --out accuracy.json

Every row is trained on the same genes; a seed changes the validation genes, the weights and the batches. The held-out
chromosome (chr1) is judged once a seed. A killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT
from decode.core.choices import Architecture, Part, Tracks
from decode.core.files import check_output, write_json

DATA = ROOT.parent / "shared" / "data"
FIGURES = ("fold_change_mean_spearman", "median_level_spearman")
DOWNSTREAM_BP = (1000, 10000)  # where the promoter ends, to where TF sites still tell something about the gene
DOWNSTREAM_BIN_BP = 1000


class Evidence(NamedTuple):
    """Which tracks and regions of the corpus are used."""

    merged: bool = False  # over cell lines
    with_mirna: bool = False
    downstream: bool = False  # TF sites 1 to 10 kb downstream of the TSS as a further region
    structure: bool = False  # numbers of transcripts and exons, CDS, UTRs ... of RefSeq


MERGED, SEPARATE = Evidence(merged=True), Evidence()
WITH_MIRNA, WITH_DOWNSTREAM = Evidence(with_mirna=True), Evidence(downstream=True)
WITH_STRUCTURE = Evidence(structure=True)
RECOMMENDED = Evidence(downstream=True, structure=True)
ROWS: dict[str, tuple[Evidence, Architecture]] = {
    "default, separate tracks + downstream + structure": (RECOMMENDED, "default"),
    "default, separate tracks + structure": (WITH_STRUCTURE, "default"),
    "default, separate tracks + downstream": (WITH_DOWNSTREAM, "default"),
    "default, separate tracks": (SEPARATE, "default"),
    "paper, separate tracks + downstream": (WITH_DOWNSTREAM, "paper"),
    "paper, separate tracks": (SEPARATE, "paper"),
    "default, merged tracks": (MERGED, "default"),
    "paper, merged tracks": (MERGED, "paper"),
    "default, separate tracks + miRNAs": (WITH_MIRNA, "default"),
}


def corpus_features(evidence: Evidence = SEPARATE) -> Any:
    """Features of the real corpus."""
    from decode.features.build import build_features
    from decode.features.regions import WindowRegion
    from decode.genome import SiteSource, gene_models, read_annotation, with_structure

    folder = DATA / "hg19"
    models = gene_models(read_annotation(folder / "gencode_v19_coding_collapsed.gtf.gz", build="hg19"))
    if evidence.structure:
        models = with_structure(models, read_annotation(folder / "refgene_transcripts.genepred.txt.gz", build="hg19"))
    tf = folder / ("tf_chip_encode.bed.gz" if evidence.merged else "tf_chip_encode_by_cell.bed.gz")
    column = None if evidence.merged else 7
    sources = [
        SiteSource(kind="TF", path=tf, region="promoter", biosample_column=column),
        SiteSource(kind="RBP", path=folder / "rbp_eclip_encode.bed.gz", region="rna", biosample_column=column),
    ]
    regions = []
    if evidence.downstream:
        first, last = DOWNSTREAM_BP
        regions.append(WindowRegion("downstream", first, last, bin_size=DOWNSTREAM_BIN_BP))
        sources.append(SiteSource(kind="TF", path=tf, region="downstream", biosample_column=column))
    if evidence.with_mirna:
        sources.append(SiteSource(kind="miRNA", path=folder / "mirna_miranda.bed.gz", region="rna"))
    tracks: Tracks = "regulator" if evidence.merged else "biosample"
    return build_features(models, sources, regions=regions, tracks=tracks)


def corpus_targets() -> Any:
    """Fold changes of the 37 tissues and the median level."""
    from decode.expression import read_expression, tissue_targets

    return tissue_targets(read_expression(DATA / "expression" / "hpa_gtex_tissue_tpm.tsv.gz")).targets


def train_and_judge(features: Any, targets: Any, network: Architecture, seed: int, members: int) -> dict[str, Any]:
    """Train one ensemble; its figures and those of the baselines on test and validation genes."""
    from decode.evaluation.evaluate import evaluate
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train

    bundle = train(features, targets, network=network, training=TrainingConfig(members=members, seed=seed))
    result: dict[str, Any] = {"seed": seed, "n_tracks": len(bundle.tracks)}
    parts: tuple[Part, ...] = ("test", "validation")
    for part in parts:
        metrics = evaluate(bundle, features, targets, part=part).metrics
        result[part] = {key: metrics[key] for key in ("n_genes", "model", "members", "baselines", "specificity")}
    return result


def summary(runs: dict[str, list[dict[str, Any]]], part: str = "test") -> Table:
    """Mean and SD over seeds of each row, and the baselines on the same genes."""
    table = Table(title=f"Spearman on {part} genes, mean (SD over seeds)")
    for column in ("model", "tracks", "fold change", "median level", "single member"):
        table.add_column(column)

    def cells(values: list[dict[str, float]]) -> list[str]:
        out = []
        for figure in FIGURES:
            numbers = np.array([value[figure] if value[figure] is not None else np.nan for value in values])
            spread = f" ({numbers.std(ddof=1):.3f})" if len(numbers) > 1 else ""
            out.append("-" if np.isnan(numbers).all() else f"{numbers.mean():.3f}{spread}")
        return out

    for name, results in runs.items():
        single = [member for result in results for member in result[part]["members"]]
        shown = cells([result[part]["model"] for result in results])
        table.add_row(name, str(results[0]["n_tracks"]), *shown, " / ".join(cells(single)))
    for name, results in runs.items():
        if name.startswith("default"):
            for baseline in results[0][part]["baselines"]:
                shown = cells([result[part]["baselines"][baseline] for result in results])
                table.add_row(f"{baseline} ({name.removeprefix('default, ')})", "", *shown, "")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Run every row for every seed; write after each run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    if not DATA.is_dir():
        parser.error(f"the real corpus is absent: {DATA}")
    check_output(options.out)
    runs: dict[str, list[dict[str, Any]]] = json.loads(options.out.read_text()) if options.out.exists() else {}
    targets = corpus_targets()
    features: dict[Evidence, Any] = {}
    for seed in range(options.seeds):
        for name, (evidence, network) in ROWS.items():
            if any(result["seed"] == seed for result in runs.get(name, [])):
                continue
            if evidence not in features:
                features[evidence] = corpus_features(evidence)
            result = train_and_judge(features[evidence], targets, network, seed, options.members)
            runs.setdefault(name, []).append(result)
            write_json(runs, options.out)
            Console(stderr=True).print(f"{name}, seed {seed}: {result['validation']['model']}")
    for part in ("test", "validation"):
        Console(width=120).print(summary({name: runs[name] for name in ROWS if name in runs}, part))
    return 0


if __name__ == "__main__":
    sys.exit(main())
