"""A driver's receipt: its lines in words, the same on the page, in the PDF and whatever else shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from flask_babel import gettext, lazy_gettext

from csms.domain import transactions
from csms.domain.payments import Payment, PaymentState
from csms.domain.payments import queries as payments
from csms.domain.tariffs import Bill
from csms.domain.transactions import Flag, Transaction, queries
from csms.extensions import db
from csms.web import filters, languages
from csms.web.bills import bill_lines, vat_lines
from csms.web.session_rows import currency_of
from csms.web.shell import zone as zone_of

UNBILLED = lazy_gettext(
    "Not billed: the station did not tell how the session ended. The figures are the last that it sent."
)
ESTIMATED = lazy_gettext(
    "Estimated: the station did not tell how the session ended. "
    "Should it still tell, this receipt is corrected."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what, how much, and what it stands on."""

    words: str
    value: str
    notes: tuple[str, ...] = ()
    is_long: bool = False
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """In one `language`. `seller`: the lines below the seller's name. `remark`: what must be said of its figures.
    Without a bill there are no `amounts`.
    """

    number: int
    language: str
    title: str
    dated: str
    seller: tuple[str, ...]
    remark: str | None
    facts: tuple[Row, ...]
    amounts: tuple[Row, ...]


def receipt_of(transaction: Transaction, at: datetime) -> Receipt:
    """Of a session that is over, as it stands now, on the clock of its site."""
    zone = zone_of(transaction.charger_id)
    is_estimated = Flag.ESTIMATED in transaction.flags
    is_billed = transaction.bill is not None
    remark = (ESTIMATED if is_estimated else None) if is_billed else UNBILLED
    energy = gettext("Energy, estimated") if is_estimated else gettext("Energy")
    return Receipt(
        number=transaction.id,
        language=languages.current(),
        title=gettext("Receipt %(number)s", number=transaction.id),
        dated=filters.localtime(transaction.ended_at, zone, "date"),
        seller=tuple(_seller()),
        remark=None if remark is None else str(remark),
        facts=tuple(_facts(transaction, zone, energy)),
        amounts=tuple(_amounts(transaction, zone, at)) if is_billed else (),
    )


def _seller() -> Iterator[str]:
    """What tax offices ask of an invoice beside the seller's name, as far as an owner has told it."""
    settings = current_app.extensions["settings"]
    yield from settings.postal_address.splitlines()
    if settings.tax_number:
        yield gettext("Tax number: %(number)s", number=settings.tax_number)


def _facts(transaction: Transaction, zone: str, energy: str) -> Iterator[Row]:
    charger, connector = transaction.charger, transaction.connector
    began_at, ended_at = transaction.started_at, transaction.ended_at or transaction.started_at
    stop_wh = transaction.meter_stop_wh
    yield Row(gettext("Station"), charger.title + (f" · {connector.evse_number}" if connector else ""))
    if charger.place:
        yield Row(gettext("Place"), charger.place, is_long=True)
    yield Row(gettext("Began"), filters.localtime(began_at, zone, "full"))
    yield Row(gettext("Ended"), filters.localtime(ended_at, zone, "full"))
    yield Row(gettext("Time"), filters.duration_words((ended_at - began_at).total_seconds()))
    yield Row(gettext("Meter at start"), filters.kwh(transaction.meter_start_wh, 3))
    yield Row(
        gettext("Meter at stop"), filters.kwh(transaction.meter_last_wh if stop_wh is None else stop_wh, 3)
    )
    yield Row(energy, filters.kwh(transaction.energy_wh, 3))


def _amounts(transaction: Transaction, zone: str, at: datetime) -> Iterator[Row]:
    bill, currency = transactions.bill_of(transaction, at), currency_of(transaction)
    if not bill.lines:
        yield Row(gettext("Charging here"), gettext("is free"))
        return
    for line in bill_lines(bill, currency, zone, transaction.tariff_version):
        notes = (line.reckoning, *line.grounds)
        yield Row(line.words, line.amount, tuple(x for x in notes if x))
    yield from _totals(bill, currency)
    payment = payments.of_transaction(db.session(), transaction)
    if payment is not None:
        yield from _paid(payment, bill.total_cents)
    else:
        yield from _booked(transaction, currency)


def _booked(transaction: Transaction, currency: str) -> Iterator[Row]:
    """What the session has taken from an account, or from a voucher, less what has been given back."""
    taken_cents = -sum(x.amount_cents for x in queries.bookings(db.session(), transaction.id))
    if taken_cents > 0:
        yield Row(gettext("Taken from your credit"), filters.money(taken_cents, currency))


def _totals(bill: Bill, currency: str) -> Iterator[Row]:
    yield Row(gettext("Without VAT"), filters.money(bill.total_cents - bill.vat_cents, currency))
    for part in vat_lines(bill, currency):
        yield Row(f"{gettext('VAT')} {part.words}", part.amount)
    yield Row(gettext("Total"), filters.money(bill.total_cents, currency), is_total=True)


def _paid(payment: Payment, total_cents: int) -> Iterator[Row]:
    held = filters.money(payment.held_cents, payment.currency)
    if payment.captured_cents:
        yield Row(gettext("Paid by bank card"), filters.money(payment.captured_cents, payment.currency))
        # Whatever the station has drawn beyond the hold, drivers were told that they pay no more than that.
        if payment.captured_cents == payment.held_cents < total_cents:
            beyond = filters.money(total_cents - payment.held_cents, payment.currency)
            yield Row(gettext("Beyond what was held: you do not pay it"), beyond)
        if payment.refunded_cents:
            yield Row(
                gettext("Given back to your card"), filters.money(payment.refunded_cents, payment.currency)
            )
    elif payment.state is PaymentState.HELD:
        settled = gettext("Being settled: what you have used is taken, the rest is let go.")
        later = gettext("The rest is let go when the bill is settled.")
        yield Row(gettext("Held on your bank card"), held, (settled if payment.wanted else later,))
    elif payment.state is PaymentState.RELEASED:
        yield Row(gettext("Held on your bank card, and let go"), held)
