"""Quirk profiles: which one holds, what they forbid, and that a wrong file is told."""

from __future__ import annotations

from typing import Any

import pytest
from make import NOW, make_charger
from sqlalchemy.orm import Session

from csms import quirks
from csms.domain import chargers, commands, energy
from csms.domain.base import Invalid, Refused
from csms.domain.commands import Kind
from csms.domain.energy import Period, Profile, ProfileKind, Purpose, RateUnit, Schedule
from csms.quirks import Cards, Charging, Meter, QuirkError, Register


@pytest.mark.parametrize(
    ("vendor", "model", "firmware", "key"),
    [
        ("ABB", "TAC-W11-G5-R-0", "1.8.32", "abb-terra-ac"),
        ("abb", "tac-w11", "1.8.21", "abb-terra-ac-before-1-8-22"),
        ("ABB", "TAC-W11", "1.6.5", "abb-terra-ac-before-1-8-22"),
        ("ABB", "TAC-W11", None, "abb-terra-ac"),
        ("ABB", "Terra 54", "6.6", "none"),
        ("Keba AG", "KC-P30-EC2401B2-M0R", "1.12.0", "keba"),
        ("OpenEVSE", "ESP32", "4.2.2", "openevse"),
        ("OpenEVSE", "ESP32", "5.0.1", "none"),
        ("Nobody", "Special", "1", "none"),
        (None, None, None, "none"),
    ],
)
def test_the_profile_is_found_by_what_a_charger_says_of_itself(
    vendor: str | None, model: str | None, firmware: str | None, key: str
) -> None:
    assert quirks.of(None, vendor, model, firmware).key == key


def test_an_operators_choice_goes_before_what_fits(session: Session) -> None:
    charger = make_charger(session, vendor="Keba AG", model="P30")
    assert chargers.quirks_of(charger).key == "keba"
    chargers.choose_quirks(session, charger, "none")
    assert chargers.quirks_of(charger).cards == Cards()
    chargers.choose_quirks(session, charger, "cards-reversed")
    assert chargers.quirks_of(charger).key == "cards-reversed"
    chargers.choose_quirks(session, charger, None)
    assert chargers.quirks_of(charger).key == "keba"
    with pytest.raises(Invalid):
        chargers.choose_quirks(session, charger, "nonsense")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": "X"}, "'summary' is missing"),
        ({"name": "X", "summary": "", "metre": {}}, "unknown member 'metre'"),
        ({"name": "X", "summary": "", "meter": {"registre": "session"}}, "x.toml, meter: unknown member"),
        (
            {"name": "X", "summary": "", "meter": {"register": "weekly"}},
            "'weekly' is none of lifetime, session",
        ),
        ({"name": "X", "summary": "", "meter": {"energy_factor": "1000"}}, "int is expected"),
        ({"name": "X", "summary": "", "charging": {"steps_a": 6}}, "a list is expected"),
        ({"name": "X", "summary": "", "match": [{"vendor": "X", "mode": "Y"}]}, "unknown member 'mode'"),
        (
            {"name": "X", "summary": "", "address": {"fields": [{"label": "L", "value": "{hots}"}]}},
            "asks for 'hots'",
        ),
    ],
)
def test_a_file_that_is_wrong_is_told_with_the_place(table: dict[str, Any], words: str) -> None:
    with pytest.raises(QuirkError, match=r"^x\.toml") as caught:
        quirks.read("x", table)
    assert words in str(caught.value)


def test_every_refused_order_is_one_that_there_is() -> None:
    for profile in quirks.profiles().values():
        for refused in profile.refuses:
            assert Kind(refused.order)


@pytest.mark.parametrize(
    ("vendor", "kind", "arguments", "words"),
    [
        ("EN+", Kind.AVAILABILITY, {"is_operative": False}, "does not know ChangeAvailability"),
        ("EN+", Kind.RAW, {"action": "ChangeAvailability", "payload": {}}, "Allow no card there"),
        (
            "Easee",
            Kind.CHANGE_CONFIGURATION,
            {"name": "MeterValueSampleInterval", "value": "10"},
            "30 or more",
        ),
        (
            "ABB",
            Kind.RAW,
            {"action": "ChangeConfiguration", "payload": {"key": "MeterValuesSampledData", "value": "SoC"}},
            "restarts without end",
        ),
    ],
)
def test_an_order_that_a_model_cannot_take_is_refused_with_the_reason(
    session: Session, vendor: str, kind: Kind, arguments: dict[str, Any], words: str
) -> None:
    charger = make_charger(session, online=True, vendor=vendor, model="TAC", firmware_version="1.8.20")
    with pytest.raises(Refused, match=words):
        commands.request(session, charger, kind, arguments, by="olga", at=NOW)
    chargers.choose_quirks(session, charger, "none")
    assert commands.request(session, charger, kind, arguments, by="olga", at=NOW)


def test_what_a_model_can_take_is_sent(session: Session) -> None:
    charger = make_charger(session, online=True, vendor="Easee", model="Charge")
    arguments = {"name": "MeterValueSampleInterval", "value": "60"}
    assert commands.request(session, charger, Kind.CHANGE_CONFIGURATION, arguments, by="olga", at=NOW)
    assert commands.request(session, charger, Kind.GET_CONFIGURATION, {}, by="olga", at=NOW)


@pytest.mark.parametrize(
    ("charging", "asked", "given"),
    [
        (Charging(), 13.7, 13.7),
        (Charging(steps_a=(6, 8, 10, 13, 16)), 12.9, 10),
        (Charging(steps_a=(6, 8, 10, 13, 16)), 5, 0),
        (Charging(is_whole_amps=True, least_a=7), 9.9, 9),
        (Charging(is_whole_amps=True, least_a=7), 6.9, 0),
    ],
)
def test_a_limit_is_brought_to_what_the_model_obeys(charging: Charging, asked: float, given: float) -> None:
    assert charging.fit_a(asked) == given


@pytest.mark.parametrize(
    ("cards", "sent", "meant"),
    [
        (Cards(), "04A2B39F", "04A2B39F"),
        (Cards(cut_from="_"), "12345678_dummy1", "12345678"),
        (Cards(cut_from="_"), "_odd", "_odd"),
        (Cards(reversed_bytes=True), "9FB3A204", "04A2B39F"),
        (Cards(reversed_bytes=True), "ABC", "ABC"),
    ],
)
def test_a_cards_number_is_read_as_the_model_sends_it(cards: Cards, sent: str, meant: str) -> None:
    assert cards.canonical(sent) == meant


def test_a_profile_is_read_whole() -> None:
    meter = {"register": "session", "energy_factor": 1000, "closes_late": True}
    profile = quirks.read("x", {"name": "X", "summary": "Y", "meter": meter})
    assert profile.meter == Meter(Register.SESSION, 1000, True)


def limit(
    session: Session, vendor: str, limit_a: float, unit: RateUnit = RateUnit.A, evse: int = 1
) -> Profile:
    """The charging profile that a limit at a charger of this make becomes."""
    charger = make_charger(session, online=True, vendor=vendor, model="TAC", firmware_version="9")
    return energy.limit_now(session, charger, evse, limit_a, unit, until=None, by="olga", at=NOW).profile


def test_limits_are_brought_to_what_the_model_obeys(session: Session) -> None:
    steps = limit(session, "NEcharge", 12)
    assert [x.limit for x in steps.schedule.periods] == [10]


def test_limits_come_in_the_unit_that_the_model_takes(session: Session) -> None:
    with pytest.raises(Refused, match="takes limits in W"):
        limit(session, "Huawei", 16)


def test_limits_keep_to_the_kind_and_level_that_the_model_takes(session: Session) -> None:
    profile = limit(session, "Wall Box Chargers", 16)
    assert (profile.kind, profile.stack_level) == (ProfileKind.RELATIVE, 0)


def test_a_profile_that_the_model_would_not_obey_is_refused(session: Session) -> None:
    charger = make_charger(session, online=True, vendor="NEcharge", model="Pro")
    schedule = Schedule(RateUnit.A, (Period(0, 9),), NOW)
    profile = Profile(Purpose.TX_DEFAULT, ProfileKind.ABSOLUTE, (schedule,))
    with pytest.raises(Refused, match="does not obey 9 A; it would take 8 A"):
        energy.assign(session, charger, 1, profile, energy.Meant("Nine", "olga"), at=NOW)
