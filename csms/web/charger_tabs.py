"""A charger's sessions, messages and configuration. Views of the blueprint `chargers`."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from csms import clock
from csms.domain import frames
from csms.domain.chargers import queries
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import journal, transactions
from csms.web.addresses import with_query
from csms.web.chargers import about, frame, shown, words_given
from csms.web.chargers import blueprint as blueprint
from csms.web.shell import zone

PAGE_OF_MESSAGES = 100


@blueprint.get("/<int:charger_id>/sessions")
def sessions(charger_id: int) -> str:
    charger, at = shown(charger_id), clock.now()
    running = transaction_queries.active(db.session(), Wanted(charger_id=charger.id))
    past, _ = transaction_queries.history(db.session(), Wanted(charger_id=charger.id))
    return render_template(
        "chargers/sessions.html",
        sessions=[transactions.row(x, at) for x in (*running, *past)],
        **frame(charger, "sessions", at),
    )


@blueprint.get("/<int:charger_id>/messages")
def messages(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template(
        "chargers/messages.html", **frame(charger, "messages", clock.now()), **_messages(charger.id)
    )


@blueprint.get("/<int:charger_id>/messages/list")
def message_list(charger_id: int) -> str:
    """The messages that the page shows, for its live region."""
    charger = shown(charger_id)
    return render_template("chargers/_messages.html", zone=zone(), **_messages(charger.id))


@blueprint.get("/<int:charger_id>/configuration")
def configuration(charger_id: int) -> str:
    charger = shown(charger_id)
    return render_template(
        "chargers/configuration.html",
        words=words_given(),
        **frame(charger, "configuration", clock.now()),
        **_configuration(charger.id),
    )


@blueprint.get("/<int:charger_id>/configuration/list")
def configuration_list(charger_id: int) -> str:
    charger = shown(charger_id)
    context = about(charger, clock.now()) | _configuration(charger.id)
    return render_template("chargers/_configuration.html", **context)


def _messages(charger_id: int) -> dict[str, Any]:
    before, action = request.args.get("before", ""), request.args.get("action", "")[:64]
    found = frames.recent(
        db.session(),
        charger_id,
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        action=action or None,
        words=words_given() or None,
        limit=PAGE_OF_MESSAGES + 1,
    )
    shown_frames = found[:PAGE_OF_MESSAGES]
    given = {name: value for name, value in request.args.items() if name != "before" and value}
    more = len(found) > PAGE_OF_MESSAGES
    following = {**given, "before": str(shown_frames[-1].id)} if more else None
    return {
        "messages": [journal.told(x) for x in shown_frames],
        "actions": [("", "All"), *((x, x) for x in frames.actions(db.session(), charger_id))],
        "action": action,
        "words": words_given(),
        "is_newest": not before,
        "next_url": with_query(".messages", following, charger_id=charger_id) if following else None,
        "newest_url": with_query(".messages", given, charger_id=charger_id),
        "list_url": with_query(".message_list", given, charger_id=charger_id),
    }


def _configuration(charger_id: int) -> dict[str, Any]:
    return {
        "keys": queries.configuration(db.session(), charger_id, words_given()),
        "list_url": with_query(".configuration_list", request.args, charger_id=charger_id),
    }
