"""What the repository says about itself in several places agrees."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def _pins() -> dict[str, str]:
    lines = [line for line in _text("constraints.txt").splitlines() if line and not line.startswith("#")]
    return dict(line.split("==", 1) for line in lines)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def test_the_version_is_one_everywhere() -> None:
    cited = re.search(r"^version: (\S+)$", _text("CITATION.cff"), re.MULTILINE)
    logged = re.search(r"^## \[([^\]]+)\]", _text("CHANGELOG.md"), re.MULTILINE)
    assert cited is not None
    assert logged is not None
    assert PROJECT["version"] == cited.group(1) == logged.group(1) == version("floodscope")


def test_the_licence_is_one_everywhere() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "license: Apache-2.0" in _text("CITATION.cff")
    assert "Apache License\n                           Version 2.0, January 2004" in _text("LICENSE")


@pytest.mark.parametrize(
    "requirement",
    # The extras that "dev" takes whole stand in its place.
    PROJECT["dependencies"]
    + [
        r
        for extra in ("dev", "postgresql", "sagemaker", "scale", "train")
        for r in PROJECT["optional-dependencies"][extra]
        if not r.startswith("floodscope")
    ],
)
def test_every_dependency_is_pinned_and_the_pin_is_installed(requirement: str) -> None:
    assert _pins()[_name(requirement)] == version(_name(requirement))


def test_the_world_map_names_every_country_once_and_nothing_abbreviated() -> None:
    features = json.loads(_text("assets/countries.geojson"))["features"]
    names = [feature["properties"]["name"] for feature in features]
    assert len(names) == len(set(names)) == 241
    assert [name for name in names if "." in name] == []
    assert {"United States of America", "Sri Lanka", "Cambodia", "United Kingdom"} <= set(names)
