"""Downloads against a real HTTP server on this machine: resumed, checked, and never outside their folder."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bucket import METADATA, SPLITS, Bucket, image, label, serve, small_bucket

from tests.waiting import PATIENCE_S
from tiles.download.download import DownloadReport, download_sen1floods11
from tiles.download.fetch import require_safe_url
from tiles.errors import DownloadError, UsageError


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serve(small_bucket()) as served:
        yield served


def _download(bucket: Bucket, out: Path, country: str | None = None, limit: int | None = None) -> DownloadReport:
    return download_sen1floods11(out, country, limit, base_url=bucket.url, retry_wait=0.01)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _whole(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".part"]


@contextmanager
def _downloading(bucket: Bucket, out: Path, retry_wait: float = 0.5) -> Iterator[subprocess.Popen[str]]:
    """A download in a process of its own, which ends with the block at the latest."""
    code = (
        "from tiles.download.download import download_sen1floods11\n"
        f"download_sen1floods11({str(out)!r}, base_url={bucket.url!r}, retry_wait={retry_wait})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _expected(bucket: Bucket) -> dict[str, bytes]:
    """What the folder must hold: file by file, the bytes of the bucket."""
    places = {}
    for key, body in bucket.objects.items():
        *_, parent, name = key.split("/")
        places[{"flood_handlabeled": "splits/", "v1.1": ""}.get(parent, f"{parent}/") + name] = body
    return places


def test_the_whole_set_arrives_byte_for_byte_in_the_layout_that_the_catalog_reads(
    bucket: Bucket, tmp_path: Path
) -> None:
    report = _download(bucket, tmp_path / "new" / "folder")
    assert _files(tmp_path / "new" / "folder") == _expected(bucket)
    assert (report.chips, report.fetched, report.kept) == (5, 13, 0)
    assert report.received == sum(map(len, bucket.objects.values()))
    assert report.unlabelled == report.unverified == ()


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_a_listing_of_any_page_size_is_read_to_its_end(bucket: Bucket, tmp_path: Path, page_size: int) -> None:
    bucket.page_size = page_size
    assert _download(bucket, tmp_path).chips == 5


def test_a_second_call_fetches_nothing(bucket: Bucket, tmp_path: Path) -> None:
    _download(bucket, tmp_path)
    bucket.requests.clear()
    report = _download(bucket, tmp_path)
    assert (report.fetched, report.kept, bucket.requests) == (0, 13, [])


def test_a_file_damaged_on_disk_is_fetched_again_and_the_others_are_not(bucket: Bucket, tmp_path: Path) -> None:
    _download(bucket, tmp_path)
    damaged = tmp_path / "S1Hand" / "USA_905409_S1Hand.tif"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    bucket.requests.clear()
    _download(bucket, tmp_path)
    assert [key for key, _ in bucket.requests] == [image("USA_905409")]
    assert _files(tmp_path) == _expected(bucket)


@pytest.mark.parametrize(
    ("country", "chips"),
    [
        ("Ghana", {"Ghana_103272", "Ghana_53713"}),
        ("united states", {"USA_905409"}),
        ("usa", {"USA_905409"}),
        ("Sri Lanka", {"Sri-Lanka_534068"}),
        ("sri-lanka", {"Sri-Lanka_534068"}),
        ("CAMBODIA", {"Mekong_333434"}),
        ("Mekong", {"Mekong_333434"}),
    ],
)
def test_a_country_goes_by_its_name_or_its_event(bucket: Bucket, tmp_path: Path, country: str, chips: set[str]) -> None:
    _download(bucket, tmp_path, country)
    assert {p.name.removesuffix("_S1Hand.tif") for p in (tmp_path / "S1Hand").iterdir()} == chips
    assert {p.name.removesuffix("_LabelHand.tif") for p in (tmp_path / "LabelHand").iterdir()} == chips


def test_an_unknown_country_names_those_there_are(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no chips of Atlantis: choose one of Ghana, Mekong, Sri-Lanka, USA"):
        _download(bucket, tmp_path / "out", "Atlantis")
    assert not (tmp_path / "out").exists()


def test_a_limit_takes_chips_of_all_events_in_turn(bucket: Bucket, tmp_path: Path) -> None:
    assert _download(bucket, tmp_path, limit=3).chips == 3
    names = {p.name.partition("_")[0] for p in (tmp_path / "S1Hand").iterdir()}
    assert names == {"Ghana", "Mekong", "Sri-Lanka"}


def test_a_limit_below_one_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="limit of 0"):
        _download(bucket, tmp_path, limit=0)


def test_after_a_kill_half_way_only_the_missing_half_is_fetched(bucket: Bucket, tmp_path: Path) -> None:
    bucket.stall = set(bucket.objects)
    with _downloading(bucket, tmp_path) as process:
        while sum(part.stat().st_size >= 75_000 for part in tmp_path.rglob("*.part")) < 4:
            assert process.poll() is None
        process.kill()
    assert list(tmp_path.rglob("*.tif")) == []
    begun = {part.name.rsplit(".", 2)[0]: part.stat().st_size for part in tmp_path.rglob("*.part")}
    bucket.stall = set()
    bucket.requests.clear()
    report = _download(bucket, tmp_path)
    ranges = {key.rpartition("/")[2]: asked for key, asked in bucket.requests if asked}
    assert ranges == {name: f"bytes={size}-" for name, size in begun.items()}
    assert report.received == sum(map(len, bucket.objects.values())) - sum(begun.values())
    assert _files(tmp_path) == _expected(bucket)


def test_ctrl_c_ends_the_download_and_leaves_parts_that_resume(bucket: Bucket, tmp_path: Path) -> None:
    slow = image("Ghana_103272")
    bucket.stall = {slow}
    with _downloading(bucket, tmp_path) as process:
        while len(_whole(tmp_path)) < 12 or not any(p.stat().st_size == 75_000 for p in tmp_path.rglob("*.part")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in message
    bucket.stall = set()
    bucket.requests.clear()
    assert _download(bucket, tmp_path).received == 75_000
    assert bucket.requests == [(slow, "bytes=75000-")]
    assert _files(tmp_path) == _expected(bucket)


def test_a_part_of_another_version_is_not_continued(bucket: Bucket, tmp_path: Path) -> None:
    key = label("USA_905409")
    bucket.faults = {key: ["cut"] * 5}
    with pytest.raises(DownloadError):
        _download(bucket, tmp_path)
    assert len(list(tmp_path.rglob("*.part"))) == 1
    bucket.objects[key] = hashlib.shake_256(b"a newer version").digest(140_000)
    bucket.faults = {}
    bucket.requests.clear()
    _download(bucket, tmp_path)
    assert (key, None) in bucket.requests
    assert _files(tmp_path) == _expected(bucket)


@pytest.mark.parametrize("fault", ["503", "cut", "flip"])
def test_a_fault_that_passes_is_tried_again(bucket: Bucket, tmp_path: Path, fault: str) -> None:
    key = image("Mekong_333434")
    bucket.faults = {key: [fault, fault]}
    _download(bucket, tmp_path)
    assert [k for k, _ in bucket.requests].count(key) == 3
    assert _files(tmp_path) == _expected(bucket)


def test_a_body_cut_short_goes_on_where_it_ended(bucket: Bucket, tmp_path: Path) -> None:
    key = image("Mekong_333434")
    bucket.faults = {key: ["cut"]}
    report = _download(bucket, tmp_path)
    size = len(bucket.objects[key])
    assert [asked for k, asked in bucket.requests if k == key] == [None, f"bytes={size // 2}-"]
    assert report.received == sum(map(len, bucket.objects.values()))


def test_a_lasting_checksum_mismatch_fails_and_puts_no_file_in_place(bucket: Bucket, tmp_path: Path) -> None:
    key = image("Mekong_333434")
    bucket.faults = {key: ["flip"] * 9}
    with pytest.raises(DownloadError, match=r"1 of 13 files .*Mekong_333434_S1Hand.tif .*its checksum is"):
        _download(bucket, tmp_path)
    expected = _expected(bucket)
    del expected["S1Hand/Mekong_333434_S1Hand.tif"]
    assert _files(tmp_path) == expected


def test_an_answer_with_another_checksum_header_than_its_bytes_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.faults = {METADATA: ["flip"]}
    bucket.objects = {k: v for k, v in bucket.objects.items() if "Ghana_53713" in k or k == METADATA}
    _download(bucket, tmp_path)
    assert (tmp_path / "Sen1Floods11_Metadata.geojson").read_bytes() == bucket.objects[METADATA]


def test_files_without_any_checksum_are_compared_by_size_and_reported(bucket: Bucket, tmp_path: Path) -> None:
    bucket.composite = {METADATA}
    assert _download(bucket, tmp_path).unverified == ("Sen1Floods11_Metadata.geojson",)
    assert _download(bucket, tmp_path).kept == 13


def test_a_tag_that_would_break_a_header_is_never_sent_back(bucket: Bucket, tmp_path: Path) -> None:
    key = image("USA_905409")
    bucket.faults = {key: ["cut"]}
    page = bucket.page
    tag = bucket.etag(key).encode()
    bucket.page = lambda prefix, marker: page(prefix, marker).replace(tag, b'"a&#10;X-Other: b"')  # type: ignore[method-assign]
    _download(bucket, tmp_path)
    assert [asked for k, asked in bucket.requests if k == key] == [None, None]
    assert _files(tmp_path) == _expected(bucket)


def test_being_sent_on_to_an_address_that_is_not_https_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.faults = {METADATA: ["http://elsewhere.example/x"]}
    with pytest.raises(UsageError, match=r"http://elsewhere.example/x is not an https address"):
        _download(bucket, tmp_path)


def test_a_label_that_is_listed_but_gone_fails_by_name_and_the_rest_arrives(bucket: Bucket, tmp_path: Path) -> None:
    bucket.hidden = {label("USA_905409")}
    with pytest.raises(DownloadError, match=r"1 of 13 files .*USA_905409_LabelHand.tif was answered with 404"):
        _download(bucket, tmp_path)
    assert len(_files(tmp_path)) == 12


def test_a_chip_without_a_label_in_the_bucket_is_reported(bucket: Bucket, tmp_path: Path) -> None:
    del bucket.objects[label("Ghana_53713")]
    report = _download(bucket, tmp_path)
    assert (report.chips, report.unlabelled) == (5, ("Ghana_53713",))


@pytest.mark.parametrize(
    "key",
    [
        "v1.1/data/flood_events/HandLabeled/S1Hand/../x",
        "v1.1/data/flood_events/HandLabeled/S1Hand/../../../../../x_1_S1Hand.tif",
        "v1.1/data/flood_events/HandLabeled/S1Hand/Ghana_1_S1Hand.tif\n",
        "v1.1/data/flood_events/HandLabeled/S1Hand/Ghana_1_LabelHand.tif",
        "v1.1/data/flood_events/HandLabeled/S1Hand/a/Ghana_1_S1Hand.tif",
        f"{SPLITS}/../../x.csv",
        f"{SPLITS}//etc/x.csv",
        f"{METADATA}/../../x",
    ],
)
def test_a_name_that_is_not_of_the_data_set_becomes_no_file_anywhere(bucket: Bucket, tmp_path: Path, key: str) -> None:
    expected = _expected(bucket)
    bucket.objects[key] = b"malice"
    report = _download(bucket, tmp_path / "a" / "b" / "out")
    assert report.chips == 5
    assert {name.removeprefix("a/b/out/"): body for name, body in _files(tmp_path).items()} == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.googleapis.com/sen1floods11",
        "ftp://localhost/x",
        "file:///etc",
        "http://localhost.evil.example/x",
        "https://",
        "sen1floods11",
        "http://[::1",
    ],
)
def test_an_address_that_is_not_https_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="https"):
        download_sen1floods11(tmp_path, base_url=url)


@pytest.mark.parametrize("url", ["https://a.example/b", "http://localhost:8000/b", "http://[::1]:1/b"])
def test_https_and_this_machine_are_accepted(url: str) -> None:
    require_safe_url(url)


def test_a_page_that_is_no_listing_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.page = lambda prefix, marker: b"<html><body>Welcome</body></html>"  # type: ignore[method-assign]
    with pytest.raises(DownloadError, match="did not answer with a bucket's listing"):
        _download(bucket, tmp_path)


def test_a_listing_with_entities_is_refused_unread(bucket: Bucket, tmp_path: Path) -> None:
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><ListBucketResult><Name>&a;</Name></ListBucketResult>"
    bucket.page = lambda prefix, marker: bomb  # type: ignore[method-assign]
    with pytest.raises(DownloadError, match="did not answer with a bucket's listing"):
        _download(bucket, tmp_path)


def test_an_empty_bucket_is_named(tmp_path: Path) -> None:
    with serve(Bucket({})) as empty, pytest.raises(DownloadError, match="lists no chip"):
        _download(empty, tmp_path)


def test_a_listing_that_never_ends_is_given_up(bucket: Bucket, tmp_path: Path) -> None:
    first = bucket.page("", "")
    bucket.page = lambda prefix, marker: first  # type: ignore[method-assign]
    with pytest.raises(DownloadError, match="does not come to an end"):
        _download(bucket, tmp_path)


def test_no_server_at_the_address_says_to_check_the_network(bucket: Bucket, tmp_path: Path) -> None:
    with serve(Bucket({})) as gone:
        pass
    with pytest.raises(DownloadError, match=r"in 5 attempts \(no connection: .*\): check the network"):
        _download(gone, tmp_path)


def test_a_file_in_place_of_the_folder_is_named(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DownloadError, match=r"out.* could not be written"):
        _download(bucket, tmp_path / "out")


def test_a_folder_that_may_not_be_written_says_so(bucket: Bucket) -> None:
    if not Path("/sys").is_dir():
        pytest.skip("no /sys here, where not even root may write")
    with pytest.raises(DownloadError, match="may not be written"):
        _download(bucket, Path("/sys/floodscope"))


def test_a_full_disk_stops_the_download_and_says_so(bucket: Bucket, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "S1Hand").mkdir()
    etag = bucket.etag(image("Ghana_103272"))
    version = hashlib.blake2b(etag.encode(), digest_size=6).hexdigest()
    (tmp_path / "S1Hand" / f"Ghana_103272_S1Hand.tif.{version}.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"No space is left on the disk of .*S1Hand: make room"):
        _download(bucket, tmp_path)


def test_a_download_larger_than_the_free_space_is_not_begun(bucket: Bucket, tmp_path: Path) -> None:
    page = bucket.page
    bucket.page = lambda prefix, marker: page(prefix, marker).replace(b"<Size>", b"<Size>999999")  # type: ignore[method-assign]
    with pytest.raises(DownloadError, match=r"MB free, the download takes .* MB: make room"):
        _download(bucket, tmp_path)
    assert bucket.requests == []


def test_progress_runs_to_the_sum_of_all_files_through_faults(bucket: Bucket, tmp_path: Path) -> None:
    bucket.faults = {image("Mekong_333434"): ["flip", "cut"], METADATA: ["cut", "503"]}
    seen: list[tuple[int, int, int]] = []
    download_sen1floods11(
        tmp_path,
        base_url=bucket.url,
        progress=lambda done, total, files: seen.append((done, total, files)),
        retry_wait=0.01,
    )
    total = sum(map(len, bucket.objects.values()))
    assert seen[-1] == (total, total, 13)
    assert {t for _, t, _ in seen} == {total}
    assert [files for *_, files in seen] == sorted(files for *_, files in seen)
