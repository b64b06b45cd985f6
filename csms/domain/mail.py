"""The outbox: what is to be sent by e-mail, queued with the unit of work that has something to say.

A mail is stored before it is sent, and what became of it stays to be seen. Sending is `csms.mail`'s.
"""

import enum
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Integer, LargeBinary, Select, String, Text, and_, delete, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from csms.domain.base import (
    Base,
    BigId,
    Invalid,
    NotFound,
    Refused,
    announce,
    choice,
    is_mail_address,
    printable,
    take_due,
)
from csms.sentences import told

TOPIC = "mail"
LONGEST_ADDRESS, LONGEST_SUBJECT, LONGEST_TEXT = 254, 200, 20_000
LONGEST_NAME, LARGEST_FILE = 120, 2_000_000  # bytes
MOST_AN_HOUR = 20  # to one address; what is more waits
MOST_WAITING = 100  # to one address; what is more is refused
CLAIMED_FOR = timedelta(
    minutes=5
)  # a mail whose sender died meanwhile is due again: perhaps twice, never lost
RETRIES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)


class MailState(enum.StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody wants it any more: its link has ended


class Mail(Base):
    """One mail to one address. `text` is None once a mail with a secret in it has been sent."""

    __tablename__ = "mail"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(36), unique=True)  # the same at every try
    kind: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(LONGEST_ADDRESS))
    recipient_folded: Mapped[str] = mapped_column(String(LONGEST_ADDRESS), index=True)
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    text: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(8))  # that it is written in
    is_secret: Mapped[bool]
    state: Mapped[MailState] = mapped_column(choice(MailState))
    attempts: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None] = mapped_column(index=True)  # None: nothing more is done with it
    expires_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(index=True)

    attachments: Mapped[list["MailAttachment"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="MailAttachment.id"
    )


class MailAttachment(Base):
    """A file that goes with a mail. It is kept until the mail is sent."""

    __tablename__ = "mail_attachment"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mail_id: Mapped[int] = mapped_column(ForeignKey("mail.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    mimetype: Mapped[str] = mapped_column(String(80))
    content: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class File:
    """What is attached: its name, its kind as in "application/pdf", its bytes."""

    name: str
    mimetype: str
    content: bytes


def queue(
    session: Session,
    recipient: str,
    subject: str,
    text: str,
    *,
    kind: str,
    at: datetime,
    language: str = "en",
    is_secret: bool = False,
    expires_at: datetime | None = None,
    files: Iterable[File] = (),
) -> Mail:
    """A mail to be sent once this unit of work is committed.

    `text`: paragraphs with an empty line between; a line that is an address of the web becomes a button in HTML.
    `is_secret`: it carries what lets somebody in, so its text is kept only until it is sent. `expires_at`: after that
    it is not sent. Raises Invalid for what is no address, Refused when too many wait for this one and
    for a file that is too large.
    """
    recipient = recipient.strip()
    if not is_mail_address(recipient):
        raise Invalid("This is no e-mail address.", "email")
    mail = Mail(
        message_id=str(uuid.uuid4()),
        kind=kind,
        recipient=recipient,
        recipient_folded=recipient.casefold()[:LONGEST_ADDRESS],
        subject=" ".join((printable(subject, LONGEST_SUBJECT) or "").split()),
        text=printable(text, LONGEST_TEXT) or "",
        language=language,
        is_secret=is_secret,
        state=MailState.QUEUED,
        attempts=0,
        due_at=_turn_of(session, recipient.casefold()[:LONGEST_ADDRESS], at),
        expires_at=expires_at,
        created_at=at,
        attachments=[_attached(x) for x in files],
    )
    session.add(mail)
    session.flush()
    announce(session, TOPIC)
    return mail


def _attached(file: File) -> MailAttachment:
    if len(file.content) > LARGEST_FILE:
        raise Refused("This file is too large for a mail.")
    return MailAttachment(name=file.name[:LONGEST_NAME], mimetype=file.mimetype, content=file.content)


def _turn_of(session: Session, recipient: str, at: datetime) -> datetime:
    """When a further mail to this address may go: nobody is flooded, whoever asks for it."""
    to_them = Mail.recipient_folded == recipient
    waiting = and_(to_them, Mail.state == MailState.QUEUED)
    if (session.scalar(select(func.count(Mail.id)).where(waiting)) or 0) >= MOST_WAITING:
        raise Refused("Too many mails are waiting for this address: try again later.")
    turns = select(func.coalesce(Mail.sent_at, Mail.due_at)).where(
        to_them, Mail.state.in_((MailState.QUEUED, MailState.SENT))
    )
    last = turns.order_by(func.coalesce(Mail.sent_at, Mail.due_at).desc()).limit(MOST_AN_HOUR)
    taken = [x for x in session.scalars(last) if x is not None]
    return max(at, min(taken) + timedelta(hours=1)) if len(taken) == MOST_AN_HOUR else at


def due(session: Session, at: datetime, *, limit: int = 20) -> Sequence[Mail]:
    """Mails whose time has come, the oldest first."""
    query = select(Mail).where(Mail.state == MailState.QUEUED, Mail.due_at <= at)
    return session.scalars(query.order_by(Mail.due_at, Mail.id).limit(limit)).all()


def claim(session: Session, mail: Mail, *, at: datetime) -> bool:
    """True for one sender, in however many processes. A mail that has expired meanwhile is no one's."""
    if mail.expires_at is not None and mail.expires_at <= at:
        _end(session, mail, MailState.EXPIRED, told("It was not sent in time."))
        return False
    is_due = mail.due_at is not None and mail.due_at <= at
    if not is_due or not take_due(session, mail, Mail.due_at, at + CLAIMED_FOR):
        return False
    mail.attempts += 1
    return True


def put_back(session: Session, mail: Mail, *, at: datetime) -> None:
    """It was claimed, and not tried: it is due as before."""
    if mail.state is MailState.QUEUED:
        mail.due_at, mail.attempts = at, mail.attempts - 1


def note_sent(session: Session, mail: Mail, *, at: datetime) -> None:
    """The mail server has taken it."""
    mail.sent_at = at
    mail.attachments.clear()
    _end(session, mail, MailState.SENT, None)


def note_failure(session: Session, mail: Mail, error: str, *, is_final: bool, at: datetime) -> None:
    """It was not taken. `is_final`: and never will be; otherwise it is tried again, a few times over a day."""
    if is_final or mail.attempts > len(RETRIES):
        _end(session, mail, MailState.FAILED, error)
        return
    mail.error = printable(error, 300)
    mail.due_at = at + RETRIES[mail.attempts - 1]
    announce(session, TOPIC)


def retry(session: Session, mail: Mail, *, at: datetime) -> None:
    """Try at once what failed or waits. Raises Refused for what was sent, and for what has no text any more."""
    if mail.state is MailState.SENT or mail.text is None:
        raise Refused("Only a mail that was not sent can be sent again.")
    mail.state, mail.due_at, mail.attempts = MailState.QUEUED, at, 0
    announce(session, TOPIC)


def find(session: Session, mail_id: int) -> Mail:
    """Raises NotFound."""
    found = session.get(Mail, mail_id)
    if found is None:
        raise NotFound("There is no such mail.")
    return found


def listed(*, words: str = "", state: MailState | None = None) -> Select[Mail]:
    """Mails to or about `words`, in one state or in any."""
    query = select(Mail)
    if words.strip():
        looked_for = words.strip()
        query = query.where(
            or_(
                Mail.recipient_folded.contains(looked_for.casefold(), autoescape=True),
                Mail.subject.icontains(looked_for, autoescape=True),
            )
        )
    return query if state is None else query.where(Mail.state == state)


def waiting(session: Session) -> int:
    """How many mails are to be sent."""
    return session.scalar(select(func.count(Mail.id)).where(Mail.state == MailState.QUEUED)) or 0


def forget(session: Session, before: datetime) -> int:
    """Delete mails of which nothing more is to be done and that were written before."""
    old = delete(Mail).where(Mail.due_at.is_(None), Mail.created_at < before)
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]


def _end(session: Session, mail: Mail, state: MailState, error: str | None) -> None:
    mail.state, mail.due_at, mail.error = state, None, printable(error, 300)
    if mail.is_secret:
        mail.text = None
    announce(session, TOPIC)
