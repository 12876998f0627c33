from __future__ import annotations

from dataclasses import replace

from decode.features.describe import describe


def test_in_words(features):
    assert describe(features).splitlines() == [
        "3 genes of hg19; 10-bp bins; promoter -10..+10",
        "gene models: not stated",
        "region promoter: 6 bins (1 masked), 2 tracks, 33.33% nonzero",
        "  TF: 2 regulators in 2 tracks; bound genes a track: median 1, 2 tracks below 30; biosamples: K562",
        "region rna: 6 bins (0 masked), 3 tracks, 22.22% nonzero",
        "  RBP: 1 regulators in 2 tracks; bound genes a track: median 1, 2 tracks below 30; biosamples: HepG2, K562",
        "  miRNA: 1 regulators in 1 tracks; bound genes a track: median 0, 1 tracks below 30",
        "source sites.bed (TF, promoter): 3 sites",
        "positions of TF sites of a source: 50.0% lie in promoters, 10.0% of displaced ones",
    ]


def test_counts_and_verdicts(features):
    counts = {"n_sites": 7, "n_rows": 9, "n_below_score": 0, "skipped_chromosomes": {"chrUn": 2}, "nothing": {}}
    source = {**features.sources[0], "counts": counts}
    check = {
        "path": "rbp.bed", "kind": "RBP", "region": "rna", "n_sampled": 7, "share": None, "share_shuffled": 0.25,
        "odds_ratio": 1.31, "verdict": "near chance",
    }  # fmt: skip
    lines = describe(
        replace(features, sources=[source], checks={"positions": [check], "gene_models": "auto"})
    ).splitlines()
    assert lines[1] == "gene models: auto"
    assert lines[-2] == "source sites.bed (TF, promoter): 7 sites, n_rows 9, skipped_chromosomes: chrUn 2"
    assert lines[-1] == (
        "positions of RBP sites of rbp.bed: none lie in exons on their strand, 25.0% of displaced ones; "
        "odds ratio 1.3; near chance"
    )


def test_no_sites_at_all(features):
    bare = replace(features.select(genes=[]), sources=[], checks={})
    assert describe(bare).startswith("0 genes of hg19")
