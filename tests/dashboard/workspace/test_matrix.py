"""Every kind of model asked for everything that a page asks of a model, at the handlers. No browser.

Without this file a feature that is tried under the baseline alone could fail under an endpoint, a bundle or a model that is not
on offer any more, or wait for a queue that is none of its own. Therefore all of it happens while one endpoint hangs, and what
an endpoint is asked while the queue of this machine is held up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.predictors.backscatter import BackscatterPredictor
from model.store.store import key_of
from tests.model.predictors.bundles import write_random
from tests.serving import Says, misbehaving_server, served_here
from tests.waiting import eventually
from tiles.chip import Chip
from tiles.simulate import simulate

pytestmark = pytest.mark.slow

BASELINE, B = "backscatter", "backscatter:otsu"
GONE = BackscatterPredictor("fixed", -19.5)  # in the store, and not on offer
MODELS = ("shipped", "bundle", "endpoint", "baseline", "nothing predicted", "not on offer")


class Page:
    """What a page asks its server for, of one model."""

    def __init__(self, workspace: Workspace, client: FlaskClient, spec: str) -> None:
        self.workspace, self.client, self.spec = workspace, client, spec
        client.environ_base["HTTP_X_FLOODSCOPE"] = "1"
        self.chips = [record.id for record in workspace.catalog.usable()]

    @property
    def offered(self) -> bool:
        return not self.spec.startswith("stored:")

    def predicted(self) -> list[str]:
        """Return the chips that the model has predicted."""
        answer = self.client.get("/review/predictions", query_string={"model": self.spec})
        assert answer.status_code == 200, answer.get_json()
        return sorted(p["id"] for p in answer.get_json()["predictions"])

    def look(self, chip: str) -> dict[str, Any]:
        """Click a chip, and return what came of it."""

        def ask() -> dict[str, Any]:
            answer = self.client.post(f"/inspect/prediction/{chip}", json={"model": self.spec, "click": "one"})
            return dict(answer.get_json())

        return eventually(ask, lambda answer: not answer["pending"])


def click(page: Page) -> None:
    opened = page.look(page.chips[0])
    if page.offered:
        assert (opened["error"], opened["prediction"]["id"]) == (None, page.chips[0])
        assert opened["detail"]["placed"]
    else:
        assert opened["prediction"]["model_name"] == GONE.name
        assert "not on offer" in page.look(page.chips[1])["error"]


def predict_all(page: Page) -> None:
    if not page.offered:
        with pytest.raises(Exception, match="not on offer here"):
            page.workspace.predict_all(page.spec)
        return
    page.workspace.predict_all(page.spec)
    news = eventually(
        lambda: page.workspace.news(page.spec, 0), lambda news: news is not None and not news["progress"]["running"]
    )
    assert news is not None
    assert news["progress"]["failed"] == []
    assert page.predicted() == sorted(page.chips)


def transforms(page: Page) -> None:
    def ask() -> Any:
        place = f"/transforms/{page.chips[0]}/turn180"
        return page.client.post(place, query_string={"model": page.spec, "click": "two"})

    answer = eventually(ask, lambda answer: "pending" not in answer.get_json())
    if page.offered:
        assert (answer.status_code, answer.get_json()["pixels"]) == (200, 64 * 64)
    else:
        assert "not on offer here" in answer.get_json()["message"]


def export(page: Page) -> None:
    asked = {"model": page.spec, "threshold": 0.5, "formats": ["csv"], "chips": None}
    begun = page.client.post("/exports", json=asked)
    if not page.offered:
        assert "not on offer here" in begun.get_json()["message"]
        return
    assert begun.status_code == 200, begun.get_json()
    place = f"/exports/{begun.get_json()['id']}"
    done = eventually(lambda: page.client.get(place).get_json(), lambda told: not told["running"])
    assert (done["state"], done["message"]) == ("done", "")
    assert page.client.get(f"{place}/file").data[:2] == b"PK"


def explore(page: Page) -> None:
    def ask() -> dict[str, Any]:
        return dict(page.client.post("/review/explore", json={"ids": None, "model": page.spec}).get_json())

    told = eventually(ask, lambda told: not told["progress"]["running"])
    assert (told["progress"]["failed"], len(told["shares"])) == ([], len(page.chips))


def card(page: Page) -> None:
    told = page.client.get("/review/card", query_string={"model": page.spec})
    assert told.status_code == 200
    text = told.get_json()["markdown"]
    assert text.startswith("# ")
    assert "not on offer" not in text, "of a baseline all is known, on offer or not"


def area(page: Page) -> None:
    chip = page.chips[0]
    prediction = page.look(chip)["prediction"]
    west, south, east, north = page.workspace.catalog.get(chip).footprint.bounds  # type: ignore[union-attr]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    answer = page.client.post(
        f"/inspect/area/{chip}/{prediction['revision']}", json={"type": "Polygon", "coordinates": [ring]}
    ).get_json()
    assert answer["pixels"] > 60 * 60
    assert answer["km2"] > 0


def compared(page: Page) -> None:
    first, second = page.look(page.chips[0]), Page(page.workspace, page.client, B).look(page.chips[0])
    revisions = [answer["prediction"]["revision"] for answer in (first, second)]
    counts = page.client.get(f"/inspect/agreement/{page.chips[0]}/{'/'.join(revisions)}").get_json()
    assert len(counts["both"]) == 255

    def ask() -> dict[str, Any]:
        query = {"first": page.spec, "second": B, "since": 0}
        return dict(page.client.post("/review/disagreement", query_string=query).get_json())

    told = eventually(ask, lambda told: not told["progress"]["running"])
    assert page.chips[0] in {chip["id"] for chip in told["chips"]}


ASKED: dict[str, Callable[[Page], None]] = {
    "click": click,
    "predict all": predict_all,
    "transforms": transforms,
    "export": export,
    "explore": explore,
    "card": card,
    "area": area,
    "A/B": compared,
}


class Held(BackscatterPredictor):
    """A model of this machine that does not answer until it is let go."""

    def __init__(self) -> None:
        super().__init__("fixed", -40.0)
        self.begun, self.gate = threading.Event(), threading.Event()

    def predict(self, chips: Sequence[Chip]) -> list[npt.NDArray[np.uint8]]:
        self.begun.set()
        self.gate.wait()
        return super().predict(chips)


@contextmanager
def queue_of_this_machine_held(workspace: Workspace) -> Iterator[None]:
    held, chip = Held(), workspace.tiles.chip(workspace.catalog.usable()[0])
    answer = workspace.inference.ask(chip, held, "held")
    held.begun.wait()
    try:
        yield
        assert not answer.done()
    finally:
        held.gate.set()
        answer.result()


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("matrix") / "chips", chips=3, size=64)


@pytest.fixture(scope="module")
def pages(chips: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Page]]:
    """One page a model, but for the one that has predicted nothing, all of one dashboard beside an endpoint that hangs."""
    folder = tmp_path_factory.mktemp("matrix data")
    write_random(folder / "bundle")
    with served_here(folder / "bundle") as served, misbehaving_server() as bad:
        bad.says(Says(hang_s=3600.0))
        endpoint, hanging = f"{served}/invocations#name=Box", f"{bad.url}/invocations#name=Slow box&timeout_s=3600"
        settings = Settings(
            (chips,), folder / "data", bundles=(folder / "bundle",), endpoints=(endpoint, hanging), model=BASELINE
        )
        workspace = Workspace(settings)
        try:
            first = workspace.catalog.usable()[0]
            workspace.inference.submit(first, GONE).result()
            workspace.inference.submit(first, workspace.predictor(B)).result()
            workspace.predict_all(hanging)
            client = create_app(workspace).server.test_client()
            specs = ("floodscope", "bundle:bundle", endpoint, BASELINE, "", f"stored:{key_of(GONE).digest}")
            yield {model: Page(workspace, client, spec) for model, spec in zip(MODELS, specs, strict=True)}
            bad.stopped.set()
        finally:
            workspace.close()


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_answers_whatever_a_page_asks(
    model: str, asked: str, pages: dict[str, Page], chips: Path, tmp_path: Path
) -> None:
    if model == "nothing predicted":
        workspace = Workspace(Settings((chips,), tmp_path, model=BASELINE))
        try:
            page = Page(workspace, create_app(workspace).server.test_client(), BASELINE)
            assert page.predicted() == []
            ASKED[asked](page)
        finally:
            workspace.close()
    elif model == "endpoint":
        with queue_of_this_machine_held(pages[model].workspace):
            ASKED[asked](pages[model])
    else:
        ASKED[asked](pages[model])
