from __future__ import annotations

import pytest
from toy_annotation import ATP5O, SOD1, annotation_of

from decode.genome.gene_models import GeneModels, gene_models


@pytest.fixture
def two_genes() -> GeneModels:
    return gene_models(annotation_of([("SOD1", "SOD1", "+", SOD1, ""), ("ATP5O", "ATP5O", "-", ATP5O, "")]))
