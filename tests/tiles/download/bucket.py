"""A local HTTP server with the layout of the public Sen1Floods11 bucket, and faults to order."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

HAND = "v1.1/data/flood_events/HandLabeled"
SPLITS = "v1.1/splits/flood_handlabeled"
METADATA = "v1.1/Sen1Floods11_Metadata.geojson"


def image(chip: str) -> str:
    return f"{HAND}/S1Hand/{chip}_S1Hand.tif"


def label(chip: str) -> str:
    return f"{HAND}/LabelHand/{chip}_LabelHand.tif"


@dataclass
class Bucket:
    """Objects, and what goes wrong with them."""

    objects: dict[str, bytes]
    page_size: int = 3
    url: str = ""
    composite: set[str] = field(default_factory=set)  # keys whose ETag is no MD5
    hidden: set[str] = field(default_factory=set)  # listed, but answered with 404
    faults: dict[str, list[str]] = field(
        default_factory=dict
    )  # key -> what the next requests meet: 503, cut, flip, or an address to be sent to
    stall: set[str] = field(default_factory=set)  # keys sent half, then held
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # (key, Range header)
    released: threading.Event = field(default_factory=threading.Event)

    def etag(self, key: str) -> str:
        digest = hashlib.md5(self.objects[key]).hexdigest()
        return f'"composite-{digest[:8]}"' if key in self.composite else f'"{digest}"'

    def page(self, prefix: str, marker: str) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > marker)
        shown, more = keys[: self.page_size], len(keys) > self.page_size
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Generation>1</Generation><ETag>{escape(self.etag(key))}</ETag>"
            f"<Size>{len(self.objects[key])}</Size></Contents>"
            for key in shown
        )
        following = f"<NextMarker>{escape(shown[-1])}</NextMarker>" if more else ""
        return (
            "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>"
            f"<Name>sen1floods11</Name><Prefix>{escape(prefix)}</Prefix>{following}"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{items}</ListBucketResult>"
        ).encode()


def small_bucket() -> Bucket:
    """Three chips of three events, with labels, lists and metadata; every file differs."""
    chips = ["Ghana_103272", "Mekong_333434", "Sri-Lanka_534068", "Ghana_53713", "USA_905409"]
    keys = [make(chip) for chip in chips for make in (image, label)]
    keys += [f"{SPLITS}/flood_train_data.csv", f"{SPLITS}/flood_test_data.csv", METADATA]
    # 150 kB each, more than one block of the client
    return Bucket({key: hashlib.shake_256(key.encode()).digest(150_000 + index) for index, key in enumerate(keys)})


@contextmanager
def serve(bucket: Bucket) -> Iterator[Bucket]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    bucket.url = f"http://127.0.0.1:{server.server_port}/sen1floods11"
    try:
        yield bucket
    finally:
        bucket.released.set()
        server.shutdown()
        server.server_close()


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            key = unquote(parts.path.removeprefix("/sen1floods11/"))
            if not key:
                query = parse_qs(parts.query)
                self._send(200, bucket.page(query.get("prefix", [""])[0], query.get("marker", [""])[0]), {})
                return
            bucket.requests.append((key, self.headers.get("Range")))
            orders = bucket.faults.get(key, [])
            fault = orders.pop(0) if orders else ""
            if fault == "503":
                self._send(503, b"busy", {})
            elif fault.startswith("http://"):
                self._send(302, b"", {"Location": fault})
            elif key not in bucket.objects or key in bucket.hidden:
                self._send(404, b"NoSuchKey", {})
            else:
                self._send_object(key, fault)

        def _send_object(self, key: str, fault: str) -> None:
            body, status, headers = bucket.objects[key], 200, {"ETag": bucket.etag(key)}
            if key not in bucket.composite:
                digest = base64.b64encode(hashlib.md5(body).digest()).decode()
                headers["x-goog-hash"] = f"crc32c=AAAAAA==,md5={digest}"
            asked = self.headers.get("Range")
            if asked and self.headers.get("If-Range", bucket.etag(key)) == bucket.etag(key):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body, status = body[start:], 206
            if fault == "flip":
                body = body[:-1] + bytes([body[-1] ^ 1])
            if fault == "cut":
                self._send(status, body, headers, sent=len(body) // 2)
            elif key in bucket.stall:
                self._send(status, body, headers, sent=len(body) // 2, hold=True)
            else:
                self._send(status, body, headers)

        def _send(
            self, status: int, body: bytes, headers: dict[str, str], sent: int | None = None, hold: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:sent])
            if hold:
                self.wfile.flush()
                bucket.released.wait(60)
            if sent is not None:
                self.close_connection = True

    return Handler
