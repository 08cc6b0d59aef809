"""The model server under load: throughput beside the raw model, memory, SIGTERM in the midst; encoding; random requests.

    python tests/benchmarks/serving.py [--seconds 180] [--clients 16] [--requests 10000]

Loopback only. The raw model is `LocalPredictor.predict` in this process before the server starts, with as many threads as
the server's network has, one chip after another (`one after another`), and as many at once as the server has workers.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from model.predictors.local import LocalPredictor, default_threads, usable_cores
from model.serving.app import create_server
from model.serving.inference import input_fn, output_fn, predict_fn
from model.serving.service import ModelService
from model.serving.settings import ServingSettings
from model.wire import NPY, encode_npy
from tests.fuzzing import requests
from tests.model.predictors.bundles import write_random
from tests.model.predictors.random_chips import random_chip
from tests.serving import ServerProcess, start_server


class Load:
    """Clients that ask without a pause, each on a connection that it keeps."""

    def __init__(self, server: ServerProcess, clients: int, body: bytes) -> None:
        self.server, self.body = server, body
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.no_retry_after = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _client(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while not self.stopping.is_set():
            began = time.perf_counter()
            try:
                connection.request("POST", "/invocations", self.body, {"Content-Type": NPY})
                answer = connection.getresponse()
                answer.read()
            except ConnectionRefusedError:
                return
            except Exception as error:
                self.statuses[f"lost ({error!r})"] += 1
                return
            self.seconds.append(time.perf_counter() - began)
            self.statuses[str(answer.status)] += 1
            if answer.status == 503:
                self.no_retry_after += answer.headers["Retry-After"] is None
                time.sleep(0.2)

    def stop(self) -> None:
        self.stopping.set()
        self.join()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(70)


def raw_rate(bundle: Path, workers: int, seconds: float) -> float:
    """Return the chips a second of the model alone, `workers` at once."""
    model = LocalPredictor(bundle, "cpu")
    chip = random_chip(512, 512)
    model.predict([chip])
    end = time.perf_counter() + seconds
    done: list[int] = []

    def run(_: int) -> None:
        while time.perf_counter() < end:
            model.predict([chip])
            done.append(1)

    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, range(workers)))
    return len(done) / (time.perf_counter() - began)


def resident(server: ServerProcess) -> float:
    process = psutil.Process(server.process.pid)
    return sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / 1e6


def under_load(bundle: Path, seconds: float, clients: int) -> None:
    chip = random_chip(512, 512)
    body = encode_npy(np.stack([chip.vv, chip.vh])[None])
    workers = max(1, usable_cores() // default_threads())
    part = max(5.0, seconds / 6)
    before = {n: raw_rate(bundle, n, part) for n in sorted({1, workers})}
    server = start_server("--model", str(bundle))
    try:
        warm = Load(server, clients, body)
        time.sleep(part / 2)
        warm.stop()
        memory = [resident(server)]
        load = Load(server, clients, body)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            time.sleep(min(5.0, seconds / 6))
            memory.append(resident(server))
        load.stop()
        rate = load.statuses["200"] / (time.perf_counter() - began)
        print(
            f"{clients} clients, {seconds:g} s: {dict(load.statuses)}, 503 without Retry-After: {load.no_retry_after}"
        )
        print(
            f"median {np.median(load.seconds):.2f} s, 95th percentile {np.percentile(load.seconds, 95):.2f} s a request"
        )
        for n, raw in before.items():
            how = "one after another" if n == 1 else f"{n} at once"
            print(f"{rate:.2f} chips/s; the raw model, {how}: {raw:.2f}; ratio {rate / raw:.2f}")
        print(f"memory, MB: {memory[0]:.0f} at the start, {max(memory):.0f} at most, {memory[-1]:.0f} at the end")
        last = Load(server, clients, body)
        time.sleep(3.0)
        took = server.terminate()
        last.join()
        lost = sum(count for what, count in last.statuses.items() if what.startswith("lost"))
        print(
            f"SIGTERM under load: {dict(last.statuses)}, {lost} lost, exit code {server.process.returncode} after {took:.1f} s"
        )
    finally:
        server.process.kill()


def payloads(bundle: Path) -> None:
    """Encode and decode one chip, beside the capstone's way: a JSON list up, a JSON list of 0 and 1 down."""
    chip = random_chip(512, 512)
    model = LocalPredictor(bundle, "cpu")
    images = np.stack([chip.vv, chip.vh])[None]
    answer = predict_fn(input_fn(encode_npy(images)), model)
    mask = (answer.rasters[0] >= 127).astype(int)

    def ours() -> tuple[int, int]:
        up = encode_npy(images)
        input_fn(up)
        down = output_fn(answer)
        np.load(io.BytesIO(down))
        return len(up), len(down)

    def capstone() -> tuple[int, int]:
        up = json.dumps(np.nan_to_num(images).tolist())
        np.array(json.loads(up), dtype=np.float32)
        down = json.dumps(mask.tolist())
        np.array(json.loads(down))
        return len(up), len(down)

    found = {}
    for name, way, runs in (("npy", ours, 15), ("JSON", capstone, 3)):
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            up, down = way()
            times.append(time.perf_counter() - began)
        found[name] = float(np.median(times))
        print(
            f"{name}: {up / 1e6:.2f} MB up, {down / 1e6:.3f} MB down, {1e3 * found[name]:.1f} ms to encode and decode a chip"
        )
    print(f"JSON takes {found['JSON'] / found['npy']:.0f} times as long")


def random_requests(bundle: Path, count: int) -> None:
    service = ModelService(bundle, ServingSettings(max_payload_mb=3.0))
    service.start()
    while service.not_ready():
        time.sleep(0.05)
    client = create_server(service).test_client()
    statuses: Counter[int] = Counter()
    memory = []
    for i, (path, body, headers) in enumerate(requests(count, seed=1)):
        if i % max(1, count // 10) == 0:
            memory.append(psutil.Process().memory_info().rss / 1e6)
        statuses[client.post(path, data=body, headers=headers).status_code] += 1
    print(
        f"{count} random requests: {dict(sorted(statuses.items()))}; memory, MB: {memory[0]:.0f} to {max(memory):.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder)
        write_random(bundle)
        payloads(bundle)
        random_requests(bundle, options.requests)
        under_load(bundle, options.seconds, options.clients)


if __name__ == "__main__":
    main()
