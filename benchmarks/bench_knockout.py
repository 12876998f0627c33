"""In-silico knockouts: 10,000 draws for a pair against one prediction a draw, and all regulators x all genes.

Ensembles of five untrained members of published or default size (times do not depend on the weights) on the real corpus
where it is present, else on simulated features. Of each draw, every regulator bound to the altered gene goes with
p = 0.5, and the altered gene's prediction is correlated over tasks with its partner's (Pearson), once for each gene of
the pair. The peer predicts one draw a call (`predict_inputs`, all members); at a small scale it does fewer draws and
its time is scaled up.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.accuracy import DATA, Evidence, corpus_features
from benchmarks.bench_training import simulated_features
from benchmarks.measure import Finish, Row, Work, measured, ratio

DEFAULT_SCALE = 0.02
N_DRAWS, N_MEMBERS, N_TASKS, N_SIMULATED = 10_000, 5, 38, 300
PAIR = ("LAPTM5", "CD53")
SEED = 0


def ensemble(architecture: str, features: Any) -> Any:
    """Five untrained members on all tracks."""
    from decode.dataset import prepare_dataset
    from decode.models.architectures import build_network
    from decode.models.bundle import make_bundle
    from decode.models.config import network_config
    from decode.models.scales import fit_region_scales, fit_task_scale

    rng = np.random.default_rng(SEED)
    targets = pd.DataFrame(rng.normal(size=(features.n_genes, N_TASKS)), columns=[f"task{i}" for i in range(N_TASKS)])
    targets.insert(0, "gene_id", features.ids)
    dataset = prepare_dataset(features, targets, min_bound_genes=0)
    config = network_config(architecture)  # type: ignore[arg-type]
    scales, task_scale = fit_region_scales(dataset, config), fit_task_scale(dataset, config)
    members = [build_network(config, scales, task_scale, seed=seed) for seed in range(N_MEMBERS)]
    return make_bundle(
        dataset, members, network=config, training={}, seeds=list(range(N_MEMBERS)),
        validation_loss=[0.0] * N_MEMBERS, history=pd.DataFrame(),
    )  # fmt: skip


def correlations(altered: NDArray[np.float32], partner: NDArray[np.float32]) -> NDArray[np.float64]:
    """Pearson correlation over tasks of each draw (member mean) with the partner, shape (n_draws,)."""
    x, y = altered.mean(axis=0, dtype=np.float64), partner.mean(axis=0, dtype=np.float64)
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean()
    found: NDArray[np.float64] = (x @ y) / np.sqrt((x**2).sum(axis=1) * (y**2).sum())
    return found


def pair_of(architecture: str, features_path: str) -> tuple[Any, list[Any], list[NDArray[np.bool_]]]:
    """Ensemble, both genes and the draws for each."""
    from decode.features.matrix import RegulatoryFeatures
    from decode.insilico.removal import gene_inputs

    features = RegulatoryFeatures.read(features_path)
    bundle = ensemble(architecture, features)
    known = set(features.genes["gene_name"])
    names = PAIR if known.issuperset(PAIR) else features.ids[[3, 7]].tolist()
    genes = gene_inputs(bundle, features, names)
    rng = np.random.default_rng(SEED)
    return bundle, genes, [rng.random((N_DRAWS, len(gene.regulators))) < 0.5 for gene in genes]


def ours(architecture: str, features_path: str, out: str) -> Work:
    """All draws at once, by the function that `decode coexpression` calls."""
    from decode.insilico.coexpression import draw_correlations
    from decode.insilico.removal_model import RemovalModel

    bundle, genes, draws = pair_of(architecture, features_path)
    warm = RemovalModel.of(bundle)
    warm.without_regulators(genes[0], draws[0][:1])

    def work() -> Finish:
        model = RemovalModel.of(bundle)
        found = [draw_correlations(model, genes[i], genes[1 - i], draws[i], method="pearson")[0] for i in (0, 1)]

        def finish() -> dict[str, Any]:
            np.save(out, np.stack(found))
            return {"regulators": [len(gene.regulators) for gene in genes]}

        return finish

    return work


def predict_loop(architecture: str, features_path: str, out: str, n_draws: int) -> Work:
    """One prediction a draw."""
    from decode.models.ensemble import predict_inputs

    bundle, genes, draws = pair_of(architecture, features_path)
    predict_inputs(bundle, genes[0].pooled)

    def work() -> Finish:
        both = [predict_inputs(bundle, gene.pooled)[:, 0] for gene in genes]
        found = []
        for i in (0, 1):
            rows = [predict_inputs(bundle, genes[i].without_regulators(draws[i][[d]])) for d in range(n_draws)]
            found.append(correlations(np.concatenate(rows, axis=1), both[1 - i]))

        def finish() -> dict[str, Any]:
            np.save(out, np.stack(found))
            return {}

        return finish

    return work


def everything(architecture: str, features_path: str, out: str, share: float) -> Work:
    """All regulators x all genes, to a file."""
    from decode.features.matrix import RegulatoryFeatures
    from decode.insilico.knockout import knock_out

    features = RegulatoryFeatures.read(features_path)
    bundle = ensemble(architecture, features)
    genes = features.ids[: max(1, int(share * features.n_genes))].tolist()

    def work() -> Finish:
        with knock_out(bundle, features, genes=genes, out=out) as found:
            numbers = {"n_pairs": int(found.attrs["n_pairs"])}
            numbers |= {str(name): int(n) for name, n in found.sizes.items()}
        return lambda: {**numbers, "file_gib": Path(out).stat().st_size / 2**30}

    return work


def run(scale: float | None) -> list[Row]:
    """Both networks; scale 1 does every draw of the peer and all genes."""
    scale = DEFAULT_SCALE if scale is None else scale
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.h5"
        has_corpus = DATA.is_dir()
        (corpus_features(Evidence(with_mirna=True)) if has_corpus else simulated_features(N_SIMULATED)).write(path)
        n_draws = max(20, int(scale * N_DRAWS))
        for architecture in ("default", "paper"):
            own, peer = Path(folder) / "ours.npy", Path(folder) / "peer.npy"
            fast = measured(ours, architecture=architecture, features_path=str(path), out=str(own))
            slow = measured(
                predict_loop, architecture=architecture, features_path=str(path), out=str(peer), n_draws=n_draws
            )
            difference = float(np.abs(np.load(own)[:, :n_draws] - np.load(peer)).max())
            peer_s = slow.cpu_s * N_DRAWS / n_draws
            note = f"correlations of {n_draws:,} draws compared; {fast.result['regulators']} bound regulators"
            case = f"{N_DRAWS:,} draws for each gene of a pair, {architecture}"
            rows.append(
                Row(
                    case, "predict_loop", fast.cpu_s, peer_s, ratio(peer_s, fast.cpu_s), difference, fast.peak_gib, note
                )
            )
        share = 1.0 if scale == 1 else min(1.0, 5 * scale)
        for architecture in ("default", "paper"):
            found = measured(
                everything, architecture=architecture, features_path=str(path), out=f"{folder}/{architecture}.nc",
                share=share,
            )  # fmt: skip
            numbers = {name: float(value) for name, value in found.result.items()}
            note = (
                f"{int(numbers['n_pairs']):,} bound pairs, {int(numbers['gene_id']):,} genes x "
                f"{int(numbers['regulator']):,} regulators x {N_TASKS} tasks, {N_MEMBERS} members; file of "
                f"{numbers['file_gib']:.2f} GiB; {'real corpus' if has_corpus else 'simulated'}"
            )
            case = f"all regulators x {'all genes' if share == 1 else f'{share:.0%} of the genes'}, {architecture}"
            rows.append(Row(case, None, found.cpu_s, peak_gib=found.peak_gib, note=note, numbers=numbers))
    return rows
