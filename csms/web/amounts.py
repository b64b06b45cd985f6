"""Amounts as people type them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from csms.domain.base import Invalid
from csms.quantities import cents

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


def part_to_return(form: Mapping[str, str]) -> int | None:
    """The cents that a form of a refund asks for; None: all. Raises Invalid, also for all of it beside a part."""
    is_whole, typed = form.get("how") == "whole", form.get("amount", "").strip()
    if is_whole and typed:
        raise Invalid("You chose all of it, and wrote a part: choose one of the two.", "amount")
    return None if is_whole else cents(amount_of(typed))
