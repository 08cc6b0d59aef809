"""Files reach S3 checked, once, and an upload that was cut off goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.aws.account import objects
from model.aws.account.account import Account
from model.aws.account.objects import get_file, parse_s3, put_file
from model.aws.jobs.entry import INDEX, sources_of
from tests.dashboard.command_line import Run
from tests.model.aws.conftest import PLACE, Client
from tiles.catalog.catalog import open_catalog
from tiles.errors import CloudError, UsageError

pytestmark = pytest.mark.slow


def _objects(client: Client) -> dict[str, Any]:
    return {o["Key"]: o for o in client("s3").list_objects_v2(Bucket="floods").get("Contents", [])}


def test_an_upload_is_whole_sent_once_and_read_as_its_source(
    floodscope: Run, cloud: Client, chips: Path, tmp_path: Path
) -> None:
    first = floodscope("upload", chips, "--s3", PLACE)
    assert first.returncode == 0, first.stderr
    there = _objects(cloud)
    assert f"{len(there) - 1} files" in first.stdout
    assert f"; {len(there) - 1} sent" in first.stdout
    again = floodscope("upload", chips, "--s3", PLACE)
    assert "; 0 sent" in again.stdout, again.stderr

    # One file is gone and one was cut: just these are sent.
    images = sorted(key for key in there if key.endswith("_S1Hand.tif"))
    cloud("s3").delete_object(Bucket="floods", Key=images[0])
    cloud("s3").put_object(Bucket="floods", Key=images[1], Body=b"half")
    assert "; 2 sent" in floodscope("upload", chips, "--s3", PLACE).stdout

    # As SageMaker lays it down for a training, it is the same catalog.
    for key in _objects(cloud):
        target = tmp_path / key.removeprefix("scope/data/chips/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cloud("s3").get_object(Bucket="floods", Key=key)["Body"].read())
    (source,) = sources_of({"SM_CHANNEL_TRAINING": str(tmp_path)})
    mine, theirs = open_catalog([chips]), open_catalog([source])
    assert [(r.id, r.country, r.split, r.simulated, r.has_label) for r in theirs.usable()] == [
        (r.id, r.country, r.split, r.simulated, r.has_label) for r in mine.usable()
    ]
    index = json.loads((tmp_path / INDEX).read_text())
    for name, entry in index["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == entry["sha256"]


def test_the_real_chips_keep_their_splits(floodscope: Run, cloud: Client, real_data: Path) -> None:
    done = floodscope("upload", real_data / "sen1floods11", real_data / "drivendata", "--s3", PLACE, "--name", "real")
    assert done.returncode == 0, done.stderr
    keys = set(_objects(cloud))
    assert "scope/data/real/sen1floods11/splits/flood_train_data.csv" in keys
    assert len([key for key in keys if key.endswith("_S1Hand.tif")]) >= 10
    assert any("/drivendata/" in key and key.endswith("awc00_vv.tif") for key in keys)


@pytest.mark.parametrize("large", [False, True])
def test_a_file_whose_upload_was_cut_off_is_sent_from_there_on(
    cloud: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    size = (12 << 20) if large else (1 << 20)
    monkeypatch.setattr(objects, "PART_BYTES", 5 << 20)
    monkeypatch.setattr(objects, "SINGLE_BYTES", 2 << 20)
    path, place, account = tmp_path / "scene.tif", parse_s3(f"{PLACE}/scene.tif"), Account()
    path.write_bytes(os.urandom(size))
    sent: list[str] = []
    account.session.events.register(
        "before-call.s3",
        lambda model, **_: sent.append(model.name) if "Put" in model.name or "Part" in model.name else None,
    )
    if large:
        sender, count = account.client("s3"), 0
        upload_part = sender.upload_part

        def cut(**arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == 3:
                raise KeyboardInterrupt
            return upload_part(**arguments)

        monkeypatch.setattr(sender, "upload_part", cut)
        with pytest.raises(KeyboardInterrupt):
            put_file(account, path, place)
        monkeypatch.setattr(sender, "upload_part", upload_part)
        sent.clear()
    assert put_file(account, path, place)
    assert [name for name in sent if name != "ListParts"] == (["UploadPart"] if large else ["PutObject"])
    get_file(account, place, tmp_path / "back.tif")
    assert (tmp_path / "back.tif").read_bytes() == path.read_bytes()
    assert not put_file(account, path, place)

    # Another file of that name replaces it, whatever an older upload has left.
    path.write_bytes(os.urandom(size))
    assert put_file(account, path, place)
    assert not put_file(account, path, place)
    head = cloud("s3").head_object(Bucket="floods", Key=place.key)
    assert head["Metadata"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_arrives_damaged_is_refused(cloud: Client, tmp_path: Path) -> None:
    cloud("s3").put_object(Bucket="floods", Key="x", Body=b"altered", Metadata={"sha256": "0" * 64})
    with pytest.raises(CloudError, match="arrived damaged"):
        get_file(Account(), parse_s3("s3://floods/x"), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_and_a_place_that_is_none_are_refused(floodscope: Run, chips: Path, tmp_path: Path) -> None:
    open_catalog([chips]).to_parquet(tmp_path / "c.parquet")
    refused = floodscope("upload", tmp_path / "c.parquet", "--s3", PLACE)
    assert "give the folders that it was built from" in refused.stderr
    assert floodscope("upload", chips, "--s3", "floods").returncode == 2
    with pytest.raises(UsageError, match="no place in S3"):
        parse_s3("https://floods.example")


def test_two_sources_of_one_name_do_not_mix(floodscope: Run, nowhere: None, chips: Path, tmp_path: Path) -> None:
    shutil.copytree(chips, tmp_path / chips.name)
    listed = floodscope("upload", chips, tmp_path / chips.name, "--s3", PLACE, "--dry-run")
    assert f'"scope/data/chips/{chips.name}-2/' in listed.stdout
    assert listed.stdout.count("s3.put_object(") == 2 * (listed.stdout.count("s3.head_object(") // 2) + 1
