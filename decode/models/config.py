"""What a network is made of, as plain checked data that survives a round trip through JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from decode.core.checks import check_choice, check_count, check_known_keys, check_positive
from decode.core.choices import Architecture

ARCHITECTURES: tuple[Architecture, ...] = ("default", "paper")


@dataclass(frozen=True, kw_only=True)
class ConvolutionConfig:
    """A stack of linear convolutions over the bins of one region.

    Parameters
    ----------
    kernel_size : int
        Bins seen by one filter. The original code calls this number "strides"; its strides are always 1.
    filters : int
        Filters of every layer.
    n_layers : int
        Number of layers.
    """

    kernel_size: int
    filters: int
    n_layers: int

    def __post_init__(self) -> None:
        for field in fields(self):
            check_count(field.name, getattr(self, field.name))

    @property
    def n_first_bins(self) -> int:
        """First bins that the sum over the last layer's bins depends on, besides the total."""
        return self.n_layers * (self.kernel_size - 1)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from plain data; an unknown key raises ValueError."""
        check_known_keys("convolution configuration", values, [field.name for field in fields(cls)])
        return cls(**values)


# Tasaki 2020, pretrained/Tissue_gene_params.json of the published code.
PAPER_RNA = ConvolutionConfig(kernel_size=2, filters=160, n_layers=2)
PAPER_PROMOTER = ConvolutionConfig(kernel_size=1, filters=120, n_layers=5)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Architecture and sizes of a network.

    Parameters
    ----------
    architecture : {"default", "paper"}
        See `decode.models.architectures`.
    width : int
        Units of each dense layer.
    n_dense : int
        Number of dense layers before the output.
    dropout : float
        Share of units dropped after each dense layer while training, in [0, 1).
    input_dropout : float
        Share of pooled track totals dropped while training, in [0, 1).
    huber_delta : float or None
        Where the loss turns from squared to linear, in standard deviations of the task; None: squared throughout.
    level_weight : float
        Weight of the median level in the loss; every other task has weight 1. It is one column beside dozens.
    weigh_kinds : bool
        Choose on validation genes how much each kind of regulator may say (`decode.training.kind_weights`); default
        network only.
    structure : bool
        Take the gene structure where the features hold it (`decode.genome.structure`).
    rna, promoter : ConvolutionConfig
        Convolutions of the paper network; unused by the default. A further named region is treated like the promoter.
    """

    architecture: Architecture = "default"
    width: int = 256
    n_dense: int = 2
    dropout: float = 0.2
    input_dropout: float = 0.3
    huber_delta: float | None = 0.5
    level_weight: float = 5.0
    weigh_kinds: bool = True
    structure: bool = True
    rna: ConvolutionConfig = PAPER_RNA
    promoter: ConvolutionConfig = PAPER_PROMOTER

    def __post_init__(self) -> None:
        check_choice("architecture", self.architecture, ARCHITECTURES)
        check_count("width", self.width)
        check_count("n_dense", self.n_dense)
        for name in ("dropout", "input_dropout"):
            value = getattr(self, name)
            check_positive(name, value, zero=True)
            if value >= 1:
                raise ValueError(f"{name} is {value}; a share below 1 is wanted")
        check_positive("level_weight", self.level_weight)
        if self.huber_delta is not None:
            check_positive("huber_delta", self.huber_delta)

    def convolution(self, region: str) -> ConvolutionConfig:
        """The convolution stack of a region of the paper network."""
        return self.rna if region == "rna" else self.promoter

    def n_first_bins(self, region: str) -> int:
        """Rows of the pooled tensor of a region besides the total."""
        return self.convolution(region).n_first_bins if self.architecture == "paper" else 0

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_json`; an unknown key raises ValueError."""
        check_known_keys("network configuration", values, [field.name for field in fields(cls)])
        parts = dict(values)
        for region in ("rna", "promoter"):
            if region in parts:
                if not isinstance(parts[region], dict):
                    raise ValueError(f"{region} of the network configuration is {parts[region]!r}; an object is wanted")
                parts[region] = ConvolutionConfig.from_json(parts[region])
        return cls(**parts)


# Tasaki 2020: two dense layers of 160 units with ReLU and batch normalisation, no dropout; sites and length alone.
PAPER = NetworkConfig(
    architecture="paper",
    width=160,
    n_dense=2,
    dropout=0.0,
    input_dropout=0.0,
    huber_delta=None,
    level_weight=1.0,
    weigh_kinds=False,
    structure=False,
)
DEFAULT = NetworkConfig()


def network_config(architecture: Architecture = "default") -> NetworkConfig:
    """The configuration that a name stands for."""
    check_choice("architecture", architecture, ARCHITECTURES)
    return PAPER if architecture == "paper" else DEFAULT
