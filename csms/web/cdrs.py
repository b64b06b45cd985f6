"""Charge records: the list, one of them, and all of them as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import gevent
import orjson
from flask import Blueprint, Response, abort, current_app, render_template, request
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy import Select

from csms import clock, masks
from csms.domain import cdrs
from csms.domain.cdrs import Cdr
from csms.domain.transactions import Transaction, unrecorded
from csms.domain.transactions.unrecorded import Wait
from csms.extensions import db
from csms.quantities import kwh
from csms.web import exports, filters
from csms.web.addresses import with_query
from csms.web.security import can
from csms.web.shell import zone

blueprint = Blueprint("cdrs", __name__, url_prefix="/cdrs")

PAGE, PORTION = 50, 500
MOST_WAITING = 20
WAITS = {
    Wait.ESTIMATE: lazy_gettext("Closed by an estimate: bill it, or waive it"),
    Wait.NO_ENERGY: lazy_gettext("Nobody knows its energy: waive it"),
    Wait.NO_SESSION: lazy_gettext("Told of a session that nobody knows: say whose it is"),
}
HEADINGS = (
    "id", "session", "charger", "place", "evse", "token", "auth_method", "started_at", "ended_at", "energy_kwh",
    "hours", "parking_hours", "tariff", "tariff_version", "currency", "total_excl_vat", "total_incl_vat",
    "energy_incl_vat", "time_incl_vat", "parking_incl_vat", "fixed_incl_vat", "credit_of", "remark", "made_at",
)  # fmt: skip


@blueprint.get("")
def index() -> str:
    before_id = request.args.get("before", type=int)
    query = _wanted()
    if before_id is not None:
        query = query.where(Cdr.id < before_id)
    rows = db.session.scalars(query.order_by(Cdr.id.desc()).limit(PAGE + 1)).all()
    filtered: dict[str, Any] = {
        name: request.args[name] for name in ("charger", "since", "session") if request.args.get(name)
    }
    following = rows[PAGE - 1].id if len(rows) > PAGE else None
    is_front = before_id is None and not filtered
    return render_template(
        "cdrs/index.html",
        rows=rows[:PAGE],
        filters=filtered,
        is_first=before_id is None,
        waiting=_waiting() if is_front else [],
        waiting_count=unrecorded.count_waiting(db.session()) if is_front else 0,
        is_catching_up=unrecorded.looked_at(db.session()) is not None,
        first_url=with_query(".index", filtered),
        export_url=with_query(".export", filtered),
        next_url=with_query(".index", filtered | {"before": following}) if following else None,
        currency=_currency(),
        zone=zone(),
    )


@blueprint.get("/export.csv")
def export() -> Response:
    """What the list shows, all of it, oldest first."""
    wanted, with_cards = _wanted(), can("operate")  # asked now: the request is over when the text is made
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def chunks() -> Iterator[str]:
        yield exports.csv_text([HEADINGS])
        last = 0
        with app.app_context(), db.session() as session:
            while page := session.scalars(wanted.where(Cdr.id > last).order_by(Cdr.id).limit(PORTION)).all():
                last = page[-1].id
                text = exports.csv_text(_exported(x, with_cards) for x in page)
                session.close()  # a slow reader must not hold a snapshot of the database
                yield text
                gevent.sleep(0)

    return exports.download(chunks(), f"charge-records-{clock.now():%Y-%m-%d}.csv")


@blueprint.get("/<uuid>.json")
def show(uuid: str) -> Response:
    """One record as OCPI has it, to be saved or sent."""
    cdr = cdrs.get(db.session(), uuid)
    told = cdrs.document(cdr, _currency())
    if told["cdr_token"] and not can("operate"):
        masked = masks.card(told["cdr_token"]["uid"])
        told["cdr_token"] |= {"uid": masked, "contract_id": masked}
    text = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    headers = {"Content-Disposition": f'inline; filename="{cdr.uuid}.json"'}
    return Response(text, mimetype="application/json", headers=headers)


def _waiting() -> list[tuple[Transaction, LazyString]]:
    """What is over and has no record, the newest first, with what is to be done about it."""
    query = unrecorded.waiting().order_by(Transaction.started_at.desc()).limit(MOST_WAITING)
    return [(x, WAITS[unrecorded.wait_of(x)]) for x in db.session.scalars(query)]


def _wanted() -> Select[Cdr]:
    """The filters in the address. Raises 404 for what makes no sense."""
    since: datetime | None = None
    if given := request.args.get("since"):
        try:
            since = datetime.fromisoformat(given).replace(tzinfo=UTC)
        except ValueError:
            abort(404)
    return cdrs.listed(
        identity=request.args.get("charger", "").strip() or None,
        transaction_id=request.args.get("session", type=int),
        since=since,
    )


def _exported(cdr: Cdr, with_cards: bool) -> tuple[object, ...]:
    told, version = cdrs.document(cdr, _currency()), cdr.tariff_version
    token = told["cdr_token"]["uid"] if told["cdr_token"] else None
    location = told["cdr_location"]
    return (
        cdr.uuid,
        cdr.transaction_id,
        cdr.body["charger"],
        location["name"] or location["address"],
        location["evse_uid"],
        token if with_cards or token is None else masks.card(token),
        told["auth_method"],
        filters.iso(cdr.started_at),
        filters.iso(cdr.ended_at),
        kwh(cdr.energy_wh),
        Decimal(told["total_time"]),
        Decimal(told["total_parking_time"]),
        version.tariff.name if version else None,
        version.number if version else None,
        told["currency"],
        *(Decimal(told["total_cost"][x]) for x in ("excl_vat", "incl_vat")),
        *(
            Decimal(told[f"total_{x}_cost"]["incl_vat"]) if told[f"total_{x}_cost"] else None
            for x in ("energy", "time", "parking", "fixed")
        ),
        cdr.credit_of,
        told["remark"],
        filters.iso(cdr.made_at),
    )


def _currency() -> str:
    return str(current_app.extensions["settings"].currency)
