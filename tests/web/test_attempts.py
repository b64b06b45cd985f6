"""The connection doctor: what an installer is told of a refused connection, and what can be done from there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock, quirks
from csms.domain import chargers
from csms.domain.chargers import Admission, Attempt, Charger, RefusalCause
from csms.web.attempts import CAUSES, STEPS
from tests.web.browser import Browser, publish


def refuse(session: Session, cause: RefusalCause, identity: str = "BOX-9", ago_s: float = 60) -> str:
    """The address of the page of a refused connection."""
    chargers.note_attempt(
        session,
        identity=identity,
        address="192.0.2.7",
        cause=cause,
        path=f"/ocpp/{identity}",
        detail="Said to it.",
        remedy="Advice.",
        status_code=401,
        at=clock.now() - timedelta(seconds=ago_s),
    )
    query = select(Attempt.id).where(Attempt.cause == cause, Attempt.identity == identity)
    path = f"/attempts/{session.scalars(query).one()}"
    publish(session)
    return path


@pytest.mark.parametrize("cause", RefusalCause)
def test_every_cause_has_its_page_with_what_to_do(
    session: Session, olga: Browser, cause: RefusalCause
) -> None:
    identity = "" if cause in (RefusalCause.BAD_IDENTITY, RefusalCause.TLS_FAILED) else "BOX-9"
    page = olga.read(refuse(session, cause, identity))
    assert str(CAUSES[cause.value]) in page
    assert len(STEPS[cause]) > 1
    assert "ws://charging.test:80/ws/ocpp/" in page or "ws://charging.test/ws/ocpp/" in page


@pytest.mark.parametrize(
    ("came_as", "is_alike"),
    [("CP-0O1", True), ("cp_1", True), ("CP-2", False), ("BENDER-77-GARAGE", True), ("", False)],
)
def test_an_unknown_identity_that_is_like_a_known_one_says_so(
    session: Session, olga: Browser, came_as: str, is_alike: bool
) -> None:
    make_charger(session, "CP-01", name="Plaza")
    make_charger(session, "Bender-77", name="Garage")
    page = olga.read(refuse(session, RefusalCause.UNKNOWN_CHARGER, came_as))
    assert ("whose identity here is" in page) is is_alike


def test_an_unknown_charger_is_let_in_from_its_page_which_tells_when_it_has_come(
    session: Session, olga: Browser
) -> None:
    path = refuse(session, RefusalCause.UNKNOWN_CHARGER)
    assert "Let it in" in olga.read(path)
    olga.send(f"{path}/admit")
    assert "It can connect now" in olga.read(f"{path}/state")
    session.rollback()
    session.connection(execution_options={"writes": True})
    charger = session.scalars(select(Charger)).one()
    assert (charger.identity, charger.admission) == ("BOX-9", Admission.ACCEPTED)
    at = clock.now()
    chargers.open_link(
        session,
        charger,
        node="test",
        address="192.0.2.7",
        is_secure=False,
        protocol="ocpp1.6",
        path="/BOX-9",
        at=at,
        online_until=at + timedelta(hours=1),
    )
    publish(session)
    assert "It is connected" in olga.read(f"{path}/state")


def test_a_new_key_is_made_where_the_password_was_wrong(session: Session, olga: Browser) -> None:
    charger = make_charger(session, "BOX-9", key_hash="b2:00:00")
    path = refuse(session, RefusalCause.WRONG_CREDENTIAL)
    page = olga.read(path)
    assert f"/chargers/{charger.id}/key" in page
    assert "Ask it for no key" in page
    assert "Let it in" not in page


def test_what_the_same_charger_does_meanwhile_is_told(session: Session, olga: Browser) -> None:
    path = refuse(session, RefusalCause.WRONG_CREDENTIAL)
    refuse(session, RefusalCause.NO_SUBPROTOCOL, ago_s=5)
    assert "No OCPP version" in olga.read(f"{path}/state")


def test_the_address_is_given_as_the_charger_asks_for_it(session: Session, olga: Browser) -> None:
    path = refuse(session, RefusalCause.UNKNOWN_CHARGER)
    keba = olga.read(f"{path}?make=keba")
    for words in (">charging.test<", ">80<", ">/ws/ocpp/BOX-9<"):
        assert words in keba
    wallbox = olga.read(f"{path}?make=wallbox")
    assert ">ws://charging.test:80/ws/ocpp/<" in wallbox
    assert ">BOX-9<" in wallbox
    make_charger(session, "BOX-9", vendor="Keba AG", model="P30")
    publish(session)
    assert ">/ws/ocpp/BOX-9<" in olga.read(path)


@pytest.mark.parametrize("key", [x.key for x in quirks.profiles().values() if x.address.fields])
def test_every_form_of_the_address_can_be_filled(key: str) -> None:
    for url in ("ws://charging.test/ws/ocpp/A%20B", "wss://[2001:db8::1]:8443/ws/ocpp/A"):
        filled = quirks.profiles()[key].address.filled(url)
        assert filled
        assert all(value and "{" not in value for _, value in filled)
    assert ("Port", "8443") in quirks.profiles()["keba"].address.filled("wss://a:8443/ws/ocpp/A")


def test_what_is_forgotten_is_gone(session: Session, olga: Browser) -> None:
    path = refuse(session, RefusalCause.UNKNOWN_CHARGER)
    olga.read(path)
    olga.send(f"{path}/forget")
    assert olga.open(path).status_code == 404
    store(session)
