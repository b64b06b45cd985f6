"""What Stripe tells of a payout and of its balance transactions, in our words. Pure."""

from datetime import UTC, date, datetime
from typing import Any

from csms.domain.payments import LineKind, LineTold, PayoutState, PayoutTold
from csms.payments.stripe_amounts import cents

# Stripe's words for how far a payout is, and for what moves its balance.
STATES = {
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.CANCELLED,
}
KINDS = {
    "charge": LineKind.CAPTURE,
    "payment": LineKind.CAPTURE,
    "refund": LineKind.REFUND,
    "payment_refund": LineKind.REFUND,
    "stripe_fee": LineKind.FEE,
    "tax_fee": LineKind.FEE,
    "application_fee": LineKind.FEE,
}
ITSELF = "payout"  # the balance transaction by which the payout leaves the account


def payout(said: dict[str, Any]) -> PayoutTold:
    """Raises KeyError, ValueError, TypeError for what is no payout. Only automatic ones can be taken apart."""
    currency = str(said["currency"]).upper()
    return PayoutTold(
        reference=str(said["id"]),
        state=STATES[said["status"]],
        cents=cents(said["amount"], currency),
        currency=currency,
        made_at=_moment(said["created"]),
        arrives_on=_day(said["arrival_date"]),
        reason=said.get("failure_message") or said.get("failure_code"),
        is_itemised=said.get("automatic") is not False,
        is_complete=said.get("reconciliation_status") != "in_progress",
    )


def line(said: dict[str, Any]) -> LineTold:
    """Raises KeyError, ValueError, TypeError for what is no balance transaction with its source."""
    currency = str(said["currency"]).upper()
    source = said.get("source")
    intent = source.get("payment_intent") if isinstance(source, dict) else None
    kind = KINDS.get(said["type"], LineKind.OTHER)
    return LineTold(
        reference=str(said["id"]),
        kind=kind,
        cents=cents(said["amount"], currency),
        fee_cents=cents(said["fee"], currency),
        at=_moment(said["created"]),
        note=said.get("description") or (said["type"] if kind in (LineKind.FEE, LineKind.OTHER) else None),
        intent=intent if isinstance(intent, str) else None,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _day(seconds: int) -> date:
    return _moment(seconds).date()
