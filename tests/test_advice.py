"""What a message or a document tells a user to type works: each command is run, as it stands there, on what provokes it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import numpy as np
import pytest

from dashboard.cli import cli
from model.store.store import Store
from tests.advised import ADVICE, Advice
from tests.commands_in_text import COMMAND, spans, texts
from tests.tiles.chips import lake, write_pair
from tiles.catalog.catalog import open_catalog
from tiles.chip import UNKNOWN, ChipRecord
from tiles.cutting.cut import cut
from tiles.errors import ChipError, StoreError
from tiles.reading.door import read_chip

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent

# What is advised and not run on its input here, and why not.
ELSEWHERE = {
    "--bands says otherwise": "says what an option is for; the option is run above",
    "--bands names {}": "quotes what was typed",
    "--label-values says nothing": "quotes what was typed",
    "--labels cannot be sent": "names an option that is refused",
    "--units says otherwise": "says what an option is for; the option is run above",
    "floodscope catalog (no column {}": "says what a file is not",
    "floodscope catalog build": "named in a document that explains it; it is run below",
    "--labels FOLDER": "named in a document that explains it; it is run above",
    "apt install libgomp1": "needs a package server and an administrator",
    "aws s3 mb": "needs an account at AWS",
    "docker build -t floodscope .": "needs Docker",
    "docker run": "needs Docker",
    "floodscope dashboard": "serves until it is ended; the browser's tests run it",
    "floodscope demo": "serves until it is ended; the browser's tests run it",
    "floodscope evaluate": "its runs have tests of their own (tests/dashboard)",
    "floodscope export": "its runs have tests of their own (tests/dashboard/exports)",
    "floodscope sagemaker": "needs an account at AWS",
    "floodscope serve": "serves until it is ended (tests/model/serving)",
    "floodscope simulate OUT": "its runs have tests of their own (tests/tiles/test_simulate.py)",
    "floodscope train": "its runs have tests of their own (tests/model/training)",
    "floodscope tune": "its runs have tests of their own (tests/model/training)",
    "git annex get .": "needs git-annex and a network",
    "git lfs pull": "needs Git LFS and a network",
    "pip install": "needs a network",
}
OPTIONS = ("--units", "--bands", "--label-values", "--labels")
# Run below, by tests of their own.
BELOW = (
    "chmod +r FILE",
    "chmod +x FOLDER",
    "chmod u+w FOLDER",
    "floodscope catalog build SOURCE OUT.parquet",
    "floodscope catalog show SOURCE",
    "floodscope catalog show SOURCE --why CHIP",
    "floodscope predict SOURCE --out DIR",
    "floodscope predict",
    "rio convert FILE OUT.tif",  # tests/tiles/layouts/test_names_that_meet.py
    "floodscope regrid FILE OUT --like IMAGE --resampling bilinear",  # tests/tiles/cutting/test_regrid.py
)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the entry point of a command in a folder, in this process: all of it but the interpreter's start and imports."""

    def command(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
        (entry,) = entry_points(group="console_scripts", name=str(words[0]))
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            entry.load()()
        return subprocess.CompletedProcess(sys.argv, int(left.value.code or 0), *capfd.readouterr())

    return command


def what_is_said(source: Path, size: int) -> str:
    """Return everything that is said of a source: of its files, its chips, their labels, and of cutting it."""
    catalog = open_catalog([source])
    said = [problem.message for problem in catalog.problems()]
    for record in catalog.records():
        said += [text for text in (record.unplaced, record.assumed_grid) if text]
        if record.has_imagery:
            try:
                chip = read_chip(record)
            except ChipError as error:
                said.append(str(error))
            else:
                said += [*chip.notes, chip.label_problem or ""]
    if size:
        said += [problem.message for problem in cut(catalog.records(), source.parent / "not cut", size).problems]
    return "\n".join(said)


def wrong(records: list[ChipRecord], advice: Advice) -> list[str]:
    """Return what is not right with chips whose label is where VH is dark: nothing, where all is well."""
    found = [] if len(records) == advice.chips else [f"{len(records)} chips"]
    for record in records:
        try:
            chip = read_chip(record)
        except ChipError as error:
            found.append(str(error))
            continue
        if record.unplaced:
            found.append(record.unplaced)
        if chip.label is None or chip.label_problem:
            found.append(f"no label: {chip.label_problem or record.label_problem}")
            continue
        known = chip.valid & (chip.label != UNKNOWN)
        if known.mean() < advice.least - 1e-9:
            found.append(f"{record.id}: {known.mean():.3f} is known")
        if not np.array_equal(chip.vh[known] < advice.threshold, chip.label[known] == 1):
            found.append(f"{record.id}: the water is not where it was")
    return found


@pytest.mark.parametrize("name", ADVICE)
def test_what_a_message_advises_mends_what_provoked_it(name: str, run: Run, tmp_path: Path) -> None:
    advice = ADVICE[name]
    source = tmp_path / "chips"
    advice.make(source)
    said = what_is_said(source, advice.size)
    assert wrong(open_catalog([source]).records(), advice), "nothing is wrong with it"

    pattern = re.escape(advice.command).replace(r"\{\}", r"([^\s)`]+)")
    if advice.command.startswith("--label-values"):
        pattern += r"(?:,unknown=[^\s),]+)*"
    match = re.search(pattern, said)
    assert match is not None, said
    command = match[0].split(" or --")[-1]  # of two choices the input is the second
    command = command if command.startswith(("--", "floodscope", "rio")) else f"--{command}"

    if command.startswith("--"):
        done = run(
            "floodscope", "evaluate", source, "--model", f"backscatter:{advice.threshold}", "--data", tmp_path / "data",
            *shlex.split(command), folder=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        total = re.search(r"^all \(micro\) +1 +(\S+)", done.stdout, re.MULTILINE)
        assert total is not None, done.stdout
        assert total[1] == ("-" if name.endswith("255 is unknown") else "1.000"), done.stdout + done.stderr
        return
    after = source
    for template in (command, *advice.also):
        for file in advice.fill.get("FILE", "-").split():
            typed = _typed(template, {**advice.fill, "FILE": file, "OUT": "out.tif", "SOURCE": ".", "DIR": "../tiles"})
            done = run(*shlex.split(typed), folder=source)
            assert done.returncode == 0, done.stderr
            if "OUT" in template:
                (source / "out.tif").replace(source / file)
            elif "DIR" in template:
                after = tmp_path / "tiles"
    if advice.size:
        cut(open_catalog([source]).records(), tmp_path / "tiles", advice.size)
        after = tmp_path / "tiles"
    found = wrong(open_catalog([after]).records(), advice)
    assert len(found) == advice.left, found


def _typed(template: str, words: dict[str, str]) -> str:
    """Return a command with a user's own words in the places that stand for them."""
    places = r"EPSG:\.\.\.|\b(?:FILE|OUT|IMAGE|SOURCE|DIR|512)\b"
    return re.sub(places, lambda found: words.get(found[0], found[0]), template)


def test_a_catalog_that_is_none_can_be_built_as_told(run: Run, tmp_path: Path) -> None:
    import geopandas as gpd
    from shapely.geometry import Point

    write_pair(tmp_path / "chips", "a")
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[Point(0, 0)], crs=4326).to_parquet(tmp_path / "old.parquet")
    said = run("floodscope", "catalog", "show", "old.parquet", folder=tmp_path)
    assert said.returncode == 1
    match = re.search(r"floodscope catalog build SOURCE OUT\.parquet", said.stderr)
    assert match is not None, said.stderr
    typed = match[0].replace("SOURCE", "chips").replace("OUT.parquet", "old.parquet")
    assert run(*shlex.split(typed), folder=tmp_path).returncode == 0
    assert [record.id for record in open_catalog([tmp_path / "old.parquet"]).usable()] == ["a"]


def test_the_ids_of_a_source_are_listed_as_told(run: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a_place")
    said = run("floodscope", "export", "chips", "--out", "out", "--chip", "zzz", folder=tmp_path)
    assert "`floodscope catalog show SOURCE` lists the ids" in said.stderr
    assert "a_place" in run("floodscope", "catalog", "show", "chips", folder=tmp_path).stdout
    why = run("floodscope", "catalog", "show", "chips", "--why", "a_place", folder=tmp_path).stdout
    assert "unit:" in why


def test_chips_without_a_label_are_predicted_as_told(run: Run, tmp_path: Path) -> None:
    write_pair(tmp_path / "chips", "a", label=False)
    said = run("floodscope", "evaluate", "chips", "--data", "data", folder=tmp_path)
    match = re.search(r"`(floodscope predict SOURCE --out DIR)`", said.stderr)
    assert match is not None, said.stderr
    typed = match[1].replace("SOURCE", "chips").replace("DIR", "out") + " --data data"
    assert run(*shlex.split(typed), folder=tmp_path).returncode == 0
    assert (tmp_path / "out" / "a_mask.tif").is_file()


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder of a user without rights, whom permissions stop; the test goes on as this user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pair(folder / "chips", "a")
        read_chip(open_catalog([folder / "chips"]).get("a"))  # loads what is imported late
        with Store(folder / "warm"):
            pass
        root = os.geteuid() == 0
        if root:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, 65534, 65534)
            try:
                os.seteuid(65534)
            except OSError as error:
                pytest.skip(f"root here may not become another user ({error.strerror})")
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)


def test_permissions_are_given_as_told(nobodys_folder: Path) -> None:
    chips, data = nobodys_folder / "chips", nobodys_folder / "data"
    (chips / "a_vv.tif").chmod(0)
    problem = open_catalog([chips]).get("a").problem or ""
    _chmod(problem, "chmod +r FILE", chips / "a_vv.tif")
    record = open_catalog([chips]).get("a")
    assert np.array_equal(read_chip(record).vh < -22, lake())

    chips.chmod(0o600)
    with pytest.raises(ChipError) as refused:
        read_chip(record)
    _chmod(str(refused.value), "chmod +x FOLDER", chips)
    assert np.array_equal(read_chip(record).vh < -22, lake())

    data.mkdir()
    data.chmod(0o555)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(data).close()
    _chmod((ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), "chmod u+w FOLDER", data)
    with Store(data):
        pass


def _chmod(said: str, command: str, path: Path) -> None:
    assert command in said
    subprocess.run([*command.split()[:-1], str(path)], check=True)


def _known(command: str) -> bool:
    """Return whether a command is run by a test, or named with a reason why not."""
    if " or --" in command:
        return all(_known(part) for part in re.split(r" or (?=--)", command))
    # A full stop may end the sentence, or be part of the command.
    forms = (command.strip(), command.strip().rstrip("."))
    if any(f"{form} ".startswith(tuple(f"{name} " for name in ELSEWHERE)) for form in forms):
        return True
    run_here = (*(part for advice in ADVICE.values() for part in re.split(r" or (?=--)", advice.command)), *BELOW)
    patterns = [re.compile(re.escape(one).replace(r"\{\}", r"\S+")) for one in run_here]
    return any(pattern.fullmatch(form) for pattern in patterns for form in forms)


@pytest.mark.parametrize("package", ["tiles", "model", "dashboard"])
def test_every_command_in_a_message_is_run_by_a_test(package: str) -> None:
    unknown = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for text in texts(path):
            for match in COMMAND.finditer(text):
                command = match[0]
                if command == text and command in OPTIONS:
                    continue  # the option's own name
                if not _known(command):
                    unknown.append(f"{path.relative_to(ROOT)}: {command}")
    assert unknown == []


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_every_command_in_a_document_is_run_by_a_test_and_exists(path: Path) -> None:
    unknown = []
    for span in spans(path):
        match = COMMAND.match(span)
        if match is not None and span not in OPTIONS and not _known(span):
            unknown.append(span)
        if span.startswith("floodscope ") and "COMMAND" not in span and not _exists(span.split()[1:]):
            unknown.append(f"{span}: no such command or option")
    assert unknown == []


def _exists(words: list[str]) -> bool:
    command: click.Command = cli
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return all(word.split("=")[0] in {*options, "--help"} for word in words if word.startswith("--")) and not (
        command is cli and words[:1] != ["--help"]
    )
