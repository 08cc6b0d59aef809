"""What a test sees of the page's inside: its modules by short names, as `floodscope`, which the product has not."""

from __future__ import annotations

import json

from playwright.sync_api import BrowserContext, Page

MODULES = {
    "bridge": "page/bridge",
    "catalog": "data/catalog",
    "chips": "review/chips",
    "drawing": "map/drawing",
    "filterbar": "review/filterbar",
    "filters": "data/filters",
    "flights": "map/flights",
    "format": "page/format",
    "four": "map/four",
    "groups": "data/groups",
    "history": "history",
    "home": "map/home",
    "leaflet": "map/leaflet",
    "pairing": "data/pairing",
    "picture": "map/picture",
    "pixel": "map/pixel",
    "scores": "scores/histogram",
    "intervals": "scores/intervals",
    "shapes": "map/shapes",
    "state": "page/state",
    "tiles": "map/tiles",
    "view": "page/view",
    "workbench": "review/workbench",
}

# Imported under the very addresses that the page has them from, modules are those of the page. The page is whole once that has
# come too which its first picture does not wait for: keys, buttons.
_SCRIPT = """document.addEventListener("DOMContentLoaded", async () => {
  const entry = document.querySelector("script[type=module]");
  if (!entry) return;
  const load = async ([name, path]) => [name, await import(new URL(`${path}.mjs`, entry.src))];
  const modules = Object.fromEntries(await Promise.all(Object.entries(MODULES).map(load)));
  await import(entry.src);
  await import(new URL("later.mjs", entry.src));
  window.floodscope = modules;
});"""


def install(page: Page | BrowserContext) -> None:
    """Give a page `floodscope`, each time that it is loaded."""
    page.add_init_script(_SCRIPT.replace("MODULES", json.dumps(MODULES)))
