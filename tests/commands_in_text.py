"""Commands that stand in the texts of the program and of the documents, for a user to type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

COMMAND = re.compile(
    r"""\b(?:gdal\w*(?:\.py)?|ogr2ogr|rio|chmod|sudo|docker|(?:pip|apt|apt-get|conda)\ install|git\ (?:lfs|annex)|aws\ s3)
        \ [^)`'";,]+
    |\bfloodscope\ (?:catalog\ (?:build|show)|cut|dashboard|demo|download|evaluate|export|name-chips|predict|regrid|sagemaker
        |serve|simulate|train|tune)\b[^)`'";,:]*
    |--(?:units|bands|label-values|labels)\b[^)`'";:]*""",
    re.VERBOSE,
)
"""What looks like one. A colon ends a command of ours, and may stand in others (EPSG:4326)."""


def texts(path: Path) -> Iterator[str]:
    """Give the strings of a module that are no docstrings, {} where an f-string fills something in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    skipped = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, kinds) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def spans(path: Path) -> Iterator[str]:
    """Give what stands in backticks in a document."""
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", path.read_text(encoding="utf-8"))
