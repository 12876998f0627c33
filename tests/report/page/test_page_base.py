"""The base of every page: sorting, searching, hovering, folding, saving, keyboard, contrast, widths, paper."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from browser import NARROW, WIDE

from decode.report.page.base import assemble_page, pack, unpack
from decode.report.page.charts import grid
from decode.report.page.content import Chart, Number, Picture, Section, Table, Text
from decode.report.page.render import render_page
from decode.report.page.tables import table_spec
from decode.report.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

HOSTILE = "<script>window.harmed = 1</script>\"'&</script>"
N = 60


def hostile_table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "gene": [f"G{i}" for i in range(N)],
            "effect": random.normal(size=N),
            "fdr": np.where(np.arange(N) % 7 == 3, np.nan, np.arange(N) / N),
            "long_name_of_a_column": [f"group_{i % 5}" for i in range(N)],
        }
    )
    table.loc[5, "gene"] = HOSTILE
    return table


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    table = hostile_table()
    points = {
        "name": "volcano",
        "title": "Effect against significance.",
        "x": {"label": "effect"},
        "y": {"label": "-log10 FDR"},
        "series": [
            {"name": "others", "colour": "grey", "faint": True, "x": [0.5, -0.5], "y": [0.1, 0.2], "text": ["A", "B"]},
            {"name": HOSTILE, "colour": 3, "marker": "diamond", "x": [1, 2, -1.5], "y": [3, 2, 1.2],
             "text": [HOSTILE, "SPI1", "GATA1"], "labels": [0, 1]},
        ],
        "lines": [{"axis": "y", "at": 1.3, "label": "FDR 5 %"}],
    }  # fmt: skip
    bars = {
        "name": "ranked",
        "title": "Ranked effects.",
        "x": {"label": "effect"},
        "y": {"categories": ["one", "two", "three"]},
        "series": [
            {"name": "effect", "x": [1, 0.5, -0.2], "y": [0, 1, 2], "low": [0.8, None, -0.4], "high": [1.2, None, 0]}
        ],
    }
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
    cells = grid(
        pd.DataFrame([[0.5, -1.0], [0.25, 0.0]], index=["a", HOSTILE], columns=["c", "d"]),
        name="cells", title="Four cells.", x_label="measured", y_label="predicted", what="rho",
    )  # fmt: skip
    section = Section(
        title=f"Run {HOSTILE}",
        kind="drivers",
        lead="A lead.",
        numbers=(
            Number("Genes", "60", note="of a toy"),
            Number("FDR", "0.03", "0.01 to 0.05", caveat="nothing is significant"),
        ),
        caveats=("The features lack two regulators.",),
        parts=(
            Chart(points, "A volcano.", "A caveat."),
            Chart(bars, "Bars."),
            Chart(cells, "Cells."),
            Table(table_spec(table, name="genes", caption="Genes", hidden=["long_name_of_a_column"], n_rows=90,
                             file="g.tsv"), table),
            Table(table_spec(table.head(3), name="few", caption="A few"), table.head(3), is_folded=True),
            Picture("drawn", "As the run drew it", svg=svg),
            Text("Summary", HOSTILE),
        ),
        methods=("Methods.",),
        record=(("command", f"decode {HOSTILE}"),),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        render_page(
            f"Title {HOSTILE}", [section, Section("Second", sections=(Section("Inner"),))], references=["A work."]
        )
    )
    return path


def column(page, name: str) -> list[str]:
    """Texts of a shown column of the first table."""
    heads = [re.sub(r"\W+$", "", text) for text in page.locator("table").nth(0).locator("th").all_inner_texts()]
    return page.locator(f"table >> nth=0 >> tbody tr td:nth-child({heads.index(name) + 1})").all_inner_texts()


def test_strangers_names_are_text(visit):
    page = visit().page
    assert page.evaluate("window.harmed") is None
    assert HOSTILE in page.title()
    assert HOSTILE in page.locator("h2").first.inner_text()
    assert (
        HOSTILE in page.locator(".chart-stage text").all_inner_texts()
        or page.locator(".chart-stage text", has_text="window.harmed").count()
    )
    assert page.evaluate("document.scripts.length") == 2


def test_sorting(visit):
    page = visit().page
    table = hostile_table()
    button = page.locator("th button", has_text="effect").first
    button.click()
    assert page.locator("th[aria-sort=descending]").count() == 1
    largest = [float(text.replace("\u2212", "-")) for text in column(page, "effect")]
    np.testing.assert_allclose(largest, table["effect"].nlargest(10), rtol=5e-3)
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("th[aria-sort=ascending]").count() == 1
    smallest = [float(text.replace("\u2212", "-")) for text in column(page, "effect")]
    np.testing.assert_allclose(smallest, table["effect"].nsmallest(10), rtol=5e-3)
    page.keyboard.press("Enter")  # the focus stays at the heading
    assert column(page, "gene")[:3] == ["G0", "G1", "G2"]
    page.locator("th button", has_text="fdr").first.click()
    page.locator("button[aria-label^='Last page']").first.click()
    assert column(page, "fdr")[-1] == ""  # undefined ones are last


def test_searching_and_paging(visit):
    page = visit().page
    status = page.locator(".table-status").first
    assert status.inner_text() == "1\u201310 of 60 rows; the whole table of 90 rows is g.tsv"
    page.get_by_label("Next page of Genes").click()
    assert column(page, "gene")[0] == "G10"
    search = page.get_by_label("Search").first
    search.fill("Group_3")
    assert "12 rows (searched 60)" in status.inner_text()
    search.fill("fdr < 0.05")
    assert column(page, "gene") == ["G0", "G1", "G2"]
    search.fill("g12 fdr>0.1")
    assert column(page, "gene") == ["G12"]
    search.fill("<script>")
    assert column(page, "gene") == [HOSTILE]
    search.fill("no such word")
    assert page.locator("td.nothing").inner_text() == "No row has all these words."
    search.fill("")
    page.locator(".table-pager select").first.select_option("all")
    assert len(column(page, "gene")) == N
    page.get_by_role("button", name="All 4 columns").click()
    assert column(page, "long_name_of_a_column")[1] == "group_1"


def test_saving(visit):
    one = visit()
    name, content = one.saved("button[aria-label='Save Genes as TSV']")
    lines = content.decode().splitlines()
    assert (name, lines[0], len(lines)) == ("genes.tsv", "gene\teffect\tfdr\tlong_name_of_a_column", N + 1)
    assert lines[6].startswith(HOSTILE)
    assert lines[4].split("\t")[2] == ""
    name, content = one.saved("button[aria-label^='Save as SVG: Effect']")
    assert (name, content[:4]) == ("volcano.svg", b"<svg")
    name, content = one.saved("button[aria-label^='Save as PNG: Effect']")
    assert (name, content[:8]) == ("volcano.png", b"\x89PNG\r\n\x1a\n")
    name, content = one.saved("a[download='drawn.svg']")
    assert (name, content[:4]) == ("drawn.svg", b"<svg")


def test_hovering_and_pinning(visit):
    page = visit().page
    stage = page.locator(".chart-stage").first
    stage.scroll_into_view_if_needed()
    box = stage.locator("svg").bounding_box()
    tip = stage.locator(".chart-tip")
    assert tip.is_hidden()
    place = stage.locator("text", has_text="SPI1").bounding_box()
    page.mouse.move(place["x"] - 6, place["y"] + place["height"] / 2 - 1)
    assert tip.is_visible()
    assert tip.inner_text().splitlines()[0] == "SPI1"
    assert "effect: 2" in tip.inner_text()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    assert tip.is_hidden()
    assert stage.locator("text", has_text="GATA1").count() == 0
    stage.focus()
    page.keyboard.press("Home")
    assert "GATA1" in tip.inner_text()
    page.keyboard.press("Enter")
    assert stage.locator("text", has_text="GATA1").count() == 1
    page.keyboard.press("End")
    assert "SPI1" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_bars_answer_anywhere_in_their_row(visit):
    page = visit().page
    stage = page.locator(".chart-stage").nth(1)
    stage.scroll_into_view_if_needed()
    row = stage.locator("text", has_text="three").bounding_box()
    box = stage.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, row["y"] + row["height"] / 2)
    assert stage.locator(".chart-tip").inner_text().splitlines() == ["three", "effect: \u22120.200 (\u22120.400 to 0)"]


def test_series_can_be_left_out(visit):
    page = visit().page
    key = page.locator(".chart-key button", has_text="others")
    before = page.locator(".chart-stage").first.locator("path").count()
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert page.locator(".chart-stage").first.locator("path").count() < before


def test_folding(visit):
    page = visit().page
    inner = page.locator("details.fold [data-table]")
    assert inner.is_hidden()
    page.locator("summary", has_text="A few").click()
    assert inner.is_visible()
    page.locator("summary", has_text="A few").press("Enter")
    assert inner.is_hidden()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_is_readable_and_accessible(visit, viewport):
    one = visit(viewport=viewport)
    assert one.width_beyond() <= 0
    one.page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert one.width_beyond() <= 0
    assert one.axe() == []
    texts = one.page.locator(".chart-stage svg text").first
    assert texts.evaluate("node => node.getBoundingClientRect().height") > 10  # pixels


def test_on_paper_folds_are_open_and_tools_are_gone(visit, tmp_path):
    page = visit().page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert page.get_by_label("Search").first.is_hidden()
    assert page.locator("nav.contents").is_hidden()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.fold[open]").count() == 0
    assert page.pdf(prefer_css_page_size=True)[:5] == b"%PDF-"


def test_the_page_asks_for_nothing_and_runs_nothing_else(page_file):
    text = page_file.read_text()
    assert "default-src 'none'" in text
    assert re.findall(r"https?://(?!www.w3.org/2000/svg)", re.sub(r"base64,[^\"]+", "", text)) == []
    assert text.count("</script>") == 2
    assert text.count("</style>") == 1


def test_colours_are_those_of_the_figures_of_runs():
    text = assemble_page("report.html.j2", title="t", lines=[], sheets=[], references=[])
    palette = re.search(r"PALETTE = \[(.*?)\]", text)[1]
    assert re.findall(r'"(.*?)"', palette) == [BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK]
    assert re.search(r'GREY = "(.*?)"', text)[1] == GREY


def test_packed_data_are_the_same_bytes_and_without_nan():
    value = {"a": [1, float("nan"), "</script>"]}
    assert pack(value) == pack(value)
    assert unpack(pack(value)) == {"a": [1, None, "</script>"]}


def test_numbers_of_a_table_are_short_and_undefined_ones_null():
    table = pd.DataFrame({"x": [1.23456789, np.inf], "n": [1, 2], "ok": [True, False], "t": ["a", None]})
    spec = table_spec(table, name="t", caption="T", first=["t", "absent"], rows=1)
    assert [one["name"] for one in spec["columns"]] == ["t", "x", "n", "ok"]
    assert spec["rows"] == [["a", 1.23457, 1, True]]
    assert spec["total"] == 2
    assert table_spec(table, name="t", caption="T")["rows"][1] == [None, 2, False, None]


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_cell_of_a_heat_map_is_read_anywhere_in_it(visit, viewport):
    page = visit(viewport=viewport).page
    figure = page.locator("figure", has=page.locator("rect[fill^=rgb]"))
    cells = figure.locator("rect[fill^=rgb]")
    assert cells.count() == 4
    assert cells.nth(0).get_attribute("fill") == "rgb(213,136,145)"  # half way to red
    assert cells.nth(1).get_attribute("fill") == "rgb(33,102,172)"
    cells.nth(1).scroll_into_view_if_needed()
    box = cells.nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 4)
    said = figure.locator(".chart-tip").inner_text()
    assert said.splitlines() == ["a, predicted", "d, measured", "rho: \u22121"]
