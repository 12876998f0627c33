"""The exact engine: DeepLIFT Rescale in closed form, for all tasks of a network at once.

It works on the pooled view of a network, so no array ever has a bin and a task axis together. Values go forward in
float64; multipliers go back in float32 as products of small parts (`decode.attribution.exact.steps`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decode.attribution.exact.steps import Multiplier, Places, Step, Values, by_row

if TYPE_CHECKING:
    import keras


def sum_of(arrays: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sum of one array or more."""
    return reduce(np.add, arrays)


@dataclass(frozen=True, eq=False)
class Node:
    """One value of the network: an input (no sources), the result of a step, or several values side by side."""

    sources: tuple[int, ...] = ()
    step: Step | None = None


class Explanation(NamedTuple):
    """Contributions, and the two predictions whose difference they add up to."""

    contributions: list[NDArray[np.float32]]  # one an input, (n_genes, n_units, n_tasks), or (n_places, n_tasks)
    prediction: Values  # (n_genes, n_tasks), float64
    reference_prediction: Values  # (n_genes or 1, n_tasks), float64


@dataclass(frozen=True, eq=False)
class ExactEngine:
    """A network unfolded into steps.

    Parameters
    ----------
    nodes : list of Node
        In an order in which every value comes after its sources. The first are the inputs, the last is the output.
    n_inputs : int
    """

    nodes: list[Node]
    n_inputs: int

    @classmethod
    def from_model(cls, model: keras.Model) -> ExactEngine:
        """Read a Keras model, layer by layer from its output back to its inputs.

        Parameters
        ----------
        model : keras.Model
            A functional model with one output (gene, task), as it is in use: dropout off, batch normalisation with its
            moving statistics. Inputs are (gene, unit) or (gene, row, unit).

        Returns
        -------
        ExactEngine

        Raises
        ------
        ValueError
            If a layer has no rule; the message names it.
        """
        from decode.attribution.exact.layer_rules import is_side_by_side, steps_of

        nodes = [Node() for _ in model.inputs]
        place = {id(tensor): number for number, tensor in enumerate(model.inputs)}

        def visit(tensor: Any) -> int:
            """Number of the node of a tensor; its sources are visited first."""
            if id(tensor) not in place:
                operation, call, _ = tensor._keras_history
                sources = tuple(visit(source) for source in operation._inbound_nodes[call].input_tensors)
                if is_side_by_side(operation):
                    nodes.append(Node(sources))
                    sources = (len(nodes) - 1,)
                else:
                    for step in steps_of(operation, len(sources)):
                        nodes.append(Node(sources, step))
                        sources = (len(nodes) - 1,)
                place[id(tensor)] = sources[0]
            return place[id(tensor)]

        visit(model.outputs[0])
        return cls(nodes, len(model.inputs))

    def predict(self, inputs: Sequence[ArrayLike]) -> Values:
        """Output of the network, shape (n_genes, n_tasks), float64."""
        return self._forward(inputs)[-1]

    def attribute(self, inputs: Sequence[ArrayLike], references: Sequence[ArrayLike]) -> list[NDArray[np.float32]]:
        """What every unit of every input contributes to the difference of each task to its reference.

        Parameters
        ----------
        inputs : sequence of array, shape (n_genes, n_units) or (n_genes, n_rows, n_units)
            One an input of the model.
        references : sequence of array
            The same, with n_genes or one row.

        Returns
        -------
        list of float32 array, shape (n_genes, n_units, n_tasks)
            One an input, summed over its rows. Summed over units and inputs they are f(x) - f(reference).

        Notes
        -----
        With m the multipliers, C(u, t) = sum_r m(r, u, t) (x(r, u) - x0(r, u)). Multipliers obey the chain rule: those
        of linear steps are their weights, those of element-wise functions (f(a) - f(a0)) / (a - a0), or f'(a0) where
        |a - a0| < 1e-6, as in shap.

        References
        ----------
        Shrikumar et al. 2017, ICML, PMLR 70:3145, sections 3.1 to 3.5.1 (linear and Rescale rules).

        Examples
        --------
        >>> import keras
        >>> x = keras.Input((2,))
        >>> model = keras.Model(x, keras.layers.Dense(1, use_bias=False)(x))
        >>> model.set_weights([np.array([[2.0], [3.0]])])
        >>> ExactEngine.from_model(model).attribute([[[1.0, 5.0]]], [[[0.0, 4.0]]])[0].tolist()
        [[[2.0], [3.0]]]
        """
        return self.explain(inputs, references).contributions

    def explain(self, inputs: Sequence[ArrayLike], references: Sequence[ArrayLike]) -> Explanation:
        """`attribute`, and with it the predictions in float64."""
        values, reference_values = self._forward(inputs), self._forward(references)
        deltas = [by_row(np.asarray(x) - np.asarray(r)) for x, r in zip(inputs, references, strict=True)]
        ways = self._back(values, reference_values)
        parts = [sum_of(way.contributions(delta) for way in found) for found, delta in zip(ways, deltas, strict=True)]
        return Explanation(parts, values[-1], reference_values[-1])

    def explain_at(
        self, inputs: Sequence[ArrayLike], references: Sequence[ArrayLike], places: Sequence[Places]
    ) -> Explanation:
        """`explain` for some units of each gene and input only: where most are 0, a tenth of the work and memory.

        Parameters
        ----------
        inputs, references : as in `attribute`
        places : sequence of Places
            One an input; see `decode.attribution.bound`.
        """
        values, reference_values = self._forward(inputs), self._forward(references)
        ways = self._back(values, reference_values)
        parts = []
        for found, x, r, chosen in zip(ways, inputs, references, places, strict=True):
            delta = by_row(np.asarray(x) - np.asarray(r))
            parts.append(sum_of(way.contributions_at(delta, chosen) for way in found))
        return Explanation(parts, values[-1], reference_values[-1])

    def multipliers(self, inputs: Sequence[ArrayLike], references: Sequence[ArrayLike]) -> list[NDArray[np.float32]]:
        """The multipliers themselves, for a few genes: what one unit more of an input is worth.

        Parameters
        ----------
        inputs, references : as in `attribute`

        Returns
        -------
        list of float32 array, shape (n_genes, n_rows, n_units, n_tasks)
            One row where the input has none.
        """
        n_rows = [by_row(np.asarray(x)).shape[1] for x in inputs]
        ways = self._back(self._forward(inputs), self._forward(references))
        return [sum_of(way.per_row(n) for way in found) for found, n in zip(ways, n_rows, strict=True)]

    def products(
        self,
        inputs: Sequence[ArrayLike],
        references: Sequence[ArrayLike],
        *,
        combine: ArrayLike | None = None,
    ) -> list[list[Multiplier]]:
        """Multipliers as products of small parts, for sums that need no array of genes, units and tasks.

        Parameters
        ----------
        inputs, references : as in `attribute`
        combine : array, shape (n_sums, n_tasks), optional
            Explain these weighted sums of the tasks in place of the tasks.

        Returns
        -------
        list of list of Multiplier
            For each input, one a way that it goes; contributions are the sum over its ways.
        """
        return self._back(self._forward(inputs), self._forward(references), combine)

    def _forward(self, inputs: Sequence[ArrayLike]) -> list[Values]:
        values = [np.asarray(x, dtype=np.float64) for x in inputs]
        for node in self.nodes[self.n_inputs :]:
            sources = [values[number] for number in node.sources]
            values.append(np.concatenate(sources, axis=-1) if node.step is None else node.step.forward(sources[0]))
        return values

    def _back(
        self, values: list[Values], reference_values: list[Values], combine: ArrayLike | None = None
    ) -> list[list[Multiplier]]:
        """Multipliers of each input, one for each way that it goes."""
        wanted = np.eye(values[-1].shape[1]) if combine is None else np.asarray(combine)
        n_tasks = len(wanted)
        multipliers: list[list[Multiplier]] = [[] for _ in self.nodes]
        multipliers[-1] = [Multiplier(wanted.astype(np.float32)[None])]
        for number in range(len(self.nodes) - 1, self.n_inputs - 1, -1):
            node, found = self.nodes[number], multipliers[number]
            if len(found) > 1 and values[number].ndim == 2:  # the value goes several ways
                found = [reduce(Multiplier.added, found)]
            for multiplier in found:
                if node.step is not None:
                    source = node.sources[0]
                    before = node.step.back(multiplier, values[source], reference_values[source])
                    multipliers[source].append(before)
                    continue
                stop = 0
                for source in node.sources:
                    start, stop = stop, stop + values[source].shape[-1]
                    multipliers[source].append(multiplier.part(start, stop))
        unused = Multiplier(np.zeros((1, n_tasks, 1), dtype=np.float32))
        return [found or [unused] for found in multipliers[: self.n_inputs]]
