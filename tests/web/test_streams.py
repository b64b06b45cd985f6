"""Many streams, told by one greenlet: nobody waits for a slow reader, and who has gone is forgotten."""

from __future__ import annotations

import _socket
import socket
import time
from collections.abc import Callable, Iterator

import gevent
import gevent.socket
import pytest
from flask import Flask

from csms.bus import LocalBus
from csms.domain import accounts
from csms.extensions import db
from csms.tcp import Tcp
from csms.web import streams as streams_module
from csms.web.news import News
from csms.web.streams import Streams
from tests.test_tcp import native
from tests.web.browser import Browser

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
PATIENCE_S = 30.0

Connecting = Callable[[], tuple[_socket.socket, gevent.socket.socket]]


@pytest.fixture
def bus(app: Flask) -> LocalBus:
    found: LocalBus = app.extensions["bus"]
    return found


@pytest.fixture
def streams(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Streams]:
    monkeypatch.setattr(streams_module, "CHECK_S", 0.1)
    made = Streams(app)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def connected() -> Iterator[Connecting]:
    """Makes connections: the server's end and the browser's."""
    ends: list[gevent.socket.socket] = []

    def connect() -> tuple[_socket.socket, gevent.socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ends.append(gevent.socket.create_connection(listener.getsockname()))
            ours, _ = listener.accept()
        return native(ours), ends[-1]

    yield connect
    for end in ends:
        end.close()


def _read_until(browser: gevent.socket.socket, end: bytes) -> bytes:
    """What it is sent, up to `end`; all of it if that is empty."""
    browser.settimeout(PATIENCE_S)
    read = b""
    while not end or not read.endswith(end):
        piece = browser.recv(4096)
        if not piece:
            break
        read += piece
    return read


def _wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_at
        gevent.sleep(0.01)


def test_what_changes_is_told_at_once_and_not_more_than_once_a_second(
    streams: Streams, bus: LocalBus, connected: Connecting
) -> None:
    ours, browser = connected()
    streams.take(Tcp(ours), HEAD, News(["charger:1"], event="station"))
    assert _read_until(browser, b"3000\n\n") == HEAD + b"retry: 3000\n\n"
    bus.publish(["charger:1", "charger:2"])
    assert _read_until(browser, b"data:\n\n") == b"event: station\nid: 1\ndata:\n\n"
    told_at = time.monotonic()
    for _ in range(50):
        bus.publish(["charger:1"])
    assert _read_until(browser, b"data:\n\n") == b"event: station\nid: 2\ndata:\n\n"
    assert time.monotonic() - told_at > 0.9


def test_a_browser_that_does_not_read_is_let_go_and_the_others_are_told(
    streams: Streams, bus: LocalBus, connected: Connecting
) -> None:
    (stuck, _), (ours, reader) = connected(), connected()
    streams.take(Tcp(stuck), HEAD, News(["fleet"], event="station"))
    streams.take(Tcp(ours), HEAD, News(["fleet", "meters"], event="station"))
    _fill(stuck)
    bus.publish(["fleet"])
    assert _read_until(reader, b"data:\n\n").endswith(b"event: station\nid: 1\ndata:\n\n")
    _wait_until(lambda: len(bus._waiting["fleet"]) == 1)
    assert stuck.fileno() == -1  # closed, not only forgotten


def _fill(sock: _socket.socket) -> None:
    """Send until the other end's and our own buffers hold no more."""
    for piece in (1 << 16, 1):
        try:
            while True:
                sock.send(bytes(piece))
        except BlockingIOError:
            continue


def test_a_browser_that_has_gone_is_forgotten_at_once(
    streams: Streams, bus: LocalBus, connected: Connecting
) -> None:
    (ours, browser), (others, _) = connected(), connected()
    streams.take(Tcp(ours), HEAD, News(["fleet", "charger:1"], event="station"))
    streams.take(Tcp(others), HEAD, News(["fleet"], event="station"))
    browser.close()
    _wait_until(lambda: "charger:1" not in bus._waiting)
    assert len(bus._waiting["fleet"]) == 1
    assert ours.fileno() == -1


def test_a_stream_ends_at_its_time(streams: Streams, connected: Connecting) -> None:
    ours, browser = connected()
    streams.take(Tcp(ours), HEAD, News(["fleet"], event="station", lasts_s=0.1))
    assert _read_until(browser, b"").endswith(b"retry: 3000\n\n")


def test_who_has_logged_out_is_told_nothing_any_more(
    app: Flask,
    olga: Browser,
    streams: Streams,
    connected: Connecting,
) -> None:
    (ours, browser), (others, reader) = connected(), connected()
    with olga.client.session_transaction() as kept:
        key = kept["_user_id"]
    streams.take(Tcp(ours), HEAD, News(["fleet"], key=key))
    streams.take(Tcp(others), HEAD, News(["fleet"], event="station"))
    gevent.sleep(0.3)  # some checks, which change nothing
    assert _read_until(browser, b"2000\n\n") == HEAD + b"retry: 2000\n\n"
    olga.send("/logout")
    assert _read_until(browser, b"") == b""
    with app.app_context():
        assert accounts.lasting(db.session(), {key, "nobody's"}) == set()
    assert _read_until(reader, b"3000\n\n")


def test_the_end_of_the_server_ends_all_streams(
    streams: Streams, bus: LocalBus, connected: Connecting
) -> None:
    ours, browser = connected()
    streams.take(Tcp(ours), HEAD, News(["fleet"], key="anybody's"))
    streams.stop()
    assert _read_until(browser, b"").endswith(b"retry: 2000\n\n")
    assert not bus._waiting
