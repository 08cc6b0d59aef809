"""Draw the screenshots of README and docs anew, of simulated chips: docs/images/*.png, two minutes.

Run `.venv/bin/python tests/benchmarks/screenshots.py [NAME...]` after a change of the page, and look at what it draws.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve()
# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(HERE.parent.parent / "browser")

from playwright.sync_api import Browser, sync_playwright  # noqa: E402
from running import ARGUMENTS, PATIENCE_MS, browser_path, serving  # noqa: E402
from screen import Screen  # noqa: E402

IMAGES = HERE.parents[2] / "docs" / "images"
FIRST, SECOND = "backscatter", "backscatter:otsu"
CHIP = "Bolivia_sim0000"
WORLD = {"z": 2, "lat": 18, "lon": 10}


def rest(page: Screen, milliseconds: int = 1500) -> None:
    """Wait until tiles and thumbnails are there."""
    page.quiet()
    page.page.wait_for_timeout(milliseconds)


def at(page: Screen, x: float, y: float) -> list[float]:
    """Return longitude and latitude of a place in the chip, from its top left corner."""
    west, south, east, north = page.page.evaluate("id => floodscope.catalog.chips.get(id).bounds", CHIP)
    return [west + x * (east - west), north - y * (north - south)]


def opened(page: Screen, **state: object) -> None:
    page.open(chip=CHIP, **state)
    page.answered(CHIP)
    rest(page)


def dashboard(page: Screen) -> None:
    opened(page, overlay="errors", theme="dark")


def regions(page: Screen) -> None:
    page.open(tab="regions", theme="dark", **WORLD)
    rest(page)


def review_regions(page: Screen) -> None:
    page.open(tab="regions", theme="light", wide=1, **WORLD)
    rest(page)


def review_pictures(page: Screen) -> None:
    page.open(tab="chips", theme="light", region="Somalia", list="grid", overlay="errors", model=FIRST)
    page.page.evaluate("() => floodscope.workbench.chooseRegion('Somalia', true)")
    page.page.evaluate("() => floodscope.state.set({ list: 'grid' })")
    rest(page, 3000)


def review_explore(page: Screen) -> None:
    page.open(tab="chips", theme="dark", list="explore", wide=1, **WORLD)
    page.page.locator(".fs-histogram, #explore svg").first.wait_for(timeout=120_000)
    rest(page, 6000)
    page.page.locator("#explore svg").first.scroll_into_view_if_needed()
    rest(page)


def review_models(page: Screen) -> None:
    page.open(tab="models", theme="dark", b=SECOND, wide=1, **WORLD)
    rest(page, 5000)


def review_swipe(page: Screen) -> None:
    opened(page, theme="dark", mode="swipe", b=SECOND, left="errors", right="difference", at=0.55)
    page.page.evaluate("place => floodscope.pixel.pin(place)", at(page, 0.42, 0.64))
    corners = [(0.5, 0.45), (0.72, 0.45), (0.72, 0.75), (0.5, 0.75)]
    page.page.evaluate("ring => floodscope.drawing.use(ring)", [at(page, *corner) for corner in corners])
    page.page.locator("#backscatter summary").click()
    page.page.locator("#backscatter").scroll_into_view_if_needed()
    rest(page)
    page.page.evaluate("() => document.getElementById('backscatter').scrollIntoView()")
    rest(page)


def review_four(page: Screen) -> None:
    opened(page, theme="dark", mode="four")


def takeaway(page: Screen) -> None:
    opened(page, theme="dark", overlay="errors")
    page.page.locator("#take-away").click()
    page.page.locator("#takeaway-dialog").wait_for()
    rest(page)


def transforms(page: Screen) -> None:
    opened(page, theme="dark", overlay="errors")
    page.page.locator("#transforms summary").click()
    page.page.locator(".fs-transform-figures").nth(15).wait_for(timeout=120_000)
    page.page.evaluate("() => document.getElementById('transforms').scrollIntoView()")
    rest(page, 3000)


def uploads(page: Screen) -> None:
    from tiles.simulate import simulate

    with tempfile.TemporaryDirectory() as folder:
        chips = simulate(Path(folder) / "chips", chips=1, seed=99)
        (image,), (label,) = chips.rglob("*_S1Hand.tif"), chips.rglob("*_LabelHand.tif")
        river = Path(folder) / "my_river_20241029T061500.tif"
        truth = river.with_name("my_river_20241029T061500_label.tif")
        image.rename(river)
        label.rename(truth)
        broken = Path(folder) / "other_vv.tif"
        broken.write_bytes(river.read_bytes()[:2000])
        page.open(theme="dark")
        page.page.locator("#add-images").click()
        page.page.locator("#uploads-files").set_input_files([str(path) for path in (river, truth, broken)])
        page.page.locator("#uploads-dialog [role=alert]").wait_for()
        rest(page, 3000)
    # The image opens behind the dialog, which shows again what was said.
    if not page.page.locator("#uploads-dialog").is_visible():
        page.page.locator("#add-images").click()
        rest(page)


DRAWN: dict[str, tuple[Callable[[Screen], None], tuple[int, int]]] = {
    "dashboard": (dashboard, (1440, 900)),
    "regions": (regions, (1280, 800)),
    "review-regions": (review_regions, (1280, 800)),
    "review-pictures": (review_pictures, (1280, 800)),
    "review-explore": (review_explore, (1280, 800)),
    "review-models": (review_models, (1280, 800)),
    "review-swipe": (review_swipe, (1280, 860)),
    "review-four": (review_four, (1280, 860)),
    "takeaway": (takeaway, (1280, 800)),
    "transforms": (transforms, (1280, 800)),
    "uploads": (uploads, (1280, 800)),
}


def draw(browser: Browser, url: str, name: str) -> None:
    """Write one picture."""
    then, (width, height) = DRAWN[name]
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = Screen(context.new_page(), url)
    then(page)
    page.page.mouse.move(width // 2, 10)  # over nothing that answers
    page.page.screenshot(path=IMAGES / f"{name}.png")
    context.close()
    print(f"{IMAGES / f'{name}.png'}", flush=True)


def main() -> None:
    """Draw what was asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*DRAWN, []], help="which; all of them by default")
    names = parser.parse_args().names or list(DRAWN)
    from model.inference.missing import predict_missing
    from model.predictors.select import open_predictor
    from model.store.store import Store
    from tiles.catalog.catalog import open_catalog
    from tiles.simulate import simulate

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        chips = simulate(Path(folder) / "sim", chips=66)
        data = Path(folder) / "data"
        with Store(data) as store:
            for spec in (FIRST, SECOND):
                predict_missing(open_catalog([chips]).usable(), open_predictor(spec), store)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        # The first with the shipped model, before an image is added.
        for model, some in (
            (None, [n for n in names if n == "dashboard"]),
            (FIRST, [n for n in names if n != "dashboard"]),
        ):
            if some:
                with serving(data, chips, model=model) as dashboard_served:
                    for name in some:
                        draw(browser, dashboard_served.url, name)
        browser.close()


if __name__ == "__main__":
    main()
