"""Counting simulated TF peaks in promoters, from text to matrix: ours, pyranges, bedtools; real corpus; random access.

Every side gets the same job: one BED file a TF, promoters of the same genes, bases of every 100-bp bin that the union
of the file's peaks covers, as a sparse matrix (bins x files). Pyranges and, in a second row, bedtools intersect merged
peaks with whole promoter windows and split the overlaps into bins with our numpy code: 30 times fewer intervals, so
faster for them. The plain bedtools row intersects with the bins themselves, as one does without such code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.measure import ROOT, Finish, Row, Work, cpu_seconds, measured, ratio
from decode.genome.assembly import get_assembly

if TYPE_CHECKING:
    from decode.genome.gene_models import GeneModels

DEFAULT_SCALE = 0.2  # 165 files, 5 million peaks
N_FILES, PEAKS_PER_FILE, N_PROMOTERS = 826, 30_085, 27_428  # GTRD's TFs and meta-clusters, the paper's genes
BIN_SIZE, UPSTREAM, DOWNSTREAM = 100, 2000, 1000
N_BINS = (UPSTREAM + DOWNSTREAM) // BIN_SIZE
NEAR_TSS_SHARE = 0.25  # of peaks, as in ENCODE's
DATA = ROOT.parent / "shared" / "data" / "hg19"
MAIN_CHROMS = [f"chr{name}" for name in (*range(1, 23), "X")]
SEED = 0
OUR_RUNS = 3  # the median counts: a second of work is easily disturbed, the peers' minutes are not


def simulated_models(n_promoters: int) -> GeneModels:
    """Genes of one exon at random places of hg19, a pure function of the number."""
    from decode.genome.gene_models import GeneModels

    assembly, rng = get_assembly("hg19"), np.random.default_rng([SEED, n_promoters])
    sizes = np.array([assembly.sizes[name] for name in MAIN_CHROMS])
    number = rng.choice(len(sizes), n_promoters, p=sizes / sizes.sum())
    start = rng.integers(20_000, sizes[number] - 20_000)
    order = np.lexsort((start, number))  # as in an annotation file
    number, start = number[order], start[order]
    chrom = np.array(MAIN_CHROMS)[number]
    strand = rng.choice(np.array(["+", "-"]), n_promoters)
    exons = pd.DataFrame({"model": np.arange(n_promoters), "chrom": chrom, "start": start, "end": start + 1000})
    exons = exons.assign(strand=strand, rna_start=0)
    ids = [f"G{i:05d}" for i in range(n_promoters)]
    table = pd.DataFrame({"gene_id": ids, "gene_name": ids, "chrom": chrom, "strand": strand})
    table["tss"] = np.where(strand == "+", start, start + 999)
    return GeneModels("gene", assembly, "simulated", table.assign(length_bp=1000, n_exons=1), exons)


def simulate_peaks(folder: Path, n_files: int, peaks_per_file: int, n_promoters: int) -> int:
    """Write sorted BED6 files of peaks of 150 to 600 bases, a quarter of them near a TSS; returns their number."""
    models = simulated_models(n_promoters)
    tss, tss_chrom = models.table["tss"].to_numpy(), models.table["chrom"].to_numpy().astype(str)
    names = np.array(sorted(MAIN_CHROMS))  # sorted as bedtools wants it
    sizes = np.array([models.assembly.sizes[name] for name in names])
    tss_number = np.searchsorted(names, tss_chrom)
    weights = np.random.default_rng([SEED, n_files]).lognormal(0, 0.5, n_files)  # experiments differ in size
    n_peaks = np.maximum(weights / weights.mean() * peaks_per_file, 10).astype(int)
    for i, n in enumerate(n_peaks.tolist()):
        rng = np.random.default_rng([SEED, i])
        number = rng.choice(len(sizes), n, p=sizes / sizes.sum())
        middle = rng.integers(1000, sizes[number] - 1000)
        near = np.flatnonzero(rng.random(n) < NEAR_TSS_SHARE)
        gene = rng.integers(0, n_promoters, len(near))
        number[near], middle[near] = tss_number[gene], tss[gene] + rng.normal(0, 1000, len(near)).astype(int)
        half = rng.integers(75, 300, n)
        order = np.lexsort((middle - half, number))
        columns = {
            "chrom": names[number[order]],
            "start": (middle - half)[order],
            "end": (middle + half)[order],
            "name": np.char.add("peak_", np.arange(n).astype(str)),
            "score": rng.integers(1, 1000, n),
            "strand": np.full(n, "."),
        }
        pl.DataFrame(columns).write_csv(folder / f"TF{i:03d}.bed", separator="\t", include_header=False)
    return int(n_peaks.sum())


def _save(matrix: sparse.csr_array, out: str) -> dict[str, Any]:
    sparse.save_npz(out, matrix, compressed=False)
    return {"n_values": int(matrix.nnz)}


def ours(folder: str, n_promoters: int, out: str) -> Work:
    """Our side: `build_features` on the folder."""
    from decode.features.build import build_features
    from decode.genome.sites import SiteSource

    models = simulated_models(n_promoters)
    with tempfile.TemporaryDirectory() as small:  # compiles the kernels, or loads them from numba's cache
        simulate_peaks(Path(small), 2, 2000, n_promoters)
        build_features(models, [SiteSource(kind="TF", path=Path(small), region="promoter")])

    def work() -> Finish:
        features = build_features(models, [SiteSource(kind="TF", path=Path(folder), region="promoter")])
        return partial(_save, features.regions["promoter"].data, out)

    return work


def compiling(folder: str) -> Work:
    """Count one tiny file with an empty cache (NUMBA_CACHE_DIR set to a new folder), so that all kernels compile."""
    from decode.features.build import build_features
    from decode.genome.sites import SiteSource

    n_promoters = 50
    models = simulated_models(n_promoters)
    simulate_peaks(Path(folder), 1, 50, n_promoters)

    def work() -> Finish:
        build_features(models, [SiteSource(kind="TF", path=Path(folder), region="promoter")], executor="serial")
        return dict

    return work


def _windows(n_promoters: int) -> pd.DataFrame:
    from decode.genome.gene_coordinates import promoter_windows

    return promoter_windows(simulated_models(n_promoters), upstream=UPSTREAM, downstream=DOWNSTREAM)


def _bin_overlaps(
    windows: pd.DataFrame, model: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> sparse.csc_array:
    """Split overlaps of disjoint peaks with windows into bins: one column of the matrix."""
    low, high = windows["start"].to_numpy()[model], windows["end"].to_numpy()[model]
    is_minus = (windows["strand"] == "-").to_numpy()[model]
    start, end = np.maximum(start, low), np.minimum(end, high)
    first = np.where(is_minus, high - end, start - low)
    last = np.where(is_minus, high - start, end - low)
    n = (last - 1) // BIN_SIZE - first // BIN_SIZE + 1
    which = np.repeat(np.arange(len(n)), n)
    bins = np.arange(len(which)) - (np.cumsum(n) - n)[which] + (first // BIN_SIZE)[which]
    bases = np.minimum((bins + 1) * BIN_SIZE, last[which]) - np.maximum(bins * BIN_SIZE, first[which])
    cells = (bases.astype(np.int32), (model[which] * N_BINS + bins, np.zeros(len(bins), dtype=np.int64)))
    return sparse.csc_array(sparse.coo_array(cells, shape=(len(windows) * N_BINS, 1)))


def pyranges_side(folder: str, n_promoters: int, out: str) -> Work:
    """Pyranges: read_bed, merge, join with the windows."""
    warnings.simplefilter("ignore")  # pyranges 0.1.7 floods pandas-4 warnings
    import pyranges

    windows = _windows(n_promoters)
    frame = windows.rename(columns={"chrom": "Chromosome", "start": "Start", "end": "End", "model": "Model"})
    promoters = pyranges.PyRanges(frame[["Chromosome", "Start", "End", "Model"]])

    def work() -> Finish:
        columns = []
        for path in sorted(Path(folder).glob("*.bed")):
            joined = pyranges.read_bed(str(path)).merge(strand=False).join(promoters).df
            numbers = (joined[name].to_numpy(np.int64) for name in ("Model", "Start", "End"))
            columns.append(_bin_overlaps(windows, *numbers))
        return partial(_save, sparse.csr_array(sparse.hstack(columns, format="csr")), out)

    return work


def _bedtools_pairs(peaks: Path, regions: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Start, end and region number of every overlap, by bedtools merge | intersect -wo -sorted."""
    environment = {**os.environ, "LC_ALL": "C"}  # the order that -sorted expects
    merge = subprocess.Popen(["bedtools", "merge", "-i", str(peaks)], stdout=subprocess.PIPE, env=environment)
    command = ["bedtools", "intersect", "-a", "stdin", "-b", str(regions), "-wo", "-sorted"]
    pairs = subprocess.Popen(command, stdin=merge.stdout, stdout=subprocess.PIPE, env=environment)
    schema = {f"column_{i}": pl.String if i in (0, 3) else pl.Int64 for i in range(8)}
    text = pairs.communicate()[0]
    if merge.wait() or pairs.returncode:
        raise RuntimeError(f"bedtools failed on {peaks}")
    found = pl.read_csv(text, separator="\t", has_header=False, schema=schema)
    start, end, number = (found[f"column_{k}"].to_numpy() for k in (1, 2, 6))
    low, high = found["column_4"].to_numpy(), found["column_5"].to_numpy()
    return np.maximum(start, low), np.minimum(end, high), number


def _write_regions(table: pd.DataFrame, path: Path) -> None:
    ordered = table.sort_values(["chrom", "start"])
    ordered[["chrom", "start", "end", "number"]].to_csv(path, sep="\t", header=False, index=False)


def bedtools_side(folder: str, n_promoters: int, out: str) -> Work:
    """Bedtools: merge | intersect -wo -sorted with the bins, one pipe a file."""
    windows, regions = _windows(n_promoters), Path(out).with_suffix(".bins.bed")
    bins = windows.loc[windows.index.repeat(N_BINS)].reset_index(drop=True)
    number = np.tile(np.arange(N_BINS), len(windows))
    is_minus = (bins["strand"] == "-").to_numpy()
    bins["start"] += np.where(is_minus, N_BINS - 1 - number, number) * BIN_SIZE
    bins["end"] = bins["start"] + BIN_SIZE
    bins["number"] = bins["model"] * N_BINS + number
    _write_regions(bins, regions)

    def work() -> Finish:
        columns = []
        for path in sorted(Path(folder).glob("*.bed")):
            start, end, row = _bedtools_pairs(path, regions)
            cells = ((end - start).astype(np.int32), (row, np.zeros(len(row), dtype=np.int64)))
            columns.append(sparse.csc_array(sparse.coo_array(cells, shape=(len(bins), 1))))
        return partial(_save, sparse.csr_array(sparse.hstack(columns, format="csr")), out)

    return work


def bedtools_windows_side(folder: str, n_promoters: int, out: str) -> Work:
    """Bedtools: merge | intersect -wo -sorted with whole windows; bins by numpy."""
    windows, regions = _windows(n_promoters), Path(out).with_suffix(".windows.bed")
    _write_regions(windows.assign(number=windows["model"]), regions)

    def work() -> Finish:
        columns = []
        for path in sorted(Path(folder).glob("*.bed")):
            start, end, model = _bedtools_pairs(path, regions)
            columns.append(_bin_overlaps(windows, model, start, end))
        return partial(_save, sparse.csr_array(sparse.hstack(columns, format="csr")), out)

    return work


def real_corpus() -> Work:
    """Build the real corpus with cell lines kept apart: 20,151 genes, 4.9 million sites."""
    from decode.features.build import build_features
    from decode.genome.annotation import read_annotation
    from decode.genome.gene_models import gene_models
    from decode.genome.sites import SiteSource

    def work() -> Finish:
        annotation = read_annotation(DATA / "gencode_v19_coding_collapsed.gtf.gz", build="hg19")
        by_cell = DATA / "tf_chip_encode_by_cell.bed.gz"
        sources = [
            SiteSource(kind="TF", path=by_cell, region="promoter", biosample_column=7),
            SiteSource(kind="RBP", path=DATA / "rbp_eclip_encode.bed.gz", region="rna", biosample_column=7),
            SiteSource(kind="miRNA", path=DATA / "mirna_miranda.bed.gz", region="rna"),
        ]
        features = build_features(gene_models(annotation), sources)
        with tempfile.TemporaryDirectory() as folder:
            features.write(Path(folder) / "features.h5")
        return lambda: {"n_sites": sum(source["counts"]["n_sites"] for source in features.sources)}

    return work


def random_access(path: str, n_batches: int) -> dict[str, float]:
    """CPU seconds to get 128 random genes: from the open file, and by loading the file first; largest difference."""
    from decode.features.matrix import RegulatoryFeatures

    rng = np.random.default_rng(SEED)
    with RegulatoryFeatures.open(path) as file:
        n_genes = len(file.genes)
        batches = [rng.choice(n_genes, min(128, n_genes), replace=False) for _ in range(n_batches)]
        file.dense("promoter", batches[0])  # row pointers are read once
        before = cpu_seconds()
        lazy = [file.dense("promoter", batch)[0] for batch in batches]
        ours_s = (cpu_seconds() - before) / n_batches
    before = cpu_seconds()
    whole = RegulatoryFeatures.read(path).dense("promoter", batches[0])[0]
    return {
        "ours_s": ours_s,
        "peer_s": cpu_seconds() - before,
        "largest_difference": float(np.abs(lazy[0] - whole).max()),
    }


PEERS = {
    "pyranges": pyranges_side,
    "bedtools merge|intersect": bedtools_side,
    "bedtools merge|intersect, windows": bedtools_windows_side,
}


def _largest_difference(left: str, right: str) -> float:
    difference = sparse.load_npz(left).astype(np.int64) - sparse.load_npz(right).astype(np.int64)
    return float(abs(difference).max())


def compare(n_files: int, peaks_per_file: int = PEAKS_PER_FILE, n_promoters: int = N_PROMOTERS) -> list[Row]:
    """Simulate files and count them with every side; then random access to the features of our side."""
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        peaks = Path(folder) / "peaks"
        peaks.mkdir()
        n_peaks = simulate_peaks(peaks, n_files, peaks_per_file, n_promoters)
        case = f"count {n_peaks / 1e6:.2f} M peaks, {n_files} files, {n_promoters} promoters"
        options: dict[str, Any] = {"folder": str(peaks), "n_promoters": n_promoters}
        runs = [measured(ours, **options, out=f"{folder}/ours.npz") for _ in range(OUR_RUNS)]
        mine = sorted(runs, key=lambda run: run.cpu_s)[OUR_RUNS // 2]
        rows = []
        for name, side in PEERS.items():
            if name.startswith("bedtools") and shutil.which("bedtools") is None:
                note = "bedtools is not installed: skipped"
                rows.append(Row(case, name, mine.cpu_s, None, None, None, mine.peak_gib, note))
                continue
            theirs = measured(side, **options, out=f"{folder}/peer.npz")
            difference = _largest_difference(f"{folder}/ours.npz", f"{folder}/peer.npz")
            times = (mine.cpu_s, theirs.cpu_s, ratio(theirs.cpu_s, mine.cpu_s))
            rows.append(Row(case, name, *times, difference, mine.peak_gib, f"peer's peak {theirs.peak_gib:.2f} GiB"))
        rows.append(_random_access_row(folder, n_promoters))
        caches, few = tempfile.mkdtemp(dir=folder), tempfile.mkdtemp(dir=folder)
        cold = measured(compiling, {"NUMBA_CACHE_DIR": caches}, folder=few)
        rows.append(Row("compile the kernels (once per machine)", None, cold.cpu_s, None, None, None, cold.peak_gib))
    return rows


def _random_access_row(folder: str, n_promoters: int) -> Row:
    from decode.features.build import build_features
    from decode.genome.sites import SiteSource

    source = SiteSource(kind="TF", path=Path(folder) / "peaks", region="promoter")
    build_features(simulated_models(n_promoters), [source]).write(f"{folder}/features.h5")
    found = random_access(f"{folder}/features.h5", 20)
    times = (found["ours_s"], found["peer_s"], ratio(found["peer_s"], found["ours_s"]))
    return Row("random_access_128", "loading the file", *times, found["largest_difference"], None)


def run(scale: float | None = None) -> list[Row]:
    """All cases; `scale` 1 is 826 files with 24.85 million peaks."""
    rows = compare(max(1, round(N_FILES * (scale or DEFAULT_SCALE))))
    if DATA.is_dir():
        corpus = measured(real_corpus)
        note = f"{corpus.result['n_sites'] / 1e6:.2f} M sites, annotation and writing included"
        rows.append(Row("real_corpus", None, corpus.cpu_s, None, None, None, corpus.peak_gib, note))
    else:
        rows.append(Row("real_corpus", None, None, None, None, None, None, f"{DATA} is absent: skipped"))
    return rows
