"""Random halves as targets, and how a ranking made with them is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.null_halves import half_differences, judge, main
from benchmarks.random_splits import DATA
from decode.features.build import build_features
from decode.genome import SiteSource, gene_models, read_annotation


def test_judge(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ranking = pd.DataFrame(
        {"task": ["overall"] * 2 + ["split_1"] * 4, "p_value": [0.5, 0.01, 0.05, 0.2, 0.01, 0.9],
         "fdr": [0.5, 0.02, 0.06, 0.3, 0.04, 0.9]}
    )  # fmt: skip
    found = judge(ranking)
    assert found.loc["split_1"].tolist() == [0.5, 1]
    assert found.loc["overall"].tolist() == [0.5, 1]
    ranking.to_csv(tmp_path / "r.tsv", sep="\t", index=False)
    assert main(["--judge", str(tmp_path / "r.tsv")]) == 0
    assert "split_1" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([])


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "individuals").is_dir(), reason="the tumours of ../shared/data are absent")
def test_halves_differ_by_nothing_but_noise(tmp_path: Path) -> None:
    annotation = read_annotation(DATA / "hg19" / "gencode_v19_coding_collapsed.gtf.gz", build="hg19")
    sites = tmp_path / "sites.bed"
    sites.write_text("chr1\t1000\t1200\tA\n")
    features = build_features(
        gene_models(annotation), [SiteSource(kind="TF", path=sites, region="promoter")], allow_suspicious=True
    )
    features.write(tmp_path / "f.h5")
    table = half_differences(tmp_path / "f.h5", 4, 0)
    values = table.drop(columns="gene_id").to_numpy()
    assert values.shape[1] == 4
    assert len(values) > 10_000
    assert np.abs(np.median(values, axis=0)).max() < 0.1
    assert 0.01 < np.median(values.std(axis=0)) < 0.5
    pd.testing.assert_frame_equal(table, half_differences(tmp_path / "f.h5", 4, 0))
