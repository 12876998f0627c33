from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.comparators.predixcan import PredixcanResult
from decode.comparators.predixcan_table import summarise_methods
from decode.report.predixcan import predixcan_plot, predixcan_text, write_predixcan


@pytest.fixture
def result():
    p_values = [0.001, 1.0, np.nan]
    table = pd.DataFrame({"gene_id": list("ABC"), "pearson": [0.5, np.nan, np.nan], "p_value": p_values})
    table = table.assign(pearson_p_value=p_values, fdr=[0.002, 1.0, np.nan], person_model_pearson=[0.9, 0.1, 0.4])
    for name in ("pearson_p_value", "p_value", "fdr"):
        table[f"person_model_{name}"] = [1e-9, 0.4, 0.02]
    nothing = pd.DataFrame({"gene_id": []})
    return PredixcanResult(table, summarise_methods(table), nothing, nothing, {"persons": 60})


def test_files_and_text(result, tmp_path):
    names = {path.name for path in write_predixcan(result, tmp_path / "out")}
    tables = {"genes.tsv", "summary.tsv", "weights.tsv.gz", "predictions.tsv.gz"}
    assert names == tables | {"predixcan.png", "predixcan.svg", "run.json"}
    assert (tmp_path / "out" / "genes.tsv").read_text().splitlines()[3].startswith("C\t\t\t")
    text = predixcan_text(result)
    assert "predixcan, all genes: 1 of 2 at FDR 5 %, median Pearson 0.250; held out are persons" in text
    assert "person_model, both genes: 1 of 2 at FDR 5 %, median Pearson 0.500; held out are genes" in text


def test_figure_counts_what_was_tried(result):
    figure = predixcan_plot(result.table)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0].endswith("1 of 2 genes at FDR 5 %")
    assert labels[1].endswith("2 of 3 genes at FDR 5 %")
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.0, 0.5]
    with pytest.raises(ValueError, match="fdr"):
        predixcan_plot(result.table.drop(columns="fdr"))
