"""Requests to servers that people have entered end, whatever those servers do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from csms import outbound
from csms.outbound import Unreachable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """One that answers its first caller as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                try:
                    answer(caller)
                except OSError:
                    return  # the caller has gone

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        serving.join(timeout=30)


def drip(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):  # twenty seconds
        caller.sendall(b"x")
        time.sleep(0.1)


def test_a_head_that_drips_is_given_up() -> None:
    begun = time.monotonic()
    with server(drip) as url, pytest.raises(Unreachable, match="did not answer within 1 s"):
        outbound.get(url, within_s=1, may_be_private=True)
    assert time.monotonic() - begun < 15


def test_who_answers_slowly_and_in_time_is_heard() -> None:
    def answer(caller: socket.socket) -> None:
        for part in (HEAD, b"\r\n", b"o", b"k"):
            caller.sendall(part)
            time.sleep(0.1)

    with server(answer) as url:
        assert outbound.get(url, within_s=20, may_be_private=True).body == b"ok"
