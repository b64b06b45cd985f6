"""What is sent arrives whole, in both directions."""

from __future__ import annotations

import time
import zlib

import pytest

from tests.ocpp.websocket.peer import CONT, PING, PONG, TEXT, Connect, deflated, frame, text


@pytest.mark.parametrize("message", ["", "a", "x" * 125, "x" * 126, "x" * 65535, "Zürich 🔌 ⚡", "\0"])
def test_a_message_comes_back(connect: Connect, message: str) -> None:
    charger = connect()
    charger.send(text(message))
    assert charger.text() == message


def test_a_message_larger_than_64_kib_comes_back(connect: Connect) -> None:
    charger = connect("/echo?max_size=1000000")
    charger.send(text("y" * 900_000))
    assert charger.text() == "y" * 900_000


def test_a_message_that_trickles_in_byte_by_byte_comes_back(connect: Connect) -> None:
    charger = connect()
    for byte in text("slow"):
        charger.send(bytes([byte]))
        time.sleep(0.002)
    assert charger.text() == "slow"


@pytest.mark.parametrize("size", [20, 200])
@pytest.mark.parametrize("cut", [1, 3, 7, 9])
def test_a_message_in_two_pieces_comes_back_among_whole_ones(connect: Connect, size: int, cut: int) -> None:
    charger = connect()
    for piece in (
        text("a"),
        text("b" * size)[:cut],
        text("b" * size)[cut:],
        text("c"),
        text("d") + text("e")[:cut],
    ):
        charger.send(piece)
        time.sleep(0.01)
    charger.send(text("e")[cut:] + text("f"))
    charger.send(text("g"))
    assert [charger.text() for _ in range(7)] == ["a", "b" * size, "c", "d", "e", "f", "g"]


def test_the_rest_of_a_message_is_none_even_if_it_looks_like_one(connect: Connect) -> None:
    charger = connect()
    charger.send(frame(TEXT, bytes(8))[:6])  # its head: eight bytes are to follow
    time.sleep(0.01)
    charger.send(text("no"))
    assert charger.close_code() == 1007  # eight bytes they are, and no text


def test_many_messages_in_one_segment_come_back_in_order(connect: Connect) -> None:
    charger = connect()
    charger.send(b"".join(text(str(number)) for number in range(300)))
    assert [charger.text() for _ in range(300)] == [str(number) for number in range(300)]


def test_fragments_are_joined_around_control_frames(connect: Connect) -> None:
    charger = connect()
    charger.send(frame(TEXT, "é".encode()[:1], fin=False) + frame(PING, b"?"))
    charger.send(frame(CONT, "é".encode()[1:], fin=False) + frame(CONT, b"!"))
    assert charger.frame() == (0x80 | PONG, b"?")
    assert charger.text() == "é!"


@pytest.mark.parametrize("size", [5, 2000, 60_000])
def test_a_compressed_message_comes_back(connect: Connect, size: int) -> None:
    charger = connect(deflate=True)
    for _ in range(2):
        charger.send(frame(TEXT, deflated(b"[" * size), rsv=4))
        first, payload = charger.frame()
        if first & 0x40:
            payload = zlib.decompressobj(wbits=-12).decompress(payload + b"\0\0\xff\xff")
        assert payload == b"[" * size


def test_a_short_answer_is_not_compressed_and_a_long_one_is(connect: Connect) -> None:
    charger = connect(deflate=True)
    charger.send(text("short") + text("long" * 1000))
    assert charger.frame() == (0x80 | TEXT, b"short")
    first, payload = charger.frame()
    assert first == 0xC0 | TEXT
    assert len(payload) < 200


def test_receive_gives_up_after_its_timeout_and_the_connection_lives(connect: Connect) -> None:
    charger = connect("/patient")
    assert charger.text() == "nothing: None, None"
    charger.send(text("still here"))
    assert charger.text() == "still here"
