"""Being told by e-mail when the car pauses and when charging ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms import clock, notices
from csms.domain.accounts import Role
from csms.domain.mail import Mail
from csms.work import atomic
from tests.web.visitor import told

MARTA = "marta@example.org"


@pytest.fixture
def settings():
    return {"smtp_url": "smtp://127.0.0.1:9"}  # nothing is sent here: the outbox is what is looked at


@pytest.fixture
def running(site):
    return site.begin(at=site.now - timedelta(minutes=30))


@pytest.fixture
def starter(visitor, site, running):
    return visitor().log_in(Role.DRIVER, site.account.id)


def tell(app, session):
    session.rollback()
    with app.app_context(), atomic() as unit:
        notices.tell_due(unit, clock.now())
    session.rollback()
    return session.scalars(select(Mail).where(Mail.kind.startswith("session")).order_by(Mail.id)).all()


def ask(browser, transaction, email=MARTA):
    return browser.post(f"/s/{transaction.secret}/notify", {"email": email})


def test_whoever_started_is_told_once_when_it_ends(app, session, site, starter, running):
    assert "Tell me by e-mail" in starter.text(f"/s/{running.secret}")
    assert ask(starter, running).status_code == 303
    assert ask(starter, running, MARTA.upper()).status_code == 303
    assert "You are told by e-mail" in starter.text(f"/s/{running.secret}")
    assert tell(app, session) == []
    site.end(running, 9_000)
    [mail] = tell(app, session)
    assert mail.recipient == MARTA
    assert "8.00" in mail.text
    assert f"http://charging.test/s/{running.secret}" in mail.text
    assert len(tell(app, session)) == 1


def test_whoever_started_has_the_receipt_sent(session, site, starter, running, visitor):
    here = f"/s/{running.secret}/receipt"
    site.end(running, 9_000)
    assert "Send it by e-mail" in starter.text(here)
    wrong = starter.post(here, {"email": "marta"})
    assert (wrong.status_code, "This is no e-mail address" in told(wrong)) == (422, True)
    assert "on its way" in told(starter.post(here, {"email": MARTA}, follow_redirects=True))
    session.rollback()
    mail = session.scalars(select(Mail).where(Mail.kind == "receipt")).one()
    assert (mail.recipient, len(mail.attachments)) == (MARTA, 1)
    stranger = visitor()
    assert "Send it by e-mail" not in stranger.text(here)
    assert stranger.post(here, {"email": "mallory@example.org"}).status_code == 404


def test_a_car_that_pauses_for_a_while_is_told_as_well(app, session, site, starter, running):
    ask(starter, running)
    site.status("SuspendedEV", site.now - timedelta(seconds=30))
    assert tell(app, session) == []
    known = session.get_one(type(running), running.id)
    known.idle_since = site.now - timedelta(minutes=3)
    store(session)
    [mail] = tell(app, session)
    assert mail.kind == "session_paused"
    site.end(running, 9_000)
    assert [x.kind for x in tell(app, session)] == ["session_paused", "session_ended"]


def test_strangers_send_mails_to_nobody(visitor, session, site, running):
    stranger = visitor()
    assert "Tell me by e-mail" not in stranger.text(f"/s/{running.secret}")
    assert ask(stranger, running).status_code == 404


def test_what_is_no_address_is_told_beside_the_field_and_four_are_too_many(starter, running):
    answer = ask(starter, running, "marta")
    assert answer.status_code == 422
    assert "This is no e-mail address" in told(answer)
    for name in ("a", "b", "c"):
        assert ask(starter, running, f"{name}@example.org").status_code == 303
    assert ask(starter, running).status_code == 422
