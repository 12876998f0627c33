"""The atlas page as a reader uses it: search, address, figures, tables, both widths, no network."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from browser import NARROW, WIDE, Visit
from planted import planted_dataset, planted_features, planted_targets, quick_bundle

from decode.registry.defaults import NAMES
from decode.registry.open import load_features, load_pretrained
from decode.registry.store import find_entry
from decode.regulators.atlas import look_up_gene
from decode.regulators.atlas_data import gather_atlas
from decode.report.atlas_page import AtlasSource, atlas_page
from decode.report.page.arrays import pack_array, unpack_array

HOSTILE = "</script><script>window.harmed = 1</script>"
N = 150


@pytest.fixture(scope="module")
def data():
    dataset = planted_dataset(N)
    found = gather_atlas(quick_bundle(dataset), dataset.features, targets=planted_targets(planted_features(N)))
    genes = found.genes
    genes.loc[5, "gene_name"] = HOSTILE
    others = {6: ["OLD6", "shared"], 7: ["shared"]}
    genes["other_names"] = [others.get(row, []) for row in range(N)]
    genes.loc[[8, 9], "gene_name"] = "twin"
    return found


@pytest.fixture(scope="module")
def page_file(data, tmp_path_factory):
    source = AtlasSource(
        model="toy", features="toy features", measured="targets.tsv", measured_source=f"a toy {HOSTILE}, free",
        entry=find_entry(NAMES["model"]).entry,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("atlas") / "atlas.html"
    path.write_text(atlas_page(data, source))
    return path


def show(page, **words: str) -> None:
    page.evaluate("words => { location.hash = new URLSearchParams(words) }", words)
    page.wait_for_timeout(100)


def heading(page) -> str:
    return page.locator("h2#shown").inner_text()


def saved_table(one: Visit, caption: str) -> pd.DataFrame:
    """What a reader saves, once its fold is open."""
    one.page.evaluate("document.querySelectorAll('#view details').forEach((fold) => { fold.open = true; })")
    _, content = one.saved(f"button[aria-label='Save {caption} as TSV']")
    lines = [line.split("\t") for line in content.decode().rstrip("\n").split("\n")]
    return pd.DataFrame(lines[1:], columns=lines[0])


def numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column.replace("", None)).to_numpy(dtype=float)


def test_search_by_keyboard_and_mouse(visit, data):
    page = visit().page
    assert heading(page) == "All tissues together"
    field = page.get_by_label("Gene", exact=True)
    field.press_sequentially("name1")
    options = page.locator("#gene-list li")
    assert options.count() == 12
    assert options.first.inner_text().startswith("name1")
    field.press("ArrowDown")
    field.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    name = page.locator(f"#{active}").evaluate("node => node.firstChild.textContent")
    field.press("Enter")
    assert heading(page).startswith(name)
    assert page.url.endswith(f"#gene={name}")
    assert page.get_by_role("listbox").is_hidden()
    field.fill("g0003")
    field.press("Enter")
    assert heading(page) == "name3 G0003"
    field.fill("old6")
    page.locator("#gene-list li").first.click()
    assert heading(page) == "name6 G0006"
    page.go_back()
    assert heading(page) == "name3 G0003"


def test_names_of_several_genes_and_of_none(visit):
    page = visit().page
    message = page.locator("#message")
    show(page, gene="twin")
    assert message.inner_text().startswith("twin stands for several genes")
    assert message.locator("button").all_inner_texts() == ["twin G0008", "twin G0009"]
    message.locator("button").last.click()
    assert heading(page) == "twin G0009"
    assert page.url.endswith("#gene=G0009")
    show(page, gene="shared")
    assert "several genes" in message.inner_text()
    show(page, gene="old6")
    assert message.inner_text() == "old6 is another name of name6."
    show(page, gene="nothing")
    assert message.inner_text().startswith("No gene nothing is in this atlas of 150 genes")
    show(page, task="kidney")
    assert message.inner_text() == "No task kidney is in this atlas."


def test_levels_and_regulators_are_those_of_the_model(visit, data):
    one = visit()
    row = int(np.flatnonzero((data.genes["split"] == "test") & (data.genes["n_regulators"] > 3))[0])
    name, task = data.genes["gene_name"][row], "brain"
    at = data.tasks["task"].tolist().index(task)
    show(one.page, gene=name, task=task)
    assert "never saw" in one.page.locator("#view").inner_text()
    levels = saved_table(one, f"Levels of {name}").set_index("task")
    for place, own in enumerate(data.tasks["task"]):
        if own == "median_level":
            continue
        assert float(levels["predicted"][own]) == pytest.approx(data.predicted[row, place], abs=0.0051)
        assert float(levels["measured"][own]) == pytest.approx(data.measured[row, place], abs=0.0051)
        assert float(levels["predicted_level"][own]) == pytest.approx(data.predicted[row, [0, place]].sum(), abs=0.011)
    table = saved_table(one, f"Regulators of {name}").set_index("regulator")
    kept = [code for code in data.top[row] if code >= 0]
    assert set(table.index) == set(data.regulators.index[kept])
    for slot, code in enumerate(kept):
        found = table.loc[data.regulators.index[code]]
        assert float(found["effect"]) == pytest.approx(data.effect[row, slot, at], abs=0.0051)
        assert float(found["liver"]) == pytest.approx(
            data.effect[row, slot, data.tasks["task"].tolist().index("liver")], abs=0.0051
        )
        assert float(found["sd"]) == pytest.approx(data.sd[row, slot], abs=0.00051)
        assert found["largest_in"] == data.tasks["task"][data.strongest[row, slot]]
    caption = one.page.locator("figcaption", has_text="Without any sites").inner_text().replace("\u2212", "-")
    assert f"predicts {data.without_sites[row, at]:.2f};" in caption
    assert f"{data.predicted[row, at]:.2f} log2 units" in caption
    places = saved_table(one, f"Places of {name}")
    own = data.places[(data.places["gene"] == row) & (data.places["effect"].abs() >= 0.005)]
    assert len(places) == len(own)
    np.testing.assert_allclose(np.sort(numbers(places["effect"])), np.sort(own["effect"]), atol=0.0051)
    assert sorted(numbers(places["bases"])) == sorted(own["bases"])


def test_places_on_the_genome(visit, data):
    """Of a gene on the minus strand the window runs downwards; TSS + 1 is the first base of the RNA, counted from 1."""
    one = visit()
    row = next(
        row for row in range(11, N, 2) if (data.places["gene"] == row).any() and data.genes["strand"][row] == "-"
    )
    show(one.page, gene=data.genes["gene_id"][row])
    places = saved_table(one, f"Places of {data.genes['gene_name'][row]}")
    promoter = places[places["region"] == "promoter"]
    assert len(promoter)
    for place in promoter.itertuples():
        tss = data.genes["tss"][row] + 1
        assert place.genomic == f"{data.genes['chrom'][row]}:{tss - int(place.last_bp)}-{tss - int(place.first_bp)}"
    assert (places[places["region"] == "rna"]["genomic"] == "").all()


def test_a_training_gene_is_marked(visit, data):
    page = visit().page
    row = int(np.flatnonzero(data.genes["split"] == "train")[0])
    show(page, gene=data.genes["gene_id"][row])
    assert page.locator(".split").inner_text() == "training gene"
    assert "not out of sample" in page.locator("dl.numbers").inner_text()


def test_levels_instead_of_changes(visit, data):
    page = visit().page
    show(page, gene="name3")
    page.get_by_role("button", name="level", exact=True).click()
    assert page.locator(".figure-head").first.inner_text() == "Measured and predicted level of name3"
    tip = page.locator(".chart-stage .chart-tip").first
    page.locator(".chart-stage").first.focus()
    page.keyboard.press("Home")
    largest = data.measured[3, 1:].argmax() + 1
    assert tip.inner_text().splitlines()[0] == data.tasks["task"][largest]


def test_a_task_has_its_ranking_and_what_the_features_lack(visit, data):
    one = visit()
    show(one.page, task="liver")
    assert heading(one.page) == "liver"
    lack = one.page.locator("#lacking").inner_text()
    assert "HNF4A" in lack
    assert "FOXA2" in lack
    table = saved_table(one, "Regulators: liver")
    wanted = data.ranking[data.ranking["task"] == "liver"]
    assert table["regulator"].tolist() == wanted["regulator"].tolist()
    np.testing.assert_allclose(numbers(table["mean"]), wanted["mean"], rtol=1e-4)
    np.testing.assert_allclose(numbers(table["sd_members"]), wanted["sd_members"], rtol=1e-4)
    for name in ("rank", "rank_low", "rank_high"):
        assert numbers(table[name]).tolist() == wanted[name].tolist()
    genes = saved_table(one, "Genes in liver")
    assert len(genes) == N
    order = np.argsort(-data.predicted[:, data.tasks["task"].tolist().index("liver")])
    assert genes["gene_id"][0] == data.genes["gene_id"][order[0]]
    one.page.locator("#genes tbody tr").first.press("Enter")
    assert heading(one.page).endswith(data.genes["gene_id"][order[0]])
    one.page.get_by_role("button", name="Regulators of this task").click()
    assert heading(one.page) == "liver"
    one.page.locator("#ranking tbody tr").first.click()
    first = wanted.iloc[0]
    assert one.page.locator("#one-regulator h3").inner_text() == f"{first['kind']}:{first['regulator']}"


def test_hovering(visit, data):
    page = visit().page
    show(page, gene="name3")
    cell = page.locator("svg[aria-label^='Effects of'][role=img] rect[stroke='#e4e4e4']").first
    cell.scroll_into_view_if_needed()
    cell.hover()
    stage = page.locator(".chart-stage", has=cell)
    lines = stage.locator("> .chart-tip").inner_text().splitlines()
    assert lines[0] in data.regulators.index
    assert lines[1] in data.tasks["task"].tolist()
    assert lines[2].endswith("log2 units")


def test_strangers_names_are_text(visit):
    page = visit().page
    show(page, gene="G0005")
    assert heading(page) == f"{HOSTILE} G0005"
    assert page.evaluate("window.harmed") is None
    assert HOSTILE in page.locator("#about").inner_text()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_it_is_readable_and_accessible(visit, viewport):
    one = visit(viewport=viewport)
    for words in ({"gene": "name3", "task": "liver"}, {"task": "liver", "regulator": "TF:AAA"}, {}):
        show(one.page, **words)
        one.page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        assert one.width_beyond() <= 0
        assert one.axe() == []


def test_on_paper(visit):
    page = visit().page
    show(page, gene="name3")
    page.emulate_media(media="print")
    assert page.get_by_label("Gene", exact=True).is_hidden()
    assert page.locator("svg[role=img]").count() >= 4
    assert page.pdf()[:5] == b"%PDF-"


def test_a_browser_that_cannot_unpack_says_so(browser, page_file):
    context = browser.new_context(offline=True)
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    page.wait_for_selector("html[data-ready=no]", state="attached")
    assert "DecompressionStream" in page.locator("#view").inner_text()
    context.close()


def test_arrays_come_back(browser, page_file):
    rng = np.random.default_rng(0)
    values = rng.normal(scale=40, size=(30, 7))
    values[3, 2] = np.nan
    values[5, 5] = -327.0
    for differences in (False, True):
        packed = pack_array(values, finest=0.01, differences=differences)
        assert packed.step == 0.01
        np.testing.assert_allclose(unpack_array(packed), values, atol=0.00501)
        page = browser.new_page()
        page.goto(page_file.resolve().as_uri())
        found = page.evaluate(
            """async ([text, header]) => {
              const place = decodePage.element("script", { type: "application/octet-stream", id: "array-test" }, text);
              document.body.append(place);
              const array = await decodePage.array("array-test", header);
              return Array.from(array.whole, (_, i) => array.at(i));
            }""",
            [packed.text, packed.header],
        )
        wanted = [None if np.isnan(value) else value for value in unpack_array(packed).ravel().tolist()]
        assert found == wanted
        page.close()
    assert pack_array([1e6], finest=0.01).step == 100
    assert json.dumps(pack_array([1.0], finest=0.1).header)


@pytest.mark.slow
def test_the_shipped_model_fits_a_page(browser, tmp_path):
    """All genes, and numbers of three of them against those of a single look; measured values of random numbers."""
    bundle, features = load_pretrained(NAMES["model"]), load_features(NAMES["features"])
    trained = [gene for gene, split in bundle.split_map.items() if split != "none"]
    rng = np.random.default_rng(0)
    targets = pd.DataFrame(rng.normal(scale=1.5, size=(len(trained), len(bundle.tasks))), columns=bundle.tasks)
    targets.insert(0, "gene_id", trained)
    data = gather_atlas(bundle, features, work=tmp_path, targets=targets)
    path = tmp_path / "atlas.html"
    path.write_text(atlas_page(data, AtlasSource(NAMES["model"], NAMES["features"], measured="random numbers")))
    assert path.stat().st_size <= 15_000_000
    one = Visit(browser, path)
    for name, task in (("LAPTM5", "spleen"), ("ALB", "liver"), ("SPI1", "testis")):
        view = look_up_gene(bundle, features, name, task=task, n_top=3)
        show(one.page, gene=name, task=task)
        table = saved_table(one, f"Regulators of {name}").set_index("regulator")
        for row in view.regulators.itertuples():
            assert float(table["effect"][row.regulator]) == pytest.approx(row.effect, abs=0.0051)
        levels = saved_table(one, f"Levels of {name}").set_index("task")["predicted"].astype(float)
        wanted = view.tasks.set_index("task")["predicted"].reindex(levels.index)
        np.testing.assert_allclose(levels, wanted, atol=0.0051)
    assert one.complaints == []
    one.close()
