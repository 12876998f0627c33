"""Inputs as other tools and spreadsheets really write them: read rightly, or refused in one sentence."""

# ruff: noqa: E501  one case a line reads as a table

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from command_line import call

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
READ, REFUSED = 0, 2


class Case(NamedTuple):
    """One command, its exit status, and words that its output, errors or log must hold."""

    name: str
    command: str
    status: int
    words: str = ""


DRIVERS = [
    Case("plain", "de.tsv", READ, "320 genes"),
    Case("1a", "01_quotes/de_description.tsv", READ, "320 genes"),
    Case("1b", "01_quotes/de_middle.csv", READ, "320 genes"),
    Case("2a", "02_matrix/conserved_markers.csv", READ, "CTRL.*STIM"),
    Case("2b", "02_matrix/noiseq.csv", REFUSED, "ctrl_mean.*no contrasts"),
    Case("2c", "02_matrix/wide_pairs.csv", READ, "A.*B"),
    Case("2d", "02_matrix/scvi.csv", REFUSED, "proba_de.*no contrasts"),
    Case("3a", "03_statistic/presto_wilcoxauc.csv", READ, "normal quantile"),
    Case("3b", "03_statistic/wilcoxon_w.tsv", READ, "normal quantile"),
    Case("5b", "05_cr_only/de.tsv", READ, "320 genes"),
    Case("6c", "06_lift37/de.tsv", READ, "320 genes"),
    Case("8", "08_cooks/deseq2.csv", READ, "20 rows without a p-value"),
    Case("9a", "09_one_sided/only_pos.csv", READ, "signs mean nothing"),
    Case("9b", "09_one_sided/significant_only.csv", READ, "cut at significance"),
    Case("9c", "09_one_sided/scanpy_top.csv", READ, "signs mean nothing"),
    Case("10e", "10_bom/de_utf16.txt", READ, "320 genes"),
    Case("11a", "11_blank_names/scanpy.csv", READ, "300 genes"),
    Case("11b", "11_blank_names/deseq2_symbol.csv --gene-column symbol", READ, "293 genes"),
    Case("12a", "12_gene_column/deseq2_tidy.csv", READ, "320 genes"),
    Case("12b", "12_gene_column/merged.csv", READ, "320 genes"),
    Case("12c", "12_gene_column/geo2r.tsv", READ, "304 genes"),
    Case("18a", "18_others/inf_fold_change.csv", READ, "320 genes"),
    Case("18b", "18_others/comments.tsv", READ, "320 genes"),
    Case("18c", "18_others/excel_dates.csv", READ, "dates that a spreadsheet made"),
    Case("18e", "18_others/entrez_floats.csv --id-map 18_others/entrez_map.tsv", READ, "320 genes"),
]
EXPRESSION = [
    Case("1c", "tissue 01_quotes/expression.tsv", READ, "n_genes: 320"),
    Case("4a", "tissue 04_one_sample/sample.genes.results", REFUSED, "RSEM.*one sample"),
    Case("4b", "tissue 04_one_sample/abundance.tsv", REFUSED, "kallisto.*one sample"),
    Case("4c", "tissue 04_one_sample/quant.sf", REFUSED, "Salmon.*one sample"),
    Case("4d", "table 04_one_sample/counts.txt", READ, "n_tasks: 4"),
    Case("5c", "tissue 05_cr_only/expression.tsv", READ, "n_genes: 320"),
    Case("6b", "tissue 06_lift37/expression.tsv", READ, "n_genes"),
    Case("18d", "table 18_others/transposed.csv --already-log2", REFUSED, "genes in its columns.*transpose"),
    Case("18f", "tissue 18_others/task_overall.tsv", REFUSED, "overall"),
]
BUILD = [
    Case("5a", "--annotation genes.gtf.gz --promoter-sites TF=05_cr_only/sites.bed", READ, "300"),
    Case("5d", "--annotation 05_cr_only/genes.gtf --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "genes"),
    Case("6a", "--annotation 06_lift37/genes.gtf --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "31 genes"),
    Case("7a", "--annotation 07_refseq/genes.gtf --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "24 genes"),
    Case("7b", "--annotation 07_refseq/genes.gtf --representative mane --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "24 genes"),
    Case("10c", "--annotation genes.gtf.gz --sizes 10_bom/sizes.tsv --promoter-sites TF=sites.bed.gz", READ, "1685 genes"),
    Case("10d", "--annotation 10_bom/genes.gtf --promoter-sites TF=sites.bed.gz", READ, "genes"),
    Case("10f", "--annotation genes.gtf.gz --promoter-sites TF=10_bom/sites.bed.xz", READ, "1685 genes"),
    Case("10g", "--annotation genes.gtf.gz --promoter-sites TF=10_bom/sites.bed.bz2", READ, "1685 genes"),
    Case("10h", "--annotation genes.gtf.gz --promoter-sites TF=10_bom/sites.bed.zip", REFUSED, "zip archive"),
    Case("10i", "--annotation genes.gtf.gz --promoter-sites TF=10_bom/sites.bed.zst", REFUSED, "zstd"),
    Case("14", "--annotation genes.gtf.gz --promoter-sites TF=14_past_end/sites.bed", READ, "clipped"),
    Case("16", "--annotation 16_table_browser/genes.gtf --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "--id-map"),
    Case("16b", "--annotation 16_table_browser/genes.gtf --id-map 16_table_browser/id_map.tsv --promoter-sites TF=sites.bed.gz --allow-suspicious", READ, "36 genes"),
    Case("17a", "--annotation genes.gtf.gz --rna-sites RBP=17_site_names/postar3.txt", READ, "genes"),
    Case("17b", "--annotation genes.gtf.gz --rna-sites RBP=17_site_names/eclip.bed", REFUSED, "--format RBP=eclip"),
    Case("17c", "--annotation genes.gtf.gz --promoter-sites TF=17_site_names/remap_nr.bed", REFUSED, "--format TF=remap"),
    Case("17d", "--annotation genes.gtf.gz --promoter-sites TF=17_site_names/chip_atlas.bed", REFUSED, "--format TF=chip-atlas"),
    Case("17e", "--annotation genes.gtf.gz --promoter-sites TF=17_site_names/r_quoted.bed", READ, "10 tracks"),
]  # fmt: skip
LIFTOVER = [
    Case("10a", "10_bom/sites.bed --chain plus.chain", READ, "50 of 50"),
    Case("10b", "13_liftover/bed9.bed --chain 10_bom/plus.chain", READ, "6 of 6"),
    Case("13a", "13_liftover/peaks.narrowPeak --chain minus.chain", READ, "6 of 6"),
    Case("13b", "13_liftover/bed9.bed --chain plus.chain", READ, "6 of 6"),
    Case("13c", "13_liftover/bed12.bed --chain minus.chain", READ, "6 of 6"),
    Case("13d", "13_liftover/quoted.bed --chain plus.chain", READ, "6 of 6"),
]


def named(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@pytest.fixture(scope="session")
def cases(shared: Path) -> Path:
    return shared / "cases"


@pytest.fixture(scope="session")
def case_features(cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cases") / "features.h5"
    result = call(
        "features",
        "build",
        "--annotation",
        cases / "genes.gtf.gz",
        "--build",
        "hg19",
        "--promoter-sites",
        f"TF={cases / 'sites.bed.gz'}",
        "--out",
        path,
    )
    assert result.status == 0, result.err
    return path


def arguments(command: str, cases: Path) -> list[str]:
    """Words of a command, paths of the folder of cases made whole."""
    words = []
    for word in command.split():
        kind, sign, path = word.partition("=")
        if sign and (cases / path).exists():
            words.append(f"{kind}={cases / path}")
        else:
            words.append(str(cases / word) if (cases / word).exists() else word)
    return words


def check(case: Case, out: Path, caplog: pytest.LogCaptureFixture, *command: object) -> None:
    result = call(*command, "--out", out)
    said = " ".join((result.out + result.err + caplog.text).split())
    assert result.status == case.status, said[-2000:]
    assert re.search(case.words, said), said[-2000:]
    if case.status == REFUSED:
        assert not out.exists()
        assert len(result.err.strip().splitlines()[-1]) < 500
    shutil.rmtree(out, ignore_errors=True)


@named(DRIVERS)
def test_tables_of_differential_expression(case, cases, case_features, tmp_path, caplog):
    check(
        case,
        tmp_path / "out",
        caplog,
        "drivers",
        *arguments(case.command, cases),
        "--features",
        case_features,
        "--draws",
        50,
        "--no-evidence",
    )


@named(EXPRESSION)
def test_tables_of_expression(case, cases, tmp_path, caplog):
    check(case, tmp_path / "out.tsv", caplog, "expression", *arguments(case.command, cases))


@named(BUILD)
def test_annotations_and_sites(case, cases, tmp_path, caplog):
    build = "mine" if case.name == "10c" else "hg19"
    check(case, tmp_path / "out.h5", caplog, "features", "build", *arguments(case.command, cases), "--build", build)


@named(LIFTOVER)
def test_liftover(case, cases, tmp_path, caplog):
    check(case, tmp_path / "out.bed", caplog, "sites", "liftover", *arguments(case.command, cases))


def test_pseudo_autosomal_copies_by_tag(cases, tmp_path, caplog):
    out = tmp_path / "par.h5"
    result = call(
        "features",
        "build",
        "--annotation",
        cases / "15_par/genes.gtf.gz",
        "--build",
        "hg19",
        "--promoter-sites",
        f"TF={cases / 'sites.bed.gz'}",
        "--allow-suspicious",
        "--out",
        out,
    )
    assert result.status == 0, result.err
    check(
        Case("15", "", READ, "244 genes"),
        tmp_path / "out",
        caplog,
        "drivers",
        cases / "15_par/de.csv",
        "--features",
        out,
        "--draws",
        50,
        "--min-genes",
        10,
        "--no-evidence",
    )


def test_a_gene_of_auc_one_half_is_no_change(cases, case_features):
    from decode.expression.de_tables import read_de_table

    table = pd.read_csv(cases / "03_statistic/presto_wilcoxauc.csv", index_col=0)
    statistic = read_de_table(cases / "03_statistic/presto_wilcoxauc.csv").statistic.iloc[:, 0]
    middle = table.index[(table["auc"] - 0.5).abs() < 0.01]
    assert statistic.loc[middle].abs().max() < 0.5


def lifted(cases: Path, out: Path, sites: str, chain: str) -> list[list[str]]:
    assert call("sites", "liftover", cases / sites, "--chain", cases / chain, "--out", out).status == 0
    return [line.split("\t") for line in out.read_text().splitlines()]


def test_further_columns_move_along(cases, tmp_path):
    before = [line.split("\t") for line in (cases / "13_liftover/bed9.bed").read_text().splitlines()]
    after = lifted(cases, tmp_path / "b.bed", "13_liftover/bed9.bed", "plus.chain")
    moved = [[int(new[at]) - int(old[at]) for at in (1, 2, 6, 7)] for old, new in zip(before, after, strict=True)]
    assert moved == [[moved[0][0]] * 4] * len(moved)
    blocks = lifted(cases, tmp_path / "c.bed", "13_liftover/bed12.bed", "minus.chain")
    assert {row[10].strip(",") for row in blocks} == {"40,30"}
    quoted = lifted(cases, tmp_path / "d.bed", "13_liftover/quoted.bed", "plus.chain")
    assert quoted[0][3] in ('"MAX"', "MAX")
