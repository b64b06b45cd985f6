"""Bringing a charger's list in step with the cards here, message by message.

Each step sends one order and waits for its answer: the version is asked for after a boot, then what differs is sent
piece by piece. An answer makes the next step due; an answer that does not come is found out by asking for the version.
"""

import enum
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from csms.domain import commands, quiet
from csms.domain.base import Refused, announce, printable, take_due
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.local_lists import queries, rules
from csms.domain.local_lists.models import ListState, LocalList
from csms.domain.local_lists.rules import Entry, Update
from csms.sentences import told

SETTLE = timedelta(seconds=40)  # after a boot: its keys are read first, as they tell how much fits
AGAIN = timedelta(seconds=15)  # to see what became of an order that says nothing by itself
MOST_FAILURES = 3
MOST_AT_ONCE = 100

# What a charger of each policy should know of cards: read when it is first needed.
Contents = dict[AuthorizationPolicy, list[Entry]]


class SendAnswer(enum.StrEnum):
    """What a charger said to an update of its list (1.6 §7.47)."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    NOT_SUPPORTED = "not_supported"
    VERSION_MISMATCH = "version_mismatch"


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Find out with one query which of many chargers keep a list, for `booted`."""
    asked = set(charger_ids)
    query = select(LocalList.charger_id).where(LocalList.is_on, LocalList.charger_id.in_(asked))
    session.info["lists"] = (asked, set(session.scalars(query)))


def booted(session: Session, charger_id: int, *, at: datetime) -> None:
    """A charger has booted: it may have lost its list, so it is asked for the version when it has settled."""
    asked, keeping = session.info.get("lists", ((), ()))
    if charger_id in asked and charger_id not in keeping:
        return
    row = update(LocalList).where(LocalList.charger_id == charger_id, LocalList.is_on)
    session.execute(row.values(asks_version=True, due_at=at + SETTLE, due_by=None, failures=0))


def sync_due(session: Session, at: datetime) -> int:
    """Take the next step at the chargers whose list is due. A job."""
    rows = session.scalars(
        select(LocalList)
        .join(LocalList.charger)
        .where(
            LocalList.due_at <= at,
            or_(LocalList.is_on, LocalList.is_full_due),
            quiet.may_be_asked(session, at, ordered=LocalList.due_by.is_not(None)),
        )
        .order_by(LocalList.due_at)
        .limit(MOST_AT_ONCE)
    ).all()
    contents: Contents = {}
    return sum(
        take_due(session, x, LocalList.due_at, at + AGAIN) and _step(session, x, contents, at) for x in rows
    )


def _step(session: Session, row: LocalList, contents: Contents, at: datetime) -> bool:
    """One order; False when there is nothing to order."""
    announce(session, row.charger.topic)
    if not _is_ready(session, row):
        return False
    if row.asks_version:
        return _order(session, row, Kind.GET_LOCAL_LIST_VERSION, {}, at)
    change = update_for(session, row, contents, at)
    if change is None:
        _rest(row, ListState.IN_STEP if row.is_on else ListState.OFF, None)
        row.synced_at, row.failures = at, 0
        return False
    row.pending = {
        "version": change.version,
        "is_full": change.is_full,
        "held": {x.uid: x.fingerprint for x in change.entries},
        "gone": list(change.gone),
    }
    row.state, row.detail = ListState.BEHIND, None
    arguments = {
        "version": change.version,
        "is_full": change.is_full,
        "entries": [x.to_arguments() for x in change.entries],
        "gone": list(change.gone),
    }
    return _order(session, row, Kind.SEND_LOCAL_LIST, arguments, at)


def _is_ready(session: Session, row: LocalList) -> bool:
    """May the next order be given? What became of the last one is settled here when its answer said nothing."""
    if row.is_enabled is False and row.is_on:
        _rest(
            row, ListState.UNSUPPORTED, told("LocalAuthListEnabled is false at the charger: set it to true.")
        )
        return False
    last = session.get(Command, row.command_id) if row.command_id else None
    if last is None:
        return True
    if last.state in (CommandState.QUEUED, CommandState.SENT):
        return False
    row.command_id = None
    if last.state is CommandState.ERROR and last.kind is Kind.GET_LOCAL_LIST_VERSION:
        _rest(
            row,
            ListState.UNSUPPORTED,
            told("The charger does not tell its list's version: %(why)s", why=last.detail),
        )
        return False
    row.failures += 1
    row.asks_version = True  # whether it took the update, its version says
    if last.state is CommandState.ERROR:
        row.pending, row.is_full_due, row.asks_version = None, True, False
    if row.failures >= MOST_FAILURES:
        _rest(row, ListState.FAILED, last.detail or told("The charger does not answer."))
        return False
    return True


def _rest(row: LocalList, state: ListState, detail: str | None) -> None:
    """Nothing more is due, until a card changes, the charger boots, or somebody orders it."""
    row.state, row.detail = state, printable(detail, 255)
    row.due_at = row.due_by = row.pending = None
    row.is_full_due = row.is_full_due and row.is_on


def update_for(session: Session, row: LocalList, contents: Contents, at: datetime) -> Update | None:
    policy = row.charger.policy
    if row.is_on and policy not in contents:
        contents[policy] = list(queries.contents(session, policy, at=at))
    wanted, row.left_out = rules.fitting(contents[policy] if row.is_on else (), row.most_entries)
    return rules.next_update(
        wanted, row.held, version=row.version, is_full_due=row.is_full_due, most=row.most_per_message
    )


def _order(session: Session, row: LocalList, kind: Kind, arguments: dict[str, Any], at: datetime) -> bool:
    by = row.due_by
    try:
        command = commands.request(
            session, row.charger, kind, arguments, by=by, at=at, is_automatic=by is None
        )
    except Refused:  # it has gone this very moment: the next round finds it
        return False
    row.command_id = command.id
    return True


def told_version(
    session: Session, charger: Charger, command: Command, version: int | None, *, at: datetime
) -> None:
    """A charger has told its list's version (1.6 §5.10): -1 no such thing, 0 an empty list."""
    row = queries.find(session, charger.id)
    if row is None or version is None:
        return
    row.told_version = version
    announce(session, charger.topic)
    if row.command_id != command.id:
        return
    row.command_id, row.asks_version = None, False
    if version < 0:
        _rest(
            row,
            ListState.UNSUPPORTED,
            told("The charger says that it keeps no list (version %(version)s).", version=version),
        )
        return
    if row.pending is not None and version == row.pending["version"]:
        _take_pending(row)
    elif version != row.version and not (version == 0 and not row.held):
        row.is_full_due, row.version = True, max(row.version, version)
    row.pending, row.due_at = None, at


def answered(
    session: Session, charger: Charger, command: Command, answer: SendAnswer, *, at: datetime
) -> None:
    """A charger has answered to an update of its list (1.6 §5.15)."""
    row = queries.find(session, charger.id)
    if row is None:
        return
    announce(session, charger.topic)
    if row.command_id != command.id:  # somebody has sent one by hand: what it holds now, nobody knows
        row.is_full_due = row.asks_version = row.is_on
        row.due_at = at if row.is_on else row.due_at
        return
    row.command_id, row.due_at = None, at
    match answer:
        case SendAnswer.ACCEPTED:
            _take_pending(row)
            if not row.is_on:  # that was the emptying
                _rest(row, ListState.OFF, None)
        case SendAnswer.VERSION_MISMATCH:
            row.is_full_due, row.asks_version = True, True  # above which version, the charger must say
            row.failures += 1
        case SendAnswer.FAILED:
            row.is_full_due = True
            row.failures += 1
        case SendAnswer.NOT_SUPPORTED:
            _rest(row, ListState.UNSUPPORTED, told("The charger says that it supports no list."))
    row.pending = None
    if row.failures >= MOST_FAILURES:
        _rest(row, ListState.FAILED, told("The charger did not take it %(count)s times.", count=row.failures))


def _take_pending(row: LocalList) -> None:
    """The update that was on its way is what the charger holds now."""
    taken = row.pending or {"version": row.version, "is_full": False, "held": {}, "gone": []}
    rest = {} if taken["is_full"] else {x: y for x, y in row.held.items() if x not in taken["gone"]}
    row.held = rest | taken["held"]
    row.version = taken["version"]
    row.told_version = row.version
    row.is_full_due, row.failures = False, 0
