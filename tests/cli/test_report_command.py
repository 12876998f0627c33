from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import Visit
from made_runs import made_drivers, made_mediation

from decode.report.page.base import unpack
from decode.report.page.runs import read_run
from decode.report.page.sections import BUILDERS
from decode.synthetic import make_toy_persons


def data_of(path) -> dict:
    """What the scripts of a page read."""
    return unpack(re.search(r'id="page-data">([^<]*)<', path.read_text())[1])


def test_a_page_and_its_workbook(run, tmp_path):
    drivers = made_drivers(tmp_path / "drivers")
    mediation = made_mediation(tmp_path / "mediation.json")
    out = tmp_path / "report.html"
    result = run("report", drivers, f"pair={mediation}", "--out", out, "--xlsx", "--title", "A & B")
    assert result.status == 0, result.err
    assert "2 run(s)" in result.out
    assert f"{out.with_suffix('.xlsx')}: its tables" in result.out
    text = out.read_text()
    assert "<title>A &amp; B</title>" in text
    assert ">pair</h2>" in text
    assert len(data_of(out)["charts"]) == 3
    record = read_run(out).record
    assert (record["kind"], set(record["files"])) == ("report", {"report.html", "report.xlsx"})
    assert record["inputs"]["pair"]["path"].endswith("mediation.json.run.json")
    again = run("report", drivers, f"pair={mediation}", "--out", out, "--xlsx", "--title", "A & B")
    assert (again.status, "already holds" in again.out) == (0, True)
    other = run("report", drivers, "--out", out)
    assert (other.status, "--force" in other.err) == (2, True)
    forced = run("report", drivers, "--out", out, "--force")
    assert forced.status == 0, forced.err
    assert not out.with_suffix(".xlsx").exists()  # of the earlier report


def test_a_folder_of_all_figures_and_tables(run, tmp_path):
    drivers = made_drivers(tmp_path / "drivers")
    out, folder = tmp_path / "report.html", tmp_path / "files"
    line = ("report", drivers, "--out", out, "--files", folder)
    result = run(*line)
    assert result.status == 0, result.err
    assert f"{folder}: 3 figures as PNG and SVG, 5 tables as TSV, listed in contents.tsv" in result.out
    assert read_run(out).options["files"] == str(folder)
    assert "already holds" in run(*line).out
    (folder / "contents.tsv").write_text("changed")
    changed = run(*line)
    assert (changed.status, "files that were changed" in changed.err) == (2, True)
    assert run(*line, "--force").status == 0
    inside = run("report", drivers, "--out", folder / "report.html", "--files", folder)
    assert (inside.status, "lies in the folder --files" in inside.err) == (2, True)
    file = run("report", drivers, "--out", tmp_path / "b.html", "--files", out)
    assert (file.status, "is a file, not a folder" in file.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["absent"], "run absent does not exist; name the --out of a finished command"),
        (["{folder}"], "is no finished run: it has no run.json"),
        (["{drivers}", "{drivers}"], "is named twice"),
        (["{drivers}", "drivers={other}"], "two runs are called 'drivers'"),
    ],
)
def test_what_is_no_run_is_one_sentence(run, tmp_path, arguments, expected):
    places = {
        "folder": tmp_path, "drivers": made_drivers(tmp_path / "drivers"), "other": made_drivers(tmp_path / "other")
    }  # fmt: skip
    result = run("report", *[one.format(**places) for one in arguments], "--out", tmp_path / "report.html")
    assert result.status == 2
    assert expected in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / "report.html").exists()


def test_output_is_checked_first(run, tmp_path):
    drivers = made_drivers(tmp_path / "drivers")
    for out, expected in (
        (tmp_path / "report.pdf", "let its name end in .html"),
        (tmp_path / "absent" / "report.html", "absent"),
        (drivers / "report.html", "lies in the input folder"),
    ):
        result = run("report", drivers, "--out", out)
        assert result.status == 2
        assert expected in result.err
        assert "Traceback" not in result.err
    (tmp_path / "mine.html").write_text("mine")
    result = run("report", drivers, "--out", tmp_path / "mine.html")
    assert (result.status, (tmp_path / "mine.html").read_text()) == (2, "mine")


@pytest.mark.slow
def test_what_every_command_leaves_has_its_section(run, browser, toy, features_file, targets_file, trained, tmp_path):
    """The real outputs, not made ones: each draws what its kind is to draw, and a browser shows all of it."""
    persons = make_toy_persons(tmp_path, toy, n_persons=24)
    tpm = pd.read_csv(persons.tpm, sep="\t", index_col=0)
    log2 = tmp_path / "log2.tsv.gz"
    np.log2(tpm.clip(lower=0) + 0.25).to_csv(log2, sep="\t")
    (tmp_path / "pair.txt").write_text("\n".join(persons.pair_regulators) + "\n")
    random = np.random.default_rng(0)
    profiles = pd.DataFrame(
        random.normal(size=(40, 4)) @ random.normal(size=(4, 60)) + 7 + random.normal(size=(40, 60)) / 3
    )
    profiles.index, profiles.columns = (
        pd.Index([f"G{i}" for i in range(40)], name="gene_id"),
        [f"s{i}" for i in range(60)],
    )
    profiles.to_csv(tmp_path / "profiles.tsv", sep="\t")
    genes = pd.read_csv(targets_file, sep="\t")["gene_id"].head(2).tolist()
    statistic = pd.read_csv(targets_file, sep="\t")[["gene_id", "tissue_1"]].rename(columns={"tissue_1": "logFC"})
    statistic.assign(t=statistic["logFC"], AveExpr=5.0).to_csv(tmp_path / "de.tsv", sep="\t", index=False)

    at, pair, of_model = tmp_path, ",".join(genes), f"{trained} {features_file}"
    samples, both = f"--samples {persons.samples}", ",".join(persons.pair)
    lines = f"""
        evaluate {of_model} {targets_file} --out {at}/evaluate
        drivers {at}/de.tsv --features {features_file} --independent-genes --draws 60 --out {at}/drivers
        knockout {of_model} --summary {at}/knockout.tsv --out {at}/knockout.nc
        disrupt {of_model} --genes {pair} --out {at}/disrupt.tsv
        mediate {log2} --pair {both} --regulators {at}/pair.txt --features {features_file} --out {at}/mediate.json
        expression person {persons.tpm} {samples} --out {at}/targets.tsv.gz
        train {features_file} {at}/targets.tsv.gz --transfer-from {trained} --members 2 --max-epochs 2 --out {at}/model
        persons evaluate {at}/model {features_file} {at}/targets.tsv.gz {samples} --out {at}/persons
        coexpression {at}/model {features_file} --pair {pair} --draws 200 --out {at}/coexpression
        differential {log2} {samples} --design ~age+sex --out {at}/differential.tsv
        activity {at}/model {features_file} --out {at}/activity.tsv.gz
        attribute {of_model} --out {at}/attributions.nc
        rank {at}/attributions.nc --out {at}/ranking.tsv
        landmark prepare {at}/profiles.tsv --scale log2 --out {at}/prepared.h5
        landmark train {at}/prepared.h5 --bottleneck 5 --epochs 2 --min-updates 1 --out {at}/AE
        landmark select {at}/prepared.h5 --size 6 --method greedy --out {at}/panel.tsv
        landmark evaluate {at}/panel.tsv {at}/prepared.h5 --random 3 --sizes 3,6 --methods variance --out {at}/panels
        landmark embed {at}/AE {at}/profiles.tsv --out {at}/embedding.tsv
    """
    outputs = []
    for line in lines.strip().splitlines():
        result = run(*line.split())
        assert result.status == 0, f"{line}: {result.err}"
        outputs.append(Path(line.split()[-1]))
    out = tmp_path / "report.html"
    result = run("report", *outputs, "--out", out)
    assert result.status == 0, result.err
    charts = data_of(out)["charts"]
    plain = {
        "targets.tsv.gz",
        "attributions.nc",
        "prepared.h5",
        "embedding.tsv",
    }  # nothing to draw but their own figures
    for number, output in enumerate(outputs, 1):
        drawn = [key for key in charts if key.split("-")[0] == f"s{number}"]
        assert bool(drawn) is (output.name not in plain), f"{output.name}: {drawn}"
        assert (read_run(output).kind in BUILDERS) is (output.name not in plain - {"embedding.tsv"})
    visit = Visit(browser, out)
    assert visit.page.locator("[data-chart] svg[role=img]").count() == len(charts)
    assert visit.complaints == []
    visit.close()
