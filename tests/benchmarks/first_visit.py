"""What a visit of the page costs: bytes on the wire, seconds until the map shows its chips, here and on a slow line.

Run `.venv/bin/python tests/benchmarks/first_visit.py [SOURCE...]`; without a source, eleven simulated chips.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

# The browser tests' modules in place of this folder, whose tiles.py would be taken for the package.
sys.path[0] = str(Path(__file__).resolve().parent.parent / "browser")

from playwright.sync_api import BrowserContext, sync_playwright  # noqa: E402
from running import ARGUMENTS, browser_path, serving  # noqa: E402

LINES = {"this machine": None, "1.6 Mbit/s, 300 ms": (200_000, 300)}


def visit(context: BrowserContext, url: str, line: tuple[int, int] | None) -> tuple[float, float, int]:
    """Open the page; return seconds until the map has chips, MB that came over the wire, headers included, and requests."""
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    if line is not None:
        speed, wait = line
        conditions = {"offline": False, "downloadThroughput": speed, "uploadThroughput": speed, "latency": wait}
        devtools.send("Network.emulateNetworkConditions", conditions)
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    begun = time.perf_counter()
    page.goto(url, timeout=120_000)
    page.locator("#map .leaflet-interactive").first.wait_for(state="attached", timeout=120_000)
    seconds = time.perf_counter() - begun
    page.wait_for_load_state("networkidle", timeout=120_000)
    page.wait_for_timeout(2000)
    page.close()
    return seconds, sum(sizes) / 1e6, sum(1 for size in sizes if size)


def main() -> None:
    """Print both visits on both lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", type=Path)
    sources = parser.parse_args().sources
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        if not sources:
            from tiles.simulate import simulate

            sources = [simulate(Path(folder) / "chips", chips=11)]
        browser = playwright.chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        with serving(Path(folder) / "data", *sources) as dashboard:
            for name, line in LINES.items():
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                for which in ("first visit", "second visit"):
                    seconds, megabytes, requests = visit(context, dashboard.url, line)
                    print(f"{name:20} {which:13} map after {seconds:5.2f} s  {megabytes:6.3f} MB  {requests} requests")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
