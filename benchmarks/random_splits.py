"""How often do random halves of a cohort have drivers? Nothing differs: at FDR 5 % at most 5 % of them may.

    python -m benchmarks splits --scale 1 --out splits.json         # 200 splits of every cohort, half an hour
    python -m benchmarks.random_splits --splits 60 --cohorts UVM --score joint

Cohorts: six of TCGA (the gene-gene correlation then comes from the other five), lymphoblastoid lines within study and
population, whole blood (500 genes), and arrays within tissue (the correlation that ships with the package). Halves are
drawn within groups; t is moderated. Every row also says what exchanging sites between genes gives, the null that takes
genes as independent.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.measure import ROOT, Row
from decode.core.choices import Score
from decode.core.files import check_output, write_json

DATA = ROOT.parent / "shared" / "data"
LEAST_SD = 0.05
FULL_SPLITS, DEFAULT_SCALE = 200, 0.1


class Cohort(NamedTuple):
    """Log expression by gene id, a group a sample, and the cohort that the correlation must not come from."""

    name: str
    expression: pd.DataFrame
    groups: list[str]
    left_out: str


def gene_names(features: Any) -> pd.DataFrame:
    """gene_id and gene_name of the corpus."""
    return features.genes[["gene_id", "gene_name"]]


def tumours(genes: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """log2(RSEM + 1) of 350 tumours by gene id, and their cohorts."""
    from decode.expression.gene_ids import rows_by_gene

    folder = DATA / "individuals"
    with np.load(folder / "tcga_rnaseq350_rsem.npz") as stored:
        values = pd.DataFrame(np.log2(stored["X"].T.astype(float) + 1), index=stored["genes"])
    meta = pd.read_csv(folder / "tcga_rnaseq350_rsem_meta.tsv", sep="\t")
    return rows_by_gene(values, genes, name="tumours")[0], meta["cohort"].tolist()


def cohorts(genes: pd.DataFrame) -> Iterator[Cohort]:
    """All cohorts of the data folder."""
    values, names = tumours(genes)
    code = np.array(names)
    for name in np.unique(code):
        own = values.loc[:, code == name]
        own = own[(own > 1).mean(axis=1) >= 0.5]
        yield Cohort(f"TCGA {name}", own, [name] * own.shape[1], name)
    folder = DATA / "individuals"
    with np.load(folder / "lcl170_counts.npz") as stored:
        counts = pd.DataFrame(stored["X"].astype(float), index=stored["genes"])
    meta = pd.read_csv(folder / "lcl170_meta.tsv", sep="\t")
    values = pd.DataFrame(np.log2(counts / counts.sum() * 1e6 + 0.5))
    yield Cohort(
        "lymphoblastoid", values[(values > 0).mean(axis=1) >= 0.5], (meta.study + meta.population).tolist(), ""
    )
    blood = pd.read_csv(folder / "gtex_blood389_norm.tsv.gz", sep="\t", index_col=0)
    yield Cohort("whole blood", pd.DataFrame(np.log2(blood + 1)), ["blood"] * blood.shape[1], "")


def halves(groups: list[str], rng: np.random.Generator) -> np.ndarray:
    """0 or 1 a sample, in equal numbers within each group."""
    code = np.array(groups)
    half = np.zeros(len(code))
    for name in np.unique(code):
        rows = rng.permutation(np.flatnonzero(code == name))
        half[rows[: len(rows) // 2]] = 1.0
    return half


def judge(cohort: Cohort, features: Any, correlation: Any, n_splits: int, score: Score) -> dict[str, Any]:
    """Share of random splits with a hit at FDR 5 %, of all and by the null."""
    from decode.drivers.design import make_design
    from decode.drivers.inputs import driver_inputs
    from decode.drivers.noise import CorrelatedGenes, IndependentGenes, NullModel, significance
    from decode.drivers.screen import screener
    from decode.expression.compendium import take_genes
    from decode.statistics.moderated_t import fit_linear_models, moderated_t
    from decode.statistics.multiple_testing import false_discovery_rate
    from decode.statistics.ranks import normal_scores

    start = time.process_time()
    values = cohort.expression.loc[cohort.expression.std(axis=1) > LEAST_SD]
    values = values[values.index.isin(features.ids.astype(str))]
    ids = [gene for gene in features.ids.astype(str).tolist() if gene in values.index]
    values = values.loc[ids]
    inputs = driver_inputs(features, ids, values.mean(axis=1))
    design = make_design(inputs.x, inputs.covariates, groups=inputs.features.genes["chrom"])
    screen = screener(design, inputs.regulators.code, score=score)
    groups, _ = take_genes(correlation, ids)
    nulls: list[NullModel] = [CorrelatedGenes(groups, ""), IndependentGenes(inputs.strata, n_draws=200)]
    dummies = pd.get_dummies(pd.Series(cohort.groups), drop_first=True).to_numpy(dtype=float)
    rng = np.random.default_rng(0)
    n_hits: dict[str, list[int]] = {"direction": [], "strength": [], "independent": []}
    p_value: list[np.ndarray] = []
    hits: dict[str, int] = {}
    for number in range(n_splits):
        half = halves(cohort.groups, rng)
        fit = fit_linear_models(values.to_numpy(), np.column_stack([np.ones(len(half)), half, dummies]))
        y = normal_scores(moderated_t(fit).t[:, 1])
        direction = screen(y)
        response = screen(normal_scores(np.abs(direction.residual)))
        found = significance(direction, response, nulls[0].draw(y, direction, response, by_rank=True), nulls[0].df())
        p_value.append(found.p_value)
        is_hit = false_discovery_rate(found.p_value) < 0.05
        for name in inputs.regulators.table.index[is_hit]:
            hits[name] = hits.get(name, 0) + 1
        n_hits["strength"].append(int(is_hit.sum()))
        n_hits["direction"].append(int((false_discovery_rate(found.direction_p) < 0.05).sum()))
        if number < 20:
            other = significance(
                direction, response, nulls[1].draw(y, direction, response, by_rank=True), nulls[1].df()
            )
            n_hits["independent"].append(int((false_discovery_rate(other.p_value) < 0.05).sum()))
    return {
        "cohort": cohort.name,
        "n_samples": values.shape[1],
        "n_genes": len(ids),
        "n_regulators": len(inputs.regulators.table),
        "n_splits": n_splits,
        **{f"share_{name}": float(np.mean(np.array(own) > 0)) for name, own in n_hits.items()},
        "mean_hits": float(np.mean(n_hits["strength"])),
        "p_below_0.05": float((np.stack(p_value) < 0.05).mean()),
        "vif_median": float(np.nanmedian(found.vif)),
        "vif_max": float(np.nanmax(found.vif)),
        "most_often": dict(sorted(hits.items(), key=lambda item: -item[1])[:5]),
        "cpu_s": time.process_time() - start,
    }


def judge_cohorts(n_splits: int, score: Score, wanted: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Every cohort, with a correlation of genes that does not come from it."""
    from benchmarks.accuracy import Evidence, corpus_features
    from decode.expression.compendium import compact, residual_correlation, shipped_correlation

    features = corpus_features(Evidence(with_mirna=True))
    values, names = tumours(gene_names(features))
    code = np.array(names)
    for cohort in cohorts(gene_names(features)):
        if wanted and not any(word in cohort.name for word in wanted):
            continue
        correlation = shipped_correlation()
        if cohort.left_out:
            kept = code != cohort.left_out
            correlation = compact(residual_correlation(values.loc[:, kept], code[kept].tolist(), source=""), 40)
        yield judge(cohort, features, correlation, n_splits, score)


def run(scale: float | None = None) -> list[Row]:
    """Random halves of every cohort; the scale counts splits, 1 being 200."""
    if not DATA.is_dir():
        return [Row("splits", None, note=f"did not run: {DATA} is absent")]
    n_splits = max(10, round(FULL_SPLITS * (DEFAULT_SCALE if scale is None else scale)))
    rows = []
    for found in judge_cohorts(n_splits, "marginal"):
        note = (
            f"{found['share_strength']:.1%} of {n_splits} splits with a regulator at FDR < 5 % (signed effect alone "
            f"{found['share_direction']:.1%}, genes as independent {found['share_independent']:.0%}); p < 0.05 in "
            f"{found['p_below_0.05']:.1%}; vif up to {found['vif_max']:.0f}"
        )
        rows.append(Row(f"random halves, {found['cohort']}", found["cpu_s"], note=note))
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=FULL_SPLITS)
    parser.add_argument("--score", default="marginal")
    parser.add_argument("--cohorts", nargs="*", help="only those whose name holds one of these words")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    if given.out is not None:
        check_output(given.out)
    rows = []
    for found in judge_cohorts(given.splits, given.score, given.cohorts):
        rows.append(found)
        print(found, flush=True)
    if given.out is not None:
        write_json({"score": given.score, "rows": rows}, given.out)


if __name__ == "__main__":
    main()
