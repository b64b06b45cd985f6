"""Amounts as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from csms.domain.base import Invalid

MOST = Decimal(1_000_000)  # in one booking


def amount_of(text: str) -> Decimal:
    """An amount as people type it: "25", "25.50", "25,50", "-3". Raises Invalid."""
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except InvalidOperation as error:
        raise Invalid("Write an amount such as 25.00.", "amount") from error
    if not amount.is_finite() or amount == 0 or abs(amount) > MOST:
        raise Invalid("Write an amount other than 0.", "amount")
    return amount
