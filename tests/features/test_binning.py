from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_models import Spec, toy_models

from decode.features import binning
from decode.features.binning import count_block, count_tracks, rows_to_csr
from decode.features.pieces import Pieces, bin_lengths, make_pieces, promoter_pieces, rna_pieces
from decode.genome.assembly import Assembly

ASSEMBLY = Assembly("toy", {"chr1": 300, "chr2": 90, "chr10": 40})
Site = tuple[str, int, int, str]


def counted(pieces: Pieces, sites: list[Site], track: list[int] | None = None, n_tracks: int = 1) -> np.ndarray:
    """Dense counts (n_rows, n_tracks) of sites given by chromosome, start, end and strand."""
    position = np.array([ASSEMBLY.offsets[chrom] + start for chrom, start, _, _ in sites], dtype=np.int64)
    length = np.array([end - start for _, start, end, _ in sites], dtype=np.int32)
    strand = np.array([{"+": 1, "-": -1, ".": 0}[s] for _, _, _, s in sites], dtype=np.int8)
    numbers = np.array(track if track is not None else [0] * len(sites), dtype=np.int32)
    rows, bases = zip(*count_tracks(pieces, numbers, position, length, strand, n_tracks), strict=True)
    matrix = rows_to_csr(list(rows), list(bases), pieces.n_rows, np.int32)
    matrix.check_format()
    for row in range(matrix.shape[0]):
        assert (np.diff(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]) > 0).all()
    assert (matrix.data > 0).all()
    return matrix.toarray()


def covered_bases(sites: list[Site], chrom: str, strand: str | None) -> np.ndarray:
    """Oracle: one boolean a base of the chromosome, with margins of 500 bases on both sides."""
    covered = np.zeros(ASSEMBLY.sizes[chrom] + 1000, dtype=bool)
    for site_chrom, start, end, site_strand in sites:
        if site_chrom == chrom and (strand is None or site_strand in (strand, ".")):
            covered[500 + start : 500 + end] = True
    return covered


def oracle(
    specs: list[Spec], sites: list[Site], region: str, bin_size: int, upstream: int, downstream: int, stranded: bool
) -> tuple[list[list[int]], list[list[int]]]:
    """Counts and bin lengths per gene and bin, base by base."""
    counts, lengths = [], []
    for _, chrom, strand, exons in specs:
        size = ASSEMBLY.sizes[chrom]
        if region == "promoter":
            tss = exons[0][0] if strand == "+" else exons[-1][1] - 1
            step = 1 if strand == "+" else -1
            bases = [tss + step * i for i in range(-upstream, downstream)]
        else:
            bases = [base for start, end in exons for base in range(start, end)]
            bases = bases if strand == "+" else bases[::-1]
        covered = covered_bases(sites, chrom, strand if stranded else None)
        bins = [bases[i : i + bin_size] for i in range(0, len(bases), bin_size)]
        counts.append([sum(bool(covered[500 + base]) for base in part if 0 <= base < size) for part in bins])
        lengths.append([sum(0 <= base < size for base in part) for part in bins])
    return counts, lengths


@st.composite
def gene_specs(draw: st.DrawFn) -> list[Spec]:
    specs: list[Spec] = []
    for number in range(draw(st.integers(1, 4))):
        chrom = draw(st.sampled_from(list(ASSEMBLY.sizes)))
        edges = draw(st.lists(st.integers(0, ASSEMBLY.sizes[chrom]), min_size=2, max_size=8, unique=True))
        edges = sorted(edges)[: len(edges) // 2 * 2]
        specs.append(
            (f"G{number}", chrom, draw(st.sampled_from("+-")), list(zip(edges[::2], edges[1::2], strict=True)))
        )
    return specs


@st.composite
def site_lists(draw: st.DrawFn) -> list[Site]:
    sites: list[Site] = []
    for _ in range(draw(st.integers(0, 12))):
        chrom = draw(st.sampled_from(list(ASSEMBLY.sizes)))
        start = draw(st.integers(0, ASSEMBLY.sizes[chrom] - 1))
        end = draw(st.integers(start + 1, min(start + 60, ASSEMBLY.sizes[chrom])))
        sites.append((chrom, start, end, draw(st.sampled_from("+-."))))
    return sites


@settings(max_examples=150, deadline=None)
@given(gene_specs(), site_lists(), st.sampled_from([1, 7, 10, 25, 400]))
def test_rna_counts_equal_the_oracle(specs: list[Spec], sites: list[Site], bin_size: int) -> None:
    pieces, bin_length_bp, offsets = rna_pieces(toy_models(ASSEMBLY, specs), bin_size)
    expected, lengths = oracle(specs, sites, "rna", bin_size, 0, 0, stranded=True)
    assert np.diff(offsets).tolist() == [len(gene) for gene in expected]
    assert bin_length_bp.tolist() == [bp for gene in lengths for bp in gene]
    assert counted(pieces, sites)[:, 0].tolist() == [bases for gene in expected for bases in gene]


@settings(max_examples=150, deadline=None)
@given(
    gene_specs(), site_lists(), st.sampled_from([1, 7, 10, 25, 400]), st.integers(0, 60), st.integers(0, 60),
    st.booleans(),
)  # fmt: skip
def test_promoter_counts_equal_the_oracle(
    specs: list[Spec], sites: list[Site], bin_size: int, upstream: int, downstream: int, stranded: bool
) -> None:
    downstream = max(downstream, 1 - upstream)
    pieces, bin_length_bp, offsets = promoter_pieces(
        toy_models(ASSEMBLY, specs), bin_size, upstream, downstream, is_stranded=stranded
    )
    expected, lengths = oracle(specs, sites, "promoter", bin_size, upstream, downstream, stranded)
    assert np.diff(offsets).tolist() == [len(gene) for gene in expected]
    assert bin_length_bp.tolist() == [bp for gene in lengths for bp in gene]
    assert counted(pieces, sites)[:, 0].tolist() == [bases for gene in expected for bases in gene]


@settings(max_examples=50, deadline=None)
@given(gene_specs(), site_lists(), st.randoms(use_true_random=False))
def test_a_block_of_tracks_equals_its_tracks_one_by_one(specs: list[Spec], sites: list[Site], random: object) -> None:
    pieces, _, _ = rna_pieces(toy_models(ASSEMBLY, specs), 10)
    track = [random.randrange(3) for _ in sites]  # type: ignore[attr-defined]
    block = counted(pieces, sites, track, 3)
    for number in range(3):
        own = [site for site, t in zip(sites, track, strict=True) if t == number]
        np.testing.assert_array_equal(block[:, number], counted(pieces, own)[:, 0])


def test_promoter_of_a_minus_strand_gene_by_hand() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "-", [(50, 101)])])  # tss = 100
    pieces, bin_length_bp, offsets = promoter_pieces(models, 10, 20, 10)
    assert offsets.tolist() == [0, 3]
    assert bin_length_bp.tolist() == [10, 10, 10]
    # window [100 - 10 + 1, 100 + 20 + 1) = [91, 121); bin 0 = [111, 121), bin 2 = [91, 101)
    assert counted(pieces, [("chr1", 119, 125, "+")])[:, 0].tolist() == [2, 0, 0]
    assert counted(pieces, [("chr1", 99, 112, ".")])[:, 0].tolist() == [1, 10, 2]
    assert counted(pieces, [("chr1", 80, 92, "-")])[:, 0].tolist() == [0, 0, 1]


def test_window_past_both_chromosome_ends_keeps_its_bins() -> None:
    models = toy_models(ASSEMBLY, [("A", "chr10", "+", [(5, 30)]), ("B", "chr10", "-", [(5, 38)])])
    pieces, bin_length_bp, offsets = promoter_pieces(models, 10, 20, 10)
    assert offsets.tolist() == [0, 3, 6]
    assert bin_length_bp.tolist() == [0, 5, 10, 0, 2, 10]
    everything = [(chrom, 0, size, ".") for chrom, size in ASSEMBLY.sizes.items()]
    assert counted(pieces, everything)[:, 0].tolist() == bin_length_bp.tolist()


def test_overlapping_abutting_and_contained_sites_count_once() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "+", [(100, 120), (140, 155)])])
    pieces, bin_length_bp, _ = rna_pieces(models, 10)
    assert bin_length_bp.tolist() == [10, 10, 10, 5]
    sites = [("chr1", 105, 112, "+"), ("chr1", 100, 130, "+"), ("chr1", 118, 119, "+"), ("chr1", 150, 152, "+")]
    assert counted(pieces, sites)[:, 0].tolist() == [10, 10, 0, 2]
    assert counted(pieces, sites[::-1])[:, 0].tolist() == [10, 10, 0, 2]
    assert counted(pieces, [("chr1", 105, 110, "+"), ("chr1", 110, 115, "+")])[:, 0].tolist() == [5, 5, 0, 0]
    assert counted(pieces, [("chr1", 100, 160, "-")])[:, 0].tolist() == [0, 0, 0, 0]
    assert counted(pieces, [("chr1", 119, 141, ".")])[:, 0].tolist() == [0, 1, 1, 0]


def test_a_bin_across_a_splice_junction_adds_its_pieces() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "-", [(10, 17), (50, 56)])])
    pieces, bin_length_bp, offsets = rna_pieces(models, 10)
    assert (offsets.tolist(), bin_length_bp.tolist()) == ([0, 2], [10, 3])
    # RNA 5' to 3': 55..50, then 16..10; bin 0 = 55..50 and 16..13
    assert counted(pieces, [("chr1", 15, 17, "-"), ("chr1", 50, 52, "-")])[:, 0].tolist() == [4, 0]
    assert counted(pieces, [("chr1", 0, 300, "-")])[:, 0].tolist() == [10, 3]


def plain_pieces(blocks: list[tuple[int, int]], bin_size: int, size: int = 100) -> Pieces:
    """Each block is a gene of its own on one unstranded chromosome."""
    intervals = pd.DataFrame(blocks, columns=["start", "end"], dtype=np.int64).assign(chrom="chr1", strand="+")
    n_bins = np.array([-(-(end - start) // bin_size) for start, end in blocks], dtype=np.int64)
    row = np.cumsum(n_bins) - n_bins
    return make_pieces(
        intervals, np.zeros(len(blocks), np.int64), row, bin_size=bin_size, n_rows=int(n_bins.sum()),
        assembly=Assembly("plain", {"chr1": size}), is_stranded=False,
    )  # fmt: skip


def test_count_block_and_empty_input() -> None:
    pieces = plain_pieces([(20, 30), (0, 10)], 10)
    assert bin_lengths(pieces).tolist() == [10, 10]
    rows, bases = count_block(pieces, np.array([25, 5]), np.array([40, 21]))
    assert (rows.tolist(), bases.tolist()) == ([0, 1], [6, 5])
    rows, bases = count_block(pieces, np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert (rows.tolist(), bases.tolist()) == ([], [])
    nowhere = plain_pieces([(200, 210)], 10)
    assert bin_lengths(nowhere).tolist() == [0]
    assert count_block(nowhere, np.array([0]), np.array([100]))[0].tolist() == []


def test_a_long_piece_before_short_ones_is_not_missed() -> None:
    pieces = plain_pieces([(0, 90), (10, 20), (30, 40), (50, 60)], 100)
    rows, bases = count_block(pieces, np.array([15, 55]), np.array([16, 57]))
    assert dict(zip(rows.tolist(), bases.tolist(), strict=True)) == {0: 3, 1: 1, 3: 2}


def test_many_overlaps_grow_the_buffers() -> None:
    n = 3000
    pieces = plain_pieces([(0, n * 10)], 10, size=n * 10)
    rows, bases = count_block(pieces, np.array([3]), np.array([n * 10]))
    assert rows.tolist() == list(range(n))
    assert (bases[0], set(bases[1:].tolist())) == (7, {10})
    starts = np.arange(n) * 10 + 4
    ((_, bases),) = count_tracks(
        pieces, np.zeros(n, np.int32), starts, np.full(n, 3, np.int32), np.zeros(n, np.int8), 1
    )
    assert bases.tolist() == [3] * n


def test_rows_to_csr_adds_up_repeats() -> None:
    rows = [np.array([2, 0, 2], np.int32), np.zeros(0, np.int32), np.array([2], np.int32)]
    bases = [np.array([5, 1, 6], np.int16), np.zeros(0, np.int16), np.array([9], np.int16)]
    matrix = rows_to_csr(rows, bases, 3, np.int16)
    assert matrix.dtype == np.int16
    assert matrix.toarray().tolist() == [[1, 0, 0], [0, 0, 0], [11, 0, 9]]
    assert matrix.has_canonical_format
    assert rows_to_csr([], [], 2, np.int16).shape == (2, 0)
    assert rows_to_csr([np.zeros(0, np.int32)], [np.zeros(0, np.int16)], 2, np.int16).shape == (2, 1)


@pytest.mark.parametrize("is_sorted", [True, False])
def test_rows_to_csr_in_blocks(is_sorted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binning, "BLOCK_VALUES", 50)
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 200, n).astype(np.int32) for n in (0, 400, 300, 1, 500)]
    rows = [np.sort(part) if is_sorted else part for part in rows]
    bases = [rng.integers(1, 9, len(part)).astype(np.int16) for part in rows]
    expected = np.zeros((200, 5), dtype=np.int64)
    for track, (track_rows, track_bases) in enumerate(zip(rows, bases, strict=True)):
        np.add.at(expected[:, track], track_rows, track_bases)
    matrix = rows_to_csr(rows, bases, 200, np.int16)
    matrix.check_format()
    np.testing.assert_array_equal(matrix.toarray(), expected)


def test_bad_sizes_and_chromosomes() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "+", [(100, 120)])])
    for bin_size in (0, -5, 2.5):
        with pytest.raises(ValueError, match="bin_size is"):
            rna_pieces(models, bin_size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="upstream is -1"):
        promoter_pieces(models, 10, -1, 10)
    with pytest.raises(ValueError, match=r"upstream \+ downstream is 0"):
        promoter_pieces(models, 10, 0, 0)
    elsewhere = toy_models(ASSEMBLY, [("G", "chr7", "+", [(100, 120)])])
    with pytest.raises(ValueError, match="chromosomes that build toy lacks: chr7"):
        rna_pieces(elsewhere, 10)


def test_no_gene() -> None:
    models = toy_models(ASSEMBLY, [("G", "chr1", "+", [(100, 120)])])
    empty = type(models)("gene", ASSEMBLY, "toy", models.table.iloc[:0], models.exons.iloc[:0])
    assert isinstance(empty.table, pd.DataFrame)
    for pieces, bin_length_bp, offsets in (rna_pieces(empty, 10), promoter_pieces(empty, 10, 20, 10)):
        assert (len(pieces.start), len(bin_length_bp), offsets.tolist()) == (0, 0, [0])
