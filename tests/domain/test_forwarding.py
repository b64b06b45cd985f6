"""Who speaks for a charger with its second backend, how patiently, and under which names."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import NOW, make_charger, store

from csms.domain import alerts, attention, forwarding
from csms.domain.alerts import AlertKind
from csms.domain.attention import Matter
from csms.domain.forwarding import Forwarder, ForwardState, Wish, pause_s

WISH = Wish("wss://csms.example.org/ocpp", "THERE-7")


@pytest.fixture
def charger(session):
    return make_charger(session)


@pytest.fixture
def row(session, charger) -> Forwarder:
    made = forwarding.set_up(session, charger, WISH, password_sealed=None, at=NOW)
    store(session)
    return made


def test_one_process_speaks_for_a_charger_until_its_claim_ends(session, row):
    def claims(node, after_s, *, is_alone=False):
        at = NOW + timedelta(seconds=after_s)
        found = [x.charger_id for x in forwarding.claim(session, node, at, is_alone=is_alone)]
        store(session)
        return found

    mine = [row.charger_id]
    assert claims("a", 0) == mine
    assert claims("b", 5) == []
    assert claims("a", 20) == mine  # renewed
    assert claims("b", 35) == []
    assert claims("b", 51) == mine
    assert claims("a", 52) == []
    assert claims("c", 53, is_alone=True) == mine  # what an earlier process has left behind
    forwarding.release(session, "c")
    store(session)
    assert claims("a", 54) == mine
    forwarding.suspend(session, row)
    store(session)
    assert claims("a", 55) == []


def test_each_pause_is_longer_up_to_five_minutes_and_never_for_all_alike():
    pauses = [pause_s(failures) for failures in range(1, 30)]
    assert pauses[0] == 1.0
    assert all(1 <= x <= 300 for x in pauses)
    assert min(pauses[12:]) >= 150
    assert len(set(pauses[12:])) > 5


def test_a_transaction_is_found_by_either_name_and_forgotten_with_another_backend(session, charger, row):
    forwarding.pair(session, charger.id, "12", "7001", at=NOW)
    forwarding.pair(session, charger.id, "12", "7002", at=NOW)  # its answer was lost once
    assert forwarding.theirs_of(session, charger.id, "12") == "7002"
    assert forwarding.ours_of(session, charger.id, "7002") == "12"
    assert forwarding.ours_of(session, charger.id, "7001") is None
    forwarding.change(session, row, Wish("wss://other.example.org", "THERE-7"), password_sealed=None)
    assert forwarding.theirs_of(session, charger.id, "12") is None


def test_one_that_has_been_away_for_an_hour_needs_a_person_and_a_paused_one_does_not(session, row):
    def needs(after_min):
        found = attention.items(session, at=NOW + timedelta(minutes=after_min))
        return [x.word for x in found if x.matter is Matter.FORWARDING]

    for minutes in (0, 30):
        at = NOW + timedelta(minutes=minutes)
        forwarding.note_state(session, row, ForwardState.AWAY, at=at, detail="no")
    store(session)
    assert needs(59) == []
    assert needs(61) == ["no"]
    forwarding.note_state(session, row, ForwardState.CONNECTED, at=NOW + timedelta(minutes=62))
    store(session)
    assert needs(300) == []
    forwarding.note_state(session, row, ForwardState.AWAY, at=NOW, detail="no")
    forwarding.suspend(session, row)
    store(session)
    assert needs(300) == []


def test_an_alert_tells_of_one_that_is_away_for_as_long_as_its_rule_says(session, charger, row):
    rule = alerts.add(session, alerts.Wish("Away", AlertKind.FORWARDING, after_minutes=5), by="olga", at=NOW)
    forwarding.note_state(session, row, ForwardState.AWAY, at=NOW, detail="no")
    store(session)
    assert alerts.find(session, rule, NOW + timedelta(minutes=4)) == []
    [found] = alerts.find(session, rule, NOW + timedelta(minutes=6))
    assert found.title == "The second backend of CP-1 cannot be reached: no"
    assert found.path == f"/chargers/{charger.id}/second-backend"
