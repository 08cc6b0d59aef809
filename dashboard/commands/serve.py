"""floodscope serve."""

from __future__ import annotations

from pathlib import Path

import click

from dashboard.commands.options import bundle_path


@click.command()
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    callback=bundle_path,
    help='The model bundle, or "floodscope" for the one that comes with the program. Default: FLOODSCOPE_MODEL, '
    "else /opt/ml/model, where the hosting service puts it; where that is missing or empty, the model of the program.",
)
@click.option("--host", default="0.0.0.0", show_default=True, help="127.0.0.1 serves this machine alone.")  # noqa: S104
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Default: SAGEMAKER_BIND_TO_PORT, else 8080. 0 takes any free one."
)
def serve(model: Path | None, host: str, port: int | None) -> None:
    """Answer predictions of one model over HTTP, by SageMaker's hosting contract: this is the container's `serve` too.

    GET /ping, POST /invocations, GET /metrics. Images go up as application/x-npy (float32, N x 2 x H x W: VV and VH in dB)
    or image/tiff, and probabilities come down. Environment variables FLOODSCOPE_* set limits: docs/serving.md lists them.
    """
    from dashboard.server import free_port
    from model.serving.server import serve_model
    from model.serving.settings import default_model, default_port, read_settings

    chosen = free_port(host, default_port() if port is None else port)
    serve_model(default_model() if model is None else model, read_settings(), host, chosen)
