"""Pings, probes and the sweeper."""

from __future__ import annotations

import json
import time

import pytest

from tests.ocpp.websocket.peer import PING, PONG, Connect, facts, frame, text


def test_a_ping_measures_the_round_trip(connect: Connect) -> None:
    charger = connect("/pinging")
    charger.send(text("go"))
    first, payload = charger.frame()
    assert first == 0x80 | PING
    time.sleep(0.1)
    charger.send(frame(PONG, payload))
    told = json.loads(charger.text())
    assert 0.09 < told["rtt_s"] < 0.5
    assert told["pong_age_s"] < 0.5


def test_a_pong_that_nobody_asked_for_is_no_round_trip(connect: Connect) -> None:
    charger = connect("/pinging")
    charger.send(text("go"))
    _, payload = charger.frame()
    charger.send(frame(PONG, b"whatever") + frame(PONG, b""))
    time.sleep(0.1)
    charger.send(frame(PONG, payload))
    assert json.loads(charger.text())["rtt_s"] > 0.09


@pytest.mark.parametrize("busy_s", ["0.0", "0.6"])
def test_a_probe_hears_a_live_charger_even_when_its_handler_is_busy(connect: Connect, busy_s: str) -> None:
    charger = connect(f"/probed?busy_s={busy_s}")
    charger.send(text("go"))
    first, payload = charger.frame()
    assert first == 0x80 | PING
    charger.send(frame(PONG, payload) + text("and on"))
    (probe,) = charger.told()
    assert probe["probe"] is True
    assert charger.text() == "and on"


@pytest.mark.parametrize("busy_s", ["0.0", "0.8"])
def test_a_probe_of_a_silent_charger_takes_its_time_and_says_no(connect: Connect, busy_s: str) -> None:
    charger = connect(f"/probed?busy_s={busy_s}&wait_s=0.3")
    charger.send(text("go"))
    (probe,) = charger.told()
    assert probe["probe"] is False
    assert 0.25 < float(str(probe["took_s"])) < 0.6


def test_what_had_come_before_the_question_is_no_answer_but_is_kept(connect: Connect) -> None:
    charger = connect("/probed?busy_s=0.6&wait_s=0.2")
    charger.send(text("go") + text("one") + text("two"))
    assert [probe["probe"] for probe in charger.told()] == [False]
    assert charger.frame()[0] == 0x80 | PING
    assert [charger.text(), charger.text()] == ["one", "two"]


def test_the_sweeper_pings_and_keeps_a_charger_that_answers(connect: Connect) -> None:
    charger = connect("/echo?sweep=1")
    for _ in range(4):
        first, payload = charger.frame()
        assert first == 0x80 | PING
        charger.send(frame(PONG, payload))
    charger.send(text("alive"))
    assert charger.text() == "alive"


def test_the_sweeper_hangs_up_on_a_charger_that_went_silent(connect: Connect, port: int) -> None:
    charger = connect("/echo?sweep=1")
    with pytest.raises((ConnectionResetError, EOFError)):
        charger.frames_until_hung_up()
    assert charger.told() == [{"code": 1006, "reason": "nothing heard"}]
    time.sleep(0.1)
    assert facts(port)["swept"] == 0


def test_the_sweeper_spares_a_charger_whose_handler_is_busy(connect: Connect) -> None:
    charger = connect("/busy?busy_s=0.9&sweep=1")
    charger.send(text("work") + text("more"))
    while charger.frame()[0] == 0x80 | PING:
        pass
    while (frame_ := charger.frame())[0] == 0x80 | PING:
        pass
    assert frame_[1] == b"more"


def test_each_round_tells_how_many_are_live(connect: Connect, port: int) -> None:
    charger = connect("/busy?busy_s=0.7&sweep=1")
    charger.send(text("work") + text("more"))
    time.sleep(0.5)
    assert 1 in facts(port)["rounds"]
