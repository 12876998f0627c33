from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from decode.core.files import sha256_of
from decode.expression import read_expression, tissue_targets
from decode.features.build import build_features
from decode.genome import gene_models, read_annotation
from decode.synthetic import ToyData, make_toy_data, toy_sources
from decode.synthetic.layout import make_genes
from decode.synthetic.regulators import RBP_SITE_BP, TF_SITE_BP, promoter_sites, rna_sites

BED = ["chrom", "start", "end", "regulator", "score", "strand", "biosample"]
GTF = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyData:
    return make_toy_data(tmp_path_factory.mktemp("toy"), n_genes=400)


@pytest.fixture(scope="module")
def gtf(toy: ToyData) -> pd.DataFrame:
    table = pd.read_csv(toy.annotation, sep="\t", comment="#", names=GTF, quoting=3)
    for key in ("gene_id", "transcript_id"):
        table[key] = table["attributes"].str.extract(rf'{key} "([^"]+)"', expand=False)
    return table


def read_bed(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, sep="\t", header=None, keep_default_na=False)
    table.columns = BED[: table.shape[1]]
    return table


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", index_col="gene_id")


def overlap(sites: pd.DataFrame, windows: pd.DataFrame, *, stranded: bool) -> np.ndarray:
    """Bases of every window under the sites, overlapping sites counted twice: an oracle without the package's code."""
    total = np.zeros(len(windows))
    for chrom, start, end, strand in sites[["chrom", "start", "end", "strand"]].itertuples(index=False):
        hit = (windows["chrom"] == chrom) & ((windows["strand"] == strand) | (not stranded))
        shared = np.minimum(end, windows["end"]) - np.maximum(start, windows["start"])
        total += np.where(hit, np.maximum(shared, 0), 0)
    return total


def test_equal_seeds_give_equal_bytes(tmp_path: Path) -> None:
    first, again, other = (
        make_toy_data(tmp_path / name, seed=seed, n_genes=100) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    names = sorted(path.name for path in first.folder.iterdir())
    assert len(names) == 9
    for name in names:
        assert sha256_of(first.folder / name) == sha256_of(again.folder / name), name
        assert sha256_of(first.folder / name) != sha256_of(other.folder / name), name


def test_sites_lie_inside_the_chromosomes(toy: ToyData) -> None:
    sizes = pd.read_csv(toy.sizes, sep="\t", header=None, index_col=0)[1]
    for path, n_columns in ((toy.promoter_sites, 7), (toy.rna_sites, 7), (toy.mirna_sites, 6)):
        sites = read_bed(path)
        assert sites.shape[1] == n_columns
        assert (sites["start"] >= 0).all()
        assert (sites["start"] < sites["end"]).all()
        assert (sites["end"] <= sites["chrom"].map(sizes)).all()
        assert sites[["chrom", "start"]].equals(sites[["chrom", "start"]].sort_values(["chrom", "start"]))
    assert set(read_bed(toy.promoter_sites)["strand"]) == {"."}
    assert set(read_bed(toy.rna_sites)["strand"]) == {"+", "-"}


def test_annotation_looks_like_gencode(toy: ToyData, gtf: pd.DataFrame) -> None:
    genes = gtf[gtf["feature"] == "gene"]
    assert len(genes) == 400
    assert genes["gene_id"].str.fullmatch(r"ENSTOYG\d{11}\.\d+").all()
    assert (genes["chrom"] == "chr1").mean() == 0.12
    assert set(genes["chrom"]) == {f"chr{n}" for n in range(1, 6)}
    assert 0.4 < (genes["strand"] == "+").mean() < 0.6
    exons = gtf[gtf["feature"] == "exon"].groupby("transcript_id").size()
    assert exons.min() == 1
    assert exons.max() == 10
    assert gtf["attributes"].str.contains("MANE_Select")[gtf["feature"] == "transcript"].sum() == 400
    n_transcripts = gtf[gtf["feature"] == "transcript"].groupby("gene_id").size()
    assert 0 < (n_transcripts == 2).sum() < 400
    assert n_transcripts.max() == 2
    # GENCODE lists exons 5' to 3': starts fall on the minus strand
    starts = gtf[gtf["feature"] == "exon"].groupby(["strand", "transcript_id"])["start"]
    assert starts.apply(lambda column: column.is_monotonic_increasing).loc["+"].all()
    assert starts.apply(lambda column: column.is_monotonic_decreasing).loc["-"].all()
    spans = gtf[gtf["feature"] == "transcript"].merge(genes[["gene_id", "start", "end"]], on="gene_id")
    assert (spans["start_x"] == spans["start_y"]).all()
    assert (spans["end_x"] == spans["end_y"]).all()


def test_promoter_windows_do_not_overlap(gtf: pd.DataFrame) -> None:
    windows = windows_of(gtf)
    for _, table in windows.groupby("chrom"):
        ordered = table.sort_values("start")
        assert (ordered["start"].to_numpy()[1:] >= ordered["end"].to_numpy()[:-1]).all()


def windows_of(gtf: pd.DataFrame) -> pd.DataFrame:
    genes = gtf[gtf["feature"] == "gene"].reset_index(drop=True)
    plus = genes["strand"] == "+"
    genes["start"], genes["end"] = (
        np.where(plus, genes["start"] - 1 - 2000, genes["end"] - 1000),
        np.where(plus, genes["start"] - 1 + 1000, genes["end"] + 2000),
    )
    return genes


@pytest.mark.parametrize("name", ["ACT1", "REP1", "DECOY1", "COBOUND1", "NULL2"])
def test_tf_dose_counts_bases_of_the_promoter_window(toy: ToyData, gtf: pd.DataFrame, name: str) -> None:
    sites = read_bed(toy.promoter_sites).query("regulator == @name and biosample == 'CellA'")
    bases = overlap(sites, windows_of(gtf), stranded=False)
    np.testing.assert_allclose(read(toy.truth_dose)[f"TF:{name}"], np.log2(1 + bases / TF_SITE_BP))


def test_position_dependent_tf_acts_near_the_tss_only(toy: ToyData, gtf: pd.DataFrame) -> None:
    genes = gtf[gtf["feature"] == "gene"]
    tss = np.where(genes["strand"] == "+", genes["start"] - 1, genes["end"] - 1)
    sites = read_bed(toy.promoter_sites).query("regulator == 'POS1'")
    dose = read(toy.truth_dose)["TF:POS1"].to_numpy()
    near = np.zeros(len(genes))
    for index, (chrom, position) in enumerate(zip(genes["chrom"], tss, strict=True)):
        local = sites[sites["chrom"] == chrom]
        near[index] = (((local["start"] + local["end"]) / 2 - position).abs() <= 200).any()
    np.testing.assert_array_equal(dose, near)
    # the totals say next to nothing about it among bound genes
    total = overlap(sites, windows_of(gtf), stranded=False)
    bound = total > 0
    assert 0.4 < dose[bound].mean() < 0.6
    assert abs(np.corrcoef(total[bound], dose[bound])[0, 1]) < 0.15


@pytest.mark.parametrize(("name", "kind"), [("STAB1", "RBP"), ("DESTAB1", "RBP"), ("miR-R1", "miRNA")])
def test_rna_dose_counts_bases_of_exons_on_the_same_strand(
    toy: ToyData, gtf: pd.DataFrame, name: str, kind: str
) -> None:
    sites = read_bed(toy.rna_sites if kind == "RBP" else toy.mirna_sites).query("regulator == @name")
    if kind == "RBP":
        sites = sites.query("biosample == 'CellA'")
    main = gtf[gtf["attributes"].str.contains("MANE_Select") & (gtf["feature"] == "exon")].reset_index(drop=True)
    main["start"] -= 1
    main["bases"] = overlap(sites, main, stranded=True)
    bases = main.groupby("gene_id")["bases"].sum().to_numpy()  # ids rise along the genome
    unit = RBP_SITE_BP if kind == "RBP" else 8
    np.testing.assert_allclose(read(toy.truth_dose)[f"{kind}:{name}"], np.log2(1 + bases / unit))
    other = main.assign(strand=main["strand"].map({"+": "-", "-": "+"}))
    assert overlap(sites, other, stranded=True).sum() > 0  # there are sites that only the strand rule keeps out


def test_signal_is_the_sum_of_the_planted_parts(toy: ToyData) -> None:
    signal, dose, truth = read(toy.truth_signal), read(toy.truth_dose), toy.truth
    tasks = [column for column in signal if column != "median_level"]
    assert len(tasks) == 8
    effects = truth[tasks].to_numpy() + truth[["effect_all"]].to_numpy()
    level = signal[tasks].to_numpy() + signal[["median_level"]].to_numpy()
    rest = level - dose.to_numpy() @ effects
    np.testing.assert_allclose(rest, np.repeat(rest[:, :1], 8, axis=1), atol=1e-9)  # length: the same in every tissue
    np.testing.assert_allclose(np.median(signal[tasks], axis=1), 0, atol=1e-12)


def test_tpm_without_noise_gives_the_signal_back(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path, n_genes=100, noise_log2=0)
    tpm, signal = read(toy.tissue_tpm), read(toy.truth_signal)
    assert (tpm.index.str.partition(".").get_level_values(0) == signal.index).all()
    level = np.log2(tpm.to_numpy() + 0.25)
    expected = (signal[list(tpm)].to_numpy() + signal[["median_level"]].to_numpy()).clip(-2)
    is_silent = tpm.to_numpy().max(axis=1) < 2
    assert 0 < is_silent.mean() < 0.3
    expressed = (tpm.to_numpy() > 2).all(axis=1)
    np.testing.assert_allclose(level[expressed], expected[expressed], atol=1e-4)


def test_decoys_and_nulls_have_no_effect(toy: ToyData) -> None:
    tasks = [column for column in toy.truth if column.startswith("tissue_")]
    idle = toy.truth[toy.truth["sign"] == 0]
    assert set(idle["role"]) == {"decoy", "co_bound_decoy", "null"}
    assert not idle[["effect_all", *tasks]].to_numpy().any()
    assert (idle["tissues"] == "").all()
    acting = toy.truth[toy.truth["sign"] != 0]
    assert (np.sign(acting["effect_all"]) == acting["sign"]).all()
    assert ((acting[tasks] != 0).sum(axis=1) == 3).all()
    assert (toy.truth[tasks] != 0).sum().min() >= 4  # every tissue is regulated


def test_decoys_resemble_their_partners(toy: ToyData) -> None:
    dose = read(toy.truth_dose)
    correlation = dose.corr()
    assert correlation.loc["TF:COBOUND1", "TF:ACT1"] > 0.5
    assert abs(correlation.loc["TF:DECOY1", "TF:ACT3"]) < 0.15
    sites = read_bed(toy.promoter_sites)
    n_sites = sites.groupby(["regulator", "biosample"]).size()
    assert n_sites["DECOY1", "CellA"] == n_sites["ACT3", "CellA"]


def test_interaction_needs_both_partners(toy: ToyData, gtf: pd.DataFrame) -> None:
    dose, sites = read(toy.truth_dose), read_bed(toy.promoter_sites)
    bound = [
        overlap(sites[sites["regulator"] == name], windows_of(gtf), stranded=False) > 0 for name in ("PAIR1", "PAIR2")
    ]
    for name in ("PAIR1", "PAIR2"):
        np.testing.assert_array_equal(dose[f"TF:{name}"], 0.5 * (bound[0] & bound[1]))
    pair = toy.truth.set_index("regulator").loc[["PAIR1", "PAIR2"]]
    assert pair.loc["PAIR1", "tissue_1":].equals(pair.loc["PAIR2", "tissue_1":])
    assert pair["partner"].tolist() == ["PAIR2", "PAIR1"]


def test_two_cells_only_where_stated(toy: ToyData) -> None:
    sites = pd.concat([read_bed(toy.promoter_sites), read_bed(toy.rna_sites)])
    cells = sites.groupby("regulator")["biosample"].unique().map(sorted)
    two = toy.truth[toy.truth["biosamples"] == "CellA,CellB"]["regulator"]
    assert sorted(two) == ["ACT2", "NULL1", "REP1", "STAB1"]
    assert (cells[two].map(len) == 2).all()
    assert (cells.drop(two).map(len) == 1).all()


def test_every_regulator_is_bound_to_enough_training_genes(tmp_path: Path) -> None:
    small = make_toy_data(tmp_path / "small", n_genes=300)
    is_training = np.arange(300) >= 36  # chr1 is held out
    n_bound = (read(small.truth_dose).to_numpy()[is_training] > 0).sum(axis=0)
    assert (0.9 * n_bound > 40).all()  # a tenth of the others is validation
    assert (small.truth["n_bound_genes"] >= 75).all()
    assert small.truth["kind"].value_counts().to_dict() == {"TF": 14, "RBP": 8, "miRNA": 6}


def test_effect_scale_zero_leaves_length_only(tmp_path: Path) -> None:
    toy = make_toy_data(tmp_path, n_genes=100, effect_scale=0)
    signal = read(toy.truth_signal)
    np.testing.assert_allclose(signal.drop(columns="median_level"), 0, atol=1e-12)
    assert signal["median_level"].std() > 0.1
    assert not toy.truth["effect_all"].any()


def test_more_tasks_leave_the_genome_as_it_is(toy: ToyData, tmp_path: Path) -> None:
    other = make_toy_data(tmp_path, n_genes=400, n_tasks=20, effect_scale=2)
    for first, second in zip(toy[1:6], other[1:6], strict=True):
        assert sha256_of(first) == sha256_of(second)
    assert (other.truth.iloc[:, -20:] != 0).sum(axis=1).max() == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_genes": 99}, "n_genes is 99; .* at least 100"),
        ({"n_tasks": 2}, "n_tasks is 2; .* at least 3"),
        ({"seed": -1}, "seed is -1"),
        ({"noise_log2": -0.1}, "noise_log2 is -0.1"),
        ({"effect_scale": float("nan")}, "effect_scale is nan"),
    ],
)
def test_bad_options_write_nothing(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_toy_data(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_missing_parent_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        make_toy_data(tmp_path / "absent" / "out", n_genes=100)


def test_promoter_sites_by_hand() -> None:
    genes = make_genes(np.random.default_rng(0), 100)
    for strand in "+-":
        gene = np.flatnonzero(genes.table["strand"] == strand)[[0]]
        tss = int(genes.table["tss"].iloc[gene[0]])
        sites = promoter_sites(genes, np.repeat(gene, 3), np.array([-2000, 0, 999]), np.array([100, 100, 100]))
        centre = tss - 2000 if strand == "+" else tss + 2000
        assert sites.start[0] == centre - 50
        assert sites.near.tolist() == [False, True, False]
        assert sites.bases[1] == 100
        # half of the outer sites lies outside the window
        assert sites.bases[0] in (50, 51)
        assert sites.bases[2] in (50, 51)


def test_rna_coordinates_by_hand() -> None:
    genes = make_genes(np.random.default_rng(1), 100)
    for strand in "+-":
        gene = int(np.flatnonzero((genes.table["strand"] == strand) & (genes.table["n_exons"] >= 3))[0])
        exon = np.flatnonzero(genes.exon_gene == gene)
        bases = [
            position
            for start, end in zip(genes.exon_start[exon], genes.exon_end[exon], strict=True)
            for position in (range(start, end) if strand == "+" else range(end - 1, start - 1, -1))
        ]
        positions = np.arange(len(bases))
        np.testing.assert_array_equal(genes.rna_to_genome(np.full(len(bases), gene), positions), bases)
        assert bases[0] == genes.table["tss"].iloc[gene]
        assert len(bases) == genes.table["length_bp"].iloc[gene]
        # a site that begins on the last base of the first exon keeps one base of it
        edge = int(genes.exon_rna_start[exon[1]]) - 1
        site = rna_sites(genes, np.array([gene]), np.array([edge]), np.array([20]))
        assert site.bases.tolist() == [1]
        assert site.end[0] - site.start[0] == 20


def test_sources_name_the_three_files(toy: ToyData) -> None:
    sources = toy_sources(toy)
    assert [(source.kind, source.region, source.biosample_column) for source in sources] == [
        ("TF", "promoter", 7),
        ("RBP", "rna", 7),
        ("miRNA", "rna", None),
    ]


def test_the_package_reads_its_own_toy_files(toy: ToyData, gtf: pd.DataFrame) -> None:
    annotation = read_annotation(toy.annotation, build="toy", sizes=toy.sizes)
    models = gene_models(annotation).table
    main = gtf[gtf["attributes"].str.contains("MANE_Select") & (gtf["feature"] == "exon")]
    length_bp = (main["end"] - main["start"] + 1).groupby(main["gene_id"]).sum()
    assert models["gene_id"].tolist() == [gene.partition(".")[0] for gene in length_bp.index]
    assert models["length_bp"].tolist() == length_bp.tolist()
    targets = tissue_targets(read_expression(toy.tissue_tpm)).targets
    assert set(targets["gene_id"]) <= set(models["gene_id"])
    assert 0.85 < len(targets) / 400 < 0.98  # silent genes are filtered
    signal = read(toy.truth_signal)
    assert list(targets.columns) == ["gene_id", *signal.columns]
    both = targets.merge(signal.reset_index(), on="gene_id", suffixes=("", "_signal"))
    for task in signal:
        assert both[task].corr(both[f"{task}_signal"], method="spearman") > 0.6, task


def test_features_bind_exactly_the_planted_genes(toy: ToyData) -> None:
    models = gene_models(read_annotation(toy.annotation, build="toy", sizes=toy.sizes))
    features = build_features(models, toy_sources(toy), executor="serial")
    assert len(features.tracks) == 28 + 4  # four regulators were mapped in two cells
    dose = read(toy.truth_dose)
    assert list(features.ids) == list(dose.index)
    totals = dict(zip(features.track_ids, features.totals().T, strict=True))
    for track, unit in (
        ("promoter|TF:REP1@CellA", TF_SITE_BP),
        ("rna|RBP:STAB1@CellA", RBP_SITE_BP),
        ("rna|miRNA:miR-R1", 8),
    ):
        planted = dose[track.partition("|")[2].partition("@")[0]]
        np.testing.assert_array_equal(totals[track] > 0, planted > 0)
        # overlapping sites count once in features and twice in the dose
        assert (np.log2(1 + totals[track] / unit) <= planted + 1e-5).all()
        assert np.corrcoef(np.log2(1 + totals[track] / unit), planted)[0, 1] > 0.98
