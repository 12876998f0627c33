from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from toy_drivers import driver_features

from decode.drivers.universe import expressed_universe


def test_expressed_genes_of_the_nuclear_genome() -> None:
    features = driver_features(100)
    genes = features.genes.copy()
    genes.loc[2, "chrom"] = "chrM"

    features = replace(features, genes=genes)
    values = np.zeros((100, 3))
    values[:3, 1] = [1.5, 1.0, 9.0]  # the second is just not expressed, the third mitochondrial
    table = pd.DataFrame(values, index=features.ids).drop(index=features.ids[50])
    assert expressed_universe(features, table) == [features.ids[0]]
    with pytest.raises(ValueError, match="none of 100 genes"):
        expressed_universe(features, table * 0)
