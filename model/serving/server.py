"""The model server's process: gunicorn with threads, which on SIGTERM answers what it has and loses nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.serving.log import LOG, JsonFormatter, log_as_json
from model.serving.settings import ServingSettings
from tiles.errors import ModelError

if TYPE_CHECKING:
    from model.serving.service import ModelService

STOP_WITHIN_S = 26
"""A stopping server has so long; the hosting service kills it after 30 seconds."""
LAME_DUCK_S = 1.0
"""So long a stopping server still takes connections and answers them with 503: clients that are told, lose nothing."""

# Besides the threads that wait for the model: for pings, metrics, and refusals.
_SPARE_THREADS = 12
_MODEL_FAILED = 3  # gunicorn's exit code for a worker that need not be started again


def serve_model(path: str | Path, settings: ServingSettings, host: str, port: int) -> None:
    """Serve a bundle until the process is told to stop.

    Raises:
        ModelError: the model could not be loaded; its log line says why.
        BundleError: there is no bundle, or it is damaged.
    """
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415
    from gunicorn.glogging import Logger  # noqa: PLC0415

    from model.bundle.manifest import read_bundle  # noqa: PLC0415
    from model.serving.settings import find_bundle  # noqa: PLC0415

    bundle = find_bundle(path)
    read_bundle(bundle)
    log_as_json()

    class JsonLogger(Logger):  # type: ignore[misc]
        """gunicorn's own log, as JSON."""

        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            for handler in logging.getLogger("gunicorn.error").handlers:
                handler.setFormatter(JsonFormatter())

    class Application(BaseApplication):  # type: ignore[misc]
        """The server under gunicorn. The model is made in the serving process: threads survive no fork."""

        def load_config(self) -> None:
            options: dict[str, object] = {
                "bind": f"{host}:{port}",
                "workers": 1,
                "worker_class": _worker_class(),
                "threads": settings.max_requests + _SPARE_THREADS,
                "timeout": 120,
                "graceful_timeout": STOP_WITHIN_S,
                "keepalive": 75,
                "loglevel": "warning",
                "logger_class": JsonLogger,
                "control_socket_disable": True,
            }
            for key, value in options.items():
                if key in self.cfg.settings:
                    self.cfg.set(key, value)

        def load(self) -> Any:
            from model.serving.app import create_server  # noqa: PLC0415
            from model.serving.service import ModelService  # noqa: PLC0415

            service = ModelService(bundle, settings)
            service.start(failed=lambda: os._exit(_MODEL_FAILED))
            app = create_server(service)
            app.extensions["floodscope"] = service
            return app

    LOG.info("listening", extra={"fields": {"host": host, "port": port, "bundle": str(bundle)}})
    try:
        Application().run()
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise ModelError(f"The model {bundle} could not be served; the log above says why.") from None


def _worker_class() -> type:
    from gunicorn.workers.gthread import ThreadWorker  # noqa: PLC0415

    from model.serving.app import UNREAD  # noqa: PLC0415

    class DrainingWorker(ThreadWorker):  # type: ignore[misc]
        """Threads that, told to stop, go on for a moment: what is new gets 503, what is here its answer.

        gunicorn's own worker stops accepting at once, and who has connected but was not accepted yet is cut off.
        """

        wsgi: Any
        service: ModelService | None = None
        _stopping = False

        def load_wsgi(self) -> None:
            super().load_wsgi()
            application = self.wsgi

            def closing(environ: dict[str, object], start_response: Any) -> Any:
                answer = application(environ, start_response)
                # Its client would send the next request on a connection that ends here.
                if self._stopping or environ.get(UNREAD):
                    start_response.__self__.force_close()
                return answer

            self.service, self.wsgi = application.extensions["floodscope"], closing

        def handle_exit(self, sig: int, frame: object) -> None:
            if self._stopping:
                return
            self._stopping = True
            # In a thread: a signal handler runs between any two steps of the main thread, whose locks it must not take.
            threading.Thread(target=self._stop_soon, name="stopping", daemon=True).start()

        def _stop_soon(self) -> None:
            self.cfg.set("keepalive", 0)  # every answer from now on closes its connection
            if self.service is not None:
                self.service.drain()
            LOG.info("stopping")
            time.sleep(LAME_DUCK_S)
            super().handle_exit(0, None)

        def set_accept_enabled(self, enabled: bool) -> None:
            super().set_accept_enabled(enabled)
            if enabled or self.alive:
                return
            for listener in self.sockets:  # who is in the kernel's queue is answered too, then nobody comes any more
                before = -1
                while before != self.nr_conns:
                    before = self.nr_conns
                    self.accept(listener)
                listener.close()
            for conn in [*self.keepalived_conns, *self.pending_conns]:
                conn.timeout = 0.0
            self.murder_keepalived()
            self.murder_pending()

    return DrainingWorker
