"""The model server's process: gunicorn with threads, which on SIGTERM answers what it has and loses nothing."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.serving.log import LOG, JsonFormatter, log_as_json
from model.serving.settings import ServingSettings
from tiles.errors import ModelError

if TYPE_CHECKING:
    from model.serving.service import ModelService

STOP_WITHIN_S = 26
"""A stopping server has so long; the hosting service kills it after 30 seconds."""
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
    from model.serving.worker import CONNECTIONS, SPARE_THREADS  # noqa: PLC0415

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
                "threads": settings.max_requests + SPARE_THREADS,
                "worker_connections": CONNECTIONS,
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
    from model.serving.worker import PatientWorker  # noqa: PLC0415

    class ServingWorker(PatientWorker):
        """Tells its service that it stops: what is new gets 503, what is here its answer."""

        def begin_stop(self) -> None:
            LOG.info("stopping")
            service: ModelService = self.application.extensions["floodscope"]
            service.drain()

    return ServingWorker
