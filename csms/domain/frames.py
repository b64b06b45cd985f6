"""The journal: every frame, both ways, as it went over the wire; and the ledger of replies that stands on it.

Only ever added to. The entries of one charger are chained by their hashes, so that a missing or altered one shows.
A CALL from a charger and the reply to it are one entry, written in the commit that stores what the CALL said: a CALL
that comes again finds its reply here, whatever happened in between.
"""

import enum
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, append, choice


class Direction(enum.StrEnum):
    """Who sent it."""

    IN = "in"
    OUT = "out"


class Verdict(enum.StrEnum):
    """What became of a frame: as the schema wants it, repaired, a repetition, against the schema, no frame, failed."""

    VALID = "valid"
    REPAIRED = "repaired"
    REPEATED = "repeated"
    INVALID = "invalid"
    GARBAGE = "garbage"
    FAILED = "failed"
    IGNORED = "ignored"


class Frame(Base):
    """One frame. `reply` is our answer to a CALL, sent after the commit that wrote this."""

    __tablename__ = "frame"
    __table_args__ = (
        Index("ix_frame_charger_id_id", "charger_id", "id"),
        Index("ix_frame_ledger_key", "ledger_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    epoch: Mapped[int]
    at: Mapped[datetime]
    direction: Mapped[Direction] = mapped_column(choice(Direction))
    message_type: Mapped[int | None] = mapped_column(Integer)  # 2 CALL, 3 CALLRESULT, 4 CALLERROR
    message_id: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    reply: Mapped[str | None] = mapped_column(Text)
    latency_us: Mapped[int | None]  # received → reply ready; for an answer to our CALL: sent → answered
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    detail: Mapped[str | None] = mapped_column(String(255))
    ledger_key: Mapped[int | None]
    chain: Mapped[bytes] = mapped_column(LargeBinary)


def link_of(previous: bytes, charger_id: int, at: datetime, text: str, reply: str | None) -> bytes:
    """The hash that chains an entry to the one before it."""
    hasher = hashlib.blake2b(previous, digest_size=16)
    hasher.update(f"{charger_id}\x1f{at.isoformat()}\x1f{text}\x1f{reply or ''}".encode())
    return hasher.digest()


def preload(session: Session, keys: Iterable[int]) -> None:
    """Read the replies of many ledger keys with one query, for `replied`."""
    wanted = list(keys)
    found: dict[int, str | None] = dict.fromkeys(wanted)
    rows = session.execute(
        select(Frame.ledger_key, Frame.reply).where(Frame.ledger_key.in_(wanted)).order_by(Frame.id)
    )
    for key, reply in rows:
        if key is not None and found[key] is None:
            found[key] = reply
    session.info["replies"] = found


def replied(session: Session, key: int) -> str | None:
    """The reply that was given to the CALL with this ledger key, or None."""
    preloaded: dict[int, str | None] = session.info.get("replies", {})
    if key in preloaded:
        return preloaded[key]
    return session.scalar(select(Frame.reply).where(Frame.ledger_key == key).order_by(Frame.id).limit(1))


def add(
    session: Session,
    previous: bytes,
    *,
    charger_id: int,
    epoch: int,
    at: datetime,
    direction: Direction,
    text: str,
    verdict: Verdict,
    message_type: int | None = None,
    message_id: str | None = None,
    action: str | None = None,
    reply: str | None = None,
    latency_us: int | None = None,
    detail: str | None = None,
    ledger_key: int | None = None,
) -> bytes:
    """Append an entry; returns the new end of the charger's chain. Keys and passwords are redacted by the caller."""
    chain = link_of(previous, charger_id, at, text, reply)
    append(
        session,
        Frame,
        {
            "charger_id": charger_id,
            "epoch": epoch,
            "at": at,
            "direction": direction,
            "message_type": message_type,
            "message_id": message_id,
            "action": action,
            "text": text,
            "reply": reply,
            "latency_us": latency_us,
            "verdict": verdict,
            "detail": detail,
            "ledger_key": ledger_key,
            "chain": chain,
        },
    )
    return chain


def recent(
    session: Session,
    charger_id: int,
    *,
    before_id: int | None = None,
    action: str | None = None,
    words: str | None = None,
    limit: int = 50,
) -> Sequence[Frame]:
    """A charger's newest entries first: older than `before_id`, of one action, with `words` in their text."""
    query = select(Frame).where(Frame.charger_id == charger_id)
    if before_id is not None:
        query = query.where(Frame.id < before_id)
    if action:
        query = query.where(Frame.action == action)
    if words:
        query = query.where(Frame.text.icontains(words, autoescape=True))
    return session.scalars(query.order_by(Frame.id.desc()).limit(limit)).all()


def actions(session: Session, charger_id: int, *, newest: int = 500) -> Sequence[str]:
    """The actions among the newest entries of a charger, by name."""
    edge = select(Frame.action).where(Frame.charger_id == charger_id).order_by(Frame.id.desc()).limit(newest)
    latest = edge.subquery()
    query = select(latest.c.action).where(latest.c.action.is_not(None)).distinct().order_by(latest.c.action)
    return session.scalars(query).all()
