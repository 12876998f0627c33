"""Features x targets x split: which genes train, which choose, which are held out, and what the networks are fed."""

from decode.core.choices import SplitBy
from decode.dataset.inputs import bins_inputs, pooled_inputs
from decode.dataset.prepare import MIN_BOUND_GENES, Dataset, drop_rare_regulators, prepare_dataset, save_split
from decode.dataset.split import EXCLUDED, TEST, TRAIN, VALIDATION, VALIDATION_SHARE, make_split, read_groups

__all__ = [
    "EXCLUDED",
    "MIN_BOUND_GENES",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "VALIDATION_SHARE",
    "Dataset",
    "SplitBy",
    "bins_inputs",
    "drop_rare_regulators",
    "make_split",
    "pooled_inputs",
    "prepare_dataset",
    "read_groups",
    "save_split",
]
