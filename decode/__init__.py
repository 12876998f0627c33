"""Which TFs, RNA-binding proteins and miRNAs drive an expression change, where do they act, and how sure are we?

The public verbs are resolved when they are first used, so `import decode` loads neither TensorFlow nor pandas.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decode.analysis.classes import compare_classes
    from decode.analysis.decoys import decoy_test
    from decode.analysis.drivers import DriversConfig, find_drivers
    from decode.analysis.enrichment import hypergeometric_enrichment, preranked_gsea, read_gmt
    from decode.analysis.gene_lists import validate_gene_lists
    from decode.analysis.network import regulator_network
    from decode.analysis.null import fit_null
    from decode.analysis.null_file import read_null
    from decode.analysis.ranking import rank_regulators, regulator_scores
    from decode.analysis.ranking_table import read_ranking
    from decode.analysis.regulator_expression import correlate_expression
    from decode.analysis.regulator_sets import enrich_regulators
    from decode.analysis.significance import empirical_significance
    from decode.analysis.transcript_usage import evaluate_usage, usage_accuracy
    from decode.attribution.attribute import attribute
    from decode.attribution.bedgraph import write_bedgraph
    from decode.attribution.bins import bin_attributions
    from decode.attribution.result import read_attributions
    from decode.attribution.stability import reference_stability
    from decode.crossval import cross_validate
    from decode.dataset import Dataset, make_split, prepare_dataset
    from decode.demo import run_demo
    from decode.expression.de_tables import read_de_table, read_signature
    from decode.expression.readers import read_expression
    from decode.expression.targets import read_targets
    from decode.expression.tissue import table_targets, tissue_targets
    from decode.features.build import build_features
    from decode.features.matrix import RegulatoryFeatures
    from decode.features.regions import LinkedRegion, WindowRegion
    from decode.genome.annotation import read_annotation
    from decode.genome.assembly import get_assembly
    from decode.genome.gene_models import gene_models
    from decode.genome.liftover import lift_sites
    from decode.genome.signals import SignalSource
    from decode.genome.site_table import SiteTable
    from decode.genome.sites import SiteSource, from_pyranges, read_sites, to_pyranges
    from decode.models.bundle import ModelBundle, load_bundle, save_bundle
    from decode.models.config import NetworkConfig
    from decode.prediction import Evaluation, evaluate, predict, predict_members
    from decode.report.evaluation import write_evaluation
    from decode.synthetic import make_toy_data, make_toy_transcripts
    from decode.training import TrainingConfig, train
    from decode.tuning.search import TuningConfig, tune, tune_worker

_HOME = {
    "Dataset": "decode.dataset",
    "DriversConfig": "decode.analysis.drivers",
    "Evaluation": "decode.prediction",
    "LinkedRegion": "decode.features.regions",
    "ModelBundle": "decode.models.bundle",
    "NetworkConfig": "decode.models.config",
    "RegulatoryFeatures": "decode.features.matrix",
    "SignalSource": "decode.genome.signals",
    "SiteSource": "decode.genome.sites",
    "SiteTable": "decode.genome.site_table",
    "TrainingConfig": "decode.training",
    "TuningConfig": "decode.tuning.search",
    "WindowRegion": "decode.features.regions",
    "attribute": "decode.attribution.attribute",
    "bin_attributions": "decode.attribution.bins",
    "build_features": "decode.features.build",
    "compare_classes": "decode.analysis.classes",
    "correlate_expression": "decode.analysis.regulator_expression",
    "cross_validate": "decode.crossval",
    "decoy_test": "decode.analysis.decoys",
    "empirical_significance": "decode.analysis.significance",
    "enrich_regulators": "decode.analysis.regulator_sets",
    "evaluate": "decode.prediction",
    "evaluate_usage": "decode.analysis.transcript_usage",
    "find_drivers": "decode.analysis.drivers",
    "fit_null": "decode.analysis.null",
    "from_pyranges": "decode.genome.sites",
    "gene_models": "decode.genome.gene_models",
    "get_assembly": "decode.genome.assembly",
    "hypergeometric_enrichment": "decode.analysis.enrichment",
    "lift_sites": "decode.genome.liftover",
    "load_bundle": "decode.models.bundle",
    "make_split": "decode.dataset",
    "make_toy_data": "decode.synthetic",
    "make_toy_transcripts": "decode.synthetic",
    "predict": "decode.prediction",
    "predict_members": "decode.prediction",
    "prepare_dataset": "decode.dataset",
    "preranked_gsea": "decode.analysis.enrichment",
    "rank_regulators": "decode.analysis.ranking",
    "read_annotation": "decode.genome.annotation",
    "read_attributions": "decode.attribution.result",
    "read_de_table": "decode.expression.de_tables",
    "read_expression": "decode.expression.readers",
    "read_gmt": "decode.analysis.enrichment",
    "read_null": "decode.analysis.null_file",
    "read_ranking": "decode.analysis.ranking_table",
    "read_signature": "decode.expression.de_tables",
    "read_sites": "decode.genome.sites",
    "read_targets": "decode.expression.targets",
    "reference_stability": "decode.attribution.stability",
    "regulator_network": "decode.analysis.network",
    "regulator_scores": "decode.analysis.ranking",
    "run_demo": "decode.demo",
    "save_bundle": "decode.models.bundle",
    "table_targets": "decode.expression.tissue",
    "tissue_targets": "decode.expression.tissue",
    "to_pyranges": "decode.genome.sites",
    "train": "decode.training",
    "tune": "decode.tuning.search",
    "tune_worker": "decode.tuning.search",
    "usage_accuracy": "decode.analysis.transcript_usage",
    "validate_gene_lists": "decode.analysis.gene_lists",
    "write_bedgraph": "decode.attribution.bedgraph",
    "write_evaluation": "decode.report.evaluation",
}

__all__ = [
    "Dataset",
    "DriversConfig",
    "Evaluation",
    "LinkedRegion",
    "ModelBundle",
    "NetworkConfig",
    "RegulatoryFeatures",
    "SignalSource",
    "SiteSource",
    "SiteTable",
    "TrainingConfig",
    "TuningConfig",
    "WindowRegion",
    "__version__",
    "attribute",
    "bin_attributions",
    "build_features",
    "compare_classes",
    "correlate_expression",
    "cross_validate",
    "decoy_test",
    "empirical_significance",
    "enrich_regulators",
    "evaluate",
    "evaluate_usage",
    "find_drivers",
    "fit_null",
    "from_pyranges",
    "gene_models",
    "get_assembly",
    "hypergeometric_enrichment",
    "lift_sites",
    "load_bundle",
    "make_split",
    "make_toy_data",
    "make_toy_transcripts",
    "predict",
    "predict_members",
    "prepare_dataset",
    "preranked_gsea",
    "rank_regulators",
    "read_annotation",
    "read_attributions",
    "read_de_table",
    "read_expression",
    "read_gmt",
    "read_null",
    "read_ranking",
    "read_signature",
    "read_sites",
    "read_targets",
    "reference_stability",
    "regulator_network",
    "regulator_scores",
    "run_demo",
    "save_bundle",
    "table_targets",
    "tissue_targets",
    "to_pyranges",
    "train",
    "tune",
    "tune_worker",
    "usage_accuracy",
    "validate_gene_lists",
    "write_bedgraph",
    "write_evaluation",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("decode-expression")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'decode' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, "__version__"])
