"""The URL holds the state of the screen: a link restores it, and nonsense in a link does no harm."""

from __future__ import annotations

import pytest
from running import Dashboard
from screen import Screen, ScreenMaker


def checked(page: Screen, group: str) -> str | None:
    return page.page.locator(f"#{group} input:checked").get_attribute("value")


def test_a_link_restores_chip_view_layers_threshold_opacity_model_tab_and_theme(
    simulated_dashboard: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(simulated_dashboard).open()
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[2]")
    page.click_chip(chip)
    page.answered(chip)
    page.painted(chip)
    page.choose_model("VH Otsu threshold")
    page.answered(chip)
    page.switch("base", "VV")
    page.switch("overlay", "Errors")
    page.set_threshold(0.45)
    page.set_slider("Opacity", 0.77)
    theme = page.page.evaluate("document.documentElement.dataset.theme")
    other = {"dark": "light", "light": "dark"}[theme]
    page.page.locator("#theme-toggle").click()
    lat, lon = page.centre(chip)
    page.go(lat + 0.004, lon - 0.003, 14)
    page.tab("Models")
    page.until_query(
        chip=chip,
        z="14",
        model="backscatter:otsu",
        base="vv",
        overlay="errors",
        t="0.45",
        o="0.77",
        tab="models",
        theme=other,
    )
    link, figures = page.page.url, page.figures()

    again = screen(simulated_dashboard)
    again.page.goto(link)
    again.ready()
    again.answered(chip)
    again.painted(chip)
    assert again.page.evaluate("document.documentElement.dataset.theme") == other
    assert checked(again, "base") == "vv"
    assert checked(again, "overlay") == "errors"
    assert again.slider("Threshold").get_attribute("aria-valuenow") == "0.45"
    assert again.slider("Opacity").get_attribute("aria-valuenow") == "0.77"
    assert again.page.locator("input#model").input_value() == page.page.locator("input#model").input_value()
    assert again.page.get_by_role("tab", selected=True).inner_text() == "Models"
    place = again.page.evaluate("(() => { const c = floodscope.leaflet.map.getCenter(); return [c.lat, c.lng]; })()")
    assert place == pytest.approx([lat + 0.004, lon - 0.003], abs=2e-4)
    assert again.page.evaluate("floodscope.leaflet.map.getZoom()") == 14
    assert again.figures() == figures
    again.until_query(chip=chip, z="14", model="backscatter:otsu", base="vv", t="0.45", theme=other)


def test_an_unknown_chip_in_the_url_is_told_and_the_page_works(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard).open(chip="<img src=x onerror=alert(1)>", tab="chip")
    told = page.page.locator("#chip-panel .fs-notice-error")
    told.get_by_text("No chip <img src=x onerror=alert(1)> is in this catalog").wait_for()
    chip = page.page.evaluate("[...floodscope.catalog.chips.keys()].sort()[1]")
    page.choose_in_table(chip)
    page.answered(chip)
    page.painted(chip)


SENSELESS = [
    "t=NaN&o=-3&z=99&lat=x&lon=1e999&base=constructor&overlay=../..&tab=&theme=pink",
    "t=7&o=&z=3&lat=95&lon=0&model=/etc/passwd&chip=__proto__",
    "t=0x10&lat=10&lon=10&z=-1&model=&chip=&%00=%ff",
]


def are_the_defaults(page: Screen) -> None:
    page.until_query(model="backscatter", t="0.5", o="0.75", base="composite", overlay="prediction")
    # Without a chip the strip has the threshold alone.
    assert page.page.locator("#threshold [role=slider]").get_attribute("aria-valuenow") == "0.5"
    assert page.page.locator("#opacity [role=slider]").get_attribute("aria-valuenow") == "0.75"
    assert checked(page, "base") == "composite"
    assert checked(page, "overlay") == "prediction"
    assert page.page.evaluate("document.documentElement.dataset.theme") in {"dark", "light"}
    assert page.page.evaluate("floodscope.leaflet.map.getZoom()") == 2


def test_senseless_values_in_the_url_fall_back_to_the_defaults(
    simulated_dashboard: Dashboard, screen: ScreenMaker
) -> None:
    page = screen(simulated_dashboard)
    page.page.goto(f"{page.url}?{SENSELESS[0]}")
    page.ready()
    are_the_defaults(page)
    for query in SENSELESS[1:]:  # the server answers them, and the page is brought to them: to load it is the same
        assert page.page.request.get(f"{page.url}?{query}").status == 200
        page.come_to("?t=0.4&o=0.5&base=vv&overlay=errors&theme=light")
        page.until("() => floodscope.history.written?.base === 'vv'")
        page.until_query(t="0.4")
        page.come_to(f"?{query}")
        are_the_defaults(page)
