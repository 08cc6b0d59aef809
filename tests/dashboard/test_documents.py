"""What the documents say of the command line and of the page's address is what there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dashboard.cli import cli

ROOT = Path(__file__).parents[2]
# What docs/sagemaker.md sets once for all its examples.
OF_AWS = {
    "FLOODSCOPE_S3": "s3://bucket/folder",
    "FLOODSCOPE_ROLE": "arn:aws:iam::123456789012:role/floodscope",
    "FLOODSCOPE_IMAGE": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/floodscope:0.1.0",
}


def examples() -> Iterator[tuple[str, str]]:
    """Give every command of floodscope that stands in a block of the documents, with the document's name."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^ {4}(floodscope .*)$", text, re.MULTILINE):
            yield path.name, line


def leaves(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from leaves(command) if isinstance(command, click.Group) else [command]


@pytest.mark.parametrize(("document", "line"), list(examples()))
def test_a_command_of_the_documents_is_one_that_is_understood(
    monkeypatch: pytest.MonkeyPatch, document: str, line: str
) -> None:
    for command in leaves(cli):
        monkeypatch.setattr(command, "callback", lambda **_: None)
    environment = OF_AWS if document == "sagemaker.md" else dict.fromkeys(OF_AWS)
    result = CliRunner().invoke(cli, shlex.split(line, comments=True)[1:], env=environment, prog_name="floodscope")
    assert result.exit_code == 0, result.output


def test_every_parameter_of_the_address_is_in_the_documents() -> None:
    table = (ROOT / "assets" / "page" / "address.mjs").read_text(encoding="utf-8")
    keys = re.findall(r'\bname: "\w+",\s+key: "(\w+)"', table)
    text = (ROOT / "docs" / "review-tables.md").read_text(encoding="utf-8")
    rows = text.partition("| in the address |")[2].partition("\n\n")[0]
    told = [key for row in rows.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(keys)
