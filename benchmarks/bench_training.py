"""Training: pooled sums first against raw bins; members to the same accuracy on the real corpus against a plain loop.

Both sides of the first case run the published network with the same weights, genes and batches. "Plain" feeds it every
100-bp bin, padded to the longest gene of the batch, as the original does; ours feeds the same layers the per-gene sums.
The peer of the other cases is the plain loop of `benchmarks.reference_training`, taken in turns with ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.measure import ROOT, Row, cpu_seconds, ratio
from benchmarks.reference_training import fit_plainly, make_step
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
MEMBERS = 5
PLAIN_EPOCHS_TIMED = 8  # of the peer's refits: all but the first, which traces the graph, take the same time
PLAIN_BEST_EPOCHS = 52  # where the plain loop's five members had their least validation loss, on average


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
    from decode.training.member import epoch_batches

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


class _Judge:
    """Spearman of fold changes and median level of validation genes."""

    def __init__(self, dataset: Dataset, data: Any) -> None:
        self.actual, self.kinds = data.targets[data.validation].astype(float), dataset.task_kinds

    def __call__(self, predicted: np.ndarray) -> dict[str, float]:
        from decode.evaluation.evaluate import summarise
        from decode.statistics.metrics import spearman_per_task

        return summarise(spearman_per_task(self.actual, predicted), self.kinds)

    def loss(self, data: Any, predicted: np.ndarray) -> float:
        from decode.models.config import DEFAULT
        from decode.training.losses import masked_loss

        return masked_loss(self.actual, predicted, data.task_scale.sd, DEFAULT.huber_delta, data.task_weight)


def _shown(found: dict[str, float]) -> str:
    return f"{found['fold_change_mean_spearman']:.3f} / {found['median_level_spearman']:.3f}"


def to_accuracy(scale: float) -> list[Row]:
    """CPU seconds of members of the default network on the real corpus, against the plain loop, and how good they are.

    Both sides start from the same seeds and are taken in turns. The peer ends where its validation loss was the least:
    the epochs after that, which it needs in order to know, are not counted. Ours is counted to its very end.
    """
    from decode.core.seeds import member_seeds
    from decode.models.config import DEFAULT
    from decode.models.ensemble import predict_rows
    from decode.training.config import TrainingConfig
    from decode.training.data import training_data
    from decode.training.member import assemble_network, fit_member

    dataset = corpus_dataset()
    if dataset is None:
        return [_alone("default network on the real corpus", None, "skipped: the real corpus is absent")]
    data = training_data(dataset, DEFAULT)
    judge, arrays = _Judge(dataset, data), list(data.inputs.values())
    ours_s, peer_s, to_end_s, n_epochs = [], [], [], 0
    predictions: dict[str, list[np.ndarray]] = {"ours": [], "peer": []}
    n_members = MEMBERS if scale >= 1 else 1
    for seed in member_seeds(SEED, n_members):
        start = cpu_seconds()
        fit = fit_member(seed, data=data, network=DEFAULT, training=TrainingConfig())
        ours_s.append(cpu_seconds() - start)
        n_epochs += len(fit.history)
        model = assemble_network(fit, data, DEFAULT).pooled
        predictions["ours"].append(predict_rows(model, lambda rows: [v[rows] for v in arrays], data.validation))
        trace: list[tuple[float, float]] = []

        def trace_epoch(predicted: np.ndarray, spent: float, trace: list[tuple[float, float]] = trace) -> bool:
            trace.append((judge.loss(data, predicted), spent))
            return False

        predictions["peer"].append(fit_plainly(data, DEFAULT, seed, on_epoch=trace_epoch))
        peer_s.append(min(trace)[1])
        to_end_s.append(trace[-1][1])
    kernels = [weight.shape for weight in model.trainable_variables if len(weight.shape) == 2]
    products = 3 * 2 * len(data.train) * sum(a * b for a, b in kernels) - 2 * len(data.train) * int(np.prod(kernels[0]))
    floor = n_epochs * products / matrix_speed([(256, *kernel) for kernel in kernels])
    rows = []
    for name, n in (("one member", 1), (f"{n_members} members", n_members)):
        if n < n_members or n_members == 1 or n == MEMBERS:
            ours, peer = sum(ours_s[:n]), sum(peer_s[:n])
            scores = [_shown(judge(np.mean(predictions[side][:n], axis=0))) for side in ("ours", "peer")]
            note = (
                f"validation genes {scores[0]}, peer {scores[1]}; peer to its end {sum(to_end_s[:n]):.1f} s; matrix "
                f"products alone {floor / sum(ours_s):.0%} of ours"
            )
            rows.append(Row(f"default network to accuracy, {name}", "today", ours, peer, ratio(peer, ours), note=note))
        if n_members == 1:
            break
    return rows


def null_refits(scale: float) -> list[Row]:
    """Refits on exchanged sites, two members each: a few are done on both sides and the time is scaled up to 20."""
    from decode.core.seeds import member_seeds
    from decode.dataset import TRAIN
    from decode.features.exchange import exchange_sites, strata_by_region
    from decode.models.config import DEFAULT
    from decode.training.config import TrainingConfig
    from decode.training.data import training_data
    from decode.training.member import fit_member

    dataset = corpus_dataset()
    if dataset is None:
        return []
    n_refits, n_members = 20, 2
    done = max(1, round(scale * 2))
    epochs = TrainingConfig().resolved("default", len(dataset.rows(TRAIN))).max_epochs
    strata = strata_by_region(dataset.features, dataset.split)
    ours = peer = 0.0
    for number in range(done):
        exchanged = replace(dataset, features=exchange_sites(dataset.features, strata, seed=number))
        data = training_data(exchanged, DEFAULT, {})
        for seed in member_seeds(number, n_members):
            start = cpu_seconds()
            fit_member(seed, data=data, network=DEFAULT, training=TrainingConfig(), epochs=epochs)
            ours += cpu_seconds() - start
            spent: list[float] = []

            def note_time(_predicted: np.ndarray, now: float, spent: list[float] = spent) -> bool:
                spent.append(now)
                return False

            fit_plainly(data, DEFAULT, seed, epochs=PLAIN_EPOCHS_TIMED, on_epoch=note_time)
            an_epoch = (spent[-1] - spent[0]) / (len(spent) - 1)
            peer += spent[0] + (PLAIN_BEST_EPOCHS - 1) * an_epoch
    factor = n_refits / done
    note = (
        f"fits only; {done} of {n_refits} refits done on both sides and scaled up; "
        f"{epochs} and {PLAIN_BEST_EPOCHS} epochs, the peer's from {PLAIN_EPOCHS_TIMED}"
    )
    return [Row("null of 20 refits x 2 members", "today", factor * ours, factor * peer, ratio(peer, ours), note=note)]


def matrix_speed(shapes: list[tuple[int, int, int]], repeats: int = 200) -> float:
    """Floating-point operations a CPU second of the products of these shapes here, through TensorFlow, float32."""
    import tensorflow as tf

    pairs = [(tf.random.normal((2, n, a)), tf.random.normal((a, b))) for n, a, b in shapes]

    @tf.function
    def products() -> Any:
        total = tf.constant(0.0)
        for i in tf.range(repeats):
            for left, right in pairs:
                total += tf.linalg.matmul(left[i % 2], right)[0, 0]
        return total

    products()
    start = cpu_seconds()
    products().numpy()
    return 2.0 * repeats * sum(n * a * b for n, a, b in shapes) / (cpu_seconds() - start)


def run(scale: float | None = None) -> list[Row]:
    """All cases; `scale` is the share of the paper's 22,016 genes (default 0.2)."""
    scale = DEFAULT_SCALE if scale is None else scale
    return [pool_first(scale), *to_accuracy(scale), *null_refits(scale)]
