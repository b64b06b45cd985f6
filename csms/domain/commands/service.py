"""The life of an order: asked for, claimed by one worker and sent, answered or not, and over."""

from __future__ import annotations

import functools
import itertools
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from csms import masks
from csms.domain import quiet
from csms.domain.base import Refused, announce, printable
from csms.domain.chargers import Admission, Charger, refuse_what_it_cannot
from csms.domain.commands.effects import EFFECT_WITHIN_S, UNMISTAKABLE
from csms.domain.commands.models import Command, CommandState, Effect, Kind
from csms.sentences import told

TOPIC = "commands"  # some order has its answer, or has none and gets none

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
    is_automatic: bool = False,
    command_id: str | None = None,
) -> Command:
    """Queue an order. Without `deliver_until` the charger must be online now. `command_id`: a `new_id` known before.

    `is_automatic`: neither a person nor a program of theirs asks for it, so quiet mode forbids it, now and at the
    moment of sending. Raises Refused when the charger is offline, or not accepted yet (1.6 §4.2: nothing is asked of
    a rejected charger, and no remote start or stop of a pending one) or cannot take it, quiet.Hushed in quiet mode.
    """
    if is_automatic:
        quiet.check(session, charger)
    if charger.admission is Admission.REJECTED or (
        charger.admission is Admission.PENDING and kind in (Kind.START, Kind.STOP)
    ):
        raise Refused("%(station)s is not accepted here: adopt it first.", station=charger.title)
    online = charger.lease is not None and charger.lease.is_online(at)
    if not online and deliver_until is None:
        raise Refused("%(station)s is offline: it cannot be asked now.", station=charger.title)
    refuse_what_it_cannot(charger, kind, arguments)
    command = Command(
        id=command_id or new_id(at),
        charger_id=charger.id,
        kind=kind,
        arguments=arguments,
        state=CommandState.QUEUED,
        requested_by=by,
        is_automatic=is_automatic,
        requested_at=at,
        deliver_until=deliver_until or at + timedelta(seconds=60),
    )
    session.add(command)
    announce(session, charger.link_topic, command.topic, charger.topic)
    return command


# What a command is sent as, written in the statement that claims it.
_DESCRIBED = ("action", "payload", "arguments", "effect", "effect_key", "effect_evse", "effect_id_tag")


def claim(
    session: Session, command: Command, *, message_id: str, epoch: int, at: datetime, timeout_s: int
) -> bool:
    """True if this caller, and no other, now owns the command and must send it as it is described by now."""
    values = {
        **{name: getattr(command, name) for name in _DESCRIBED},
        "state": CommandState.SENT,
        "sent_at": at,
        "message_id": message_id,
        "epoch": epoch,
        "answer_by": at + timedelta(seconds=timeout_s),
        **_early(command, at + timedelta(seconds=timeout_s)),
    }
    row = {"command_id": command.id} | {f"new_{name}": value for name, value in values.items()}
    with session.no_autoflush:
        won: bool = session.execute(_claiming(tuple(values)), row).rowcount == 1  # type: ignore[attr-defined]
    if not won:
        session.refresh(command)
        return False
    for name, value in values.items():
        set_committed_value(command, name, value)
    announce(session, command.topic)
    return True


@functools.cache
def _claiming(names: tuple[str, ...]) -> Executable:
    """The statement that claims an order. Made once: making it costs more than running it."""
    return (
        update(Command)
        .where(Command.id == bindparam("command_id"), Command.state == CommandState.QUEUED)
        .values({name: bindparam(f"new_{name}") for name in names})
        .execution_options(synchronize_session=False)
    )


def _early(command: Command, answer_by: datetime) -> dict[str, Any]:
    """What must be waited for from the moment of sending: some chargers act first and answer later, or never."""
    effect = command.effect
    if effect is None or effect not in UNMISTAKABLE:
        return {}
    return {"awaits": effect, "effect_by": answer_by + timedelta(seconds=EFFECT_WITHIN_S[effect])}


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
    announce(session, command.topic, command.outcome_topic, f"charger:{command.charger_id}", TOPIC)


def fail(session: Session, command: Command, state: CommandState, detail: str, *, at: datetime) -> None:
    """End an order that got no answer. One that was sent may have worked all the same: its effect may yet be seen."""
    if state not in (CommandState.TIMEOUT, CommandState.UNKNOWN):
        command.awaits = None
    command.arguments = masks.keys(command.open_arguments)
    command.state = state
    command.detail = detail
    command.answered_at = at
    announce(session, command.topic, command.outcome_topic, f"charger:{command.charger_id}", TOPIC)


def put_away(command: Command, *, at: datetime) -> None:
    """Leave a command out of programs' lists. Raises Refused while there is no answer to it."""
    if command.state in (CommandState.QUEUED, CommandState.SENT):
        raise Refused("This command has no answer yet.")
    command.put_away_at = at


def expire(session: Session, at: datetime) -> int:
    """End what is overdue: orders never delivered, effects never seen, answers that a dead process waited for."""
    count = 0
    grace = timedelta(seconds=5)
    for command in session.scalars(
        select(Command).where(Command.state == CommandState.QUEUED, Command.deliver_until <= at)
    ):
        fail(session, command, CommandState.EXPIRED, told("The charger could not be reached in time."), at=at)
        count += 1
    for command in session.scalars(
        select(Command).where(Command.state == CommandState.SENT, Command.answer_by <= at - grace)
    ):
        fail(
            session, command, CommandState.UNKNOWN, told("The connection was lost before the answer."), at=at
        )
        count += 1
    for command in session.scalars(
        select(Command).where(Command.awaits.is_not(None), Command.effect_by <= at)
    ):
        command.awaits = None
        if command.state is CommandState.ACCEPTED:
            command.detail = told("Accepted, but nothing was seen of it in time.")
        announce(session, command.topic, command.outcome_topic, f"charger:{command.charger_id}", TOPIC)
        count += 1
    return count
