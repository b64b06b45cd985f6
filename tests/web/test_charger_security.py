"""The Security pages: what a charger must show, its key and certificates, what it reports, and the fleet's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from make import make_charger
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import commands, security
from csms.domain.accounts import Role
from csms.domain.chargers import Charger, keys
from csms.domain.commands import Command, Kind
from csms.domain.security import EventReport, SigningRequest, SigningState
from tests import pki
from tests.web.browser import HTMX, Browser, logged_in, publish

Page = tuple[Browser, str, int]


@pytest.fixture
def page(session: Session, olga: Browser) -> Page:
    charger = make_charger(session, "CP-1", at=clock.now(), online=True, serial_number="SN-1")
    publish(session)
    return olga, f"/chargers/{charger.id}/security", charger.id


def orders(session: Session) -> list[Kind]:
    session.rollback()
    return list(session.scalars(select(Command.kind).order_by(Command.id)))


def test_the_page_says_that_anybody_can_pretend_and_what_is_missing(page: Page) -> None:
    olga, path, _ = page
    text = olga.read(path)
    assert "0 · Open" in text
    assert "It has a key" in text
    assert "Renew" in text


def test_a_charger_that_anybody_can_pretend_to_be_is_marked_and_new_ones_get_a_key(
    page: Page, app: Flask
) -> None:
    olga, path, _ = page
    assert "lock-open" in olga.read(f"{path.removesuffix('/security')}/head")
    assert re.search(r'name="key" value="1" checked', olga.read("/chargers/new"))
    app.config["LAB"] = True
    assert not re.search(r'name="key" value="1" checked', olga.read("/chargers/new"))


def test_a_new_key_is_sent_shown_once_and_found_nowhere_after(
    page: Page, session: Session, app: Flask
) -> None:
    olga, path, charger_id = page
    olga.read(path)
    answer = olga.send(path.replace("/security", "/key/rotate"))
    key = re.search(r"\b[0-9A-F]{40}\b", answer.get_data(as_text=True))
    assert key
    assert orders(session) == [Kind.ROTATE_KEY]
    charger = session.get_one(Charger, charger_id)
    assert keys.matches(charger.next_key_hash or "", key[0].encode(), app.config["PEPPER"])
    command = session.scalars(select(Command)).one()
    for later in (path, f"/commands/{command.id}", "/commands", "/settings/audit"):
        assert key[0] not in olga.read(later)
    assert "Being changed" in olga.read(path)
    olga.send(path.replace("/security", "/key/rotate"))
    assert "on its way already" in olga.read(path)


def test_raising_needs_a_key_first_and_then_asks_the_charger(page: Page, session: Session) -> None:
    olga, path, _ = page
    olga.read(path)
    answer = olga.send(f"{path}/raise", HTMX, profile="2")
    assert answer.status_code == 409
    assert "make one first" in answer.get_data(as_text=True)
    olga.send(path.replace("/security", "/key"))
    answer = olga.send(f"{path}/raise", HTMX, profile="2")
    assert "Raise its security profile to 2" in answer.get_data(as_text=True)
    assert "from the first connection that has it" in olga.read(path)
    assert orders(session) == [Kind.RAISE_SECURITY]


def test_a_required_profile_is_not_lowered_once_it_was_reached(page: Page, session: Session) -> None:
    olga, path, charger_id = page
    olga.read(path)
    olga.send(f"{path}/require", profile="3")
    assert "3 · Certificate, over TLS" in olga.read(path)
    session.rollback()
    session.connection(execution_options={"writes": True})
    session.get_one(Charger, charger_id).proven_profile = 3
    publish(session)
    olga.send(f"{path}/require", profile="0")
    assert "never lowered again" in olga.read(path)


def test_renewing_reading_and_installing_ask_the_charger(page: Page, session: Session) -> None:
    olga, path, _ = page
    base = path.removesuffix("/security")
    olga.read(path)
    olga.send(f"{base}/certificates/renew", HTMX)
    olga.send(f"{base}/certificates/read", HTMX)
    wrong = olga.send(f"{base}/certificates/install", HTMX, use="central_system", certificate="nonsense")
    assert "no certificate in PEM" in wrong.get_data(as_text=True)
    plain = olga.send(f"{base}/certificates/install", use="manufacturer", root="", certificate="nonsense")
    assert plain.status_code == 422
    dialog = plain.text.split('id="install"')[1].split("</dialog>")[0]
    assert "data-again" in dialog
    assert "no certificate in PEM" in dialog
    assert ">nonsense</textarea>" in dialog
    assert '<option value="manufacturer" selected>' in dialog
    pem = pki.authority_of().pem
    olga.send(f"{base}/certificates/install", HTMX, use="manufacturer", certificate=pem)
    assert orders(session) == [
        Kind.NAME_OPERATOR,
        Kind.RENEW_CERTIFICATE,
        Kind.LIST_CERTIFICATES,
        Kind.LIST_CERTIFICATES,
        Kind.INSTALL_CERTIFICATE,
    ]
    assert "CN=Amberline CA,O=Amberline" in olga.read("/certificates")


def test_critical_events_are_on_the_dashboard_until_somebody_has_looked(page: Page, session: Session) -> None:
    olga, path, charger_id = page
    session.rollback()
    session.connection(execution_options={"writes": True})
    for kind, info in (("TamperDetectionActivated", "<b>door</b>"), ("InvalidMessages", None)):
        report = EventReport(kind, info, clock.now(), kind)
        security.note_event(session, charger_id, report, at=clock.now())
    publish(session)
    assert "reports a critical security event" in olga.read("/")
    text = olga.read(path)
    assert "TamperDetectionActivated" in text
    assert "&lt;b&gt;door" in text
    assert "InvalidMessages" in olga.read("/certificates/events?charger=CP-1")
    assert "InvalidMessages" not in olga.read("/certificates/events?critical=1")
    olga.send(f"{path}/acknowledge")
    assert "reports a critical security event" not in olga.read("/")


def test_configuration_keys_that_decide_who_is_let_in_are_not_just_set(page: Page) -> None:
    olga, path, charger_id = page
    olga.read(path)
    form = {"kind": "change_configuration", "name": "AuthorizationKey", "value": "0" * 40}
    answer = olga.send(f"/chargers/{charger_id}/commands", HTMX, **form)
    assert answer.status_code == 409
    assert "under Security" in answer.get_data(as_text=True)


def test_the_certificate_of_the_authority_can_be_taken_along(olga: Browser, app: Flask) -> None:
    app.extensions["authority"] = pki.authority_of
    answer = olga.open("/certificates/authority.pem")
    assert answer.get_data(as_text=True) == pki.authority_of().pem
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "PRIVATE" not in answer.get_data(as_text=True)


def test_whoever_only_operates_changes_no_key_and_no_profile(app: Flask, session: Session) -> None:
    charger = make_charger(session, "CP-1", at=clock.now(), online=True)
    publish(session)
    path = f"/chargers/{charger.id}"
    sam = logged_in(app, session, Role.SUPPORT, "sam")
    text = sam.read(f"{path}/security")
    assert "Renew" in text
    assert "Send a new key" not in text
    for what in ("key/rotate", "security/raise", "security/require", "certificates/install"):
        assert sam.send(f"{path}/{what}").status_code == 404
    assert commands.recent(session) == []


def test_the_dialogs_offer_what_the_charger_has_when_they_open(page: Page, session: Session) -> None:
    olga, path, charger_id = page
    assert "1 · Key, without TLS" in olga.read(f"{path}/ask/raise")
    session.rollback()
    session.connection(execution_options={"writes": True})
    charger = session.get_one(Charger, charger_id)
    charger.security_profile = charger.proven_profile = 3
    publish(session)
    assert "There is no higher one." in olga.read(f"{path}/ask/raise")
    assert 'value="2"' not in olga.read(f"{path}/ask/require")


def test_a_certificate_is_revoked_once_and_for_its_own_charger_alone(page: Page, session: Session) -> None:
    olga, path, charger_id = page
    made = SigningRequest(
        **{"charger_id": charger_id, "digest": 77, "csr": "", "state": SigningState.INSTALLED},
        **{"certificate": "PEM", "fingerprint": "f" * 64, "requested_at": clock.now()},
        expires_at=clock.now() + timedelta(days=300),
    )
    session.add(made)
    session.flush()
    certificate_id = made.id
    publish(session)
    before = olga.read(path)
    assert "Revoke this certificate?" in before
    assert f'data-dialog="revoke-{certificate_id}" aria-label="Revoke…"' in before
    address = path.replace("/security", f"/certificates/signed/{certificate_id}/revoke")
    other = make_charger(session, "CP-2", at=clock.now())
    elsewhere = address.replace(f"/{charger_id}/", f"/{other.id}/", 1)
    publish(session)
    assert olga.send(elsewhere).status_code == 404
    assert olga.send(address).status_code == 302
    after = olga.read(path)
    assert "Revoked" in after
    assert "Revoke this certificate?" not in after
    olga.send(address)
    assert "This certificate is revoked already." in olga.read(path)
