"""What the feeds tell, read from the database: each reader remembers how far it has told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from csms import clock
from csms.compat.ov2xmp import connectors
from csms.compat.ov2xmp.dso import shown
from csms.compat.ov2xmp.tasks import task_shown
from csms.compat.ov2xmp.users import signed_up
from csms.domain import commands, dso, slots
from csms.domain.accounts import User
from csms.domain.base import Base
from csms.domain.chargers import Charger, Connector, LinkLease, StatusEvent
from csms.domain.commands import Command, CommandState
from csms.domain.dso import DsoDelivery, DsoSignal
from csms.domain.slots import SlotRange
from csms.domain.transactions import Reading, Transaction

Message = dict[str, Any]

OVERLAP = 200  # rows that are looked at again: on PostgreSQL numbers need not be committed in their order
NEWEST = 100
AGO = timedelta(seconds=30)
OLDEST = timedelta(days=8)  # longer does no order wait

_SENTENCES = {
    "Connected": "Charger {} connected.",
    "Disconnected": "Charger {} disconnected.",
    "Booted": "Charger {} booted.",
    "Heartbeat": "Charger {} sent a heartbeat.",
    "Transaction Started": "Charger {} started a transaction.",
    "Transaction Stopped": "Charger {} stopped a transaction.",
}


class Rows:
    """Rows of a table that is only added to, each once."""

    def __init__(self, model: type[Base], number: InstrumentedAttribute[int]) -> None:
        self._model, self._number = model, number
        self._newest = 0
        self._seen: set[int] = set()

    def begin(self, session: Session) -> None:
        self._newest = session.scalar(select(func.max(self._number))) or 0
        around = select(self._number).where(self._number > self._newest - OVERLAP)
        self._seen = set(session.scalars(around))

    def fresh(self, session: Session) -> list[Any]:
        query: Select[Any] = select(self._model).where(self._number > self._newest - OVERLAP)
        found = session.scalars(query.order_by(self._number)).all()
        rows = [x for x in found if x.id not in self._seen]
        self._newest = max([self._newest, *(x.id for x in rows)])
        self._seen = {x.id for x in found if x.id > self._newest - OVERLAP}
        return rows


class FleetNews:
    """Connections, boots, heartbeats, and transactions that begin and end: of each charger each kind once a look."""

    topics = ("fleet", "transactions", "heartbeats")

    def __init__(self) -> None:
        self._events = Rows(StatusEvent, StatusEvent.id)
        self._sessions: set[tuple[int, str]] = set()
        self._heard_at = clock.now()

    def begin(self, session: Session) -> None:
        self._events.begin(session)
        self._sessions = {(number, status) for number, status, _ in self._edges(session)}
        self._heard_at = clock.now()

    def read(self, session: Session) -> Sequence[Message]:
        told = list(dict.fromkeys(self._changes(session)))
        ids = {charger_id for charger_id, _ in told}
        names = {x.id: x.identity for x in session.scalars(select(Charger).where(Charger.id.in_(ids)))}
        return [
            {
                "message": _SENTENCES[status].format(names[charger_id]),
                "charger_id": names[charger_id],
                "status": status,
            }
            for charger_id, status in told
            if charger_id in names
        ]

    def _changes(self, session: Session) -> Iterator[tuple[int, str]]:
        heard_at = self._heard_at
        for event in self._events.fresh(session):
            if event.evse_number == 0 and event.status in _SENTENCES:
                yield event.charger_id, event.status
        edges = self._edges(session)
        yield from (
            (charger_id, status)
            for number, status, charger_id in edges
            if (number, status) not in self._sessions
        )
        self._sessions = {(number, status) for number, status, _ in edges}
        beats = select(LinkLease.charger_id, LinkLease.last_heartbeat_at)
        for charger_id, at in session.execute(beats.where(LinkLease.last_heartbeat_at > heard_at)).all():
            if at is not None:
                self._heard_at = max(self._heard_at, at)
                yield charger_id, "Heartbeat"

    def _edges(self, session: Session) -> list[tuple[int, str, int]]:
        """The begins and ends of the newest sessions: (transaction, status, charger)."""
        kinds: tuple[tuple[InstrumentedAttribute[Any], str], ...] = (
            (Transaction.started_at, "Transaction Started"),
            (Transaction.ended_at, "Transaction Stopped"),
        )
        found: list[tuple[int, str, int]] = []
        for moment, status in kinds:
            query = select(Transaction.id, Transaction.charger_id).where(moment.is_not(None))
            rows = session.execute(query.order_by(moment.desc()).limit(NEWEST))
            found += [(number, status, charger_id) for number, charger_id in rows]
        return found


class MeterNews:
    """What meters say: of each connector the newest of each look."""

    topics = ("meters",)

    def __init__(self) -> None:
        self._readings = Rows(Reading, Reading.id)

    def begin(self, session: Session) -> None:
        self._readings.begin(session)

    def read(self, session: Session) -> Sequence[Message]:
        newest = {(x.charger_id, x.connector_id): x for x in self._readings.fresh(session)}
        ids = {x.connector_id for x in newest.values() if x.connector_id is not None}
        query = select(Connector).where(Connector.id.in_(ids))
        numbers = {x.id: x.evse_number for x in session.scalars(query)}
        return [
            {
                "transaction_id": x.transaction_id,
                "connector_id": numbers.get(x.connector_id, 0),
                "meterValue": [
                    {
                        "timestamp": _text(x.measured_at),
                        "sampledValue": [_sampled(each) for each in orjson.loads(x.samples)],
                    }
                ],
            }
            for x in newest.values()
        ]


def _sampled(given: dict[str, Any]) -> dict[str, Any]:
    """One value as the charger wrote it (1.6 §7.43)."""
    names = ("measurand", "phase", "location", "context", "format")
    told = {"value": given["raw"], "unit": given.get("raw_unit")} | {name: given.get(name) for name in names}
    return {name: value for name, value in told.items() if value is not None}


class ConnectorNews:
    """Connectors of which their chargers have told something, or whose slots were changed, as their address tells them.

    What a signal lays is told too; what it lifts is told by the `dso_signal` feed.
    """

    topics = ("fleet", slots.TOPIC)

    def __init__(self) -> None:
        self._events = Rows(StatusEvent, StatusEvent.id)
        self._ranges = Rows(SlotRange, SlotRange.id)

    def begin(self, session: Session) -> None:
        self._events.begin(session)
        self._ranges.begin(session)

    def read(self, session: Session) -> Sequence[Message]:
        told = {(x.charger_id, x.evse_number) for x in self._events.fresh(session) if x.evse_number}
        laid = {x.connector_id for x in self._ranges.fresh(session)}
        told_by = Connector.charger_id.in_({x for x, _ in told})
        query = select(Connector).where(told_by | Connector.id.in_(laid)).order_by(Connector.id)
        loaded = query.options(joinedload(Connector.charger).joinedload(Charger.site))
        found = [x for x in session.scalars(loaded) if x.id in laid or (x.charger_id, x.evse_number) in told]
        return [{"type": "connector_update", "connector": x} for x in connectors.shown(session, found)]


class TaskNews:
    """Commands that have their answer, or get none: each outcome once."""

    topics = (commands.TOPIC,)

    def __init__(self) -> None:
        self._since = clock.now()
        self._told: set[tuple[str, CommandState]] = set()

    def begin(self, session: Session) -> None:
        self._since = clock.now()
        self._told = {(x.id, x.state) for x in self._fresh(session)}

    def read(self, session: Session) -> Sequence[Message]:
        fresh = self._fresh(session)
        shown = [task_shown(x, in_full=False) for x in fresh if (x.id, x.state) not in self._told]
        self._told = {(x.id, x.state) for x in fresh}
        self._since = clock.now()
        return [{"message": orjson.dumps(x, default=str).decode()} for x in shown]

    def _fresh(self, session: Session) -> Sequence[Command]:
        """Answered lately: a little further back than was looked at, for clocks and commits take their time."""
        query = select(Command).where(
            Command.answered_at > self._since - AGO,
            Command.requested_at > self._since - OLDEST,
            Command.state.not_in((CommandState.QUEUED, CommandState.SENT)),
        )
        return session.scalars(query.order_by(Command.answered_at)).all()


class UserNews:
    """Users who have come into being, as their sign-up was answered: profiles are not everybody's to hear."""

    topics = ("users",)

    def __init__(self) -> None:
        self._users = Rows(User, User.id)

    def begin(self, session: Session) -> None:
        self._users.begin(session)

    def read(self, session: Session) -> Sequence[Message]:
        return [
            {"type": "user_update", "user": {"id": x.id} | signed_up(x)} for x in self._users.fresh(session)
        ]


class SignalNews:
    """Signals of grid operators that come, with the connectors that they concern, and that are withdrawn."""

    topics = (dso.TOPIC,)

    def __init__(self) -> None:
        self._signals = Rows(DsoSignal, DsoSignal.id)
        self._withdrawn: set[int] = set()

    def begin(self, session: Session) -> None:
        self._signals.begin(session)
        self._withdrawn = set(self._gone(session))

    def read(self, session: Session) -> Sequence[Message]:
        came = [self._message(session, "dso_signal_update", x) for x in self._signals.fresh(session)]
        gone = self._gone(session)
        ends = [
            self._message(session, "dso_signal_withdrawn", x)
            for i, x in gone.items()
            if i not in self._withdrawn
        ]
        self._withdrawn = set(gone)
        return [*came, *ends]

    def _gone(self, session: Session) -> dict[int, DsoSignal]:
        query = select(DsoSignal).where(DsoSignal.withdrawn_at.is_not(None))
        return {x.id: x for x in session.scalars(query.order_by(DsoSignal.id.desc()).limit(OVERLAP))}

    def _message(self, session: Session, kind: str, signal: DsoSignal) -> Message:
        query = (
            select(Charger.identity, Connector.evse_number)
            .join(Connector, Connector.charger_id == Charger.id)
            .join(DsoDelivery, DsoDelivery.charger_id == Charger.id)
            .where(DsoDelivery.signal_id == signal.id)
            .order_by(Charger.identity, Connector.evse_number)
        )
        concerned = [{"chargepoint": x, "connectorid": y} for x, y in session.execute(query)]
        return {"type": kind, "dso_signal": shown(signal), "connectors": concerned}


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
