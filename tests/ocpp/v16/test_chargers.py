"""BootNotification, Heartbeat, StatusNotification."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from make import NOW, Wire, make_charger, make_wire
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from story import Story

from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus, StatusEvent

BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}


def status(word: str, at: str | None = None, connector: int = 1, error: str = "NoError") -> dict[str, object]:
    payload: dict[str, object] = {"connectorId": connector, "status": word, "errorCode": error}
    return payload if at is None else payload | {"timestamp": at}


def connector_of(session: Session) -> Connector:
    return session.scalars(select(Connector).where(Connector.evse_number == 1)).one()


def test_an_accepted_charger_is_told_the_time_and_its_heartbeat(wire: Wire) -> None:
    confirmation = wire.call(
        "BootNotification", BOOT | {"firmwareVersion": "1.2", "iccid": "", "meterType": ""}
    )
    assert confirmation == {"status": "Accepted", "currentTime": "2026-03-14T09:26:53.000Z", "interval": 300}
    charger = wire.session.get_one(Charger, wire.charger.id)
    assert (charger.vendor, charger.model, charger.firmware_version) == ("Vendor", "Model", "1.2")
    assert (charger.booted_at, charger.iccid) == (NOW, None)


@pytest.mark.parametrize(
    ("admission", "word"), [(Admission.PENDING, "Pending"), (Admission.REJECTED, "Rejected")]
)
def test_a_charger_that_is_not_let_in_is_told_to_ask_again(
    session: Session, admission: Admission, word: str
) -> None:
    wire = make_wire(session, make_charger(session, admission=admission, online=True))
    confirmation = wire.call("BootNotification", BOOT)
    assert (confirmation["status"], confirmation["interval"]) == (word, 60)


def test_a_boot_with_words_that_are_too_long_locks_nobody_out(wire: Wire) -> None:  # F42
    boot = {
        "chargePointVendor": "V" * 60,
        "chargePointModel": "M\x00" * 20,
        "imsi": 262011234567890,
        "extra": None,
    }
    assert wire.call("BootNotification", boot)["status"] == "Accepted"
    charger = wire.session.get_one(Charger, wire.charger.id)
    assert (charger.vendor, charger.imsi) == ("V" * 50, "262011234567890")


def test_a_boot_in_the_middle_of_a_session_leaves_it_open(story: Story) -> None:  # F25
    story.start()
    story.tell("BootNotification", BOOT)
    assert story.transaction().is_active


@pytest.mark.parametrize("payload", ["{}", "null", "[]", '{"extra":1}'])
def test_a_heartbeat_is_answered_with_the_time_whatever_it_carries(wire: Wire, payload: str) -> None:
    assert wire.answer(f'[2,"h","Heartbeat",{payload}]') == [
        3,
        "h",
        {"currentTime": "2026-03-14T09:26:53.000Z"},
    ]
    lease = wire.session.get_one(Charger, wire.charger.id).lease
    assert lease is not None
    assert (lease.last_heartbeat_at, lease.last_seen_at) == (NOW, NOW)


def test_the_same_heartbeat_bytes_again_get_the_time_of_now(wire: Wire) -> None:
    wire.answer('[2,"h","Heartbeat",{}]')
    later = wire.answer('[2,"h","Heartbeat",{}]', NOW + timedelta(minutes=5))
    assert later[2]["currentTime"] == "2026-03-14T09:31:53.000Z"


def test_a_status_is_the_connectors_from_then_on(story: Story) -> None:
    story.tell("StatusNotification", status("Preparing", "2026-03-14T09:00:00Z") | {"info": "cable"})
    connector = connector_of(story.session)
    assert (connector.status, connector.error_code, connector.error_info) == (
        ConnectorStatus.PREPARING,
        None,
        "cable",
    )
    assert connector.status_at is not None
    assert connector.status_at.isoformat() == "2026-03-14T09:00:00+00:00"


def test_an_error_is_shown_until_it_is_over(story: Story) -> None:
    story.tell("StatusNotification", status("Faulted", error="GroundFailure"))
    assert connector_of(story.session).error_code == "GroundFailure"
    story.tell("StatusNotification", status("Available"))
    assert connector_of(story.session).error_code is None


def test_old_news_goes_into_the_history_and_changes_nothing(story: Story) -> None:  # F58
    story.tell("StatusNotification", status("Charging", "2026-03-14T09:10:00Z"))
    story.tell("StatusNotification", status("Available", "2026-03-14T09:05:00Z"))
    assert connector_of(story.session).status is ConnectorStatus.CHARGING
    assert story.session.scalar(select(func.count()).where(StatusEvent.evse_number == 1)) == 2


def test_old_news_is_old_even_after_the_newer_state_was_only_confirmed(
    story: Story,
) -> None:  # seen on the wire
    story.tell("StatusNotification", status("Charging", "2026-03-14T09:00:00Z"))
    story.tell("StatusNotification", status("Charging", "2026-03-14T09:10:00Z"))
    story.tell("StatusNotification", status("SuspendedEV", "2026-03-14T09:05:00Z"))
    connector = connector_of(story.session)
    assert connector.status is ConnectorStatus.CHARGING
    assert connector.status_at is not None
    assert connector.status_at.minute == 0  # since when it has been so


def test_a_clock_that_ran_ahead_does_not_freeze_the_state_once_it_is_put_right(
    story: Story,
) -> None:  # must-pass 27
    story.tell("StatusNotification", status("Charging", "2026-03-14T19:00:00Z"))
    story.wire.now = NOW + timedelta(minutes=1)
    story.tell("StatusNotification", status("Available", "2026-03-14T09:27:53Z"))
    assert connector_of(story.session).status is ConnectorStatus.AVAILABLE


def test_without_a_timestamp_the_time_of_receipt_counts(story: Story) -> None:  # F58
    story.tell("StatusNotification", status("Charging", "2026-03-14T09:10:00Z"))
    story.tell("StatusNotification", status("Available"))
    assert (connector_of(story.session).status, connector_of(story.session).status_at) == (
        ConnectorStatus.AVAILABLE,
        NOW,
    )


def test_connector_zero_is_the_charger_itself(story: Story) -> None:
    story.tell("StatusNotification", status("Unavailable", connector=0))
    charger = story.session.get_one(Charger, story.wire.charger.id)
    assert charger.status is ConnectorStatus.UNAVAILABLE
    assert connector_of(story.session).status is ConnectorStatus.UNKNOWN


@pytest.mark.parametrize(("connector", "count"), [(2, 2), (32, 2), (33, 1), (2**40, 1)])
def test_connectors_come_into_being_up_to_thirty_two(story: Story, connector: int, count: int) -> None:  # F49
    assert story.tell("StatusNotification", status("Available", connector=connector)) == {}
    assert story.session.scalar(select(func.count()).select_from(Connector)) == count


def test_a_status_in_other_letters_is_the_same_status(story: Story) -> None:  # F42
    story.tell("StatusNotification", {"connectorId": "1", "status": "suspendedEv"})
    assert connector_of(story.session).status is ConnectorStatus.SUSPENDED_EV


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('{"connectorId":1,"errorCode":"NoError","status":"Dancing"}', "PropertyConstraintViolation"),
        ('{"connectorId":1,"errorCode":"NoError"}', "OccurenceConstraintViolation"),
        ('{"connectorId":"x","errorCode":"NoError","status":"Available"}', "TypeConstraintViolation"),
        ("null", "TypeConstraintViolation"),
    ],
)
def test_a_status_that_cannot_be_understood_is_refused_with_the_reason(
    wire: Wire, payload: str, code: str
) -> None:
    assert wire.answer(f'[2,"s","StatusNotification",{payload}]')[:3] == [4, "s", code]


def test_the_history_keeps_one_event_however_often_it_is_sent(story: Story) -> None:
    for _ in range(3):
        story.tell("StatusNotification", status("Charging", "2026-03-14T09:10:00Z"))
    assert story.session.scalar(select(func.count()).where(StatusEvent.evse_number == 1)) == 1


def test_time_in_which_the_car_takes_nothing_is_counted(story: Story) -> None:
    transaction_id = story.start(at="2026-03-14T09:00:00Z")
    story.tell("StatusNotification", status("SuspendedEV", "2026-03-14T09:10:00Z"))
    story.tell("StatusNotification", status("Charging", "2026-03-14T09:15:00Z"))
    story.tell("StatusNotification", status("SuspendedEV", "2026-03-14T09:20:00Z"))
    story.stop(transaction_id, 4500, "2026-03-14T09:25:00Z")
    assert story.transaction().idle_s == 600


def test_a_fast_clock_shows_in_the_chargers_skew(story: Story) -> None:
    story.tell("StatusNotification", status("Available", "2026-03-14T09:36:53Z"))
    assert story.session.get_one(Charger, story.wire.charger.id).clock_skew_s == 600


def test_a_status_before_acceptance_is_a_security_error(wire: Wire) -> None:  # F61
    wire.station = replace(wire.station, admission=Admission.PENDING)
    assert wire.answer('[2,"s","StatusNotification",{}]')[:3] == [4, "s", "SecurityError"]
