"""The way out for mails: they are written from templates, queued with a unit of work, and handed to a mail server."""

from __future__ import annotations

import logging
import smtplib
import ssl
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from ipaddress import ip_address
from typing import Any

import gevent
from flask import Flask, current_app
from sqlalchemy.orm import Session

from config import Config
from csms import clock, rounds
from csms.domain import accounts, mail
from csms.domain.base import is_mail_address
from csms.domain.branding import HOUSE_ACCENT
from csms.domain.mail import File, Mail
from csms.extensions import db
from csms.sentences import told
from csms.translations import ENGLISH, known, speaking
from csms.work import atomic
from settings.people import MailEncryption, MailServer

log = logging.getLogger(__name__)

EVERY_S = 2.0
TIMEOUT_S = 20.0
HELD_FOR_S = 120.0  # mails are handed over that were claimed together; shorter than claims by one mail's time
STILL_THERE = 250
KEPT_FOR = timedelta(days=90)
LOGO_ID = "logo@amberline"
PERMANENT = range(500, 600)  # RFC 5321 §4.2.1: do not try the same again


def write(
    session: Session,
    template: str,
    recipient: str,
    *,
    at: datetime,
    language: str | None = None,
    is_secret: bool = False,
    expires_at: datetime | None = None,
    files: Iterable[File] = (),
    **context: Any,
) -> Mail:
    """Queue `templates/mail/<template>.txt`, whose first line is the subject. Raises Invalid and Refused.

    `language`: of whoever reads it; None: as the address has it.
    """
    organisation = _settings().organisation
    language = known(language) or language_of(session, recipient) or ENGLISH
    with speaking(language):
        written = _filled(f"{template}.txt", organisation=organisation, **context)
    subject, _, text = written.strip().partition("\n")
    return mail.queue(
        session,
        recipient,
        subject,
        text.strip(),
        kind=template,
        at=at,
        language=language,
        is_secret=is_secret,
        expires_at=expires_at,
        files=files,
    )


def language_of(session: Session, address: str) -> str | None:
    """What the user with this address reads; None: there is none, or none who has said so."""
    found = (known(x.language) for x in accounts.users_with_email(session, address))
    return next((x for x in found if x), None)


def start(app: Flask) -> gevent.Greenlet:
    """Send what is due, for as long as the process lives."""
    return rounds.start(app, "mail", EVERY_S, send_due)


def send_due() -> int:
    """Hand over what is due; how many were taken. Without a server all of it waits."""
    server = _settings().mail_server
    if server is None:
        return 0
    claimed = rounds.claimed(mail.due, mail.claim, _read)
    connection, sent, give_up_at = None, 0, time.monotonic() + HELD_FOR_S
    for count, each in enumerate(claimed):
        if count and time.monotonic() > give_up_at:  # the server dawdles, and the claims will end
            _put_back(claimed[count:])
            break
        try:
            connection = _connected(connection, server)
        except (OSError, smtplib.SMTPException) as error:  # ssl.SSLError is an OSError
            for one in claimed[count:]:
                _settle(
                    one, told("The mail server cannot be used: %(why)s", why=_told(error)), is_final=False
                )
            log.warning("mail_server_failed", extra={"host": server.host, "error": _told(error)})
            break
        sent += _send(connection, each)
    if connection is not None:
        _leave(connection)
    return sent


def _put_back(claimed: Sequence[Mail]) -> None:
    """Leave mails that were claimed to whoever comes next."""
    with atomic() as session:
        for each in claimed:
            mail.put_back(session, mail.find(session, each.id), at=clock.now())


def _connected(connection: smtplib.SMTP | None, server: MailServer) -> smtplib.SMTP:
    """The connection if it still stands: servers end it after some mails. Otherwise a new one."""
    if connection is None:
        return _connect(server)
    try:
        if connection.noop()[0] == STILL_THERE:
            return connection
    except (OSError, smtplib.SMTPException):
        log.debug("mail_connection_ended")
    connection.close()
    return _connect(server)


def _read(claimed: Mail) -> Mail:
    """The mail with all that belongs to it, bound to no session any more."""
    session = db.session()
    session.flush()
    session.refresh(claimed)
    _ = claimed.attachments
    session.expunge(claimed)
    return claimed


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.encryption is MailEncryption.TLS:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_S, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        _secure(connection, server, context)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _secure(connection: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    """Begin TLS as the setting has it. Raises SMTPException where a password would go in the open."""
    connection.ehlo_or_helo_if_needed()
    if server.encryption in (MailEncryption.TLS, MailEncryption.NONE):
        return
    if connection.has_extn("starttls"):
        connection.starttls(context=context)
        connection.ehlo()
    elif server.encryption is MailEncryption.STARTTLS or (server.user and not _is_here(server.host)):
        raise smtplib.SMTPNotSupportedError(told("it offers no STARTTLS; SMTP_ENCRYPTION=none does without"))


def _send(connection: smtplib.SMTP, claimed: Mail) -> bool:
    """Whether the server took it."""
    try:
        connection.send_message(message(claimed))
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        _settle(claimed, f"{code} {_text(words)}", is_final=code in PERMANENT)
    except smtplib.SMTPResponseException as error:
        is_final = error.smtp_code in PERMANENT and isinstance(error, smtplib.SMTPDataError)
        _settle(claimed, f"{error.smtp_code} {_text(error.smtp_error)}", is_final=is_final)
    except (OSError, smtplib.SMTPException) as error:
        _settle(claimed, _told(error), is_final=False)
    else:
        with atomic() as session:
            mail.note_sent(session, mail.find(session, claimed.id), at=clock.now())
        return True
    return False


def _settle(claimed: Mail, error: str, *, is_final: bool) -> None:
    with atomic() as session:
        mail.note_failure(session, mail.find(session, claimed.id), error, is_final=is_final, at=clock.now())


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        connection.close()


def message(queued: Mail) -> EmailMessage:
    """The mail as it goes out: text, the same as simple HTML, and its files."""
    settings, look = _settings(), current_app.extensions["look"]
    letter = EmailMessage()
    letter["From"] = formataddr((settings.organisation, sender(settings)))
    letter["To"] = queued.recipient
    letter["Subject"] = queued.subject
    letter["Date"] = format_datetime(queued.created_at)
    letter["Message-ID"] = f"<{queued.message_id}@{sender(settings).rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: out-of-office replies are for people
    text = queued.text or ""
    letter.set_content(f"{text}\n")
    paragraphs = [x.strip() for x in text.split("\n\n") if x.strip()]
    with speaking(queued.language):
        html = _filled(
            "_frame.html",
            language=queued.language,
            subject=queued.subject,
            paragraphs=paragraphs,
            organisation=settings.organisation,
            address=settings.public_base_url,
            accent=look.accent or HOUSE_ACCENT,
            logo=look.logo,
            logo_id=LOGO_ID,
        )
    letter.add_alternative(html, subtype="html")
    body = letter.get_body(("html",))
    if look.logo is not None and body is not None:  # mail programs load nothing from elsewhere unasked
        body.add_related(look.logo.png, "image", "png", cid=f"<{LOGO_ID}>", disposition="inline")
    for file in queued.attachments:
        kind, _, subtype = file.mimetype.partition("/")
        letter.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
    return letter


def _filled(template: str, **context: Any) -> str:
    """A template of mails: it knows nothing of pages, for there may be no request."""
    return current_app.jinja_env.get_template(f"mail/{template}").render(context)


def sender(settings: Config) -> str:
    """The address that our mails are from."""
    if settings.mail_from:
        return settings.mail_from
    server = settings.mail_server
    if server is not None and is_mail_address(server.user):
        return server.user
    host = settings.public_base_url.partition("://")[2].partition(":")[0].strip("[]")
    return f"amberline@{host or 'localhost'}"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _told(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _settings() -> Config:
    settings: Config = current_app.extensions["settings"]
    return settings
