"""The arrays that a network has, by name and shape, worked out without building it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decode.models.config import NetworkConfig

Shape = tuple[int, ...]


def member_shapes(
    config: NetworkConfig, n_channels: Mapping[str, int], n_tasks: int, *, n_structure: int = 0
) -> dict[str, Shape]:
    """Shapes of all variables that `decode.models.architectures.build_network` would make.

    Parameters
    ----------
    config : NetworkConfig
    n_channels : mapping of region to int
        Tracks of each region, and the occupancy.
    n_tasks : int
    n_structure : int
        Numbers of gene structure.

    Returns
    -------
    dict of "layer/variable" to shape
        As `decode.models.member_arrays.named_variables` names them, in another order.

    Examples
    --------
    >>> shapes = member_shapes(NetworkConfig(width=16, n_dense=1), {"rna": 4}, 2)
    >>> shapes["dense_0/kernel"], shapes["tasks_scaled/kernel"], shapes["rna_scale/factor"]
    ((4, 16), (16, 2), (4,))
    """
    shapes: dict[str, Shape] = {}
    n_inputs = 0
    for region, width in n_channels.items():
        shapes |= {f"{region}_scale/shift": (width,), f"{region}_scale/factor": (width,)}
        if config.architecture == "paper":
            shapes |= dict(_convolutions(config, region, width))
            width = config.convolution(region).filters
        n_inputs += width
    if n_structure:
        shapes |= {f"structure_scale/{name}": (n_structure,) for name in ("shift", "factor")}
        n_inputs += n_structure
    for number in range(config.n_dense):
        shapes |= _dense(f"dense_{number}", n_inputs, config.width)
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"normalise_{number}/{name}"] = (config.width,)
        n_inputs = config.width
    shapes |= _dense("tasks_scaled", n_inputs, n_tasks)
    return shapes | {"tasks/mean": (n_tasks,), "tasks/sd": (n_tasks,)}


def _convolutions(config: NetworkConfig, region: str, width: int) -> Iterator[tuple[str, Shape]]:
    convolution = config.convolution(region)
    for number in range(convolution.n_layers):
        yield f"{region}_convolution_{number}/kernel", (convolution.kernel_size, width, convolution.filters)
        width = convolution.filters


def _dense(name: str, n_inputs: int, n_units: int) -> dict[str, Shape]:
    return {f"{name}/kernel": (n_inputs, n_units), f"{name}/bias": (n_units,)}
