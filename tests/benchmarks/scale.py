# ruff: noqa: E402 - the search path comes first
"""`floodscope batch` with one worker and two beside a plain loop in one process, and what a scheduler can feed.

    python tests/benchmarks/scale.py [--chips 446] [--model floodscope] [--kills 0]
    python tests/benchmarks/scale.py --feed 1000

Each way has a store of its own and as many cores of this machine as workers, the plain loop one: it is `floodscope predict` of
the same chips, and the files of all are compared. Seconds of the processor are those of all processes: other work on the machine
changes them less than the clock's. What two workers can reach at all is told by two plain loops side by side, each on a core of
its own, which share nothing but the machine. --kills N ends a worker with kill -9 N times in the run with two workers.
--feed N asks the real scheduler over N workers (threads of four processes) with tasks that only sleep: tasks a second by
the length of a task.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[0] = str(REPOSITORY)  # this folder's tiles.py would be taken for the package

import psutil

from tiles.simulate import simulate

PROGRAM = Path(sys.executable).with_name("floodscope")


def start(cores: list[int], *arguments: object) -> subprocess.Popen[bytes]:
    """Start a command on these cores."""
    return subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - this process has no threads
    )


def timed(*processes: subprocess.Popen[bytes], kills: int = 0) -> tuple[float, float]:
    """Return the seconds of commands that were just started, by the clock and of the processor, their workers' too.

    Workers of the first are killed at random meanwhile.
    """
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    rng = random.Random(1)
    while kills and processes[0].poll() is None:
        time.sleep(rng.uniform(4, 8))
        workers = [child for child in psutil.Process(processes[0].pid).children(recursive=True) if busy(child)]
        if workers:
            rng.choice(workers).send_signal(signal.SIGKILL)
            kills -= 1
    for process in processes:
        process.wait()
        if process.returncode or kills:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}, {kills} kills left")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def busy(process: psutil.Process) -> bool:
    """Whether a process is a worker that has its model."""
    try:
        return process.memory_info().rss > 250e6
    except psutil.NoSuchProcess:
        return False


def ways(chips: int, model: str, kills: int) -> None:
    """Print the seconds of each way of predicting the same chips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = simulate(folder / "chips", chips=chips, size=512)
        cores = sorted(os.sched_getaffinity(0))[:2]

        def predict(name: str, core: int) -> subprocess.Popen[bytes]:
            more = ("--model", model, "--out", folder / name, "--data", folder / f"data-{name}")
            return start([core], "predict", source, *more)

        loop, worked = timed(predict("loop", cores[0]))
        print(f"{chips} chips under {model}\nplain loop (predict)  {loop:6.1f} s, processor {worked:.1f} s", flush=True)
        for workers in (1, 2):
            data = folder / f"data{workers}"
            more = ("--model", model, "--workers", workers, "--data", data, "--out", folder / f"out{workers}")
            seconds, its = timed(start(cores[:workers], "batch", source, *more), kills=kills if workers == 2 else 0)
            print(
                f"batch, {workers} worker(s)    {seconds:6.1f} s, {loop / seconds:.3f} times the loop's speed; "
                f"processor {its:.1f} s, {its / worked - 1:+.1%} beside the loop",
                flush=True,
            )
            same = all(
                (folder / f"out{workers}" / path.relative_to(folder / "loop")).read_bytes() == path.read_bytes()
                for path in (folder / "loop").rglob("*.tif")
            )
            print("  the same files to the byte" if same else "  FILES DIFFER", flush=True)
        if len(cores) == 2:
            seconds, its = timed(predict("left", cores[0]), predict("right", cores[1]))
            print(
                f"two plain loops at once {seconds:4.1f} s for twice the chips, {2 * loop / seconds:.3f} times one loop's speed; "
                f"processor {its:.1f} s, {its / worked / 2 - 1:+.1%} a chip"
            )


def feed(workers: int) -> None:
    """Print how many sleeping tasks a second a real scheduler gets through with so many workers."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=4, threads_per_worker=-(-workers // 4), dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for seconds in (0.1, 0.5, 1, 2, 5, 10):
            tasks = max(4 * workers, min(20_000, int(workers * 12 / seconds)))
            began = time.perf_counter()
            client.gather(client.map(time.sleep, [seconds] * tasks, pure=False))
            took = time.perf_counter() - began
            ideal = -(-tasks // workers) * seconds
            print(
                f"tasks of {seconds:4} s: {tasks / took:6.0f} tasks/s, {ideal / took:.0%} of the workers' time",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=446)
    parser.add_argument("--model", default="floodscope")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--feed", type=int, metavar="WORKERS")
    args = parser.parse_args()
    if args.feed:
        feed(args.feed)
    else:
        ways(args.chips, args.model, args.kills)
