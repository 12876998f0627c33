"""Numbers that no measurement gives are refused with the file and the cell."""

from __future__ import annotations

import pandas as pd
import pytest

import decode
from decode.drivers.networks import read_network
from decode.drivers.prior import read_de_prior
from decode.genome.lift_files import lift_file
from decode.regulators.gene_lists import read_pli

CHAIN = "chain 1 chr1 1000 + 0 1000 chr1 1000 + 0 1000 1\n1000\n\n"


def written(tmp_path, text: str):
    path = tmp_path / "given.tsv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("number", ["1e308", "-2e6", "1e39"])
def test_targets_beyond_any_log2(tmp_path, number):
    path = written(tmp_path, f"gene_id\tliver\nG1\t0.5\nG2\t{number}\n")
    with pytest.raises(ValueError, match=r"given\.tsv.* (beyond|numbers beyond) .*G2"):
        decode.read_targets(path)


def test_expression_beyond_float32(tmp_path):
    path = written(tmp_path, "gene\ta\tb\nG1\t0.5\t1\nG2\t1\t1e308\n")
    with pytest.raises(ValueError, match=r"given\.tsv holds numbers beyond 3e\+38.*row G2, column b: 1e\+308"):
        decode.read_expression(path)


@pytest.mark.parametrize(("p", "q"), [("1.5", "1"), ("0.1", "-0.2"), ("0.1", "7"), ("0.1", "inf")])
def test_p_values_outside_0_to_1(tmp_path, p, q):
    path = written(tmp_path, f"gene\tlogFC\tt\tP.Value\tadj.P.Val\nA\t1\t2\t0.1\t0.2\nB\t-1\t-2\t{p}\t{q}\n")
    with pytest.raises(ValueError, match=r"given\.tsv.*p-values.* outside 0 to 1"):
        decode.read_de_table(path)


@pytest.mark.parametrize("rank", ["1.2", "-0.1", "inf", "high"])
def test_ranks_of_the_prior(tmp_path, rank):
    path = written(tmp_path, f"Gene_Name\tDE_Prior_Rank\nA\t0.5\nB\t{rank}\n")
    genes = pd.DataFrame({"gene_id": ["G1", "G2"], "gene_name": ["A", "B"]})
    with pytest.raises(ValueError, match=r"given\.tsv"):
        read_de_prior(path, genes)


def test_shares_of_other_tables(tmp_path):
    with pytest.raises(ValueError, match=r"pLI of pLI table .*given\.tsv lie outside 0 to 1"):
        read_pli(written(tmp_path, "gene\tpLI\nA\t0.999\nB\t99.9\n"))
    row = "overall\tTF\tMYC\t1\t30\t0.1\t0.1"
    text = f"task\tkind\tregulator\tn_tracks\tn_bound_genes\tmean\tmean_abs\tfdr\n{row}\t1.2\n"
    with pytest.raises(ValueError, match=r"fdr of ranking .*given\.tsv lie outside 0 to 1"):
        decode.read_ranking(written(tmp_path, text))
    with pytest.raises(ValueError, match=r"given\.tsv line 3: the weight is 'inf'"):
        read_network(written(tmp_path, "tf\ttarget\tmor\nMYC\tA\t1\nMYC\tB\tinf\n"))


@pytest.mark.parametrize("number", ["1_0", "0x10", "1e1", "10.0", "-5", "9" * 30, "\u0663"])
def test_coordinates_in_disguise(tmp_path, number):
    (tmp_path / "a.chain").write_text(CHAIN)
    bed = written(tmp_path, f"chr1\t5\t20\tCTCF\nchr1\t{number}\t40\tCTCF\n")
    with pytest.raises(ValueError, match=r"given\.tsv|negative"):
        lift_file(bed, tmp_path / "a.chain", tmp_path / "out.bed")
    assert not (tmp_path / "out.bed").exists()
    with pytest.raises(ValueError, match=r"given\.tsv line 2"):
        decode.read_sites(decode.SiteSource("TF", bed), build="hg38")
    sizes = written(tmp_path, f"chr1\t1000\nchr2\t{number}\n")
    with pytest.raises(ValueError, match=r"given\.tsv line 2 is"):
        decode.get_assembly("mine", sizes)


def test_scores_in_disguise(tmp_path):
    bed = written(tmp_path, "chr1\t5\t20\tCTCF\t3\nchr1\t30\t40\tCTCF\t1_0\n")
    with pytest.raises(ValueError, match=r"given\.tsv line 2 .*score '1_0' in column 5 is not a number"):
        decode.read_sites(decode.SiteSource("TF", bed, min_score=2), build="hg38")


def test_a_genome_larger_than_any(tmp_path):
    sizes = written(tmp_path, "chr1\t500000000000000000\nchr2\t900000000000000000\n")
    with pytest.raises(ValueError, match=r"sizes file .*given\.tsv: build 'mine' has 1,400,000,000,000,000,000 bp"):
        decode.get_assembly("mine", sizes)


@pytest.mark.parametrize("column", [3, 8, 9])
def test_exons_in_disguise(tmp_path, column):
    cells = ["NM_1", "chr1", "+", "100", "400", "100", "100", "2", "100,300,", "200,400,"]
    row = list(cells)
    row[column] = {3: "1_0", 8: "100,3_00,", 9: "200,0x10,"}[column]
    path = written(tmp_path, "\t".join(cells) + "\n" + "\t".join(["NM_2", *row[1:]]) + "\n")
    with pytest.raises(ValueError, match=r"given\.tsv"):
        decode.read_annotation(path, build="hg38")
