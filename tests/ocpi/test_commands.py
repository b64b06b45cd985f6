"""What a peer orders for its drivers, and what it is told of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import commands
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.reservations import Reservation
from csms.domain.roaming import orders
from csms.domain.roaming.models import Push
from csms.domain.sites import Site
from tests.emsp import Emsp
from tests.ocpi.conftest import EVSE_UID, Ours

pytestmark = pytest.mark.sqlite_is_enough

URL = "https://emsp.example.org/commands/1"


@pytest.fixture
def order(ours: Ours, emsp: Emsp, plaza, session):
    """Gives an order at the plaza's EVSE; the result that is answered at once."""
    uuid = session.scalars(select(Site.uuid)).one()
    session.rollback()

    def give(kind: str, **more):
        body = {"response_url": URL, "token": emsp.card(whitelist="NEVER"), "location_id": uuid} | more
        answer = ours.call("POST", f"/2.2.1/commands/{kind}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    return give


def result(given) -> str:
    return str(given["data"]["result"])


def ended(session, command: Command, state: CommandState, word: str) -> list[Push]:
    """What the peer is told when the charger has answered so."""
    command = session.get_one(Command, command.id)
    commands.settle_answer(session, command, state=state, status=word, answer={}, at=clock.now())
    orders.tell_ended(session, clock.now())
    store(session)
    pushes = session.scalars(select(Push).order_by(Push.id)).all()
    session.rollback()
    return list(pushes)


def last(session, kind: Kind) -> Command:
    found = session.scalars(select(Command).where(Command.kind == kind).order_by(Command.id.desc())).first()
    assert found
    session.rollback()
    return found


def test_a_start_is_a_command_with_a_card_for_this_once(order, session, plaza, ours: Ours):
    given = order("START_SESSION", evse_uid=EVSE_UID, connector_id="1", authorization_reference="auth-7")
    assert result(given) == "ACCEPTED"
    assert given["data"]["timeout"] > 0
    command = last(session, Kind.START)
    assert (command.requested_by, command.arguments["evse"]) == ("peer Amber Roads", 1)
    [push] = ended(session, command, CommandState.ACCEPTED, "Accepted")
    assert (push.method, push.url, json.loads(push.body)) == ("POST", URL, {"result": "ACCEPTED"})
    assert ended(session, command, CommandState.ACCEPTED, "Accepted") == [push]
    plaza.begin(command.arguments["id_tag"])
    [running] = ours.data("/2.2.1/sessions")
    assert (running["auth_method"], running["authorization_reference"]) == ("COMMAND", "auth-7")
    assert running["cdr_token"]["uid"] == "04A2B39F"  # which may be somebody's card here as well
    assert result(order("START_SESSION", evse_uid=EVSE_UID)) == "REJECTED"


def test_without_an_evse_a_free_one_is_found(order, session, plaza):
    assert result(order("START_SESSION")) == "ACCEPTED"
    assert last(session, Kind.START).arguments["evse"] == 1


def test_a_stop_is_for_the_peers_own_sessions(order, session, plaza, ours: Ours, emsp: Emsp):
    foreign = plaza.begin()
    assert result(order("STOP_SESSION", session_id=str(foreign.id))) == "UNKNOWN_SESSION"
    assert result(order("STOP_SESSION", session_id="none")) == "UNKNOWN_SESSION"
    plaza.end(foreign, 2_000)
    ours.data("/2.2.1/tokens/NL/EMP/C0FFEE01", "PUT", json=emsp.card("C0FFEE01"))
    theirs = plaza.begin("C0FFEE01", 2_000)
    assert result(order("STOP_SESSION", session_id=str(theirs.id))) == "ACCEPTED"
    assert last(session, Kind.STOP).transaction_id == theirs.id


def test_a_connector_is_unlocked_unless_somebody_else_charges_there(order, session, plaza):
    assert result(order("UNLOCK_CONNECTOR", evse_uid=EVSE_UID, connector_id="1")) == "ACCEPTED"
    pushes = ended(session, last(session, Kind.UNLOCK), CommandState.REJECTED, "NotSupported")
    assert json.loads(pushes[-1].body) == {"result": "NOT_SUPPORTED"}
    plaza.begin()
    assert result(order("UNLOCK_CONNECTOR", evse_uid=EVSE_UID, connector_id="1")) == "REJECTED"


def test_a_place_is_kept_and_given_up(order, session):
    until = (clock.now() + timedelta(minutes=30)).isoformat()
    named = {"reservation_id": "R-1", "expiry_date": until, "evse_uid": EVSE_UID}
    assert result(order("RESERVE_NOW", **named)) == "ACCEPTED"
    kept = session.scalars(select(Reservation)).one()
    session.rollback()
    assert kept.evse == 1
    assert kept.id_tag.startswith("EMP")
    assert result(order("RESERVE_NOW", **named)) == "REJECTED"
    pushes = ended(session, last(session, Kind.RESERVE), CommandState.REJECTED, "Occupied")
    assert json.loads(pushes[-1].body) == {"result": "EVSE_OCCUPIED"}
    assert result(order("CANCEL_RESERVATION", reservation_id="R-1")) == "ACCEPTED"
    assert result(order("CANCEL_RESERVATION", reservation_id="R-2")) == "REJECTED"
    too_long = (clock.now() + timedelta(days=3)).isoformat()
    assert (
        result(order("RESERVE_NOW", **named | {"expiry_date": too_long, "reservation_id": "R-3"}))
        == "REJECTED"
    )


def test_orders_that_make_no_sense_say_why(order, ours: Ours):
    unknown = order("START_SESSION", location_id="nowhere", evse_uid=EVSE_UID)
    assert (unknown["status_code"], result(unknown)) == (2003, "REJECTED")
    assert order("START_SESSION", evse_uid="CP-9-1")["status_code"] == 2003
    assert order("START_SESSION", token=None)["status_code"] == 2001
    assert order("STOP_SESSION")["status_code"] == 2001
    assert order("START_SESSION", response_url="file:///etc/passwd")["status_code"] == 2001
    assert ours.call("POST", "/2.2.1/commands/REBOOT", json={}).status_code == 404
