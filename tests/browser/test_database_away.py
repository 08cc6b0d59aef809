"""An open page over a database that others write to: it shows what they predict, says that it is gone, and goes on by itself."""

from __future__ import annotations

from pathlib import Path

from axe import violations
from playwright.sync_api import expect
from running import serving
from screen import ScreenMaker

from model.predictors.backscatter import BackscatterPredictor
from model.store.store import Store
from tests.predicting import predict_one
from tests.shared_stores import postgres_server
from tiles.catalog.catalog import open_catalog
from tiles.simulate import simulate

PREDICTED = "id => floodscope.catalog.prediction('backscatter', id) !== undefined"


def test_a_page_shows_what_others_predict_and_outlives_its_database(tmp_path: Path, screen: ScreenMaker) -> None:
    chips, data = simulate(tmp_path / "chips", chips=3, size=96), tmp_path / "data"
    first, second, third = open_catalog([chips]).usable()
    with postgres_server() as postgres:
        url = postgres.new_database()
        with serving(data, chips, options=("--database", url)) as dashboard:
            shown = screen(dashboard).open(tab="chips")
            page = shown.page
            with Store(data, url) as store:
                predict_one(first, BackscatterPredictor(), store)
            shown.until(PREDICTED, first.id)
            cell = page.locator(f"#chips-table .ag-row[row-id='{first.id}'] [col-id=iou]")
            expect(cell).to_contain_text(".")
            alert = page.get_by_role("alert").filter(has_text="goes on by itself")
            expect(alert).to_have_count(0)
            postgres.stop()
            expect(alert).to_contain_text("check that it runs")
            expect(alert).not_to_contain_text("sock")  # of the address that a stranger is told nothing of
            page.locator(f"#chips-table .ag-row[row-id='{second.id}'] [col-id=id]").click()
            expect(page.locator("#chip-panel")).to_contain_text("check that it runs")
            assert violations(page) == []
            expect(alert).to_be_visible()  # whatever else is answered meanwhile
            postgres.start()
            expect(alert).to_have_count(0)
            shown.until(PREDICTED, second.id)  # the click is asked for again
            expect(page.locator("#chip-panel")).not_to_contain_text("check that it runs")
            with Store(data, url) as store:
                predict_one(third, BackscatterPredictor(), store)
            shown.until(PREDICTED, third.id)
            shown.problems[:] = [said for said in shown.problems if "500" not in said]  # of what was asked meanwhile
