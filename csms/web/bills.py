"""A bill in words: the same lines for the operator and for the driver."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from csms.domain.tariffs import Bill
from csms.web import filters

KINDS = {
    "energy": "Energy",
    "time": "Time plugged in",
    "start": "Start",
    "idle": "Plugged in without charging",
    "credit": "Paid with kWh credit",
}


@dataclass(frozen=True)
class BillLine:
    """One line: "Energy", "18.425 kWh × 0.49 €/kWh", "9.03 €"."""

    words: str
    reckoning: str
    amount: str


def bill_lines(bill: Bill, currency: str) -> list[BillLine]:
    """The bill as it is printed: quantity × price = amount."""
    lines = []
    for line in bill.lines:
        places = {"kWh": 3, "min": 2}.get(line.unit, 0)
        quantity = filters.with_unit(filters.number(line.quantity, places), line.unit)
        price = filters.rate(abs(line.price) * 100, currency, line.unit)
        reckoning = price if line.kind == "start" else f"{quantity} × {price}"
        lines.append(
            BillLine(KINDS.get(line.kind, line.kind), reckoning, filters.money(line.cents, currency))
        )
    return lines


def credit_kwh(bill: Bill) -> Decimal | None:
    """How many kWh were paid by credit in kWh."""
    return next((line.quantity for line in bill.lines if line.kind == "credit"), None)
