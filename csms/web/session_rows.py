"""A session as a line of a list: its state in words, what it costs, in which currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from csms.domain import transactions
from csms.domain.chargers import ConnectorStatus
from csms.domain.transactions import Transaction

RUNNING = (
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
    ConnectorStatus.FINISHING,
    ConnectorStatus.FAULTED,
)


@dataclass(frozen=True)
class Row:
    """A session and what it costs, now or in the end."""

    transaction: Transaction
    status: str
    cost_cents: int | None
    currency: str


def row(transaction: Transaction, at: datetime) -> Row:
    """A session as a line of a list."""
    return Row(transaction, status_of(transaction, at), cost_of(transaction, at), currency_of(transaction))


def status_of(transaction: Transaction, at: datetime) -> str:
    """OCPP's word for a running session, "Offline", or the session's own state."""
    if not transaction.is_active:
        return transaction.state.value
    lease = transaction.charger.lease
    if lease is None or not lease.is_online(at):
        return "Offline"
    status = transaction.connector.status if transaction.connector else ConnectorStatus.CHARGING
    return (status if status in RUNNING else ConnectorStatus.CHARGING).value


def cost_of(transaction: Transaction, at: datetime) -> int | None:
    """What it costs, in cents: fixed at its end, reckoned while it runs, None where nothing is booked."""
    if transaction.is_active:
        return transactions.bill_of(transaction, at).total_cents
    return transaction.cost_cents


def currency_of(transaction: Transaction) -> str:
    version = transaction.tariff_version
    return version.currency if version else str(current_app.extensions["settings"].currency)
