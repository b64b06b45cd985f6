"""The fleet's security: our authority, root certificates, certificates that end, and what chargers report."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as Redirect

from csms import clock
from csms.domain import chargers, security
from csms.domain.base import Invalid
from csms.domain.security import queries
from csms.extensions import db
from csms.web.charger_security import STATES
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("certificates", __name__, url_prefix="/certificates")

Page = str | tuple[str, int] | Redirect
PAGE_SIZE = 50


@blueprint.get("")
def index() -> str:
    return _index({})


@blueprint.get("/list")
def listed() -> str:
    """Chargers' certificates, for their live region."""
    return render_template("certificates/_list.html", **_list())


@blueprint.get("/authority.pem")
def authority() -> Response:
    """The certificate of our authority, for chargers and for proxies in front."""
    pem: str = current_app.extensions["authority"]().pem
    headers = {"Content-Disposition": 'attachment; filename="amberline-authority.pem"'}
    return Response(pem, mimetype="application/x-pem-file", headers=headers)


@blueprint.post("/roots")
@requires("edit")
def add_root() -> Page:
    try:
        with atomic() as session:
            row = security.add_root(session, request.form.get("certificate", ""), at=clock.now())
            put_on_record(session, "root.add", row.subject)
    except Invalid as error:
        return _index({"certificate": said(error)}), 422
    flash(gettext("Kept. Install it on the Security page of a charger."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/roots/<int:root_id>/forget")
@requires("edit")
def forget_root(root_id: int) -> Page:
    """Offer it no more; in chargers it stays."""
    with atomic() as session:
        row = security.root(session, root_id)
        put_on_record(session, "root.forget", row.subject)
        security.forget_root(session, row)
    flash(gettext("Forgotten. Where it is installed it stays."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/events")
def events() -> str:
    return render_template(
        "certificates/events.html", live_url=url_for("live.stream", topics="security"), **_events()
    )


@blueprint.get("/events/list")
def event_list() -> str:
    """The events that the page shows, for its live region."""
    return render_template("certificates/_events.html", **_events())


def _index(problems: dict[str, str]) -> str:
    return render_template(
        "certificates/index.html",
        live_url=url_for("live.stream", topics="security"),
        authority=security.described(current_app.extensions["authority"]().certificate),
        owner=current_app.config["CPO_NAME"],
        roots=security.roots(db.session()),
        problems=problems,
        given=request.form if problems else {},
        **_list(),
    )


def _list() -> dict[str, Any]:
    return {
        "certificates": queries.next_to_expire(db.session()),
        "states": STATES,
        "now": clock.now(),
        "zone": zone(),
    }


def _events() -> dict[str, Any]:
    before, identity = request.args.get("before", ""), request.args.get("charger", "")[:48]
    charger = chargers.find(db.session(), identity) if identity else None
    critical = request.args.get("critical") == "1"
    is_number = before.isascii() and before.isdigit() and len(before) < 19
    found = security.events(
        db.session(),
        (charger.id if charger else 0) if identity else None,
        before_id=int(before) if is_number else None,
        is_critical_only=critical,
        limit=PAGE_SIZE + 1,
    )
    given: dict[str, Any] = {"charger": identity or None, "critical": "1" if critical else None}
    more = len(found) > PAGE_SIZE
    return {
        "events": found[:PAGE_SIZE],
        "choices": [
            ("", gettext("All"), url_for(".events", charger=given["charger"]), None),
            ("1", gettext("Critical"), url_for(".events", charger=given["charger"], critical="1"), None),
        ],
        "critical": given["critical"] or "",
        "charger": charger,
        "next_url": url_for(".events", before=found[PAGE_SIZE - 1].id, **given) if more else None,
        "list_url": url_for(".event_list", before=before or None, **given),
        "now": clock.now(),
        "zone": zone(),
    }
