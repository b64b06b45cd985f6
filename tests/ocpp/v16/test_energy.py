"""Charging profiles on the wire: in the words of the specification, and believed only as far as they were taken."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from make import NOW, store
from sqlalchemy import select
from sqlalchemy.orm import Session
from story import ENDED, Story

from csms.domain import chargers, commands, energy, quiet
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.energy import (
    Criteria,
    Held,
    Meant,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
    State,
    queries,
)
from csms.domain.transactions import removal
from csms.ocpp import message, units
from csms.ocpp.orders import Claim, Outgoing, give_up
from csms.ocpp.v16 import version

MEANT = Meant("A profile", "olga")
DEFAULT = Profile(
    Purpose.TX_DEFAULT,
    ProfileKind.ABSOLUTE,
    (Schedule(RateUnit.A, (Period(0, 16), Period(3600, 8.5, 1)), NOW),),
)
RELATIVE = replace(
    DEFAULT,
    purpose=Purpose.TX,
    kind=ProfileKind.RELATIVE,
    schedules=(Schedule(RateUnit.W, (Period(0, 4000),), None, 7200, 1400.5),),
)
CAP = replace(DEFAULT, purpose=Purpose.CHARGER_MAX)


@dataclass
class Desk:
    """An operator of smart charging, and the charger that answers."""

    story: Story
    now: datetime = NOW

    @property
    def session(self) -> Session:
        return self.story.session

    @property
    def charger(self) -> Charger:
        return self.session.get_one(Charger, self.story.wire.charger.id)

    def assign(self, profile: Profile, evse: int = 1, meant: Meant = MEANT) -> None:
        energy.assign(self.session, self.charger, evse, profile, meant, at=self.now)
        store(self.session)

    def sent(self) -> tuple[str, dict[str, Any], Outgoing]:
        """The action and payload of the order that goes out next."""
        wire = self.story.wire
        outgoing = Claim(version, wire.station, wire.epoch, self.now, 30)(self.session)
        assert outgoing is not None
        store(self.session)
        _, _, action, payload = json.loads(outgoing.text)
        return action, payload, outgoing

    def answer(self, outgoing: Outgoing, payload: dict[str, Any] | None, error: str = "") -> None:
        text = json.dumps(
            [4, outgoing.message_id, error, "", {}] if payload is None else [3, outgoing.message_id, payload]
        )
        reply = message.parse(text)
        assert isinstance(reply, (message.CallResult, message.CallError))
        wire = self.story.wire
        units.Answered(version, wire.station, wire.epoch, text, self.now, time.perf_counter(), reply)(
            self.session
        )
        store(self.session)

    def settled(self, status: str = "Accepted") -> dict[str, Any]:
        """The payload of the next order, which is answered with `status`."""
        _, payload, outgoing = self.sent()
        self.answer(outgoing, {"status": status})
        return payload

    def take(self, profile: Profile, evse: int = 1, meant: Meant = MEANT) -> dict[str, Any]:
        """Assigned and accepted; the payload."""
        self.assign(profile, evse, meant)
        return self.settled()

    def held(self) -> list[Held]:
        return queries.held(self.session, self.charger)

    def states(self) -> list[tuple[str, str]]:
        """(name, state), the oldest first."""
        return [(x.assignment.name, x.state.value) for x in reversed(self.held())]

    def configure(self, **keys: str) -> None:
        rows = [(name, value, True) for name, value in keys.items()]
        chargers.store_configuration(self.session, self.charger, rows, at=self.now)
        store(self.session)


@pytest.fixture
def desk(story: Story) -> Desk:
    return Desk(story)


def test_a_profile_goes_out_in_the_words_of_the_specification(desk: Desk) -> None:
    weekly = replace(
        DEFAULT,
        kind=ProfileKind.RECURRING,
        recurrency=Recurrency.WEEKLY,
        stack_level=3,
        valid_from=NOW,
        valid_to=NOW + timedelta(days=30),
    )
    desk.assign(weekly)
    action, payload, _ = desk.sent()
    assert action == "SetChargingProfile"
    assert payload == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 3,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Weekly",
            "validFrom": "2026-03-14T09:26:53.000Z",
            "validTo": "2026-04-13T09:26:53.000Z",
            "chargingSchedule": {
                "startSchedule": "2026-03-14T09:26:53.000Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.0},
                    {"startPeriod": 3600, "limit": 8.5, "numberPhases": 1},
                ],
            },
        },
    }


def test_a_limit_of_the_whole_charger_has_its_old_name_and_stands_at_connector_0(desk: Desk) -> None:
    payload = desk.take(CAP, 0)
    assert payload["connectorId"] == 0
    assert payload["csChargingProfiles"]["chargingProfilePurpose"] == "ChargePointMaxProfile"


def test_a_profile_of_a_session_names_it_and_ends_with_it(desk: Desk) -> None:
    with pytest.raises(Refused, match="No session is running"):
        desk.assign(RELATIVE)
    desk.session.rollback()
    transaction_id = desk.story.start()
    profile = desk.take(RELATIVE)["csChargingProfiles"]
    assert profile["transactionId"] == transaction_id
    assert profile["chargingSchedule"]["minChargingRate"] == 1400.5
    assert desk.states() == [("A profile", "installed")]
    assert [x.profile for x in queries.of_transaction(desk.session, desk.story.transaction())] == [RELATIVE]
    desk.story.stop(transaction_id, at=ENDED)
    assert desk.states() == [("A profile", "cleared")]
    assert energy.tidy(desk.session, NOW) == 1
    assert desk.held() == []
    assert queries.past(desk.session, desk.charger)[0].why == "Its session is over."


@pytest.mark.parametrize(
    ("answer", "error", "state", "why"),
    [
        ({"status": "Accepted"}, "", State.INSTALLED, "accepted"),
        ({"status": "Rejected"}, "", State.REFUSED, "said no: Rejected"),
        ({"status": "NotSupported"}, "", State.REFUSED, "said no: NotSupported"),
        (None, "NotSupported", State.REFUSED, "error: NotSupported"),
        (None, "PropertyConstraintViolation", State.REFUSED, "error: PropertyConstraintViolation"),
    ],
)
def test_only_what_the_charger_accepted_is_installed(
    desk: Desk, answer: dict[str, Any] | None, error: str, state: State, why: str
) -> None:
    desk.assign(DEFAULT)
    assert desk.states() == [("A profile", "wanted")]
    _, _, outgoing = desk.sent()
    assert desk.states() == [("A profile", "sent")]
    desk.answer(outgoing, answer, error)
    held = desk.held()[0]
    assert (held.state, held.is_in_force) == (state, state is State.INSTALLED)
    assert why in held.why


def test_without_an_answer_nobody_knows_and_it_is_sent_again_under_its_number(desk: Desk) -> None:
    desk.assign(DEFAULT)
    _, first, outgoing = desk.sent()
    give_up(outgoing.command_id, CommandState.TIMEOUT, "No answer.", NOW)(desk.session)
    store(desk.session)
    assert desk.states() == [("A profile", "unknown")]
    assert energy.resend(desk.session, NOW) == 0
    desk.now = NOW + timedelta(minutes=2)
    assert energy.resend(desk.session, desk.now) == 1
    store(desk.session)
    assert energy.resend(desk.session, desk.now) == 0
    assert desk.settled() == first
    assert desk.states() == [("A profile", "installed")]


def test_after_a_boot_it_is_in_doubt_until_it_was_sent_again(desk: Desk) -> None:
    first = desk.take(DEFAULT)
    desk.now = NOW + timedelta(minutes=5)
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    desk.story.wire.call("BootNotification", boot, at=desk.now)
    assert desk.states() == [("A profile", "unknown")]
    assert desk.held()[0].is_in_force  # as far as we know
    assert energy.resend(desk.session, desk.now) == 0  # it has other things to do yet
    desk.now += timedelta(minutes=2)
    assert energy.resend(desk.session, desk.now) == 1
    store(desk.session)
    assert desk.settled() == first
    assert desk.states() == [("A profile", "installed")]


def test_in_quiet_mode_nothing_is_sent_again(desk: Desk) -> None:
    desk.take(DEFAULT)
    desk.now = NOW + timedelta(minutes=5)
    desk.story.wire.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, at=desk.now)
    desk.now += timedelta(minutes=2)
    quiet.switch(desk.session, is_on=True, at=desk.now)
    assert energy.resend(desk.session, desk.now) == 0
    quiet.switch(desk.session, is_on=False, at=desk.now)
    assert energy.resend(desk.session, desk.now) == 1
    store(desk.session)
    quiet.switch(desk.session, is_on=True, at=desk.now)
    wire = desk.story.wire
    assert Claim(version, wire.station, wire.epoch, desk.now, 30)(desk.session) is None
    store(desk.session)
    assert desk.states() == [("A profile", "unknown")]


def test_a_charger_that_keeps_restarting_is_not_sent_to_each_time(desk: Desk) -> None:
    desk.take(DEFAULT)
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    resent = 0
    for minute in range(5, 65, 10):
        desk.now = NOW + timedelta(minutes=minute)
        desk.story.wire.call("BootNotification", boot, id=str(minute), at=desk.now)
        desk.now += timedelta(minutes=2)
        resent += energy.resend(desk.session, desk.now)
        store(desk.session)
        if commands.has_work(desk.session, desk.charger.id, desk.now):
            desk.settled()
    assert resent == 1


def test_the_same_profile_again_has_the_same_number_and_takes_its_own_place(desk: Desk) -> None:
    first = desk.take(DEFAULT)
    again = desk.take(replace(DEFAULT, stack_level=4), meant=Meant("Again", "olga"))
    numbers = [x["csChargingProfiles"]["chargingProfileId"] for x in (first, again)]
    assert numbers[0] == numbers[1]
    assert desk.states() == [("Again", "installed")]


def test_another_profile_in_the_same_place_replaces_it(desk: Desk) -> None:
    """1.6 §3.13.2: one profile for each purpose and level. A refused one replaces nothing."""
    stored = energy.keep(desk.session, "Stored", None, DEFAULT, by="olga", at=NOW)
    store(desk.session)
    desk.take(DEFAULT)
    desk.assign(DEFAULT, meant=Meant("Refused", "olga", stored.id))
    desk.settled("Rejected")
    assert desk.states() == [("A profile", "installed"), ("Refused", "refused")]
    payload = desk.take(DEFAULT, meant=Meant("Stored", "olga", stored.id))
    assert payload["csChargingProfiles"]["chargingProfileId"] == 2
    assert desk.states() == [("Stored", "installed")]


def test_clearing_by_number_spares_the_others(desk: Desk) -> None:
    number = desk.take(DEFAULT)["csChargingProfiles"]["chargingProfileId"]
    desk.take(CAP, 0, Meant("Cap", "olga"))
    energy.clear(desk.session, desk.charger, Criteria(number=number), by="olga", at=NOW)
    store(desk.session)
    assert desk.settled() == {"id": number}
    assert desk.states() == [("Cap", "installed")]


@pytest.mark.parametrize(
    ("criteria", "payload", "left"),
    [
        (Criteria(), {}, set()),
        (Criteria(evse=0), {"connectorId": 0}, {"One"}),
        (
            Criteria(purpose=Purpose.CHARGER_MAX),
            {"chargingProfilePurpose": "ChargePointMaxProfile"},
            {"One", "All"},
        ),
        (Criteria(evse=1, stack_level=0), {"connectorId": 1, "stackLevel": 0}, {"All", "Cap"}),
        (Criteria(evse=1, stack_level=5), {"connectorId": 1, "stackLevel": 5}, {"One", "All", "Cap"}),
    ],
)
@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_clearing_by_criteria_ends_all_that_fit(
    desk: Desk, criteria: Criteria, payload: dict[str, Any], left: set[str], status: str
) -> None:
    desk.take(DEFAULT, 1, Meant("One", "olga"))
    desk.take(DEFAULT, 0, Meant("All", "olga"))
    desk.take(CAP, 0, Meant("Cap", "olga"))
    previewed = {x.assignment.name for x in energy.matching(desk.session, desk.charger, criteria)}
    assert previewed == {"One", "All", "Cap"} - left
    energy.clear(desk.session, desk.charger, criteria, by="olga", at=NOW)
    store(desk.session)
    assert desk.settled(status) == payload
    assert {name for name, _ in desk.states()} == left


def test_what_was_not_sent_yet_is_taken_back(desk: Desk) -> None:
    desk.assign(DEFAULT)
    assert energy.clear(desk.session, desk.charger, Criteria(), by="olga", at=NOW) is None
    store(desk.session)
    assert not commands.has_work(desk.session, desk.charger.id, NOW)
    assert queries.past(desk.session, desk.charger)[0].why == "It was taken back before it was sent."


def test_a_remote_start_brings_its_profile_along(desk: Desk) -> None:
    connector = desk.charger.connectors[0]
    with pytest.raises(Invalid, match="profile of the session itself"):
        energy.start_with(desk.session, connector, "04A2", DEFAULT, MEANT, at=NOW)
    desk.session.rollback()
    connector = desk.charger.connectors[0]
    energy.start_with(desk.session, connector, "04A2", RELATIVE, MEANT, at=NOW)
    store(desk.session)
    payload = desk.settled()
    profile = payload["chargingProfile"]
    assert profile["chargingProfilePurpose"] == "TxProfile"
    assert "transactionId" not in profile  # 1.6 §5.16.2: SHALL NOT be set
    assert desk.states() == [("A profile", "sent")]
    desk.story.start()
    assert desk.states() == [("A profile", "installed")]
    held = queries.of_transaction(desk.session, desk.story.transaction())
    assert [(x.profile, x.assignment.command.payload) for x in held] == [(RELATIVE, payload)]
    energy.tidy(desk.session, NOW)
    assert desk.held()[0].assignment.transaction_id == desk.story.transaction().id


def test_a_session_that_never_began_leaves_no_profile_behind(desk: Desk) -> None:
    energy.start_with(desk.session, desk.charger.connectors[0], "04A2", RELATIVE, MEANT, at=NOW)
    store(desk.session)
    desk.settled()
    commands.expire(desk.session, NOW + timedelta(minutes=10))
    assert desk.states() == [("A profile", "cleared")]
    energy.tidy(desk.session, NOW + timedelta(minutes=10))
    assert desk.held() == []


def test_profiles_that_were_sent_by_hand_are_known_as_well(desk: Desk) -> None:
    payload = {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 77,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily",
            "chargingSchedule": {
                "startSchedule": "2026-03-14T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000, "numberPhases": 3}],
            },
        },
    }
    _raw(desk, "SetChargingProfile", payload)
    assert desk.settled() == payload
    held = desk.held()[0]
    assert (held.assignment.number, held.state, held.profile.purpose) == (
        77,
        State.INSTALLED,
        Purpose.TX_DEFAULT,
    )
    _raw(desk, "ClearChargingProfile", {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1})
    desk.settled()
    assert desk.held() == []


def _raw(desk: Desk, action: str, payload: dict[str, Any]) -> Command:
    arguments = {"action": action, "payload": payload}
    command = commands.request(desk.session, desk.charger, Kind.RAW, arguments, by="olga", at=desk.now)
    store(desk.session)
    return command


def test_a_charger_that_is_offline_gets_its_profile_when_it_is_back(desk: Desk) -> None:
    desk.now = NOW + timedelta(hours=2)  # its lease is over
    desk.assign(DEFAULT)
    with pytest.raises(Refused, match="is offline"):
        energy.clear(desk.session, desk.charger, Criteria(evse=0), by="olga", at=desk.now)
    desk.session.rollback()
    desk.now += timedelta(days=1)
    desk.settled()
    assert desk.states() == [("A profile", "installed")]


def test_what_the_charger_said_that_it_can_is_heeded(desk: Desk) -> None:
    desk.configure(ChargeProfileMaxStackLevel="2", MaxChargingProfilesInstalled="1")
    with pytest.raises(Refused, match="stack levels up to 2"):
        desk.assign(replace(DEFAULT, stack_level=3))
    desk.session.rollback()
    desk.take(DEFAULT)
    with pytest.raises(Refused, match="can hold 1 profiles"):
        desk.assign(CAP, 0)
    desk.session.rollback()
    desk.take(DEFAULT)  # in its own place
    with pytest.raises(NotFound, match="no connector 7"):
        desk.assign(DEFAULT, 7)


@pytest.mark.parametrize("is_charging", [True, False])
def test_a_limit_now_is_for_the_running_session_or_for_those_to_come(desk: Desk, is_charging: bool) -> None:
    desk.configure(ChargeProfileMaxStackLevel="9")
    if is_charging:
        desk.story.start()
    until = NOW + timedelta(hours=2)
    energy.limit_now(desk.session, desk.charger, 1, 8.5, RateUnit.A, until=until, by="olga", at=NOW)
    store(desk.session)
    profile = desk.settled()["csChargingProfiles"]
    assert profile["chargingProfilePurpose"] == ("TxProfile" if is_charging else "TxDefaultProfile")
    assert profile["stackLevel"] == 9
    assert profile["chargingSchedule"]["duration"] == 7200
    assert profile["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 8.5}]
    window = queries.window(
        desk.session, desk.charger, begins_at=NOW, ends_at=NOW + timedelta(hours=3), unit=RateUnit.A
    )
    steps = queries.expected(desk.held(), desk.charger, 1, window).steps
    assert [(x.limit, (x.at - NOW).total_seconds()) for x in steps] == [(8.5, 0), (None, 7200)]


def test_the_chargers_own_composite_schedule_is_kept_and_compared(desk: Desk) -> None:
    """1.6 §5.7."""
    desk.take(DEFAULT)
    energy.ask_composite(desk.session, desk.charger, 1, duration_s=7200, unit=RateUnit.A, by="olga", at=NOW)
    store(desk.session)
    action, payload, outgoing = desk.sent()
    assert action == "GetCompositeSchedule"
    assert payload == {"connectorId": 1, "duration": 7200, "chargingRateUnit": "A"}
    periods = [{"startPeriod": 0, "limit": 16.0}, {"startPeriod": 3600, "limit": 32.0}]
    desk.answer(
        outgoing,
        {
            "status": "Accepted",
            "connectorId": 1,
            "scheduleStart": "2026-03-14T09:26:53Z",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "duration": 7200,
                "chargingSchedulePeriod": periods,
            },
        },
    )
    told = queries.told_by(queries.answer_of(desk.session, desk.charger.id, 1))
    assert told is not None
    window = queries.window(
        desk.session, desk.charger, begins_at=NOW, ends_at=NOW + timedelta(hours=2), unit=told.unit
    )
    found = energy.compare(queries.expected(desk.held(), desk.charger, 1, window), told)
    assert [(x.expected, x.told, x.is_higher) for x in found] == [(8.5, 32.0, True)]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "Rejected"},
        {"status": "Accepted"},
        {"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "kW", "chargingSchedulePeriod": []}},
    ],
)
def test_a_charger_that_cannot_tell_says_so(desk: Desk, answer: dict[str, Any]) -> None:
    energy.ask_composite(desk.session, desk.charger, 0, duration_s=60, unit=None, by="olga", at=NOW)
    store(desk.session)
    _, payload, outgoing = desk.sent()
    assert payload == {"connectorId": 0, "duration": 60}
    desk.answer(outgoing, answer)
    row = queries.answer_of(desk.session, desk.charger.id, 0)
    assert row is not None
    assert (row.is_told, queries.told_by(row)) == (False, None)


def test_a_dropped_profile_stays_where_it_is(desk: Desk) -> None:
    stored = energy.keep(desk.session, "Stored", "why", DEFAULT, by="olga", at=NOW)
    store(desk.session)
    desk.take(DEFAULT, meant=Meant("Stored", "olga", stored.id))
    assert [x.state for x in queries.of_profile(desk.session, stored.id)] == [State.INSTALLED]
    energy.drop(desk.session, stored)
    store(desk.session)
    assert desk.states() == [("Stored", "installed")]


def test_the_supply_of_a_charger_is_what_powers_are_reckoned_by(desk: Desk) -> None:
    assert queries.supply_of(desk.session, desk.charger.id) == energy.Supply(230, 3)
    energy.set_supply(desk.session, desk.charger, 120, 1)
    store(desk.session)
    assert queries.supply_of(desk.session, desk.charger.id) == energy.Supply(120, 1)
    for voltage_v, phases in ((5, 1), (230, 4)):
        with pytest.raises(Invalid):
            energy.set_supply(desk.session, desk.charger, voltage_v, phases)


def test_a_made_up_charger_takes_its_profiles_with_it(desk: Desk) -> None:
    desk.charger.is_simulated = True
    desk.story.start()
    desk.take(RELATIVE)
    energy.set_supply(desk.session, desk.charger, 230, 1)
    energy.keep_composite(desk.session, desk.charger.id, 1, "Rejected", None, at=NOW)
    store(desk.session)
    removal.remove_simulated(desk.session, desk.charger, at=NOW)
    store(desk.session)
    assert desk.session.scalars(select(energy.ProfileAssignment)).all() == []
    assert desk.session.scalars(select(energy.CompositeAnswer)).all() == []
