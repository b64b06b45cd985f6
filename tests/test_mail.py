"""Mails: written with a unit of work, sent to a real server, and never lost."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pki
import pytest
from flask import Flask
from make import NOW, store
from smtp import MailServer, mail_server
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms import mail as post
from csms.domain import mail
from csms.domain.base import Invalid, Refused
from csms.domain.mail import File, Mail, MailState
from csms.extensions import db


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def use(app: Flask, **settings: Any) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], **settings)


def write(session: Session, recipient: str = "marta@example.org", **more: Any) -> Mail:
    text = "Somebody asked for it.\n\nhttps://charging.example.org/in/abc\n\n<b>Not</b> you? Forget it."
    queued = mail.queue(session, recipient, "Your link", text, kind="test", at=NOW, **more)
    store(session)
    session.rollback()
    return queued


def send(session: Session) -> int:
    session.rollback()  # an arranging session must not hold the only writer's lock
    db.session.remove()
    return post.send_due()


def test_a_mail_goes_out_as_text_and_html(app: Flask, session: Session, server: MailServer) -> None:
    use(app, smtp_url=server.url, mail_from="charging@example.org", organisation="Sol Carga")
    queued = write(session)
    assert send(session) == 1
    letter = server.received[0]
    assert letter["From"] == "Sol Carga <charging@example.org>"
    assert (letter["To"], letter["Subject"]) == ("marta@example.org", "Your link")
    assert letter["Message-ID"] == f"<{queued.message_id}@example.org>"
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert "https://charging.example.org/in/abc" in plain.get_content()
    assert html is not None
    assert 'href="https://charging.example.org/in/abc"' in html.get_content()
    assert "<b>Not</b>" not in html.get_content()
    session.refresh(queued)
    assert (queued.state, queued.due_at, queued.attempts) == (MailState.SENT, None, 1)
    assert send(session) == 0


def test_a_file_goes_with_its_mail_and_is_kept_until_then(
    app: Flask, session: Session, server: MailServer
) -> None:
    use(app, smtp_url=server.url)
    file = File("receipt-7.pdf", "application/pdf", b"%PDF-1.7 ...")
    queued = write(session, files=[file])
    assert [x.content for x in queued.attachments] == [file.content]
    assert send(session) == 1
    [attached] = list(server.received[0].iter_attachments())
    assert (attached.get_filename(), attached.get_content_type()) == (file.name, file.mimetype)
    assert attached.get_content() == file.content
    session.refresh(queued)
    assert queued.attachments == []
    with pytest.raises(Refused, match="too large"):
        write(session, files=[File("film.mp4", "video/mp4", b"0" * 2_000_001)])


def test_without_a_server_mails_wait(app: Flask, session: Session, server: MailServer) -> None:
    queued = write(session)
    assert send(session) == 0
    session.refresh(queued)
    assert (queued.state, queued.attempts) == (MailState.QUEUED, 0)
    use(app, smtp_url=server.url)
    assert send(session) == 1


def test_a_secret_is_forgotten_once_it_is_sent(app: Flask, session: Session, server: MailServer) -> None:
    use(app, smtp_url=server.url)
    queued = write(session, is_secret=True)
    assert send(session) == 1
    session.refresh(queued)
    assert queued.text is None


def test_what_the_server_refuses_for_good_has_failed_and_the_rest_goes_on(
    app: Flask, session: Session, server: MailServer
) -> None:
    use(app, smtp_url=server.url)
    server.refusals = {"gone@example.org": "550 no such user", "full@example.org": "452 mailbox full"}
    gone, full, fine = (write(session, x) for x in ("gone@example.org", "full@example.org", "a@example.org"))
    assert send(session) == 1
    for queued in (gone, full, fine):
        session.refresh(queued)
    assert (gone.state, gone.error) == (MailState.FAILED, "550 no such user")
    assert (full.state, full.error, fine.state) == (MailState.QUEUED, "452 mailbox full", MailState.SENT)
    assert full.due_at is not None
    assert full.due_at > NOW
    session.rollback()


def test_a_server_that_takes_few_mails_at_a_time_is_dialled_again(
    app: Flask, session: Session, server: MailServer
) -> None:
    use(app, smtp_url=server.url)
    server.most = 2
    for number in range(5):
        write(session, f"driver-{number}@example.org")
    assert send(session) == 5
    assert server.connections == 3
    assert {x.state for x in session.scalars(select(Mail))} == {MailState.SENT}
    session.rollback()


def test_a_slow_server_gets_no_mail_whose_claim_is_over(
    app: Flask, session: Session, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(app, smtp_url=server.url)
    for number in range(3):
        write(session, f"driver-{number}@example.org")
    monkeypatch.setattr(post, "HELD_FOR_S", 0.0)
    assert send(session) == 1
    waiting = session.scalars(select(Mail).where(Mail.state == MailState.QUEUED)).all()
    assert [(x.attempts, x.error) for x in waiting] == [(0, None)] * 2
    session.rollback()
    assert [send(session), send(session)] == [1, 1]
    assert len(server.received) == 3


def test_a_server_that_is_away_is_asked_again_for_a_day_and_then_no_more(session: Session) -> None:
    queued = write(session)
    at = NOW
    session.connection(execution_options={"writes": True})
    for _ in mail.RETRIES:
        assert mail.claim(session, queued, at=at)
        assert not mail.claim(session, queued, at=at)
        mail.note_failure(session, queued, "away", is_final=False, at=at)
        assert queued.due_at is not None
        at = queued.due_at
        store(session)
    assert mail.claim(session, queued, at=at)
    mail.note_failure(session, queued, "away", is_final=False, at=at)
    assert queued.state is MailState.FAILED
    mail.retry(session, queued, at=at)
    assert (queued.state, queued.due_at) == (MailState.QUEUED, at)


def test_a_sender_that_died_leaves_the_mail_to_another(
    app: Flask, session: Session, server: MailServer
) -> None:
    use(app, smtp_url=server.url)
    queued = write(session)
    session.connection(execution_options={"writes": True})
    assert mail.claim(session, queued, at=NOW)
    store(session)
    assert send(session) == 1  # NOW is long ago: the claim has ended


def test_a_link_that_has_ended_is_not_sent(app: Flask, session: Session, server: MailServer) -> None:
    use(app, smtp_url=server.url)
    queued = write(session, expires_at=NOW + timedelta(minutes=15), is_secret=True)
    assert send(session) == 0
    session.refresh(queued)
    assert (queued.state, queued.text, server.received) == (MailState.EXPIRED, None, [])


def test_nobody_is_flooded(session: Session) -> None:
    first = [write(session) for _ in range(mail.MOST_AN_HOUR)]
    assert {x.due_at for x in first} == {NOW}
    later = write(session, "MARTA@example.org")
    assert later.due_at == NOW + timedelta(hours=1)
    assert write(session, "olga@example.org").due_at == NOW
    for _ in range(mail.MOST_WAITING - mail.MOST_AN_HOUR - 1):
        write(session)
    with pytest.raises(Refused):
        write(session)


@pytest.mark.parametrize(
    "address", ["", "marta", "a@b\nBcc: c@d", "a b@c", "<a@b>", "a,b@c", "x@" + "y" * 260]
)
def test_what_is_no_address_gets_no_mail(session: Session, address: str) -> None:
    with pytest.raises(Invalid):
        mail.queue(session, address, "x", "y", kind="test", at=NOW)


def test_a_password_goes_under_tls(
    app: Flask, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "root.pem"
    authority.write_text(pki.authority_of("Web Trust").pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with mail_server(Path(pki.server_files(tmp_path)["TLS_CERT"])) as server:
        use(app, smtp_url=f"smtp://post:p%40ss@localhost:{server.port}")
        write(session)
        assert send(session) == 1
    assert server.was_encrypted
    assert base64.b64decode(server.log_in.split()[1]) == b"\0post\0p@ss"


def test_encryption_that_is_asked_for_and_missing_keeps_the_mail(
    app: Flask, session: Session, server: MailServer
) -> None:
    starttls = post.MailEncryption.STARTTLS
    use(app, smtp_host="127.0.0.1", smtp_port=server.port, smtp_encryption=starttls)
    queued = write(session)
    assert send(session) == 0
    session.refresh(queued)
    assert queued.state is MailState.QUEUED
    assert "STARTTLS" in (queued.error or "")
    assert server.received == []


def test_old_mails_are_forgotten_and_waiting_ones_kept(session: Session) -> None:
    old, waiting = write(session), write(session)
    session.connection(execution_options={"writes": True})
    session.execute(update(Mail).where(Mail.id == old.id).values(due_at=None, state=MailState.SENT))
    assert mail.forget(session, NOW + timedelta(days=90)) == 1
    store(session)
    assert session.get(Mail, waiting.id) is not None
