"""An epoch of training: pooled sums first against the same network on raw bins; the default on the real corpus.

Both sides of the first case run the published network with the same weights, genes and batches. "Plain" feeds it every
100-bp bin, padded to the longest gene of the batch, as the original does; ours feeds the same layers the per-gene sums.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.measure import ROOT, Row, cpu_seconds, ratio
from decode.features.matrix import RegionMatrix, RegulatoryFeatures

if TYPE_CHECKING:
    from decode.dataset import Dataset

DEFAULT_SCALE = 0.2
N_GENES, N_PROMOTER_TRACKS, N_RNA_TRACKS, N_TASKS = 22_016, 725, 371, 54  # the published toy parameters' sizes
PROMOTER_BINS = 30
DENSITY = {"promoter": 0.03, "rna": 0.003}  # share of nonzero bins in the real corpus
DATA = ROOT.parent / "shared" / "data"
SEED = 0
MAX_DIFFERENCE_GENES = 256


def simulated_features(n_genes: int) -> RegulatoryFeatures:
    """Random sites in promoters and RNAs of log-normal length (median 2.9 kb, as GENCODE's coding genes)."""
    rng = np.random.default_rng([SEED, n_genes])
    length = np.clip(rng.lognormal(np.log(2900), 0.7, n_genes), 200, 40_000).astype(np.int64)
    n_bins = {"promoter": np.full(n_genes, PROMOTER_BINS), "rna": -(-length // 100)}
    n_tracks = {"promoter": N_PROMOTER_TRACKS, "rna": N_RNA_TRACKS}
    regions, tracks = {}, []
    for name, bins in n_bins.items():
        offsets = np.concatenate([[0], np.cumsum(bins)]).astype(np.int64)
        shape = (int(offsets[-1]), n_tracks[name])
        data = sparse.random_array(
            shape, density=DENSITY[name], format="csr", rng=rng, data_sampler=lambda size: rng.integers(20, 101, size)
        )
        bin_length = np.full(shape[0], 100, dtype=np.int32)
        if name == "rna":
            bin_length[offsets[1:] - 1] = length - 100 * (bins - 1)
        regions[name] = RegionMatrix(name, sparse.csr_array(data.astype(np.int16)), offsets, bin_length)
        kind = "TF" if name == "promoter" else "RBP"
        tracks += [(name, kind, f"{kind}{i}", "", "bases", n_genes) for i in range(n_tracks[name])]
    ids = [f"G{i:05d}" for i in range(n_genes)]
    genes = pd.DataFrame({"gene_id": ids, "gene_name": ids, "chrom": "chr2", "strand": "+", "tss": 0})
    genes["length_bp"] = length
    genes.loc[: max(5, n_genes // 10), "chrom"] = "chr1"
    columns = ["region", "kind", "regulator", "biosample", "value_kind", "n_bound_genes"]
    return RegulatoryFeatures(
        level="gene", genes=genes, tracks=pd.DataFrame(tracks, columns=columns), regions=regions, build="hg19",
        bin_size=100, upstream=2000, downstream=1000,
    )  # fmt: skip


def simulated_dataset(n_genes: int) -> Dataset:
    """Simulated features with random targets."""
    from decode.dataset import prepare_dataset

    features = simulated_features(n_genes)
    rng = np.random.default_rng([SEED, 1])
    targets = pd.DataFrame(rng.normal(size=(n_genes, N_TASKS)), columns=[f"task{i}" for i in range(N_TASKS)])
    targets.insert(0, "gene_id", features.ids)
    return prepare_dataset(features, targets)


def _epoch(dataset: Dataset, model: Any, data: Any, batches: Callable[[np.ndarray], list[np.ndarray]]) -> float:
    """CPU seconds of one epoch, after a first step that traces the graph."""
    import keras

    from decode.training.losses import MaskedLoss
    from decode.training.member import epoch_batches, make_step

    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    step = make_step(model, MaskedLoss(data.task_scale.sd), optimizer)
    rows = list(epoch_batches(data.train, 128, SEED, 0))
    for batch in rows[:3]:  # batches of several lengths: the graph is traced once for all of them
        step(batches(batch), dataset.targets[batch])
    start = cpu_seconds()
    for batch in rows:
        step(batches(batch), dataset.targets[batch])
    return cpu_seconds() - start


def pool_first(scale: float) -> Row:
    """The published network: pooled sums against raw bins, one epoch each, and how far their predictions differ."""
    from decode.dataset import bins_inputs
    from decode.models.architectures import build_network
    from decode.models.config import PAPER
    from decode.models.ensemble import predict_rows
    from decode.training.data import training_data

    dataset = simulated_dataset(max(400, round(scale * N_GENES)))
    data = training_data(dataset, PAPER)
    network = build_network(PAPER, data.scales, data.task_scale)
    pooled = list(data.inputs.values())

    def from_sums(rows: np.ndarray) -> list[np.ndarray]:
        return [values[rows] for values in pooled]

    def from_bins(rows: np.ndarray) -> list[np.ndarray]:
        return list(bins_inputs(dataset.features, rows).values())

    ours = _epoch(dataset, network.pooled, data, from_sums)
    plain = _epoch(dataset, network.bins, data, from_bins)
    rows = data.validation[:MAX_DIFFERENCE_GENES]
    sums, bins = predict_rows(network.pooled, from_sums, rows), predict_rows(network.bins, from_bins, rows, 64)
    size = float(np.abs(sums).max())
    difference = float(np.abs(sums - bins).max()) / max(1.0, size)
    tracks = f"{N_PROMOTER_TRACKS} + {N_RNA_TRACKS} tracks"
    note = f"{len(data.train)} training genes, {tracks}, {N_TASKS} tasks; difference relative to the largest prediction"
    return Row("paper network, one epoch", "plain", ours, plain, ratio(plain, ours), difference, None, note)


def corpus_dataset() -> Dataset | None:
    """The real corpus, cell lines kept apart; None where it is absent."""
    from decode.dataset import prepare_dataset
    from decode.expression import read_expression, tissue_targets
    from decode.features.build import build_features
    from decode.genome import SiteSource, gene_models, read_annotation

    if not DATA.is_dir():
        return None
    models = gene_models(read_annotation(DATA / "hg19" / "gencode_v19_coding_collapsed.gtf.gz", build="hg19"))
    files = {"TF": "tf_chip_encode_by_cell.bed.gz", "RBP": "rbp_eclip_encode.bed.gz"}
    regions = {"TF": "promoter", "RBP": "rna"}
    sources = [
        SiteSource(kind=kind, path=DATA / "hg19" / name, region=regions[kind], biosample_column=7)  # type: ignore[arg-type]
        for kind, name in files.items()
    ]
    targets = tissue_targets(read_expression(DATA / "expression" / "hpa_gtex_tissue_tpm.tsv.gz")).targets
    return prepare_dataset(build_features(models, sources), targets)


def _alone(case: str, cpu_s: float | None, note: str) -> Row:
    """A row without a peer."""
    return Row(case, None, cpu_s, None, None, None, None, note)


def default_on_corpus(scale: float) -> list[Row]:
    """The default network on the real corpus: one epoch and, at scale 1, a whole training of five members.

    The note gives the share of the wall time that the matrix products alone would need on this machine.
    """
    from decode.models.architectures import build_network
    from decode.models.config import DEFAULT
    from decode.training.config import TrainingConfig
    from decode.training.data import training_data
    from decode.training.ensemble import train_dataset

    dataset = corpus_dataset()
    if dataset is None:
        return [_alone("default network on the real corpus", None, "skipped: the real corpus is absent")]
    data = training_data(dataset, DEFAULT)
    model = build_network(DEFAULT, data.scales, data.task_scale).pooled
    pooled = list(data.inputs.values())
    wall = time.perf_counter()
    cpu = _epoch(dataset, model, data, lambda rows: [values[rows] for values in pooled])
    wall = time.perf_counter() - wall
    kernels = [weight.shape for weight in model.trainable_variables if len(weight.shape) == 2]
    products = 3 * 2 * len(data.train) * sum(a * b for a, b in kernels)  # forward, and two products backward
    floor = products / matrix_speed()
    share = f"matrix products alone {floor:.3f} s ({floor / wall:.0%})"
    note = f"{len(data.train)} genes; wall {wall:.2f} s with tracing; {share}"
    rows = [_alone("default network, one epoch on the real corpus", cpu, note)]
    if scale >= 1:
        start, wall = cpu_seconds(), time.perf_counter()
        bundle = train_dataset(dataset, DEFAULT, TrainingConfig(members=5))
        n_epochs = len(bundle.history)
        wall = time.perf_counter() - wall
        note = f"{n_epochs} epochs in all; wall {wall:.0f} s; matrix products alone {n_epochs * floor / wall:.0%}"
        rows.append(_alone("default network, five members on the real corpus", cpu_seconds() - start, note))
    return rows


def matrix_speed(size: int = 1024, repeats: int = 10) -> float:
    """Floating-point operations a second of a dense float32 product here, through TensorFlow."""
    import tensorflow as tf

    a = tf.random.normal((size, size))
    tf.linalg.matmul(a, a)
    start = time.perf_counter()
    for _ in range(repeats):
        result = tf.linalg.matmul(a, a)
    result.numpy()
    return 2.0 * size**3 * repeats / (time.perf_counter() - start)


def run(scale: float | None = None) -> list[Row]:
    """All cases; `scale` is the share of the paper's 22,016 genes (default 0.2)."""
    scale = DEFAULT_SCALE if scale is None else scale
    return [pool_first(scale), *default_on_corpus(scale)]
