"""The outbox: what was sent by e-mail, to whom, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, url_for
from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.errors import Problem
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import mail
from csms.domain.mail import Mail, MailState
from csms.extensions import db


class MailQuery(Listing):
    q: str | None = Field(None, max_length=80, description="part of the address or the subject")
    state: MailState | None = None


class NewMail(In):
    recipient: str = Field(max_length=254, examples=["olga@example.org"])
    subject: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)


class MailOut(Out):
    """What was written is not told: it may let somebody in."""

    id: int
    kind: str = Field(description="what it is about", examples=["password_reset"])
    recipient: str
    subject: str
    state: MailState
    attempts: int
    due_at: datetime | None = Field(description="when it is tried next")
    sent_at: datetime | None
    error: str | None = Field(description="what the mail server said last, if it did not take it")
    created_at: datetime


class MailList(Out):
    """`has_server`: without a mail server (`SMTP_URL`) mails wait."""

    data: list[MailOut]
    next_cursor: str | None
    has_server: bool


@blueprint.get("/mails")
@spec.validate(resp=answers(200, MailList), tags=["mails"], operation_id="listMails")
@needs(Scope.OWN)
def list_mails(query: MailQuery) -> Any:
    """Mails, the newest first."""
    wanted = mail.listed(words=query.q or "", state=query.state)
    found = page(db.session(), wanted, (Mail.id,), query, newest_first=True)
    data = [MailOut.of(x) for x in found.rows]
    has_server = current_app.extensions["settings"].mail_server is not None
    return MailList(data=data, next_cursor=found.next_cursor, has_server=has_server), found.headers


@blueprint.post("/mails")
@spec.validate(resp=answers(202, MailOut), tags=["mails"], operation_id="sendMail")
@needs(Scope.OWN)
def send_mail(json: NewMail) -> Any:
    """Send a mail of one's own words. It is stored, and sent by and by: look at its `state`."""
    queued = order(json)
    return queued, 202, {"Location": url_for("api.show_mail", mail_id=queued.id)}


def order(json: NewMail) -> MailOut:
    """Queue it. Raises Invalid, Refused, and a Problem where no mail server is set up."""
    if current_app.extensions["settings"].mail_server is None:
        raise Problem(503, "No mail server is set up: set SMTP_URL.", "unavailable")
    with unit() as session:
        queued = mail.queue(session, json.recipient, json.subject, json.text, kind="own", at=clock.now())
        guard.audit(session, "mail.sent", queued.recipient, queued.subject)
        return MailOut.of(queued)


@blueprint.get("/mails/<int:mail_id>")
@spec.validate(resp=answers(200, MailOut), tags=["mails"], operation_id="getMail")
@needs(Scope.OWN)
def show_mail(mail_id: int) -> MailOut:
    """One mail and what became of it."""
    return MailOut.of(mail.find(db.session(), mail_id))


@blueprint.post("/mails/<int:mail_id>/retry")
@spec.validate(resp=answers(200, MailOut), tags=["mails"], operation_id="retryMail")
@needs(Scope.OWN)
def retry_mail(mail_id: int) -> MailOut:
    """Try again at once; 409 for a mail that was sent."""
    with unit() as session:
        queued = mail.find(session, mail_id)
        mail.retry(session, queued, at=clock.now())
        guard.audit(session, "mail.retried", queued.recipient)
        return MailOut.of(queued)
