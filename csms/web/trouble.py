"""A station that does not react: what a driver can do about it, one harmless step after the other. Views of `landing`.

It is asked how it is; the plug is released for whoever charged there last; and the operator is told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy import select

from csms import clock
from csms.domain import commands, troubles
from csms.domain.base import Refused
from csms.domain.chargers import Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.transactions import queries
from csms.domain.troubles import TroubleKind
from csms.extensions import db, limiter
from csms.web import stations, visitors
from csms.web.landing import FRAGMENTS, GUESSES, READS, Answer
from csms.web.paying import blueprint as blueprint
from csms.web.station_view import connector_of, frame
from csms.work import atomic

OWN_FOR = timedelta(minutes=30)  # after the end of a session its driver may have the plug released
LOOKED_AT_FOR = timedelta(minutes=5)
KINDS = {
    TroubleKind.NO_START: lazy_gettext("It does not start"),
    TroubleKind.NO_STOP: lazy_gettext("It does not stop"),
    TroubleKind.STUCK: lazy_gettext("The plug is stuck"),
    TroubleKind.DAMAGED: lazy_gettext("Something is damaged or looks dangerous"),
    TroubleKind.OTHER: lazy_gettext("Something else"),
}
ORDERS = limiter.limit("3 per 10 minutes", key_func=lambda: f"trouble:{request.endpoint}:{request.view_args}")
TELLINGS = limiter.limit("5 per hour")


@blueprint.get("/c/<slug>/trouble")
@READS
def trouble(slug: str) -> Answer:
    """The steps, and how far they have come."""
    return render_template("landing/trouble.html", live_url=url_for(".news", slug=slug), **_steps(slug))


@blueprint.get("/c/<slug>/trouble/state")
@FRAGMENTS
def trouble_state(slug: str) -> Answer:
    """What of the page changes by itself."""
    return render_template("landing/_trouble.html", **_steps(slug))


@blueprint.post("/c/<slug>/trouble/ask")
@ORDERS
@GUESSES
def ask_station(slug: str) -> Answer:
    """Ask the station to tell its state: that disturbs nobody."""
    return _order(slug, Kind.TRIGGER, {"message": "StatusNotification"})


@blueprint.post("/c/<slug>/trouble/release")
@ORDERS
@GUESSES
def release(slug: str) -> Answer:
    """Release the plug, for whoever charged here last and has ended; never while anybody charges."""
    if not _may_release(connector_of(slug)):
        return _again(slug, gettext("Only whoever has just charged here can have the plug released.")), 403
    return _order(slug, Kind.UNLOCK, {})


@blueprint.post("/c/<slug>/trouble/tell")
@TELLINGS
def tell_operator(slug: str) -> Answer:
    """Put it on the operator's list of what needs somebody."""
    try:
        kind = TroubleKind(request.form.get("kind", ""))
    except ValueError:
        return _again(slug, gettext("Choose what is the matter.")), 422
    with atomic() as session:
        troubles.tell(session, connector_of(slug), kind, request.form.get("words", ""), at=clock.now())
    return redirect(url_for(".trouble", slug=slug), 303)


def _order(slug: str, kind: Kind, arguments: dict[str, Any]) -> Answer:
    try:
        with atomic() as session:
            connector = connector_of(slug)
            arguments["evse"] = connector.evse_number
            commands.request(session, connector.charger, kind, arguments, by=visitors.DRIVER, at=clock.now())
    except Refused:
        return _again(slug, gettext("The station cannot be reached now: it is not connected.")), 409
    return redirect(url_for(".trouble", slug=slug), 303)


def _again(slug: str, problem: str) -> str:
    live_url = url_for(".news", slug=slug)
    return render_template("landing/trouble.html", live_url=live_url, **_steps(slug) | {"problem": problem})


def _steps(slug: str) -> dict[str, Any]:
    at, connector = clock.now(), connector_of(slug)
    running = queries.on_connector(db.session(), connector)
    lease = connector.charger.lease
    return {
        "connector": connector,
        "charger": connector.charger,
        "slug": slug,
        "here": url_for(".trouble", slug=slug),
        "status": stations.status_of(connector.charger, connector, running, at),
        "is_online": lease is not None and lease.is_online(at),
        "heard_at": lease.last_seen_at if lease else None,
        "asked": _last(connector, Kind.TRIGGER),
        "released": _last(connector, Kind.UNLOCK),
        "may_release": _may_release(connector),
        "told": troubles.open_at(db.session(), connector),
        "kinds": [(x.value, words) for x, words in KINDS.items()],
        "kind_words": {x.value: words for x, words in KINDS.items()},
        "problem": None,
        **frame(connector.charger_id),
    }


def _last(connector: Connector, kind: Kind) -> tuple[Command, bool | None] | None:
    """A driver's newest order of this kind here, and whether the station did it; None as long as nobody knows."""
    query = select(Command).where(
        Command.charger_id == connector.charger_id,
        Command.kind == kind,
        Command.requested_by == visitors.DRIVER,
        Command.requested_at > clock.now() - LOOKED_AT_FOR,
    )
    for command in db.session().scalars(query.order_by(Command.requested_at.desc()).limit(10)):
        if command.arguments.get("evse") == connector.evse_number:
            is_done = None if command.is_waiting else command.state is CommandState.ACCEPTED
            return command, is_done
    return None


def _may_release(connector: Connector) -> bool:
    session, at = db.session(), clock.now()
    if queries.on_connector(session, connector) is not None:
        return False
    past, _ = queries.history(session, queries.Wanted(connector_id=connector.id), limit=1)
    return bool(past and past[0].ended_at and at - past[0].ended_at < OWN_FOR and visitors.is_own(past[0]))
