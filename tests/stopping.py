"""Stops of a server under load, again and again: who connected is answered, whatever the moment of the stop.

python -m tests.stopping --times 300
"""

from __future__ import annotations

import argparse
import http.client
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import Any

from tests.waiting import PATIENCE_S

REFUSED = "ConnectionRefusedError"
CLIENTS = 8


def serve() -> None:
    """Serve one small answer on a free port of this machine, which is printed, until told to stop."""
    from gunicorn.app.base import BaseApplication

    from model.serving.worker import CONNECTIONS, PatientWorker

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            options: dict[str, Any] = {"bind": "127.0.0.1:0", "worker_class": PatientWorker, "threads": 24}
            options |= {"worker_connections": CONNECTIONS, "graceful_timeout": 20, "keepalive": 15, "timeout": 120}
            options |= {"loglevel": "warning", "control_socket_disable": True}
            options["post_worker_init"] = lambda worker: print(worker.sockets[0].getsockname()[1], flush=True)
            for key, value in options.items():
                self.cfg.set(key, value)

        def load(self) -> Any:
            def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
                environ["wsgi.input"].read()
                size = int(environ["QUERY_STRING"] or 2)
                start_response("200 OK", [("Content-Length", str(size))])
                return [b"x" * size]

            return answer

    sys.argv[1:] = []
    Application().run()


def start() -> tuple[subprocess.Popen[str], int]:
    """Start the server above, and return it and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stopping", "--serve"], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def ask_until_refused(port: int, path: str, *, keep: bool) -> list[str]:
    """Ask without a pause, each time by a connection of its own or by one that is kept, until nobody listens any more."""
    found: list[str] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    while True:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            found.append(str(answer.status))
        except ConnectionRefusedError:
            return found
        except Exception as error:
            found.append(type(error).__name__)
            connection.close()
        if not keep:
            connection.close()


def stop_under_load(process: subprocess.Popen[str], port: int, path: str = "/", *, kept: int = 0) -> Counter[str]:
    """Have clients ask, stop the server by SIGTERM, and return what they got, counted, the statuses by number.

    Args:
        process: the server's.
        port: where it listens.
        path: what is asked for.
        kept: how many of the clients keep their connections.
    """
    outcomes: Counter[str] = Counter()

    def client(number: int) -> None:
        outcomes.update(ask_until_refused(port, path, keep=number < kept))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    threading.Event().wait(random.random() / 3)
    process.send_signal(signal.SIGTERM)
    for one in clients:
        one.join(PATIENCE_S)
    outcomes[f"exit {process.wait(PATIENCE_S)}"] += 1
    return outcomes


def main() -> None:
    """Stop so many times, and print what clients got on the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=100)
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    outcomes: Counter[str] = Counter()
    for number in range(given.times):
        outcomes += stop_under_load(*start(), kept=number % CLIENTS)
        if number % 20 == 19:
            print(number + 1, dict(outcomes), flush=True)
    print(given.times, dict(outcomes))


if __name__ == "__main__":
    main()
