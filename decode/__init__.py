"""Which TFs, RNA-binding proteins and miRNAs drive an expression change, where do they act, and how sure are we?

The public verbs are resolved when they are first used, so `import decode` loads neither TensorFlow nor pandas.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decode.attribution.attribute import attribute
    from decode.attribution.bedgraph import write_bedgraph
    from decode.attribution.bins import bin_attributions
    from decode.attribution.result import read_attributions
    from decode.attribution.stability import reference_stability
    from decode.dataset import Dataset, make_split, prepare_dataset
    from decode.demo import run_demo
    from decode.drivers.find import DriversConfig, find_drivers
    from decode.evaluation.crossval import cross_validate
    from decode.evaluation.evaluate import Evaluation, evaluate
    from decode.evaluation.predict import predict, predict_members
    from decode.evaluation.transcript_usage import evaluate_usage, usage_accuracy
    from decode.expression.de_tables import read_de_table, read_signature
    from decode.expression.readers import read_expression
    from decode.expression.targets import read_targets
    from decode.expression.tissue import table_targets, tissue_targets
    from decode.features.build import build_features
    from decode.features.matrix import RegulatoryFeatures
    from decode.features.regions import LinkedRegion, PotentialRegion, WindowRegion
    from decode.genome.annotation import read_annotation
    from decode.genome.assembly import get_assembly
    from decode.genome.gene_models import gene_models
    from decode.genome.liftover import lift_sites
    from decode.genome.signals import SignalSource
    from decode.genome.site_table import SiteTable
    from decode.genome.sites import SiteSource, from_pyranges, read_sites, to_pyranges
    from decode.models.bundle import ModelBundle, load_bundle, save_bundle
    from decode.models.config import NetworkConfig
    from decode.ranking.decoys import decoy_test
    from decode.ranking.kinds import compare_classes
    from decode.ranking.null import fit_null
    from decode.ranking.null_file import read_null
    from decode.ranking.rank import rank_regulators, regulator_scores
    from decode.ranking.table import read_ranking
    from decode.ranking.target_network import regulator_network
    from decode.regulators.gene_lists import validate_gene_lists
    from decode.regulators.gene_sets import enrich_regulators
    from decode.regulators.own_expression import correlate_expression
    from decode.report.evaluation import write_evaluation
    from decode.statistics.enrichment import hypergeometric_enrichment, preranked_gsea, read_gmt
    from decode.statistics.significance import empirical_significance
    from decode.synthetic import make_toy_data, make_toy_transcripts
    from decode.training.config import TrainingConfig
    from decode.training.ensemble import train
    from decode.tuning.search import TuningConfig, tune, tune_worker

_HOME = {
    "Dataset": "decode.dataset",
    "DriversConfig": "decode.drivers.find",
    "Evaluation": "decode.evaluation.evaluate",
    "LinkedRegion": "decode.features.regions",
    "ModelBundle": "decode.models.bundle",
    "NetworkConfig": "decode.models.config",
    "PotentialRegion": "decode.features.regions",
    "RegulatoryFeatures": "decode.features.matrix",
    "SignalSource": "decode.genome.signals",
    "SiteSource": "decode.genome.sites",
    "SiteTable": "decode.genome.site_table",
    "TrainingConfig": "decode.training.config",
    "TuningConfig": "decode.tuning.search",
    "WindowRegion": "decode.features.regions",
    "attribute": "decode.attribution.attribute",
    "bin_attributions": "decode.attribution.bins",
    "build_features": "decode.features.build",
    "compare_classes": "decode.ranking.kinds",
    "correlate_expression": "decode.regulators.own_expression",
    "cross_validate": "decode.evaluation.crossval",
    "decoy_test": "decode.ranking.decoys",
    "empirical_significance": "decode.statistics.significance",
    "enrich_regulators": "decode.regulators.gene_sets",
    "evaluate": "decode.evaluation.evaluate",
    "evaluate_usage": "decode.evaluation.transcript_usage",
    "find_drivers": "decode.drivers.find",
    "fit_null": "decode.ranking.null",
    "from_pyranges": "decode.genome.sites",
    "gene_models": "decode.genome.gene_models",
    "get_assembly": "decode.genome.assembly",
    "hypergeometric_enrichment": "decode.statistics.enrichment",
    "lift_sites": "decode.genome.liftover",
    "load_bundle": "decode.models.bundle",
    "make_split": "decode.dataset",
    "make_toy_data": "decode.synthetic",
    "make_toy_transcripts": "decode.synthetic",
    "predict": "decode.evaluation.predict",
    "predict_members": "decode.evaluation.predict",
    "prepare_dataset": "decode.dataset",
    "preranked_gsea": "decode.statistics.enrichment",
    "rank_regulators": "decode.ranking.rank",
    "read_annotation": "decode.genome.annotation",
    "read_attributions": "decode.attribution.result",
    "read_de_table": "decode.expression.de_tables",
    "read_expression": "decode.expression.readers",
    "read_gmt": "decode.statistics.enrichment",
    "read_null": "decode.ranking.null_file",
    "read_ranking": "decode.ranking.table",
    "read_signature": "decode.expression.de_tables",
    "read_sites": "decode.genome.sites",
    "read_targets": "decode.expression.targets",
    "reference_stability": "decode.attribution.stability",
    "regulator_network": "decode.ranking.target_network",
    "regulator_scores": "decode.ranking.rank",
    "run_demo": "decode.demo",
    "save_bundle": "decode.models.bundle",
    "table_targets": "decode.expression.tissue",
    "tissue_targets": "decode.expression.tissue",
    "to_pyranges": "decode.genome.sites",
    "train": "decode.training.ensemble",
    "tune": "decode.tuning.search",
    "tune_worker": "decode.tuning.search",
    "usage_accuracy": "decode.evaluation.transcript_usage",
    "validate_gene_lists": "decode.regulators.gene_lists",
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
    "PotentialRegion",
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
