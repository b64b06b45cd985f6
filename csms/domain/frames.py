"""The journal: every frame, both ways, as it went over the wire; and the ledger of replies that stands on it.

Only ever added to, and let go of at its old end alone (`forget`). The entries of one charger are chained by their
hashes, so that a missing or altered one shows.
A CALL from a charger and the reply to it are one entry, written in the commit that stores what the CALL said: a CALL
that comes again finds its reply here, whatever happened in between.
"""

import enum
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Text,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, amend, choice, iso
from csms.domain.bulk import Reading
from csms.domain.chargers import LinkLease
from csms.domain.records import Rows
from csms.masks import CARD_NAMES


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


class Deviation(enum.StrEnum):
    """In what way a message is not as the specification has it. Most of them are repaired; all of them are counted."""

    NOT_JSON = "not_json"
    MESSAGE_SHAPE = "message_shape"  # JSON, and no message of OCPP-J
    MESSAGE_ID_NUMBER = "message_id_number"
    KEY_TWICE = "key_twice"
    BAD_UNICODE = "bad_unicode"
    TOO_BIG = "too_big"
    ACTION_UNKNOWN = "action_unknown"
    PAYLOAD_NULL = "payload_null"  # no payload, or one that is no object
    MEMBER_MISSING = "member_missing"
    MEMBER_NULL = "member_null"
    MEMBER_MISSPELT = "member_misspelt"  # the right name in other letters
    MEMBER_UNEXPECTED = "member_unexpected"
    LIST_EMPTY = "list_empty"
    SINGLE_FOR_LIST = "single_for_list"
    NUMBER_FOR_TEXT = "number_for_text"
    TEXT_FOR_NUMBER = "text_for_number"
    FRACTION_FOR_WHOLE = "fraction_for_whole"
    TEXT_FOR_TRUTH = "text_for_truth"
    WRONG_TYPE = "wrong_type"
    TEXT_EMPTY = "text_empty"
    TEXT_TOO_LONG = "text_too_long"
    WORD_CASE = "word_case"  # a known word in other letters
    WORD_UNKNOWN = "word_unknown"
    VALUE_REFUSED = "value_refused"
    DECIMAL_COMMA = "decimal_comma"
    VALUE_NO_NUMBER = "value_no_number"
    UNIT_MISSING = "unit_missing"
    TIME_FORMAT = "time_format"
    TIME_UNREADABLE = "time_unreadable"
    TIME_ZONE_MISSING = "time_zone_missing"
    CLOCK_WRONG = "clock_wrong"
    ERROR_CODE_UNKNOWN = "error_code_unknown"
    ANSWER_LATE = "answer_late"
    ANSWER_UNASKED = "answer_unasked"


Found = tuple[Deviation, str]
"""A deviation and its place: the members that lead to it, without their numbers in lists; empty: the message."""

DEVIATIONS_LENGTH = 255


def written(found: Iterable[Found]) -> str | None:
    """Deviations as the journal keeps them, each once, as many as fit; None: there are none."""
    text = ""
    for kind, place in dict.fromkeys(found):
        more = f"{kind.value}:{place.replace(',', '')[:60]}"
        if len(text) + len(more) < DEVIATIONS_LENGTH:
            text += f",{more}" if text else more
    return text or None


def deviations_of(text: str | None) -> list[Found]:
    """The deviations of an entry of the journal."""
    pairs = [part.partition(":") for part in (text or "").split(",") if part]
    return [(Deviation(kind), place) for kind, _, place in pairs]


class Frame(Base):
    """One frame. `reply` is our answer to a CALL, sent after the commit that wrote this."""

    __tablename__ = "frame"
    __table_args__ = (
        Index("ix_frame_charger_id_id", "charger_id", "id"),
        Index(
            "ix_frame_replies",
            "ledger_key",
            sqlite_where=text("ledger_key IS NOT NULL"),
            postgresql_where=text("ledger_key IS NOT NULL"),
        ),
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
    deviations: Mapped[str | None] = mapped_column(String(DEVIATIONS_LENGTH))  # as `written` has them
    ledger_key: Mapped[int | None]
    chain: Mapped[bytes] = mapped_column(LargeBinary)


def link_of(previous: bytes, charger_id: int, at: datetime, text: str, reply: str | None) -> bytes:
    """The hash that chains an entry to the one before it."""
    hasher = hashlib.blake2b(previous, digest_size=16)
    hasher.update(f"{charger_id}\x1f{iso(at)}\x1f{text}\x1f{reply or ''}".encode())
    return hasher.digest()


_REPLIES = Reading((Frame.ledger_key, Frame.reply), Frame.ledger_key, order_by=[Frame.id])


def preload(session: Session, keys: Iterable[int]) -> None:
    """Read the replies of many ledger keys with one query, for `replied`."""
    found: dict[int, str | None] = dict.fromkeys(keys)
    for key, reply in _REPLIES.rows(session, found):
        if found[key] is None:
            found[key] = reply
    session.info["replies"] = found


def replied(session: Session, key: int) -> str | None:
    """The reply that was given to the CALL with this ledger key, or None."""
    preloaded: dict[int, str | None] = session.info.get("replies", {})
    if key in preloaded:
        return preloaded[key]
    return session.scalar(select(Frame.reply).where(Frame.ledger_key == key).order_by(Frame.id).limit(1))


_ENTRIES = Rows(
    Frame,
    *("charger_id", "epoch", "at", "direction", "message_type", "message_id", "action", "text", "reply"),
    *("latency_us", "verdict", "detail", "deviations", "ledger_key", "chain"),
)


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
    deviations: str | None = None,
    ledger_key: int | None = None,
) -> bytes:
    """Append an entry; returns the new end of the charger's chain. Keys and passwords are redacted by the caller."""
    chain = link_of(previous, charger_id, at, text, reply)
    _ENTRIES.add(
        session,
        charger_id,
        epoch,
        at,
        direction,
        message_type,
        message_id,
        action,
        text,
        reply,
        latency_us,
        verdict,
        detail,
        deviations,
        ledger_key,
        chain,
    )
    return chain


FORGOTTEN_AT_ONCE = 1_000


def oldest(session: Session) -> datetime | None:
    """When the oldest entry was made; None: there is none."""
    return session.scalar(select(Frame.at).order_by(Frame.id).limit(1))


def forget(session: Session, before: datetime) -> int:
    """Let go of the oldest entries, FORGOTTEN_AT_ONCE at most, as far as they are from before that; how many.

    Each charger's chain then begins behind the newest of its own that are gone. The newest of all stays, or SQLite
    would give its number again, and who counts frames by their numbers would miss what comes.
    """
    began = oldest(session)
    if began is None or began >= before:
        return 0
    newest = select(func.max(Frame.id)).scalar_subquery()
    first = (
        select(Frame.id, Frame.charger_id, Frame.at, Frame.chain).where(Frame.id < newest).order_by(Frame.id)
    )
    gone = []
    for entry in session.execute(first.limit(FORGOTTEN_AT_ONCE)):
        if entry.at >= before:
            break
        gone.append(entry)
    if not gone:
        return 0
    begins = {entry.charger_id: entry.chain for entry in gone}
    for charger_id, chain in begins.items():
        amend(session, LinkLease, {"charger_id": charger_id}, {"chain_start": chain})
    session.execute(delete(Frame).where(Frame.id <= gone[-1].id))
    return len(gone)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a charger's journal a list is about; what is not given does not matter.

    `transaction`: those that name this transaction. `hides_cards`: `words` are not looked for in messages that carry
    cards' numbers, which could be found by trying. `is_wrong`: errors, and what is not as the specification has it.
    """

    until: datetime | None = None
    action: str | None = None
    words: str | None = None
    hides_cards: bool = False
    transaction: str | None = None
    is_wrong: bool = False

    def apply(self, query: Select[Any], charger_id: int) -> Select[Any]:
        query = query.where(Frame.charger_id == charger_id)
        if self.until is not None:
            query = query.where(Frame.at <= self.until)
        if self.action:
            query = query.where(Frame.action == self.action)
        if self.words:
            query = query.where(Frame.text.icontains(self.words, autoescape=True))
        if self.words and self.hides_cards:
            query = query.where(
                *(~Frame.text.contains(f'"{x}"', autoescape=True) for x in sorted(CARD_NAMES))
            )
        if self.transaction:
            named = f'"transactionId":{self.transaction}'
            spaced = f'"transactionId": {self.transaction}'
            texts = [Frame.text.contains(x, autoescape=True) for x in (named, spaced)]
            query = query.where(or_(*texts, Frame.reply.contains(named, autoescape=True)))
        if self.is_wrong:
            is_error = or_(Frame.message_type == 4, Frame.reply.startswith("[4,"))
            query = query.where(or_(is_error, Frame.verdict.in_(WRONG)))
        return query


WRONG = (Verdict.INVALID, Verdict.GARBAGE, Verdict.FAILED)
MOST_COUNTED = 1000
NEARBY = 5000  # entries of all chargers around a CALL, among which its answer is looked for


def recent(
    session: Session,
    charger_id: int,
    wanted: Wanted | None = None,
    *,
    before_id: int | None = None,
    limit: int = 50,
) -> Sequence[Frame]:
    """A charger's newest entries first, older than `before_id`."""
    query = (wanted or Wanted()).apply(select(Frame), charger_id)
    if before_id is not None:
        query = query.where(Frame.id < before_id)
    return session.scalars(query.order_by(Frame.id.desc()).limit(limit)).all()


def newer(session: Session, charger_id: int, wanted: Wanted, *, than_id: int) -> int:
    """How many entries have come since, MOST_COUNTED at most."""
    found = wanted.apply(select(Frame.id), charger_id).where(Frame.id > than_id).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def partners(session: Session, charger_id: int, shown: Sequence[Frame]) -> dict[int, int]:
    """For each of our CALLs and the answers to them: the entry that is the other one."""
    by_message = {x.message_id: x for x in shown if x.message_id and x.reply is None}
    if not by_message:
        return {}
    edges = [x.id for x in by_message.values()]
    query = select(Frame.id, Frame.message_id).where(
        Frame.charger_id == charger_id,
        Frame.id.between(min(edges) - NEARBY, max(edges) + NEARBY),
        Frame.message_id.in_(by_message),
        Frame.reply.is_(None),
    )
    ids: dict[str, list[int]] = {}
    for frame_id, message_id in session.execute(query):
        ids.setdefault(str(message_id), []).append(frame_id)
    pairs = (sorted(x) for x in ids.values() if len(x) == 2)
    return {one: other for call, answer in pairs for one, other in ((call, answer), (answer, call))}


def exported(
    session: Session, charger_id: int, wanted: Wanted, *, batch: int = 500
) -> Iterator[Sequence[Frame]]:
    """All of a charger's entries, oldest first, a batch at a time."""
    last_id = 0
    while True:
        query = wanted.apply(select(Frame), charger_id).where(Frame.id > last_id)
        found = session.scalars(query.order_by(Frame.id).limit(batch)).all()
        if not found:
            return
        last_id = found[-1].id
        yield found


def between(
    session: Session, charger_id: int, since: datetime | None, until: datetime | None, *, batch: int = 500
) -> Iterator[Frame]:
    """A charger's entries from `since` on and before `until`, oldest first, read in batches."""
    query = select(Frame).where(Frame.charger_id == charger_id)
    if since is not None:
        query = query.where(Frame.at >= since)
    if until is not None:
        query = query.where(Frame.at < until)
    yield from session.scalars(query.order_by(Frame.id).execution_options(yield_per=batch))


def actions(session: Session, charger_id: int, *, newest: int = 500) -> Sequence[str]:
    """The actions among the newest entries of a charger, by name."""
    edge = select(Frame.action).where(Frame.charger_id == charger_id).order_by(Frame.id.desc()).limit(newest)
    latest = edge.subquery()
    query = select(latest.c.action).where(latest.c.action.is_not(None)).distinct().order_by(latest.c.action)
    return session.scalars(query).all()
