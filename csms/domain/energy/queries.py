"""What chargers hold, as far as it is known: a profile's state is told by its order, the last boot and the session."""

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound
from csms.domain.chargers import Charger, ConfigurationKey, quirks_of
from csms.domain.commands import Command, CommandState
from csms.domain.energy.composite import (
    Composite,
    Difference,
    Installed,
    Step,
    Supply,
    Window,
    compare,
    composite,
    in_unit,
)
from csms.domain.energy.models import (
    ChargerSupply,
    ChargingProfile,
    CompositeAnswer,
    Ended,
    ProfileAssignment,
)
from csms.domain.energy.profiles import Profile, Purpose, RateUnit
from csms.domain.energy.rules import KEYS, Capabilities, capabilities
from csms.domain.transactions import Transaction, TransactionState
from csms.quirks import Charging
from csms.sentences import gettext_noop

M = TypeVar("M", ChargerSupply, ConfigurationKey, ProfileAssignment, Transaction)
MOST_HELD = 500


class State(enum.StrEnum):
    """WANTED: to be sent. UNKNOWN: sent without an answer, or accepted before the charger restarted."""

    WANTED = "wanted"
    SENT = "sent"
    INSTALLED = "installed"
    REFUSED = "refused"
    CLEARED = "cleared"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment, what is known of it, and why in a sentence. `transaction`: the one that it limits."""

    assignment: ProfileAssignment
    profile: Profile
    state: State
    why: str
    transaction: Transaction | None

    @property
    def is_in_force(self) -> bool:
        """Did the charger take it, and nothing that we know end it? A restart may have."""
        had = self.assignment.accepted_at is not None or comes_with_start(self.assignment)
        return self.state is State.INSTALLED or (
            had and self.state in (State.UNKNOWN, State.WANTED, State.SENT) and self.transaction_runs
        )

    @property
    def transaction_runs(self) -> bool:
        if self.profile.purpose is not Purpose.TX:
            return True
        return self.transaction is not None and self.transaction.is_active

    @property
    def as_installed(self) -> Installed:
        return Installed(self.assignment.number, self.assignment.evse_number, self.profile)


_ENDED = {
    Ended.CLEARED: gettext_noop("The charger has cleared it."),
    Ended.REPLACED: gettext_noop("Another profile has taken its place."),
    Ended.WITHDRAWN: gettext_noop("It was taken back before it was sent."),
    Ended.OVER: gettext_noop("Its session is over."),
    Ended.REFUSED: gettext_noop("The charger did not take it."),
}
_FATES: Mapping[CommandState, tuple[State, str]] = {
    CommandState.QUEUED: (State.WANTED, gettext_noop("It is sent when the charger can be reached.")),
    CommandState.SENT: (State.SENT, gettext_noop("Waiting for the charger's answer.")),
    CommandState.REJECTED: (State.REFUSED, gettext_noop("The charger said no: %(status)s.")),
    CommandState.ERROR: (State.REFUSED, gettext_noop("The charger answered with an error: %(detail)s.")),
    CommandState.TIMEOUT: (State.UNKNOWN, gettext_noop("No answer: the charger may have it all the same.")),
    CommandState.UNKNOWN: (State.UNKNOWN, gettext_noop("The connection was lost before the answer.")),
    CommandState.EXPIRED: (State.REFUSED, gettext_noop("The charger could not be reached in time.")),
    CommandState.CANCELLED: (State.REFUSED, gettext_noop("It was not sent.")),
}


def _judge(
    assignment: ProfileAssignment, charger: Charger, transaction: Transaction | None
) -> tuple[State, str]:
    command = assignment.command
    if assignment.ended_by is not None:
        is_refused = assignment.ended_by is Ended.REFUSED
        return State.REFUSED if is_refused else State.CLEARED, _ENDED[assignment.ended_by]
    if assignment.purpose is Purpose.TX and transaction is not None and not transaction.is_active:
        return State.CLEARED, _ENDED[Ended.OVER]
    if command.state is CommandState.CANCELLED and assignment.accepted_at is not None:
        return State.UNKNOWN, gettext_noop("The charger had it; sending it again was called off.")
    if command.state is not CommandState.ACCEPTED:
        state, words = _FATES[command.state]
        answered = {"status": command.answer_status or "no word", "detail": command.detail or "no word"}
        return state, (words % answered).replace("..", ".")
    if comes_with_start(assignment) and transaction is None:
        if command.awaits is not None:
            return State.SENT, gettext_noop("It comes with the session, which has not begun yet.")
        return State.CLEARED, gettext_noop("Its session has not begun.")
    if charger.booted_at and command.answered_at and charger.booted_at > command.answered_at:
        return State.UNKNOWN, gettext_noop("The charger has restarted since: it may have forgotten it.")
    return State.INSTALLED, gettext_noop("The charger has accepted it.")


def told(session: Session, charger: Charger, assignments: Sequence[ProfileAssignment]) -> list[Held]:
    numbers = {x for one in assignments if (x := transaction_id_of(one)) is not None}
    query = select(Transaction).where(Transaction.id.in_(numbers))
    transactions = {x.id: x for x in session.scalars(query)} if numbers else {}
    held = []
    for one in assignments:
        transaction = transactions.get(transaction_id_of(one) or 0)
        state, why = _judge(one, charger, transaction)
        held.append(Held(one, one.profile, state, why, transaction))
    return held


def transaction_id_of(assignment: ProfileAssignment) -> int | None:
    """The transaction that it is for; one that came with a remote start gets it with the start."""
    if comes_with_start(assignment):
        return assignment.command.transaction_id
    return assignment.transaction_id


def comes_with_start(assignment: ProfileAssignment) -> bool:
    """Is it part of the order that begins its session? Then it has no transaction of its own yet (1.6 §5.16.2)."""
    return assignment.purpose is Purpose.TX and assignment.transaction_id is None


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was read of many chargers at once, by their ids. Nothing is here of one that was given a profile since."""

    charger_ids: set[int]
    supplies: dict[int, ChargerSupply]
    keys: dict[int, list[ConfigurationKey]]
    running: dict[int, list[Transaction]]
    held: dict[int, list[ProfileAssignment]]
    newest: dict[tuple[int, int, str | None], ProfileAssignment]  # by charger, EVSE and source


@contextmanager
def read_ahead(session: Session, charger_ids: Collection[int]) -> Iterator[None]:
    """Within it the readers of this module and `newest` need no query for these chargers; five are asked for all."""
    ahead = Ahead(
        set(charger_ids),
        {x.charger_id: x for x in session.scalars(_of(ChargerSupply, charger_ids))},
        _grouped(session.scalars(_of(ConfigurationKey, charger_ids).where(ConfigurationKey.name.in_(KEYS)))),
        _grouped(session.scalars(_of(Transaction, charger_ids).where(_IS_RUNNING))),
        _grouped(session.scalars(_of(ProfileAssignment, charger_ids).where(_IS_MEANT).options(_WITH_ORDER))),
        {(x.charger_id, x.evse_number, x.source): x for x in session.scalars(_newest(charger_ids))},
    )
    session.info["profiles_ahead"] = ahead
    try:
        yield
    finally:
        session.info.pop("profiles_ahead", None)


def ahead_of(session: Session, charger_id: int) -> Ahead | None:
    """What was read ahead, if this charger is in it."""
    ahead: Ahead | None = session.info.get("profiles_ahead")
    return ahead if ahead is not None and charger_id in ahead.charger_ids else None


def outdate(session: Session, charger_id: int) -> None:
    """What was read ahead of a charger holds no longer."""
    ahead = ahead_of(session, charger_id)
    if ahead is not None:
        ahead.charger_ids.discard(charger_id)


_IS_RUNNING = Transaction.state == TransactionState.ACTIVE
_IS_MEANT = ProfileAssignment.ended_at.is_(None)
_WITH_ORDER = joinedload(ProfileAssignment.command)


def _of(model: type[M], charger_ids: Collection[int]) -> Select[M]:
    return select(model).where(model.charger_id.in_(charger_ids))


def _newest(charger_ids: Collection[int]) -> Select[ProfileAssignment]:
    """The newest of each charger, EVSE and source, whatever became of it."""
    newest = (
        select(func.max(ProfileAssignment.id))
        .where(ProfileAssignment.charger_id.in_(charger_ids), ProfileAssignment.source.is_not(None))
        .group_by(ProfileAssignment.charger_id, ProfileAssignment.evse_number, ProfileAssignment.source)
    )
    return select(ProfileAssignment).where(ProfileAssignment.id.in_(newest)).options(_WITH_ORDER)


def _grouped(rows: Iterable[M]) -> dict[int, list[M]]:
    found: dict[int, list[M]] = defaultdict(list)
    for row in rows:
        found[row.charger_id].append(row)
    return found


def held(session: Session, charger: Charger) -> list[Held]:
    """What is meant for a charger and has not ended, the newest first."""
    ahead = ahead_of(session, charger.id)
    if ahead is not None:
        newest_first = sorted(ahead.held.get(charger.id, ()), key=lambda x: x.id, reverse=True)
        return told(session, charger, newest_first[:MOST_HELD])
    query = _of(ProfileAssignment, [charger.id]).where(_IS_MEANT).options(_WITH_ORDER)
    assignments = session.scalars(query.order_by(ProfileAssignment.id.desc()).limit(MOST_HELD)).all()
    return told(session, charger, assignments)


def past(session: Session, charger: Charger, limit: int = 50) -> list[Held]:
    """What has ended, the newest first."""
    query = (
        select(ProfileAssignment)
        .where(ProfileAssignment.charger_id == charger.id, ProfileAssignment.ended_at.is_not(None))
        .options(joinedload(ProfileAssignment.command))
        .order_by(ProfileAssignment.ended_at.desc(), ProfileAssignment.id.desc())
        .limit(limit)
    )
    return told(session, charger, session.scalars(query).all())


def of_profile(session: Session, profile_id: int) -> list[Held]:
    """Where a stored profile is meant to be, by charger."""
    query = (
        select(ProfileAssignment)
        .where(ProfileAssignment.profile_id == profile_id, ProfileAssignment.ended_at.is_(None))
        .options(joinedload(ProfileAssignment.command), joinedload(ProfileAssignment.charger))
        .order_by(ProfileAssignment.charger_id, ProfileAssignment.evse_number)
        .limit(1000)
    )
    return [told(session, x.charger, [x])[0] for x in session.scalars(query)]


def of_transaction(session: Session, transaction: Transaction) -> list[Held]:
    """The profiles that were meant for a transaction, as they were sent, the oldest first."""
    by_start = select(Command.id).where(
        Command.transaction_id == transaction.id, Command.charger_id == transaction.charger_id
    )
    query = (
        select(ProfileAssignment)
        .where(
            ProfileAssignment.charger_id == transaction.charger_id,
            or_(
                ProfileAssignment.transaction_id == transaction.id, ProfileAssignment.command_id.in_(by_start)
            ),
        )
        .options(joinedload(ProfileAssignment.command))
        .order_by(ProfileAssignment.id)
    )
    return told(session, transaction.charger, session.scalars(query).all())


def get(session: Session, profile_id: int) -> ChargingProfile:
    """A stored profile. Raises NotFound."""
    found = session.get(ChargingProfile, profile_id)
    if found is None:
        raise NotFound("There is no such charging profile.")
    return found


def stored(session: Session) -> Sequence[ChargingProfile]:
    """All stored profiles, by name."""
    return session.scalars(select(ChargingProfile).order_by(ChargingProfile.name, ChargingProfile.id)).all()


def able(session: Session, charger_id: int) -> Capabilities:
    """What a charger has said that it can, in its configuration, within what its model is known to obey."""
    ahead = ahead_of(session, charger_id)
    query = _of(ConfigurationKey, [charger_id]).where(ConfigurationKey.name.in_(KEYS))
    keys = session.scalars(query) if ahead is None else ahead.keys.get(charger_id, ())
    charger = session.get(Charger, charger_id)
    habits = quirks_of(charger).charging if charger is not None else Charging()
    return capabilities({x.name: x.value for x in keys}, habits)


def supply_of(session: Session, charger_id: int) -> Supply:
    ahead = ahead_of(session, charger_id)
    row = session.get(ChargerSupply, charger_id) if ahead is None else ahead.supplies.get(charger_id)
    return Supply(row.voltage_v, row.phases) if row else Supply()


def running(session: Session, charger: Charger) -> dict[int, Transaction]:
    """The open transactions by EVSE."""
    evses = {x.id: x.evse_number for x in charger.connectors}
    ahead = ahead_of(session, charger.id)
    query = _of(Transaction, [charger.id]).where(_IS_RUNNING)
    found = session.scalars(query) if ahead is None else ahead.running.get(charger.id, ())
    return {evses[x.connector_id]: x for x in found if x.connector_id in evses}


def window(
    session: Session, charger: Charger, *, begins_at: datetime, ends_at: datetime, unit: RateUnit
) -> Window:
    """A window for the pure functions of composite, with what they need to know of the charger."""
    began = {evse: x.started_at for evse, x in running(session, charger).items()}
    return Window(begins_at, ends_at, unit, supply_of(session, charger.id), began)


def expected(holding: Iterable[Held], charger: Charger, evse: int, window: Window) -> Composite:
    """What the charger, or one of its EVSEs, may draw by the profiles that it has accepted."""
    installed = [x.as_installed for x in holding if x.is_in_force]
    return composite(installed, evse, [x.evse_number for x in charger.connectors], window)


def answer_of(session: Session, charger_id: int, evse: int) -> CompositeAnswer | None:
    """What the charger last told of its limits."""
    query = select(CompositeAnswer).where(
        CompositeAnswer.charger_id == charger_id, CompositeAnswer.evse_number == evse
    )
    return session.scalar(query)


def told_by(answer: CompositeAnswer | None) -> Composite | None:
    """The charger's answer as a composite; None where it could not tell."""
    if answer is None or not answer.is_told or answer.unit is None or not answer.steps:
        return None
    begin = answer.begins_at
    steps = tuple(Step(_after(begin, x["start_s"]), x["limit"], x.get("phases")) for x in answer.steps)
    return Composite(begin, answer.ends_at, answer.unit, steps)


def _after(at: datetime, seconds: float) -> datetime:
    return datetime.fromtimestamp(at.timestamp() + seconds, at.tzinfo)


@dataclass(frozen=True, slots=True)
class BothSides:
    """What we expect of a charger, and what it says itself. `told` None: it was not asked, or could not tell.

    `window` and `holding` are what is expected of: when, and what is meant for it.
    """

    window: Window
    holding: list[Held]
    expected: Composite
    told: Composite | None
    answer: CompositeAnswer | None
    differences: list[Difference]


def both_sides(
    session: Session,
    charger: Charger,
    evse: int,
    *,
    begins_at: datetime,
    ends_at: datetime,
    unit: RateUnit,
) -> BothSides:
    """The limits of a charger or an EVSE, reckoned for a window and as the charger last told them.

    Compared is what is still to come, in the unit of the window.
    """
    asked = window(session, charger, begins_at=begins_at, ends_at=ends_at, unit=unit)
    holding = held(session, charger)
    ours = expected(holding, charger, evse, asked)
    answer = answer_of(session, charger.id, evse)
    told = told_by(answer)
    theirs = in_unit(told, unit, asked.supply) if told else None
    found = compare(ours, theirs) if theirs else []
    return BothSides(asked, holding, ours, theirs, answer, found)
