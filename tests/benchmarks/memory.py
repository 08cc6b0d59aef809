"""What memory the largest requests take: of the model server over its model, of the dashboard over its start. MB of 10^6 bytes.

    python tests/benchmarks/memory.py [--tiles 4320] [--uploads 3200] [--only serve|tiles|uploads]

`serve` is the shipped model's, asked for one GeoTIFF of 4096 x 4096 and for eight arrays of 2048 x 2048 float16 at once, with a
time limit that is long enough. The peak is the kernel's (VmHWM), set back before each; what is kept is VmRSS afterwards.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import rasterio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model.serving.worker import GIVE_BACK_S
from model.weights import WEIGHTS
from model.wire import NPY, TIFF, encode_npy
from tests.serving import FLOODSCOPE, model_server
from tiles.catalog.catalog import open_catalog
from tiles.simulate import simulate

SIDE = 4096


@dataclass
class Memory:
    """Of the process that serves, the child of one that restarts it."""

    parent: int

    def __post_init__(self) -> None:
        (self.pid,) = (child.pid for child in psutil.Process(self.parent).children())

    def _of(self, what: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / 1e6

    def now(self) -> float:
        return self._of("VmRSS:")

    def peak(self) -> float:
        return self._of("VmHWM:")

    def forget(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1200)
    connection.request(method, path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def image(side: int) -> np.ndarray:
    """Land and water of a small pattern, so that 4096 x 4096 pack into less than a body may have."""
    small = np.random.default_rng(0).normal(0, 2, (2, 32, 32))
    both = np.tile(small, (1, side // 32, side // 32)) + np.array([-9.0, -16.0])[:, None, None]
    both[:, : side // 4] -= 8
    return both.astype(np.float32)


def tiff(side: int) -> bytes:
    place = {"crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)}
    with rasterio.MemoryFile() as memory:
        made = {"driver": "GTiff", "width": side, "height": side, "count": 2, "dtype": "float32", "compress": "zstd"}
        with memory.open(**made, **place, tiled=True, blockxsize=512, blockysize=512) as dataset:
            dataset.write(image(side))
            dataset.descriptions = ("VV", "VH")
        return bytes(memory.read())


def serve() -> None:
    with model_server("--model", str(WEIGHTS), FLOODSCOPE_TIME_LIMIT_S="1100") as server:
        memory = Memory(server.process.pid)
        model = memory.now()
        large, array = tiff(SIDE), encode_npy(image(SIDE // 2)[None].astype(np.float16))
        print(
            f"serve, its model loaded: {model:.0f} MB; bodies of {len(large) / 1e6:.1f} and {len(array) / 1e6:.1f} MB"
        )
        for name, bodies, kind in (
            ("one GeoTIFF of 4096 x 4096", [large], TIFF),
            ("eight arrays of 2048 x 2048", [array] * 8, NPY),
        ):
            memory.forget()
            began = time.perf_counter()
            with ThreadPoolExecutor(8) as pool:
                statuses = [
                    one[0]
                    for one in pool.map(
                        lambda b, k=kind: ask(server.port, "POST", "/invocations", b, Content_Type=k), bodies
                    )
                ]
            peak, took = memory.peak() - model, time.perf_counter() - began
            print(
                f"  {name}: {sorted(set(statuses))}, peak +{peak:.0f} MB, kept +{memory.now() - model:.0f} MB, {took:.0f} s"
            )


@contextmanager
def dashboard(chips: int, size: int) -> Iterator[tuple[int, Memory, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        source = simulate(Path(folder) / "chips", chips=chips, size=size)
        command = [FLOODSCOPE, "dashboard", str(source), "--port", "0", "--no-browser", "--model", "backscatter"]
        with subprocess.Popen([*command, "--data", f"{folder}/data"], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            port = urlsplit(process.stderr.readline().split()[3]).port or 0
            try:
                yield port, Memory(process.pid), source
            finally:
                process.terminate()


def tiles(count: int) -> None:
    """Ask for distinct cold tiles, 36 of each chip at most."""
    with dashboard(max(1, count // 36), 512) as (port, memory, source):
        paths = []
        for record in open_catalog([source]).usable():
            west, south, east, north = record.footprint.bounds  # type: ignore[union-attr]
            for zoom in (12, 13, 14):
                for layer in ("composite", "vv", "vh"):
                    for x in range(int((west + 180) / 360 * 2**zoom), int((east + 180) / 360 * 2**zoom) + 1):
                        lat = np.radians((south + north) / 2)
                        middle = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * 2**zoom)
                        paths += [
                            f"/tiles/{layer}/{record.id}/{record.revision()}/{zoom}/{x}/{y}.png"
                            for y in (middle, middle + 1)
                        ]
        paths = paths[:count]
        ask(port, "GET", paths[0])
        begun = memory.now()
        with ThreadPoolExecutor(8) as pool:
            statuses = {one[0] for one in pool.map(lambda path: ask(port, "GET", path), paths)}
        kept, peak = memory.now() - begun, memory.peak() - begun
        time.sleep(2 * GIVE_BACK_S)
        rests = memory.now() - begun
        print(
            f"{len(paths)} cold tiles {sorted(statuses)}: {begun:.0f} MB, then +{kept:.0f} MB, peak +{peak:.0f}, "
            f"at rest +{rests:.0f}"
        )


def uploads(count: int) -> None:
    """Add an image of two bands and remove it, again and again."""
    with dashboard(2, 128) as (port, memory, _):
        own = {"X_Floodscope": "test"}
        begun = 0.0
        for number in range(count):
            made = io.BytesIO()
            content = tiff(128)
            made.write(
                b'--x\r\nContent-Disposition: form-data; name="files"; filename="lake%d.tif"\r\n\r\n' % number
                + content
                + b"\r\n--x--\r\n"
            )
            status, body = ask(
                port, "POST", "/uploads", made.getvalue(), Content_Type="multipart/form-data; boundary=x", **own
            )
            assert status == 200, body
            (chip,) = (one["id"] for one in json.loads(body)["added"])
            status, body = ask(port, "DELETE", f"/uploads/{chip}", **own)
            assert status == 200, body
            if number == 49:
                begun = memory.now()
            if number % 400 == 399 or number == count - 1:
                print(
                    f"{number + 1} uploads and removals: {memory.now():.0f} MB, +{memory.now() - begun:.0f} over 50 of them",
                    flush=True,
                )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=4320)
    parser.add_argument("--uploads", type=int, default=3200)
    parser.add_argument("--only", choices=["serve", "tiles", "uploads"])
    given = parser.parse_args()
    if given.only in (None, "serve"):
        serve()
    if given.only in (None, "tiles"):
        tiles(given.tiles)
    if given.only in (None, "uploads"):
        uploads(given.uploads)


if __name__ == "__main__":
    main()
