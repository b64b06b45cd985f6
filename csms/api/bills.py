"""A bill as the API tells it: each line with what it stands on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from flask import current_app

from csms.api.shapes import Money, Out
from csms.domain.tariffs import Bill, Line, TariffVersion


class SpanOut(Out):
    """A stretch of a session, with the meter's register in Wh at both ends where it is known."""

    begins_at: datetime
    ends_at: datetime
    first_wh: int | None
    last_wh: int | None


class LineOut(Out):
    """`element` of the tariff's version gives the price, from 1; null where all of it does, and on older bills."""

    kind: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Money
    vat_percent: Decimal
    element: int | None
    spans: list[SpanOut]


class TariffRef(Out):
    id: int
    version: int


class VatOut(Out):
    """How much of `amount`, what the lines of one rate come to, is VAT."""

    percent: Decimal
    amount: Money
    vat: Money


class BillOut(Out):
    """Prices include VAT; `vat` is the part of `total` that it is, `vat_lines` tells it for each rate."""

    tariff: TariffRef | None
    lines: list[LineOut]
    total: Money
    vat_percent: Decimal
    vat: Money
    vat_lines: list[VatOut]
    is_final: bool


def currency_of(bill: Bill) -> str:
    """The bill's, or the installation's for one of nothing."""
    return bill.currency or str(current_app.extensions["settings"].currency)


def bill_out(bill: Bill, version: TariffVersion | None, *, is_final: bool) -> BillOut:
    """The bill, with the version of a tariff that it was made by."""
    currency = currency_of(bill)
    return BillOut(
        tariff=TariffRef(id=version.tariff_id, version=version.number) if version else None,
        lines=[_line_out(x, bill, currency) for x in bill.lines],
        total=Money.of_cents(bill.total_cents, currency),
        vat_percent=bill.vat_percent,
        vat=Money.of_cents(bill.vat_cents, currency),
        vat_lines=[
            VatOut(
                percent=x.percent,
                amount=Money.of_cents(x.cents, currency),
                vat=Money.of_cents(x.vat_cents, currency),
            )
            for x in bill.vat
        ],
        is_final=is_final,
    )


def _line_out(line: Line, bill: Bill, currency: str) -> LineOut:
    return LineOut(
        kind=line.kind,
        quantity=line.quantity,
        unit=line.unit,
        price=line.price,
        amount=Money.of_cents(line.cents, currency),
        vat_percent=bill.vat_percent if line.vat_percent is None else line.vat_percent,
        element=line.element,
        spans=[SpanOut.of(x) for x in line.spans],
    )
