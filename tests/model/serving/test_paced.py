"""Answers as they are sent: all of one who reads, and no thread for one who does not, or too slowly."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.serving import worker

DATA = bytes(range(256)) * (4 << 12)


@pytest.fixture(params=["data", "file"])
def send(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[socket.socket], None]:
    def data(to: socket.socket) -> None:
        worker._Paced(to).sendall(DATA)

    def file(to: socket.socket) -> None:
        path = tmp_path / "answer"
        path.write_bytes(b"begin" + DATA)
        with path.open("rb") as opened:
            worker._Paced(to).sendfile(opened, 5, len(DATA))

    return {"data": data, "file": file}[request.param]


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    with server, client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100_000))
        yield server, client


def read(client: socket.socket, into: bytearray) -> None:
    while part := client.recv(1 << 16):
        into += part


def test_who_reads_gets_all_and_who_reads_nothing_or_slowly_is_let_go(
    send: Callable[[socket.socket], None], ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = ends
    with pytest.raises(ConnectionResetError):  # nobody reads, for as long as the kernel waits
        send(server)
    monkeypatch.setattr(worker, "STALL_S", 0.0)
    monkeypatch.setattr(worker, "SLOWEST_READER_BYTES_S", 1 << 60)  # whoever reads is slower, though without a stall
    slow = threading.Thread(target=read, args=(client, bytearray()))
    slow.start()
    with pytest.raises(ConnectionResetError):
        send(server)
    server.shutdown(socket.SHUT_RDWR)
    slow.join()
    monkeypatch.undo()
    again, reader = socket.socketpair()
    with again, reader:
        got = bytearray()
        quick = threading.Thread(target=read, args=(reader, got))
        quick.start()
        send(again)
        again.shutdown(socket.SHUT_RDWR)
        quick.join()
    assert got == DATA


def test_a_file_that_becomes_shorter_ends_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b"short")
    server, client = socket.socketpair()
    with server, client, path.open("rb") as opened, pytest.raises(ConnectionResetError):
        worker._Paced(server).sendfile(opened, 0, 10)
