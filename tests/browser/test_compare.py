"""Comparing layers of one chip: the swipe and the difference of two models to the pixel, four maps, and no request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from picture import GROUND, Pixels, mosaic, seen, tiles_of
from running import Dashboard
from screen import Screen, ScreenMaker

from tiles.palette import LAYERS
from tiles.probability import level

OTHER = "backscatter:otsu"
# Of the panes only those of scores, on a ground of one colour; of what lies over the map, nothing.
SCORES_ALONE = """.leaflet-container {{ background: rgb{ground} !important; }}
.leaflet-map-pane > .leaflet-pane:not(.leaflet-scores-pane, .leaflet-left-scores-pane) {{ visibility: hidden !important; }}
.leaflet-control-container, .fs-map > :not(#map) {{ opacity: 0 !important; }}"""
CUT = "() => Math.round(floodscope.state.get().at * floodscope.leaflet.map.getSize().x)"
DRAWN = """(pane) => {
  const layers = [];
  floodscope.leaflet.map.eachLayer((layer) => { if (layer.options.pane === pane && layer.isLoading) layers.push(layer); });
  return layers.length > 0 && layers.every((layer) => !layer.isLoading());
}"""


def first_chip(page: Screen) -> str:
    found: str = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[0]")
    return found


def choose(page: Screen, side: str, name: str) -> None:
    page.page.locator(f"input#{side}").click()
    page.page.get_by_role("option", name=name, exact=True).click()


def compare(page: Screen, mode: str) -> None:
    page.page.locator("#compare label", has_text=mode).click()


def drawn(page: Screen, *panes: str) -> None:
    """Wait until the layers of the panes have all their tiles, canvases too."""
    for pane in panes:
        page.until(DRAWN, pane)
    page.frames(3)


@pytest.fixture
def swiped(simulated_dashboard: Dashboard, kept_screen: ScreenMaker) -> Screen:
    """A chip that is swiped, its scores opaque, with model B's prediction there."""
    page = kept_screen(simulated_dashboard).open(
        o=1, tab="models", mode="swipe", b=OTHER, left="other", right="difference", at=0.1
    )
    chip = first_chip(page)
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip, "imagery")
    page.until("([model, chip]) => floodscope.catalog.prediction(model, chip)", [OTHER, chip])
    drawn(page, "left-scores", "scores")
    return page


Masks = list[tuple[npt.NDArray[np.bool_], tuple[int, int, int]]]


def pictures(page: Screen) -> dict[str, Callable[[float], Masks]]:
    """Return what numpy makes of both models' score tiles: layer to the masks and colours at a threshold."""
    colour = LAYERS
    chip = page.query["chip"]
    revisions = page.page.evaluate(
        "([chip, other]) => ['backscatter', other].map((m) => floodscope.catalog.prediction(m, chip).revision)",
        [chip, OTHER],
    )
    # Image tiles say where tiles lie; scores of each model are asked for in their places.
    tiles = tiles_of(page, "imagery")
    image = tiles[0].url.split("/composite/")[1].split("/")[1]
    values = []
    for revision in revisions:
        urls = [tile.url.replace("/composite/", "/scores/").replace(image, revision) for tile in tiles]
        values.append(mosaic(page, [replace(tile, url=url) for tile, url in zip(tiles, urls, strict=True)]))
    (a, b), data = (v[..., 0] for v in values), values[0][..., 3] == 255
    water, known = values[0][..., 1] == 255, values[0][..., 2] == 255
    assert data.any()

    def difference(t: float) -> Masks:
        one, two = a >= level(t), b >= level(t)
        classes = {"wet": one & two, "onlyA": one & ~two, "onlyB": ~one & two, "dry": ~one & ~two}
        return [(data & mask, colour[name]) for name, mask in classes.items()]

    def errors(t: float) -> Masks:
        wet = a >= level(t)
        classes = {"hit": wet & water, "false": wet & known & ~water, "missed": ~wet & water}
        return [(data & mask, colour[name]) for name, mask in classes.items()]

    return {
        "False colour": lambda _: [],
        "Prediction": lambda t: [(data & (a >= level(t)), colour["water"])],
        "Model B": lambda t: [(data & (b >= level(t)), colour["water"])],
        "Truth": lambda _: [(data & water, colour["truth"])],
        "Errors": errors,
        "Difference": difference,
    }


def painting(shape: tuple[int, ...], masks: Masks) -> Pixels:
    out = np.empty((shape[0], shape[1], 3), dtype=np.uint8)
    out[:] = GROUND
    for mask, colour in masks:
        out[mask] = colour
    return out


def test_both_sides_of_the_swipe_are_pixel_exact_at_every_threshold(swiped: Screen) -> None:
    page = swiped
    page.whole_zoom(page.query["chip"])  # whoever has moved the map keeps the place, however the strip grows
    drawn(page, "left-scores", "scores")
    picture = pictures(page)
    page.style(SCORES_ALONE.format(ground=GROUND))
    for left, right, at in (
        ("Model B", "Difference", 0.37),
        ("Difference", "Errors", 0.62),
        ("Truth", "Prediction", 0.5),
    ):
        choose(page, "left", left)
        choose(page, "right", right)
        page.page.evaluate("at => floodscope.state.set({ at })", at)
        drawn(page, "left-scores", "scores")
        for threshold in (0.2, 0.85):
            page.set_threshold(threshold)
            shown, cut = seen(page), page.page.evaluate(CUT)
            for name, part in ((left, np.s_[:, :cut]), (right, np.s_[:, cut:])):
                expected = painting(shown.shape, picture[name](threshold))
                assert len(np.unique(expected[part].reshape(-1, 3), axis=0)) > 1, f"nothing of {name} is on its side"
                wrong = (shown[part] != expected[part]).any(axis=-1)
                assert wrong.sum() == 0, f"{name} at {threshold}: {wrong.sum()} pixels"


def test_the_legend_counts_what_the_difference_shows(
    swiped: Screen, simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    swiped.page.locator("#legend", has_text="both dry").wait_for()
    size = swiped.page.evaluate("() => floodscope.catalog.details.size")
    assert size
    swiped.until("() => /only B [\\d\u2009]+ px/.test(document.getElementById('legend').textContent)")
    counted = {}
    for threshold in (0.3, 0.6):
        swiped.set_threshold(threshold)
        text = swiped.page.locator("#legend").inner_text().replace("\u2009", "")
        for name in ("both wet", "only A", "only B", "both dry"):
            counted[threshold, name] = int(text.split(f"{name} ")[1].split(" px")[0])
    chip = swiped.query["chip"]
    both = [
        swiped.page.evaluate(
            "([m, chip, k]) => { const h = floodscope.catalog.prediction(m, chip).histogram; return h.water[k] + h.dry[k]; }",
            [model, chip, level(0.3)],
        )
        for model in ("backscatter", OTHER)
    ]
    # Every pixel of a simulated chip is labelled, so the histograms of both models count the same pixels.
    assert counted[0.3, "both wet"] + counted[0.3, "only A"] == both[0]
    assert counted[0.3, "both wet"] + counted[0.3, "only B"] == both[1]
    assert sum(n for (t, _), n in counted.items() if t == 0.3) == sum(n for (t, _), n in counted.items() if t == 0.6)


def test_mouse_finger_keys_threshold_and_opacity_ask_the_server_for_nothing(swiped: Screen) -> None:
    page = swiped
    handle = page.page.locator("#swipe-handle")
    box = handle.bounding_box()
    ground = page.page.locator("#map").bounding_box()
    assert box is not None
    assert ground is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3

    def at(share: float) -> None:
        page.until("share => Math.abs(floodscope.state.get().at - share) < 0.005", share)
        clip = page.page.evaluate("() => floodscope.leaflet.map.getPane('scores').style.clip")
        assert clip.startswith("rect(")
        assert handle.get_attribute("aria-valuenow") == str(
            round(100 * page.page.evaluate("floodscope.state.get().at"))
        )

    with page.no_request():
        page.page.mouse.move(x, y)
        page.page.mouse.down()
        for share in (0.45, 0.3, 0.25):
            page.page.mouse.move(ground["x"] + share * ground["width"], y, steps=4)
        page.page.mouse.up()
        at(0.25)
        touch = page.page.context.new_cdp_session(page.page)
        for kind, share in (("touchStart", 0.25), ("touchMove", 0.4), ("touchMove", 0.7), ("touchEnd", None)):
            points = [] if share is None else [{"x": ground["x"] + share * ground["width"], "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        at(0.7)
        handle.focus()
        for key, share in (
            ("ArrowLeft", 0.69),
            ("Shift+ArrowLeft", 0.59),
            ("End", 1.0),
            ("Home", 0.0),
            ("PageUp", 0.1),
        ):
            handle.press(key)
            at(share)
        for _ in range(6):
            handle.press("ArrowRight")
        at(0.16)
        page.set_slider("Threshold", 0.52)
        page.set_slider("Opacity", 0.97)
        page.until_query(at="0.16", t="0.52")


# Names of a swipe's sides that lie over a button, the scale or the key, or beyond the map, wherever the handle is.
NAMES = """() => {
  const box = (e) => e.getBoundingClientRect();
  const map = box(document.querySelector(".fs-map"));
  const found = { wrong: [], seen: 0 };
  for (const at of [0.03, 0.2, 0.5, 0.8, 0.97]) {
    floodscope.state.set({ at });
    for (const name of [...document.querySelectorAll(".fs-swipe-name")].filter((e) => e.checkVisibility())) {
      const { left, right, top, bottom } = box(name);
      found.seen += 1;
      if (left < map.left || right > map.right) found.wrong.push([at, name.textContent, "the edge"]);
      [...document.querySelectorAll(".fs-map :is(.leaflet-bar, .leaflet-control-scale, .fs-key, .fs-strip)")]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }))
        .filter((e) => box(e).left < right && box(e).right > left && box(e).top < bottom && box(e).bottom > top)
        .forEach((e) => found.wrong.push([at, name.textContent, e.className]));
    }
  }
  return found;
}"""


def test_a_link_restores_the_swipe(swiped: Screen, simulated_dashboard: Dashboard, screen: ScreenMaker) -> None:
    choose(swiped, "left", "Errors")
    swiped.page.evaluate("() => floodscope.state.set({ at: 0.314 })")
    swiped.until_query(left="errors", right="difference", at="0.314", b=OTHER, mode="swipe")
    again = screen(simulated_dashboard)
    again.page.goto(swiped.page.url)
    again.ready()
    again.painted(swiped.query["chip"], "imagery")
    drawn(again, "left-scores", "scores")
    assert again.page.locator("input#left").input_value() == "Errors"
    assert again.page.locator("input#right").input_value() == "Difference"
    assert again.page.locator("input#model-b").input_value() == "VH Otsu threshold"
    assert again.page.locator("#swipe-handle").get_attribute("aria-valuenow") == "31"
    again.until_query(left="errors", right="difference", at="0.314", b=OTHER, mode="swipe")
    for width, height in ((1280, 800), (390, 844), (844, 390)):
        again.page.set_viewport_size({"width": width, "height": height})
        again.until(
            "width => floodscope.leaflet.map.getSize().x === document.getElementById('map').clientWidth && innerWidth === width",
            width,
        )
        again.frames(3)
        found = again.page.evaluate(NAMES)
        assert found["wrong"] == [], (width, height)
        assert found["seen"] >= 3


def test_four_maps_show_their_layers_and_move_together(
    simulated_dashboard: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open(o=1, tab="models")
    chip = first_chip(page)
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip, "imagery")
    compare(page, "Four")
    page.until("() => floodscope.four.maps.length === 4")
    loaded = """() => [...document.querySelectorAll('#four-up .leaflet-tile')].every((t) => t.complete)
      && document.querySelectorAll('#four-up .leaflet-tile-loaded').length >= 7"""
    page.until(loaded)
    page.frames(3)
    colour = LAYERS
    expected = {"composite": [], "truth": ["truth"], "prediction": ["water"], "errors": ["hit", "missed"]}
    for layer, names in expected.items():
        cell = page.page.locator(f".fs-four-cell[data-layer={layer}] .fs-four-map")
        shown = _png(cell.screenshot())
        for name in ("truth", "water", "hit", "missed"):
            count = int((shown == colour[name]).all(axis=-1).sum())
            assert (count > 50) == (name in names), f"{name} in {layer}: {count} pixels"
    views = "() => floodscope.four.maps.map((m) => [m.getCenter().lat, m.getCenter().lng, m.getZoom()])"
    before = page.page.evaluate(views)
    box = page.page.locator(".fs-four-cell[data-layer=truth]").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 150, box["y"] + 150)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 90, box["y"] + 120, steps=4)
    page.page.mouse.up()
    page.page.locator(".fs-four-cell[data-layer=errors] .leaflet-container").focus()
    page.page.keyboard.press("+")
    page.until("z => floodscope.four.maps.every((m) => m.getZoom() === z)", round(before[0][2] + 1))
    after = page.page.evaluate(views)
    assert np.ptp(np.array(after), axis=0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert after[0][:2] != before[0][:2]
    page.until_query(mode="four", z=str(round(before[0][2] + 1) + 1))
    compare(page, "One")
    page.until("() => document.getElementById('four-up').hidden && floodscope.four.maps.length === 0")
    page.painted(chip, "imagery")


def _png(data: bytes) -> Pixels:
    from picture import rgba

    return rgba(data)[..., :3]
