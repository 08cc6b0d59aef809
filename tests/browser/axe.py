"""axe-core, as the package axe-playwright-python ships it: the rules of WCAG 2.2 A and AA that a program can check."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Colours that fade over are looked at when they are there; what turns for ever is not waited for.
_RUN = """async ([inside, rules]) => {
  const ends = document.getAnimations().filter(a => a.effect.getComputedTiming().endTime < Infinity);
  await Promise.allSettled(ends.map(a => a.finished));
  const found = await axe.run(inside, { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] });
  return found.violations.flatMap(v => v.nodes.map(n => `${v.impact} ${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
}"""


@cache
def _source() -> str:
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, inside: str = "html") -> list[str]:
    """Return what breaks a rule on the page as it stands, a line each.

    Args:
        page: the page.
        inside: a selector of what is looked at, where the rest is in another test; it must be there.
    """
    assert page.locator(inside).count(), inside
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())  # by the debugger, which the page's own policy of scripts does not bind
    found: list[str] = page.evaluate(_RUN, [inside, _RULES])
    return found
