"""Pure builders of the two networks.

Every network takes one tensor of raw bins a region, (gene, bin, 1 + n_tracks), and gives log2 units, (gene, task). All
scaling happens inside. Both networks begin with something linear in the bins, so each comes with a second, pooled view:
the same layers and weights, fed with per-gene sums instead of bins. The two views give the same numbers; training and
prediction use the pooled one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from decode.core.quiet_keras import keras
from decode.core.seeds import seed_stream
from decode.genome.structure import STRUCTURE
from decode.models.config import NetworkConfig
from decode.models.layers import ChannelScale, LogTotals, PooledConvolutions, StructureScale, SumBins, TaskUnits
from decode.models.scales import RegionScale, TaskScale


class Network(NamedTuple):
    """Two views of one network that share all weights."""

    bins: keras.Model
    pooled: keras.Model


def build_network(
    config: NetworkConfig,
    scales: Mapping[str, RegionScale],
    task_scale: TaskScale,
    *,
    n_bins: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Network:
    """Build a network and its pooled view.

    Parameters
    ----------
    config : NetworkConfig
        Architecture and sizes.
    scales : mapping of region name to RegionScale
        Order of the regions is the order of the inputs. Length of the vectors gives the number of channels. "structure"
        stands for the gene structure, which goes to the dense layers standardised.
    task_scale : TaskScale
        One mean and standard deviation a task, log2 units.
    n_bins : mapping of region name to int, optional
        Fixed number of bins of an input; free where absent.
    seed : int
        First weights and dropout derive from it alone; no global generator is used or changed.

    Returns
    -------
    Network
        bins: inputs (gene, bin, 1 + n_tracks) a region; pooled: inputs (gene, 1 + first bins, 1 + n_tracks) a region;
        of the structure (gene, channel, 1) in both.
        Both give (gene, task).

    Raises
    ------
    ValueError
        If there is no region.
    """
    if not scales:
        raise ValueError("a network needs at least one region; the features hold none")
    seeds = seed_stream(seed)
    bins_inputs, pooled_inputs, bins_parts, pooled_parts = [], [], [], []
    pool = _paper_region if config.architecture == "paper" else _log_totals_region
    for region, scale in scales.items():
        n_channels = len(scale.factor)
        if region == STRUCTURE:
            bins, pooled = (keras.Input((n_channels, 1), name=region) for _ in range(2))
            scaled = StructureScale(scale.shift, scale.factor, name="structure_scale")
            bins_inputs.append(bins)
            pooled_inputs.append(pooled)
            bins_parts.append(scaled(bins))
            pooled_parts.append(scaled(pooled))
            continue
        bins = keras.Input(((n_bins or {}).get(region), n_channels), name=region)
        pooled = keras.Input((1 + config.n_first_bins(region), n_channels), name=region)
        bins_inputs.append(bins)
        pooled_inputs.append(pooled)
        from_bins, from_pooled = pool(config, region, scale, bins, pooled, seeds)
        bins_parts.append(from_bins)
        pooled_parts.append(from_pooled)
    head = _dense_head(config, task_scale, seeds)
    return Network(
        keras.Model(bins_inputs, _apply(head, bins_parts), name="bins"),
        keras.Model(pooled_inputs, _apply(head, pooled_parts), name="pooled"),
    )


def _paper_region(
    config: NetworkConfig, region: str, scale: RegionScale, bins: Any, pooled: Any, seeds: Iterator[int]
) -> tuple[Any, Any]:
    # Tasaki 2020: maximum scaling, bias-free linear convolutions, sum over bins. Deviation: k - 1 zero bins on the 3'
    # end of every layer, so that the result does not depend on the padding of the batch (the original's does).
    convolution = config.convolution(region)
    scaled = ChannelScale(scale.shift, scale.factor, name=f"{region}_scale")
    x = scaled(bins)
    stack = []
    for number in range(convolution.n_layers):
        if convolution.kernel_size > 1:
            x = keras.layers.ZeroPadding1D((0, convolution.kernel_size - 1), name=f"{region}_pad_{number}")(x)
        layer = keras.layers.Conv1D(
            convolution.filters,
            convolution.kernel_size,
            use_bias=False,
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name=f"{region}_convolution_{number}",
        )
        x = layer(x)
        stack.append(layer)
    from_bins = SumBins(name=f"{region}_sum")(x)
    from_pooled = PooledConvolutions(stack, name=f"{region}_pooled")(scaled(pooled))
    return from_bins, from_pooled


def _log_totals_region(
    config: NetworkConfig, region: str, scale: RegionScale, bins: Any, pooled: Any, seeds: Iterator[int]
) -> tuple[Any, Any]:
    total = SumBins(name=f"{region}_sum")
    layers: list[Any] = [
        LogTotals(name=f"{region}_log"),
        ChannelScale(scale.shift, scale.factor, name=f"{region}_scale"),
    ]
    if config.input_dropout:
        layers.append(keras.layers.Dropout(config.input_dropout, seed=next(seeds), name=f"{region}_dropout"))
    outputs = []
    for tensor in (bins, pooled):  # the pooled tensor has one row, the total, so the same sum serves both
        x = total(tensor)
        for layer in layers:
            x = layer(x)
        outputs.append(x)
    return outputs[0], outputs[1]


def _dense_head(config: NetworkConfig, task_scale: TaskScale, seeds: Iterator[int]) -> Sequence[Any]:
    layers: list[Any] = []
    for number in range(config.n_dense):
        layers += [
            _dense(config.width, f"dense_{number}", seeds),
            keras.layers.ReLU(name=f"relu_{number}"),
            keras.layers.BatchNormalization(name=f"normalise_{number}"),
        ]
        if config.dropout:
            layers.append(keras.layers.Dropout(config.dropout, seed=next(seeds), name=f"dropout_{number}"))
    n_tasks = len(task_scale.sd)
    layers.append(_dense(n_tasks, "tasks_scaled", seeds))
    layers.append(TaskUnits(task_scale.mean, task_scale.sd, name="tasks"))
    return layers


def _dense(units: int, name: str, seeds: Iterator[int]) -> Any:
    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), name=name)


def _apply(layers: Sequence[Any], parts: Sequence[Any]) -> Any:
    x = keras.layers.Concatenate(name="regions")(parts) if len(parts) > 1 else parts[0]
    for layer in layers:
        x = layer(x)
    return x


HEAD = ("tasks_scaled", "tasks")  # layers after the last hidden one: one unit a task, and its units


def hidden_view(pooled: keras.Model) -> keras.Model:
    """The network without its head: the same inputs, and the last hidden layer as output.

    Parameters
    ----------
    pooled : keras.Model
        Ends with a dense layer of one unit a task and the scaling to the tasks' units, as `build_network` makes it.

    Returns
    -------
    keras.Model
        Shares all weights. Output (gene, unit).
    """
    tensor = pooled.outputs[0]
    for _ in HEAD:
        operation, call, _ = tensor._keras_history
        tensor = operation._inbound_nodes[call].input_tensors[0]
    return keras.Model(pooled.inputs, tensor, name="hidden")


def task_head(config: NetworkConfig, task_scale: TaskScale, *, n_units: int, seed: int = 0) -> keras.Model:
    """The head alone, fed with hidden units: dropout as before it, one unit a task, and the scaling to its units.

    Parameters
    ----------
    config : NetworkConfig
    task_scale : TaskScale
    n_units : int
        Of the last hidden layer.
    seed : int

    Returns
    -------
    keras.Model
        (gene, unit) to (gene, task).
    """
    seeds = seed_stream(seed)
    hidden = keras.Input((n_units,), name="hidden")
    layers = [keras.layers.Dropout(config.dropout, seed=next(seeds), name="dropout")] if config.dropout else []
    layers += [
        _dense(len(task_scale.sd), HEAD[0], seeds),
        TaskUnits(task_scale.mean, task_scale.sd, name=HEAD[1]),
    ]
    return keras.Model([hidden], _apply(layers, [hidden]), name="head")
