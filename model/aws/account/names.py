"""Names of what is made at AWS: after the endpoint it belongs to and its content, so that the same thing has one name."""

from __future__ import annotations

import hashlib
import json
import re

_NAMED = re.compile(r"(?P<endpoint>.+)-[0-9a-f]{12}")


def fingerprint(*values: object) -> str:
    """Return 12 hex digits that stand for some values."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def name_for(endpoint: str, *content: object) -> str:
    """Return the name of a model or configuration of an endpoint."""
    return f"{endpoint}-{fingerprint(*content)}"


def endpoint_of(name: str) -> str | None:
    """Return the endpoint that a model or configuration was made for, or None where floodscope did not name it."""
    match = _NAMED.fullmatch(name)
    return None if match is None else match["endpoint"]
