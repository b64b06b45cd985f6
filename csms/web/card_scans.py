"""Adding a card by holding it to a charger. Views of the blueprint `tokens`."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import accounts, chargers
from csms.domain.accounts import CardScan, ScanState, queries
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import AuthorizationPolicy, Charger
from csms.domain.chargers import queries as charger_queries
from csms.domain.chargers.filtering import Filter
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.web.tokens import blueprint as blueprint
from csms.web.tokens import details
from csms.work import atomic

MOST_CHARGERS = 100  # offered; any other can be typed


@blueprint.get("/scan")
@requires("edit")
def ask_scan() -> str:
    """At which charger?"""
    return _asked(None)


@blueprint.post("/scans")
@requires("edit")
def scan() -> Response | tuple[str, int]:
    """Wait there, from now on."""
    given = request.form
    account = given.get("account", "")
    try:
        with atomic() as session:
            charger = chargers.find(session, given.get("charger", "").strip())
            if charger is None:
                raise NotFound("There is no charger of this identity.")
            account_id = int(account) if account.isdigit() else None
            made = accounts.wait_for_card(
                session, charger.id, by=actor(), at=clock.now(), account_id=account_id
            )
            put_on_record(session, "card.scan", charger.identity)
    except NotFound as error:
        return _asked(said(error)), 422
    return redirect(url_for(".show_scan", scan_id=made.id))


@blueprint.get("/scans/<int:scan_id>")
@requires("edit")
def show_scan(scan_id: int) -> str:
    return render_template("tokens/scan.html", **_scan(accounts.get_scan(db.session(), scan_id)))


@blueprint.get("/scans/<int:scan_id>/state")
@requires("edit")
def scan_state(scan_id: int) -> str:
    """How it stands, for the page that waits."""
    return render_template("tokens/_scan.html", **_scan(accounts.get_scan(db.session(), scan_id)))


@blueprint.post("/scans/<int:scan_id>/card")
@requires("edit")
def add_scanned(scan_id: int) -> Response | tuple[str, int]:
    """Make a card of what was caught."""
    try:
        with atomic() as session:
            found = accounts.get_scan(session, scan_id)
            if found.uid is None:
                raise Refused("No card has been shown yet.")
            token = accounts.add_token(session, found.uid, at=clock.now(), **details())
            accounts.added(session, found, token)
            put_on_record(session, "card.add", token.uid, f"account {token.account_id}, scanned")
    except (Invalid, Refused) as error:
        view = _scan(accounts.get_scan(db.session(), scan_id))
        return render_template("tokens/scan.html", **view | _mistaken(error)), 422
    flash(gettext("The card %(uid)s is added.", uid=token.uid), "success")
    return redirect(url_for(".show", token_id=token.id))


def _asked(problem: str | None) -> str:
    at, session = clock.now(), db.session()
    return render_template(
        "tokens/ask_scan.html",
        chargers=charger_queries.listed(session, Filter(is_online=True), at=at, limit=MOST_CHARGERS).chargers,
        given=request.values,
        problem=problem,
    )


def _scan(found: CardScan) -> dict[str, Any]:
    at, session = clock.now(), db.session()
    charger = session.get_one(Charger, found.charger_id)
    state = found.state(at)
    is_waiting = state in (ScanState.WAITING, ScanState.OVER)
    return {
        "scan": found,
        "state": state.value,
        "charger": charger,
        "is_online": charger.lease is not None and charger.lease.is_online(at),
        "is_open": charger.policy is AuthorizationPolicy.OPEN,
        "seconds": max(0, round((found.expires_at - at).total_seconds())),
        "known": accounts.known_meanwhile(session, found) if is_waiting else (),
        "hint": accounts.hints(session, [found.uid]).get(found.uid) if found.uid else None,
        "accounts": queries.choices(session) if state is ScanState.CAUGHT else (),
        "given": {"account": str(found.account_id or ""), "is_allowed": "1"},
        "problems": {},
        "now": at,
        "zone": zone(),
    }


def _mistaken(error: Invalid | Refused) -> dict[str, Any]:
    field = (error.field if isinstance(error, Invalid) else None) or "label"
    return {"given": request.form, "problems": {field: said(error)}}
