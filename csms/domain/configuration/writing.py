"""Writing what templates want, within the day's budget, and resetting where a key asks for it."""

from datetime import datetime, timedelta

from sqlalchemy import exists, or_
from sqlalchemy.orm import Session

from csms import masks
from csms.domain.base import Refused, announce, printable, take_due
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind
from csms.domain.configuration import queries, rules
from csms.domain.configuration.models import KeyWrite, Upkeep, WriteAnswer
from csms.domain.configuration.upkeep import due, order, upkeep_of
from csms.domain.transactions import Transaction, TransactionState

RESET_AGAIN = timedelta(minutes=10)
MOST_RESETS = 3


def request_apply(session: Session, charger: Charger, *, by: str, at: datetime) -> None:
    """Write what differs from what is wanted, now or when the charger is there again.

    Raises Refused when nothing differs that could be written, or when the day's writes are used up.
    """
    items = [item for item in queries.drift(session, charger, at=at) if item.can_be_written]
    if not items:
        raise Refused(
            "Nothing can be written at %(title)s: it is as its templates want it, as far as it can be.",
            title=charger.title,
        )
    most = queries.writes_per_day(session)
    problems = [rules.budget_problem(item.write, at, most) for item in items]
    if all(problems):
        raise Refused("%(name)s: %(problems)s", name=items[0].wish.name, problems=problems[0])
    upkeep = upkeep_of(session, charger.id)
    upkeep.apply_due_at, upkeep.apply_by = at, by
    announce(session, charger.topic)


def request_reset(session: Session, charger: Charger, *, by: str, at: datetime) -> None:
    """Reset the charger as soon as nobody charges there."""
    upkeep = upkeep_of(session, charger.id)
    upkeep.reset_due_at, upkeep.reset_by, upkeep.resets = at, by, 0
    announce(session, charger.topic)


def apply_due(session: Session, at: datetime) -> int:
    """Write what templates want at the chargers where it is due. A job."""
    count, most = 0, queries.writes_per_day(session)
    is_calm = or_(Upkeep.halted_at.is_(None), Upkeep.apply_by.is_not(None))
    for upkeep in due(session, Upkeep.apply_due_at, Upkeep.apply_by, at, is_calm):
        by = upkeep.apply_by
        if not take_due(session, upkeep, Upkeep.apply_due_at, None):
            continue
        upkeep.apply_by = None
        for item in queries.drift(session, upkeep.charger, at=at):
            is_meant = item.can_be_written if by is not None else rules.applies_by_itself(item)
            if is_meant and rules.budget_problem(item.write, at, most) is None:
                count += _write(session, upkeep.charger, item, by, at)
    return count


def _write(session: Session, charger: Charger, item: rules.Item, by: str | None, at: datetime) -> bool:
    arguments = {"name": item.wish.name, "value": item.wish.value}
    command = order(session, charger, Kind.CHANGE_CONFIGURATION, arguments, by, at)
    if command is not None:
        _count(session, charger.id, item.wish.name.casefold(), item.write, item.wish.value, command, at)
    return command is not None


def written(
    session: Session,
    charger: Charger,
    command: Command,
    name: str,
    value: str | None,
    answer: WriteAnswer,
    *,
    at: datetime,
) -> None:
    """A charger has answered to the writing of a key, whoever ordered it. Each write counts for the day."""
    folded = (printable(name, 50) or "").casefold()
    write = queries.writes_of(session, charger.id).get(folded)
    is_ours = write is not None and write.command_id == command.id
    if write is None or not is_ours:
        write = _count(session, charger.id, folded, write, value, command, at)
    write.answer = answer
    upkeep = upkeep_of(session, charger.id)
    if answer is WriteAnswer.NEEDS_RESET:
        _wait_for_reset(session, charger, upkeep, folded, at)
    elif (
        answer is WriteAnswer.ACCEPTED
        and is_ours
        and (upkeep.unread is not None or upkeep.read_due_at is None)
    ):
        upkeep.unread = [*(upkeep.unread or ()), name]  # "Accepted" is a promise: the value is read back
        upkeep.read_due_at, upkeep.read_by, upkeep.reads = at, command.requested_by, 0
    announce(session, charger.topic)


def _wait_for_reset(session: Session, charger: Charger, upkeep: Upkeep, folded: str, at: datetime) -> None:
    key = queries.keys_of(session, charger.id).get(folded)
    if key is not None:
        key.needs_reboot = True
    upkeep.needs_reset = True
    wish = queries.wishes_of(session, charger).get(folded)
    if wish is not None and wish.template.resets and upkeep.reset_due_at is None:
        upkeep.reset_due_at, upkeep.resets = at, 0


def _count(
    session: Session,
    charger_id: int,
    folded: str,
    write: KeyWrite | None,
    value: str | None,
    command: Command,
    at: datetime,
) -> KeyWrite:
    count = rules.written_today(write, at) + 1
    if write is None:
        write = KeyWrite(charger_id=charger_id, name=folded)
        session.add(write)
    write.value = None if value is None else masks.without_password(printable(value, 5000) or "")
    write.count, write.answer = count, None
    write.written_at, write.written_by, write.command_id = at, command.requested_by, command.id
    return write


def reset_due(session: Session, at: datetime) -> int:
    """Reset the chargers whose keys ask for it, where nobody charges. A job."""
    is_charging = exists().where(
        Transaction.charger_id == Upkeep.charger_id, Transaction.state == TransactionState.ACTIVE
    )
    count = 0
    is_calm = or_(Upkeep.halted_at.is_(None), Upkeep.reset_by.is_not(None))
    for upkeep in due(session, Upkeep.reset_due_at, Upkeep.reset_by, at, is_calm, ~is_charging):
        again = at + RESET_AGAIN if upkeep.resets + 1 < MOST_RESETS else None
        if take_due(session, upkeep, Upkeep.reset_due_at, again):
            upkeep.resets += 1
            count += order(session, upkeep.charger, Kind.RESET, {}, upkeep.reset_by, at) is not None
    return count
