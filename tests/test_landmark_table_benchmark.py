from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import landmark_table
from decode.landmark.autoencoder import AutoencoderConfig
from decode.synthetic.profiles import make_toy_profiles


def test_three_splits_of_toy_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    toy = make_toy_profiles(100, n_factors=4, followers=12, n_noise_genes=40, seed=2)
    toy.expression.to_csv(tmp_path / "toy.tsv", sep="\t")
    toy.samples.to_csv(tmp_path / "toy_meta.tsv", sep="\t")
    hubs = pd.DataFrame({"probe": toy.hubs, "gene_id": toy.hubs, "gene_name": toy.hubs})
    hubs.to_csv(tmp_path / "hubs.txt", sep="\t", index=False)
    monkeypatch.setattr(landmark_table, "MATRICES", {"toy": tmp_path / "toy.tsv"})
    monkeypatch.setattr(landmark_table, "LANDMARKS", tmp_path / "hubs.txt")
    monkeypatch.setattr(landmark_table, "SIZES", (2, 4))
    monkeypatch.setattr(
        landmark_table, "CONFIG", AutoencoderConfig(hidden=8, bottleneck=4, epochs=2, min_updates=0)
    )  # fmt: skip
    out = tmp_path / "out"
    assert landmark_table.main(["toy", "--out", str(out), "--imputers", "ridge"]) == 0
    panels = pd.read_csv(out / "panels.tsv", sep="\t")
    assert set(panels["split"]) == {0, 1, 2}
    assert {"deeplift", "L1000", "greedy", "random"} <= set(panels["panel"])
    assert "panel" not in set(panels["panel"])
    curves = pd.read_csv(out / "curves.tsv", sep="\t").set_index(["panel", "size"])
    assert (curves["n_splits"] == 3).all()
    assert curves.loc[("L1000", 4), "mean_mae"] < curves.loc[("random", 4), "mean_mae"]  # the planted hubs
    drawn = panels.query("panel == 'random' and size == 4").groupby("split")["mean_mae"].mean()
    assert curves.loc[("random", 4), "mean_mae"] == pytest.approx(drawn.mean())
    comparisons = pd.read_csv(out / "comparisons.tsv", sep="\t")
    assert set(comparisons["split"]) == {0, 1, 2}
    assert set(pd.read_csv(out / "imputers.tsv", sep="\t")["imputer"]) == {"ridge"}
    assert (out / "curves.png").stat().st_size > 1000
    assert capsys.readouterr().out.count("judged in") == 3
