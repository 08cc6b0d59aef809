"""The components whose values the page's URL holds; assets/page/address.mjs has the same table, and says how each is written."""

from __future__ import annotations

from dashboard.page import ids

Places = tuple[tuple[str, str], ...]
"""Properties of components: (id, property)."""

ADDRESS: Places = (
    (ids.SELECTION, "data"),
    (ids.MODEL, "value"),
    (ids.BASE, "value"),
    (ids.OVERLAY, "value"),
    (ids.GREY, "checked"),
    (ids.OUTLINE, "checked"),
    (ids.LEVEL, "data"),
    (ids.OPACITY, "value"),
    (ids.TAB, "value"),
    (ids.THEME, "data"),
    (ids.COMPARE, "value"),
    (ids.LEFT, "value"),
    (ids.RIGHT, "value"),
    (ids.LOOK, "data"),
    (ids.REVIEW, "data"),
    (ids.SIEVE, "data"),
)
"""What is read into the URL, and set from it when the page opens. The map's place is read from the store of the view."""
