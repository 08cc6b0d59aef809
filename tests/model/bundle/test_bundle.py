"""Bundles: what is written is read back, and whatever was damaged or is not understood is refused by its name."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import model.bundle.archive
from model.bundle.manifest import Bundle, Member, canonical_json, parse_bundle, read_bundle, read_states, write_bundle
from model.bundle.normalisation import MinMax, Normalisation, ZScore
from tests.model.predictors.bundles import NORMALISATION, pack_bundle
from tiles.errors import BundleError, FloodscopeError, ModelError

STATE = {"head.weight": torch.arange(6.0).reshape(2, 3), "bn.num_batches_tracked": torch.tensor(7)}
TWO = Bundle(
    "Two",
    "Unet",
    "resnet18",
    NORMALISATION,
    members=(Member("a.safetensors"), Member("b.safetensors", architecture="FPN", options={})),
    options={"decoder_channels": [64, 32]},
    threshold=0.45,
    temperature=1.5,
    combine="max",
    tta="d4",
    training={"split": "leave one country out", "chips": 12},
    scores={"iou": 0.7},
    licence="Apache-2.0",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "two", TWO, [STATE, STATE])
    return tmp_path / "two"


@pytest.fixture
def archive(folder: Path) -> Path:
    path = folder.with_name("model.tar.gz")
    pack_bundle(folder, path)
    return path


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change model.json and give it the id of its new content where it can have one."""
    raw = json.loads((folder / "model.json").read_text())
    change(raw)
    (folder / "model.json").write_text(json.dumps(raw))


def pack(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def entries_of(folder: Path, prefix: str = "") -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(tarfile.TarInfo(prefix + p.name), p.read_bytes()) for p in sorted(folder.iterdir())]


def test_a_bundle_is_read_back_as_it_was_written(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert replace(bundle, members=TWO.members) == TWO
    assert len(bundle.id) == 64
    states = read_states(folder, bundle)
    assert len(states) == 2
    assert all(torch.equal(states[0][k], STATE[k]) and states[0][k].dtype == STATE[k].dtype for k in STATE)


def test_an_archive_is_the_same_bundle_as_its_folder(folder: Path, archive: Path) -> None:
    assert read_bundle(archive) == read_bundle(folder)
    assert read_bundle(archive).id == read_bundle(folder).id
    assert torch.equal(read_states(archive, read_bundle(archive))[1]["head.weight"], STATE["head.weight"])


def test_an_archive_may_hold_its_bundle_in_a_folder_and_other_files_beside_it(folder: Path, tmp_path: Path) -> None:
    others = [(tarfile.TarInfo("two/code/inference.py"), b"pass"), (tarfile.TarInfo("two/code/model.json"), b"no")]
    path = pack(tmp_path / "other.tgz", entries_of(folder, "two/") + others)
    assert read_bundle(path).id == read_bundle(folder).id


def test_reading_an_archive_writes_nothing_to_disk(archive: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    read_states(archive, read_bundle(archive))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_id_follows_the_content_and_not_the_form_of_the_file(folder: Path, tmp_path: Path) -> None:
    first = read_bundle(folder).id
    raw = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(dict(reversed(raw.items())), indent=7))
    assert read_bundle(folder).id == first
    assert write_bundle(tmp_path / "again", TWO, [STATE, STATE]).id == first
    assert write_bundle(tmp_path / "name", replace(TWO, name="Three"), [STATE, STATE]).id != first
    other = STATE | {"head.weight": STATE["head.weight"] + 1}
    assert write_bundle(tmp_path / "weights", TWO, [STATE, other]).id != first


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3),
        ),
        max_size=4,
    ),
    st.floats(0, 1),
    st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
)
def test_any_bundle_has_one_id_before_and_after_json(
    training: dict[str, Any], threshold: float, band: tuple[float, float, float]
) -> None:
    low, high, mean = band
    scaling = MinMax(low, high, mean) if high > low else ZScore(mean, abs(low) + 1e-3)
    bundle = Bundle(
        "x",
        "Unet",
        "resnet18",
        Normalisation({"vh": scaling}),
        members=(Member("a.safetensors", "0" * 64),),
        channels=("vh",),
        threshold=threshold,
        training=training,
    )
    text = json.dumps({"id": bundle.id} | bundle.to_json())
    assert parse_bundle(text, "x") == bundle


def test_float16_weights_are_read_as_float32_and_halve_the_file(tmp_path: Path) -> None:
    state = {"w": torch.linspace(-2, 2, 3000), "huge": torch.tensor([1e6, 1.0])}
    one = Bundle("x", "Unet", "resnet18", NORMALISATION)
    bundle = write_bundle(tmp_path, one, [state], half=True)
    (read,) = read_states(tmp_path, bundle)
    assert read["w"].dtype == torch.float32
    assert torch.allclose(read["w"], state["w"], atol=1e-3)
    assert torch.equal(read["huge"], state["huge"])
    assert (tmp_path / "model.safetensors").stat().st_size < 7000


def test_weights_in_channels_last_or_shared_memory_can_be_written(tmp_path: Path) -> None:
    w = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    bundle = write_bundle(tmp_path, Bundle("x", "Unet", "resnet18", NORMALISATION), [{"a": w, "b": w}])
    (read,) = read_states(tmp_path, bundle)
    assert torch.equal(read["a"], w)
    assert torch.equal(read["b"], w)


def test_states_must_be_as_many_as_members(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="2 members, but 1 states"):
        write_bundle(tmp_path, TWO, [STATE])


def test_a_bundle_that_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="temperature"):
        write_bundle(tmp_path / "x", replace(TWO, temperature=0.0), [STATE, STATE])
    assert not (tmp_path / "x").exists()


def test_reading_a_manifest_needs_no_torch(folder: Path) -> None:
    code = "import sys; from model.bundle.manifest import read_bundle; "
    code += f"read_bundle({str(folder)!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_altered_weight_is_found_by_its_file(folder: Path) -> None:
    path = folder / "b.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    bundle = read_bundle(folder, verify=False)
    for read in (lambda: read_bundle(folder), lambda: read_states(folder, bundle)):
        with pytest.raises(BundleError, match=r"b\.safetensors was altered"):
            read()


def test_a_missing_member_is_found_by_its_file(folder: Path) -> None:
    (folder / "a.safetensors").unlink()
    with pytest.raises(BundleError, match=r"lacks a\.safetensors"):
        read_bundle(folder)


def test_a_member_missing_in_an_archive_is_found_by_its_file(folder: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "x.tar.gz", [e for e in entries_of(folder) if e[0].name != "b.safetensors"])
    with pytest.raises(BundleError, match=r"lacks b\.safetensors"):
        read_bundle(path)


def test_an_altered_field_is_found_by_the_id(folder: Path) -> None:
    rewrite(folder, lambda raw: raw.update(threshold=0.46))
    with pytest.raises(BundleError, match=r"model\.json was altered"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(schema=2), "schema 2.*update floodscope"),
        (lambda r: r.update(schema="1"), 'schema is "1": give a whole number'),
        (lambda r: r.pop("schema"), "schema is missing"),
        (lambda r: r.pop("id"), "id is missing"),
        (lambda r: r.pop("threshold"), "threshold is missing"),
        (lambda r: r.update(treshold=r.pop("threshold")), "threshold is missing.*'treshold'"),
        (lambda r: r.update(temprature=1.0), "temprature is not known.*temperature"),
        (lambda r: r.update(threshold=1.5), "threshold is 1.5: give a number from 0 to 1"),
        (lambda r: r.update(threshold=True), "threshold is true: give a number"),
        (lambda r: r.update(temperature=0), "temperature is 0: give a number"),
        (lambda r: r.update(temperature=10**400), "temperature is 1000"),
        (lambda r: r.update(combine="median"), 'combine is "median": give one of mean, max, vote'),
        (lambda r: r.update(tta="d8"), 'tta is "d8": give one of none, d4'),
        (lambda r: r.update(classes=True), "classes is true: give one of 1, 2"),
        (lambda r: r.update(classes=3), "classes is 3: give one of 1, 2"),
        (lambda r: r.update(name=None), "name is null: give a text"),
        (lambda r: r.update(channels=["vv", "hh"]), "channels is .*hh.*: give one of vv, vh"),
        (lambda r: r.update(channels=["vv", "vv"]), "channels is .* different channels"),
        (lambda r: r.update(channels=[]), "channels is .* one or more"),
        (lambda r: r.update(channels="vv"), 'channels is "vv": give a list'),
        (lambda r: r.update(training=[]), "training is .*: give an object"),
        (lambda r: r["normalisation"].pop("vh"), r"normalisation\.vh is missing"),
        (lambda r: r["normalisation"].update(hv={}), r"normalisation\.hv is not known"),
        (lambda r: r["normalisation"]["vv"].update(std=0), r"normalisation\.vv\.std is 0"),
        (lambda r: r["normalisation"]["vv"].update(std="5"), r"normalisation\.vv\.std is \"5\""),
        (lambda r: r["normalisation"].update(kind="robust"), r"normalisation\.kind is \"robust\""),
        (lambda r: r.update(normalisation=[1]), r"normalisation is \[1\]: give an object"),
        (lambda r: r.update(members=[]), "members is 0: give 1 to 64"),
        (lambda r: r["members"][0].update(file="../../etc/passwd"), r"members\[0\]\.file is .*plain file name"),
        (lambda r: r["members"][0].update(file="/a.safetensors"), r"members\[0\]\.file is .*plain file name"),
        (lambda r: r["members"][0].update(file="model.pt"), r"members\[0\]\.file is .*safetensors"),
        (lambda r: r["members"][1].update(file="a.safetensors"), r"members\[1\]\.file is .*of its own"),
        (lambda r: r["members"][1].update(sha256="12"), r"members\[1\]\.sha256 is \"12\": give 64 hex"),
        (lambda r: r["members"].append(3), "members is .*: give an object"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_takes(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(folder, change)
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        "null",
        '{"schema": NaN}',
        '{"schema": 1, "schema": 1}',
        "[" * 100_000,
        "\x80\xff",
        '{"schema": 1' + "0" * 5000 + "}",
    ],
    ids=["empty", "torn", "list", "null", "nan", "twice", "deep", "binary", "digits"],
)
def test_a_manifest_that_is_no_json_object_is_refused(folder: Path, text: str) -> None:
    (folder / "model.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=r"model\.json"):
        read_bundle(folder)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_manifest_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    members = (Member("a.safetensors", "0" * 64),)
    bundle = replace(TWO, members=members)
    text = bytearray(json.dumps({"id": bundle.id} | bundle.to_json()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BundleError):
        assert parse_bundle(bytes(text), "x").id == bundle.id


def test_there_is_no_bundle_where_nothing_is(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "none.tar.gz"):
        with pytest.raises(BundleError, match="no model bundle at"):
            read_bundle(path)
    with pytest.raises(BundleError, match=r"lacks model\.json"):
        read_bundle(tmp_path)


def test_a_file_that_is_not_safetensors_is_refused_even_with_the_right_hash(folder: Path) -> None:
    import hashlib
    import pickle

    content = pickle.dumps({"w": 1})
    (folder / "a.safetensors").write_bytes(content)
    bundle = read_bundle(folder, verify=False)
    first = replace(bundle.members[0], sha256=hashlib.sha256(content).hexdigest())
    bundle = replace(bundle, members=(first, *bundle.members[1:]))
    with pytest.raises(BundleError, match=r"a\.safetensors is no safetensors file"):
        read_states(folder, bundle)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    bundle = write_bundle(
        tmp_path, Bundle("x", "Unet", "resnet18", NORMALISATION), [{"w": torch.tensor([1.0, float("nan")])}]
    )
    with pytest.raises(BundleError, match="NaN or infinity in w"):
        read_states(tmp_path, bundle)


def _escape(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (_escape("../evil.py"), "outside its folder"),
        (_escape("/etc/cron.d/evil"), "outside its folder"),
        (_escape("code/../../evil"), "outside its folder"),
        (_escape("..\\evil"), "outside its folder"),
        (_escape("a.safetensors", tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
        (_escape("a.safetensors", tarfile.LNKTYPE, "model.json"), "a link or a device"),
        (_escape("pipe", tarfile.FIFOTYPE), "a link or a device"),
        (_escape("null", tarfile.CHRTYPE), "a link or a device"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_archive_with_a_path_or_link_that_escapes_is_refused(
    folder: Path, tmp_path: Path, info: tarfile.TarInfo, message: str, first: bool
) -> None:
    entries = entries_of(folder)
    entries.insert(0 if first else len(entries), (info, b""))
    with pytest.raises(BundleError, match=message):
        read_bundle(pack(tmp_path / "x.tar.gz", entries))


def test_an_archive_with_a_file_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    entries = entries_of(folder) + [e for e in entries_of(folder) if e[0].name == "a.safetensors"]
    with pytest.raises(BundleError, match=r"a\.safetensors twice"):
        read_bundle(pack(tmp_path / "x.tar.gz", entries))


def test_an_archive_of_too_many_or_too_large_files_is_refused(
    folder: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = pack(tmp_path / "many.tar.gz", [(tarfile.TarInfo(f"{i}.txt"), b"") for i in range(20)])
    monkeypatch.setattr(model.bundle.archive, "MAX_ARCHIVE_MEMBERS", 10)
    with pytest.raises(BundleError, match="over 10 files"):
        read_bundle(many)
    monkeypatch.setattr(model.bundle.archive, "MAX_FILE_BYTES", 50)
    with pytest.raises(BundleError, match=r"a\.safetensors of \d+ bytes: at most 50"):
        read_bundle(archive)
    with pytest.raises(BundleError, match=r"a\.safetensors cannot be read \(it has more than 50 bytes\)"):
        read_bundle(folder)


def test_a_zip_bomb_is_stopped_on_its_way(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(tarfile.TarInfo("padding.bin"), b"\0" * 30_000_000), *entries_of(folder)]
    bomb = pack(tmp_path / "bomb.tar.gz", entries)
    assert bomb.stat().st_size < 100_000
    monkeypatch.setattr(model.bundle.archive, "MAX_ARCHIVE_BYTES", 10_000_000)
    with pytest.raises(BundleError, match="unpacks to over"):
        read_bundle(bomb)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.8])
def test_a_truncated_archive_is_refused(archive: Path, share: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BundleError, match=r"not a whole \.tar\.gz|lacks"):
        read_bundle(archive)


@pytest.mark.parametrize(
    "content", [b"hello", gzip.compress(b"hello"), gzip.compress(b"\0" * 4096)], ids=["text", "gzip", "zeros"]
)
def test_a_file_that_only_ends_in_tar_gz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(BundleError, match=r"not a whole \.tar\.gz|lacks model\.json"):
        read_bundle(tmp_path / "x.tar.gz")


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_an_archive_with_any_altered_byte_is_the_same_bundle_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    path = folder / "model.tar.gz"
    if not folder.exists():
        write_bundle(folder, TWO, [STATE, STATE])
        pack_bundle(folder, path)
        shutil.copy(path, folder / "good")
    content = bytearray((folder / "good").read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(FloodscopeError):
        assert read_bundle(path).id == read_bundle(folder).id


def test_normalisation_takes_the_mean_to_zero_and_fills_nodata_with_it() -> None:
    values = {"vv": np.array([[-10.7, -5.7, np.nan]], np.float32), "vh": np.array([[-17.5, -22.7, -17.5]], np.float32)}
    out = NORMALISATION.apply(values, np.array([[True, True, False]]))
    assert out.dtype == np.float32
    assert np.allclose(out, [[[0, 1, 0]], [[0, -1, 0]]], atol=1e-6)


def test_min_max_normalisation_fills_nodata_with_what_the_mean_becomes() -> None:
    scaling = Normalisation({"vv": MinMax(-77.0, 26.0, -10.7)})
    out = scaling.apply({"vv": np.array([[-77.0, 26.0, 0.0]], np.float32)}, np.array([[True, True, False]]))
    assert np.allclose(out, [[[0.0, 1.0, (77 - 10.7) / 103]]])


def test_canonical_json_is_one_text_for_one_value() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "\u00e4"}) == '{"a":"\\u00e4","b":[1,2.5]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})
