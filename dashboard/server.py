"""Serving the dashboard: gunicorn with threads, one process, so that there is one inference worker and one cache."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import tempfile
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.routes.proxies import PREFIX_VARIABLES, hub_prefixes, networks
from dashboard.workspace.settings import Settings
from tiles.errors import AddressError, BundleError, StoreError

if TYPE_CHECKING:
    from flask import Flask

    from tiles.catalog.catalog import Catalog

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - compared with, not bound to
THREADS = 24
"""Requests served at once. Clicks that wait for a slow model hold one each, for three seconds at most."""


def serve(
    settings: Settings, catalog: Catalog, *, host: str, port: int, browser: bool, announce: Callable[[str], None]
) -> None:
    """Serve a dashboard until it is stopped.

    Everything that can be wrong with the settings is found before the first request.

    Args:
        settings: what to show.
        catalog: of its sources, as they are now.
        host: address to listen on.
        port: port to listen on; 0 takes any free one.
        browser: open the page.
        announce: told the address.

    Raises:
        FloodscopeError: the port is taken, a source, model or the store cannot be opened.
    """
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415

    from model.serving.worker import CONNECTIONS, PatientWorker  # noqa: PLC0415

    port = free_port(host, port)
    settings = replace(settings, sources=tuple(source.absolute() for source in settings.sources))
    hub = () if settings.url_prefixes else hub_prefixes(os.environ, port)
    # In a hub the page's name is the hub's, which this machine does not know; its people's browsers are on other machines.
    names = ("*",) if hub else (host,)
    settings = replace(
        settings, url_prefixes=settings.url_prefixes or hub, allowed_hosts=(*settings.allowed_hosts, *names)
    )
    _check(settings, announce)
    if (warning := openness(host)) is not None:
        announce(warning)
    below = settings.url_prefixes[0] if settings.url_prefixes and not hub else "/"
    address = f"http://{'127.0.0.1' if host == _EVERYWHERE else host}:{port}{below}"

    def tell_once(worker: Any) -> None:
        # In the serving process: a fork in the middle of what a thread imports would leave the child without that lock for ever.
        if worker.age == 1:  # one that is started again after a crash is no news
            told = (address, browser and not hub, announce, hub[:1])
            threading.Thread(target=_tell, args=told, daemon=True).start()

    ages: list[int] = []  # of serving processes: one that is started again after a crash looks at the sources anew

    class Application(BaseApplication):  # type: ignore[misc]
        """The dashboard under gunicorn. It is made in the serving process: threads and connections survive no fork."""

        def load_config(self) -> None:
            options: dict[str, object] = {
                "bind": f"{host}:{port}",
                "workers": 1,
                "worker_class": PatientWorker,
                "threads": THREADS,
                "worker_connections": CONNECTIONS,
                "timeout": 120,
                "graceful_timeout": 20,
                "keepalive": 15,
                "loglevel": "warning",
                "control_socket_disable": True,
                "pre_fork": lambda _, worker: ages.append(worker.age),
                "post_worker_init": tell_once,
            }
            for key, value in options.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> Any:
            from dashboard.app import create_app  # noqa: PLC0415
            from dashboard.workspace.workspace import Workspace  # noqa: PLC0415

            for name in PREFIX_VARIABLES:  # heard by the command; Dash would hear them a second time
                os.environ.pop(name, None)
            server = create_app(Workspace(settings, catalog if ages[-1:] == [1] else None)).server
            # Dash collects its scripts at the first request; one that came meanwhile would get a page without them.
            server.test_client().get("/healthz")
            gc.freeze()  # the collector need not look through all chips each time: what is here now stays
            threading.Thread(target=prepare, args=(server,), name="catalog", daemon=True).start()
            return server

    Application().run()


def prepare(server: Flask) -> None:
    """Make what every page asks for first, and waits for: of a hundred thousand chips it takes seconds, and is kept."""
    server.test_client().get("/catalog/chips", headers={"Accept-Encoding": "br"})


def _check(settings: Settings, announce: Callable[[str], None]) -> None:
    """Open and close what the server will need, so that an error is one line and not a dead worker.

    A bundle that was named must be one; of a folder of bundles, the damaged ones are told, and listed on the page.
    """
    from dashboard.exports import jobs  # noqa: PLC0415
    from dashboard.uploads import shelf  # noqa: PLC0415
    from model.predictors.select import known_models, open_predictor  # noqa: PLC0415
    from model.store.store import Store  # noqa: PLC0415

    networks(settings.trusted_proxies)
    for spec in (settings.model, *settings.endpoints):
        open_predictor(spec)
    for choice in known_models(settings.bundles):
        if choice.problem is None:
            continue
        if Path(choice.spec) in settings.bundles:
            raise BundleError(choice.problem)
        announce(f"floodscope: {choice.name}: {choice.problem}")
    Store(settings.data, settings.database, rasters=settings.rasters).close()
    for name in (".", shelf.FOLDER, jobs.FOLDER):
        _require_writable(settings.data / name)


def _require_writable(folder: Path) -> None:
    """Write to a folder, where it is there already: a database that can be opened says nothing of its folder.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        if folder.exists():
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise StoreError(
            f"The data folder {folder} cannot be written ({error.strerror}): give write permission to it, or choose "
            "another with --data."
        ) from error


def openness(host: str) -> str | None:
    """Return what has to be known of listening on an address that other machines reach; None for this machine's own."""
    with contextlib.suppress(OSError, UnicodeError, ValueError):
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
        if all(ip_address(str(address).partition("%")[0]).is_loopback for address in found):
            return None
    return (
        f"floodscope: with --host {host} whoever reaches this machine can see the chips, start predictions, and add and remove "
        "images: there is no login. docs/open-to-others.md puts a proxy that asks for one before it."
    )


def free_port(host: str, port: int) -> int:
    """Return the port, a free one in place of 0.

    Raises:
        AddressError: it cannot be listened on.
    """
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        raise AddressError(
            f"Port {port} of {host} cannot be used ({error.strerror}): choose another with "
            f"{'--host' if elsewhere else '--port'}."
        ) from error


def _tell(address: str, browser: bool, announce: Callable[[str], None], hub: tuple[str, ...]) -> None:
    """Say where the page is once it answers: at an address, and at a path of JupyterHub where there is one."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}healthz", timeout=2):  # noqa: S310 - our own address
                break
        except OSError:
            time.sleep(0.1)
    else:
        return
    announce(f"floodscope is at {address} (Ctrl-C stops it)")
    for path in hub:
        announce(f"In JupyterHub it is at {path} of the hub's own address (with jupyter-server-proxy).")
    if browser:
        webbrowser.open(address)
