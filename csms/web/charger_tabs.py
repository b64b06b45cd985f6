"""A charger's sessions, messages and configuration. Views of the blueprint `chargers`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import gevent
import orjson
from flask import Response, current_app, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import chargers, frames
from csms.domain.chargers import Charger, queries
from csms.domain.transactions import queries as transaction_queries
from csms.domain.transactions.queries import Wanted
from csms.extensions import db
from csms.web import filters, journal, selection, session_rows
from csms.web.addresses import with_query
from csms.web.chargers import about, frame, shown
from csms.web.chargers import blueprint as blueprint
from csms.web.configuration import wanted_of
from csms.web.local_lists import list_of
from csms.web.security import can, requires
from csms.web.shell import zone

PAGE_OF_MESSAGES = 100
FILTERS = ("q", "action", "transaction", "show")


@blueprint.get("/<int:charger_id>/sessions")
@requires("host")
def sessions(charger_id: int) -> str:
    charger, at = shown(charger_id), clock.now()
    running = transaction_queries.active(db.session(), Wanted(charger_id=charger.id))
    past, _ = transaction_queries.history(db.session(), Wanted(charger_id=charger.id))
    return render_template(
        "chargers/sessions.html",
        sessions=[session_rows.row(x, at) for x in (*running, *past)],
        **frame(charger, "sessions", at),
    )


@blueprint.get("/<int:charger_id>/messages")
def messages(charger_id: int) -> str | WerkzeugResponse:
    """`?paused=now` stands still at the newest message there is."""
    charger = shown(charger_id)
    if request.args.get("paused") == "now":
        newest = frames.recent(db.session(), charger_id, _wanted(), limit=1)
        still = {"paused": str(newest[0].id)} if newest else {}
        return redirect(with_query(".messages", _filters() | still, charger_id=charger_id))
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
    return configuration_page(shown(charger_id))


def configuration_page(charger: Charger, refused: str | None = None) -> str:
    """`refused`: why the key in the form is not set; its dialog is open again."""
    return render_template(
        "chargers/configuration.html",
        words=selection.words_given(),
        **frame(charger, "configuration", clock.now()) | {"refused": refused},
        **_configuration(charger.id),
        **wanted_of(charger, clock.now()),
        **list_of(charger),
    )


@blueprint.get("/<int:charger_id>/configuration/cards")
def configuration_cards(charger_id: int) -> str:
    """Its list of cards, for its live region."""
    charger = shown(charger_id)
    return render_template("chargers/_card_list.html", **about(charger, clock.now()), **list_of(charger))


@blueprint.get("/<int:charger_id>/configuration/wanted")
def configuration_wanted(charger_id: int) -> str:
    """What templates want of it beside what it has, for its live region."""
    charger, at = shown(charger_id), clock.now()
    return render_template("chargers/_wanted.html", **about(charger, at), **wanted_of(charger, at))


@blueprint.get("/<int:charger_id>/configuration/list")
def configuration_list(charger_id: int) -> str:
    charger = shown(charger_id)
    context = about(charger, clock.now()) | _configuration(charger.id)
    return render_template("chargers/_configuration.html", **context)


def _messages(charger_id: int) -> dict[str, Any]:
    session, wanted = db.session(), _wanted()
    paused_id, seen_id, before_id = (_number(x) for x in ("paused", "seen", "before"))
    first_id = before_id or (paused_id + 1 if paused_id else None)
    found = frames.recent(session, charger_id, wanted, before_id=first_id, limit=PAGE_OF_MESSAGES + 1)
    shown_frames = found[:PAGE_OF_MESSAGES]
    given = _filters()
    more = len(found) > PAGE_OF_MESSAGES
    following = {**given, "before": str(shown_frames[-1].id)} if more else None
    newest_id = shown_frames[0].id if shown_frames else 0
    # What came since the browser's last look, and does not fit on the page: it is counted, not hidden.
    came = frames.newer(session, charger_id, wanted, than_id=seen_id) if seen_id else 0
    addresses = partial(with_query, ".messages", charger_id=charger_id)
    return {
        "messages": [journal.told(x, with_cards=can("operate")) for x in shown_frames],
        "partners": frames.partners(session, charger_id, shown_frames),
        "shown_ids": {x.id for x in shown_frames},
        "actions": [("", gettext("All")), *((x, x) for x in frames.actions(session, charger_id))],
        "given": given,
        "is_newest": first_id is None and wanted.until is None,
        "is_paused": paused_id is not None,
        "newest_id": newest_id,
        "today": filters.localtime(clock.now(), zone(), "date"),
        "dropped": max(0, came - len(shown_frames)) if seen_id else 0,
        "waiting": frames.newer(session, charger_id, wanted, than_id=paused_id) if paused_id else 0,
        "next_url": addresses(following) if following else None,
        "newest_url": addresses(given),
        "pause_url": addresses({**given, "paused": "now"}),
        "export_url": with_query(".export_messages", given, charger_id=charger_id),
        "list_url": with_query(".message_list", given, charger_id=charger_id),
        "answer_url": partial(_around, charger_id),
    }


def _filters() -> dict[str, str]:
    return {name: value for name, value in request.args.items() if name in FILTERS and value}


def _around(charger_id: int, frame_id: int) -> str:
    """The page that begins at an entry, unfiltered."""
    before = str(frame_id + 1)
    return with_query(".messages", {"before": before}, charger_id=charger_id) + f"#message-{frame_id}"


def _wanted() -> frames.Wanted:
    """The filters in the address."""
    transaction = request.args.get("transaction", "").strip()
    return frames.Wanted(
        until=_until(),
        action=request.args.get("action", "")[:64] or None,
        words=selection.words_given() or None,
        hides_cards=not can("operate"),
        transaction=transaction[:36] or None,
        is_wrong=request.args.get("show") == "errors",
    )


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@blueprint.get("/<int:charger_id>/messages.jsonl")
def export_messages(charger_id: int) -> Response:
    """What the filters let through, oldest first: a message and its answer a line."""
    charger, wanted, with_cards = shown(charger_id), _wanted(), can("operate")
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]

    def lines() -> Iterator[bytes]:
        yield b""  # the first piece is taken while the request still stands, and with it its context
        with app.app_context(), db.session() as session:
            for page in frames.exported(session, charger_id, wanted):
                body = b"".join(
                    orjson.dumps(journal.exported(x, with_cards=with_cards)) + b"\n" for x in page
                )
                session.close()  # a slow reader must not hold a snapshot of the database
                yield body
                gevent.sleep(0)

    name = f"messages-{charger.slug}-{clock.now():%Y-%m-%d}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Response(lines(), mimetype="application/x-ndjson", headers=headers)


def _until() -> datetime | None:
    """The moment up to which the address asks for messages; None for all, and for what is no moment."""
    try:
        moment = datetime.fromisoformat(request.args.get("until", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _configuration(charger_id: int) -> dict[str, Any]:
    return {
        "keys": queries.configuration(db.session(), charger_id, selection.words_given()),
        "changes": chargers.changes_of(db.session(), charger_id),
        "list_url": with_query("chargers.configuration_list", request.args, charger_id=charger_id),
    }
