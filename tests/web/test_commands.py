"""Orders from pages: told honestly from the click to the effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from make import make_charger, make_wire
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers, commands
from csms.domain.commands import CommandState, Effect
from tests.web.browser import HTMX, Browser, publish
from tests.web.site import Site


def _online(session: Session) -> int:
    charger_id = make_charger(session, at=clock.now(), online=True, connectors=2).id
    publish(session)
    return charger_id


def _newest(session: Session) -> commands.Command:
    session.rollback()
    return commands.recent(session, limit=1)[0]


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ({"kind": "reset", "type": "Hard"}, {"is_hard": True}),
        ({"kind": "unlock", "evse": "2"}, {"evse": 2}),
        ({"kind": "availability", "type": "Inoperative", "evse": ""}, {"is_operative": False}),
        ({"kind": "trigger", "message": "Heartbeat"}, {"message": "Heartbeat"}),
        ({"kind": "change_configuration", "name": "A", "value": "b"}, {"name": "A", "value": "b"}),
        ({"kind": "get_configuration"}, {}),
        ({"kind": "clear_cache"}, {}),
        ({"kind": "data_transfer", "vendor_id": "v"}, {"vendor_id": "v", "message_id": None, "data": None}),
    ],
)
def test_a_button_becomes_an_order_that_waits_for_the_charger(
    session: Session, olga: Browser, form: dict[str, str], arguments: dict[str, Any]
) -> None:
    charger_id = _online(session)
    answer = olga.send(f"/chargers/{charger_id}/commands", HTMX, **form)
    assert answer.status_code == 200
    assert "Queued" in answer.text
    assert "hx-get" in answer.text
    command = _newest(session)
    assert command.arguments == arguments
    assert command.requested_by == "olga"


def test_a_session_is_started_with_a_card_on_a_connector_of_this_charger(
    session: Session, olga: Browser
) -> None:
    charger_id = _online(session)
    connector = chargers.connector_of(session, charger_id, 2)
    assert connector is not None
    session.rollback()
    form = {"kind": "start", "connector": str(connector.id), "id_tag": "TAG-1"}
    assert olga.send(f"/chargers/{charger_id}/commands", HTMX, **form).status_code == 200
    assert _newest(session).arguments == {"id_tag": "TAG-1", "evse": 2}
    other = make_charger(session, "CP-2", at=clock.now(), online=True).id
    publish(session)
    assert olga.send(f"/chargers/{other}/commands", HTMX, **form).status_code == 404


def test_a_session_is_started_with_a_limit_of_its_own(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    connector = chargers.connector_of(session, charger_id, 1)
    assert connector is not None
    session.rollback()
    form = {"kind": "start", "connector": str(connector.id), "id_tag": "TAG-1", "limit": "10,5"}
    assert olga.send(f"/chargers/{charger_id}/commands", HTMX, **form).status_code == 200
    profile = _newest(session).arguments["profile"]
    assert profile["purpose"] == "TxProfile"
    assert profile["schedules"][0]["periods"][0]["limit"] == 10.5
    assert olga.send(f"/chargers/{charger_id}/commands", HTMX, **form | {"limit": "x"}).status_code == 409


@pytest.mark.parametrize(
    ("dialog", "typed", "why"),
    [
        ("start", {"kind": "start", "id_tag": "TAG-1", "limit": "ten"}, "Write a number such as"),
        ("start", {"kind": "start", "id_tag": "TAG-" * 6, "limit": "10.5"}, "printable characters"),
        (
            "data-transfer",
            {"kind": "data_transfer", "vendor_id": "Acme", "message_id": "long " * 11, "data": "once more"},
            "printable characters",
        ),
        (
            "set-key",
            {"kind": "change_configuration", "name": "LogServer", "value": "ftp://box:…@logs.example"},
            "Write the password in the address of LogServer",
        ),
        (
            "set-key",
            {"kind": "change_configuration", "name": "AuthorizationKey", "value": "a new one"},
            "This one is changed under Security",
        ),
    ],
)
def test_an_order_that_is_refused_without_scripts_keeps_what_was_typed(
    session: Session, olga: Browser, dialog: str, typed: dict[str, str], why: str
) -> None:
    charger_id = _online(session)
    connector = chargers.connector_of(session, charger_id, 1)
    assert connector is not None
    connector_id = str(connector.id)
    session.rollback()
    wrong = olga.send(f"/chargers/{charger_id}/commands", connector=connector_id, **typed)
    assert wrong.status_code == 422
    assert wrong.text.count("data-again") == 1
    told = wrong.text.split(f'id="{dialog}" open')[1].split("</dialog>")[0]
    assert why in told
    assert all(f'"{value}"' in told or f">{value}<" in told for value in typed.values())


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "nonsense"},
        {"kind": "raw"},
        {"kind": "unlock"},
        {"kind": "unlock", "evse": "9" * 30},
        {"kind": "trigger", "message": ""},
        {"kind": "start", "connector": "1", "id_tag": "x" * 21},
        {"kind": "change_configuration", "name": "x" * 51, "value": ""},
    ],
)
def test_an_order_that_makes_no_sense_is_not_queued(
    session: Session, olga: Browser, form: dict[str, str]
) -> None:
    charger_id = _online(session)
    answer = olga.send(f"/chargers/{charger_id}/commands", HTMX, **form)
    assert answer.status_code in (404, 409)
    session.rollback()
    assert not commands.recent(session)


def test_nothing_is_asked_of_a_charger_that_is_offline(session: Session, olga: Browser) -> None:
    charger_id = make_charger(session).id
    publish(session)
    answer = olga.send(f"/chargers/{charger_id}/commands", HTMX, kind="reset")
    assert answer.status_code == 409
    assert "is offline" in answer.text
    page = olga.read(f"/chargers/{charger_id}")
    assert 'title="it has never connected"' in page
    olga.send(f"/chargers/{charger_id}/commands", kind="reset")  # without scripts: a page that says the same
    assert "is offline" in olga.read(f"/chargers/{charger_id}")


def test_accepted_is_a_promise_until_the_effect_is_seen(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    olga.send(f"/chargers/{charger_id}/commands", HTMX, kind="reset")
    command = _newest(session)
    at = clock.now()
    assert commands.claim(session, command, message_id="m", epoch=1, at=at, timeout_s=30)
    commands.settle_answer(
        session,
        command,
        state=CommandState.ACCEPTED,
        status="Accepted",
        answer={},
        at=at,
        awaits=Effect.BOOTED,
    )
    publish(session)
    waiting = olga.read(f"/commands/{command.id}", headers=HTMX)
    assert "Waiting for the charger to come back" in waiting
    assert "hx-trigger" in waiting
    commands.observe(session, charger_id, Effect.BOOTED, at=at)
    publish(session)
    done = olga.read(f"/commands/{command.id}", headers=HTMX)
    assert "Done. The charger has restarted." in done
    assert "hx-trigger" not in done
    assert ">Details<" in done
    assert ">Details<" not in olga.read(f"/commands/{command.id}")  # they stand there


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [
        (CommandState.REJECTED, "Rejected", "The charger said no."),
        (CommandState.ACCEPTED, "Scheduled", "when the running session is over"),
        (CommandState.ACCEPTED, "RebootRequired", "takes effect after a reset"),
        (CommandState.REJECTED, "UnlockFailed", "could not unlock"),
        (CommandState.TIMEOUT, None, "The charger may still do it."),
        (CommandState.ERROR, None, "answered with an error"),
        (CommandState.UNKNOWN, None, "lost before the answer"),
        (CommandState.EXPIRED, None, "could not be reached in time"),
    ],
)
def test_every_end_of_an_order_has_its_words(
    session: Session, olga: Browser, state: CommandState, status: str | None, words: str
) -> None:
    charger_id = _online(session)
    olga.send(f"/chargers/{charger_id}/commands", HTMX, kind="unlock", evse="1")
    command = _newest(session)
    command.state, command.answer_status, command.answered_at = state, status, clock.now()
    publish(session)
    assert words in olga.read("/commands")
    assert words in olga.read(f"/commands/{command.id}")


def test_dialogs_name_who_is_charging_now(session: Session, olga: Browser) -> None:
    charger_id = _online(session)
    assert "Nobody is charging" in olga.read(f"/chargers/{charger_id}/ask/reset")
    assert "No session is running" in olga.read(f"/chargers/{charger_id}/ask/stop")
    wire = make_wire(session, chargers.get(session, charger_id))
    wire.send(
        json.dumps(
            [
                2,
                "1",
                "StartTransaction",
                {"connectorId": 1, "idTag": "DAVE-1", "meterStart": 0, "timestamp": clock.now().isoformat()},
            ]
        )
    )
    publish(session)
    assert "This interrupts card DAVE-1." in olga.read(f"/chargers/{charger_id}/ask/reset")
    assert "DAVE-1" in olga.read(f"/chargers/{charger_id}/ask/stop")


def test_a_stop_without_a_choice_means_the_only_session(site: Site, olga: Browser) -> None:
    where = f"/chargers/{site.charger.id}/commands"
    publish(site.session)
    assert "No session is running" in olga.send(where, HTMX, kind="stop").text
    session = site.begin()
    publish(site.session)
    assert olga.send(where, HTMX, kind="stop").status_code == 200
    assert _newest(site.session).transaction_id == session.id
