"""Who gets a websocket, and what the others are told."""

from __future__ import annotations

import socket

import pytest

from tests.ocpp.websocket.peer import ACCEPT, KEY, Connect, request, text


def answer_to(port: int, head: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(head.encode("latin-1"))
        return sock.recv(4096).decode()


def test_an_upgrade_is_accepted(connect: Connect) -> None:
    charger = connect()
    assert charger.head.startswith("HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n" in charger.head
    assert "Sec-WebSocket-Protocol" not in charger.head


def test_the_subprotocol_that_the_door_chose_is_named(connect: Connect) -> None:
    assert "Sec-WebSocket-Protocol: ocpp1.6\r\n" in connect("/echo?subprotocol=ocpp1.6").head


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request(Sec_WebSocket_Version="8"), 426),
        (request(without="Sec-WebSocket-Version"), 400),
        (request(without="Sec-WebSocket-Key"), 400),
        (request(Sec_WebSocket_Key="short"), 400),
        (request(Sec_WebSocket_Key="AAAA"), 400),
        (request(more=f"Sec-WebSocket-Key: {KEY}\r\n"), 400),
        (request(Upgrade="websocket, h2c"), 426),
        (request(Upgrade=""), 200),
        (request(Connection="keep-alive"), 200),
        (request().replace("GET", "POST", 1), 405),
        (request().replace("HTTP/1.1", "HTTP/1.0", 1), 505),
        (request(more="Content-Length: 5\r\n") + "12345", 400),
        (request(more="Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (request(more="Sec-WebSocket-Extensions: =;,\r\n"), 400),
    ],
)
def test_a_broken_handshake_is_answered_over_http(port: int, head: str, status: int) -> None:
    assert answer_to(port, head).split()[1] == str(status)


def test_a_wrong_version_is_told_the_right_one(port: int) -> None:
    assert "Sec-WebSocket-Version: 13\r\n" in answer_to(port, request(Sec_WebSocket_Version="7"))


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=abc",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; unheard_of",
        "permessage-deflate; server_no_context_takeover=1",
        "x-webkit-deflate-frame",
    ],
)
def test_an_extension_offer_that_makes_no_sense_is_ignored(port: int, offer: str) -> None:
    head = answer_to(port, request(more=f"Sec-WebSocket-Extensions: {offer}\r\n"))
    assert head.startswith("HTTP/1.1 101 ")
    assert "Sec-WebSocket-Extensions" not in head


def test_compression_is_accepted_without_memory_between_messages(connect: Connect) -> None:
    head = connect(deflate=True).head
    assert "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12" in head


def test_header_names_and_tokens_may_be_written_in_any_case(port: int) -> None:
    head = request(Upgrade="WebSocket", Connection="keep-alive, UPGRADE")
    assert answer_to(port, head).startswith("HTTP/1.1 101 ")


def test_a_frame_sent_together_with_the_request_is_not_lost(connect: Connect) -> None:
    assert connect(after=text("early")).text() == "early"


def test_a_request_head_that_does_not_come_is_not_waited_for(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request().encode()[:60])
        assert sock.recv(100) == b""
