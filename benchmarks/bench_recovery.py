"""Is the perturbed TF found? Ranks of 17 TFs among all TFs of the corpus in 41 real perturbation experiments.

Each experiment is a signature of up and down genes; the perturbed gene itself is taken out. Methods rank all TFs of the
corpus by the size of their score, whatever its sign. A TF that a method has no score for comes last, tied with others.

One score a TF counts (mean over its signatures), so that a TF with twelve experiments weighs no more than one with one.
Intervals come from a bootstrap over TFs and over GEO series; the wider one is given.

The method of `decode drivers` is the row "decode drivers"; the rows below it change one thing each and show how much of
the result is chance. Peers: decoupler's ulm and mlm on DoRothEA's edges (levels A to C) and Fisher's exact test on
promoter binding. decoupler runs in the interpreter named by DECODE_DECOUPLER_PYTHON, as it caps pandas.

The last rows plant a regulator in the corpus: one TF and eight other regulators act on a statistic that also follows a
programme (the eight main axes of binding); the 300 genes at each end are the signature. They are what the largest
penalty of the regression was chosen by: with a larger one the joint regression turns into the marginal correlation,
which takes the programme for the regulator.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact, rankdata

from benchmarks.accuracy import (
    DATA,
    MERGED,
    SEPARATE,
    WITH_DOWNSTREAM,
    Evidence,
    corpus_features,
    corpus_targets,
)
from benchmarks.measure import Row, cpu_seconds
from decode.expression.targets import MEDIAN_LEVEL

FOLDER = DATA / "perturbation"
TOP = 0.1  # share of the ranking that counts as found
N_BOOTSTRAP = 2000
N_PLANTED = 60
PLANTED_PENALTIES = (0.01, 0.1, 0.3, 1.0, 3.0, 30.0)
ACTING, PROGRAMME = 0.01, 0.05  # shares of the statistic's variance
N_ENDS = 300
PEER = Path(__file__).with_name("decoupler_peer.py")
Float = NDArray[np.float64]


class Experiments(NamedTuple):
    """Signatures with the perturbed gene taken out."""

    table: pd.DataFrame  # signature_id, regulator, source, ...
    signs: pd.DataFrame  # gene x signature: 1 up, -1 down, 0


class Variant(NamedTuple):
    """One way to run `decode drivers`."""

    evidence: Evidence
    column: str  # of drivers.tsv: its size ranks the regulators
    options: dict[str, Any]
    with_expression: bool = False  # the median level of GTEx tissues as a covariate


VARIANTS: dict[str, Variant] = {
    "decode drivers": Variant(MERGED, "strength", {}),
    "direction alone": Variant(MERGED, "z", {}),
    "response alone": Variant(MERGED, "response_z", {}),
    "with expression": Variant(MERGED, "strength", {}, True),
    "with expression, response alone": Variant(MERGED, "response_z", {}, True),
    "cell lines apart": Variant(SEPARATE, "strength", {}),
    "cell lines apart, sites downstream": Variant(WITH_DOWNSTREAM, "strength", {}),
    "marginal": Variant(MERGED, "strength", {"score": "marginal"}),
}


def read_experiments() -> Experiments:
    """The signatures; genes by upper-case symbol."""
    table = pd.read_csv(FOLDER / "tf_signatures.tsv", sep="\t")
    genes = pd.read_csv(FOLDER / "tf_signatures_genes.tsv.gz", sep="\t")
    genes = genes.assign(gene=genes["gene"].str.upper(), sign=genes["change"].map({"up": 1.0, "down": -1.0}))
    matrix = genes.pivot_table(values="sign", index="gene", columns="signature_id", aggfunc="sum", fill_value=0.0)
    matrix = matrix[table["signature_id"].tolist()].copy()
    for name, regulator in zip(table["signature_id"], table["regulator"], strict=True):
        matrix.loc[matrix.index == regulator.upper(), name] = 0.0
    return Experiments(table, matrix.clip(-1, 1))


def rank_shares(scores: pd.DataFrame, experiments: Experiments) -> Float:
    """Rank of the perturbed TF over the number of TFs, by size of the score; shape (n_signatures,).

    Parameters
    ----------
    scores : pd.DataFrame
        Signature x TF; NaN where the method has none.
    experiments : Experiments
    """
    size = scores.abs().fillna(-1.0)
    ranks = rankdata(-size.to_numpy(), axis=1)
    column = [size.columns.get_loc(name) for name in experiments.table["regulator"]]
    return np.asarray(ranks[np.arange(len(ranks)), column] / size.shape[1])


def by_regulator(values: Float, experiments: Experiments) -> pd.Series:
    """Mean over the signatures of each TF."""
    return pd.Series(values).groupby(experiments.table["regulator"].to_numpy()).mean()


def interval(values: Float, experiments: Experiments) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over TFs: TFs or GEO series drawn, whichever is wider."""
    frame = pd.DataFrame({"value": values, "tf": experiments.table["regulator"], "series": experiments.table["source"]})
    found: list[tuple[float, float]] = []
    for unit in ("tf", "series"):
        names = frame[unit].unique()
        cell = frame.pivot_table(values="value", index=unit, columns="tf", aggfunc=["sum", "count"], fill_value=0.0)
        total, count = (cell[name].loc[names].to_numpy() for name in ("sum", "count"))
        drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), N_BOOTSTRAP)
        weight = drawn @ count
        if unit == "tf":  # a TF drawn twice counts twice
            means = (drawn @ (total.sum(1) / count.sum(1))) / len(names)
        else:
            with np.errstate(invalid="ignore"):
                means = np.nanmean(np.where(weight > 0, drawn @ total / weight, np.nan), axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        found.append((float(low), float(high)))
    return max(found, key=lambda ends: ends[1] - ends[0])


def decode_drivers(features: Any, experiments: Experiments, variant: Variant) -> pd.DataFrame:
    """The TFs of `decode drivers`, all signatures."""
    from decode.drivers.find import DriversConfig, find_drivers
    from decode.expression.de_tables import DeTable

    names = features.genes["gene_name"].astype(str).str.upper()
    unique = names[~names.duplicated(keep=False)]
    known = experiments.signs.loc[experiments.signs.index.isin(unique)]
    ids = pd.Series(features.genes.loc[unique.index, "gene_id"].to_numpy(), index=unique.to_numpy())
    values = known.set_axis(ids.reindex(known.index).to_numpy(), axis=0)
    table = DeTable(values, None, None, None, "signature", "up = 1, down = -1, other genes 0", True, {})
    config = DriversConfig(n_null=100, n_top=1, n_targets=1, **variant.options)
    level = corpus_targets().set_index("gene_id")[MEDIAN_LEVEL] if variant.with_expression else None
    drivers = find_drivers(table, features, config=config, mean_expression=level).drivers
    return drivers[drivers["kind"] == "TF"]


def fisher_scores(features: Any, experiments: Experiments, tfs: list[str]) -> pd.DataFrame:
    """-log10 p of Fisher's exact test: are the genes of the signature bound more often than other genes?"""
    tracks = features.tracks
    names = features.genes["gene_name"].astype(str).str.upper().to_numpy()
    totals = features.totals("promoter")
    own = tracks.loc[tracks["region"] == "promoter", "regulator"].astype(str).to_numpy()
    scores = pd.DataFrame(np.nan, index=experiments.signs.columns, columns=tfs)
    changed = (experiments.signs != 0).reindex(names, fill_value=False).to_numpy()
    for tf in tfs:
        is_bound = (totals[:, own == tf] > 0).any(axis=1)
        for number, signature in enumerate(scores.index):
            inside = changed[:, number]
            counts = [[(is_bound & inside).sum(), (~is_bound & inside).sum()]]
            counts.append([(is_bound & ~inside).sum(), (~is_bound & ~inside).sum()])
            scores.loc[signature, tf] = -np.log10(max(fisher_exact(counts, alternative="greater").pvalue, 1e-300))
    return scores


def decoupler_scores(features: Any, experiments: Experiments, tfs: list[str]) -> dict[str, pd.DataFrame] | str:
    """Scores of ulm and mlm, or why there are none."""
    python = os.environ.get("DECODE_DECOUPLER_PYTHON", sys.executable)
    edges = pd.read_csv(DATA / "regulators" / "dorothea_abc.tsv.gz", sep="\t")
    net = edges.rename(columns={"tf": "source", "mor": "weight"})[["source", "target", "weight"]]
    names = features.genes["gene_name"].astype(str).str.upper().unique()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("signatures.tsv", "network.tsv", "scores.tsv")]
        experiments.signs.reindex(names, fill_value=0.0).T.to_csv(files[0], sep="\t")
        net.drop_duplicates(["source", "target"]).to_csv(files[1], sep="\t", index=False)
        run = subprocess.run([python, str(PEER), *map(str, files)], capture_output=True, text=True, check=False)
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or ["no message"]
            return f"did not run ({last[0]}); name a Python that has decoupler in DECODE_DECOUPLER_PYTHON"
        long = pd.read_csv(files[2], sep="\t")
    return {
        str(method): part.pivot_table(values="score", index="signature", columns="regulator").reindex(
            index=experiments.signs.columns, columns=tfs
        )
        for method, part in long.groupby("method")
    }


def planted_shares(features: Any) -> dict[float, Float]:
    """Rank of a planted TF over the number of TFs, by |z| of the screen, for several penalties."""
    from decode.drivers.inputs import driver_inputs
    from decode.drivers.screen import make_design, screen_design

    inputs = driver_inputs(features, features.ids.tolist(), None)
    table, code = inputs.regulators
    tfs = np.flatnonzero(table["kind"] == "TF")
    design = make_design(inputs.x, inputs.covariates, groups=features.genes["chrom"])
    is_bound = (inputs.x > 0).astype(np.float64)
    is_bound = (is_bound - is_bound.mean(axis=0)) / np.maximum(is_bound.std(axis=0), 1e-6)
    axes = design.columns @ design.spectra[-1][1][:, -8:]
    axes /= axes.std(axis=0)
    shares: dict[float, list[float]] = {penalty: [] for penalty in PLANTED_PENALTIES}
    for number in range(N_PLANTED):
        rng = np.random.default_rng(number)
        planted = rng.choice(tfs)
        effect = np.zeros(len(table))
        effect[rng.choice(len(table), 8, replace=False)] = rng.normal(size=8) / 2
        effect[planted] = rng.choice([-1.0, 1.0])
        parts = [is_bound @ effect[code], axes @ rng.normal(size=axes.shape[1]), rng.standard_t(5, size=len(is_bound))]
        share = [ACTING, PROGRAMME, 1 - ACTING - PROGRAMME]
        y = sum(np.sqrt(w) * part / part.std() for w, part in zip(share, parts, strict=True))
        order = np.argsort(y)
        signs = np.zeros(len(y))
        signs[order[:N_ENDS]], signs[order[-N_ENDS:]] = -1.0, 1.0
        for penalty, found in shares.items():
            z = np.abs(screen_design(design, signs, code, inputs.strata, n_null=50, penalties=[penalty]).z)
            found.append(float((z[tfs] >= z[planted]).sum() / len(tfs)))
    return {penalty: np.array(found) for penalty, found in shares.items()}


def row_of(name: str, shares: Float, ours: Float | None, experiments: Experiments, cpu_s: float | None) -> Row:
    """One method: one score a TF first, then by signature, then the paired difference to ours."""
    found = (shares <= TOP).astype(np.float64)
    numbers = {"top_share": float(by_regulator(found, experiments).mean())}
    numbers["mean_rank_share"] = float(by_regulator(shares, experiments).mean())
    for key, values in (("top_share", found), ("mean_rank_share", shares)):
        numbers[f"{key}_low"], numbers[f"{key}_high"] = interval(values, experiments)
    numbers["top_share_by_signature"] = float(found.mean())
    numbers["mean_rank_share_by_signature"] = float(shares.mean())
    text = [
        f"top 10 %: {numbers['top_share']:.2f} ({numbers['top_share_low']:.2f} to {numbers['top_share_high']:.2f})",
        f"mean rank {numbers['mean_rank_share']:.2f} ({numbers['mean_rank_share_low']:.2f} to "
        f"{numbers['mean_rank_share_high']:.2f})",
        f"by signature {numbers['top_share_by_signature']:.2f}, {numbers['mean_rank_share_by_signature']:.2f}",
    ]
    if ours is not None:
        difference = ours - shares
        numbers["rank_difference"] = float(by_regulator(difference, experiments).mean())
        numbers["rank_difference_low"], numbers["rank_difference_high"] = interval(difference, experiments)
        text.append(
            f"ours - this, rank: {numbers['rank_difference']:+.2f} ({numbers['rank_difference_low']:+.2f} to "
            f"{numbers['rank_difference_high']:+.2f})"
        )
    return Row(name, None, ours_s=cpu_s, note="; ".join(text), numbers=numbers)


def run(scale: float | None = None) -> list[Row]:
    """All methods; the scale plays no part.

    Parameters
    ----------
    scale : float or None

    Returns
    -------
    list of Row
        `numbers` holds the figures, `note` the same as text.
    """
    if not FOLDER.is_dir():
        return [Row("recovery", None, note=f"did not run: {FOLDER} is absent")]
    experiments = read_experiments()
    features = {evidence: corpus_features(evidence) for evidence in {v.evidence for v in VARIANTS.values()}}
    tracks = features[MERGED].tracks
    tfs = sorted(tracks.loc[tracks["kind"] == "TF", "regulator"].astype(str).unique())
    rows: list[Row] = []
    ours: Float | None = None
    tables: dict[str, pd.DataFrame] = {}
    for name, variant in VARIANTS.items():
        before = cpu_seconds()
        key = f"{variant.evidence} {variant.options} {variant.with_expression}"
        if key not in tables:
            tables[key] = decode_drivers(features[variant.evidence], experiments, variant)
        scores = tables[key].pivot_table(values=variant.column, index="contrast", columns="regulator")
        shares = rank_shares(scores.reindex(index=experiments.signs.columns, columns=tfs), experiments)
        rows.append(row_of(name, shares, ours, experiments, cpu_seconds() - before))
        ours = shares if ours is None else ours
    peers: dict[str, pd.DataFrame] = {"Fisher, promoter binding": fisher_scores(features[MERGED], experiments, tfs)}
    by_decoupler = decoupler_scores(features[MERGED], experiments, tfs)
    if isinstance(by_decoupler, str):
        rows.append(Row("decoupler, DoRothEA", "decoupler", note=by_decoupler))
    else:
        peers |= {f"decoupler {name}, DoRothEA": scores for name, scores in by_decoupler.items()}
    for name, scores in peers.items():
        rows.append(row_of(name, rank_shares(scores, experiments), ours, experiments, None))
    chance = np.full(len(experiments.table), (len(tfs) + 1) / 2 / len(tfs))
    row = row_of("chance", chance, ours, experiments, None)
    expected = int(TOP * len(tfs)) / len(tfs)
    rows.append(Row("chance", None, note=f"top 10 %: {expected:.2f}; {row.note.split('; ', 1)[1]}", numbers={}))
    for penalty, found in planted_shares(features[MERGED]).items():
        top = float((found <= TOP).mean())
        note = f"top 10 %: {top:.2f}; mean rank {found.mean():.2f}"
        numbers = {"top_share": top, "mean_rank_share": float(found.mean())}
        rows.append(Row(f"planted, penalty {penalty:g} n", None, note=note, numbers=numbers))
    return rows
