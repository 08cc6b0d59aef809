"""Images and labels that are sent together meet by the same rules as in a folder."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sent_images import backscatter, tiff, truth

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def client(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    made = Workspace(Settings((simulated,), tmp_path_factory.mktemp("data"), model="backscatter"))
    yield create_app(made).server.test_client()
    made.close()


@pytest.mark.parametrize(
    ("image", "label", "called", "told"),
    [
        ("image_1", "mask_1", "image_1", "mask_1.tif is taken for its truth"),
        ("img_7", "label_7", "img_7", None),
        ("a_img", "a_msk", "a_img", None),
        ("lake_s1", "lake_label", "lake_s1", None),
        ("lake", "lake_gt", "lake", None),
        ("Lake", "lake_LABEL", "Lake", None),
        ("flood_image", "flood_mask", "flood_image", "flood_mask.tif is taken for its truth"),
        ("S1", "label", "S1", None),
    ],
)
def test_an_image_and_its_label_meet_in_whichever_order_they_are_sent(
    client: FlaskClient, image: str, label: str, called: str, told: str | None
) -> None:
    files = {f"{image}.tif": tiff(*backscatter(), names=("VV", "VH")), f"{label}.tif": truth()}
    for order in (list(files), list(reversed(files))):
        form = {"files": [(io.BytesIO(files[name]), name) for name in order]}
        answer = client.post(
            "/uploads", data=form, headers={"X-Floodscope": "test"}, content_type="multipart/form-data"
        ).json
        assert answer["refused"] == []
        (added,) = answer["added"]
        assert (added["id"], added["labelled"]) == (called, True)
        assert told is None or told in added["message"]
        assert client.delete(f"/uploads/{called}", headers={"X-Floodscope": "test"}).status_code == 200
