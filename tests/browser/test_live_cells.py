"""Cells that are written past the grid: after any move they say what their row holds, in the row's place."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from running import Dashboard, serving
from screen import Screen, ScreenMaker

from model.inference.missing import predict_missing
from model.predictors.select import open_predictor
from model.store.store import Store
from tiles.catalog.catalog import open_catalog
from tiles.simulate import simulate

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
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    chips = simulate(tmp_path_factory.mktemp("live") / "chips", chips=22, size=64)
    data = tmp_path_factory.mktemp("live-data")
    with Store(data) as store:
        predict_missing(open_catalog([chips]).usable(), open_predictor("backscatter"), store)
    with serving(data, chips) as served:
        yield served


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


@pytest.mark.parametrize("table", sorted(FIELDS))
def test_cells_bars_and_order_follow_any_move(dashboard: Dashboard, screen: ScreenMaker, table: str) -> None:
    page = screen(dashboard).open(tab=table.removesuffix("-table"), wide=1)
    page.page.locator(f"#{table} .ag-row").first.wait_for()
    rng = random.Random(4)
    done = []
    for _ in range(MOVES):
        done.append(move(page, table, rng))
        page.frames(4)
        wrong = page.page.evaluate(WRONG, [table, FIELDS[table]])
        if wrong:  # Dash may still be on its way with a filter or another grouping
            page.page.wait_for_timeout(600)
            wrong = page.page.evaluate(WRONG, [table, FIELDS[table]])
        assert wrong == [], f"after {done[-3:]}: {wrong[:5]}"
