"""The report as a whole: one page, one workbook, both from names of strangers; as a reader's browser shows it."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest
from browser import NARROW, WIDE, Visit
from made_runs import (
    FORMULA,
    made_differential,
    made_disruption,
    made_drivers,
    made_evaluation,
    made_knockout,
    made_mediation,
    made_panels,
    made_persons,
)

from decode.report.page.content import Section, Table
from decode.report.page.tables import table_spec
from decode.report.page.workbook import CREATED, write_workbook
from decode.report.page.write import write_report

PAGE = Path(__file__).resolve().parents[3] / "decode" / "report" / "page"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    """One run of every kind with a section of its own that can be made without a network."""
    folder = tmp_path_factory.mktemp("runs")
    return [
        made_evaluation(folder / "tissues"),
        made_drivers(folder / "drivers", contrasts=("old_vs_young", "sick <b>")),
        made_drivers(folder / "halves", n_called=0),
        made_knockout(folder / "knockout.tsv"),
        made_disruption(folder / "disruption.tsv"),
        made_mediation(folder / "mediation.json"),
        made_persons(folder / "persons"),
        made_differential(folder / "de.tsv"),
        made_panels(folder / "panels"),
    ]


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report.html"
    assert [path.name for path in write_report(runs, out, xlsx=True)] == [
        "report.html",
        "report.xlsx",
        "report.html.run.json",
    ]
    return out


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_section_draws_and_nothing_complains(browser, page, runs, viewport):
    visit = Visit(browser, page, viewport=viewport)
    seen = visit.page
    assert seen.locator("section.run").count() == len(runs)
    assert seen.evaluate("window.harmed") is None
    assert seen.locator("[data-chart]").count() == seen.locator("[data-chart] svg[role=img]").count() > 10
    assert seen.locator("[data-table]").count() == seen.locator("[data-table] table").count() > 10
    assert seen.locator("img").evaluate_all("all => all.every((one) => one.complete && one.naturalWidth > 0)")
    assert visit.width_beyond() <= 0
    seen.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert visit.width_beyond() <= 0
    assert visit.axe() == []
    assert visit.complaints == []
    visit.close()


def test_contents_lead_to_their_sections(browser, page):
    visit = Visit(browser, page)
    link = visit.page.locator("nav.contents a", has_text="mediation.json")
    link.click()
    visit.page.wait_for_function(
        "document.querySelector('nav.contents a[aria-current]').textContent === 'mediation.json'"
    )
    assert visit.page.locator("section.run", has_text="mediation.json").last.evaluate(
        "node => Math.abs(node.getBoundingClientRect().top) < 40"
    )
    assert visit.complaints == []
    visit.close()


def test_a_reader_without_a_mouse_reaches_figure_and_table(browser, page):
    visit = Visit(browser, page)
    reached = set()
    for _ in range(80):
        visit.page.keyboard.press("Tab")
        reached.add(visit.page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert {"skip", "A", "SUMMARY", "chart-stage", "table-scroll", "BUTTON", "INPUT"} <= reached
    visit.close()


def test_paper_has_figures_of_its_width_and_each_run_on_a_new_page(browser, page):
    visit = Visit(browser, page)
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    visit.page.emulate_media(media="print")
    boxes = visit.page.locator("[data-chart] svg[role=img]").evaluate_all(
        "all => all.map((one) => one.viewBox.baseVal.width)"
    )
    assert set(boxes) == {567}  # 150 mm at 96 a inch: letters of a figure are as large as its text says
    assert visit.page.locator("section.run").nth(1).evaluate("node => getComputedStyle(node).breakBefore") == "page"
    visit.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    visit.page.emulate_media(media="screen")
    visit.close()


def test_equal_runs_give_equal_pages(runs, page, tmp_path):
    write_report(runs, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_texts_of_the_workbook_stay_texts(page):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra: test)")
    book = openpyxl.load_workbook(page.with_suffix(".xlsx"))
    contents = [[cell.value for cell in row] for row in book["contents"].iter_rows()]
    assert contents[0] == ["sheet", "table", "rows here", "rows in all", "file"]
    assert len(contents) == len(book.sheetnames)
    sheet = next(book[row[0]] for row in contents[1:] if "Regulators of old_vs_young" in row[1])
    found = {sheet.cell(row, 2).value: sheet.cell(row, 2).data_type for row in range(2, 14)}
    assert found[FORMULA] == "s"  # a formula would be "f"
    assert sheet.cell(2, 1).data_type == "n"
    assert not [cell for one in book for row in one.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "https://example.org", "007"])
def test_no_text_becomes_anything_else(tmp_path, text):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra: test)")
    frame = pd.DataFrame({text: [text, None], "n": [1, 2]})
    table = Table(table_spec(frame, name=text, caption=text, file=text), frame)
    write_workbook([Section("one", parts=(table,)), Section("two", parts=(table,))], tmp_path / "b.xlsx")
    book = openpyxl.load_workbook(tmp_path / "b.xlsx")
    assert len(book.sheetnames) == 3
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == text]
    assert sum(cell.parent.title != "contents" for cell in cells) == 4  # heading and value, two sheets
    assert {(cell.data_type, cell.hyperlink) for cell in cells} == {("s", None)}
    assert {book.properties.created, book.properties.modified} == {CREATED}  # equal tables are equal files


def test_what_is_refused(runs, page, tmp_path):
    with pytest.raises(ValueError, match=r"let its name end in \.html"):
        write_report(runs, tmp_path / "report.pdf")
    with pytest.raises(FileExistsError, match="exists; give --force"):
        write_report(runs, page)
    with pytest.raises(ValueError, match="lies in the input folder"):
        write_report(runs, runs[1] / "report.html")
    with pytest.raises(FileNotFoundError):
        write_report([*runs, tmp_path / "absent"], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_the_page_imports_no_room_of_analysis():
    allowed = (
        "decode.core.",
        "decode.report.files",
        "decode.report.finished",
        "decode.report.page",
        "decode.report.style",
    )
    wrong = []
    for path in sorted(PAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}."] if isinstance(node, ast.ImportFrom) else []
            wrong += [
                f"{path.name}: {name}" for name in names if name.startswith("decode") and not name.startswith(allowed)
            ]
    assert wrong == []
