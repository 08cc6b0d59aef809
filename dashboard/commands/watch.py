"""floodscope watch."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.door import ANSWERS, given_answers
from dashboard.commands.options import DEVICE, MODEL, STORE, THRESHOLD, open_store, tell_problems, together
from dashboard.commands.prediction import ALERT_EXIT_CODE
from dashboard.commands.values import Duration, Share

if TYPE_CHECKING:
    from model.store.streams import Arrival
    from model.streams.courier import Courier, Webhook
    from model.streams.messages import Voice
    from model.streams.watch import Round, Watch

SECRET = "FLOODSCOPE_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable that holds it


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--every", type=Duration(), default="5m", show_default=True, help="How often to look: 30s, 5m, 2h.")
@click.option(
    "--once", is_flag=True, help="Look once and end, for cron; what could not be told waits for the next time."
)
@MODEL
@click.option(
    "--area", type=click.Path(path_type=Path, dir_okay=False), help="GeoJSON: only what lies in it is predicted."
)
@click.option(
    "--alert-above",
    type=Share(),
    metavar="SHARE",
    help="Alert where more than SHARE, such as 5% or 0.05, is under water.",
)
@click.option(
    "--webhook",
    metavar="URL",
    help=f"Post each alert here as JSON, or without --alert-above each prediction. Signed with what {SECRET} holds.",
)
@click.option(
    "--webhook-timeout", type=Duration(), default="10s", show_default=True, help="How long its answer is awaited."
)
@click.option(
    "--feed",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep an Atom feed here, and a CAP 1.2 file an alert.",
)
@click.option("--page", metavar="URL", help="Address of a dashboard over the same data, for the links of what is told.")
@click.option("--sender", default="floodscope@localhost.invalid", show_default=True, help="Who alerts, in CAP files.")
@click.option("--name", default="", help="Tells this stream from others of the same SOURCE, model and area.")
@click.option(
    "--settle",
    type=Duration(),
    default="10s",
    show_default=True,
    help="How long a file must be as it is before it is read.",
)
@THRESHOLD
@together(*ANSWERS)
@STORE
@DEVICE
def watch(
    source: str,
    model: str,
    every: float,
    once: bool,
    feed: Path | None,
    device: str | None,
    **options: Any,
) -> None:
    """Predict what comes into SOURCE, once each, keep it in the data folder, and tell of it.

    SOURCE is a folder, a prefix of a bucket (s3://BUCKET/PREFIX), or a search of an archive
    (stac:URL?collections=...&bbox=...). Scenes and Sentinel-1 products are predicted by windows. Half-written files wait. What
    cannot be used is set aside with its reason, and the rest goes on. It may be ended at any moment and started again: nothing
    is forgotten and nothing repeated. docs/streams.md says what a webhook is sent.

    Exit codes with --once: 0, done; 3, something new has more water than --alert-above; 1, it failed; 2, wrong use.
    """
    from model.predictors.select import open_predictor
    from model.streams.courier import Courier
    from model.streams.elsewhere import source_of
    from model.streams.messages import Voice
    from model.streams.watch import Watch, Wishes

    webhook = _webhook(options["webhook"], options["webhook_timeout"])
    watched = source_of(source, given_answers(), options["settle"])
    voice = Voice(options["name"] or watched.title, _sender(options["sender"]), _page(options["page"]), model)
    wishes = Wishes(
        voice,
        name=options["name"],
        area=_area(options["area"]),
        above=options["alert_above"],
        threshold=options["threshold"],
        webhook=webhook is not None,
        cap=feed is not None,
    )
    predictor = open_predictor(model, device)
    with open_store(options["data"], options["database"]) as store, _stopping() as stop:
        stream = Watch(watched, predictor, store, wishes)
        courier = Courier(store.streams, stream.id, _complain, webhook, feed)
        if once:
            done = _look(stream, stop)
            _write_feed(feed, stream, store, voice)
            while courier.deliver():
                pass
            left = store.streams.outbox(stream.id).get("waiting", 0)
            if left:
                _complain(f"{left} message(s) wait for the next time.")
            raise click.exceptions.Exit(ALERT_EXIT_CODE if done.alerts else 0)
        _go_on(stream, courier, stop, every, lambda: _write_feed(feed, stream, store, voice))


def _go_on(stream: Watch, courier: Courier, stop: threading.Event, every: float, publish: Any) -> None:
    """Look again and again until the command is ended; what goes wrong for a while is told, and tried again."""
    from tiles.errors import FloodscopeError

    publish()
    courier.start()
    told: list[str] = []
    while not stop.is_set():
        began = time.monotonic()
        try:
            done = _look(stream, stop, told, began + every)
            told = [problem.message for problem in done.problems]
            publish()
        except FloodscopeError as error:  # a disk taken off, an archive or database away, an endpoint that is down
            if told != [str(error)]:
                _complain(str(error))
            told = [str(error)]
        stop.wait(max(0.0, every - (time.monotonic() - began)))
    courier.close()


def _look(stream: Watch, stop: threading.Event, told: list[str] | None = None, until: float = math.inf) -> Round:
    """Look once, and say what came of it; problems that were told last time are not told again."""
    done = stream.round(stop, _tell, until)
    tell_problems(problem for problem in done.problems if problem.message not in (told or []))
    if done.ended:
        click.echo(f"{len(done.ended)} dealt with, {len(done.waiting)} waiting")
    return done


def _tell(arrival: Arrival) -> None:
    from model.streams.messages import headline

    if arrival.state == "aside":
        _complain(f"{arrival.item} is set aside: {arrival.facts['reason']}")
    elif arrival.state == "predicted":
        click.echo(f"{arrival.created} {headline(arrival.facts)}{' ALERT' if arrival.alert else ''}")


def _complain(sentence: str) -> None:
    click.echo(f"floodscope: {sentence}", err=True)


def _write_feed(feed: Path | None, stream: Watch, store: Any, voice: Voice) -> None:
    from model.streams.feed import FEED, LONGEST, atom_feed
    from tiles.files import unwritable, write_whole

    if feed is None:
        return
    content = atom_feed(stream.id, store.streams.arrivals(limit=LONGEST, stream=stream.id, states=["predicted"]), voice)
    path = feed / FEED
    try:
        feed.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_bytes() == content:
            return
    except OSError as error:
        raise unwritable(path, error) from error
    write_whole(path, content)


def _webhook(url: str | None, timeout_s: float) -> Webhook | None:
    from model.streams.courier import Webhook

    if url is None:
        return None
    secret = os.environ.get(SECRET, "")
    if not secret:
        raise click.UsageError(
            f"--webhook needs a secret that what is sent is signed with: put it into the variable {SECRET}."
        )
    return Webhook(url, secret.encode(), timeout_s)


def _page(url: str | None) -> str | None:
    if url is not None and not url.lower().startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no address of a page: give one like https://flood.example.org/.")
    return url if url is None or url.endswith("/") else f"{url}/"


def _sender(sender: str) -> str:
    if not sender or any(c in " ,<&" or c.isspace() for c in sender):
        raise click.BadParameter(f"{sender!r} cannot be CAP's sender: no blank, comma, < or & may be in it.")
    return sender


def _area(file: Path | None) -> Any:
    """Return the area of a GeoJSON file: a geometry, a feature, or a collection of features, united."""
    if file is None:
        return None
    import shapely

    from model.scores.area import polygon_of
    from tiles.errors import UsageError
    from tiles.files import read_small
    from tiles.sentences import Sentence

    try:
        found = json.loads(read_small(file, 16 << 20))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise UsageError(
            f"{{file}} cannot be read as GeoJSON ({why}): give a file with a polygon.", file=file
        ) from error
    listed: Any = (
        found.get("features") if isinstance(found, dict) and found.get("type") == "FeatureCollection" else found
    )
    features = listed if isinstance(listed, list) else [listed]
    shapes: list[Any] = [
        f.get("geometry") if isinstance(f, dict) and f.get("type") == "Feature" else f for f in features
    ]
    try:
        area = shapely.union_all([polygon_of(geometry) for geometry in shapes])
    except UsageError as error:
        raise UsageError("{file} is no area: {why}", file=file, why=Sentence(str(error))) from error
    if area.is_empty:
        raise UsageError("{file} holds no polygon: give the outline of the area.", file=file)
    return area


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set: the input that is at work is finished then."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
