"""DeepLIFT scores of genes: how much they move the bottleneck of an autoencoder, streamed over samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from decode.attribution.exact.engine import ExactEngine
from decode.attribution.exact.steps import Multiplier
from decode.core.files import atomic_path
from decode.core.resume import content_hash, load_piece, make_work_folder
from decode.core.threads import one_blas_thread
from decode.landmark.autoencoder import Autoencoder
from decode.landmark.gene_scores import GeneScores, SelectionRequest, best_first, bootstrap_counts
from decode.landmark.prepared import PreparedExpression

BLOCK = 64  # samples explained at a time
PIECE = 1024  # samples after which the sums are kept on disk


class Sums(NamedTuple):
    """Sums over samples, for all samples (row 0) and for each bootstrap sample (the further rows).

    Attributes
    ----------
    absolute, signed : float64 array, shape (1 + n_repeats, n_genes)
        Of the mean over nodes of |score| and of the score.
    """

    absolute: NDArray[np.float64]
    signed: NDArray[np.float64]


class NodeScores(NamedTuple):
    """Mean scores of genes for every node of the bottleneck.

    Attributes
    ----------
    signed, absolute : float64 array, shape (n_genes, n_nodes)
        Mean over samples of the score and of its absolute value.
    """

    signed: NDArray[np.float64]
    absolute: NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def _add(product: Any, delta: Any, signed: Any, absolute: Any) -> None:
    """signed += product * delta, absolute += |product * delta|, in one pass."""
    n_genes, n_nodes = product.shape
    for gene in range(n_genes):
        change = delta[gene]
        if change == 0.0:
            continue
        for node in range(n_nodes):
            score = product[gene, node] * change
            signed[gene, node] += score
            absolute[gene, node] += abs(score)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _row_sums(product: Any, delta: Any, absolute: Any) -> None:
    """Sum over nodes of |product * delta|, a number a gene."""
    n_genes, n_nodes = product.shape
    for gene in range(n_genes):
        total = np.float32(0.0)
        for node in range(n_nodes):
            total += abs(product[gene, node])
        absolute[gene] = total * abs(delta[gene])


class _Explained(NamedTuple):
    """A block of samples: weights (gene, hidden), inner (sample, node, hidden) and delta (sample, gene).

    score[s, g, t] = delta[s, g] * sum_k weights[g, k] inner[s, t, k].
    """

    weights: NDArray[np.float32]
    inner: NDArray[np.float32]
    delta: NDArray[np.float32]


def _explain(
    engine: ExactEngine, values: NDArray[np.floating], reference: NDArray[np.float64], combine: Any = None
) -> _Explained:
    ((way,),) = engine.products([values], [reference[None]], combine=combine)
    multiplier: Multiplier = way
    delta = values.astype(np.float64) - reference
    if multiplier.scale is not None:
        delta = delta * multiplier.scale[:, 0]
    if multiplier.weights is None:
        raise ValueError("the bottleneck is not behind a dense layer; give an autoencoder of decode landmark train")
    return _Explained(multiplier.weights[0], multiplier.inner, delta.astype(np.float32))


@one_blas_thread()
def node_scores(engine: ExactEngine, values: NDArray[np.floating], reference: NDArray[np.float64]) -> NodeScores:
    """Mean signed and absolute scores of every gene for every node, without an array of samples, genes and nodes.

    Parameters
    ----------
    engine : ExactEngine
        Of an encoder.
    values : array, shape (n_samples, n_genes)
    reference : float64 array, shape (n_genes,)

    Returns
    -------
    NodeScores
    """
    shape: tuple[int, int] | None = None
    for start in range(0, len(values), BLOCK):
        block = _explain(engine, values[start : start + BLOCK], reference)
        if shape is None:
            shape = (values.shape[1], block.inner.shape[1])
            signed, absolute = np.zeros(shape), np.zeros(shape)
        part_signed, part_absolute = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        for inner, delta in zip(block.inner, block.delta, strict=True):
            _add(block.weights @ inner.T, delta, part_signed, part_absolute)
        signed += part_signed
        absolute += part_absolute
    if shape is None:
        raise ValueError("there is no sample to explain; give at least one")
    return NodeScores(signed / len(values), absolute / len(values))


@one_blas_thread()
def signed_scores(
    engine: ExactEngine, values: NDArray[np.floating], reference: NDArray[np.float64], n_nodes: int
) -> NDArray[np.float32]:
    """Mean over nodes of the score of every sample and gene: two matrix products, no node axis.

    Parameters
    ----------
    engine : ExactEngine
    values : array, shape (n_samples, n_genes)
    reference : float64 array, shape (n_genes,)
    n_nodes : int

    Returns
    -------
    float32 array, shape (n_samples, n_genes)
    """
    block = _explain(engine, values, reference, combine=np.full((1, n_nodes), 1.0 / n_nodes))
    return (block.inner[:, 0] @ block.weights.T) * block.delta


@one_blas_thread()
def absolute_scores(
    engine: ExactEngine, values: NDArray[np.floating], reference: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Mean over nodes of the absolute score of every sample and gene, shape (n_samples, n_genes)."""
    block = _explain(engine, values, reference)
    out = np.empty(block.delta.shape, dtype=np.float32)
    for sample, inner in enumerate(block.inner):
        _row_sums(block.weights @ inner.T, block.delta[sample], out[sample])
    result: NDArray[np.float32] = out / block.inner.shape[1]
    return result


def select_by_deeplift(prepared: PreparedExpression, request: SelectionRequest) -> GeneScores:
    """Rank genes by what they contribute to the bottleneck, against the mean training profile.

    Parameters
    ----------
    prepared : PreparedExpression
    request : SelectionRequest
        With an autoencoder. Repeats are bootstrap samples of the training samples, for every member.

    Returns
    -------
    GeneScores
        score: mean over members, samples and nodes of the absolute DeepLIFT score; score_signed: of the score itself.

    Raises
    ------
    ValueError
        If there is no autoencoder or it is of other genes.

    References
    ----------
    Kong et al. 2021, BMC Bioinformatics 22:27, Methods: Rescale rule from inputs to the 100 bottleneck nodes. Sign and
    reference are not stated there; here absolute scores rank, and the reference is the mean training profile.
    """
    autoencoder = request.autoencoder
    if autoencoder is None:
        raise ValueError("method 'deeplift' explains an autoencoder; give one (decode landmark train)")
    autoencoder.check_genes(prepared)
    rows = request.training_rows(prepared)
    draws = np.vstack(
        [np.ones((1, len(rows)), dtype=np.int64), bootstrap_counts(len(rows), request.repeats, request.seed)]
    )
    absolute, signed, repeated = [], [], []
    n_members = len(autoencoder.members)
    for member in range(n_members):
        done = member * len(rows)

        def tell(count: int, done: int = done) -> None:
            if request.on_progress is not None:
                request.on_progress(done + count, n_members * len(rows))

        sums = member_sums(autoencoder, member, prepared, rows, draws, work=request.work, on_samples=tell)
        absolute.append(sums.absolute[0] / len(rows))
        signed.append(sums.signed[0] / len(rows))
        chosen = sums.absolute[1:] if request.repeats else sums.absolute[:1]
        repeated += [best_first(score)[: request.size] for score in chosen]
    score = np.mean(absolute, axis=0)
    return GeneScores(
        best_first(score), score, np.mean(signed, axis=0), np.array(repeated) if len(repeated) > 1 else None
    )


def member_sums(
    autoencoder: Autoencoder,
    member: int,
    prepared: PreparedExpression,
    rows: NDArray[np.int64],
    draws: NDArray[np.int64],
    *,
    work: Path | None = None,
    on_samples: Callable[[int], None] | None = None,
) -> Sums:
    """Sums of the scores of one member over samples, in pieces that are kept on disk.

    Parameters
    ----------
    autoencoder : Autoencoder
    member : int
    prepared : PreparedExpression
    rows : int array, shape (n_samples,)
    draws : int array, shape (1 + n_repeats, n_samples)
        How often each sample counts.
    work : Path, optional
        Folder of finished pieces.
    on_samples : callable, optional
        Called with the number of samples done.

    Returns
    -------
    Sums
    """
    encoder = autoencoder.encoders[member]
    engine, n_nodes = ExactEngine.from_model(encoder), autoencoder.config.bottleneck
    weights = [np.asarray(weight) for weight in encoder.get_weights()]
    explained = content_hash([
        *weights, autoencoder.train_mean, prepared.gene_ids, prepared.sample_ids[rows], draws, prepared.train_mean,
        prepared.train_sd, prepared.train_min, prepared.train_max, prepared.quantiles.reference,
    ])  # fmt: skip
    total = np.zeros((2, len(draws), prepared.n_genes))
    for start in range(0, len(rows), PIECE):
        stop = min(start + PIECE, len(rows))
        path = None if work is None else work / f"deeplift_member_{member}_samples_{start}.npz"
        signature = f"{explained} {start} {stop}"
        piece = None if path is None else load_piece(path, signature, _read_piece)
        if piece is None:
            piece = np.zeros_like(total)
            for first in range(start, stop, BLOCK):
                part = slice(first, min(first + BLOCK, stop))
                values = prepared.read(rows[part])
                counts = draws[:, part].astype(np.float32)
                piece[0] += counts @ absolute_scores(engine, values, autoencoder.train_mean)
                piece[1] += counts @ signed_scores(engine, values, autoencoder.train_mean, n_nodes)
                if on_samples is not None:
                    on_samples(part.stop)
            if path is not None:
                _write_piece(path, signature, piece)
        total += piece
    return Sums(total[0], total[1])


def _write_piece(path: Path, signature: str, piece: NDArray[np.float64]) -> None:
    make_work_folder(path.parent)
    with atomic_path(path) as temporary, open(temporary, "wb") as handle:
        np.savez(handle, sums=piece, signature=np.frombuffer(signature.encode(), dtype=np.uint8))


def _read_piece(path: Path) -> tuple[str, NDArray[np.float64]]:
    with np.load(path, allow_pickle=False) as stored:
        return stored["signature"].tobytes().decode(), stored["sums"]
