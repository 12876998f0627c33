from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, pearsonr
from sklearn.linear_model import ElasticNetCV
from toy_genotypes import APART_BP, HEADER, simulate, vcf_text

from decode.comparators import predixcan
from decode.comparators.genotypes import GenotypeFile
from decode.comparators.predixcan import GeneTask, compare_predixcan, fit_gene
from decode.comparators.predixcan_table import compared_table, correlate_persons
from decode.genome.assembly import get_assembly

pytest.importorskip("cyvcf2", reason="the extra genotypes is not installed")
HG19 = get_assembly("hg19")


@pytest.fixture(scope="module")
def persons(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("persons"), seed=1)


@pytest.fixture(scope="module")
def model_table(persons):
    """Predictions of a model of persons: right for the first four genes, none for the last."""
    table = persons.expression.iloc[:-1].copy()
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(len(table), table.shape[1] - 1))
    values = table.iloc[:, 1:].to_numpy()
    table.iloc[:, 1:] = np.where(np.arange(len(table))[:, None] < 4, values + 0.5 * noise, noise)
    return table


@pytest.fixture(scope="module")
def result(persons, model_table):
    return compare_predixcan(
        persons.vcf, persons.expression, persons.features, predictions=model_table, n_permutations=12
    )


def test_planted_eqtls_are_found_and_others_not(result, persons):
    table = result.table.set_index("gene_id")
    found = set(table.index[table["fdr"] <= 0.05])
    assert found == set(persons.with_eqtl)
    assert (table.loc[persons.with_eqtl, "pearson"] > 0.4).all()
    assert (table["n_variants"] == 20).all()
    assert (table["n_persons"] == 150).all()
    assert result.counts["variants"]["kept"] == 160
    heaviest = result.weights.assign(size=result.weights["weight"].abs()).sort_values("size", ascending=False)
    planted = {gene: set(result.weights.loc[result.weights["gene_id"] == gene, "position"][:2]) for gene in table.index}
    for gene in persons.with_eqtl:
        assert set(heaviest.loc[heaviest["gene_id"] == gene, "position"][:2]) == planted[gene]


def test_predictions_are_of_persons_that_the_model_did_not_see(result, persons):
    """Change the expression of one fold: what is predicted for that fold must stay as it was."""
    folds = predixcan._folds(150, 5, 0)
    changed = persons.expression.copy()
    values = changed.iloc[:, 1:].to_numpy(copy=True)
    values[:, folds[0]] = 100.0
    changed.iloc[:, 1:] = values
    again = compare_predixcan(persons.vcf, changed, persons.features, n_permutations=1)
    before, after = (table.iloc[:, 1:].to_numpy() for table in (result.predictions, again.predictions))
    np.testing.assert_array_equal(before[:, folds[0]], after[:, folds[0]])
    assert not np.allclose(before[:, folds[1]], after[:, folds[1]])


def test_correlation_is_that_of_scipy_within_folds(result, persons):
    actual, predicted = (table.iloc[0, 1:].to_numpy(dtype=float) for table in (persons.expression, result.predictions))
    centred = [
        np.concatenate([values[fold] - values[fold].mean() for fold in predixcan._folds(150, 5, 0)])
        for values in (actual, predicted)
    ]
    assert result.table["pearson"][0] == pytest.approx(pearsonr(*centred).statistic)
    r, p = correlate_persons(actual[None], predicted[None], [np.arange(150)])
    expected = pearsonr(actual, predicted, alternative="greater")
    assert (r[0], p[0]) == pytest.approx((expected.statistic, expected.pvalue))


def test_p_values_count_the_fits_to_permuted_expression():
    fits = pd.DataFrame({"gene_id": ["A", "B", "C"]})
    actual = np.random.default_rng(0).normal(size=(3, 40))
    predicted = pd.DataFrame(np.stack([actual[0], -actual[1], np.full(40, np.nan)]), columns=range(40))
    table = compared_table(
        fits,
        actual,
        predicted.assign(gene_id=list("ABC")),
        [np.arange(40)],
        range(40),
        None,
        np.array([0.5, 0.01, 1.0]),
    )
    assert table["p_value"][0] == 1 / 4
    assert table["p_value"][1] == 1  # the prediction runs the other way
    assert np.isnan(table["p_value"][2])


def test_the_two_methods_stand_side_by_side_with_what_they_predict(result):
    summary = result.summary.set_index(["method", "genes"])
    assert summary.loc[("predixcan", "all"), ["n_genes", "n_at_fdr_5_percent", "share"]].tolist() == [8, 4, 0.5]
    assert summary.loc[("person_model", "all"), ["n_genes", "n_at_fdr_5_percent"]].tolist() == [7, 4]
    assert set(result.summary.loc[result.summary["genes"] == "both", "n_genes"]) == {7}
    assert "persons: predicted from their genotypes" in summary.loc[("predixcan", "all"), "held_out"]
    assert "genes: predicted from binding sites" in summary.loc[("person_model", "all"), "held_out"]
    assert result.table["person_model_pearson"].isna().tolist() == [False] * 7 + [True]


def test_on_permuted_persons_hardly_a_gene_comes_out(tmp_path):
    """Every second gene has an eQTL, but persons are mixed up: the share at FDR 5 % stays near 0."""
    null = simulate(tmp_path, n_genes=30, n_persons=80, n_variants=6, seed=3)
    order = np.random.default_rng(4).permutation(80)
    shuffled = null.expression.copy()
    shuffled.iloc[:, 1:] = null.expression.iloc[:, 1:].to_numpy()[:, order]
    found = compare_predixcan(
        null.vcf, shuffled, null.features, n_inner_folds=5, n_permutations=3, executor="threads:2"
    )
    assert found.summary["share"].item() <= 1 / 30
    assert (found.table["p_value"] < 0.05).mean() < 0.2
    assert found.counts["null_fits"] == 90


def test_a_fit_agrees_with_scikit_learn(persons):
    """Model of all persons on the variants of the first gene, missing calls imputed."""
    dosages = persons.dosages[:20].astype(np.int8)
    dosages[3, :5] = -1
    y = persons.expression.iloc[0, 1:].to_numpy(dtype=float)
    rng = np.random.default_rng(0)
    intercept, weights, chosen = predixcan._fit(dosages, y, np.arange(150), 10, rng)
    filled = np.where(dosages < 0, np.nan, dosages).T.astype(float)
    filled = np.where(np.isnan(filled), np.nanmean(filled, axis=0), filled)
    scaled = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    inner = np.array_split(np.random.default_rng(0).permutation(150), 10)
    splits = [(np.setdiff1d(np.arange(150), fold), fold) for fold in inner]
    theirs = ElasticNetCV(l1_ratio=0.5, eps=0.01, alphas=100, cv=splits, tol=1e-8).fit(scaled, y)
    np.testing.assert_allclose(intercept + weights @ filled.T[chosen], theirs.predict(scaled), atol=0.01)


def test_missing_values_leave_out_persons_and_genes(persons):
    table = persons.expression.astype(dict.fromkeys(persons.expression.columns[1:], float))
    table.iloc[0, 1:11] = np.nan
    table.iloc[2, 1:120] = np.nan
    found = compare_predixcan(persons.vcf, table, persons.features, n_permutations=1)
    rows = found.table.set_index("gene_id")
    assert rows["n_persons"].iloc[0] == 140
    assert pd.isna(rows["n_persons"].iloc[2])
    assert np.isnan(rows["p_value"].iloc[2])
    assert found.counts["genes_with_too_few_persons"] == 1
    assert found.predictions.iloc[0, 1:11].isna().all()


def test_what_is_dropped_is_counted(persons, tmp_path):
    """By hand: one variant too rare, one missing too often, one with two alternatives, a gene without any."""
    dosages = persons.dosages[:20].copy()
    dosages[0] = 0
    dosages[0, 0] = 2  # MAF 1 / 150
    dosages[1, :2] = -1  # 1.3 % missing
    dosages[2, 0] = -1  # 0.7 %
    tss = int(persons.features.genes["tss"][0])
    text = vcf_text(dosages, [("chr1", tss + 1 + i) for i in range(20)], list(persons.expression.columns[1:]))
    lines = text.splitlines()
    lines[-1] = lines[-1].replace("\tA\tG\t", "\tA\tG,T\t")
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    found = compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
    assert found.counts["variants"] == {
        "variants": 20, "no_single_alternative": 1, "missing": 1, "rare": 1, "kept": 17,
    }  # fmt: skip
    assert found.counts["genes_without_variant"] == 7
    assert found.table["n_variants"].iloc[0] == 17
    assert found.table["p_value"].notna().tolist() == [True] + [False] * 7
    named = list(persons.expression.columns[1:])
    (genotypes, _), *rest = GenotypeFile(path).chromosomes(named, {"chr1"}, HG19)
    assert not rest
    np.testing.assert_array_equal(genotypes.dosages, dosages[2:19])
    assert genotypes.variants["position"].tolist() == list(range(tss + 2, tss + 19))
    assert genotypes.variants["maf"][3] == pytest.approx(min(dosages[5].mean() / 2, 1 - dosages[5].mean() / 2))


def test_the_window_is_closed_on_both_sides(persons, tmp_path):
    tss = int(persons.features.genes["tss"][0])
    places = [("1", tss + 1 + offset) for offset in (-1_000_001, -1_000_000, 1_000_000, 1_000_001)]
    path = tmp_path / "edge.vcf"
    path.write_text(vcf_text(persons.dosages[:4], places, list(persons.expression.columns[1:])))
    assert (
        compare_predixcan(path, persons.expression, persons.features, n_permutations=1).table["n_variants"].iloc[0] == 2
    )


def test_haploid_calls_and_half_calls(tmp_path):
    calls = ["0", "1", "0/1", "1/1", "./1", "."]
    row = "\t".join(["1", "10", "rs1", "A", "G", ".", ".", ".", "GT", *calls])
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *"abcdef"])
    path = tmp_path / "x.vcf"
    path.write_text(f"{HEADER}{columns}\n{row}\n")
    ((found, _),) = GenotypeFile(path).chromosomes(list("fbacde"), {"chr1"}, HG19, max_missing=0.5, min_maf=0)
    assert found.dosages.tolist() == [[-1, 2, 0, 1, 2, -1]]
    assert found.variants["variant_id"].tolist() == ["rs1"]


def test_a_killed_run_goes_on(persons, tmp_path):
    seen: list[tuple[str, bool]] = []
    options = {"folder": tmp_path / "work", "on_run": lambda name, was: seen.append((name, was))}
    first = compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, **options)
    again = compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, **options)
    assert [was for _, was in seen] == [False] * 8 + [True] * 8
    pd.testing.assert_frame_equal(first.table, again.table)
    pd.testing.assert_frame_equal(first.weights, again.weights)
    with pytest.raises(ValueError, match="belongs to a run"):
        compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, seed=1, **options)


def test_gene_task_is_named_by_its_content():
    y, dosages = np.arange(3.0), np.zeros((2, 3), dtype=np.int8)
    assert str(GeneTask("A", y, dosages)) == str(GeneTask("A", y.copy(), dosages.copy()))
    assert str(GeneTask("A", y, dosages)) != str(GeneTask("A", y + 1, dosages))


def test_a_gene_that_does_not_vary():
    rng = np.random.default_rng(0)
    task = GeneTask("A", np.ones(60), rng.integers(0, 3, size=(4, 60)).astype(np.int8))
    folds = predixcan._folds(60, 5, 0)
    found = fit_gene(task, folds=folds, n_inner_folds=10, n_permutations=1, seed=0)
    assert found["n_in_model"] == 0
    assert found["predicted"] == [1.0] * 60
    r, p = correlate_persons(np.ones((1, 60)), np.array([found["predicted"]]), folds)
    assert np.isnan(r[0])
    assert p[0] == 1.0


class TestBadInput:
    def test_persons_do_not_match(self, persons):
        table = persons.expression.rename(columns=lambda name: name if name == "gene_id" else f"GTEX-{name}")
        with pytest.raises(ValueError, match=r"0 of 150 persons .* names GTEX-P0, .* the VCF P0, P1"):
            compare_predixcan(persons.vcf, table, persons.features, n_permutations=1)

    def test_too_few_persons(self, persons):
        with pytest.raises(ValueError, match="49 persons have both"):
            compare_predixcan(persons.vcf, persons.expression.iloc[:, :50], persons.features)

    def test_without_genotypes(self, persons, tmp_path):
        path = tmp_path / "sites.vcf"
        path.write_text(HEADER + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t10\t.\tA\tG\t.\t.\t.\n")
        with pytest.raises(ValueError, match="no column of a person"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
        text = persons.vcf.read_text().replace("##FORMAT=<ID=GT,", "##FORMAT=<ID=XX,")
        path.write_text(text)
        with pytest.raises(ValueError, match="no field GT"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)

    def test_no_gene_has_a_variant(self, persons, tmp_path):
        path = tmp_path / "far.vcf"
        places = [("1", 2_000_000 + APART_BP // 2)]
        path.write_text(vcf_text(persons.dosages[:1], places, list(persons.expression.columns[1:])))
        with pytest.raises(ValueError, match=r"none of 8 genes has a usable variant .* kept 1"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
        path.write_text(vcf_text(persons.dosages[:1], [("2", 5)], list(persons.expression.columns[1:])))
        with pytest.raises(ValueError, match="no row of these chromosomes"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)

    def test_other_build(self, persons, tmp_path):
        path = tmp_path / "hg38.vcf"
        path.write_text(persons.vcf.read_text().replace("249250621", "248956422"))
        with pytest.raises(ValueError, match="is not of build hg19: contig lengths differ for 1 248956422"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)

    def test_no_vcf_and_damaged_files(self, persons, tmp_path):
        path = tmp_path / "x.vcf"
        with pytest.raises(FileNotFoundError, match="does not exist"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
        path.write_text("gene_id\tP1\nA\t1\n")
        with pytest.raises(ValueError, match="cannot be read"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
        content = gzip.compress(persons.vcf.read_bytes() * 1)
        path = tmp_path / "cut.vcf.gz"
        path.write_bytes(content[: len(content) * 3 // 4])
        with pytest.raises(ValueError, match=r"cannot be read|is damaged"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)

    def test_not_sorted(self, persons, tmp_path):
        lines = persons.vcf.read_text().splitlines()
        path = tmp_path / "x.vcf"
        path.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]) + "\n")
        with pytest.raises(ValueError, match="is not sorted"):
            compare_predixcan(path, persons.expression, persons.features, n_permutations=1)
        other = lines[-1].replace("1\t", "2\t", 1)
        path.write_text("\n".join([*lines[:-1], other, lines[-1]]) + "\n")
        reader = GenotypeFile(path)
        with pytest.raises(ValueError, match="rows of chr1 in several places"):
            list(reader.chromosomes(reader.persons, {"chr1", "chr2"}, HG19))

    def test_options_and_tables(self, persons, model_table):
        with pytest.raises(ValueError, match=r"max_missing is 0\.9"):
            compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, max_missing=0.9)
        with pytest.raises(ValueError, match="n_folds is 1"):
            compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, n_folds=1)
        with pytest.raises(ValueError, match="lies on chr7"):
            compare_predixcan(persons.vcf, persons.expression, persons.features, n_permutations=1, chromosomes=["chr7"])
        with pytest.raises(KeyError, match="P3"):
            compare_predixcan(
                persons.vcf, persons.expression, persons.features, predictions=model_table.drop(columns="P3")
            )
        with pytest.raises(ValueError, match="none of the 8 genes"):
            compare_predixcan(
                persons.vcf, persons.expression, persons.features, predictions=model_table.assign(gene_id="X")
            )


@pytest.mark.slow
def test_p_values_where_nothing_is_to_be_found(tmp_path):
    """120 genes on permuted persons: Pearson's p-values are too small in the tail, those of permuted fits are not."""
    null = simulate(tmp_path, n_genes=60, n_persons=100, n_variants=15, seed=8)
    tables = []
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(100)
        shuffled = null.expression.copy()
        shuffled.iloc[:, 1:] = null.expression.iloc[:, 1:].to_numpy()[:, order]
        found = compare_predixcan(null.vcf, shuffled, null.features, n_permutations=3, executor="threads:2")
        tables.append(found.table)
    table = pd.concat(tables)
    assert binomtest(int((table["p_value"] <= 0.05).sum()), len(table), 0.05, alternative="greater").pvalue > 0.001
    assert binomtest(int((table["p_value"] <= 0.01).sum()), len(table), 0.01, alternative="greater").pvalue > 0.001
    assert table["fdr"].min() > 0.05
