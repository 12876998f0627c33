"""Sections: the caveat stands beside the number that it limits; methods have what a paper needs."""

from __future__ import annotations

import pandas as pd
import pytest
from made_runs import (
    HOSTILE,
    made_activity,
    made_differential,
    made_disruption,
    made_drivers,
    made_evaluation,
    made_knockout,
    made_mediation,
    made_panels,
    made_persons,
)

from decode.core.files import run_record
from decode.report.files import write_files, write_run
from decode.report.page.content import Chart, Picture, Section, Table
from decode.report.page.methods import cited
from decode.report.page.runs import read_run
from decode.report.page.sections import section_of


def section(out) -> Section:
    return section_of(read_run(out))


def number(found: Section, label: str):
    return next(one for one in found.numbers if one.label.startswith(label))


def charts(found: Section) -> list[dict]:
    return [part.spec for part in found.parts if isinstance(part, Chart)]


def test_drivers_have_a_section_a_contrast(tmp_path):
    found = section(made_drivers(tmp_path / "d", contrasts=("a", "b")))
    assert [one.title for one in found.sections] == ["a", "b"]
    contrast = found.sections[0]
    assert f"sites of {HOSTILE}, =HYPERLINK(1) go with up-regulation" in contrast.lead
    called = number(contrast, "Regulators with FDR")
    assert (called.value, called.caveat) == ("2", "")
    assert "p-values: the model of the package" in called.note  # which gene-gene correlation was used
    assert number(contrast, "Factors that change without sites").caveat.startswith("the features lack them")
    assert number(contrast, "Tracks left out").value == "3"
    assert number(contrast, "Spread").caveat == "all regulators move at once; z is divided by it"
    assert any("HNF4A" in text for text in contrast.caveats)
    assert not any("HNF4A" in text for text in found.sections[1].caveats)
    ranked, volcano = charts(contrast)
    assert ranked["y"]["categories"][0] == f"{HOSTILE} (TF) *"
    assert sum(len(one["x"]) for one in volcano["series"]) == 12
    tables = [part.spec for part in contrast.parts if isinstance(part, Table)]
    assert tables[0]["columns"][0]["name"] == "rank"
    assert [row[0] for row in tables[0]["rows"]] == list(range(1, 13))
    assert "Leading targets of the first drivers" in {table["caption"] for table in tables}
    (sites,) = [part.spec for part in found.closing if isinstance(part, Table)]
    assert sites["rows"] == [["chr1", 10, 20, "REG1"]]
    assert [len(part.spec["rows"]) for part in found.parts if isinstance(part, Table)] == [2]  # contrasts


def test_a_contrast_without_a_hit_says_so_at_its_number(tmp_path):
    (contrast,) = section(made_drivers(tmp_path / "d", n_called=0)).sections
    assert contrast.lead == "None of 12 regulators has an FDR below 5 %."
    assert number(contrast, "Regulators with FDR").caveat == "nothing is significant; the order is no evidence"
    assert number(contrast, "Genes that change").caveat == "no gene is significant"
    assert contrast.caveats[0].startswith("No regulator is significant in this contrast")
    figures = [part for part in contrast.parts if isinstance(part, Chart)]
    assert [bool(part.caveat) for part in figures] == [True, True]
    assert all("none is significant" in part.spec["title"].lower() for part in figures)
    assert all("None of these" in part.caption for part in contrast.parts if isinstance(part, Picture))


def test_of_very_many_contrasts_those_with_hits_have_a_section(tmp_path, monkeypatch):
    monkeypatch.setattr("decode.report.page.sections.drivers.MOST_CONTRASTS", 2)
    names = ("a b", "a_b", "\u03b1", "\u03b2")
    out = made_drivers(tmp_path / "d", contrasts=names)
    table = pd.read_csv(out / "contrasts.tsv", sep="\t").assign(n_significant=[0, 2, 0, 5])
    tables = {name: pd.read_csv(out / name, sep="\t") for name in ("drivers.tsv", "targets.tsv")}
    write_run(out, "drivers", tables=tables | {"contrasts.tsv": table}, record=run_record(), force=True)
    found = section(out)
    assert [one.title for one in found.sections] == ["a_b", "\u03b2"]
    assert "4 contrasts, 2 with a regulator" in found.lead
    assert found.caveats[0].startswith("The FDR holds within each contrast")
    assert found.caveats[1].startswith("2 of 4 contrasts have a section of their own")
    all_of_them, called = [part for part in found.parts if isinstance(part, Table)]
    assert len(all_of_them.frame) == 4
    assert called.frame["contrast"].tolist() == [name for name in names for _ in range(2)]
    assert (called.frame["fdr"] < 0.05).all()
    charts_of = [[part.spec["name"] for part in one.parts if isinstance(part, Chart)] for one in found.sections]
    assert charts_of[0] == ["d_a_b_2_drivers", "d_a_b_2_volcano"]


def test_names_that_look_like_numbers_stay_apart(tmp_path):
    found = section(made_drivers(tmp_path / "d", contrasts=("1", "01", "1.0")))
    assert [one.title for one in found.sections] == ["1", "01", "1.0"]
    assert [len(next(p for p in one.parts if isinstance(p, Table)).frame) for one in found.sections] == [12] * 3


def test_independent_genes_are_a_caveat(tmp_path):
    null = "genes taken as independent (sites exchanged between like genes)"
    (contrast,) = section(made_drivers(tmp_path / "d", null=null, caveat="signature of few genes")).sections
    assert number(contrast, "Regulators with FDR").caveat.startswith("genes taken as independent")
    assert "Signature of few genes." in contrast.caveats


def test_methods_have_versions_seeds_parameters_and_citations(tmp_path):
    found = section(made_drivers(tmp_path / "d"))
    text = " ".join(found.methods)
    for part in (
        "decode 0.",
        "numpy",
        "Random seed: 7",
        "score marginal",
        "1,000 null targets",
        "column t",
        "log length",
    ):
        assert part in text, part
    works = cited(found.methods)
    assert any(work.startswith("Tasaki S") for work in works)
    assert any(work.startswith("Benjamini Y") for work in works)
    record = dict(found.record)
    assert {"command", "versions", "options", "finished (UTC)"} <= record.keys()


def test_an_evaluation_beside_its_baselines(tmp_path):
    found = section(made_evaluation(tmp_path / "e"))
    assert number(found, "Spearman, mean over fold changes").caveat == ""
    assert number(found, "Spearman, median level").note == "best baseline: ridge on totals 0.600"
    assert found.caveats == ()
    names = [spec["name"] for spec in charts(found)]
    assert names == ["e_per_task", f"e_{HOSTILE}", "e_median_level"]  # the task of (lower) median accuracy
    points = charts(found)[1]
    assert (points["diagonal"], len(points["series"][0]["x"])) == (True, 40)
    (tmp_path / "e_targets.tsv").unlink()
    assert len(charts(section(tmp_path / "e"))) == 1
    assert [part.name for part in found.parts if isinstance(part, Picture)] == ["e_specificity"]


def test_a_baseline_that_does_as_well_is_said(tmp_path):
    found = section(made_evaluation(tmp_path / "e", model=0.3, split="train"))
    assert number(found, "Spearman, mean over fold changes").caveat == "a plain baseline does as well"
    assert "used in training" in found.caveats[0]


def test_mediation(tmp_path):
    found = section(made_mediation(tmp_path / "m.json"))
    assert number(found, "Share").value == "50.0 %"
    assert number(found, "p against").caveat == "only 7 candidates to draw from"
    assert "miR-1 (has no expression in the table)" in found.caveats[-1]
    (spec,) = charts(found)
    assert sum(spec["series"][0]["y"]) == 100
    assert spec["lines"][0]["at"] == 0.5
    assert (
        "random regulators do as well" in number(section(made_mediation(tmp_path / "n.json", p_value=0.3)), "p ").caveat
    )
    empty = section(made_mediation(tmp_path / "o.json", share=None))
    assert number(empty, "Share").caveat.startswith("undefined")
    assert charts(empty) == []


def test_position_blind_stands_at_the_numbers_of_a_disruption(tmp_path):
    found = section(made_disruption(tmp_path / "d.tsv"))
    assert number(found, "Windows that are position_blind").caveat.startswith("position_blind")
    assert number(found, "Largest effect").caveat == "position_blind"
    assert any(text.startswith("position_blind") and "Regions: promoter, rna." in text for text in found.caveats)
    assert [one["name"] for one in charts(found)[0]["series"]] == ["promoter (position_blind)", "rna (position_blind)"]
    seeing = section(made_disruption(tmp_path / "s.tsv", is_blind=False))
    assert number(seeing, "Largest effect").caveat == ""
    assert not any("position_blind" in text for text in seeing.caveats)


def test_knockouts(tmp_path):
    found = section(made_knockout(tmp_path / "k.tsv"))
    (spec,) = charts(found)
    assert spec["y"]["categories"][0] == "TF:SPI1"
    assert any("undefined, not zero" in text for text in found.caveats)


def test_landmark_panels(tmp_path):
    found = section(made_panels(tmp_path / "l"))
    assert number(found, "panel against L1000").caveat == "the interval holds 0"
    assert number(found, "panel against random").caveat == "the band of random panels swallows it"
    assert any("24 in a split" in text for text in found.caveats)
    assert "panel: not judged on 1 of 2 splits" in found.caveats
    assert [spec["name"] for spec in charts(found)] == ["l_mean_mae", "l_mean_pcc", "l_share_passing"]
    assert "Chen et al. 2016" in found.methods[0]


def test_a_panel_of_genes_without_symbols(tmp_path):
    panel = pd.DataFrame({"rank": [1, 2], "gene_id": ["G1", "G2"], "gene_name": [None, None], "score": [0.2, 0.1]})
    write_files("landmark select", {tmp_path / "panel.tsv": panel}, record=run_record(method="greedy", seed=0))
    (spec,) = charts(section(tmp_path / "panel.tsv"))
    assert spec["series"][0]["text"] == ["G1", "G2"]


def test_persons(tmp_path):
    found = section(made_persons(tmp_path / "p"))
    assert number(found, "Mean Spearman").caveat == "a baseline without sites does as well"
    assert number(found, "Own sample").caveat == "no better than chance"
    assert number(found, "Genes with FDR").caveat.startswith("samples are not independent")
    assert number(section(made_persons(tmp_path / "q", best=0.1)), "Mean Spearman").caveat == ""


def test_differential(tmp_path):
    found = section(made_differential(tmp_path / "de.tsv"))
    assert number(found, "age").value == "1"
    assert number(found, "sex").caveat.startswith("nothing is significant")
    assert len(charts(found)) == 2


def test_activities_of_the_regulators_that_vary_most(tmp_path):
    found = section(made_activity(tmp_path / "activity.tsv"))
    (spec,) = charts(found)
    assert spec["y"]["categories"] == [HOSTILE, "TF:X"]
    assert (spec["series"][0]["low"][0], spec["series"][0]["high"][0]) == (-1, 1)


def test_files_beside_an_output_have_captions_by_what_their_names_add(tmp_path):
    out = made_activity(tmp_path / "act.tsv", more={"act_spread.tsv": pd.DataFrame({"sample": ["a"]})})
    assert "SD over members, sample by sample" in [
        p.spec["caption"] for p in section(out).parts if isinstance(p, Table)
    ]


def test_a_kind_without_a_section_of_its_own_shows_all_it_has(tmp_path):
    record = run_record() | {"counts": {"n_genes": 5, "rule": HOSTILE}}
    write_run(tmp_path / "r", "usage", texts={"summary.txt": "text"}, record=record)
    found = section(tmp_path / "r")
    assert (found.kind, number(found, "genes").value, number(found, "rule").value) == ("usage", "5", HOSTILE)


@pytest.mark.parametrize(
    "kind", ["drivers", "evaluate", "mediate", "persons evaluate", "landmark evaluate", "train", "rank"]
)
def test_a_run_without_its_files_still_has_a_section(tmp_path, kind):
    write_run(tmp_path / "r", kind, record=run_record())
    assert section(tmp_path / "r").title == "r"


def test_files_of_another_shape_are_refused_in_a_sentence(tmp_path):
    write_run(tmp_path / "r", "persons evaluate", numbers={"persons.json": {"all": [1, 2], "genes": 3}})
    with pytest.raises(ValueError, match="are not such as decode persons evaluate writes"):
        section(tmp_path / "r")


def made_ranking(out, fdr):
    table = pd.DataFrame({"task": ["liver", "liver", "lung"], "regulator": ["A", "B", "A"], "kind": "TF"})
    table = table.assign(mean=[0.3, -0.2, 0.1], mean_abs=0.3, rank=[1, 2, 1], n_bound_genes=50)
    return write_files("rank", {out: table if fdr is None else table.assign(fdr=fdr)}, record=run_record())[0]


@pytest.mark.parametrize(
    ("fdr", "expected"),
    [
        (None, ["Ranks without a null have no p-values."] * 2),
        ([0.01, 0.5, 0.2], ["", "None has an FDR below 5 % in this task."]),
    ],
)
def test_each_figure_of_a_ranking_says_what_its_order_is_worth(tmp_path, fdr, expected):
    found = section(made_ranking(tmp_path / "ranking.tsv", fdr))
    assert [part.caveat for part in found.parts if isinstance(part, Chart)] == expected


def test_a_star_in_coexpression_asks_for_more_than_many_draws(tmp_path):
    effects = pd.DataFrame(
        {
            "model": "m", "gene": "A", "partner": "B", "unit": ["TF:X", "TF:Y", "TF:Z"], "kind": "TF",
            "coefficient": [-0.30, -0.30, 0.01], "p_bonferroni": [1e-30, 1e-30, 1.0],
            "is_significant": [True, True, False], "single_effect": 0.0, "shapley": [-0.3, -0.2, 0.0],
            "sd_tasks": [0.05, 0.20, 0.1],
        }
    )  # fmt: skip
    pair = {"model": "m", "gene": "A", "partner": "B", "correlation": 0.5, "without_any": 0.1, "n_tasks": 37}

    def made(name, table):
        write_run(tmp_path / name, "coexpression", tables={"effects.tsv": table}, numbers={"correlations.json": [pair]},
                  record=run_record())  # fmt: skip
        found = section(tmp_path / name)
        assert any("more draws make them smaller" in text for text in found.caveats)
        return next(part for part in found.parts if isinstance(part, Chart))

    chart = made("one", effects)
    assert chart.spec["y"]["categories"] == ["TF:X *", "TF:Y", "TF:Z"]
    assert chart.caveat == ""
    assert made("none", effects.assign(sd_tasks=0.2)).caveat.startswith("No single one stands out")


def test_a_lead_within_the_scatter_of_folds_is_no_lead(tmp_path):
    def caveat(baseline):
        out = tmp_path / f"cv{baseline}"
        metrics = {"n_genes": 9, "model": {"level_spearman": 0.5, "level_spearman_sd_over_folds": 0.02},
                   "baselines": {"mean": {"level_spearman": baseline}}}  # fmt: skip
        write_run(out, "cv", numbers={"metrics.json": metrics}, record=run_record())
        return number(section(out), "Spearman").caveat

    assert caveat(0.49) == "ahead of a plain baseline by less than the SD over folds"
    assert caveat(0.55) == "a plain baseline does as well"
    assert caveat(0.40) == ""


@pytest.mark.parametrize(("cells", "is_drawn"), [([[0.9, 0.1], [None, 0.8]], True), ([["x", 0.1], [0.2, 0.8]], False)])
def test_each_prediction_with_each_task(tmp_path, cells, is_drawn):
    out = made_evaluation(tmp_path / "e")
    table = pd.DataFrame(cells, columns=["lung", "liver"])
    table.insert(0, "predicted", ["lung", "liver"])
    names = ("per_task.tsv", "predictions.tsv.gz")
    tables = {name: pd.read_csv(out / name, sep="\t") for name in names if (out / name).exists()}
    write_run(out, "evaluate", tables=tables | {"specificity.tsv": table}, record=run_record(), force=True)
    grids = [one for one in charts(section(out)) if "cells" in one["series"][0]]
    assert len(grids) == is_drawn
    if is_drawn:
        assert grids[0]["series"][0]["cells"].count(0.9) == 1
        assert len(grids[0]["series"][0]["cells"]) == 3
