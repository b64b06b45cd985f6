"""A peer that nothing reaches is shown to a person, and told by an alert, until it is back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import alerts, attention
from csms.domain.alerts import AlertKind, Wish
from csms.domain.attention import Matter
from csms.domain.roaming import Peer
from csms.domain.roaming.models import Push
from tests.emsp import Emsp
from tests.ocpi.conftest import Ours
from tests.ocpi.test_pushes import told
from tests.ocpi.test_pushes import turn as turn  # the fixture

pytestmark = pytest.mark.sqlite_is_enough


@pytest.fixture
def failing(ours: Ours, emsp: Emsp, plaza, turn, session) -> Peer:
    """It has answered 503 to a message just now."""
    turn()
    told(emsp)
    emsp.answers.put(503)
    plaza.status("Charging")
    turn()
    session.rollback()
    return session.scalars(select(Peer)).one()


def needing(session, minutes: int) -> list[str]:
    """Whom the dashboard names, so many minutes from now."""
    session.rollback()
    at = clock.now() + timedelta(minutes=minutes)
    counted = attention.tally(session, at=at).counts[Matter.PEER]
    found = [x.peer.name for x in attention.items(session, at=at) if x.matter is Matter.PEER]
    assert len(found) == counted
    return found


def test_it_needs_a_person_after_a_quarter_of_an_hour(failing: Peer, session, olga, turn, emsp):
    assert needing(session, 14) == []
    assert needing(session, 16) == ["Amber Roads"]
    failing.failing_since -= timedelta(minutes=16)
    failing.paused_until = clock.now() - timedelta(seconds=1)
    for push in session.scalars(select(Push).where(Push.due_at.is_not(None))):
        push.due_at = failing.paused_until
    store(session)
    page = olga.text("/")
    assert "cannot be told what happens here" in page
    assert "503" in page
    assert f'href="/integrations/ocpi/{failing.id}"' in page
    turn()
    assert len(told(emsp)) == 2
    assert needing(session, 60) == []
    assert "cannot be told" not in olga.text("/")


def test_one_that_is_suspended_needs_nobody(failing: Peer, session, olga):
    olga.post(f"/integrations/ocpi/{failing.id}/suspend")
    assert needing(session, 60) == []
    olga.post(f"/integrations/ocpi/{failing.id}/resume")
    assert needing(session, 60) == []


def test_an_alert_tells_of_it_as_soon_as_its_rule_says(failing: Peer, session):
    rule = alerts.add(session, Wish("Peers", AlertKind.PEER, after_minutes=5), by="olga", at=clock.now())
    store(session)
    assert alerts.find(session, rule, clock.now() + timedelta(minutes=4)) == []
    [found] = alerts.find(session, rule, clock.now() + timedelta(minutes=6))
    assert found.title.startswith("Amber Roads cannot be told by OCPI: PATCH evse")
    assert found.path == f"/integrations/ocpi/{failing.id}"
