"""A network of an ensemble as a few matrices, so that thousands of removals cost little more than the layers that bend.

Up to its first ReLU a network is linear in what each track adds: h = offset + sum over regions, rows and channels of
g(x) W, where x are the pooled inputs, g is log(1 + x) (default network) or x itself (paper network), and W folds
scaling, convolutions and the first dense layer into one. Sites that are taken away are subtracted from h; only what
follows is computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decode.attribution.exact.engine import ExactEngine
from decode.attribution.exact.steps import Affine, Elementwise, MatrixProduct, Step, SumRows, Values

if TYPE_CHECKING:
    import keras

Float32 = NDArray[np.float32]


class FirstLayer(NamedTuple):
    """How one region's pooled input reaches the first hidden units.

    weights : float32 array, shape (1 + first bins, 1 + n_tracks, n_units)
    is_log : bool
        Whether the weights act on log(1 + total) or on the total itself.
    """

    weights: Float32
    is_log: bool

    def values(self, pooled: NDArray[Any]) -> NDArray[Any]:
        """What the weights act on: log(1 + x) or x, element-wise; 0 stays 0."""
        return np.log1p(pooled) if self.is_log else pooled


class Linear(NamedTuple):
    """x @ weights + offset, float32."""

    weights: Float32
    offset: Float32


@dataclass(frozen=True, eq=False)
class UnfoldedNetwork:
    """One member: the linear beginning of every region, and the layers after the first ReLU's input.

    Parameters
    ----------
    regions : mapping of region name to FirstLayer
        In the order of the network's inputs.
    offset : float64 array, shape (n_units,)
    head : sequence of Linear or function
        From the first hidden units, before their ReLU, to log2 units.
    n_tasks : int
    """

    regions: Mapping[str, FirstLayer]
    offset: Values
    head: Sequence[Linear | Callable[[Any], Any]]
    n_tasks: int

    @classmethod
    def from_model(cls, model: keras.Model, regions: Sequence[str]) -> UnfoldedNetwork:
        """Read the pooled view of a network.

        Parameters
        ----------
        model : keras.Model
        regions : sequence of str
            Names of its inputs, in order.

        Returns
        -------
        UnfoldedNetwork

        Raises
        ------
        ValueError
            If a layer has no rule, or the network is not linear (after a logarithm) up to its first ReLU.
        """
        engine = ExactEngine.from_model(model)
        shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
        states: dict[int, _Start | _Sum] = {i: _Start(i, *shape) for i, shape in enumerate(shapes)}
        last = 0
        rest: list[Step] = []
        for number, node in enumerate(engine.nodes[engine.n_inputs :], engine.n_inputs):
            if rest:
                if node.sources != (number - 1,) or node.step is None:
                    raise ValueError("the layers after the first ReLU are no chain; removals need predict_inputs")
                rest.append(node.step)
                continue
            after = _followed([states[source] for source in node.sources], node.step)
            if after is not None:
                states[number] = after
            elif node.step is not None:
                last = node.sources[0]
                rest.append(node.step)
            else:
                raise ValueError("an input goes unsummed beside others; removals need predict_inputs")
        end = states[last if rest else len(engine.nodes) - 1]
        if not isinstance(end, _Sum) or set(end.weights) != set(range(len(regions))):
            raise ValueError("the network is not linear up to its first ReLU; removals need predict_inputs")
        layers = {name: FirstLayer(end.weights[i].astype(np.float32), end.is_log[i]) for i, name in enumerate(regions)}
        return cls(layers, end.offset, _compiled(rest), int(model.output_shape[-1]))

    def hidden(self, pooled: Mapping[str, NDArray[Any]]) -> Float32:
        """First hidden units before their ReLU.

        Parameters
        ----------
        pooled : mapping of region to array, shape (n_genes, 1 + first bins, 1 + n_tracks)

        Returns
        -------
        float32 array, shape (n_genes, n_units)
        """
        total = self.offset
        for region, layer in self.regions.items():
            values = layer.values(np.asarray(pooled[region], dtype=np.float64))
            flat = layer.weights.reshape(-1, layer.weights.shape[2])
            total = total + values.reshape(len(values), len(flat)) @ flat
        return total.astype(np.float32)

    def finish(self, hidden: Float32) -> Float32:
        """Predictions from first hidden units before their ReLU, (n, n_units) -> (n, n_tasks); the units are lost."""
        values = hidden
        for step in self.head:
            if isinstance(step, Linear):
                values = values @ step.weights
                values += step.offset
            else:
                values = step(values)
        return values


class _Start:
    """An input that has been scaled and shifted by channel only: value = factor * x + shift."""

    def __init__(self, number: int, n_rows: int, n_channels: int) -> None:
        self.number, self.n_rows = number, n_rows
        self.factor, self.shift = np.ones(n_channels), np.zeros(n_channels)

    def scaled(self, step: Affine) -> _Start:
        after = _Start(self.number, self.n_rows, len(self.factor))
        after.factor, after.shift = self.factor * step.factor, self.shift * step.factor + step.offset
        return after

    def summed(self) -> _Sum:
        """Rows added up, one unit a channel."""
        weights = np.broadcast_to(np.diag(self.factor), (self.n_rows, len(self.factor), len(self.factor)))
        is_raw = bool((self.factor == 1).all() and (self.shift == 0).all() and self.n_rows == 1)
        return _Sum({self.number: weights}, {self.number: False}, self.n_rows * self.shift, is_raw)

    def multiplied(self, step: MatrixProduct) -> _Sum:
        weights = self.factor[None, :, None] * step.weights
        offset = step.offset + np.einsum("c,rco->o", self.shift, step.weights)
        return _Sum({self.number: weights}, {self.number: False}, offset)


class _Sum(NamedTuple):
    """offset + sum over inputs, rows and channels of g(x) * weights."""

    weights: dict[int, Values]  # (row, channel, unit)
    is_log: dict[int, bool]
    offset: Values
    is_raw: bool = False  # the totals of one input themselves

    def scaled(self, step: Affine) -> _Sum:
        weights = {i: w * step.factor for i, w in self.weights.items()}
        return _Sum(weights, self.is_log, self.offset * step.factor + step.offset)

    def multiplied(self, step: MatrixProduct) -> _Sum:
        weights = {i: w @ step.weights[0] for i, w in self.weights.items()}
        return _Sum(weights, self.is_log, self.offset @ step.weights[0] + step.offset)


def _followed(sources: list[Any], step: Step | None) -> _Start | _Sum | None:
    """The state after a node; None where the linear part ends before it."""
    if step is None:
        return _side_by_side(sources)
    (state,) = sources
    if isinstance(step, SumRows) and isinstance(state, _Start):
        return state.summed()
    if isinstance(step, Affine):
        scaled: _Start | _Sum = state.scaled(step)
        return scaled
    if isinstance(step, MatrixProduct):
        product: _Sum = state.multiplied(step)
        return product
    if isinstance(step, Elementwise) and step.function is np.log1p and isinstance(state, _Sum) and state.is_raw:
        return _Sum(state.weights, dict.fromkeys(state.is_log, True), state.offset)
    return None


def _side_by_side(sources: list[Any]) -> _Sum | None:
    if not all(isinstance(source, _Sum) for source in sources):
        return None
    width = sum(len(source.offset) for source in sources)
    weights, is_log, first = {}, {}, 0
    for source in sources:
        for number, own in source.weights.items():
            weights[number] = np.zeros((*own.shape[:2], width))
            weights[number][:, :, first : first + own.shape[2]] = own
            is_log[number] = source.is_log[number]
        first += len(source.offset)
    return _Sum(weights, is_log, np.concatenate([source.offset for source in sources]))


def _compiled(steps: list[Step]) -> list[Linear | Callable[[Any], Any]]:
    """Element-wise functions, and the linear steps between them folded into one product each."""
    done: list[Linear | Callable[[Any], Any]] = []
    weights: Values | None = None
    factor, offset = np.ones(1), np.zeros(1)
    for step in [*steps, None]:
        if isinstance(step, Affine):
            factor, offset = factor * step.factor, offset * step.factor + step.offset
        elif isinstance(step, MatrixProduct):
            kernel = step.weights[0]
            before = np.broadcast_to(factor, len(kernel)), np.broadcast_to(offset, len(kernel))
            scaled = before[0][:, None] * kernel if weights is None else (weights * before[0]) @ kernel
            weights, factor, offset = scaled, np.ones(kernel.shape[1]), before[1] @ kernel + step.offset
        else:
            if weights is not None:
                done.append(Linear((weights * factor).astype(np.float32), offset.astype(np.float32)))
            elif (factor != 1).any() or (offset != 0).any():
                done.append(_affine(factor.astype(np.float32), offset.astype(np.float32)))
            weights, factor, offset = None, np.ones(1), np.zeros(1)
            if isinstance(step, Elementwise):
                done.append(step.function)
            elif step is not None:
                raise ValueError(
                    f"{type(step).__name__} after the first ReLU has no rule; removals need predict_inputs"
                )
    return done


def _affine(factor: Float32, offset: Float32) -> Callable[[Any], Any]:
    return lambda values: values * factor + offset
