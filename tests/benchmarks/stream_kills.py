"""A stream of files that come in bursts, its process killed at random, its receiver ill-mannered: what is lost, what comes twice?

.venv/bin/python tests/benchmarks/stream_kills.py --files 500 --kills 20
.venv/bin/python tests/benchmarks/stream_kills.py --files 2000 --kills 0     # memory along the way
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from model.store.store import Store  # noqa: E402
from tests.receiving import SECRET, receiver  # noqa: E402
from tiles.simulate import simulate  # noqa: E402


def bursts(source: Path, inbox: Path, files: int, rng: random.Random) -> None:
    """Drop chips in bursts: each VV and VH copied in two halves, some renamed into place, some written slowly."""
    images = sorted(source.rglob("*S1Hand*.tif"))
    done = 0
    while done < files:
        for _ in range(min(rng.randint(10, 60), files - done)):
            data = images[done % len(images)].read_bytes()
            path = inbox / f"chip{done:05d}.tif"
            with path.open("wb") as file:
                file.write(data[: len(data) // 2])
                file.flush()
                if rng.random() < 0.05:
                    time.sleep(0.3)
                file.write(data[len(data) // 2 :])
            done += 1
        time.sleep(rng.uniform(0.2, 1.0))


def main() -> None:  # noqa: PLR0915 - one course of events
    """Run it, and print what was counted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", default="0.5s")
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    home = Path(tempfile.mkdtemp(prefix="floodscope-stream-"))
    chips, inbox = simulate(home / "chips", chips=20, size=128), home / "inbox"
    inbox.mkdir()
    manners = ("take", "take", "refuse", "take", "late", "take", "take", "hang", "take", "take")
    with receiver(manners if asked.kills else ("take",), late_s=2.0) as got:
        command = [
            str(REPOSITORY / ".venv/bin/floodscope"), "watch", str(inbox), "--every", asked.every, "--settle", "1s",
            "--model", "backscatter", "--data", str(home / "data"), "--alert-above", "0", "--webhook", got.url,
            "--webhook-timeout", "1s", "--feed", str(home / "feed"),
        ]  # fmt: skip
        log = (home / "log").open("w")

        def start() -> subprocess.Popen[bytes]:
            env = {**os.environ, "FLOODSCOPE_WEBHOOK_SECRET": SECRET.decode()}
            return subprocess.Popen(command, stdout=log, stderr=log, env=env)

        began, process, kills, memory = time.monotonic(), start(), 0, []
        dropper = subprocess.Popen(
            [sys.executable, "-c",
             f"import sys, random; from pathlib import Path; sys.path.insert(0, {str(REPOSITORY)!r});"
             f"from tests.benchmarks.stream_kills import bursts;"
             f"bursts(Path({str(chips)!r}), Path({str(inbox)!r}), {asked.files}, random.Random({asked.seed}))"]
        )  # fmt: skip
        next_kill = time.monotonic() + rng.uniform(2, 8)
        with Store(home / "data") as store:
            while True:
                time.sleep(0.25)
                ended = store.streams.mark()[0]
                if process.poll() is None:
                    memory.append((ended, psutil.Process(process.pid).memory_info().rss >> 20))
                if kills < asked.kills and time.monotonic() > next_kill:
                    process.kill()
                    process.wait()
                    kills += 1
                    process, next_kill = start(), time.monotonic() + rng.uniform(2, 8)
                waiting = 0 if ended < asked.files else sum(_waiting(store))
                if dropper.poll() is not None and ended >= asked.files and not waiting and kills >= asked.kills:
                    break
            arrivals = store.streams.arrivals(limit=10 * asked.files)
            alerts = [a for a in arrivals if a.alert]
            expected = {a.delivery("webhook") for a in alerts}
            print(f"{asked.files} files, {kills} kills, {time.monotonic() - began:.0f} s")
            print(
                f"arrivals {len(arrivals)}, inputs {len({a.item for a in arrivals})}, states "
                f"{ {s: sum(a.state == s for a in arrivals) for s in {a.state for a in arrivals}} }"
            )
            rows = store.models()
            print(f"predictions in the store {sum(m.chips for m in rows)}")
            print(
                f"alerts {len(expected)}, received {len(got.bodies)}, never received {len(expected - got.bodies.keys())}, "
                f"of none {len(got.bodies.keys() - expected)}"
            )
            twice = [d for d, n in got.answered.items() if n > 1]
            print(
                f"requests {sum(got.tries.values())}; messages answered in time more than once {len(twice)} "
                f"(a process killed between answer and note; same id); faults {got.faults}"
            )
            caps = list((home / "feed" / "cap").glob("*.xml"))
            print(f"CAP files {len(caps)}")
            if not asked.kills:
                for share in (0.1, 0.25, 0.5, 0.75, 1.0):
                    at = [m for n, m in memory if n <= share * asked.files]
                    print(f"memory at {share:.0%} of the files: {at[-1]} MiB")
        process.terminate()
        print("ended with", process.wait(60))
        dropper.wait()
    shutil.rmtree(home)


def _waiting(store: Store) -> list[int]:
    streams = {a.stream for a in store.streams.arrivals(limit=1)}
    return [store.streams.outbox(stream).get("waiting", 0) for stream in streams]


if __name__ == "__main__":
    main()
