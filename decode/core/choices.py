"""The words that options choose from, once for the functions and for the command line; importing them loads nothing."""

from __future__ import annotations

from typing import Literal

Level = Literal["gene", "transcript"]
Representative = Literal["auto", "collapsed", "mane", "appris", "canonical", "longest"]
Tracks = Literal["biosample", "regulator"]
FeaturePreset = Literal["recommended"]
Form = Literal["auto", "table", "matrix", "signature"]
SplitBy = Literal["gene", "transcript"]
Part = Literal["test", "validation", "train", "all"]
Architecture = Literal["default", "paper"]
Keep = Literal["mean", "best"]
Schedule = Literal["one_cycle", "constant"]
SampleValues = Literal["tpm", "fold_change"]
TransferMode = Literal["head", "fine_tune", "scratch"]
Searched = Literal["default", "paper", "both"]
Algorithm = Literal["random", "bayesian", "hyperband"]
Objective = Literal["spearman", "loss"]
EngineName = Literal["exact", "shap"]
ReferenceName = Literal["own_length", "median_length", "mean_gene", "matched_genes"]
Score = Literal["joint", "attribution", "covariance", "marginal"]
MatchOn = Literal["expression", "fractions"]
RemovalMode = Literal["knockout", "disruption"]
Correlation = Literal["spearman", "pearson"]
Scale = Literal["normal_scores", "as_given"]
ChosenTaskKind = Literal["fold_change", "level", "other"]  # the median level is known by its name
ExpressionScale = Literal["auto", "linear", "log2"]
PanelMethod = Literal["greedy", "projection", "correlation", "pca", "variance", "random", "concrete"]
Imputation = Literal["ridge", "knn", "sample_lasso", "network", "dgex_published"]
SelectionMethod = Literal[
    "deeplift", "greedy", "projection", "correlation", "pca", "variance", "random", "concrete"
]  # fmt: skip
DeRole = Literal["statistic", "unsigned", "p_value", "adjusted_p", "fold_change", "mean", "group"]
PersonPreset = Literal["tcga-rsem"]
