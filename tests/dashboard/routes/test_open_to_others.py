"""The sites that docs/open-to-others.md gives for nginx and Caddy, before a dashboard: login, names, same origin, limits."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from werkzeug.serving import make_server

from dashboard.app import create_app
from dashboard.workspace.settings import Settings
from dashboard.workspace.workspace import Workspace
from tests.ports import free_port
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[3] / "docs" / "open-to-others.md"
NAME = "flood.example.org"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
CADDY = shutil.which("caddy", path="/usr/bin:/usr/local/bin")
LOGIN = ("operator", "water")


def site(folder: Path, port: int, dashboard: int) -> str:
    """Return a whole nginx.conf of the document's text, on free ports and without a certificate."""
    section = DOCUMENT.read_text().split("## nginx")[1].split("## Caddy")[0]
    text = "\n".join(line.removeprefix("    ") for line in section.splitlines() if line.startswith("    "))
    for said, here in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port};"),
        (r"ssl_certificate\w* \S+;", ""),
        (r"http://127\.0\.0\.1:8050", f"http://127.0.0.1:{dashboard}"),
        (r"/etc/nginx/floodscope\.htpasswd;", f"{folder}/htpasswd;"),
    ):
        text, found = re.subn(said, here, text)
        assert found, said
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    return f"{head}http {{\naccess_log off;\n{paths}{text}\n}}\n"


def caddyfile(port: int, dashboard: int) -> str:
    """Return the document's Caddyfile, on free ports and without a certificate."""
    section = DOCUMENT.read_text().split("## Caddy")[1].split("\n## ")[0]
    text = "\n".join(line.removeprefix("    ") for line in section.splitlines() if line.startswith("    "))
    hashed = subprocess.run(
        [str(CADDY), "hash-password", "--plaintext", LOGIN[1]], capture_output=True, text=True, check=True
    )
    for said, here in (
        (r"\A\{", "{\n    admin off\n    auto_https off"),
        (r"flood\.example\.org \{", f"http://{NAME}:{port} {{\n    bind 127.0.0.1"),
        ("HASH", hashed.stdout.strip()),
        (r"127\.0\.0\.1:8050", f"127.0.0.1:{dashboard}"),
        ("1100MB", "1MB"),  # it counts what comes, where nginx reads what is announced: so much is sent
    ):
        text, found = re.subn(said, lambda _, new=here: new, text)
        assert found, said
    return text + "\n"


def _nginx(folder: Path, port: int, dashboard: int) -> list[str]:
    """Write what nginx reads, and return the command that runs it."""
    (folder / "htpasswd").write_text(f"{LOGIN[0]}:{{PLAIN}}{LOGIN[1]}\n")
    (folder / "nginx.conf").write_text(site(folder, port, dashboard))
    folder.chmod(0o755)
    return [
        str(NGINX),
        "-e",
        str(folder / "error.log"),
        "-c",
        str(folder / "nginx.conf"),
        "-p",
        str(folder),
        "-g",
        "user root;",
    ]


@pytest.fixture(params=["nginx", "caddy"])
def address(simulated: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if {"nginx": NGINX, "caddy": CADDY}[request.param] is None:
        pytest.skip(f"{request.param} is not installed here")
    workspace = Workspace(Settings((simulated,), tmp_path / "data", model="backscatter", allowed_hosts=(NAME,)))
    server = make_server("127.0.0.1", 0, create_app(workspace).server, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    port = free_port()
    command = _nginx(tmp_path, port, server.server_port) if request.param == "nginx" else [str(CADDY), "run"]
    if request.param == "caddy":
        (tmp_path / "Caddyfile").write_text(caddyfile(port, server.server_port))
    homes = {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **homes}) as proxy:
        try:
            eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield f"http://127.0.0.1:{port}"
        finally:
            proxy.terminate()
            proxy.wait()
            server.shutdown()
            workspace.close()


def test_the_documents_site_asks_for_a_login_passes_the_name_on_and_limits_what_is_sent(
    address: str, request: pytest.FixtureRequest
) -> None:
    own = {"Host": NAME}
    assert requests.get(address, headers=own, timeout=PATIENCE_S).status_code == 401
    other = requests.get(address, headers={"Host": "rebound.example"}, auth=LOGIN, timeout=PATIENCE_S)
    assert other.status_code == 421 or not other.content, "Caddy has no site of that name, and says nothing"
    page = requests.get(address, headers=own, auth=LOGIN, timeout=PATIENCE_S)
    assert (page.status_code, "floodscope" in page.text) == (200, True)
    chip = requests.get(f"{address}/uploads/catalog", headers=own, auth=LOGIN, timeout=PATIENCE_S).json()["chips"][0][
        "id"
    ]
    tilejson = requests.get(
        f"{address}/tiles/composite/{chip}/tilejson.json", headers=own, auth=LOGIN, timeout=60
    ).json()
    assert tilejson["tiles"][0].startswith(f"http://{NAME}/tiles/")
    for origin, status in ((f"http://{NAME}", 200), ("https://elsewhere.example", 403)):
        headers = own | {"Origin": origin}
        asked = requests.post(
            f"{address}/review/explore", json={"ids": []}, headers=headers, auth=LOGIN, timeout=PATIENCE_S
        )
        assert asked.status_code == status, asked.text
    if request.node.callspec.params["address"] == "caddy":
        files = {"files": ("large_vv.tif", bytes(3 << 20))}
        sent = requests.post(f"{address}/uploads", files=files, headers=own, auth=LOGIN, timeout=PATIENCE_S)
        assert sent.status_code in {413, 502}, "502 is what Caddy 2.6 says of it"
        return
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as large:
        large.sendall(f"POST /uploads HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {2 << 30}\r\n\r\n".encode())
        assert large.recv(12) == b"HTTP/1.1 413"
