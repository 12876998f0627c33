"""Write a toy genome with planted regulators as GTF, BED and TSV files, together with the truth behind it."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from decode.core.checks import check_positive, counted
from decode.core.files import atomic_path, make_output_folder, write_table
from decode.core.shown import shown
from decode.genome.sites import SiteSource
from decode.synthetic.coding import make_coding
from decode.synthetic.gtf import gtf_lines
from decode.synthetic.layout import ALTERNATIVE_SHARE, ToyGenes, make_genes
from decode.synthetic.regulators import BoundRegulator, bind_regulators

logger = logging.getLogger(__name__)

MIN_GENES, MIN_TASKS = 100, 3
PSEUDOCOUNT_TPM = 0.25  # that of the tissue targets, so that log2(TPM + 0.25) gives the planted level back
BASE_LEVEL_LOG2 = 4.0
SILENT_SHARE = 0.05  # genes expressed nowhere, which the filter on TPM must drop
SILENT_LEVEL_LOG2 = -1.5
# a dose that is present or absent needs a larger effect to be seen; what ridge misses of a pair, a third of it, too
STRENGTH = {"position": 2.0, "interaction": 3.0}


@shown()
class ToyData(NamedTuple):
    """Files of a toy data set, and what was planted in it.

    Attributes
    ----------
    folder : Path
        The folder that holds all of them.
    annotation : Path
        GENCODE-style GTF, gzip; its genome build is named "toy".
    sizes : Path
        Chromosome sizes, two columns without header.
    promoter_sites, rna_sites : Path
        BED of the TFs and of the RBPs: regulator in column 4, strand in column 6, biosample in column 7.
    mirna_sites : Path
        BED of the miRNAs: regulator in column 4, strand in column 6, no biosample.
    tissue_tpm : Path
        Table gene_id (with version) x tissue in TPM.
    truth_path : Path
        The table `truth` as TSV.
    truth_signal : Path
        Table gene_id, median_level, one column a task: the targets that a perfect model would predict.
    truth_dose : Path
        Table gene_id x "kind:regulator": the dose that each gene receives.
    truth : pd.DataFrame
        One row a regulator: regulator, kind, role, sign, partner, acting_biosample, n_bound_genes, tissues (comma
        list of where it acts beyond its overall effect), effect_all (log2 units per unit of dose, in every tissue) and
        one column a task with the effect added there.
    own_genes : dict of str to str
        Stable id of the gene that codes for a TF or an RBP; it bears the regulator's name.
    """

    folder: Path
    annotation: Path
    sizes: Path
    promoter_sites: Path
    rna_sites: Path
    mirna_sites: Path
    tissue_tpm: Path
    truth_path: Path
    truth_signal: Path
    truth_dose: Path
    truth: pd.DataFrame
    own_genes: dict[str, str]


def make_toy_data(
    out: str | Path,
    *,
    seed: int = 0,
    n_genes: int = 1500,
    n_tasks: int = 8,
    noise_log2: float = 0.9,
    length_effect_log2: float = -0.5,
    effect_scale: float = 1.0,
    alternative_share: float = ALTERNATIVE_SHARE,
    junction_effect_log2: float | None = None,
) -> ToyData:
    """Make a small data set in which it is known which regulator acts on which gene in which tissue.

    The level of gene g in tissue t, in log2(TPM + 0.25), is

        level[g, t] = 4 + length effect[g] + structure effect[g, t]
                      + sum over r of dose[g, r] * (effect_all[r] + effect[r, t]) + noise

    with noise of the gene (shared by its tissues) and of the gene in the tissue. Planted are activating and
    repressing TFs, stabilising and destabilising RBPs, repressing miRNAs, a TF that acts only from near the TSS
    (POS1), a pair that acts only together (PAIR1, PAIR2), a decoy that copies the number of sites of an activator at
    other genes (DECOY1), a decoy bound beside an activator (COBOUND1), and null regulators.

    Parameters
    ----------
    out : str or Path
        Folder for the files; created if needed, its parent must exist.
    seed : int, default 0
        The same seed gives the same bytes.
    n_genes : int, default 1500
        Protein-coding genes on five chromosomes, 12 % of them on chr1; at least 100. From 300 on, every regulator is
        bound to clearly more than 30 training genes.
    n_tasks : int, default 8
        Tissues, named tissue_1, tissue_2 and so on; at least 3.
    noise_log2 : float, default 0.9
        Standard deviation of the noise per gene and tissue, and of that shared by the tissues of a gene, in log2 units.
    length_effect_log2 : float, default -0.5
        Change of the level in every tissue for a doubling of the spliced length, in log2 units.
    effect_scale : float, default 1.0
        Factor on all planted effects of regulators; 0 gives data in which no site matters.
    alternative_share : float, default 0.2
        Share of the genes with three exons or more that have a second transcript, which skips an inner exon.
    junction_effect_log2 : float, optional
        The annotation gets CDS lines, from which gene structure is read, and the level rises by so many log2 units, on
        average over tissues, for each unit of log(1 + exon junctions per 1,000 coding bases): not at all in the first
        tissue, twice as much in the last. None: no CDS lines.

    Returns
    -------
    ToyData
        Paths of the written files and the table of planted effects.

    Raises
    ------
    ValueError
        If a number is out of range.
    FileNotFoundError
        If the parent of `out` does not exist.

    Notes
    -----
    The dose is log2(1 + bases / typical site length), without merging overlapping sites as the features do, so even a
    perfect model of the features stays a little below the correlation with `truth_signal`. TPM do not sum to a
    million.

    Examples
    --------
    >>> import tempfile
    >>> from decode.synthetic import make_toy_data
    >>> toy = make_toy_data(tempfile.mkdtemp(), n_genes=100)
    >>> toy.truth.query("role == 'position'")["regulator"].tolist()
    ['POS1']
    """
    check_toy_options(seed=seed, n_genes=n_genes, n_tasks=n_tasks, noise_log2=noise_log2, effect_scale=effect_scale)
    check_positive("alternative_share", alternative_share, zero=True)
    folder = make_output_folder(out)
    genes = make_genes(np.random.default_rng([seed, 0]), n_genes)
    bound = bind_regulators(genes, seed)
    own_genes = _name_own_genes(genes, bound)
    tasks = [f"tissue_{number + 1}" for number in range(n_tasks)]
    effect_all, effects = _plant_effects(np.random.default_rng([seed, 2]), bound, n_tasks)
    effect_all, effects = effect_scale * effect_all, effect_scale * effects

    dose = np.column_stack([item.dose for item in bound])
    log2_length = np.log2(genes.table["length_bp"].to_numpy())
    level = BASE_LEVEL_LOG2 + length_effect_log2 * (log2_length - log2_length.mean())[:, None]
    level = level + dose @ (effect_all[:, None] + effects)
    coding = None if junction_effect_log2 is None else make_coding(genes, np.random.default_rng([seed, 5]))
    if coding is not None:
        junctions = np.log1p(coding.junctions_per_kb)
        level = level + junction_effect_log2 * np.outer(junctions - junctions.mean(), np.linspace(0, 2, n_tasks))
    tpm = observed_tpm(np.random.default_rng([seed, 3]), level, noise_log2)

    truth = _truth_table(bound, effect_all, effects, tasks)
    toy = ToyData(
        folder=folder,
        annotation=folder / "annotation.gtf.gz",
        sizes=folder / "sizes.tsv",
        promoter_sites=folder / "promoter_sites.bed.gz",
        rna_sites=folder / "rna_sites.bed.gz",
        mirna_sites=folder / "mirna_sites.bed.gz",
        tissue_tpm=folder / "tissue_tpm.tsv.gz",
        truth_path=folder / "truth.tsv",
        truth_signal=folder / "truth_signal.tsv.gz",
        truth_dose=folder / "truth_dose.tsv.gz",
        truth=truth,
        own_genes=own_genes,
    )
    _write_gzip(gtf_lines(genes, np.random.default_rng([seed, 4]), alternative_share, coding), toy.annotation)
    with atomic_path(toy.sizes) as temporary:
        temporary.write_text("".join(f"{name}\t{size}\n" for name, size in genes.sizes.items()), encoding="utf-8")
    n_sites = {
        kind: _write_sites(path, genes, [item for item in bound if item.regulator.kind == kind])
        for kind, path in (("TF", toy.promoter_sites), ("RBP", toy.rna_sites), ("miRNA", toy.mirna_sites))
    }
    gene_ids = genes.table["gene_id"]
    stable_ids = gene_ids.str.partition(".")[0]
    write_table(_with_ids(gene_ids, np.round(tpm, 4), tasks), toy.tissue_tpm)
    median = np.median(level, axis=1, keepdims=True)
    signal = np.hstack([median, level - median])
    write_table(_with_ids(stable_ids, signal, ["median_level", *tasks]), toy.truth_signal)
    dose_names = [f"{item.regulator.kind}:{item.regulator.name}" for item in bound]
    write_table(_with_ids(stable_ids, dose, dose_names), toy.truth_dose)
    write_table(truth, toy.truth_path)
    logger.info(
        "toy data in %s: %d genes, %d tasks, sites %s, seed %d", folder, n_genes, n_tasks, counted(n_sites), seed
    )
    return toy


def toy_sources(toy: ToyData) -> list[SiteSource]:
    """The three site files of a toy data set, described as `build_features` wants them.

    Parameters
    ----------
    toy : ToyData

    Returns
    -------
    list of SiteSource
        TFs at promoters, RBPs and miRNAs on RNA.
    """
    return [
        SiteSource(kind="TF", path=toy.promoter_sites, region="promoter", biosample_column=7),
        SiteSource(kind="RBP", path=toy.rna_sites, region="rna", biosample_column=7),
        SiteSource(kind="miRNA", path=toy.mirna_sites, region="rna"),
    ]


def check_toy_options(
    *, seed: int = 0, n_genes: int = 1500, n_tasks: int = 8, noise_log2: float = 0.9, effect_scale: float = 1.0
) -> None:
    """Raise ValueError unless the options of `make_toy_data` are in range."""
    check_positive("seed", seed, zero=True)
    check_positive("noise_log2", noise_log2, zero=True)
    check_positive("effect_scale", effect_scale, zero=True)
    for name, value, least in (("n_genes", n_genes, MIN_GENES), ("n_tasks", n_tasks, MIN_TASKS)):
        if value < least:
            raise ValueError(f"{name} is {value}; the toy data need at least {least}")


def _name_own_genes(genes: ToyGenes, bound: list[BoundRegulator]) -> dict[str, str]:
    """Let the last genes of the table bear the names of the TFs and RBPs; stable id of each."""
    names = [item.regulator.name for item in bound if item.regulator.kind != "miRNA"]
    rows = genes.table.index[-len(names) :]
    genes.table.loc[rows, "gene_name"] = names
    return dict(zip(names, genes.table.loc[rows, "gene_id"].str.partition(".")[0], strict=True))


def _plant_effects(
    rng: np.random.Generator, bound: list[BoundRegulator], n_tasks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Effects per unit of dose: overall, shape (n_regulators,), and added in tissues, (n_regulators, n_tasks).

    A third of the tissues is chosen for each regulator, in turn from one shuffled list, so that every tissue is
    regulated by about as many.
    """
    n_chosen = max(1, round(n_tasks * 0.35))
    order = rng.permutation(n_tasks)
    names = [item.regulator.name for item in bound]
    effect_all, effects = np.zeros(len(bound)), np.zeros((len(bound), n_tasks))
    next_task = 0
    for index, (regulator, _, _) in enumerate(bound):
        if regulator.role == "interaction" and regulator.partner in names[:index]:
            first = names.index(regulator.partner)  # the pair has one effect, shared out through the dose
            effect_all[index], effects[index] = effect_all[first], effects[first]
        elif regulator.sign:
            strength = regulator.sign * STRENGTH.get(regulator.role, 1.0)
            chosen = order[np.arange(next_task, next_task + n_chosen) % n_tasks]
            effect_all[index] = strength * rng.uniform(0.2, 0.5)
            effects[index, chosen] = strength * rng.uniform(0.6, 1.1, n_chosen)
            next_task += n_chosen
    return effect_all, effects


def observed_tpm(rng: np.random.Generator, level: np.ndarray, noise_log2: float) -> np.ndarray:
    """TPM with noise of the gene and of the gene in the tissue; one gene in twenty is silent."""
    noisy = level + noise_log2 * (rng.normal(size=(len(level), 1)) + rng.normal(size=level.shape))
    is_silent = rng.random(len(level)) < SILENT_SHARE
    noisy[is_silent] = SILENT_LEVEL_LOG2 + 0.2 * rng.normal(size=(int(is_silent.sum()), level.shape[1]))
    return np.maximum(2.0**noisy - PSEUDOCOUNT_TPM, 0.0)


def _truth_table(
    bound: list[BoundRegulator], effect_all: np.ndarray, effects: np.ndarray, tasks: list[str]
) -> pd.DataFrame:
    rows = []
    for item, common, specific in zip(bound, effect_all, effects, strict=True):
        regulator = item.regulator
        cells = list(item.sites)
        acting = item.sites[cells[0]]
        rows.append(
            {
                "regulator": regulator.name,
                "kind": regulator.kind,
                "role": regulator.role,
                "sign": regulator.sign,
                "partner": regulator.partner,
                "biosamples": ",".join(cells),
                "acting_biosample": cells[0],
                "n_bound_genes": len(np.unique(acting.gene[acting.bases > 0])),
                "tissues": ",".join(task for task, effect in zip(tasks, specific, strict=True) if effect),
                "effect_all": common,
                **dict(zip(tasks, specific, strict=True)),
            }
        )
    return pd.DataFrame(rows)


def _with_ids(gene_ids: pd.Series, values: np.ndarray, columns: list[str]) -> pd.DataFrame:
    table = pd.DataFrame(values, columns=columns)
    table.insert(0, "gene_id", gene_ids.to_numpy())
    return table


def _write_sites(path: Path, genes: ToyGenes, bound: list[BoundRegulator]) -> int:
    """Write one BED file sorted by position; the biosample column only where one is stated. Returns the site count."""
    chrom = genes.table["chrom"].to_numpy()
    frames = [
        pd.DataFrame(
            {
                "chrom": chrom[sites.gene],
                "start": sites.start,
                "end": sites.end,
                "regulator": item.regulator.name,
                "score": 0,
                "strand": np.array([".", "+", "-"])[sites.sign],  # 0, +1 and -1 as indices
                "biosample": cell,
            }
        )
        for item in bound
        for cell, sites in item.sites.items()
    ]
    table = pd.concat(frames, ignore_index=True)
    columns = ["chrom", "start", "end", "regulator", "score", "strand"]
    if table["biosample"].any():
        columns.append("biosample")
    table = table.sort_values(["chrom", "start", "end", "regulator", "biosample"], kind="stable")
    _write_gzip(table[columns].to_csv(sep="\t", header=False, index=False), path)
    return len(table)


def _write_gzip(text: str, path: Path) -> None:
    """Write gzip text without a time stamp, so that equal data give equal bytes."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), 6, mtime=0))
