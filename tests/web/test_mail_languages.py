"""Every mail is written in the language of whoever reads it: its subject, its text, and what is around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from make import quick_hash, store
from smtp import MailServer, mail_server

from csms import alerts as sender
from csms import clock, notices
from csms import mail as post
from csms.domain import accounts, alerts
from csms.domain.accounts import Role, User
from csms.domain.alerts import AlertKind, Wish
from csms.domain.chargers import LinkLease
from csms.extensions import db
from csms.work import atomic
from tests.web.visitor import Visitor

MARTA, OPS = "marta@example.org", "ops@example.org"


@pytest.fixture
def server(app) -> Iterator[MailServer]:
    with mail_server() as server:
        app.extensions["settings"] = replace(
            app.extensions["settings"], smtp_url=server.url, organisation="Sol Carga"
        )
        yield server


@pytest.fixture
def marta(site) -> User:
    """Somebody with a log-in who reads German."""
    user = accounts.create_user(
        site.session, "marta", quick_hash("four quite new words"), Role.DRIVER, at=clock.now(), email=MARTA
    )
    user.language = "de"
    store(site.session)
    return user


def read_by(who: Visitor, language: str) -> Visitor:
    who.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    return who


def delivered(app, session, server) -> dict[str, EmailMessage]:
    """What the mail server was given, by recipient."""
    session.rollback()
    db.session.remove()
    with app.app_context():
        post.send_due()
    return {str(x["To"]): x for x in server.received}


def words(letter: EmailMessage, kind: str = "plain") -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\u00a0", " ")


def test_a_user_is_written_to_in_their_own_language(app, session, server, visitor, marta):
    read_by(visitor(), "fr").post("/login/password", {"email": MARTA})
    letter = delivered(app, session, server)[MARTA]
    assert letter["Subject"] == "Ein neues Passwort für Sol Carga"
    assert "Ihr Passwort bleibt, wie es ist" in words(letter)
    html = words(letter, "html")
    assert '<html lang="de">' in html
    assert "Seite öffnen" in html


def test_a_stranger_is_written_to_in_the_language_of_the_page(app, session, server, visitor, site):
    running = site.begin(at=site.now - timedelta(minutes=30))
    driver = read_by(visitor().log_in(Role.DRIVER, site.account.id), "de-CH,de;q=0.9")
    assert driver.post(f"/s/{running.secret}/notify", {"email": "gast@example.org"}).status_code == 303
    site.end(running, 9_000)
    session.rollback()
    with app.app_context(), atomic() as unit:
        notices.tell_due(unit, clock.now())
    letter = delivered(app, session, server)["gast@example.org"]
    assert letter["Subject"] == "Der Ladevorgang bei Plaza AC-2 ist beendet"
    assert "Ihr Auto hat 8,00 kWh geladen." in words(letter)


def test_an_alert_is_told_in_the_language_of_each_address(app, session, server, site, marta):
    wish = Wish("Anything offline", AlertKind.OFFLINE, mail_to=(MARTA, OPS))
    alerts.add(session, wish, by=None, at=site.now)
    lease = session.get_one(LinkLease, site.charger.id)
    lease.online_until, lease.closed_at = None, site.now - timedelta(minutes=1)
    store(session)
    session.rollback()
    with app.app_context(), atomic() as unit:
        sender.look(unit, site.now)
    letters = delivered(app, session, server)
    assert letters[MARTA]["Subject"] == "Plaza AC-2 ist nicht erreichbar"
    assert "wegen der Regel „Anything offline“" in words(letters[MARTA])
    assert letters[OPS]["Subject"] == "Plaza AC-2 cannot be reached"


def test_an_address_without_a_log_in_is_told_in_the_language_of_who_made_the_rule(
    app, session, server, site, marta
):
    rule = alerts.add(session, Wish("Offline", AlertKind.OFFLINE, mail_to=(OPS,)), by="marta", at=site.now)
    with app.app_context():
        sender.test(session, rule, site.now)
    store(session)
    assert delivered(app, session, server)[OPS]["Subject"] == "Dies ist ein Test der Regel."


def test_a_receipt_is_in_the_language_of_whoever_asks_for_it(app, session, server, visitor, site, marta):
    begun_at = site.now - timedelta(hours=1)
    done = site.end(site.begin(at=begun_at), 19_000)
    olga = visitor().log_in()
    for email in (MARTA, OPS):
        assert olga.post(f"/sessions/{done.id}/receipt", {"email": email}).status_code == 302
    letters = delivered(app, session, server)
    assert letters[MARTA]["Subject"] == f"Beleg {done.id} von Sol Carga"
    assert "Energie: 18,000 kWh" in words(letters[MARTA])
    assert "MwSt. 21 %" in words(letters[MARTA])
    assert letters[OPS]["Subject"] == f"Receipt {done.id} of Sol Carga"
    assert "VAT 21 %" in words(letters[OPS])
