"""However a websocket ends, TCP ends with it, and nobody is left waiting or half-told."""

from __future__ import annotations

import struct
import time

import pytest

from tests.ocpp.websocket.peer import BINARY, CLOSE, TEXT, Connect, facts, frame, text


def test_a_close_is_echoed_and_tcp_is_closed_at_once(connect: Connect) -> None:
    charger = connect()
    began = time.monotonic()
    charger.send(frame(CLOSE, struct.pack("!H", 3000) + b"bye"))
    assert charger.close_code() == 3000
    assert time.monotonic() - began < 5
    assert charger.told() == [{"code": 3000, "reason": "bye"}]


def test_a_close_without_code_is_echoed_without(connect: Connect) -> None:
    charger = connect()
    charger.send(frame(CLOSE))
    assert charger.frame() == (0x80 | CLOSE, b"")
    charger.assert_hung_up()


def test_a_close_in_the_middle_of_a_message_is_a_close(connect: Connect) -> None:
    charger = connect()
    charger.send(frame(TEXT, b"half", fin=False) + frame(CLOSE, struct.pack("!H", 1000)))
    assert charger.close_code() == 1000


def test_bytes_after_the_close_are_never_read_as_http(connect: Connect) -> None:
    charger = connect()
    charger.send(frame(CLOSE, struct.pack("!H", 1000)) + b"GET /facts HTTP/1.1\r\n\r\n")
    assert charger.frame() == (0x80 | CLOSE, struct.pack("!H", 1000))
    with pytest.raises((EOFError, ConnectionResetError)):
        charger.frame()


def test_the_server_closes_with_code_and_reason_and_waits_for_the_answer(connect: Connect) -> None:
    charger = connect("/closing?code=1012&reason=restart")
    charger.send(text("go"))
    assert charger.frame() == (0x80 | CLOSE, struct.pack("!H", 1012) + b"restart")
    charger.send(text("crossing") + frame(CLOSE, struct.pack("!H", 1012)))
    charger.assert_hung_up()


def test_a_close_that_is_not_answered_ends_all_the_same(connect: Connect) -> None:
    charger = connect("/closing?limit_close_s=0.2")
    charger.send(text("go"))
    charger.frame()
    with pytest.raises((ConnectionResetError, EOFError)):
        charger.frame()


def test_another_greenlet_may_close_while_the_handler_receives(connect: Connect) -> None:
    charger = connect("/closed_elsewhere")
    assert charger.frame() == (0x80 | CLOSE, struct.pack("!H", 1012) + b"restart")
    charger.send(frame(CLOSE, struct.pack("!H", 1012)))
    charger.assert_hung_up()
    assert [end["code"] for end in charger.told()] == [1012]


def test_another_greenlet_may_abort_and_receive_wakes(connect: Connect) -> None:
    charger = connect("/aborted")
    with pytest.raises((ConnectionResetError, EOFError)):
        charger.frame()
    assert charger.told() == [{"code": 1006, "reason": "evicted"}]


def test_a_handler_that_returns_closes_normally(connect: Connect) -> None:
    charger = connect("/returning")
    charger.send(text("go"))
    assert charger.frame() == (0x80 | CLOSE, struct.pack("!H", 1000))


def test_a_bug_in_the_handler_is_1011_and_no_http(connect: Connect) -> None:
    charger = connect("/failing")
    charger.send(text("go"))
    assert charger.frame() == (0x80 | CLOSE, struct.pack("!H", 1011))


def test_a_connection_that_breaks_is_1006(connect: Connect) -> None:
    charger = connect()
    charger.send(text("hello"))
    charger.text()
    charger.sock.close()
    assert charger.told() == [{"code": 1006, "reason": "connection lost"}]


def test_a_message_sent_right_before_the_line_breaks_is_received(connect: Connect) -> None:
    charger = connect("/closing")
    charger.send(text("last words"))
    charger.sock.close()
    assert charger.told(0.2) == []  # it was received: the handler went on to close, and met no exception


def test_no_descriptor_is_left_behind(connect: Connect, port: int) -> None:
    before = facts(port)["descriptors"]
    for data in (frame(CLOSE), frame(BINARY), b""):
        charger = connect()
        charger.send(data)
        charger.sock.close()
    time.sleep(0.1)
    assert facts(port)["descriptors"] == before


def test_three_greenlets_and_pings_share_one_socket_with_a_slow_reader(connect: Connect) -> None:
    charger = connect("/flood?count=10&size=300000")
    time.sleep(0.2)  # our buffers fill up first
    got = {"a": 0, "b": 0, "c": 0}
    while True:
        first, payload = charger.frame()
        if first == 0x80 | CLOSE:
            break
        if first == 0x80 | TEXT:
            letter = payload[:1].decode()
            assert payload == letter.encode() * 300_000
            got[letter] += 1
    assert got == {"a": 10, "b": 10, "c": 10}


def test_a_reader_that_stops_is_hung_up_on_at_the_send_deadline(connect: Connect) -> None:
    charger = connect("/flood?count=30&size=300000&limit_send_s=0.3")
    assert charger.told(3) == [{"code": 1006, "reason": "send deadline passed"}]
    with pytest.raises((ConnectionResetError, EOFError)):
        charger.frames_until_hung_up()


def test_a_send_that_was_interrupted_half_way_is_followed_by_nothing(connect: Connect) -> None:
    charger = connect("/interrupted")
    time.sleep(0.4)
    with pytest.raises((ConnectionResetError, EOFError)):
        charger.frame()
