"""Dashboards over one store see what others predict; a database that is gone is told, and used again when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from command_line import Run
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace import arrivals, following
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.shared_stores import Postgres, postgres_server
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MODEL = "backscatter"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_PAUSE_S", 0.0)
    monkeypatch.setattr(following, "_PAUSE_S", 0.0)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


class Page:
    """An open page of a dashboard: it takes in all predictions, then asks for what is new."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._client: FlaskClient = create_app(workspace).server.test_client()
        self.has: dict[str, str] = {}
        self.answers = 0
        self._take(workspace.predicted(MODEL))

    def _take(self, found: dict[str, Any]) -> None:
        self._place = found["place"]
        self.has |= {p["id"]: p["revision"] for p in found["predictions"]}

    def ask(self) -> dict[str, Any]:
        query = urlencode({"since": self.workspace.catalog.version, "model": MODEL, **self._place})
        answer = self._client.get(f"/uploads/catalog?{query}")
        if answer.status_code == 204:
            return {}
        assert answer.json is not None
        if "predicted" in answer.json:
            self._take(answer.json["predicted"])
        return answer.json

    def click(self, chip: str) -> None:
        eventually(lambda: self.workspace.open_chip(chip, MODEL, "c"), lambda opened: opened["prediction"])


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_prediction_of_one_dashboard_and_of_a_command_is_seen_by_the_others(
    simulated: Path, tmp_path: Path, kind: str, floodscope: Run, request: pytest.FixtureRequest
) -> None:
    url = None if kind == "sqlite" else request.getfixturevalue("postgres").new_database()
    settings = Settings((simulated,), tmp_path / "data", url, model=MODEL)
    with ExitStack() as open_:
        one, other = (Page(open_.enter_context(closing(Workspace(settings)))) for _ in range(2))
        chips = [record.id for record in one.workspace.catalog.usable()]
        assert one.ask() == other.ask() == {}
        one.click(chips[0])
        assert set(other.ask()["predicted"]) == {"model", "predictions", "place"}
        assert other.has.keys() == {chips[0]}
        assert other.ask() == {}, "it is told once"
        late = Page(other.workspace)
        assert (late.has, late.ask()) == (other.has, {})
        more = ["--data", tmp_path / "data", *(["--database", url] if url else [])]
        done = floodscope("predict", simulated, "--model", MODEL, *more)
        assert done.returncode == 0, done.stderr
        for page in (one, other, late):
            page.ask()
            assert page.has.keys() == set(chips)
        before = dict(one.has)
        assert floodscope("predict", simulated, "--model", MODEL, "--force", *more).returncode == 0
        one.ask()
        assert not before.items() & one.has.items(), "one that is made anew is another"
        restarted = Page(open_.enter_context(closing(Workspace(settings))))
        restarted._place = other._place  # of a server that is gone: all is taken again
        restarted.has.clear()
        restarted.ask()
        assert restarted.has == one.has


def test_a_database_that_is_gone_is_told_to_open_pages_and_used_when_it_is_back(
    simulated: Path, tmp_path: Path, postgres: Postgres
) -> None:
    settings = Settings((simulated,), tmp_path / "data", postgres.new_database(), model=MODEL)
    with closing(Workspace(settings)) as first, closing(Workspace(settings)) as second:
        one, other = Page(first), Page(second)
        chips = [record.id for record in first.catalog.usable()]
        postgres.stop()
        try:
            told = one.ask()
            assert told.keys() == {"trouble"}
            assert "failed" in told["trouble"] and "check that it runs" in told["trouble"]
        finally:
            postgres.start()
        assert one.ask() == {}
        other.click(chips[2])
        one.ask()
        assert one.has.keys() == {chips[2]}
