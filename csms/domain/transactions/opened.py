"""What is open: what becomes of the transactions that run at a charger; the numbers and rows of new ones."""

import secrets
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from csms.domain.base import announce
from csms.domain.bulk import Row
from csms.domain.chargers import Connector, ConnectorStatus, Outlet
from csms.domain.transactions.models import Transaction
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
