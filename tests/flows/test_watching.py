"""A browser's stream of news over a real connection, plain and under TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pki
from tests.desk import Desk
from tests.flows.peer import PATIENCE_S, dial
from tests.live import LiveServer, free_port


@pytest.fixture
def live_settings(tmp_path: Path) -> dict[str, str]:
    return pki.server_files(tmp_path) | {"TLS_PORT": str(free_port())}


def _plain(live: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), PATIENCE_S)


def _tls(live: LiveServer) -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", int(live.settings["TLS_PORT"])), PATIENCE_S)
    return pki.client_context().wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize("connect", [_plain, _tls])
def test_a_stations_news_are_heard_until_the_server_ends(
    live: LiveServer, desk: Desk, connect: Callable[[LiveServer], socket.socket]
) -> None:
    peer = dial(live)
    peer.boot()
    with connect(live) as browser:
        question = f"GET /c/{desk.charger().slug}/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        browser.sendall(question.encode())
        lines = browser.makefile("r", newline="\r\n")
        assert lines.readline() == "HTTP/1.1 200 OK\r\n"
        head = dict(line.strip().split(": ", 1) for line in iter(lines.readline, "\r\n"))
        assert head["Content-Type"] == "text/event-stream; charset=utf-8"
        assert head["Cache-Control"] == "no-store"
        assert head["Connection"] == "close"
        peer.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"})
        peer.close()
        live.stop()
        told = lines.read()
    assert told.startswith("retry: 3000\n\nevent: station\nid: 1\ndata:\n\n")
    assert live.faults() == []
