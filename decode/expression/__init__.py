"""Expression tables in, targets tables out."""

from decode.expression.readers import ExpressionTable, read_expression, read_expression_with_counts
from decode.expression.targets import (
    GENE_ID,
    MEDIAN_LEVEL,
    TRANSCRIPT_ID,
    TargetResult,
    check_targets,
    id_column,
    read_targets,
    task_names,
)
from decode.expression.tissue import table_targets, tissue_targets

__all__ = [
    "GENE_ID",
    "MEDIAN_LEVEL",
    "TRANSCRIPT_ID",
    "ExpressionTable",
    "TargetResult",
    "check_targets",
    "id_column",
    "read_expression",
    "read_expression_with_counts",
    "read_targets",
    "table_targets",
    "task_names",
    "tissue_targets",
]
