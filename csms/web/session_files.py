"""Sessions taken along: the list as CSV or as a workbook, what one session's meter said.

Views of the blueprint `transactions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import gevent
from flask import Response, current_app, flash, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, masks, sight
from csms.domain.transactions import Transaction, queries
from csms.extensions import db
from csms.web import exports, filters, signed_data
from csms.web.security import can, requires
from csms.web.session_desk import blueprint as blueprint
from csms.web.session_filters import asked
from csms.web.session_rows import currency_of

HEADINGS = (
    "session", "charger", "identity", "connector", "card", "account", "state", "started_at", "ended_at",
    "duration_s", "energy_wh", "meter_start_wh", "meter_stop_wh", "cost", "currency", "stop_reason", "flags",
)  # fmt: skip
MOST_ROWS = 100_000  # of a workbook, which is made in memory


@blueprint.get("/export.csv")
@requires("host")
def export() -> Response:
    """What the list shows, all of it."""
    wanted = asked()
    # Asked now: the request is over when the text is made.
    with_cards, limits = can("operate"), sight.limits()
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def chunks() -> Iterator[str]:
        yield exports.csv_text([HEADINGS])
        with app.app_context(), db.session() as session:
            sight.limit_to(limits)
            for page in queries.exported(session, wanted):
                text = exports.csv_text(export_row(x, with_cards) for x in page)
                session.close()  # a slow reader must not hold a snapshot of the database; the next page begins anew
                yield text
                gevent.sleep(0)

    return exports.download(chunks(), f"sessions-{clock.now():%Y-%m-%d}.csv")


@blueprint.get("/export.xlsx")
@requires("host")
def as_workbook() -> Response | WerkzeugResponse:
    """What the list shows, all of it, for spreadsheets: numbers as numbers."""
    rows: list[tuple[object, ...]] = []
    with_cards = can("operate")
    for page in queries.exported(db.session(), asked()):
        rows += [export_row(x, with_cards) for x in page]
        if len(rows) > MOST_ROWS:
            flash(
                gettext("More than %(most)s sessions: narrow the filters, or take the CSV.", most=MOST_ROWS),
                "error",
            )
            return redirect(url_for(".index", **request.args))  # type: ignore[arg-type]
        gevent.sleep(0)
    db.session.remove()
    return exports.workbook("Sessions", HEADINGS, rows, f"sessions-{clock.now():%Y-%m-%d}.xlsx")


@blueprint.get("/<int:transaction_id>/readings.csv")
@requires("host")
def readings(transaction_id: int) -> Response:
    """What the meter said, all of it, in the units that it is kept in."""
    transaction = queries.get(db.session(), transaction_id)
    rows = [
        (
            filters.iso(x.measured_at),
            x.energy_wh,
            x.power_w,
            x.current_a,
            x.voltage_v,
            x.soc_percent,
            x.context,
        )
        for x in queries.readings(db.session(), transaction.id, limit=200_000)
    ]
    heads = ("measured_at", "energy_wh", "power_w", "current_a", "voltage_v", "soc_percent", "context")
    return exports.download(
        iter([exports.csv_text([heads, *rows])]), f"session-{transaction.id}-readings.csv"
    )


@blueprint.get("/<int:transaction_id>/signed.xml")
@requires("operate")
def signed(transaction_id: int) -> Response:
    """What the meter signed. It may name the card, and cannot be masked: the signature would be worth nothing."""
    return signed_data.file_of(queries.get(db.session(), transaction_id))


def export_row(transaction: Transaction, with_cards: bool) -> tuple[object, ...]:
    connector, account, card = transaction.connector, transaction.account, transaction.id_tag
    ended = transaction.ended_at
    cost = transaction.cost_cents
    return (
        transaction.id,
        transaction.charger.title,
        transaction.charger.identity,
        connector.evse_number if connector else None,
        card if with_cards or card is None else masks.card(card),
        account.name if account else None,
        transaction.state.value,
        filters.iso(transaction.started_at),
        filters.iso(ended),
        round((ended - transaction.started_at).total_seconds()) if ended else None,
        transaction.energy_wh,
        transaction.meter_start_wh,
        transaction.meter_stop_wh,
        None if cost is None else Decimal(cost) / 100,
        currency_of(transaction),
        transaction.stop_reason,
        " ".join(transaction.flags),
    )
