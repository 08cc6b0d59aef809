"""The little Markdown that model cards are written in, as HTML. Everything else stays the text that it is."""

from __future__ import annotations

import re
from html import escape

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_HEADING = re.compile(r"(#{1,4}) +(.+)")
_RULE = re.compile(r"\|[\s:|-]+\|")


def as_html(text: str) -> str:
    """Return headings (one level for all, `h4`), paragraphs, lists and tables as HTML. No HTML of the text survives."""
    return "".join(_block(block.strip()) for block in re.split(r"\n\s*\n", text) if block.strip())


def _block(block: str) -> str:
    lines = block.splitlines()
    if heading := _HEADING.fullmatch(lines[0]):
        rest = "\n".join(lines[1:]).strip()
        return f"<h4>{_inline(heading[2])}</h4>" + (_block(rest) if rest else "")
    if all(line.startswith("- ") for line in lines):
        return f"<ul>{''.join(f'<li>{_inline(line[2:])}</li>' for line in lines)}</ul>"
    if len(lines) > 1 and lines[0].startswith("|") and _RULE.fullmatch(lines[1].strip()):
        head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in _cells(lines[0]))
        rows = "".join(f"<tr>{''.join(f'<td>{_inline(c)}</td>' for c in _cells(line))}</tr>" for line in lines[2:])
        return (
            f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    return f"<p>{_inline(' '.join(lines))}</p>"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _inline(text: str) -> str:
    return _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", escape(text)))
