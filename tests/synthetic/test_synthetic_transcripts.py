from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.evaluation.transcript_usage import evaluate_usage, usage_accuracy
from decode.expression import read_expression, read_targets, tissue_targets
from decode.features.build import build_features
from decode.features.matrix import RegulatoryFeatures
from decode.genome import gene_models, read_annotation
from decode.models.config import NetworkConfig
from decode.synthetic import make_toy_data, make_toy_transcripts, toy_sources
from decode.training.config import TrainingConfig
from decode.training.ensemble import train


def tables(n_genes: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three transcripts a gene; X and Z tell them apart, ALL binds all alike, RARE few genes."""
    rng = np.random.default_rng(0)
    ids = [f"NM_{i}" for i in range(3 * n_genes)]
    transcripts = pd.DataFrame({"transcript_id": ids, "gene_id": [f"G{i // 3}" for i in range(3 * n_genes)]})
    first = np.arange(3 * n_genes) % 3 == 0
    totals = pd.DataFrame(
        {
            "rna|RBP:ALL@K562": 50,
            "rna|RBP:X@K562": 40 * first,
            "rna|RBP:X@HepG2": 30 * first,
            "rna|miRNA:Z": 8 * rng.integers(0, 2, 3 * n_genes),
            "rna|RBP:RARE": 40 * (np.arange(3 * n_genes) < 20),
        },
        index=ids,
    )
    return transcripts, totals


def test_regulators_that_tell_transcripts_apart_act(tmp_path):
    transcripts, totals = tables()
    toy = make_toy_transcripts(tmp_path / "toy", transcripts, totals.iloc[::-1], n_regulators=2)
    assert set(toy.truth["track"]) == {"rna|RBP:X@K562", "rna|miRNA:Z"}
    by_track = toy.truth.set_index("track")
    assert by_track.loc["rna|RBP:X@K562", ["n_bound_genes", "n_genes_told_apart"]].tolist() == [60, 60]
    assert sorted(toy.truth["sign"]) == [-1, 1]
    with pytest.raises(ValueError, match="only 2 of 5 tracks are bound to 30 genes and tell"):
        make_toy_transcripts(tmp_path / "toy", transcripts, totals, n_regulators=3)


def test_files_hold_what_was_planted(tmp_path):
    transcripts, totals = tables()
    options = {"regulators": ["rna|RBP:X@K562", "rna|RBP:RARE"], "n_tasks": 4}
    toy = make_toy_transcripts(tmp_path / "a", transcripts, totals, noise_log2=0.0, gene_noise_log2=0.0, **options)
    tpm = read_expression(toy.tissue_tpm)
    assert (tpm.index.name, tpm.shape) == ("transcript_id", (180, 4))
    signal = read_targets(toy.truth_signal)
    effect = toy.truth[list(tpm)].add(toy.truth["effect_all"], axis=0).to_numpy()
    dose = totals[list(toy.truth["track"])].to_numpy() / 40
    expected = 4 + dose @ effect
    level = signal[list(tpm)].add(signal["median_level"], axis=0).to_numpy()
    np.testing.assert_allclose(level, expected, atol=1e-9)
    is_heard = (tpm > 2).any(axis=1).to_numpy()  # one in twenty is silent
    assert 0.85 < is_heard.mean() < 1
    np.testing.assert_allclose(np.log2(tpm[is_heard] + 0.25), level[is_heard], atol=1e-3)
    pd.testing.assert_frame_equal(pd.read_csv(toy.truth_path, sep="\t"), toy.truth)
    again = make_toy_transcripts(tmp_path / "b", transcripts, totals, noise_log2=0.0, gene_noise_log2=0.0, **options)
    assert toy.tissue_tpm.read_bytes() == again.tissue_tpm.read_bytes()


def test_the_ceiling_is_known_and_falls_with_noise(tmp_path):
    transcripts, totals = tables()
    genes = dict(zip(transcripts["transcript_id"], transcripts["gene_id"], strict=True))
    ceiling = []
    for noise in (0.0, 0.5, 3.0):
        toy = make_toy_transcripts(tmp_path / "toy", transcripts, totals, n_regulators=2, noise_log2=noise)
        targets = tissue_targets(read_expression(toy.tissue_tpm)).targets
        table = usage_accuracy(targets, read_targets(toy.truth_signal), genes)
        ceiling.append(table["spearman_pooled"][0])
    assert ceiling[0] > 0.9
    assert ceiling[0] > ceiling[1] > ceiling[2] > 0


def test_faults(tmp_path):
    transcripts, totals = tables()
    out = tmp_path / "toy"
    with pytest.raises(ValueError, match="different ids: NM_179, NM_9"):
        make_toy_transcripts(out, transcripts, totals.drop(index=["NM_9", "NM_179"]))
    with pytest.raises(ValueError, match=r"transcripts lacks the column\(s\) gene_id"):
        make_toy_transcripts(out, transcripts[["transcript_id"]], totals)
    with pytest.raises(ValueError, match="transcript ids occur more than once"):
        make_toy_transcripts(out, pd.concat([transcripts, transcripts.iloc[:1]]), totals)
    with pytest.raises(KeyError, match="1 regulators not in the totals: CTCF"):
        make_toy_transcripts(out, transcripts, totals, regulators=["CTCF"])
    with pytest.raises(ValueError, match="missing, infinite or negative"):
        make_toy_transcripts(out, transcripts, -totals)
    with pytest.raises(ValueError, match="n_tasks is 2"):
        make_toy_transcripts(out, transcripts, totals, n_tasks=2)
    with pytest.raises(ValueError, match="noise_log2 is -1"):
        make_toy_transcripts(out, transcripts, totals, noise_log2=-1.0)
    assert not out.exists()


def rna_totals(features: RegulatoryFeatures) -> pd.DataFrame:
    tracks = [name for name in features.track_ids if name.startswith("rna|")]
    return pd.DataFrame(features.totals("rna"), features.ids, tracks)


@pytest.mark.slow
def test_planted_usage_is_found_on_the_toy_genome(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path / "genome", n_genes=1500, n_tasks=4, alternative_share=1.0)
    annotation = read_annotation(toy.annotation, build="toy", sizes=toy.sizes)
    features = build_features(gene_models(annotation, level="transcript"), toy_sources(toy))
    assert features.level == "transcript"
    simulated = make_toy_transcripts(tmp_path / "toy", features.genes, rna_totals(features), n_tasks=4, noise_log2=0.1)
    targets = tissue_targets(read_expression(simulated.tissue_tpm)).targets
    network = NetworkConfig(width=64, dropout=0.1, input_dropout=0.0)
    bundle = train(features, targets, network=network, training=TrainingConfig(members=1, max_epochs=40))
    result = evaluate_usage(bundle, features, targets)
    genes = dict(zip(features.ids, features.genes["gene_id"], strict=True))
    held_out = targets[targets["transcript_id"].isin(result.actual["transcript_id"])]
    ceiling = usage_accuracy(held_out, read_targets(simulated.truth_signal), genes)["spearman_pooled"][0]
    found = result.metrics["predictors"]
    assert 0.5 < ceiling < 0.9
    assert 0.3 < found["model"]["median_level_pooled"] < ceiling
    assert found["model"]["median_level_within"] > 0.1
    assert found["ridge_totals"]["median_level_pooled"] > 0.3
    assert found["length_only"]["median_level_pooled"] < 0.2
