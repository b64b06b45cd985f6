"""What is told to other programs, and what becomes of a receiver that does not listen."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import webhooks
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import ConnectorStatus, StatusEvent
from csms.domain.webhooks import Delivery, DeliveryState, Event, Target, Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALL = [x.value for x in Event if x is not Event.PING]


def subscribe(session: Session, *events: str) -> Webhook:
    target = Target("Billing", "https://example.org/hooks", list(events) or ALL)
    webhook = webhooks.add(session, target, secret_sealed="sealed", by="olga", at=NOW)
    store(session)
    return webhook


def told(session: Session, after: timedelta = timedelta(seconds=1)) -> list[str]:
    """The events of a further look, in their order."""
    before = set(session.scalars(select(Delivery.id)))
    webhooks.gather(session, NOW + after)
    store(session)
    return [
        x.event.value for x in session.scalars(select(Delivery).order_by(Delivery.id)) if x.id not in before
    ]


def test_the_signature_is_that_of_standard_webhooks() -> None:
    signed = webhooks.signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_session_is_told_from_its_start_to_its_end_each_once(desk: Session) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    subscribe(desk, *(x for x in ALL if x.startswith("transaction.")))
    running = story.start(meter=0)
    assert told(desk) == ["transaction.started"]
    assert told(desk) == []
    story.read("2026-03-14T09:20:00Z", {"value": "500"}, transactionId=running)
    assert told(desk) == []  # not each reading, but one a minute
    assert told(desk, timedelta(minutes=2)) == ["transaction.updated"]
    story.stop(running, 1500)
    assert told(desk, timedelta(minutes=3)) == ["transaction.ended"]
    assert told(desk, timedelta(minutes=4)) == []
    [ended] = desk.scalars(select(Delivery).where(Delivery.event == Event.TRANSACTION_ENDED))
    data = json.loads(ended.body)["data"]
    assert (data["charger"], data["energy_wh"], data["state"]) == ("CP-1", 1500, "ended")


def test_every_session_is_told_whatever_its_number_looks_like(desk: Session) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.stop(story.start(meter=0, at="2026-03-14T08:00:00Z"), 0, "2026-03-14T08:01:00Z")
    subscribe(desk, "transaction.started", "transaction.ended")
    ids = []
    for minute in range(10, 30):
        ids.append(story.start(meter=0, at=f"2026-03-14T09:{minute}:00Z"))
        story.stop(ids[-1], 0, f"2026-03-14T09:{minute}:30Z")
        assert told(desk, timedelta(seconds=minute)) == ["transaction.started", "transaction.ended"]
    assert ids != sorted(ids)


def test_what_ran_before_the_subscription_is_told_when_it_ends_and_what_was_over_never(desk: Session) -> None:
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.stop(story.start(meter=0), 10)
    running = story.start(meter=10, at="2026-03-14T09:10:00Z")
    subscribe(desk, "transaction.started", "transaction.ended")
    assert told(desk) == []
    story.stop(running, 20)
    assert told(desk) == ["transaction.ended"]


def test_the_connection_and_faults_are_told_to_those_who_asked(desk: Session) -> None:
    charger = make_charger(desk)
    subscribe(desk, "charger.offline", "charger.faulted")
    for number, status in enumerate(("Connected", ConnectorStatus.FAULTED.value, "Disconnected")):
        row = {"charger_id": charger.id, "status": status, "at": NOW, "received_at": NOW, "digest": number}
        desk.add(StatusEvent(evse_number=0, connector_number=0, **row))
    store(desk)
    assert told(desk) == ["charger.faulted", "charger.offline"]


def test_a_receiver_that_is_gone_is_told_no_more_and_can_be_switched_on_again(desk: Session) -> None:
    webhook = subscribe(desk, "transaction.started")
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    story.start(meter=0)
    told(desk)
    [delivery] = webhooks.due(desk, NOW + timedelta(seconds=2))
    assert webhooks.claim(desk, delivery, at=NOW)
    assert not webhooks.due(desk, NOW + timedelta(seconds=2))  # it is somebody's
    webhooks.note_answer(desk, delivery, status_code=410, answer="", took_ms=1, at=NOW)
    assert (webhook.is_enabled, delivery.state) == (False, DeliveryState.DROPPED)
    with pytest.raises(Refused):
        webhooks.resend(desk, delivery, at=NOW)
    webhooks.change(desk, webhook, Target(webhook.name, webhook.url, webhook.events), is_enabled=True, at=NOW)
    webhooks.resend(desk, delivery, at=NOW)
    assert [x.id for x in webhooks.due(desk, NOW)] == [delivery.id]


def test_a_receiver_that_fails_for_a_day_is_switched_off_and_tried_less_and_less(desk: Session) -> None:
    webhook = subscribe(desk, "transaction.started")
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    waits, at = [], NOW
    for number in range(3):
        story.start(meter=number, at=f"2026-03-14T09:0{number}:00Z")
        told(desk)
        for delivery in desk.scalars(select(Delivery).where(Delivery.due_at.is_not(None))).all():
            while delivery.due_at is not None:
                at = max(at, delivery.due_at)
                assert webhooks.claim(desk, delivery, at=at)
                webhooks.note_answer(desk, delivery, status_code=500, answer="", took_ms=1, at=at)
                waits.append((delivery.due_at or at) - at)
    assert waits[:3] == [timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5)]
    assert not webhook.is_enabled
    assert "20 tries" in (webhook.off_why or "")


def test_what_did_not_arrive_is_sent_again_all_at_once_and_what_fails_meanwhile_is_not_tried(
    desk: Session,
) -> None:
    webhook = subscribe(desk, "transaction.started")
    story = Story(make_wire(desk, make_charger(desk, online=True)))
    for minute in range(3):
        story.start(meter=minute, at=f"2026-03-14T09:0{minute}:00Z")
    assert len(told(desk)) == 3
    on_its_way, *waiting = webhooks.due(desk, NOW + timedelta(seconds=2))
    assert webhooks.claim(desk, on_its_way, at=NOW)
    target = Target(webhook.name, webhook.url, webhook.events)
    webhooks.change(desk, webhook, target, is_enabled=False, at=NOW)
    webhooks.note_answer(desk, on_its_way, status_code=500, answer="", took_ms=1, at=NOW)
    store(desk)
    assert (on_its_way.state, on_its_way.due_at) == (DeliveryState.FAILED, None)
    assert (webhook.failures, webhook.failing_since) == (0, None)  # of which no alert tells
    with pytest.raises(Refused):
        webhooks.resend_missed(desk, webhook, at=NOW)
    webhooks.change(desk, webhook, target, is_enabled=True, at=NOW)
    assert webhooks.resend_missed(desk, webhook, at=NOW) == 3
    assert [x.id for x in webhooks.due(desk, NOW)] == [on_its_way.id, *(x.id for x in waiting)]
    assert webhooks.resend_missed(desk, webhook, at=NOW) == 0


@pytest.mark.parametrize("url", ["ftp://example.org", "https://", "https://me:secret@example.org", "/hooks"])
def test_what_is_no_address_is_refused(desk: Session, url: str) -> None:
    with pytest.raises(Invalid):
        webhooks.add(desk, Target("x", url, ["cdr.created"]), secret_sealed="", by=None, at=NOW)
