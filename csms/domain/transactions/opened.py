"""What is open: the transactions that run at a charger, and the numbers and rows of new ones."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from csms.domain.base import announce
from csms.domain.bulk import Row
from csms.domain.chargers import Connector, ConnectorStatus
from csms.domain.transactions.models import Flag, Transaction, TransactionState
from csms.domain.transactions.progress import flag
from csms.domain.transactions.rules import scramble

OPEN = (TransactionState.ACTIVE,)


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the open transactions of many chargers with one query, for `open_on`."""
    found: dict[int, list[Transaction]] = {charger_id: [] for charger_id in charger_ids}
    for transaction in session.scalars(
        select(Transaction).where(Transaction.charger_id.in_(found), Transaction.state.in_(OPEN))
    ):
        found[transaction.charger_id].append(transaction)
    session.info["open"] = found


def open_on(session: Session, charger_id: int) -> list[Transaction]:
    """The open transactions of a charger."""
    preloaded: dict[int, list[Transaction]] = session.info.get("open", {})
    if charger_id in preloaded:
        return [x for x in preloaded[charger_id] if x.is_active]
    query = select(Transaction).where(Transaction.charger_id == charger_id, Transaction.state.in_(OPEN))
    return list(session.scalars(query))


_NUMBERS = text(
    "INSERT INTO serial (name, last) VALUES ('transaction', :count)"
    " ON CONFLICT (name) DO UPDATE SET last = serial.last + :count RETURNING last"
)


def next_id(session: Session) -> int:
    """A new transaction id, taken in the same commit as what it names."""
    numbers: list[int] = session.info.setdefault("numbers", [])
    if not numbers:
        numbers += take_numbers(session, 1)
    return scramble(numbers.pop())


def take_numbers(session: Session, count: int) -> range:
    last: int = session.execute(_NUMBERS, {"count": count}).scalar_one()
    return range(last, last - count, -1)


def complete(row: Row) -> Row:
    """A transaction's row with every column that bulk insertion wants."""
    blank: Row = {column.name: None for column in Transaction.__table__.columns}
    return blank | {"secret": secrets.token_urlsafe(16), "idle_s": 0, "is_free": False} | row


def close_estimated(session: Session, transaction: Transaction, *, reason: str, at: datetime) -> None:
    """Close a transaction whose Stop never came, with the last reading as the best evidence.

    It is not booked: the figure is an estimate until a late Stop, or a person, settles it.
    """
    transaction.state = TransactionState.ENDED_UNKNOWN
    transaction.ended_at = max(transaction.meter_last_at or transaction.started_at, transaction.started_at)
    transaction.end_received_at = at
    transaction.stop_reason = reason
    transaction.power_w = transaction.current_a = None
    flag(transaction, Flag.ESTIMATED)
    announce(session, f"charger:{transaction.charger_id}", transaction.topic, "fleet", "transactions")


def follow_status(session: Session, connector: Connector, status: ConnectorStatus, at: datetime) -> None:
    """A connector's new state tells whether its car is taking energy: paused by the car is idling, by us is not."""
    for transaction in open_on(session, connector.charger_id):
        if transaction.connector_id != connector.id:
            continue
        if status is ConnectorStatus.SUSPENDED_EV and transaction.idle_since is None:
            transaction.idle_since = max(at, transaction.started_at)
        elif status is not ConnectorStatus.SUSPENDED_EV and transaction.idle_since is not None:
            transaction.idle_s += max(0, round((at - transaction.idle_since).total_seconds()))
            transaction.idle_since = None
        if status is not ConnectorStatus.CHARGING and transaction.power_w:
            transaction.power_w = 0
        announce(session, transaction.topic)
