"""What the options of `decode drivers` mean, and the reading of what they name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decode.core import choices

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)

INPUT, METHOD, NULL = "The table", "Method", "P-values: genes that go together"
FULL, FOUND, EVIDENCE = "With --full: a network of its own", "What is shown", "Evidence beside sites"

DeTableFile = Annotated[
    Path | None,
    typer.Argument(
        help="DESeq2, edgeR, limma, scanpy or Seurat table, genes x contrasts matrix, or gene<TAB>up/down; CSV or TSV, "
        "also .gz. Not needed with --expression, --signatures or --up and --down.",
        show_default=False,
    ),
]
Up = Annotated[
    Path | None, typer.Option(help="Signature: file with one up-regulated gene a line.", rich_help_panel=INPUT)
]
Down = Annotated[
    Path | None, typer.Option(help="Signature: file with one down-regulated gene a line.", rich_help_panel=INPUT)
]
Signatures = Annotated[
    Path | None,
    typer.Option(
        help="Many signatures: signature_id, gene, change (up or down); or GMT. One contrast each.",
        rich_help_panel=INPUT,
    ),
]
FormOption = Annotated[
    choices.Form, typer.Option(help="What DE_TABLE is, where it does not show.", rich_help_panel=INPUT)
]
GeneColumn = Annotated[str | None, typer.Option(help="Column of DE_TABLE that names the genes.", rich_help_panel=INPUT)]
ColumnRoles = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="What a column of DE_TABLE is, ROLE=NAME: statistic, unsigned, p_value, adjusted_p, fold_change, mean or "
        "group (repeatable).",
        rich_help_panel=INPUT,
    ),
]
Contrasts = Annotated[
    list[str] | None,
    typer.Option(
        help="Only these contrasts: a name, or several separated by commas (repeatable, for names that hold a comma).",
        rich_help_panel=INPUT,
    ),
]
SkipAmbiguous = Annotated[
    bool,
    typer.Option("--skip-ambiguous", help="Leave out rows whose name stands for several genes.", rich_help_panel=INPUT),
]
Expression = Annotated[
    Path | None,
    typer.Option(
        help="Your samples, genes x samples (TPM, counts or log2): their residuals tell how genes go together. Without "
        "DE_TABLE the contrast is made from them too (moderated t).",
        rich_help_panel=NULL,
    ),
]
Samples = Annotated[
    Path | None,
    typer.Option(help="With --expression: table of the samples, names in the first column.", rich_help_panel=NULL),
]
SampleColumn = Annotated[
    str | None, typer.Option(help="Column of --samples that names the samples.", rich_help_panel=NULL)
]
Design = Annotated[
    str | None,
    typer.Option(help="With --expression: design as in R, '~ batch + condition'.", rich_help_panel=NULL),
]
Compendium = Annotated[
    Path | None,
    typer.Option(help="Other samples, genes x samples, to tell how genes go together.", rich_help_panel=NULL),
]
CompendiumGroups = Annotated[
    Path | None,
    typer.Option(help="With --compendium: sample<TAB>group; group means are taken out.", rich_help_panel=NULL),
]
Independent = Annotated[
    bool,
    typer.Option(
        "--independent-genes",
        help="Take genes as independent (sites exchanged between like genes): random halves have drivers then.",
        rich_help_panel=NULL,
    ),
]
Draws = Annotated[
    int | None,
    typer.Option(
        "--draws",
        "--refits",
        help="Null targets, for z and p-values. Default 1000; 300 for more than ten contrasts.",
        show_default=False,
        rich_help_panel=NULL,
    ),
]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        help="Trained model: its hidden layers stay, a new head explains the table. Default: the sites themselves.",
        rich_help_panel=METHOD,
    ),
]
Full = Annotated[
    bool,
    typer.Option(
        "--full", help="Train a network on the table, and again on exchanged sites: hours.", rich_help_panel=FULL
    ),
]
FullMembers = Annotated[int, typer.Option(help="Networks of the ensemble.", rich_help_panel=FULL)]
FullRefits = Annotated[int, typer.Option(help="Refits on exchanged sites.", rich_help_panel=FULL)]
DePrior = Annotated[
    Path | None,
    typer.Option(
        help="DE prior (Gene_Name, DE_Prior_Rank): flags contrasts of generic responders.", rich_help_panel=METHOD
    ),
]
DirectionOnly = Annotated[
    bool,
    typer.Option(
        "--direction-only",
        help="Rank by the signed effect alone, not also by the size of changes.",
        rich_help_panel=METHOD,
    ),
]
MeanExpression = Annotated[
    Path | None,
    typer.Option(
        help="Targets table with median_level: the expression covariate where DE_TABLE has none.",
        rich_help_panel=METHOD,
    ),
]
Covariates = Annotated[
    Path | None,
    typer.Option(
        help="Further covariates: gene id and one column each, log2; each enters with its square.",
        rich_help_panel=METHOD,
    ),
]
PriorCovariate = Annotated[
    bool, typer.Option("--prior-covariate", help="Also take it as a covariate.", rich_help_panel=METHOD)
]
ScoreOption = Annotated[
    choices.Score,
    typer.Option(
        help="marginal: each regulator alone; joint: beside all others; see docs/drivers.md.", rich_help_panel=METHOD
    ),
]
ScaleOption = Annotated[
    choices.Scale,
    typer.Option(
        help="normal_scores: by rank, so that a few extreme genes weigh no more than others.", rich_help_panel=METHOD
    ),
]
MinGenes = Annotated[
    int, typer.Option(help="Tracks with sites in fewer matched genes are dropped.", rich_help_panel=METHOD)
]
Top = Annotated[
    int | None,
    typer.Option(
        help="Drivers of each contrast with sites and positions. Default 20; 5 for more than ten contrasts.",
        show_default=False,
        rich_help_panel=FOUND,
    ),
]
LeadingTargets = Annotated[int, typer.Option(help="Leading targets of a driver.", rich_help_panel=FOUND)]
SequenceSpecific = Annotated[
    Path | None,
    typer.Option(
        help="List of sequence-specific TFs: a column says which are, and those without sites that change most "
        "themselves are named.",
        rich_help_panel=FOUND,
    ),
]
Coexpression = Annotated[
    list[Path] | None,
    typer.Option(help="Expression matrix for co-expression with the regulator's gene.", rich_help_panel=EVIDENCE),
]
Tissues = Annotated[
    list[Path] | None,
    typer.Option(
        "--coexpression-tissues", help="The same of tissues: few, very different samples.", rich_help_panel=EVIDENCE
    ),
]
CoexpressionGroups = Annotated[
    Path | None, typer.Option(help="sample<TAB>group of --coexpression.", rich_help_panel=EVIDENCE)
]
NetworkFile = Annotated[
    list[Path] | None, typer.Option("--network", help="Edges (source, target), or GMT.", rich_help_panel=EVIDENCE)
]
Background = Annotated[
    Path | None,
    typer.Option(
        help="Signatures in which other regulators were perturbed: evidence p-values of signatures.",
        rich_help_panel=EVIDENCE,
    ),
]
OwnChange = Annotated[
    bool,
    typer.Option("--with-own-change", help="Count the regulator's own change as evidence.", rich_help_panel=EVIDENCE),
]
NoEvidence = Annotated[
    bool, typer.Option("--no-evidence", help="Sites alone: no lines of evidence.", rich_help_panel=EVIDENCE)
]
