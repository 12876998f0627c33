"""Attributions of all tasks: the exact engine against shap.DeepExplainer, and the whole job of five members on disk.

Both engines explain the same simulated genes with the same networks (the published sizes: 725 promoter and 371 RNA
tracks, 54 tasks; random weights and batch-norm statistics), each gene against itself without sites. Before the clock
runs, inputs are prepared and each engine has explained one gene (shap builds a graph a task then). shap gets genes of
like length together, so that it pads little. It takes every gene and task by itself, so at a small scale it explains
fewer genes and its time is scaled up to all.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.bench_training import N_TASKS, simulated_features
from benchmarks.measure import Finish, Row, Work, measured, ratio

if TYPE_CHECKING:
    from decode.attribution.job import Job

DEFAULT_SCALE = 0.1
N_GENES, N_TEST_GENES, N_MEMBERS = 256, 2705, 5  # Tasaki 2020: 2,705 test genes
N_LENGTH_GROUPS = 4
SEED = 0


def simulated_job(architecture: str, n_genes: int, n_members: int = 1, n_tasks: int = N_TASKS) -> Job:
    """An untrained ensemble with random weights and batch-norm statistics, and genes to explain."""
    from decode.attribution.job import make_job
    from decode.dataset import prepare_dataset
    from decode.models.architectures import build_network
    from decode.models.bundle import make_bundle
    from decode.models.config import network_config
    from decode.models.scales import fit_region_scales, fit_task_scale

    rng = np.random.default_rng(SEED)
    features = simulated_features(max(n_genes, 60))
    targets = pd.DataFrame(rng.normal(size=(features.n_genes, n_tasks)), columns=[f"task{i}" for i in range(n_tasks)])
    targets.insert(0, "gene_id", features.ids)
    dataset = prepare_dataset(features, targets, min_bound_genes=0)
    config = network_config(architecture)  # type: ignore[arg-type]
    scales, task_scale = fit_region_scales(dataset, config), fit_task_scale(dataset, config)
    members = [build_network(config, scales, task_scale, seed=seed) for seed in range(n_members)]
    for member in members:
        for layer in member.bins.layers:
            if layer.name.startswith("normalise"):
                layer.set_weights([rng.uniform(0.5, 1.5, size=weight.shape) for weight in layer.get_weights()])
    bundle = make_bundle(
        dataset, members, network=config, training={}, seeds=list(range(n_members)),
        validation_loss=[0.0] * n_members, history=pd.DataFrame(),
    )  # fmt: skip
    ids = [str(name) for name in features.ids[:n_genes]]
    return make_job(bundle, features, engine="exact", reference="own_length", genes=ids, part="all")


def shap_rows(job: Job, n_genes: int) -> np.ndarray:
    """The genes that shap explains: spread evenly over all lengths, by length."""
    by_length = job.rows[np.argsort(np.diff(job.features.regions["rna"].offsets)[job.rows], kind="stable")]
    return by_length[np.linspace(0, len(by_length) - 1, min(n_genes, len(by_length))).astype(int)]


def _finish(job: Job, rows: np.ndarray, values: list[np.ndarray], out: str, wall_s: float) -> Finish:
    """Keep what was found for `rows`, and judge whether it adds up to what Keras predicts."""

    def finish() -> dict[str, Any]:
        predicted, reference = (np.asarray(job.bundle.members[0].pooled(x, training=False)) for x in job.pooled(rows))
        error = np.abs(sum(part.sum(axis=1, dtype=np.float64) for part in values) - (predicted - reference)).max()
        np.savez(out, *values)
        return {"additivity_error": float(error), "wall_s": wall_s}

    return finish


def exact_side(architecture: str, n_genes: int, n_shap_genes: int, out: str) -> Work:
    """The exact engine on all genes; those that shap explains too are kept for the comparison."""
    from decode.attribution.exact.engine import ExactEngine
    from decode.core.threads import one_blas_thread

    job = simulated_job(architecture, n_genes)
    inputs, references = job.pooled(job.rows)
    blocks = [np.arange(start, min(start + 64, n_genes)) for start in range(0, n_genes, 64)]

    def explain(block: np.ndarray) -> list[np.ndarray]:
        return engine.attribute([x[block] for x in inputs], [r[block] for r in references])

    engine = ExactEngine.from_model(job.bundle.members[0].pooled)
    explain(blocks[0][:1])

    def work() -> Finish:
        start = time.perf_counter()
        with one_blas_thread():
            parts = [explain(block) for block in blocks]
        wall_s = time.perf_counter() - start
        rows = shap_rows(job, n_shap_genes)
        place = np.searchsorted(job.rows, rows)
        values = [np.concatenate(found)[place] for found in zip(*parts, strict=True)]
        return _finish(job, rows, values, out, wall_s)

    return work


def shap_side(architecture: str, n_genes: int, n_shap_genes: int, out: str) -> Work:
    """shap.DeepExplainer on some of the genes, all tasks, in groups of like length."""
    from decode.attribution.deep_explainer import ShapEngine

    job = simulated_job(architecture, n_genes)
    rows = shap_rows(job, n_shap_genes)
    groups = []
    for group in np.array_split(rows, min(N_LENGTH_GROUPS, len(rows))):
        widths = job.reference.n_bins(group)
        bins, references = job.bins(group, widths)
        engine = ShapEngine(job.bundle.members[0].bins, list(widths.values()))
        engine.attribute([x[:1] for x in bins], [r[:1] for r in references])  # builds a graph a task
        groups.append((engine, bins, references))

    def work() -> Finish:
        start = time.perf_counter()
        parts = [engine.attribute(bins, references) for engine, bins, references in groups]
        wall_s = time.perf_counter() - start
        return _finish(job, rows, [np.concatenate(found) for found in zip(*parts, strict=True)], out, wall_s)

    return work


def whole_job(n_genes: int, n_members: int, out: str) -> Work:
    """All genes, tracks, tasks and members of the default network into a file, block by block."""
    from decode.attribution.attribute import attribute

    job = simulated_job("default", n_genes, n_members)

    def work() -> Finish:
        start = time.perf_counter()
        with attribute(job.bundle, job.features, genes=job.ids, out=out, agreement_genes=0) as found:
            error = found.attrs["additivity_error_max"]
            shape = [found.sizes[name] for name in ("gene", "track", "task")]
        wall_s = time.perf_counter() - start
        size_gib = Path(out).stat().st_size / 2**30
        return lambda: {"additivity_error": error, "wall_s": wall_s, "shape": shape, "file_gib": size_gib}

    return work


def compare(architecture: str, n_genes: int, n_shap_genes: int) -> Row:
    """One network, both engines."""
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        options: dict[str, Any] = {
            "architecture": architecture, "n_genes": n_genes, "n_shap_genes": n_shap_genes,
        }  # fmt: skip
        mine = measured(exact_side, **options, out=f"{folder}/exact.npz")
        theirs = measured(shap_side, **options, out=f"{folder}/shap.npz")
        with np.load(f"{folder}/exact.npz") as a, np.load(f"{folder}/shap.npz") as b:
            difference = max(float(np.abs(a[name] - b[name]).max()) for name in a.files)
    factor = n_genes / n_shap_genes
    peer_s = theirs.cpu_s * factor
    scaled = f"shap on {n_shap_genes} genes, times {factor:.3g}; " if factor != 1 else ""
    wall = [mine.result["wall_s"], theirs.result["wall_s"] * factor]
    errors = [side.result["additivity_error"] for side in (mine, theirs)]
    note = (
        f"{scaled}wall {wall[0]:.3g} s against {wall[1]:.3g} s; additivity error {errors[0]:.1g} and {errors[1]:.1g}; "
        f"peer's peak {theirs.peak_gib:.2f} GiB"
    )
    case = f"{architecture} network, {N_TASKS} tasks, {n_genes} genes"
    return Row(case, "shap", mine.cpu_s, peer_s, ratio(peer_s, mine.cpu_s), difference, mine.peak_gib, note)


def run(scale: float | None = None) -> list[Row]:
    """Both networks against shap, then the whole job; `scale` 1 lets shap explain all 256 genes."""
    scale = scale or DEFAULT_SCALE
    n_shap_genes = max(N_LENGTH_GROUPS, round(N_GENES * scale))
    rows = [compare(architecture, N_GENES, n_shap_genes) for architecture in ("paper", "default")]
    with tempfile.TemporaryDirectory(prefix="decode-bench-") as folder:
        found = measured(whole_job, n_genes=N_TEST_GENES, n_members=N_MEMBERS, out=f"{folder}/attributions.nc")
    genes, tracks, tasks = found.result["shape"]
    note = (
        f"mean and SD in a file of {found.result['file_gib']:.2f} GiB, wall {found.result['wall_s']:.3g} s; additivity "
        f"error {found.result['additivity_error']:.1g}"
    )
    case = f"{tasks} tasks x {genes} genes x {tracks} tracks, {N_MEMBERS} members of the default network"
    rows.append(Row(case, None, found.cpu_s, None, None, None, found.peak_gib, note))
    return rows
