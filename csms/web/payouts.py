"""Payouts: what the payment provider transfers to the bank, and what each transfer is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from flask import Blueprint, Response, render_template, request
from flask_babel import lazy_gettext

from csms import clock
from csms.domain.payments import LineKind, Payout, PayoutLine, PayoutState, Settings, payouts
from csms.domain.payments.payouts import Parts
from csms.extensions import db
from csms.web import exports, filters
from csms.web.accounts import currency
from csms.web.addresses import with_query
from csms.web.payment_words import PROVIDERS
from csms.web.security import requires
from csms.web.shell import zone

blueprint = Blueprint("payouts", __name__, url_prefix="/payments/payouts")

PAGE, LINES_PAGE = 50, 200
SUMS_OF = timedelta(days=30)
# A state as (family of the status language, icon, words).
STATES = {
    PayoutState.PENDING: ("wait", "clock", lazy_gettext("Planned")),
    PayoutState.IN_TRANSIT: ("active", "send-horizontal", lazy_gettext("On its way")),
    PayoutState.PAID: ("ready", "circle-check", lazy_gettext("Paid out")),
    PayoutState.FAILED: ("fault", "circle-x", lazy_gettext("Failed")),
    PayoutState.CANCELLED: ("out", "ban", lazy_gettext("Cancelled")),
}
KINDS = {
    LineKind.CAPTURE: lazy_gettext("Taken"),
    LineKind.REFUND: lazy_gettext("Given back"),
    LineKind.FEE: lazy_gettext("Fee"),
    LineKind.OTHER: lazy_gettext("Other"),
}
HEADINGS = (
    "payout", "provider", "state", "arrives_on", "made_at", "currency", "amount",
    "captured", "refunded", "fees", "other", "lines", "unknown_lines", "reason",
)  # fmt: skip
LINE_HEADINGS = (
    "payout", "arrives_on", "line", "kind", "at", "currency", "amount", "fee", "net",
    "payment", "session", "at_provider", "note",
)  # fmt: skip


@blueprint.get("")
@requires("money")
def index() -> str:
    session, at = db.session(), clock.now()
    state = _state()
    found = payouts.listed(session, state=state, before=_cursor(request.args.get("after")), limit=PAGE + 1)
    rows = found[:PAGE]
    settings, chosen = Settings.of(session), {"state": state.value} if state else {}
    following = f"{rows[-1].arrives_on}~{rows[-1].id}" if len(found) > PAGE else None
    return render_template(
        "payouts/index.html",
        rows=rows,
        parts=payouts.parts(session, [x.id for x in rows]),
        none=Parts(),
        state=state.value if state else "",
        next_url=with_query(".index", chosen | {"after": following}) if following else None,
        first_url=with_query(".index", chosen),
        csv_url=with_query(".export", chosen),
        xlsx_url=with_query(".as_workbook", chosen),
        is_first="after" not in request.args,
        under_way=payouts.under_way(session),
        not_paid_out=payouts.not_paid_out(session, settings.provider, at - SUMS_OF),
        rounds=payouts.rounds(session),
        settings=settings,
        currency=currency(),
        providers=PROVIDERS,
        states=STATES,
        day_words=filters.day_words,
        now=at,
        zone=zone(),
    )


@blueprint.get("/<int:payout_id>")
@requires("money")
def show(payout_id: int) -> str:
    """One transfer with its lines, each beside the session that it is about."""
    session = db.session()
    payout = payouts.get(session, payout_id)
    after_id = request.args.get("after", 0, type=int)
    found = payouts.lines(session, payout_id, after_id=after_id, limit=LINES_PAGE + 1)
    lines = found[:LINES_PAGE]
    following = lines[-1].id if len(found) > LINES_PAGE else None
    return render_template(
        "payouts/show.html",
        payout=payout,
        parts=payouts.parts(session, [payout_id]).get(payout_id, Parts()),
        lines=lines,
        next_url=with_query(".show", {"after": str(following)}, payout_id=payout_id) if following else None,
        first_url=with_query(".show", {}, payout_id=payout_id),
        is_first=not after_id,
        kinds=KINDS,
        states=STATES,
        providers=PROVIDERS,
        day_words=filters.day_words,
        zone=zone(),
    )


@blueprint.get("/export.csv")
@requires("money")
def export() -> Response:
    """What the list shows, all of it."""
    return exports.download(iter([exports.csv_text([HEADINGS, *_rows()])]), _name("payouts", "csv"))


@blueprint.get("/export.xlsx")
@requires("money")
def as_workbook() -> Response:
    """The same for spreadsheets."""
    return exports.workbook("Payouts", HEADINGS, _rows(), _name("payouts", "xlsx"))


@blueprint.get("/<int:payout_id>/lines.csv")
@requires("money")
def export_lines(payout_id: int) -> Response:
    """What one payout is made of."""
    text = exports.csv_text([LINE_HEADINGS, *_line_rows(payout_id)])
    return exports.download(iter([text]), f"payout-{payout_id}.csv")


@blueprint.get("/<int:payout_id>/lines.xlsx")
@requires("money")
def lines_as_workbook(payout_id: int) -> Response:
    """The same for spreadsheets."""
    return exports.workbook("Payout", LINE_HEADINGS, _line_rows(payout_id), f"payout-{payout_id}.xlsx")


def _rows() -> Sequence[tuple[object, ...]]:
    session = db.session()
    found = payouts.listed(session, state=_state(), limit=None)
    parts: dict[int, Parts] = {}
    for first in range(0, len(found), 500):
        parts |= payouts.parts(session, [x.id for x in found[first : first + 500]])
    return [_row(x, parts.get(x.id)) for x in found]


def _row(payout: Payout, parts: Parts | None) -> tuple[object, ...]:
    sums = (parts.captured, parts.refunded, parts.fees, parts.other) if parts else (None,) * 4
    return (
        payout.reference,
        payout.provider,
        payout.state.value,
        payout.arrives_on.isoformat(),
        filters.iso(payout.made_at),
        payout.currency,
        Decimal(payout.amount_cents) / 100,
        *(None if x is None else Decimal(x) / 100 for x in sums),
        parts.lines if parts else None,
        parts.unknown if parts else None,
        payout.reason,
    )


def _line_rows(payout_id: int) -> Sequence[tuple[object, ...]]:
    payout = payouts.get(db.session(), payout_id)
    return [_line_row(payout, x) for x in payouts.lines(db.session(), payout_id)]


def _line_row(payout: Payout, line: PayoutLine) -> tuple[object, ...]:
    return (
        payout.reference,
        payout.arrives_on.isoformat(),
        line.reference,
        line.kind.value,
        filters.iso(line.at),
        payout.currency,
        *(Decimal(x) / 100 for x in (line.amount_cents, line.fee_cents, line.net_cents)),
        line.payment_id,
        line.payment.transaction_id if line.payment else None,
        line.intent,
        line.note,
    )


def _name(what: str, ending: str) -> str:
    return f"{what}-{clock.now():%Y-%m-%d}.{ending}"


def _state() -> PayoutState | None:
    given = request.args.get("state", "")
    return PayoutState(given) if given in list(PayoutState) else None


def _cursor(text: str | None) -> tuple[date, int] | None:
    day, _, payout_id = (text or "").partition("~")
    try:
        return date.fromisoformat(day), int(payout_id)
    except ValueError:
        return None
