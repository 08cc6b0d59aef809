"""floodscope batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.options import (
    DEVICE,
    MODEL,
    SOURCES,
    STORE,
    THRESHOLD,
    open_sources,
    open_store,
    places,
    progress_bar,
    require_usable,
    tell_problems,
)
from dashboard.commands.prediction import RASTERS, assumed, require_free

if TYPE_CHECKING:
    from distributed import Client


@click.command()
@SOURCES
@MODEL
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes on this machine. Default: one a core.")
@click.option(
    "--scheduler", metavar="tcp://HOST:8786", help="A Dask scheduler whose workers do it, in place of --workers."
)
@RASTERS
@click.option("--task-chips", default=8, show_default=True, type=click.IntRange(1, 10_000), help="Chips of one task.")
@THRESHOLD
@click.option("--force", is_flag=True, help="Predict again what is predicted already.")
@STORE
@DEVICE
def batch(
    sources: tuple[Path, ...],
    model: str,
    workers: int | None,
    scheduler: str | None,
    out: Path | None,
    overwrite: bool,
    task_chips: int,
    threshold: float | None,
    force: bool,
    device: str | None,
    **store_options: Any,
) -> None:
    """Predict every chip of SOURCEs on several processes, or on a cluster, into one store.

    Given again it does what is missing. Needs `pip install 'floodscope[scale]'`; docs/scale.md says how a cluster is made.
    """
    if workers is not None and scheduler is not None:
        raise click.UsageError("--workers and --scheduler exclude each other: a scheduler has workers of its own.")
    require_dask()
    from model.export.rasters import write_predictions, write_table
    from model.predictors.local import usable_cores
    from model.predictors.select import open_predictor
    from model.scale.batch import missing, run_batch, write_on_workers
    from model.scale.worker import order_of
    from model.store.prediction import water_total
    from model.store.store import key_of
    from tiles.errors import Problem

    found = open_sources(sources)
    require_usable(found)
    require_free(out, overwrite, found)
    predictor = open_predictor(model, device)
    _, rasters = places(store_options["data"])
    count = workers or usable_cores()
    threads = None if scheduler else max(1, usable_cores() // count)
    with open_store(**store_options) as store, _cluster(count, scheduler) as client:
        more: dict[str, Any] = {"device": device, "threads": threads, "force": force}
        order = order_of(model, predictor, store, store_options["database"], rasters, **more)
        pending, held = missing(found.usable(), predictor, store, force=force)
        with progress_bar("Predicting") as tick:
            told = lambda so_far: tick(so_far.ready, so_far.total)  # noqa: E731
            done = run_batch(client, pending, held, order, told, task_chips=task_chips)
        tell_problems(done.failed)
        stored = store.fresh(found.usable(), key_of(predictor))
        limit = predictor.threshold if threshold is None else threshold
        assumed(found, stored, store, predictor)
        if out is not None and stored:  # a table of nothing would stand in the way of the next try
            chips = [(found.get(i), p) for i, p in stored.items()]
            if scheduler is None:
                write_table(out, write_on_workers(client, order, chips, out, limit, task_chips=task_chips))
            else:  # whose workers may see another disk by this name
                write_predictions(out, chips, store, limit)
        problems = [Problem(record.id, record.problem) for record in found.records() if record.problem]
        click.echo(
            f"{len(done.predicted)} predicted, {done.held} were there, {len(done.failed) + len(problems)} failed; "
            f"{water_total(stored.values(), limit).words(digits=1)} at p >= {limit:.2f} under {predictor.name}"
            + (f"; {'written to' if stored else 'nothing to write to'} {out}" if out else "")
        )
        if not stored:
            raise click.exceptions.Exit(1)


def require_dask() -> None:
    """Raise where Dask is not installed."""
    if find_spec("distributed") is None:
        raise click.UsageError("A batch needs Dask, which is not installed: pip install 'floodscope[scale]'.")


_CLUSTER: dict[str, Any] = {
    "distributed.worker.daemon": False,
    # What the workers say of each other is no news to who gave the command; what failed is told by name.
    "distributed.admin.low-level-log-length": 0,
    # Nobody looks at what these keep, and together they wake the processes some 200 times a second.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "500ms",
    # Dask would have malloc give back whatever is freed, and take it anew: model/predictors/heap.py.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 27,
}
"""Of Dask's settings those that are not as its own, for a cluster that is started here and ends with the command."""


@contextmanager
def _cluster(workers: int, scheduler: str | None) -> Iterator[Client]:
    """Give a client of a scheduler, or of processes that are started here and ended with it."""
    import logging

    import dask
    from distributed import Client, LocalCluster

    from model.scale.batch import connect

    if scheduler is not None:
        with connect(scheduler) as client:
            yield client
        return
    with (
        dask.config.set(_CLUSTER),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
