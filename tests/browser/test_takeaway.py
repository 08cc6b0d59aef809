"""Images of one's own come in, files go out, the open chip is changed: by mouse and keyboard, on wide screens and phones."""

from __future__ import annotations

import csv
import http.client
import io
import re
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
from axe import violations
from playwright.sync_api import expect
from running import serving
from screen import Screen, ScreenMaker

from tests.waiting import PATIENCE_S
from tiles.simulate import simulate

if TYPE_CHECKING:
    from running import Dashboard

SIZES = {"wide": (1280, 800), "phone": (390, 844)}
everywhere = pytest.mark.parametrize(("theme", "size"), [("dark", "wide"), ("light", "phone")])
FILLED = "() => document.querySelectorAll('.fs-transform-scores').length === 16"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard of three small simulated chips, into which images may be sent."""
    folder = tmp_path_factory.mktemp("takeaway")
    with serving(folder / "data", simulate(folder / "chips", chips=3, size=96)) as dashboard:
        yield dashboard


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A simulated chip of another seed, as its two-band image and its label, by a name that the catalog has not."""
    folder = simulate(tmp_path_factory.mktemp("own") / "chips", chips=1, size=96, seed=99)
    (image,), (label,) = folder.rglob("*_S1Hand.tif"), folder.rglob("*_LabelHand.tif")
    return [image.rename(folder / "my_river.tif"), label.rename(folder / "my_river_label.tif")]


def first_chip(page: Screen) -> str:
    return str(page.page.evaluate("() => floodscope.catalog.chips.keys().next().value"))


def open_first(page: Screen) -> str:
    chip = first_chip(page)
    page.choose_in_table(chip)
    page.answered(chip)
    return chip


def test_an_image_is_sent_by_keyboard_shown_scored_and_removed(
    small: Dashboard, kept_screen: ScreenMaker, own: list[Path]
) -> None:
    page = kept_screen(small).open()
    page.page.locator("#add-images").focus()
    page.page.keyboard.press("Enter")
    page.page.locator("#uploads-dialog").wait_for()
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.id") == "uploads-files"
    page.page.locator("#uploads-files").set_input_files([str(path) for path in own])
    page.until("() => floodscope.catalog.chips.size === 4")
    chip = page.page.evaluate("() => [...floodscope.catalog.chips.values()].find(c => c.layout === 'upload').id")
    page.answered(chip)
    page.painted(chip)
    assert page.figures()["IoU"][0] != "–"
    page.page.locator("#add-images").click()
    page.page.get_by_role("button", name=f"Remove {chip}", exact=True).click()
    again = page.page.get_by_role("button", name=f"Remove {chip} and its predictions for good")  # asked once more
    expect(again).to_be_focused()
    with page.page.expect_response(lambda response: response.url.endswith("/uploads")):
        page.page.evaluate("() => document.getElementById('add-images').click()")  # the list is asked for anew
    page.frames(3)
    expect(again).to_be_focused()  # and is under nobody's hand another
    again.click()
    page.page.locator("#uploads-dialog .fs-notice", has_text="are removed").wait_for()
    page.until("() => floodscope.catalog.chips.size === 3")
    assert not list(small.data.glob("uploads/*/chip.json")) and not list(small.data.glob(f"predictions/*/{chip}.*"))


def test_what_others_send_and_remove_comes_to_an_open_page(
    small: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker, own: list[Path]
) -> None:
    # Two browsers: nothing but the server connects them.
    one, other = kept_screen(small).open(), screen(small, scale=2).open()
    one.page.locator("#add-images").click()
    one.page.locator("#uploads-files").set_input_files([str(path) for path in own])
    one.until("() => floodscope.catalog.chips.size === 4")
    chip = one.page.evaluate("() => [...floodscope.catalog.chips.values()].find(c => c.layout === 'upload').id")
    one.answered(chip)
    other.until("() => floodscope.catalog.chips.size === 4")
    other.page.locator("#catalog-label", has_text="4 chips with imagery").wait_for()
    other.page.locator("#add-images").click()
    other.page.locator("#uploads-dialog").get_by_role("button", name=chip, exact=True).click()
    other.answered(chip)
    other.painted(chip)

    one.page.locator("#add-images").click()
    one.page.get_by_role("button", name=f"Remove {chip}", exact=True).click()
    one.page.get_by_role("button", name=f"Remove {chip} and its predictions for good").click()
    other.page.locator("#chip-panel", has_text="This image was removed").wait_for()
    other.until("() => document.querySelectorAll('#map .leaflet-tile').length === 0")
    other.tab("Regions")
    assert other.figures("#figures")["Chips"][0] == "3"
    predicted = int(other.figures("#figures")["Predicted"][0])
    assert predicted == other.page.evaluate("() => floodscope.catalog.shelf('backscatter').size")
    assert predicted <= 3
    other.page.keyboard.press("j")  # on to another chip
    other.page.locator("#chip-panel .fs-figure").first.wait_for()


def test_files_dropped_on_the_page_are_sent_and_what_is_wrong_is_told(
    small: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(small).open()
    page.page.evaluate(
        """() => {
          const files = new DataTransfer();
          files.items.add(new File(["no raster"], "river_vv.tif"));
          const options = { dataTransfer: files, bubbles: true, cancelable: true };
          document.querySelector("#map").dispatchEvent(new DragEvent("drop", options));
        }"""
    )
    notice = page.page.locator("#uploads-dialog [role=alert]")
    notice.wait_for()
    assert "river_vv.tif is not a readable GeoTIFF but a text file" in notice.inner_text()
    assert not list(small.data.glob("uploads/*/chip.json")) and not list(small.data.glob("uploads/.incoming*"))


def test_what_an_image_does_not_say_is_asked_by_buttons_and_told_beside_the_chip(
    small: Dashboard, kept_screen: ScreenMaker, own: list[Path], tmp_path: Path
) -> None:
    with rasterio.open(own[0]) as image:
        profile, bands = image.profile, image.read() - 4.0
    profile["nodata"] = float("nan")
    with rasterio.open(tmp_path / "my_pond.tif", "w", **profile) as image:
        image.write((10 ** (bands / 20)).astype("float32"))
        image.descriptions = ("VV", "VH")
    page = kept_screen(small).open()
    page.page.locator("#add-images").click()
    page.page.locator("#uploads-files").set_input_files(str(tmp_path / "my_pond.tif"))
    answers = page.page.locator("#uploads-dialog .fs-uploads-answers button")
    answers.first.wait_for()
    assert [text.split(":")[0] for text in answers.all_inner_texts()] == ["It is linear power", "It is amplitude"]
    assert violations(page.page) == []
    answers.nth(1).click()
    page.answered("my_pond")
    page.page.locator("#chip-files-details summary").click()
    page.page.get_by_text("VV and VH are amplitude, converted to dB (as you said).").wait_for()
    page.page.evaluate("() => fetch('uploads/my_pond', { method: 'DELETE', headers: { 'X-Floodscope': 'page' } })")
    page.until("() => floodscope.catalog.chips.size === 3")


def test_a_label_is_asked_about_by_buttons_and_a_wrong_answer_is_mended_without_sending_it_again(
    small: Dashboard, kept_screen: ScreenMaker, own: list[Path], tmp_path: Path
) -> None:
    with rasterio.open(own[0]) as image:
        profile, water = image.profile, image.read(2) < -22
    profile |= {"count": 1, "dtype": "uint8", "nodata": None}
    with rasterio.open(tmp_path / "my_pond_label.tif", "w", **profile) as label:
        label.write((water + 1).astype("uint8"), 1)
    (tmp_path / "my_pond.tif").write_bytes(own[0].read_bytes())
    page = kept_screen(small).open()
    page.page.locator("#add-images").click()
    page.page.locator("#uploads-files").set_input_files([str(p) for p in sorted(tmp_path.glob("my_pond*.tif"))])
    answers = page.page.locator("#uploads-dialog .fs-uploads-answers button")
    answers.first.wait_for()
    assert answers.all_inner_texts() == ["2 is water, 1 dry: add", "1 is water, 2 dry: add"]
    answers.nth(1).click()  # the wrong one
    page.answered("my_pond")
    wrong = float(page.figures()["IoU"][0])
    page.page.locator("#add-images").click()
    otherwise = page.page.get_by_label("Label of my_pond")
    assert otherwise.evaluate("(list) => list.selectedOptions[0].text") == "1 is water, 2 dry"
    assert violations(page.page) == []
    otherwise.select_option(label="2 is water, 1 dry")
    page.page.locator("#uploads-dialog .fs-notice", has_text="my_pond is read otherwise now").wait_for()
    page.page.locator("#uploads-dialog .fs-dialog-close").click(force=True)
    page.answered("my_pond")
    assert wrong < 0.5 < float(page.figures()["IoU"][0])
    page.page.evaluate("() => fetch('uploads/my_pond', { method: 'DELETE', headers: { 'X-Floodscope': 'page' } })")
    page.until("() => floodscope.catalog.chips.size === 3")


def test_the_open_chip_is_taken_away_as_one_zip(small: Dashboard, kept_screen: ScreenMaker, tmp_path: Path) -> None:
    page = kept_screen(small).open()
    chip = open_first(page)
    page.set_threshold(0.3)
    page.page.locator("#take-away").focus()
    page.page.keyboard.press("Enter")
    page.page.locator("#takeaway-dialog").wait_for()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Make the file").press("Enter")
    download.value.save_as(tmp_path / "taken.zip")
    with zipfile.ZipFile(tmp_path / "taken.zip") as archive:
        names = {name.split("/", 1)[1] for name in archive.namelist()}
        table = archive.read(next(n for n in archive.namelist() if n.endswith("scores.csv"))).decode()
    assert names == {
        "README.txt", "report.html", "scores.csv", "water.gpkg",
        f"rasters/{chip}_mask.tif", f"rasters/{chip}_probability.tif",
    }  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["id"], row["threshold"]) == (chip, "0.3")
    page.page.keyboard.press("Escape")
    assert page.figures()["Water"][0] == f"{float(row['water_km2']):.2f}\u2009km²"
    assert page.figures()["IoU"][0] == f"{float(row['iou']):.2f}"


def test_the_filtered_chips_are_taken_away_and_no_others(
    small: Dashboard, kept_screen: ScreenMaker, tmp_path: Path
) -> None:
    page = kept_screen(small).open(tab="chips")
    chips = page.page.evaluate("[...floodscope.catalog.chips.values()].map(c => [c.id, c.country])")
    country = chips[0][1]
    page.page.evaluate("country => floodscope.filterbar.set({ country: [country] })", country)
    page.until("n => floodscope.filters.chips().length < n", len(chips))
    page.page.locator("#take-away").click()
    page.page.get_by_role("radio", name=re.compile("that the filters leave$")).check()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Make the file").click()
    download.value.save_as(tmp_path / "taken.zip")
    with zipfile.ZipFile(tmp_path / "taken.zip") as taken:
        (table,) = (name for name in taken.namelist() if name.endswith(".csv"))
        rows = list(csv.DictReader(io.StringIO(taken.read(table).decode())))
    assert {row["id"] for row in rows} == {chip for chip, of in chips if of == country}


def test_an_empty_wish_is_told_beside_the_button(small: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(small).open()
    page.page.locator("#take-away").click()
    chosen = page.page.locator("#takeaway-dialog input[type=checkbox]:checked")
    chosen.first.wait_for()  # the dialog comes with its script
    while chosen.count():
        chosen.first.uncheck()
    page.page.get_by_role("button", name="Make the file").click()
    assert page.page.locator("#takeaway-dialog [role=alert]").inner_text() == "Choose at least one kind of file."


def test_where_the_filters_leave_nothing_nothing_is_chosen_to_be_taken(
    small: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(small).open(labelled="no")
    page.page.locator("#take-away").click()
    dialog = page.page.locator("#takeaway-dialog")
    dialog.get_by_text("None: the filters leave no chip with imagery").wait_for()
    assert dialog.locator("input[name=takeaway-chips][value=listed]").is_disabled()
    assert dialog.locator("input[name=takeaway-chips]:checked").count() == 0
    dialog.get_by_role("button", name="Make the file").click()
    assert dialog.locator("[role=alert]").inner_text() == "Choose which chips."


def test_the_chips_of_a_region_are_offered(small: Dashboard, kept_screen: ScreenMaker) -> None:
    page = kept_screen(small).open(tab="chips", region="Ghana")
    there = page.page.evaluate("[...floodscope.catalog.chips.values()].filter(c => c.country === 'Ghana').length")
    assert 0 < there < 3
    page.page.locator("#take-away").click()
    page.page.get_by_text(f"The {there} chip{'s' if there > 1 else ''} with imagery that Ghana has").wait_for()


def test_a_chip_removed_on_another_page_is_gone_here_too(
    small: Dashboard, screen: ScreenMaker, kept_screen: ScreenMaker, own: list[Path]
) -> None:
    first, second = kept_screen(small).open(), screen(small).open()
    first.page.locator("#add-images").click()
    first.page.locator("#uploads-files").set_input_files([str(path) for path in own])
    second.until("() => floodscope.catalog.chips.size === 4")
    chip = second.page.evaluate("() => [...floodscope.catalog.chips.values()].find(c => c.layout === 'upload').id")
    second.choose_in_table(chip)
    second.answered(chip)
    first.answered(chip)
    first.page.locator("#add-images").click()
    first.page.get_by_role("button", name=f"Remove {chip}", exact=True).click()
    first.page.get_by_role("button", name=f"Remove {chip} and its predictions for good").click()
    second.until("() => floodscope.catalog.chips.size === 3")
    second.page.locator("#chip-panel", has_text="This image was removed").wait_for()
    assert first.query.get("chip") is None, "who removes it need not be told"


def test_the_changed_chip_follows_threshold_and_layer_with_no_request(
    small: Dashboard, kept_screen: ScreenMaker
) -> None:
    page = kept_screen(small).open()
    open_first(page)
    page.page.locator("#transforms summary").click()
    page.until(FILLED)
    cards = page.page.locator(".fs-transform-figures")
    page.until("() => document.getElementById('transforms-said').textContent === ''")
    assert cards.first.inner_text() == f"IoU {page.figures()['IoU'][0]}"
    turned = (
        page.page.locator(".fs-transform", has_text="turned 90°").first.locator(".fs-transform-figures").inner_text()
    )
    assert turned == f"IoU {page.figures()['IoU'][0]} (the same) · 0\u2009% change class"
    before = cards.all_inner_texts()
    with page.no_request():
        page.set_threshold(0.9)
        page.until("text => document.querySelector('.fs-transform-figures').textContent !== text", before[0])
        page.switch("overlay", "Errors")
    assert cards.first.inner_text() == f"IoU {page.figures()['IoU'][0]}"
    shown = page.page.locator(".fs-transform-scores").first
    assert "fs-errors" in shown.evaluate("image => getComputedStyle(image).filter")


@everywhere
def test_dialogs_and_changed_chips_break_no_rule_and_fit(
    small: Dashboard, kept_screen: ScreenMaker, theme: str, size: str
) -> None:
    page = kept_screen(small, size=SIZES[size]).open(theme=theme)
    open_first(page)
    if size == "phone":
        page.page.evaluate("floodscope.state.set({ sheet: 'full' })")  # peeking, it shows the chip's figures alone
    page.page.locator("#transforms summary").click()
    page.until(FILLED)
    found = {"changed chips": violations(page.page)}
    for button, dialog in ("#take-away", "#takeaway-dialog"), ("#add-images", "#uploads-dialog"):
        page.page.locator(button).click()
        page.page.locator(dialog).wait_for()
        page.frames(3)
        found[dialog] = violations(page.page)
        box = page.page.locator(dialog).evaluate(
            "d => [d.scrollWidth - d.clientWidth, d.getBoundingClientRect().right]"
        )
        assert box[0] <= 0 and box[1] <= SIZES[size][0]
        page.page.keyboard.press("Escape")
        assert page.page.evaluate("document.activeElement.id") == button.removeprefix("#")
    assert {name: broken for name, broken in found.items() if broken} == {}
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_stream_without_end_is_cut_off_by_the_real_server(small: Dashboard) -> None:
    where = urllib.parse.urlsplit(small.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_S)
    head = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="big_vv.tif"\r\n\r\n'
    connection.putrequest("POST", "/uploads")
    for name, value in (
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "multipart/form-data; boundary=edge"),
        ("X-Floodscope", "test"),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    sent, part = 0, bytes(1 << 20)
    try:
        connection.send(b"%x\r\n%b\r\n" % (len(head), head))
        while sent < 2 << 30:
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
            sent += len(part)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server has had enough
    connection.close()
    assert sent < 400 << 20
    assert [p.name for p in (small.data / "uploads").iterdir()] == ["FLOODSCOPE_UPLOADS"]
