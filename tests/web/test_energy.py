"""The pages of smart charging: limits over time, profiles with their state, and an editor that explains itself."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from make import make_charger, make_wire
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, chargers, commands, energy
from csms.domain.accounts import Role
from csms.domain.commands import Command, CommandState
from csms.domain.energy import (
    Meant,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Schedule,
    ToldSchedule,
    queries,
)
from tests.web.browser import HTMX, Browser, logged_in, publish

FORM = {
    "name": "Slow",
    "description": "For the grid",
    "purpose": "TxDefaultProfile",
    "kind": "Recurring",
    "recurrency": "Daily",
    "stack_level": "1",
    "unit": "W",
    "starts_at": "2026-11-01T00:00",
    "lasts": "24:00",
    "valid_from": "",
    "valid_to": "",
    "least_rate": "",
    "after": ["", "6:00", "22:30", ""],
    "limit": ["11", "4,5", "7.4", ""],
    "phases": ["", "1", "", ""],
}


@pytest.fixture
def charger_id(session: Session) -> int:
    charger_id = make_charger(session, at=clock.now(), online=True, connectors=2).id
    publish(session)
    return charger_id


def newest(session: Session) -> Command:
    session.rollback()
    return commands.recent(session, limit=1)[0]


def begin(session: Session) -> None:
    session.rollback()
    session.connection(execution_options={"writes": True})


def accept(session: Session, status: str = "Accepted") -> None:
    """The charger's answer to the newest order."""
    begin(session)
    command, at = commands.recent(session, limit=1)[0], clock.now()
    commands.claim(session, command, message_id="m", epoch=1, at=at, timeout_s=30)
    state = CommandState.ACCEPTED if status == "Accepted" else CommandState.REJECTED
    commands.settle_answer(session, command, state=state, status=status, answer={}, at=at)
    given = command.arguments
    if state is CommandState.ACCEPTED and "profile" in given:
        profile = energy.from_content(given["profile"])
        energy.settle_set(session, command, given["evse"], given["number"], profile, at=at)
    publish(session)


def limit(olga: Browser, charger_id: int, **form: Any) -> Any:
    given = {"evse": "1", "limit": "10", "unit": "A", "hours": "2"} | form
    return olga.send(f"/chargers/{charger_id}/smart-charging/limit", HTMX, **given)


def test_without_profiles_the_page_says_what_to_do(olga: Browser, charger_id: int) -> None:
    page = olga.read(f"/chargers/{charger_id}/smart-charging")
    assert "No profiles" in page
    assert "no limit" in page
    assert "Nothing limits the power in the time that is shown." in page
    assert "chart-mid" not in page
    assert "230 V and 3 phases" in page
    assert "read its configuration" in page


def test_a_limit_is_asked_for_and_shown_when_it_was_accepted(
    olga: Browser, session: Session, charger_id: int
) -> None:
    answer = limit(olga, charger_id, limit="8,5")
    assert "Queued" in answer.text
    tab = f"/chargers/{charger_id}/smart-charging?evse=1"
    assert "To be sent" in olga.read(tab)
    accept(session)
    page = olga.read(tab)
    assert "Installed" in page
    assert "Because of “Limit 8.5 A”" in page
    assert "chart-mid" in page
    assert re.search(r"8\.5\s*</span>|8\.5\xa0A", page)
    in_kw = olga.read(f"{tab}&unit=W")
    assert "5.87\xa0kW" in in_kw  # 8.5 A × 230 V × 3
    assert "Limit 8.5 A" in olga.read(f"/chargers/{charger_id}/smart-charging/now?evse=1", headers=HTMX)


def test_a_refusal_is_told_with_the_chargers_word_and_can_be_tried_again(
    olga: Browser, session: Session, charger_id: int
) -> None:
    limit(olga, charger_id)
    accept(session, "NotSupported")
    page = olga.read(f"/chargers/{charger_id}/smart-charging?evse=1")
    assert "Refused" in page
    assert "said no: NotSupported" in page
    again = re.search(r'name="again" value="(\d+)"', page)
    assert again
    olga.send(f"/chargers/{charger_id}/smart-charging/assign", HTMX, again=again[1], evse="1")
    arguments = [x.arguments["number"] for x in commands.recent(session, limit=2)]
    assert arguments[0] == arguments[1]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"limit": "much"}, "Write a number"),
        ({"limit": "8.55"}, "at most one decimal"),
        ({"evse": "7"}, "no connector 7"),
        ({"evse": "x"}, "Choose a connector"),
        ({"until": "2020-01-01T00:00"}, "end in the future"),
        ({"until": "soon"}, "date with a time"),
    ],
)
def test_a_limit_that_makes_no_sense_is_not_sent(
    olga: Browser, session: Session, charger_id: int, form: dict[str, str], words: str
) -> None:
    answer = limit(olga, charger_id, **form)
    assert answer.status_code in (404, 409)
    assert words in answer.text
    session.rollback()
    assert not commands.recent(session)


def test_clearing_shows_first_what_would_go(olga: Browser, session: Session, charger_id: int) -> None:
    limit(olga, charger_id)
    accept(session)
    limit(olga, charger_id, evse="0", limit="20")
    accept(session)
    path = f"/chargers/{charger_id}/smart-charging/clear"
    everything = olga.read(path)
    assert "<b>2</b> known profiles would end" in everything
    one = olga.read(f"{path}?purpose=ChargingStationMaxProfile")
    assert "Limit 20 A" in one
    assert "Limit 10 A" not in one
    olga.send(path, purpose="ChargingStationMaxProfile", evse="", stack_level="")
    assert newest(session).arguments == {"purpose": "ChargingStationMaxProfile"}


def test_what_was_not_sent_yet_is_taken_back_without_asking(
    olga: Browser, session: Session, charger_id: int
) -> None:
    limit(olga, charger_id)
    number = newest(session).arguments["number"]
    answer = olga.send(f"/chargers/{charger_id}/smart-charging/clear", HTMX, number=str(number))
    assert "Taken back" in answer.text
    assert newest(session).state is CommandState.CANCELLED
    assert "taken back before it was sent" in olga.read(f"/chargers/{charger_id}/smart-charging")


def test_the_chargers_own_word_is_drawn_and_a_difference_is_told(
    olga: Browser, session: Session, charger_id: int
) -> None:
    limit(olga, charger_id, hours="24")
    accept(session)
    olga.send(f"/chargers/{charger_id}/smart-charging/ask", HTMX, evse="1", hours="24", unit="A")
    assert newest(session).arguments == {"evse": 1, "duration_s": 86_400, "unit": "A"}
    begin(session)
    at = clock.now()
    told = ToldSchedule(RateUnit.A, at, at + timedelta(days=1), [{"start_s": 0, "limit": 32.0}])
    energy.keep_composite(session, charger_id, 1, "Accepted", told, at=at)
    publish(session)
    page = olga.read(f"/chargers/{charger_id}/smart-charging?evse=1")
    assert 'class="told is-out"' in page
    assert "allows more than it should" in page
    begin(session)
    energy.keep_composite(session, charger_id, 1, "Rejected", None, at=at)
    publish(session)
    assert "could not tell them (Rejected)" in olga.read(f"/chargers/{charger_id}/smart-charging?evse=1")


def test_the_supply_is_changed_and_used(olga: Browser, session: Session, charger_id: int) -> None:
    olga.send(f"/chargers/{charger_id}/smart-charging/supply", voltage_v="120", phases="1")
    page = olga.read(f"/chargers/{charger_id}/smart-charging")
    assert "120 V and 1 phase at most" in page
    for typed, why in (("9", "between 50 and 1000 V"), ("much", "Write a number such as")):
        wrong = olga.send(f"/chargers/{charger_id}/smart-charging/supply", voltage_v=typed, phases="2")
        assert wrong.status_code == 422
        assert why in wrong.text
        assert f'value="{typed}"' in wrong.text
        assert '<option value="2" selected>' in wrong.text
        assert "data-again" not in wrong.text


def test_a_limit_that_cannot_be_keeps_what_was_typed_without_scripts(olga: Browser, charger_id: int) -> None:
    typed = {"evse": "2", "limit": "10", "unit": "W", "hours": "", "until": "2037-01-31T12:00"}
    for change, why in (
        ({"limit": "much"}, "Write a number such as"),
        ({}, "Choose an end in the future, within a year."),
        ({"until": "", "limit": "10000000"}, "A limit is between 0 and"),
    ):
        given = typed | change
        wrong = olga.send(f"/chargers/{charger_id}/smart-charging/limit", **given)
        assert wrong.status_code == 422
        dialog = wrong.text.split('id="limit-now"')[1].split("</dialog>")[0]
        assert "data-again" in dialog
        assert why in dialog
        assert all(f'value="{given[name]}"' in dialog for name in ("limit", "until"))
        for chosen in ("2", "W", ""):
            assert f'<option value="{chosen}" selected>' in dialog


def test_a_profile_that_cannot_be_assigned_is_still_chosen(olga: Browser, charger_id: int) -> None:
    olga.send("/charging-profiles/new", **FORM)
    path = f"/chargers/{charger_id}/smart-charging"
    stored = re.search(r'<option value="(\d+)">Slow</option>', olga.read(path))
    assert stored
    wrong = olga.send(f"{path}/assign", profile=stored[1], evse="x")
    assert wrong.status_code == 422
    dialog = wrong.text.split('id="assign"')[1].split("</dialog>")[0]
    assert "data-again" in dialog
    assert f'<option value="{stored[1]}" selected>' in dialog


def test_a_profile_is_written_in_the_editor(olga: Browser, session: Session) -> None:
    olga.send("/charging-profiles/new", **FORM)
    session.rollback()
    (stored,) = queries.stored(session)
    profile = stored.profile
    assert [(x.start_s, x.limit, x.phases) for x in profile.schedule.periods] == [
        (0, 11_000, None),
        (21_600, 4500, 1),
        (81_000, 7400, None),
    ]
    assert (stored.name, profile.stack_level, profile.schedule.duration_s) == ("Slow", 1, 86_400)
    path = f"/charging-profiles/{stored.id}"
    session.rollback()
    assert "Every day from" in olga.read(path)
    form = olga.read(f"{path}/edit")
    assert 'value="4.5"' in form
    assert 'value="22:30"' in form
    olga.send(f"{path}/edit", **FORM | {"name": "Slower"})
    assert "Slower" in olga.read("/charging-profiles")
    olga.send(f"{path}/delete")
    assert "No stored profiles" in olga.read("/charging-profiles")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "Give the profile a name"),
        ({"limit": ["x", "", "", ""]}, "as a number"),
        ({"after": ["1:00", "", "", ""]}, "first period starts at 0"),
        ({"after": ["", "6:99", "", ""]}, "hours and minutes"),
        ({"kind": "Relative"}, "leave out its start"),
        ({"starts_at": ""}, "from when the schedule counts"),
        ({"lasts": "25:00"}, "longer than its turn"),
        ({"purpose": "Nonsense"}, "one of the list"),
        ({"stack_level": "-1"}, "whole number"),
    ],
)
def test_the_editor_says_what_is_wrong_and_keeps_what_was_written(
    olga: Browser, session: Session, change: dict[str, Any], words: str
) -> None:
    form = FORM | change
    if change.get("kind") == "Relative":
        form |= {"recurrency": ""}
        words = "Every day"  # the start is dropped for it: it is saved
        assert olga.send("/charging-profiles/new", **form).status_code == 302
        return
    answer = olga.send("/charging-profiles/new", **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert "For the grid" in answer.text
    assert queries.stored(session) == []


def test_more_rows_keep_what_was_written(olga: Browser) -> None:
    answer = olga.send("/charging-profiles/new", **FORM, more="1")
    assert answer.status_code == 200
    assert answer.text.count('name="after"') == 12
    assert 'value="4,5"' in answer.text


@pytest.mark.parametrize("key", ["fallback", "night", "supply"])
def test_the_usual_profiles_can_be_saved_as_they_are(olga: Browser, session: Session, key: str) -> None:
    index = olga.read("/charging-profiles")
    assert f"preset={key}" in index
    assert "also when this server cannot" in index
    page = olga.read(f"/charging-profiles/new?preset={key}")
    names = (
        "name",
        "description",
        "purpose",
        "kind",
        "recurrency",
        "stack_level",
        "unit",
        "starts_at",
        "lasts",
    )
    form = {name: _value(page, name) for name in names}
    rows = {name: _values(page, name) for name in ("after", "limit")}
    rows["phases"] = [""] * len(rows["after"])
    answer = olga.send("/charging-profiles/new", **form, **rows)
    assert answer.status_code == 302, answer.text
    session.rollback()
    assert len(queries.stored(session)) == 1


def _value(page: str, name: str) -> str:
    chosen = re.search(rf'<select[^>]*name="{name}".*?</select>', page, re.DOTALL)
    if chosen:
        found = re.search(r'<option value="([^"]*)" selected', chosen[0])
        return found[1] if found else ""
    text = re.search(rf'<textarea[^>]*name="{name}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    return text[1] if text else (_values(page, name) or [""])[0]


def _values(page: str, name: str) -> list[str]:
    inputs = [x for x in re.findall(r"<input[^>]*>", page) if f'name="{name}"' in x]
    return [found[1] if (found := re.search(r'value="([^"]*)"', x)) else "" for x in inputs]


def test_a_stored_profile_is_given_to_many_chargers_at_once(
    olga: Browser, session: Session, charger_id: int
) -> None:
    begin(session)
    other = make_charger(session, "CP-2").id  # never connected: it gets it when it comes
    publish(session)
    olga.send("/charging-profiles/new", **FORM)
    session.rollback()
    path = f"/charging-profiles/{queries.stored(session)[0].id}"
    olga.send(f"{path}/assign", charger=[str(charger_id), str(other)], evse="2")
    page = olga.read(path)
    assert "On its way to 1 place" in page
    assert "CP-2 has no connector 2." in page
    olga.send(f"{path}/assign", charger=[str(other)], evse="0")
    page = olga.read(path)
    assert page.count("To be sent") == 2
    olga.send(f"{path}/assign", evse="0")
    assert "Choose a charger." in olga.read(path)


def test_a_profile_can_be_sent_with_its_saving(olga: Browser, session: Session, charger_id: int) -> None:
    page = olga.read(f"/charging-profiles/new?charger={charger_id}")
    assert "Save and send" in page
    answer = olga.send("/charging-profiles/new", **FORM, charger_id=str(charger_id), evse="2")
    assert answer.headers["Location"].endswith(f"/chargers/{charger_id}/smart-charging")
    assert newest(session).arguments["evse"] == 2
    session.rollback()
    form = FORM | {"name": "Too much", "purpose": "ChargingStationMaxProfile"}
    refused = olga.send("/charging-profiles/new", **form, charger_id=str(charger_id), evse="2")
    assert refused.status_code == 422
    assert "cannot be set at one connector" in refused.text
    assert len(queries.stored(session)) == 1


def test_a_session_shows_the_limits_that_it_was_given(
    olga: Browser, session: Session, charger_id: int
) -> None:
    begin(session)
    wire = make_wire(session, chargers.get(session, charger_id))
    start = {"connectorId": 1, "idTag": "04A2B3C4", "meterStart": 0, "timestamp": clock.now().isoformat()}
    transaction_id = wire.call("StartTransaction", start)["transactionId"]
    publish(session)
    path = f"/sessions/{transaction_id}/limits"
    assert "No limit of its own" in olga.read(path)
    limit(olga, charger_id, limit="6")
    page = olga.read(path)
    assert "Limit 6 A" in page
    assert f'href="/sessions/{transaction_id}/limits"' in olga.read(f"/sessions/{transaction_id}")
    begin(session)
    profile = Profile(Purpose.TX, ProfileKind.RELATIVE, (Schedule(RateUnit.A, (Period(0, 7),)),))
    charger = chargers.get(session, charger_id)
    energy.assign(session, charger, 1, profile, Meant("Seven", "olga"), at=clock.now())
    publish(session)
    assert "From its start: 7\xa0A" in olga.read(path)


def test_whoever_may_only_look_sees_no_buttons(app: Flask, session: Session, charger_id: int) -> None:
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    page = reader.read(f"/chargers/{charger_id}/smart-charging")
    assert "Limit now…" not in page
    assert limit(reader, charger_id).status_code == 404
    assert reader.open("/charging-profiles/new").status_code == 404
    assert "New profile" not in reader.read("/charging-profiles")


def test_what_is_done_is_on_record(olga: Browser, session: Session, charger_id: int) -> None:
    limit(olga, charger_id)
    session.rollback()
    assert "charging_profile.limit" in session.scalars(select(accounts.AuditEntry.action)).all()
