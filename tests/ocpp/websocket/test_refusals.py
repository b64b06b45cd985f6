"""What a charger may not send, and the close code that tells it. Limits are shortened by the query."""

from __future__ import annotations

import json
import struct
import time

import pytest

from tests.ocpp.websocket.peer import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Connect,
    deflated,
    facts,
    frame,
    text,
)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(BINARY, b"\0"), 1003),
        (frame(BINARY, b"\0", fin=False), 1003),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, "é".encode()[:1]), 1007),
        (text("x" * 9) + frame(TEXT, b"\xff" * 200), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),  # a surrogate
        (frame(TEXT, b"ok\xc0", fin=False), 1007),
        (frame(CONT, b"?"), 1002),
        (frame(TEXT, b"?", fin=False) + frame(TEXT, b"?"), 1002),
        (frame(TEXT, b"?", rsv=4), 1002),
        (frame(TEXT, b"?", rsv=2), 1002),
        (frame(3, b"?"), 1002),
        (frame(11, b"?"), 1002),
        (frame(TEXT, b"?", masked=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, struct.pack("!H", 1005)), 1002),
        (frame(CLOSE, struct.pack("!H", 999)), 1002),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
        (text("x" * 65537), 1009),
        (frame(TEXT, b"x" * 65536, fin=False) + frame(CONT, b"x"), 1009),
        (bytes([0x81, 0xFF]) + b"\x7f" + b"\xff" * 7 + b"mask", 1009),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
    ],
)
def test_a_breach_is_closed_with_its_code(connect: Connect, data: bytes, code: int) -> None:
    charger = connect()
    charger.send(data)
    assert charger.close_code() == code


def test_messages_before_a_breach_are_still_delivered(connect: Connect) -> None:
    charger = connect()
    charger.send(text("good") + frame(BINARY, b"bad"))
    # The refusal may overtake the answer, but the handler got the message.
    first, _ = charger.frame()
    assert first in (0x80 | TEXT, 0x80 | CLOSE)


def test_the_limit_counts_inflated_bytes(connect: Connect) -> None:
    charger = connect(deflate=True)
    charger.send(frame(TEXT, deflated(b"x" * 65537), rsv=4))
    assert charger.close_code() == 1009


def test_a_deflate_bomb_costs_little_memory(connect: Connect, port: int) -> None:
    before_kib = facts(port)["rss_kib"]
    charger = connect("/echo?max_size=1048576", deflate=True)
    charger.send(frame(TEXT, deflated(bytes(64 << 20)), rsv=4))
    assert charger.close_code() == 1009
    assert facts(port)["rss_kib"] - before_kib < 16 << 10


def test_garbage_in_a_compressed_message_is_1002(connect: Connect) -> None:
    charger = connect(deflate=True)
    charger.send(frame(TEXT, b"\xff\xff\xff\xff", rsv=4))
    assert charger.close_code() == 1002


def test_the_limit_can_be_raised_once_the_charger_is_accepted(connect: Connect) -> None:
    charger = connect("/grow?max_size=100")
    charger.send(text("boot"))
    assert charger.text() == "boot"
    charger.send(text("x" * 500_000))
    assert charger.text() == "500000"


def test_before_that_the_small_limit_holds(connect: Connect) -> None:
    charger = connect("/grow?max_size=100")
    charger.send(text("x" * 101))
    assert charger.close_code() == 1009


def test_whoever_sends_far_too_much_hears_why_before_the_connection_is_gone(connect: Connect) -> None:
    charger = connect()
    charger.send(text("x" * 12_000_000))
    assert charger.close_code() == 1009


def test_a_message_must_be_whole_in_time_even_when_it_trickles(connect: Connect) -> None:
    charger = connect("/echo?limit_message_s=0.3")
    charger.send(bytes([0x81, 0x80 | 100, 0, 0, 0, 0]))
    began = time.monotonic()
    charger.sock.settimeout(0.05)
    while time.monotonic() - began < 30:
        charger.send(b"x")
        try:
            assert charger.close_code() == 1008
        except TimeoutError:
            continue
        break
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("start", [frame(TEXT, b"[", fin=False), b"\x81"])
def test_a_message_that_stops_half_way_is_closed(connect: Connect, start: bytes) -> None:
    charger = connect("/echo?limit_message_s=0.2")
    charger.send(start)
    assert charger.close_code() == 1008


def test_an_idle_connection_between_messages_is_no_unfinished_one(connect: Connect) -> None:
    charger = connect("/echo?limit_message_s=0.1")
    charger.send(text("a"))
    charger.text()
    time.sleep(0.3)
    charger.send(text("b"))
    assert charger.text() == "b"


@pytest.mark.parametrize(
    "flood", [frame(PING) * 21, frame(PONG) * 21, frame(TEXT, fin=False) + frame(CONT, fin=False) * 20]
)
def test_a_flood_of_frames_that_say_nothing_is_closed(connect: Connect, flood: bytes) -> None:
    charger = connect()
    charger.send(flood)
    first = 0
    while first != 0x80 | CLOSE:
        first, payload = charger.frame()
    assert payload[:2] == struct.pack("!H", 1008)


def test_twenty_pings_are_all_answered(connect: Connect) -> None:
    charger = connect()
    charger.send(b"".join(frame(PING, bytes([number])) for number in range(20)))
    assert [charger.frame() for _ in range(20)] == [(0x80 | PONG, bytes([number])) for number in range(20)]


def test_a_busy_handler_holds_the_sender_back_and_memory_stays_small(connect: Connect, port: int) -> None:
    before_kib = facts(port)["rss_kib"]
    charger = connect("/busy?busy_s=0.7")
    charger.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        charger.send(text("x" * 1000) * 50_000)
    charger.sock.settimeout(5)
    assert json.loads(charger.text())["rss_kib"] - before_kib < 2048
