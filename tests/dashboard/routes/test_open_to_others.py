"""The site that docs/open-to-others.md gives for nginx, before a dashboard: login, names, same origin, limits."""

from __future__ import annotations

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
from tests.waiting import eventually

DOCUMENT = Path(__file__).parents[3] / "docs" / "open-to-others.md"
NAME = "flood.example.org"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
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


@pytest.fixture
def address(simulated: Path, tmp_path: Path) -> Iterator[str]:
    if NGINX is None:
        pytest.skip("nginx is not installed here")
    workspace = Workspace(Settings((simulated,), tmp_path / "data", model="backscatter", allowed_hosts=(NAME,)))
    server = make_server("127.0.0.1", 0, create_app(workspace).server, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "htpasswd").write_text(f"{LOGIN[0]}:{{PLAIN}}{LOGIN[1]}\n")
    (tmp_path / "nginx.conf").write_text(site(tmp_path, port, server.server_port))
    tmp_path.chmod(0o755)
    command = [
        NGINX,
        "-e",
        str(tmp_path / "error.log"),
        "-c",
        str(tmp_path / "nginx.conf"),
        "-p",
        str(tmp_path),
        "-g",
        "user root;",
    ]
    with subprocess.Popen(command) as proxy:
        try:
            eventually(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
            yield f"http://127.0.0.1:{port}"
        finally:
            proxy.terminate()
            proxy.wait()
            server.shutdown()
            workspace.close()


def test_the_documents_site_asks_for_a_login_passes_the_name_on_and_limits_what_is_sent(address: str) -> None:
    own = {"Host": NAME}
    assert requests.get(address, headers=own, timeout=60).status_code == 401
    assert requests.get(address, headers={"Host": "rebound.example"}, auth=LOGIN, timeout=60).status_code == 421
    page = requests.get(address, headers=own, auth=LOGIN, timeout=60)
    assert (page.status_code, "floodscope" in page.text) == (200, True)
    chip = requests.get(f"{address}/uploads/catalog", headers=own, auth=LOGIN, timeout=60).json()["chips"][0]["id"]
    tilejson = requests.get(
        f"{address}/tiles/composite/{chip}/tilejson.json", headers=own, auth=LOGIN, timeout=60
    ).json()
    assert tilejson["tiles"][0].startswith(f"http://{NAME}/tiles/")
    for origin, status in ((f"http://{NAME}", 200), ("https://elsewhere.example", 403)):
        headers = own | {"Origin": origin}
        asked = requests.post(f"{address}/review/explore", json={"ids": []}, headers=headers, auth=LOGIN, timeout=60)
        assert asked.status_code == status, asked.text
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as large:
        large.sendall(f"POST /uploads HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {2 << 30}\r\n\r\n".encode())
        assert large.recv(12) == b"HTTP/1.1 413"
