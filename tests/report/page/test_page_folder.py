"""What a page shows, as files: every figure, every table whole and exact, under names fit for any file system."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from made_runs import HOSTILE, made_differential, made_drivers, made_panels
from matplotlib.image import imread

from decode.core.files import run_record
from decode.report.files import write_run
from decode.report.page.charts import grid, histogram, ranked, scatter, series, volcano
from decode.report.page.content import Chart, Picture, Section, Table
from decode.report.page.drawn import draw_chart
from decode.report.page.folder import page_files
from decode.report.page.runs import read_run
from decode.report.page.sections import section_of
from decode.report.page.tables import table_spec
from decode.report.page.workbook import write_workbook
from decode.report.page.write import write_report


def test_every_figure_and_table_of_the_page_is_a_file(tmp_path):
    runs = [made_drivers(tmp_path / "d"), made_panels(tmp_path / "p"), made_differential(tmp_path / "de.tsv")]
    out, folder = tmp_path / "page.html", tmp_path / "files"
    done = []
    written = write_report(runs, out, files=folder, on_figure=lambda *progress: done.append(progress))
    assert {path.name for path in folder.iterdir()} == {path.name for path in written if path.parent == folder}
    listed = pd.read_csv(folder / "contents.tsv", sep="\t")
    assert set(listed["file"]) | {"contents.tsv", "run.json"} == {path.name for path in folder.iterdir()}
    figures = listed.loc[listed["what"] == "figure", "file"]
    assert {name.rsplit(".", 1)[0] for name in figures if name.endswith(".png")} == {
        name.rsplit(".", 1)[0] for name in figures if name.endswith(".svg")
    }
    assert done == [(number, len(figures)) for number in range(1, len(figures) + 1)]
    for name in figures:
        start = (folder / name).read_bytes()[:8]
        assert start.startswith(b"\x89PNG" if name.endswith(".png") else b"<?xml")
    assert listed["section"].str.startswith("d, old_vs_young").sum() > 4
    assert read_run(folder).kind == "report files"
    own = pd.read_csv(folder / "d_old_vs_young_drivers.tsv", sep="\t")
    run = read_run(runs[0]).table("drivers.tsv")
    assert own["effect"].tolist() == run["effect"].tolist()
    assert own["regulator"][0] == HOSTILE


def test_numbers_are_whole_where_the_page_rounds_them(tmp_path):
    exact = np.random.default_rng(0).normal(size=30_000) * 10.0 ** np.arange(-15, 15).repeat(1000)
    frame = pd.DataFrame({"gene_id": [f"{i:05d}" for i in range(30_000)], "value": exact})
    run = write_run(tmp_path / "run", "new", tables={"t.tsv": frame}, record=run_record())[0].parent
    section = section_of(read_run(run))
    (table,) = [part for part in section.parts if isinstance(part, Table)]
    assert len(table.spec["rows"]) == 25_000
    assert table.spec["rows"][0] == ["00000", pytest.approx(exact[0], rel=1e-5)]
    files = page_files([section])
    assert files.tables["run_t.tsv"]["value"].tolist() == exact.tolist()
    assert files.tables["run_t.tsv"]["gene_id"][7] == "00007"
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra: test)")
    write_workbook([section], tmp_path / "b.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx", read_only=True).worksheets[1]
    cells = [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)]
    np.testing.assert_allclose(cells, exact, rtol=1e-15)  # workbooks hold 16 digits


def test_names_are_fit_for_any_file_system():
    frame = pd.DataFrame({"a": [1]})
    names = ["../up", ".hidden", "A", "a", "contents", "\u00e9" * 300, "x/y:z", "", "-rf"]
    tables = tuple(Table(table_spec(frame, name=name, caption=name), frame) for name in names)
    chart = Chart(scatter([series([1], [2])], name="a", title="T.", x_label="x", y_label="y"), "A figure.")
    files = page_files([Section("s", parts=(*tables, chart, Picture("a", "Drawn.", png=b"\x89PNG")))])
    made = [*files.tables, *files.figures]
    assert len({name.lower() for name in made}) == len(made) == len(names) + 1 + 2 + 1
    assert all(os.path.basename(name) == name and name[0] not in ".-" and len(name) < 140 for name in made)
    assert {"a.png", "a.svg", "a_2.png", "contents_2.tsv"} <= set(made)


@pytest.mark.parametrize(
    "spec",
    [
        ranked(["$x$ & $\\frac", "b" * 300],
               [series([1, None], [0, 1], low=pd.Series([0.5, 0]), high=pd.Series([2, 1]))],
               name="r", title="Ranked $ names $.", x_label="x_1^{2}"),
        ranked(["a", "b"], [series([1, -2], [0, 1], bars=True, low=pd.Series([0, -3]), high=pd.Series([2, 0]))],
               name="b", title="Bars.", x_label="x"),
        ranked([], [], name="e", title="No row.", x_label="x"),
        scatter([series([], [])], name="none", title="No point.", x_label="x", y_label="y"),
        scatter([series([1, 10, 100], [1, 2, None], line=True, low=pd.Series([0, 1, 2]), high=pd.Series([2, 3, 4])),
                 series([1, 2], [0, 0], name="grey", look=("grey", "triangle"), faint=True)],
                name="l", title="Lines.", x_label="size", y_label="error", diagonal=True),
        grid(pd.DataFrame([[0.5, np.nan], [-1.0, 0.0]], index=["a", "b"], columns=["c", "$d$"]),
             name="g", title="Cells.", x_label="measured", y_label="predicted", what="rho"),
        histogram(pd.Series([0.1, 0.2, np.nan]), name="h", title="Often.", x_label="x", y_label="n",
                  lines=[{"axis": "x", "at": 0.9, "label": "here"}]),
    ],
    ids=lambda spec: spec["name"],
)  # fmt: skip
def test_every_form_of_figure_is_drawn(spec, tmp_path):
    figure = draw_chart(spec)
    figure.savefig(tmp_path / "f.png")
    assert imread(tmp_path / "f.png")[..., :3].min() < 0.9  # something is on it
    axes = figure.axes[0]
    assert len(spec["y"].get("categories") or ()) == len(axes.get_yticklabels()) or not spec["y"].get("categories")


def test_points_lines_and_names_are_those_of_the_page():
    table = pd.DataFrame({"effect": [0.5, -0.2, 0.1], "fdr": [1e-6, 0.5, 0.9], "regulator": ["A", "B", "C"]})
    made = {"name": "v", "title": "T.", "effect": "effect", "fdr": "fdr", "text": "regulator", "x_label": "e"}
    axes = draw_chart(volcano(table, **made)).axes[0]
    points = np.concatenate([one.get_offsets() for one in axes.collections])
    np.testing.assert_allclose(sorted(points[:, 0]), [-0.2, 0.1, 0.5])
    np.testing.assert_allclose(points[:, 1].max(), 6, rtol=1e-5)
    assert {"A", "B", "C"} <= {text.get_text() for text in axes.texts}
    assert axes.get_title(loc="left") == "T."
    nothing = draw_chart(volcano(table.assign(fdr=0.9), **made)).axes[0]
    assert nothing.get_title(loc="left") == "T. None is significant."
    assert nothing.get_ylim()[1] > -np.log10(0.05)  # the line that they do not reach is in sight


def test_all_or_nothing(tmp_path, monkeypatch):
    runs = [made_drivers(tmp_path / "d")]
    out, folder = tmp_path / "page.html", tmp_path / "files"
    with pytest.raises(ValueError, match="lies in the folder --files"):
        write_report(runs, folder / "page.html", files=folder)
    with pytest.raises(ValueError, match="lies in the input folder"):
        write_report(runs, out, files=runs[0] / "files")
    monkeypatch.setattr("decode.report.page.folder.draw_chart", lambda spec: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(runs, out, files=folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d"]
    monkeypatch.undo()
    write_report(runs, out, files=folder)
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="give --force"):
        write_report(runs, tmp_path / "other.html", files=folder)
    assert not (tmp_path / "other.html").exists()
    runs = [made_drivers(tmp_path / "other")]
    write_report(runs, out, files=folder, force=True)
    assert (folder / "mine.txt").read_text() == "mine"
    assert not list(folder.glob("d_*"))
