"""Orders to chargers, each one row: what was asked, what was sent, what was answered, and what then really happened.

"Accepted" is a promise and not a fact (1.6 errata 3.32: the charger "will attempt" it), so most commands wait for their
effect: the transaction, the boot, the status. A command is sent once; after a crash its fate is `unknown`.
"""

import enum
import itertools
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from csms.domain.base import Base, NotFound, Refused, announce, choice, printable
from csms.domain.chargers import Admission, Charger


class CommandState(enum.StrEnum):
    """QUEUED → SENT → one of the others. UNKNOWN: we crashed or were cut off while it was in flight."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ERROR = "error"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Kind(enum.StrEnum):
    """What is ordered, in words that every version can render; RAW carries an action and payload of one version."""

    START = "start"
    STOP = "stop"
    RESET = "reset"
    UNLOCK = "unlock"
    AVAILABILITY = "availability"
    GET_CONFIGURATION = "get_configuration"
    CHANGE_CONFIGURATION = "change_configuration"
    CLEAR_CACHE = "clear_cache"
    TRIGGER = "trigger"
    DATA_TRANSFER = "data_transfer"
    RAW = "raw"


class Effect(enum.StrEnum):
    """What must be seen before an accepted command counts as done."""

    TRANSACTION_STARTED = "transaction_started"
    TRANSACTION_ENDED = "transaction_ended"
    BOOTED = "booted"
    STATUS_CHANGED = "status_changed"
    MESSAGE_ARRIVED = "message_arrived"


# How long after the answer an effect may take, in s (1c of our promises: what counts as done).
EFFECT_WITHIN_S = {
    Effect.TRANSACTION_STARTED: 90,
    Effect.TRANSACTION_ENDED: 60,
    Effect.BOOTED: 300,
    Effect.STATUS_CHANGED: 60,
    Effect.MESSAGE_ARRIVED: 60,
}


# Effects that nothing but the order brings about, so that they count even before its answer.
UNMISTAKABLE = (Effect.TRANSACTION_STARTED, Effect.TRANSACTION_ENDED, Effect.BOOTED)


class Command(Base):
    """One order to one charger. `arguments` as asked for, `action` and `payload` as sent, `answer` as it came."""

    __tablename__ = "command"
    __table_args__ = (
        Index("ix_command_charger_id_state", "charger_id", "state"),
        Index("ix_command_awaits", "awaits", "charger_id"),
        Index("ix_command_requested_at", "requested_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    charger_id: Mapped[int] = mapped_column(ForeignKey("charger.id"))
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    action: Mapped[str | None] = mapped_column(String(64))
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    state: Mapped[CommandState] = mapped_column(choice(CommandState))
    answer_status: Mapped[str | None] = mapped_column(
        String(40)
    )  # the charger's word: Accepted, Scheduled, Unlocked …
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    detail: Mapped[str | None] = mapped_column(String(255))
    is_late: Mapped[bool] = mapped_column(default=False)  # the answer came after the time-out

    awaits: Mapped[Effect | None] = mapped_column(choice(Effect))  # the effect that is still waited for
    effect: Mapped[Effect | None] = mapped_column(choice(Effect))
    effect_key: Mapped[str | None] = mapped_column(String(64))  # which boot, status or message counts
    effect_evse: Mapped[int | None] = mapped_column(Integer)
    effect_id_tag: Mapped[str | None] = mapped_column(String(255))
    effect_text: Mapped[str | None] = mapped_column(String(120))
    effect_by: Mapped[datetime | None]
    transaction_id: Mapped[int | None]

    requested_by: Mapped[str | None] = mapped_column(String(80))
    requested_at: Mapped[datetime]
    deliver_until: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(String(36), index=True)
    epoch: Mapped[int | None]
    answer_by: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    observed_at: Mapped[datetime | None]

    charger: Mapped[Charger] = relationship()

    @property
    def is_waiting(self) -> bool:
        """True while something more can be expected of it."""
        is_on_its_way = self.state in (CommandState.QUEUED, CommandState.SENT)
        return is_on_its_way or (self.state is CommandState.ACCEPTED and self.awaits is not None)

    @property
    def topic(self) -> str:
        return f"command:{self.id}"


_counter = itertools.count()  # RFC 9562 §6.2, method 1


def new_id(at: datetime) -> str:
    """A UUID of version 7 (RFC 9562): sortable by time and, within a millisecond, by the order of the asking."""
    value = int(at.timestamp() * 1000) << 80 | (next(_counter) & 0xFFF) << 64 | secrets.randbits(64)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def request(
    session: Session,
    charger: Charger,
    kind: Kind,
    arguments: dict[str, Any],
    *,
    by: str | None,
    at: datetime,
    deliver_until: datetime | None = None,
) -> Command:
    """Queue an order. Without `deliver_until` the charger must be online now.

    Raises Refused when the charger is offline, or not accepted yet (1.6 §4.2: nothing is asked of a rejected charger,
    and no remote start or stop of a pending one).
    """
    if charger.admission is Admission.REJECTED or (
        charger.admission is Admission.PENDING and kind in (Kind.START, Kind.STOP)
    ):
        raise Refused(f"{charger.title} is not accepted here: adopt it first.")
    online = charger.lease is not None and charger.lease.is_online(at)
    if not online and deliver_until is None:
        raise Refused(f"{charger.title} is offline: it cannot be asked now.")
    command = Command(
        id=new_id(at),
        charger_id=charger.id,
        kind=kind,
        arguments=arguments,
        state=CommandState.QUEUED,
        requested_by=by,
        requested_at=at,
        deliver_until=deliver_until or at + timedelta(seconds=60),
    )
    session.add(command)
    announce(session, charger.link_topic, command.topic, charger.topic)
    return command


def get(session: Session, command_id: str) -> Command:
    command = session.get(Command, command_id)
    if command is None:
        raise NotFound("There is no such command.")
    return command


def next_due(session: Session, charger_id: int, at: datetime) -> Command | None:
    """The oldest queued order of a charger that may still be delivered."""
    return session.scalars(
        select(Command)
        .where(
            Command.charger_id == charger_id, Command.state == CommandState.QUEUED, Command.deliver_until > at
        )
        .order_by(Command.requested_at, Command.id)
        .limit(1)
    ).first()


def chargers_with_work(session: Session, charger_ids: Iterable[int], at: datetime) -> Sequence[int]:
    """Those of `charger_ids` for which an order waits."""
    return session.scalars(
        select(Command.charger_id)
        .where(
            Command.state == CommandState.QUEUED,
            Command.deliver_until > at,
            Command.charger_id.in_(charger_ids),
        )
        .distinct()
    ).all()


def preload_work(session: Session, charger_ids: Iterable[int], at: datetime) -> None:
    """Find out with one query for which of many chargers an order waits, for `has_work`."""
    asked = set(charger_ids)
    session.info["work"] = (asked, set(chargers_with_work(session, asked, at)))


def has_work(session: Session, charger_id: int, at: datetime) -> bool:
    """Does an order wait for this charger?"""
    asked, busy = session.info.get("work", ((), ()))
    return charger_id in busy if charger_id in asked else bool(chargers_with_work(session, [charger_id], at))


def claim(
    session: Session, command: Command, *, message_id: str, epoch: int, at: datetime, timeout_s: int
) -> bool:
    """True if this caller, and no other, now owns the command and must send it."""
    row = (
        update(Command)
        .where(Command.id == command.id, Command.state == CommandState.QUEUED)
        .values(
            state=CommandState.SENT,
            sent_at=at,
            message_id=message_id,
            epoch=epoch,
            answer_by=at + timedelta(seconds=timeout_s),
            action=command.action,
            payload=command.payload,
            **_early(command, at + timedelta(seconds=timeout_s)),
        )
        .execution_options(synchronize_session=False)
    )
    with session.no_autoflush:
        won: bool = session.execute(row).rowcount == 1  # type: ignore[attr-defined]
    session.refresh(command)
    if won:
        announce(session, command.topic)
    return won


def _early(command: Command, answer_by: datetime) -> dict[str, Any]:
    """What must be waited for from the moment of sending: some chargers act first and answer later, or never."""
    effect = command.effect
    if effect is None or effect not in UNMISTAKABLE:
        return {}
    return {"awaits": effect, "effect_by": answer_by + timedelta(seconds=EFFECT_WITHIN_S[effect])}


def by_message(session: Session, charger_id: int, message_id: str) -> Command | None:
    """The order that was sent to this charger under `message_id`, however long ago."""
    return session.scalars(
        select(Command).where(Command.message_id == message_id, Command.charger_id == charger_id)
    ).first()


def settle_answer(
    session: Session,
    command: Command,
    *,
    state: CommandState,
    status: str | None,
    answer: dict[str, Any] | None,
    at: datetime,
    detail: str | None = None,
    awaits: Effect | None = None,
) -> None:
    """Record the charger's answer, late or not; an accepted order then waits for its effect if it has one."""
    command.is_late = command.state is not CommandState.SENT
    command.state = state
    command.answer_status = printable(status, 40)
    command.answer = answer
    command.answered_at = at
    command.detail = printable(detail, 255)
    command.awaits = None
    if awaits is not None and state is CommandState.ACCEPTED and command.observed_at is None:
        command.awaits = command.effect = awaits
        command.effect_by = at + timedelta(seconds=EFFECT_WITHIN_S[awaits])
    announce(session, command.topic, f"charger:{command.charger_id}")


def fail(session: Session, command: Command, state: CommandState, detail: str, *, at: datetime) -> None:
    """End an order that got no answer. One that was sent may have worked all the same: its effect may yet be seen."""
    if state not in (CommandState.TIMEOUT, CommandState.UNKNOWN):
        command.awaits = None
    command.state = state
    command.detail = detail
    command.answered_at = at
    announce(session, command.topic, f"charger:{command.charger_id}")


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the orders of many chargers that wait for an effect with one query, for `observe`."""
    awaiting: dict[int, list[Command]] = {charger_id: [] for charger_id in charger_ids}
    for command in session.scalars(
        select(Command)
        .where(Command.awaits.is_not(None), Command.charger_id.in_(awaiting))
        .order_by(Command.requested_at)
    ):
        awaiting[command.charger_id].append(command)
    session.info["awaiting"] = awaiting


def _awaiting(session: Session, charger_id: int) -> Sequence[Command]:
    preloaded: dict[int, list[Command]] = session.info.get("awaiting", {})
    if charger_id in preloaded:
        return preloaded[charger_id]
    query = select(Command).where(Command.awaits.is_not(None), Command.charger_id == charger_id)
    return session.scalars(query.order_by(Command.requested_at)).all()


def observe(
    session: Session,
    charger_id: int,
    effect: Effect,
    *,
    at: datetime,
    key: str | None = None,
    evse: int | None = None,
    id_tag: str | None = None,
    transaction_id: int | None = None,
    text: str | None = None,
) -> Command | None:
    """Tell that something happened at a charger; the oldest order that waited for just that is done, and returned."""
    for command in _awaiting(session, charger_id):
        if command.awaits is not effect:
            continue
        if command.effect_key is not None and key != command.effect_key:
            continue
        if command.effect_evse is not None and evse is not None and evse != command.effect_evse:
            continue
        if (
            command.effect_id_tag is not None
            and (id_tag or "").casefold() != command.effect_id_tag.casefold()
        ):
            continue
        if effect is Effect.TRANSACTION_ENDED and command.transaction_id != transaction_id:
            continue
        command.awaits = None
        command.observed_at = at
        command.transaction_id = transaction_id or command.transaction_id
        command.effect_text = text
        announce(session, command.topic, f"charger:{charger_id}")
        return command
    return None


def expire(session: Session, at: datetime) -> int:
    """End what is overdue: orders never delivered, effects never seen, answers that a dead process waited for."""
    count = 0
    grace = timedelta(seconds=5)
    for command in session.scalars(
        select(Command).where(Command.state == CommandState.QUEUED, Command.deliver_until <= at)
    ):
        fail(session, command, CommandState.EXPIRED, "The charger could not be reached in time.", at=at)
        count += 1
    for command in session.scalars(
        select(Command).where(Command.state == CommandState.SENT, Command.answer_by <= at - grace)
    ):
        fail(session, command, CommandState.UNKNOWN, "The connection was lost before the answer.", at=at)
        count += 1
    for command in session.scalars(
        select(Command).where(Command.awaits.is_not(None), Command.effect_by <= at)
    ):
        command.awaits = None
        if command.state is CommandState.ACCEPTED:
            command.detail = "Accepted, but nothing was seen of it in time."
        announce(session, command.topic, f"charger:{command.charger_id}")
        count += 1
    return count


def recent(
    session: Session, charger_id: int | None = None, *, before_id: str | None = None, limit: int = 20
) -> Sequence[Command]:
    """The newest orders, of one charger or of all, older than `before_id`; with their chargers."""
    query = select(Command).options(joinedload(Command.charger)).order_by(Command.id.desc()).limit(limit)
    if charger_id is not None:
        query = query.where(Command.charger_id == charger_id)
    if before_id is not None:
        query = query.where(Command.id < before_id)  # version 7: in the order of time
    return session.scalars(query).all()
