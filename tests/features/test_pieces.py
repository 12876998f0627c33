from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_models import toy_models

from decode.features.binning import count_block
from decode.features.pieces import Pieces, linked_pieces, merge_elements, promoter_pieces, window_pieces
from decode.genome.assembly import Assembly

ASSEMBLY = Assembly("toy", {"chr1": 3000, "chr2": 500})
MODELS = toy_models(
    ASSEMBLY,
    [
        ("A", "chr1", "+", [(1000, 1030)]),
        ("B", "chr1", "-", [(2000, 2040)]),  # TSS 2039
        ("C", "chr2", "+", [(5, 45)]),
    ],
)


def counted(pieces: Pieces, starts: list[int], ends: list[int]) -> list[tuple[int, int]]:
    rows, bases = count_block(pieces, np.array(starts), np.array(ends))
    return list(zip(rows.tolist(), bases.tolist(), strict=True))


def elements(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["gene_id", "chrom", "start", "end"])


class TestWindows:
    def test_promoter_is_a_window(self):
        for first, second in zip(promoter_pieces(MODELS, 10, 20, 10), window_pieces(MODELS, -20, 10, 10), strict=True):
            if isinstance(first, Pieces):
                for mine, theirs in zip(first.columns, second.columns, strict=True):
                    np.testing.assert_array_equal(mine, theirs)
            else:
                np.testing.assert_array_equal(first, second)

    def test_downstream_window_by_hand(self):
        pieces, bin_length_bp, offsets = window_pieces(MODELS, 5, 30, 10)  # A 1005-1030, B 2010-2035 reversed, C 10-35
        assert offsets.tolist() == [0, 3, 6, 9]
        assert bin_length_bp.tolist() == [10, 10, 5] * 3
        assert counted(pieces, [1000], [1006]) == [(0, 1)]
        assert counted(pieces, [2033], [2039]) == [(3, 2)]  # the 5' end of B's window
        assert counted(pieces, [2009], [2011]) == [(5, 1)]
        assert counted(pieces, [3010], [3012]) == [(6, 2)]

    def test_window_before_the_chromosome_is_masked(self):
        _, bin_length_bp, _ = window_pieces(MODELS, -30, -10, 10)
        assert bin_length_bp.tolist() == [10, 10, 10, 10, 0, 0]  # C: -25 to -5

    def test_faults(self):
        with pytest.raises(ValueError, match=r"window 10\.\.10 is empty"):
            window_pieces(MODELS, 10, 10)
        with pytest.raises(ValueError, match=r"first_bp is 1\.5; a whole number"):
            window_pieces(MODELS, 1.5, 10)
        with pytest.raises(ValueError, match="bin_size is 0"):
            window_pieces(MODELS, 0, 10, 0)


class TestLinked:
    def test_overlapping_elements_of_a_gene_are_united(self):
        merged = merge_elements(
            elements(
                ("A", "chr1", 5, 9), ("B", "chr1", 7, 8), ("A", "chr1", 1, 6), ("A", "chr2", 1, 6), ("A", "chr1", 9, 12)
            )
        )
        assert merged.to_numpy().tolist() == [["A", "chr1", 1, 12], ["A", "chr2", 1, 6], ["B", "chr1", 7, 8]]
        nested = merge_elements(elements(("A", "chr1", 0, 100), ("A", "chr1", 10, 20), ("A", "chr1", 50, 60)))
        assert nested.to_numpy().tolist() == [["A", "chr1", 0, 100]]

    def test_nearest_element_first_in_the_direction_of_the_gene(self):
        links = elements(
            ("A", "chr1", 1500, 1512),  # 500 away
            ("A", "chr1", 700, 705),  # 296 away
            ("A", "chr2", 100, 103),  # another chromosome: last
            ("B", "chr1", 1500, 1512),  # shared with A; 528 away
            ("B", "chr1", 2030, 2045),  # holds the TSS
        )
        pieces, bin_length_bp, offsets = linked_pieces(MODELS, links, 10)
        assert offsets.tolist() == [0, 2, 5, 5]  # C has none
        assert bin_length_bp.tolist() == [10, 10, 10, 10, 7]
        assert counted(pieces, [704], [705]) == [(0, 1)]  # A: base 4
        assert counted(pieces, [1500], [1501]) == [(0, 1), (4, 1)]  # A: base 5; B runs backwards: base 26
        assert counted(pieces, [1504], [1508]) == [(0, 1), (1, 3), (3, 1), (4, 3)]
        assert counted(pieces, [2044], [2046]) == [(2, 1)]  # B: base 0
        assert counted(pieces, [3100], [3101]) == [(1, 1)]  # A: base 17

    def test_transcripts_of_a_gene_have_its_elements_each(self):
        table = MODELS.table.assign(gene_id=["A", "A", "C"], transcript_id=["T1", "T2", "T3"])
        models = type(MODELS)("transcript", ASSEMBLY, "toy", table, MODELS.exons)
        links = elements(("A", "chr1", 1100, 1110), ("A", "chr1", 2100, 2120))
        pieces, _, offsets = linked_pieces(models, links, 10)
        assert offsets.tolist() == [0, 3, 6, 6]
        assert counted(pieces, [1100], [1101]) == [(0, 1), (5, 1)]  # first for T1, last for T2

    def test_no_gene_has_elements(self):
        pieces, bin_length_bp, offsets = linked_pieces(MODELS, elements(("Z", "chr1", 1, 5)), 10)
        assert offsets.tolist() == [0, 0, 0, 0]
        assert len(bin_length_bp) == 0
        assert counted(pieces, [1], [5]) == []
