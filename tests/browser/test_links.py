"""A link restores everything: random states drawn from the table of the URL's fields, and the browser's Back and Forward."""

from __future__ import annotations

import os
from typing import Any

import pytest
from running import Dashboard
from screen import Screen, ScreenMaker

from dashboard.page.address import ADDRESS

STATES = 100
SHOWN = int(os.environ.get("FLOODSCOPE_SHOWN_LINKS", "10"))
"""How many of the states are restored in the page; all 100 take a minute."""
FRESH = int(os.environ.get("FLOODSCOPE_FRESH_LINKS", "1"))
"""How many are opened in a page of their own, too; 100 take some minutes."""

# A random state: the table draws what it can, the catalog and the models the rest. lowbias32 is the randomness.
DRAW = """(seed) => {
  let n = 1000 * seed;
  const random = () => floodscope.intervals.hash(n += 1) / 4294967296;
  const pick = (list) => list[Math.floor(random() * list.length)];
  const some = (list) => list.filter(() => random() < 0.3);
  const chips = [...floodscope.catalog.chips.values()];
  const names = (key) => [...new Set(chips.map((chip) => chip[key] || "Unknown"))].sort();
  const models = floodscope.workbench.settings.models.map((m) => m.spec);
  const state = Object.fromEntries(floodscope.view.FIELDS.map(({ name, draw }) => [name, draw ? draw(random) : null]));
  Object.assign(state, {
    chip: random() < 0.6 ? pick(chips).id : null, model: pick(models.slice(0, 2)), countries: some(names("country")),
    events: some(names("event")),
    splits: some(names("split")),
    layers: some(["file~100~over~a & b.geojson~~", "xyz~40~under-off~Ü~© A~https://a.example/{z}/{x}/{y}.png?k=~1"]),
  });
  // A picture of model B names it.
  const pictured = state.mode === "swipe" && [state.left, state.right].some((layer) => ["other", "difference"].includes(layer));
  state.other = pictured || random() < 0.5 ? pick(models.filter((m) => m !== state.model)) : null;
  // Pin and area belong to the open chip.
  const bounds = state.chip && chips.find((chip) => chip.id === state.chip).bounds;
  if (bounds) {
    const [west, south, east, north] = bounds;
    const spot = (x, y) => [west + x * (east - west), south + y * (north - south)].map((v) => Number(v.toFixed(6)));
    const [x, y] = [0.1 + 0.4 * random(), 0.1 + 0.4 * random()];
    if (random() < 0.5) state.pin = spot(x, y);
    if (random() < 0.5) state.area = [spot(x, y), spot(x + 0.4, y), spot(x + 0.3, y + 0.4), spot(x, y + 0.3)];
  }
  state.region = state.by !== "water" && random() < 0.5 ? pick(names(state.by)) : null;
  ["from", "to", "labelled", "predicted"].forEach((name) => { if (random() < 0.5) state[name] = null; });
  return { state, search: floodscope.view.format(state) };
}"""
# The state of the page's components, and whether it is the one that was asked for: the map's place to a pixel.
SAME = """({ state, search }) => {
  const now = floodscope.history.written;
  if (!now) return null;
  const leaflet = floodscope.leaflet.map;
  const other = floodscope.view.FIELDS.map(({ name }) => name).filter((name) => !["lat", "lon", "zoom"].includes(name))
    .filter((name) => JSON.stringify(now[name] ?? null) !== JSON.stringify(state[name] ?? null));
  const [a, b] = [leaflet.project([state.lat, state.lon], state.zoom), leaflet.project(leaflet.getCenter(), state.zoom)];
  if (leaflet.getZoom() !== state.zoom || a.distanceTo(b) > 2) other.push("place");
  return other;
}"""
# The map has gone elsewhere and rests, and the address says where: that is written last.
RESTED = """start => {
  const { leaflet: { map }, flights } = floodscope, query = new URLSearchParams(location.search);
  const written = map.project([Number(query.get("lat")), Number(query.get("lon"))], map.getZoom());
  return map.getZoom() !== start && !flights.flying() && Number(query.get("z")) === map.getZoom()
    && written.distanceTo(map.project(map.getCenter(), map.getZoom())) < 2;
}"""
SETTLED = f"(asked) => {{ const differs = ({SAME})(asked); return differs !== null && differs.length === 0; }}"


def draw(page: Screen, seed: int) -> dict[str, Any]:
    drawn: dict[str, Any] = page.page.evaluate(DRAW, seed)
    return drawn


def settled(page: Screen, asked: dict[str, Any]) -> None:
    try:
        page.page.wait_for_function(SETTLED, arg=asked)
    except Exception:
        pytest.fail(f"{asked['search']} restores all but {page.page.evaluate(SAME, asked)}")


def test_the_tables_of_python_and_of_the_browser_name_the_same_components(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    places = page.page.evaluate("[...new Set(floodscope.view.FIELDS.map(({ at }) => at).filter(Boolean))]")
    assert sorted(places) == sorted(".".join(place) for place in ADDRESS)


def test_every_random_state_survives_the_way_into_the_url_and_back(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    for seed in range(STATES):
        drawn = draw(page, seed)
        parsed = page.page.evaluate("search => floodscope.view.parse(search)", drawn["search"])
        defaults = page.page.evaluate("view => floodscope.view.complete(view, floodscope.workbench.settings)", parsed)
        assert {k: v for k, v in defaults.items() if v != drawn["state"].get(k)} == {}, drawn["search"]


def test_every_random_state_is_restored_in_all_components(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    page.until("() => floodscope.history.written !== null")
    for seed in range(SHOWN):
        drawn = draw(page, seed)
        page.page.evaluate(
            "search => { history.pushState(history.state, '', search); dispatchEvent(new PopStateEvent('popstate')); }",
            drawn["search"],
        )
        settled(page, drawn)


def test_links_opened_in_pages_of_their_own_restore_the_state(
    simulated_dashboard: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    for seed in range(STATES, STATES + FRESH):
        drawn = draw(page, seed)
        fresh = screen(simulated_dashboard)
        fresh.page.goto(f"{fresh.url}{drawn['search']}")
        fresh.ready()
        settled(fresh, drawn)
        state = drawn["state"]
        assert fresh.page.evaluate("document.documentElement.dataset.theme") == state["theme"]
        assert fresh.page.get_by_role("tab", selected=True).inner_text().lower() == state["tab"]
        fresh.page.close()


@pytest.mark.parametrize("pause", ["Promise.resolve()", "new Promise((then) => setTimeout(then))"])
def test_there_and_back_in_one_moment_ends_where_it_began(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker, pause: str
) -> None:
    page = kept_screen(simulated_dashboard).open()
    page.until("() => floodscope.history.written !== null")
    here, there = (
        f"?mode=swipe&left={left}&right={right}&model={model}"
        for left, right, model in (("vv", "truth", "backscatter"), ("vh", "errors", "backscatter:otsu"))
    )
    page.page.evaluate(
        f"""async ([here, there]) => {{
          const go = (search) => {{
            history.pushState(history.state, "", search);
            dispatchEvent(new PopStateEvent("popstate"));
          }};
          go(here);
          await new Promise((then) => setTimeout(then, 700));
          go(there);
          await {pause};
          go(here);
        }}""",
        [here, there],
    )
    page.page.wait_for_timeout(1000)
    page.until(
        "() => { const { left, right, model } = floodscope.history.written;"
        " return [left, right, model].join() === 'vv,truth,backscatter'; }"
    )


def test_back_and_forward_bring_a_region_a_chip_and_the_place_of_the_map_back(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(tab="regions")
    rows = page.page.locator("#regions-table .ag-row")
    rows.first.wait_for()
    start = page.page.evaluate("floodscope.leaflet.map.getZoom()")
    region = rows.first.get_attribute("row-id")
    rows.first.locator("[col-id=name]").click()
    page.page.locator("#region-tag").wait_for()
    page.until(RESTED, start)
    near = page.page.evaluate("floodscope.leaflet.map.getZoom()")
    chip = page.page.locator("#chips-table .ag-row").first.get_attribute("row-id")
    assert chip is not None
    page.page.locator(f"#chips-table .ag-row[row-id='{chip}'] [col-id=id]").click()
    page.answered(chip)
    page.until_query(chip=chip, tab="chip", region=str(region))

    page.page.go_back()
    page.page.locator("#chips-table .ag-row").first.wait_for()
    page.until("() => floodscope.history.written.chip === null && floodscope.history.written.tab === 'chips'")
    page.until("zoom => floodscope.leaflet.map.getZoom() === zoom", near)
    assert page.query["region"] == region
    page.page.go_back()
    page.until("() => floodscope.history.written.region === null && floodscope.history.written.tab === 'regions'")
    page.until("zoom => floodscope.leaflet.map.getZoom() === zoom", start)
    page.page.go_forward()
    page.page.go_forward()
    page.answered(chip)
    page.until("chip => floodscope.history.written.chip === chip && floodscope.history.written.tab === 'chip'", chip)


def test_what_follows_a_click_late_is_part_of_its_step(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    """On a busy machine the tab follows the choice of a chip by seconds: Back undoes both at once."""
    page = kept_screen(simulated_dashboard).open(tab="chips")
    page.page.locator("#chips-table .ag-row").first.locator("[col-id=id]").click()
    page.until_query(tab="chip")
    steps = page.page.evaluate("history.length")
    page.page.wait_for_timeout(700)
    page.page.evaluate("window.dash_clientside.set_props('tab', { value: 'regions' })")
    page.until_query(tab="regions")
    assert page.page.evaluate("history.length") == steps
    page.page.get_by_role("tab", name="Models", exact=True).click()
    page.until_query(tab="models")
    assert page.page.evaluate("history.length") == steps + 1


def test_two_clicks_at_once_are_two_steps_and_a_run_of_one_key_is_one(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    """How quick a hand or a machine is does not decide what Back undoes: each click is a step of its own."""
    page = kept_screen(simulated_dashboard).open(tab="regions")
    tabs = [page.page.get_by_role("tab", name=name, exact=True) for name in ("Models", "Chips")]
    steps = page.page.evaluate("history.length")
    for tab, name in zip(tabs, ("models", "chips"), strict=True):
        tab.click()
        page.until_query(tab=name)
    assert page.page.evaluate("history.length") == steps + 2
    page.page.go_back()
    page.until_query(tab="models")
    page.until("() => floodscope.history.written.tab === 'models'")
    page.page.locator("#map").focus()
    page.page.evaluate(
        """() => {
          const press = () => new KeyboardEvent("keydown", { key: "j", bubbles: true });
          for (let i = 0; i < 4; i += 1) document.activeElement.dispatchEvent(press());
        }"""
    )
    page.until("() => floodscope.history.written.chip !== null")
    assert page.page.evaluate("history.length") == steps + 2  # one for the run, in place of what lay ahead
