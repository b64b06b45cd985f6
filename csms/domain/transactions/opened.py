"""What is open: what becomes of the transactions that run at a charger; the numbers and rows of new ones."""

import secrets
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from csms.domain.base import announce
from csms.domain.bulk import Row
from csms.domain.chargers import Connector, ConnectorStatus, Outlet
from csms.domain.transactions.models import Serial, Transaction
from csms.domain.transactions.progress import open_on, stop_idling
from csms.domain.transactions.rules import scramble

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


def numbers_taken(session: Session) -> int:
    """How many numbers have been given out."""
    return session.scalar(select(Serial.last).where(Serial.name == "transaction")) or 0


def numbered(session: Session, numbers: range) -> list[Transaction]:
    """The transactions that got these numbers, in their order: their ids tell nothing of it."""
    ids = [scramble(x) for x in numbers]
    found = {x.id: x for x in session.scalars(select(Transaction).where(Transaction.id.in_(ids)))}
    return [found[x] for x in ids if x in found]


_BLANK: Row = {column.name: None for column in Transaction.__table__.columns}


def complete(row: Row) -> Row:
    """A transaction's row with every column that bulk insertion wants."""
    return {**_BLANK, "secret": secrets.token_urlsafe(16), "idle_s": 0, "is_free": False, **row}


def follow_status(
    session: Session, connector: Connector | Outlet, status: ConnectorStatus, at: datetime
) -> None:
    """A connector's new state tells whether its car is taking energy: paused by the car is idling, by us is not."""
    for transaction in open_on(session, connector.charger_id):
        if transaction.connector_id != connector.id:
            continue
        if status is ConnectorStatus.SUSPENDED_EV and transaction.idle_since is None:
            transaction.idle_since = max(at, transaction.started_at)
        elif status is not ConnectorStatus.SUSPENDED_EV:
            stop_idling(transaction, at)
        if status is not ConnectorStatus.CHARGING and transaction.power_w:
            transaction.power_w = 0
        announce(session, transaction.topic)
