"""Tables fit their panel and follow any move: nothing is cut, columns are chosen and go into a file, B predicts from the page."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from model.inference.missing import predict_missing
from model.predictors.select import open_predictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.simulate import simulate

# What is wider than its place, of tables, headers, labels and selects.
CUT = """() => {
  const there = (e) => e.checkVisibility() && e.offsetParent !== null && e.getBoundingClientRect().width > 0;
  const cut = (e) => e.scrollWidth > e.clientWidth + 1;
  const texts = [...document.querySelectorAll(
    ".ag-header-cell-text, .ag-cell-value, .fs-live, .fs-table :is(th, td), .fs-head :is(label, span), .fs-panel .fs-button")];
  const selects = [...document.querySelectorAll(".fs-panel select")].filter((select) => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(select).font;
    return there(select) && pen.measureText(select.selectedOptions[0].textContent).width > select.clientWidth - 16;
  });
  const grids = [...document.querySelectorAll(".ag-center-cols-viewport, .fs-scroll, .fs-tab, .fs-head")];
  return [...texts.filter(there).filter(cut), ...selects, ...grids.filter(there).filter(cut)]
    .map((e) => `${e.className || e.id}: ${e.textContent.slice(0, 40)} ${e.scrollWidth} > ${e.clientWidth}`);
}"""
COLUMNS = "table => floodscope.bridge.table(table).getAllDisplayedColumns().map((column) => column.getColId())"

# What is wrong on the page: a drawn row's cell that is not its row's figure now, or rows that are not in the order of their sort.
WRONG = """([table, fields]) => {
  const { chips, format, groups, state } = floodscope;
  const { model, other, level: k, by } = state.get();
  const truth = table === "regions-table"
    ? new Map(groups.rows(model, k, by).filter((r) => r.labelled).map((r) => [r.name, r]))
    : new Map(chips.rows({ model, other, k }).map((r) => [r.id, r]));
  const text = {
    iou: (r) => (r.iou !== null ? r.iou.toFixed(2) : table === "regions-table" ? format.NONE : r.state),
    f1: (r) => format.score(r.f1), precision: (r) => format.score(r.precision), recall: (r) => format.score(r.recall),
    missed: (r) => format.integer(r.missed), false: (r) => format.integer(r.false),
  };
  const wrong = [];
  const grid = floodscope.bridge.table(table);
  const cell = (id, column) =>
    document.querySelector(`#${table} .ag-row[row-id="${CSS.escape(id)}"] .ag-cell[col-id="${column}"]`);
  const drawn = [...truth].filter(([id]) => cell(id, "iou"));
  if (!drawn.length) wrong.push("no row is drawn");
  drawn.forEach(([id, row]) => {
    fields.forEach((field) => {
      const shown = cell(id, field).textContent.split(" ")[0];
      if (shown !== text[field](row).split(" ")[0]) wrong.push(`${id} ${field}: ${shown} for ${text[field](row)}`);
    });
    const bar = cell(id, "bar") && cell(id, "bar").querySelector("rect");
    const width = bar && row.iou !== null ? Number(bar.getAttribute("width")) : null;
    if (width !== null && Math.abs(width - 100 * row.iou) > 1e-9) wrong.push(`${id} bar: ${width} for ${row.iou}`);
  });
  const sort = grid.getColumnState().find((column) => column.sort);
  const values = [];
  grid.forEachNodeAfterFilterAndSort((node) => {
    const row = truth.get(node.id);
    if (!row) wrong.push(`${node.id} is not a row`);
    else if (!row.rank) values.push(row[sort.colId === "iou" ? "worst" : sort.colId]); // IoU goes by the rule of what is worst
  });
  const known = values.filter((value) => value !== null);
  const way = sort.sort === "desc" ? -1 : 1;
  if (known.some((value, i) => i && way * (value - known[i - 1]) < 0)) wrong.push(`not in order: ${sort.colId} ${known}`);
  const rows = [...document.querySelectorAll(`#${table} .ag-center-cols-container .ag-row`)];
  rows.sort((a, b) => a.getAttribute("row-index") - b.getAttribute("row-index"));
  const tops = rows.map((row) => row.getBoundingClientRect().top);
  if (tops.some((top, i) => i && top <= tops[i - 1])) wrong.push("the rows' places are not their order");
  return wrong;
}"""
FIELDS = {"regions-table": ["iou", "f1", "precision", "recall"], "chips-table": ["iou", "missed", "false"]}
MOVES = 16


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    chips = simulate(tmp_path_factory.mktemp("fitted") / "chips", chips=22, size=64)
    data = tmp_path_factory.mktemp("fitted-data")
    records = open_catalog([chips]).usable()
    with Store(data) as store:
        predict_missing(records, open_predictor("backscatter"), store)
        predict_missing(records[:3], open_predictor("backscatter:otsu"), store)
    with serving(data, chips) as served:
        yield served


def widths(page: Screen) -> Iterator[tuple[int, bool]]:
    for width, height in ((1280, 800), (1440, 900), (1920, 1080)):
        page.page.set_viewport_size({"width": width, "height": height})
        for wide in (False, True):
            page.page.evaluate("wide => floodscope.state.set({ wide })", wide)
            page.frames(4)
            yield width, wide


def test_nothing_is_cut_at_any_width_whatever_is_sorted_by(fitted: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(fitted).open(tab="regions", b="backscatter:otsu")
    page.page.locator("#regions-table .ag-row").first.wait_for()
    found, seen = {}, {}
    for width, wide in widths(page):
        found["regions", width, wide] = page.page.evaluate(CUT)
        seen[width, wide] = page.page.evaluate(COLUMNS, "regions-table")
    assert seen[1280, False][:3] == ["name", "scored", "iou"]
    assert len(seen[1280, False]) < len(seen[1440, True]) <= len(seen[1920, True])
    page.tab("Chips")
    page.page.locator("#chips-table .ag-row").first.wait_for()
    for width, wide in widths(page):
        sort = "apart" if wide else "missed"  # of the longest names
        page.page.evaluate("sort => floodscope.state.set({ sort })", sort)
        page.frames(3)
        found["chips", width, wide] = page.page.evaluate(CUT)
        assert sort in page.page.evaluate(COLUMNS, "chips-table")
    page.tab("Models")
    page.page.locator("#roster-table").wait_for()
    for width, wide in widths(page):
        found["models", width, wide] = page.page.evaluate(CUT)
    assert {where: cut for where, cut in found.items() if cut} == {}


def saved(page: Page, button: str, folder: Path) -> list[dict[str, str]]:
    with page.expect_download() as coming:
        page.locator(button).click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_chosen_by_hand_and_link_and_stand_in_the_file_as_they_are(
    fitted: Dashboard, kept_screen: ScreenMaker, tmp_path: Path
) -> None:
    page = kept_screen(fitted).open(tab="chips", ccols="id,iou,missed,country", sort="missed", t=0.4)
    page.page.locator("#chips-table .ag-row").first.wait_for()
    assert page.page.evaluate(COLUMNS, "chips-table") == ["id", "iou", "missed", "country"]
    page.page.locator("#chips-table-columns summary").click()
    page.page.locator("#chips-table-columns input[data-column=country]").press("Space")
    page.until_query(ccols="id,iou,missed")
    page.page.locator("#chips-table-columns summary").click()
    rows = saved(page.page, "#chips-table-csv", tmp_path)
    assert list(rows[0]) == ["Chip", "IoU", "seen by the model", "Missed px", "model", "threshold"]
    shown = page.page.evaluate(
        """() => {
          const out = [];
          floodscope.bridge.table("chips-table").forEachNodeAfterFilterAndSort(({ data }) => out.push([data.id, data.missed]));
          return out;
        }"""
    )
    assert [(row["Chip"], row["Missed px"]) for row in rows] == [(name, f"{missed:g}") for name, missed in shown]
    assert {(row["model"], row["threshold"]) for row in rows} == {("backscatter", "0.4")}
    page.page.locator("#chips-table-columns summary").click()
    page.page.locator("#chips-table-columns button").click()
    page.until("() => !new URLSearchParams(location.search).has('ccols')")
    assert page.page.evaluate(COLUMNS, "chips-table")[0] == "revision"


def test_all_models_stand_by_region_and_b_predicts_from_the_page(
    fitted: Dashboard, kept_screen: ScreenMaker, tmp_path: Path
) -> None:
    page = kept_screen(fitted).open(tab="models", b="backscatter:adaptive")
    heads = page.page.locator("#roster-table thead th")
    heads.nth(2).wait_for()
    assert heads.count() == 3
    page.page.locator("#predict-b", has_text="Predict the 22 chips with B").click()
    heads.nth(3).wait_for()
    page.page.locator("#difference-table").wait_for()
    page.until("() => floodscope.catalog.shelf('backscatter:adaptive').size === 22")
    rows = saved(page.page, "#roster-csv", tmp_path)
    all_chips = page.page.evaluate("() => floodscope.groups.total('backscatter', floodscope.state.get().level).iou")
    assert rows[0]["Country"] == "All chips"
    assert float(rows[0][f"{heads.nth(1).inner_text()} IoU"]) == pytest.approx(all_chips)
    differences = saved(page.page, "#difference-csv", tmp_path)
    assert {row["B"] for row in differences} == {"backscatter:adaptive"}
    assert differences[0]["chips"] == "22"


def move(page: Screen, table: str, rng: random.Random) -> str:
    """Do one of the things that change a table, and say which."""
    field = rng.choice(FIELDS[table])
    sort, low = rng.choice(["asc", "desc"]), rng.choice([0.0, 0.3])
    moves = {
        "threshold": lambda: page.set_threshold(rng.randint(1, 99) / 100),
        f"sort {field} {sort}": lambda: page.page.evaluate(
            "([table, colId, sort]) => floodscope.bridge.table(table)?.applyColumnState("
            "{ state: [{ colId, sort }], defaultState: { sort: null } })",
            [table, field, sort],
        ),
        f"filter {low}": lambda: page.page.evaluate("low => floodscope.filterbar.set({ iou: [low, 1] })", low),
        "by": lambda: page.page.evaluate(
            "by => floodscope.state.set({ by })", rng.choice(["country", "split", "water"])
        ),
        "theme": lambda: page.page.locator("#theme-toggle").click(),
    }
    # The threshold twice as often: what it writes is what this is about.
    what = rng.choice(["threshold", "threshold", *moves])
    if what == "by" and table != "regions-table":
        what = "threshold"
    moves[what]()
    return what


def test_cells_bars_and_order_follow_any_move(fitted: Dashboard, kept_screen: ScreenMaker) -> None:
    """Cells are written past the grid: they say what their row holds, in the row's place."""
    page = kept_screen(fitted).open(tab="regions", wide=1)
    for table in ("regions-table", "chips-table"):
        page.tab(table.removesuffix("-table").capitalize())
        page.page.locator(f"#{table} .ag-row").first.wait_for()
        rng = random.Random(4)
        done = []
        for _ in range(MOVES):
            done.append(move(page, table, rng))
            page.frames(4)
            try:  # Dash may still be on its way with a filter or another grouping
                page.until(f"asked => ({WRONG})(asked).length === 0", [table, FIELDS[table]])
            except PlaywrightError:
                wrong = page.page.evaluate(WRONG, [table, FIELDS[table]])
                pytest.fail(f"{table} after {done[-3:]}: {wrong[:5]}")
