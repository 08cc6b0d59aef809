"""Writers that upsert the same keys and are killed at random, on each kind of store: is anything lost, is a row without raster?

.venv/bin/python tests/benchmarks/store_writers.py --writers 8 --upserts 500
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from model.predictors.backscatter import BackscatterPredictor  # noqa: E402
from model.store.care import check  # noqa: E402
from model.store.prediction import identity_of, key_of  # noqa: E402
from model.store.store import Store  # noqa: E402
from tests.shared_stores import OF_S3, new_bucket, object_store, postgres_server  # noqa: E402
from tiles.catalog.catalog import open_catalog  # noqa: E402
from tiles.chip import ChipRecord  # noqa: E402
from tiles.reading.door import read_chip  # noqa: E402
from tiles.simulate import simulate  # noqa: E402

Place = tuple[Path, str | None, str | None]


def write(place: Place, records: list[ChipRecord], upserts: int, first: int, log: str) -> None:
    """Upsert, and note each revision that was acknowledged."""
    predictor = BackscatterPredictor()
    chips = [read_chip(record) for record in records]
    rasters = predictor.predict(chips)
    folder, url, bucket = place
    with Store(folder, url, rasters=bucket) as store, Path(log).open("a", buffering=1) as told:
        for number in range(first, upserts):
            which = number % len(records)
            put = store.put(chips[which], records[which], identity_of(predictor), rasters[which], 0.1)
            told.write(f"{put.chip_id} {put.created} {put.revision}\n")


def run(kind: str, place: Place, records: list[ChipRecord], asked: argparse.Namespace) -> None:
    """Run the writers, kill one at random moments until all have done their share, and look at what is there."""
    began, kills, rng = time.monotonic(), 0, random.Random(asked.seed)
    logs = [f"{place[0]}/writer{n}.log" for n in range(asked.writers)]
    Store(place[0], place[1], rasters=place[2]).close()
    context = multiprocessing.get_context("spawn")

    def done(n: int) -> int:
        return len(Path(logs[n]).read_text().splitlines()) if Path(logs[n]).exists() else 0

    def start(n: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=write, args=(place, records, asked.upserts, done(n), logs[n]))
        process.start()
        return process

    running = {n: start(n) for n in range(asked.writers)}
    next_kill = time.monotonic() + 10
    while running:
        time.sleep(0.1)
        for n, process in list(running.items()):
            if not process.is_alive():
                process.join()
                del running[n]
                if done(n) < asked.upserts:
                    running[n] = start(n)
        if running and kills < asked.kills and time.monotonic() > next_kill:
            victim = rng.choice(list(running.values()))
            victim.kill()
            kills, next_kill = kills + 1, time.monotonic() + rng.uniform(1, 4)
    told = [line.split() for log in logs for line in Path(log).read_text().splitlines()]
    with Store(place[0], place[1], rasters=place[2]) as store:
        found, held = check(store), store.for_model(key_of(BackscatterPredictor()))
        older = [c for c in held if max(t[1] for t in told if t[0] == c) > held[c].created and held[c].revision not in
                 {t[2] for t in told}]  # fmt: skip
        print(
            f"{kind}: {len(told)} upserts acknowledged by {asked.writers} writers, {kills} kills, "
            f"{time.monotonic() - began:.0f} s; rows {len(held)} of {len(records)}, lost {len(found.lost)}, older than what was "
            f"acknowledged {len(older)}, rasters left behind {found.young + len(found.stray)}"
        )


def main() -> None:
    """Run it on every kind of store."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--upserts", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="floodscope-writers-") as home, contextlib.ExitStack() as servers:
        records = open_catalog([simulate(Path(home) / "chips", chips=10, size=64)]).usable()
        postgres = servers.enter_context(postgres_server())
        address = servers.enter_context(object_store())
        os.environ.update(AWS_ENDPOINT_URL=address, **OF_S3)
        for kind in ("sqlite+disk", "postgresql+disk", "postgresql+s3"):
            folder = Path(home) / kind
            folder.mkdir()
            url = None if kind.startswith("sqlite") else postgres.new_database()
            run(kind, (folder, url, new_bucket(address) if kind.endswith("s3") else None), records, asked)


if __name__ == "__main__":
    main()
