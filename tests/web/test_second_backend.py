"""The page of a charger's second backend."""

from __future__ import annotations

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import forwarding
from csms.domain.accounts import AuditEntry, Role
from csms.domain.forwarding import Forwarder, ForwardState

PASSWORD = "open sesame over there"
GIVEN = {
    "url": "wss://93.184.215.14/ocpp/",
    "identity": "",
    "password": PASSWORD,
    "traffic": ["sessions", "status"],
    "permits": ["stop"],
    "cards": "FLEET-9\n\n04A2B39F\nFLEET-9",
}


def row_of(session) -> Forwarder:
    session.rollback()
    return session.scalars(select(Forwarder)).one()


@pytest.mark.sqlite_is_enough
def test_a_second_backend_is_set_up_paused_resumed_and_removed_without_its_password_being_shown(
    visitor, site, app
):
    olga, here = visitor().log_in(), f"/chargers/{site.charger.id}"
    assert "Another system can be told" in olga.text(f"{here}/settings")
    assert olga.post(f"{here}/second-backend", GIVEN).status_code == 302
    page = olga.text(f"{here}/second-backend")
    assert "wss://93.184.215.14/ocpp/CP-1" in page
    assert "About to connect" in page
    assert PASSWORD not in page
    row = row_of(site.session)
    assert (row.traffic, row.permits, row.cards) == (
        ["sessions", "status"],
        ["stop"],
        ["FLEET-9", "04A2B39F"],
    )
    assert app.extensions["seal"].open(row.password_sealed) == PASSWORD
    olga.post(f"{here}/second-backend/pause")
    assert "Nothing is told to it" in olga.text(f"{here}/second-backend")
    assert "Paused" in olga.text(f"{here}/settings")
    olga.post(f"{here}/second-backend/resume", {"from_now": "1"})
    assert row_of(site.session).cursor == forwarding.newest_id(site.session, site.charger.id)
    assert olga.post(f"{here}/second-backend/remove").status_code == 302
    assert "Another system can be told" in olga.text(f"{here}/settings")
    site.session.rollback()
    acts = site.session.execute(select(AuditEntry.action, AuditEntry.detail)).all()
    assert ("charger.second_backend", "wss://93.184.215.14/ocpp") in acts
    assert PASSWORD not in str(acts)


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "https://csms.example.org"}, "Write an address such as wss://"),
        ({"url": "ws://127.0.0.1:9000"}, "PRIVATE_TARGETS=1 allows such"),
        ({"url": "ws://169.254.169.254/x"}, "is no public address"),
        ({"url": "ws://charging.test/ws/ocpp"}, "the address of this server"),
        ({"identity": "a/b"}, "without colon or slash"),
        ({"password": "x" * 201}, "at most 200 characters"),
        ({"cards": "x" * 37}, "at most 200 cards or groups"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(visitor, site, given, words):
    olga, here = visitor().log_in(), f"/chargers/{site.charger.id}"
    wrong = olga.post(f"{here}/second-backend", GIVEN | given)
    assert wrong.status_code == 422
    assert words in wrong.get_data(as_text=True)
    assert PASSWORD not in wrong.get_data(as_text=True)
    site.session.rollback()
    assert site.session.scalars(select(Forwarder)).all() == []


@pytest.mark.sqlite_is_enough
def test_a_password_goes_to_no_other_address_and_leaves_when_it_is_said(visitor, site):
    olga, here = visitor().log_in(), f"/chargers/{site.charger.id}/second-backend"
    olga.post(here, GIVEN)
    moved = GIVEN | {"url": "wss://93.184.215.15/ocpp", "password": ""}
    wrong = olga.post(here, moved)
    assert wrong.status_code == 422
    assert "Enter the password again for another address" in wrong.get_data(as_text=True)
    assert olga.post(here, moved | {"no_password": "1"}).status_code == 302
    row = row_of(site.session)
    assert (row.url, row.password_sealed) == ("wss://93.184.215.15/ocpp", None)


@pytest.mark.sqlite_is_enough
def test_its_state_and_the_answers_that_differ_are_there_for_those_who_look(visitor, site):
    at = clock.now()
    row = forwarding.set_up(
        site.session,
        site.charger,
        forwarding.Wish("wss://csms.example.org", "THERE-7", cards=("04A2B39F",)),
        password_sealed=None,
        at=at,
    )
    why = "csms.example.org cannot be reached: no."
    forwarding.note_state(site.session, row, ForwardState.AWAY, at=at, detail=why)
    for ours in ("Accepted", "Invalid"):
        forwarding.compare(row, frame_id=7, action="Authorize", ours=ours, theirs="Invalid", at=at)
    store(site.session)
    page = visitor().log_in(Role.READ_ONLY).text(f"/chargers/{site.charger.id}/second-backend")
    assert why in page
    assert "1 of 2 answers differ" in page
    assert "#message-7" in page
    assert "Save" not in page
    assert "04A2B39F" not in page
