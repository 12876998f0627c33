from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decode.report.enrichment_map import GAP, _components, _layout, enrichment_map
from decode.report.files import save_figure
from decode.report.regulator_plots import activator_plot, gene_list_plot
from decode.statistics.enrichment import gene_set_overlaps


def correlations(**changes: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {"tissues": ["all", "all", "without_brain"], "kind": "TF", "regulator": ["A", "B", "A"],
         "spearman": [0.8, -0.7, 0.6], "low": [0.5, -0.9, 0.1], "high": [0.9, -0.2, 0.8],
         "sign": ["activator", "repressor", "activator"]}
    )  # fmt: skip
    return table.assign(**changes)


def profiles() -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([("TF", "A"), ("TF", "B")], names=["kind", "regulator"])
    return pd.DataFrame(np.arange(12.0).reshape(2, 6), index=index, columns=[f"tissue {i}" for i in range(6)])


def gene_lists() -> pd.DataFrame:
    rows = [(level, kind, name) for level in ("gene", "usage") for kind in ("all", "TF") for name in ("a", "b")]
    table = pd.DataFrame(rows, columns=["level", "kind", "gene_list"]).assign(n_members=9, fdr=0.01, adjusted_fdr=0.2)
    for prefix, name in (("effect", "effect"), ("adjusted", "adjusted_effect")):
        table[name], table[f"{prefix}_low"], table[f"{prefix}_high"] = 0.4, 0.1, 0.7
    return table


def sets() -> tuple[pd.DataFrame, dict[str, list[str]]]:
    members = {f"set {i}": [f"G{j}" for j in range(4 * i, 4 * i + 6)] for i in range(6)} | {"set 6": ["G0", "G1", "G2"]}
    table = pd.DataFrame({"gene_set": list(members), "n_genes": [len(m) for m in members.values()]})
    return table.assign(fdr=0.01, nes=np.linspace(-2, 2, 7)), members


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figures_are_written(tmp_path, suffix):
    save_figure(activator_plot(correlations(), profiles(), profiles(), title="title"), tmp_path / f"a{suffix}")
    save_figure(gene_list_plot(gene_lists(), title="title"), tmp_path / f"b{suffix}")
    table, members = sets()
    save_figure(enrichment_map(table, members, title="title"), tmp_path / f"c{suffix}")
    assert all((tmp_path / f"{name}{suffix}").stat().st_size > 1000 for name in "abc")


def test_figures_at_the_edges(tmp_path):
    unsigned = correlations(sign=np.nan)
    flat = profiles() * 0 + 1
    save_figure(
        activator_plot(unsigned[unsigned["tissues"] == "all"], flat, profiles().where(profiles() > 2)),
        tmp_path / "a.png",
    )
    some = gene_lists()
    some.loc[0, ["adjusted_effect", "adjusted_low", "adjusted_high", "adjusted_fdr"]] = np.nan
    save_figure(gene_list_plot(some[some["level"] == "gene"]), tmp_path / "b.png")
    table, members = sets()
    save_figure(enrichment_map(table.assign(fdr=0.9), members), tmp_path / "c.png")
    save_figure(enrichment_map(table.drop(columns="nes").assign(fold=0.5).head(1), members), tmp_path / "d.png")
    same = {name: ["G0", "G1", "G2"] for name in members}
    save_figure(enrichment_map(table, same), tmp_path / "e.png")
    assert len(list(tmp_path.glob("*.png"))) == 5


def test_circles_never_touch():
    names = [f"s{i}" for i in range(12)]
    members = {name: [f"G{j}" for j in range(i % 4, i % 4 + 5)] for i, name in enumerate(names)}  # many are equal
    edges = gene_set_overlaps(members)
    groups = _components(names, edges)
    assert sorted(name for group in groups for name in group) == sorted(names)
    radius = dict.fromkeys(names, 0.3)
    place, (width, height) = _layout(groups, edges, radius)
    points = np.array([place[name] for name in names])
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) + np.eye(12) * 9
    assert distance.min() > 0.6 + GAP / 2
    assert points[:, 0].min() >= 0.3 - 1e-9
    assert points[:, 0].max() <= width
    assert -points[:, 1].min() <= height


def test_bad_input():
    with pytest.raises(ValueError, match="no regulator has a defined correlation"):
        activator_plot(correlations(spearman=np.nan), profiles(), profiles())
    with pytest.raises(ValueError, match="lacks the column"):
        activator_plot(correlations().drop(columns="low"), profiles(), profiles())
    with pytest.raises(ValueError, match="no gene list has enough members"):
        gene_list_plot(gene_lists().assign(effect=np.nan))
    table, members = sets()
    with pytest.raises(ValueError, match="is empty"):
        enrichment_map(table.iloc[:0], members)
