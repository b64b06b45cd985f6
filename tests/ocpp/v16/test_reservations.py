"""Reservations on the wire of a 1.6 charger (1.6 §5.13, §5.1): asked for, kept, used, and every other way they end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import Story

from csms.domain import accounts, chargers, commands, reservations, transactions
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger, Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.reservations import Reservation, ReservationState
from csms.domain.transactions import Flag
from csms.ocpp import message, units
from csms.ocpp.v16 import version

UNTIL = NOW + timedelta(hours=1)
State = ReservationState


@dataclass
class Booth:
    """Where places are booked, and a charger of two connectors that is asked for them."""

    story: Story

    @property
    def session(self) -> Session:
        return self.story.session

    @property
    def charger(self) -> Charger:
        return self.session.get_one(Charger, self.story.wire.charger.id)

    def book(self, card: str = "04A2", evse: int = 1, at: datetime = NOW, **more: Any) -> Reservation:
        given = {"expires_at": UNTIL, "by": "olga", "at": at} | more
        made = reservations.book(self.session, self.charger, evse=evse, id_tag=card, **given)
        store(self.session)
        return made

    def cancel(self, reservation: Reservation) -> Command | None:
        command = reservations.cancel(self.session, reservation, by="olga", at=NOW)
        store(self.session)
        return command

    def sent(self, at: datetime = NOW) -> tuple[str, str, dict[str, Any]]:
        """(message id, action, payload) of the order that goes to the charger now."""
        wire = self.story.wire
        outgoing = units.Claim(version, wire.station, wire.epoch, at, 30)(self.session)
        store(self.session)
        assert outgoing is not None
        _, message_id, action, payload = json.loads(outgoing.text)
        return message_id, action, payload

    def answer(self, status: str, at: datetime = NOW) -> dict[str, Any]:
        """The charger answers the order that is due; its payload."""
        message_id, _, payload = self.sent(at)
        self.reply([3, message_id, {"status": status}], at)
        return payload

    def reply(self, frame: list[Any], at: datetime = NOW) -> None:
        wire, text = self.story.wire, json.dumps(frame)
        reply = message.parse(text)
        assert isinstance(reply, (message.CallResult, message.CallError))
        units.Answered(version, wire.station, wire.epoch, text, at, time.perf_counter(), reply)(self.session)
        store(self.session)

    def says(self, status: str, evse: int = 1, at: datetime = NOW) -> None:
        report = {"connectorId": evse, "errorCode": "NoError", "status": status}
        self.story.wire.call("StatusNotification", report, id=f"{status}{evse}{at:%H%M%S}", at=at)

    def kept(self, **more: Any) -> Reservation:
        """A place that the charger keeps, and says so."""
        reservation = self.book(**more)
        self.answer("Accepted")
        self.says("Reserved", more.get("evse", 1) or 1)
        return reservation

    def tick(self, at: datetime) -> None:
        reservations.ask_due(self.session, at)
        reservations.end_due(self.session, at)
        store(self.session)


@pytest.fixture
def booth(session: Session) -> Booth:
    charger = make_charger(session, online=True, connectors=2)
    return Booth(Story(make_wire(session, charger)))


def test_a_place_is_asked_for_kept_and_seen_to_be_kept(booth: Booth) -> None:
    reservation = booth.book()
    assert reservation.state is State.REQUESTED
    message_id, action, payload = booth.sent()
    assert action == "ReserveNow"
    assert payload == {
        "connectorId": 1,
        "expiryDate": "2026-03-14T10:26:53.000Z",
        "idTag": "04A2",
        "reservationId": reservation.id,
    }
    booth.reply([3, message_id, {"status": "Accepted"}])
    command = booth.session.scalars(select(Command)).one()
    assert (reservation.state, command.is_waiting) == (State.RESERVED, True)
    booth.says("Reserved")
    assert (command.is_waiting, command.observed_at) == (False, NOW)


def test_a_connector_that_says_reserved_before_the_answer_counts(booth: Booth) -> None:
    booth.book()
    message_id, _, _ = booth.sent()
    booth.says("Reserved")
    booth.reply([3, message_id, {"status": "Accepted"}])
    command = booth.session.scalars(select(Command)).one()
    assert command.observed_at == NOW


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("Faulted", "out of order"),
        ("Occupied", "in use"),
        ("Unavailable", "out of service"),
        ("Rejected", "no reservations"),
    ],
)
def test_a_refusal_is_kept_with_words_for_people(booth: Booth, status: str, words: str) -> None:
    reservation = booth.book()
    booth.answer(status)
    assert (reservation.state, reservation.answer_status) == (State.REFUSED, status)
    assert words in (reservation.detail or "")


def test_a_charger_that_knows_no_reservations_refuses(booth: Booth) -> None:
    reservation = booth.book()
    message_id, _, _ = booth.sent()
    booth.reply([4, message_id, "NotImplemented", "", {}])
    booth.tick(NOW)
    assert reservation.state is State.REFUSED
    assert "cannot keep a place" in (reservation.detail or "")


def test_what_is_ordered_by_hand_is_a_reservation_too(booth: Booth) -> None:
    payload = {"connectorId": 1, "expiryDate": UNTIL.isoformat(), "idTag": "04A2", "reservationId": 99}
    arguments = {"action": "ReserveNow", "payload": payload}
    commands.request(booth.session, booth.charger, Kind.RAW, arguments, by="olga", at=NOW)
    store(booth.session)
    booth.answer("Accepted")
    booth.says("Reserved")
    kept = booth.session.get_one(Reservation, 99)
    assert (kept.state, kept.evse, kept.id_tag, kept.created_by) == (State.RESERVED, 1, "04A2", "olga")
    booth.story.start(tag="04A2", at="2026-03-14T09:30:00Z")
    assert kept.state is State.USED
    assert booth.book(evse=2).id == 100


def test_the_start_that_names_a_reservation_uses_it(booth: Booth) -> None:
    reservation = booth.kept()
    transaction_id = booth.story.start(tag="04a2", at="2026-03-14T09:30:00Z", reservationId=reservation.id)
    assert (reservation.state, reservation.transaction_id) == (State.USED, transaction_id)
    assert booth.story.transaction(transaction_id).flags == []


def test_the_right_card_at_the_right_connector_uses_it_without_naming_it(booth: Booth) -> None:
    reservation = booth.kept()
    transaction_id = booth.story.start(tag="04a2", at="2026-03-14T09:30:00Z")
    assert reservation.transaction_id == transaction_id


@pytest.mark.parametrize(("booked", "read"), [("04A2B39F", "9FB3A204"), ("9FB3A204", "04A2B39F")])
def test_a_card_that_the_reader_calls_otherwise_is_the_card_it_is_known_to_be(
    booth: Booth, booked: str, read: str
) -> None:
    reservation = booth.kept(card=booked)  # of a number that nobody had told to be a card's
    token = accounts.add_token(booth.session, "04A2B39F", at=NOW)
    accounts.add_alias(booth.session, token, "9FB3A204", by="olga", at=NOW)
    transaction_id = booth.story.start(tag=read, at="2026-03-14T09:30:00Z")
    assert (reservation.state, reservation.transaction_id) == (State.USED, transaction_id)


def test_the_right_card_at_another_connector_does_not(booth: Booth) -> None:
    reservation = booth.kept()
    booth.story.start(tag="04A2", at="2026-03-14T09:30:00Z", connector=2)
    assert reservation.state is State.RESERVED


def test_any_card_of_the_group_uses_what_is_kept_for_the_group(booth: Booth) -> None:
    for uid in ("VAN-1", "VAN-2"):
        accounts.add_token(booth.session, uid, at=NOW, parent_uid="VANS")
    reservation = booth.book("VAN-1", for_group=True)
    assert booth.answer("Accepted")["parentIdTag"] == "VANS"
    transaction_id = booth.story.start(tag="VAN-2", at="2026-03-14T09:30:00Z")
    assert (reservation.state, reservation.transaction_id) == (State.USED, transaction_id)


def test_a_card_of_the_group_is_another_card_where_one_card_is_meant(booth: Booth) -> None:
    for uid in ("VAN-1", "VAN-2"):
        accounts.add_token(booth.session, uid, at=NOW, parent_uid="VANS")
    reservation = booth.book("VAN-1")
    assert "parentIdTag" not in booth.answer("Accepted")
    transaction_id = booth.story.start(tag="VAN-2", at="2026-03-14T09:30:00Z")
    assert booth.story.transaction(transaction_id).flags == [Flag.RESERVED]
    assert reservation.state is State.LOST


def test_another_card_is_charged_and_flagged_and_never_refused(booth: Booth) -> None:
    reservation = booth.kept()
    start = {"connectorId": 1, "idTag": "OTHER", "meterStart": 0, "timestamp": "2026-03-14T09:30:00Z"}
    told = booth.story.tell("StartTransaction", start)
    assert told["idTagInfo"]["status"] == "Accepted"
    assert booth.story.transaction().flags == [Flag.RESERVED]
    assert (reservation.state, reservation.detail) == (
        State.LOST,
        "Another card began to charge on this connector.",
    )


def test_a_start_from_before_the_reservation_that_is_told_late_takes_nothing_away(booth: Booth) -> None:
    reservation = booth.kept()
    transaction_id = booth.story.start(tag="OTHER", at="2026-03-14T09:00:00Z")
    assert booth.story.transaction(transaction_id).flags == []
    assert reservation.state is State.RESERVED


def test_a_repeated_start_uses_it_once(booth: Booth) -> None:
    reservation = booth.kept()
    first = booth.story.start(at="2026-03-14T09:30:00Z", reservationId=reservation.id)
    assert booth.story.start(at="2026-03-14T09:30:00Z", reservationId=reservation.id) == first
    assert reservation.transaction_id == first


def test_nobody_comes_and_it_expires(booth: Booth) -> None:
    reservation = booth.kept()
    booth.tick(UNTIL + timedelta(minutes=1))
    assert reservation.state is State.RESERVED  # a start that came in time may still be told
    booth.tick(UNTIL + timedelta(minutes=3))
    assert reservation.state is State.EXPIRED


def test_the_charger_says_itself_that_it_has_expired(booth: Booth) -> None:
    reservation = booth.kept()
    booth.says("Available", at=UNTIL)
    assert reservation.state is State.EXPIRED


def test_a_start_that_was_in_time_and_is_told_after_the_end_still_uses_it(booth: Booth) -> None:
    reservation = booth.kept()
    booth.tick(UNTIL + timedelta(minutes=3))
    booth.story.start(at="2026-03-14T10:20:00Z", reservationId=reservation.id)
    assert reservation.state is State.USED


def test_a_cancellation_is_done_when_the_charger_has_said_so(booth: Booth) -> None:
    reservation = booth.kept()
    command = booth.cancel(reservation)
    assert command is not None
    assert (reservation.state, reservation.is_cancelling) == (State.RESERVED, True)
    assert booth.answer("Accepted") == {"reservationId": reservation.id}
    assert (reservation.state, command.is_waiting) == (State.CANCELLED, True)
    booth.says("Available")
    assert (command.is_waiting, command.observed_at) == (False, NOW)


def test_a_cancellation_that_is_refused_tells_that_nothing_was_kept(booth: Booth) -> None:
    reservation = booth.kept()
    booth.cancel(reservation)
    booth.answer("Rejected")
    assert reservation.state is State.LOST
    assert "knows of no such reservation" in (reservation.detail or "")


def test_what_has_not_been_sent_is_withdrawn(booth: Booth) -> None:
    reservation = booth.book()
    assert booth.cancel(reservation) is None
    assert reservation.state is State.CANCELLED
    assert booth.session.scalars(select(Command.state)).one() is CommandState.CANCELLED


def test_connector_zero_is_any_connector(booth: Booth) -> None:
    reservation = booth.book(evse=0)
    assert booth.answer("Accepted")["connectorId"] == 0
    command = booth.session.scalars(select(Command)).one()
    assert (reservation.state, command.is_waiting) == (State.RESERVED, False)
    booth.story.start(tag="OTHER", at="2026-03-14T09:30:00Z", connector=1)
    assert reservation.state is State.RESERVED  # one is left
    booth.story.start(tag="04A2", at="2026-03-14T09:31:00Z", connector=2)
    assert reservation.state is State.USED


def test_a_charger_that_says_it_cannot_keep_any_connector_is_not_asked(booth: Booth) -> None:
    keys = [("ReserveConnectorZeroSupported", "false", True)]
    chargers.store_configuration(booth.session, booth.charger, keys, at=NOW)
    store(booth.session)
    with pytest.raises(Refused, match="choose one"):
        booth.book(evse=0)


@pytest.mark.parametrize("status", ["Faulted", "Unavailable"])
@pytest.mark.parametrize("evse", [0, 1])
def test_a_fault_ends_it_as_the_specification_has_it(booth: Booth, status: str, evse: int) -> None:
    reservation = booth.kept()
    booth.says(status, evse)
    assert reservation.state is State.LOST


def test_a_fault_of_another_connector_does_not(booth: Booth) -> None:
    reservation = booth.kept()
    booth.says("Faulted", 2)
    assert reservation.state is State.RESERVED


def test_after_a_restart_the_connector_tells_whether_it_remembers(booth: Booth) -> None:
    reservation = booth.book()
    booth.answer("Accepted")
    booth.says("Available")  # this charger never shows what it keeps, so this says nothing
    assert reservation.state is State.RESERVED
    booth.story.tell("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert reservation.state is State.RESERVED
    booth.says("Available", at=NOW + timedelta(minutes=1))
    assert reservation.state is State.LOST


def test_a_place_for_later_is_asked_for_when_its_time_has_come(booth: Booth) -> None:
    later = NOW + timedelta(minutes=30)
    reservation = booth.book(starts_at=later)
    assert reservation.state is State.PLANNED
    booth.tick(NOW + timedelta(minutes=29))
    assert reservation.state is State.PLANNED
    booth.tick(later)
    booth.tick(later)
    assert booth.answer("Accepted", later)["reservationId"] == reservation.id
    assert reservation.state is State.RESERVED
    assert len(booth.session.scalars(select(Command)).all()) == 1


def test_a_place_for_later_can_be_given_up_before(booth: Booth) -> None:
    later = NOW + timedelta(minutes=30)
    reservation = booth.book(starts_at=later)
    assert booth.cancel(reservation) is None
    booth.tick(later)
    assert reservation.state is State.CANCELLED


def test_a_place_that_the_charger_never_heard_of_in_time_is_refused_with_the_reason(booth: Booth) -> None:
    later = NOW + timedelta(hours=2)  # the lease is over by then
    reservation = booth.book(starts_at=later, expires_at=later + timedelta(hours=1))
    booth.tick(later)
    assert reservation.state is State.REQUESTED
    command = booth.session.scalars(select(Command)).one()
    assert command.deliver_until == later + timedelta(hours=1)


def test_two_places_at_the_same_time_need_two_connectors(booth: Booth) -> None:
    booth.book("A")
    with pytest.raises(Refused, match="reserved in that time"):
        booth.book("B", starts_at=NOW + timedelta(minutes=30), expires_at=UNTIL + timedelta(hours=1))
    booth.book("B", starts_at=UNTIL, expires_at=UNTIL + timedelta(hours=1))
    booth.book("C", evse=0)
    with pytest.raises(Refused, match="Every connector"):
        booth.book("D", evse=2)


@pytest.mark.parametrize(
    "wrong",
    [{"expires_at": NOW}, {"evse": 3}, {"card": ""}, {"card": "x" * 21}, {"starts_at": UNTIL + timedelta(1)}],
)
def test_what_cannot_be_booked_says_which_field_is_wrong(booth: Booth, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        booth.book(**wrong)
    assert caught.value.field


def test_a_blocked_card_gets_no_place(booth: Booth) -> None:
    accounts.add_token(booth.session, "04A2", at=NOW, is_allowed=False)
    with pytest.raises(Refused, match="blocked"):
        booth.book()


def test_a_start_from_afar_is_for_the_card_that_the_place_is_kept_for(booth: Booth) -> None:
    booth.kept()
    connector = booth.session.scalars(select(Connector).where(Connector.evse_number == 1)).one()
    with pytest.raises(Refused, match="reserved for another card"):
        transactions.request_start(booth.session, connector, id_tag="OTHER", by="olga", at=NOW)
    assert transactions.request_start(booth.session, connector, id_tag="04a2", by="olga", at=NOW)
