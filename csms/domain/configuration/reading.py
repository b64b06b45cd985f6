"""Reading chargers' keys back, in pieces that they can tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from csms.domain import quiet
from csms.domain.base import announce, take_all_due
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.configuration import queries, rules
from csms.domain.configuration.models import Upkeep
from csms.domain.configuration.upkeep import due, order, plan_read, upkeep_of

AGAIN = timedelta(minutes=5)  # when what was sent came to nothing
MOST_READS = 5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The keys that a version of the protocol names. A charger that leaves out a required one has cut its answer."""

    required: Sequence[str]
    optional: Sequence[str]


def request_read(session: Session, charger: Charger, *, by: str, at: datetime) -> None:
    """Read all keys back, now or when the charger is there again."""
    plan_read(upkeep_of(session, charger.id), at, by)
    announce(session, charger.topic)


def told(
    session: Session,
    charger: Charger,
    *,
    asked: Sequence[str] | None,
    names: Iterable[str],
    missing: Iterable[str],
    most_keys: int | None,
    vocabulary: Vocabulary,
    by: str | None,
    at: datetime,
) -> None:
    """A charger has told keys (they are stored already). What of them is still to be read is due, in pieces.

    `asked` None: for all. `most_keys`: it has told now how many it tells at a time.
    """
    upkeep = upkeep_of(session, charger.id)
    upkeep.reads, upkeep.most_keys = 0, most_keys or upkeep.most_keys
    heard = {name.casefold() for name in (*names, *missing)}
    if asked is None:
        rest = _left_out(session, charger, heard, vocabulary)
        upkeep.read_by = by if rest else None
    else:
        wanted = {name.casefold() for name in asked}
        given_up = set() if heard & wanted else wanted  # it tells none of them, however often it is asked
        rest = [x for x in upkeep.unread or () if x.casefold() not in heard | given_up]
    if rest:
        upkeep.unread = rest
        if not _is_asking(session, charger.id):
            upkeep.read_due_at = at
        return
    if asked is None or upkeep.unread is not None:
        _finish_reading(session, charger, upkeep, at)


def _left_out(session: Session, charger: Charger, heard: set[str], vocabulary: Vocabulary) -> list[str]:
    """Names that an answer for all keys has not told and that are worth asking for."""
    keys = queries.keys_of(session, charger.id)
    settled = heard | {name for name, key in keys.items() if key.is_missing}
    names = {name: wish.name for name, wish in queries.wishes_of(session, charger).items()}
    names |= {name: key.name for name, key in keys.items()}
    if any(name.casefold() not in settled for name in vocabulary.required):
        names |= {name.casefold(): name for name in (*vocabulary.required, *vocabulary.optional)}
    return [name for folded, name in sorted(names.items()) if folded not in settled]


def _is_asking(session: Session, charger_id: int) -> bool:
    """Is a question for keys on its way?"""
    query = exists().where(
        Command.charger_id == charger_id,
        Command.kind == Kind.GET_CONFIGURATION,
        Command.state.in_((CommandState.QUEUED, CommandState.SENT)),
    )
    return bool(session.scalar(select(query)))


def _finish_reading(session: Session, charger: Charger, upkeep: Upkeep, at: datetime) -> None:
    upkeep.read_due_at = upkeep.unread = upkeep.read_by = None
    upkeep.reads, upkeep.read_at = 0, at
    if upkeep.is_after_boot:
        upkeep.is_after_boot = False
        if any(rules.applies_by_itself(item) for item in queries.drift(session, charger, at=at)):
            upkeep.apply_due_at = upkeep.apply_due_at or at
    announce(session, charger.topic)


def read_due(session: Session, at: datetime) -> int:
    """Ask chargers for the keys that are due, with a few queries for however many have booted at once. A job."""
    rows = due(session, Upkeep.read_due_at, Upkeep.read_by, at)
    chargers = {x.charger_id: x.charger for x in rows}
    taken = take_all_due(session, rows, Upkeep.read_due_at, at, at + AGAIN)
    with quiet.asked_once(session), session.no_autoflush:
        return sum(_ask(session, x, chargers[x.charger_id], at) for x in taken)


def _ask(session: Session, upkeep: Upkeep, charger: Charger, at: datetime) -> int:
    """Order what is to be read of one charger. Returns how many orders that took."""
    if upkeep.reads >= MOST_READS:
        upkeep.read_due_at = None  # until its next boot, or until somebody asks
        return 0
    pieces = [None] if upkeep.unread is None else rules.chunks(upkeep.unread, upkeep.most_keys, upkeep.reads)
    upkeep.reads += 1
    asked = [{} if keys is None else {"keys": list(keys)} for keys in pieces]
    orders = [order(session, charger, Kind.GET_CONFIGURATION, x, upkeep.read_by, at) for x in asked]
    return sum(x is not None for x in orders)
