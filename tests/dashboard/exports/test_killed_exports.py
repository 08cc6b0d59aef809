"""A dashboard that is killed while it exports: the next one has every prediction, and offers no half of a package."""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from model.store.store import key_of
from tests.hostile import share
from tests.waiting import eventually
from tiles.claims import CLAIM

pytestmark = pytest.mark.slow

WISH = {"model": "backscatter", "threshold": 0.4, "formats": ["probability", "geopackage", "csv"], "chips": None}
HEADERS = {"X-Floodscope": "test"}
_EXPORTS = """
import sys, time
from pathlib import Path
from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.dashboard.exports.test_killed_exports import HEADERS, WISH

client = create_app(Workspace(Settings((Path(sys.argv[1]),), Path(sys.argv[2]), model="backscatter"))).server.test_client()
while True:
    begun = [client.post("/exports", json=WISH, headers=HEADERS).json["id"] for _ in range(2)]
    print(*begun, flush=True)
    while any(client.get(f"/exports/{one}").json["running"] for one in begun):
        time.sleep(0.01)
    for one in begun:
        client.delete(f"/exports/{one}", headers=HEADERS)
"""


def _killed_while_exporting(simulated: Path, data: Path, rng: random.Random) -> list[str]:
    """Kill a dashboard at some moment of its exports, and return the ids of those that it had begun."""
    command = [sys.executable, "-c", _EXPORTS, str(simulated), str(data)]
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        begun = child.stdout.readline().split()
        threading.Event().wait(rng.uniform(0, 1.5))
        child.send_signal(signal.SIGKILL)
        return begun


def _end(client: FlaskClient, export: str) -> dict[str, Any]:
    news = eventually(lambda: client.get(f"/exports/{export}").json, lambda news: not news["running"])
    return dict(news)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_kill_at_any_moment_of_an_export_loses_no_prediction_and_leaves_no_half_package(
    simulated: Path, tmp_path: Path
) -> None:
    rng = random.Random(18)
    for _ in range(share(2, 30)):
        begun = _killed_while_exporting(simulated, tmp_path, rng)
        assert len(begun) == 2
        workspace = Workspace(Settings((simulated,), tmp_path, model="backscatter"))
        try:
            client = create_app(workspace).server.test_client()
            for one in begun:
                assert client.get(f"/exports/{one}/file").status_code == 404
            key = key_of(workspace.predictor("backscatter"))
            for prediction in workspace.store.fresh(workspace.catalog.usable(), key).values():
                workspace.store.read(prediction)
            again = client.post("/exports", json=WISH, headers=HEADERS).json["id"]
            news = _end(client, again)
            assert (news["state"], news["notes"]) == ("done", [])
            with zipfile.ZipFile(io.BytesIO(client.get(f"/exports/{again}/file").data)) as archive:
                assert archive.testzip() is None
                rasters = [name for name in archive.namelist() if name.endswith(".tif")]
            assert len(rasters) == len(workspace.catalog.usable()) == len(workspace.store.for_model(key))
            (place,) = (tmp_path / "exports").iterdir()
            assert sorted(path.name for path in place.iterdir()) == sorted([CLAIM, f"{again}.zip"])
        finally:
            workspace.close()
