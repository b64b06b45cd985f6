"""The end of lab mode outlives a start, and the text at the start says so."""

from __future__ import annotations

from csms import clock
from csms.domain.accounts import settings
from tests.desk import Desk, wait_for
from tests.live import LiveServer


def test_a_start_speaks_of_lab_mode_only_while_it_is_on(live: LiveServer, desk: Desk) -> None:
    def told(words: str) -> int:
        return live.log.read_text().count(words)

    wait_for(lambda: told("unknown chargers are let in"), bool)
    with desk.writing() as session:
        settings.put(session, settings.LAB_CLOSED, "1", at=clock.now())
    live.stop()
    live.start()
    wait_for(lambda: told("/ws/ocpp/<identity>"), lambda times: times == 2)
    live.stop()
    assert told("unknown chargers are let in") == 1
