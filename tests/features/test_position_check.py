from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.features.pieces import Pieces, make_pieces, rna_pieces
from decode.features.position_check import (
    MIN_HITS,
    N_DISPLACED,
    PositionCounts,
    SiteSample,
    count_positions,
    judge_positions,
    sample_sites,
    union_of,
)
from decode.genome.assembly import Assembly

ASSEMBLY = Assembly("toy", {"chr1": 2_000_000, "chr2": 1_000_000})
SOURCE = {"path": "sites.bed", "kind": "TF", "region": "promoter"}
UNION = (np.arange(50) * 60_000 + 30_000, np.arange(50) * 60_000 + 33_000)  # 5 % of the genome


def sites(position: np.ndarray, length: int = 100, strand: int = 0, n_sampled: int = 100_000) -> list[SiteSample]:
    n = len(position)
    lengths, strands = np.full(n, length, dtype=np.int32), np.full(n, strand, dtype=np.int8)
    return [sample_sites(position.astype(np.int64), lengths, strands, n_sampled)]


def check(position: np.ndarray, seed: int = 0) -> PositionCounts:
    return count_positions(UNION, ASSEMBLY, 0, sites(position), seed=seed)


def pieces_of(blocks: list[tuple[int, int]]) -> Pieces:
    intervals = pd.DataFrame(blocks, columns=["start", "end"], dtype=np.int64).assign(chrom="chr1", strand="+")
    number = np.arange(len(blocks))
    return make_pieces(
        intervals, 0 * number, number, bin_size=100, n_rows=len(blocks), assembly=ASSEMBLY, is_stranded=False
    )


def test_union_of_overlapping_pieces() -> None:
    assert [part.tolist() for part in union_of(pieces_of([(10, 12), (5, 9), (20, 30), (8, 11), (40, 41)]))] == [
        [5, 20, 40],
        [12, 30, 41],
    ]
    assert [part.tolist() for part in union_of(pieces_of([]))] == [[], []]


def test_counts_by_chromosome() -> None:
    found = check(np.array([30_000, 29_900, 29_901, 33_000, 2_010_000, 2_134_000]))
    assert found.n_sampled.tolist() == [4, 2]
    assert found.n_inside.tolist() == [2, 1]  # 29,901 reaches in by one base; 33,000 is the first base outside
    assert found.n_displaced_inside.shape == (2,)


def test_displaced_share_is_that_of_chance() -> None:
    rng = np.random.default_rng(1)
    found = check(rng.integers(0, 2_900_000, 20_000))
    share = found.n_displaced_inside.sum() / N_DISPLACED / 20_000
    assert share == pytest.approx(3100 / 60_000, abs=0.004)
    assert found.n_inside.sum() / 20_000 == pytest.approx(3100 / 60_000, abs=0.006)


def test_samples_are_evenly_spaced() -> None:
    (sample,) = sites(np.arange(10) * 7, n_sampled=5)
    assert sample.position.tolist() == [0, 14, 28, 42, 56]
    assert [len(part) for part in sites(np.arange(3), n_sampled=5)[0]] == [3, 3, 3]
    assert [len(part) for part in sites(np.arange(0))[0]] == [0, 0, 0]


def test_files_are_put_together_and_seeds_repeat() -> None:
    position = np.arange(5000) * 500
    both = count_positions(UNION, ASSEMBLY, 0, sites(position[:99]) + sites(position[99:]))
    one = check(position)
    assert [part.tolist() for part in both] == [part.tolist() for part in one]
    assert check(position, seed=1).n_displaced_inside.tolist() != one.n_displaced_inside.tolist()


def test_strand_matters_where_the_region_is_stranded() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "-", [(500_000, 500_900)])])
    pieces, _, _ = rna_pieces(models, 100)
    union = union_of(pieces)
    for strand, expected in ((-1, 1), (1, 0), (0, 1)):
        one = sites(np.array([500_100]), strand=strand)
        found = count_positions(union, ASSEMBLY, pieces.strand_shift, one)
        assert found.n_inside.sum() == expected


def test_a_chromosome_shorter_than_the_displacement() -> None:
    tiny = Assembly("tiny", {"chr1": 500})
    union = (np.array([100]), np.array([200]))
    found = count_positions(union, tiny, 0, sites(np.array([150, 450]), length=50))
    assert found.n_inside.tolist() == [1]
    whole = count_positions(union, tiny, 0, sites(np.array([0]), length=500))
    assert (whole.n_inside.tolist(), whole.n_displaced_inside.tolist()) == ([1], [N_DISPLACED])


def judged(inside: list[int], displaced: list[int], n: int = 10_000, **options: object) -> dict[str, object]:
    parts = PositionCounts(
        np.full(len(inside), n), np.array(inside, dtype=np.int64), np.array(displaced, dtype=np.int64) * N_DISPLACED
    )
    source = SOURCE | {key: options[key] for key in ("kind", "region") if key in options}
    return judge_positions(source, parts, suspicion=options.get("suspicion", "raise"))


def test_right_build_is_fine(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = judged([2500, 2500, 2500], [400, 400, 400])
    assert not caplog.records
    assert result["verdict"] == "fine"
    assert result["odds_ratio"] == pytest.approx((2500.5 / 7500.5) / (400.5 / 9600.5))
    assert result["share"] == 0.25
    assert result["share_shuffled"] == 0.04
    assert {name: result[name] for name in SOURCE} == SOURCE


def test_wrong_build_raises() -> None:
    with pytest.raises(ValueError, match=r"TF sites of sites\.bed: 4\.0% lie in promoters, displaced ones 4\.0%"):
        judged([400, 410, 390], [400, 400, 400])
    # an arm with the same coordinates in both builds does not save the file
    with pytest.raises(ValueError, match="look like sites of another genome build or strand"):
        judged([400, 410, 3000], [400, 400, 400])
    with pytest.raises(ValueError, match="exons on their strand"):
        judged([400], [400], kind="RBP", region="rna")


def test_allowed_or_nearly_chance_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert judged([400], [400], suspicion="warn")["verdict"] == "by chance"
        assert judged([400], [400], kind="other")["verdict"] == "by chance"
        assert judged([600], [400])["verdict"] == "near chance"
        assert judged([600], [400], region="distal")["verdict"] == "near chance"
    assert "lie in the region distal" in caplog.text
    assert [record.message.endswith("check the genome build and the strands") for record in caplog.records] == [
        True
    ] * 4


def test_windows_far_from_the_tss_are_not_judged(caplog: pytest.LogCaptureFixture) -> None:
    result = judged([400], [400], suspicion="none")
    assert (result["verdict"], round(result["odds_ratio"], 6)) == ("not judged", 1)
    assert not caplog.records


def test_dense_genes_do_not_look_suspicious() -> None:
    assert judged([9500], [8000])["verdict"] == "fine"


def test_too_few_sites_say_nothing() -> None:
    result = judged([MIN_HITS // 2 - 1], [MIN_HITS // 2])
    assert (result["verdict"], result["odds_ratio"]) == ("too few sites", None)
    result = judged([0], [0], n=0)
    assert (result["verdict"], result["share"], result["share_shuffled"]) == ("too few sites", None, None)


def test_chromosomes_without_genes_do_not_count() -> None:
    few = (UNION[0][:30], UNION[1][:30])  # chr1 alone
    at_genes = np.repeat(few[0], 20)
    elsewhere = 2_000_000 + np.random.default_rng(3).integers(0, 900_000, 2000)
    found = count_positions(few, ASSEMBLY, 0, sites(np.concatenate([at_genes, elsewhere])))
    assert found.n_sampled.tolist() == [600, 0]
    assert judge_positions(SOURCE, found)["verdict"] == "fine"
    stranded = (few[0] + ASSEMBLY.length_bp, few[1] + ASSEMBLY.length_bp)  # genes of the minus strand
    back = count_positions(stranded, ASSEMBLY, ASSEMBLY.length_bp, sites(at_genes, strand=-1))
    assert back.n_sampled.tolist() == [600, 0]
