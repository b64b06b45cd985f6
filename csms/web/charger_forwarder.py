"""The second backend of a charger: set up, looked after, taken away. Views of the blueprint `chargers`."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from csms import clock, forwarders
from csms.domain import chargers, forwarding
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.forwarding import Forwarder, Wish
from csms.extensions import db
from csms.web.charger_settings import blueprint as blueprint
from csms.web.chargers import about, frame, shown
from csms.web.languages import said
from csms.web.second_backends import PERMITS, TRAFFIC, second_backend
from csms.web.security import card_number, put_on_record, requires
from csms.work import atomic

Page = str | tuple[str, int] | Response

LONGEST_PASSWORD = 200


@blueprint.get("/<int:charger_id>/second-backend")
def second(charger_id: int) -> Page:
    return _page(shown(charger_id), {})


@blueprint.get("/<int:charger_id>/second-backend/state")
def second_state(charger_id: int) -> str:
    """How it stands, for its live region."""
    charger = shown(charger_id)
    return render_template(
        "chargers/_forwarder.html", second=second_backend(charger), **about(charger, clock.now())
    )


@blueprint.post("/<int:charger_id>/second-backend")
@requires("edit")
def save_second(charger_id: int) -> Page:
    """Set it up, or change it."""
    charger = shown(charger_id)
    try:
        wish = forwarders.checked(_wish(charger), current_app.extensions["settings"])
        sealed = _sealed()
        with atomic() as session:
            _write(chargers.get(session, charger_id), wish, sealed)
            put_on_record(session, "charger.second_backend", charger.identity, wish.url)
    except Invalid as error:
        return _page(shown(charger_id), {error.field or "url": said(error)}), 422
    flash(gettext("Saved."), "success")
    return _back(charger_id)


def _write(charger: Charger, wish: Wish, sealed: str | None) -> None:
    session = db.session()
    row = session.get(Forwarder, charger.id)
    if row is None:
        forwarding.set_up(session, charger, wish, password_sealed=sealed, at=clock.now())
    else:
        has_password = "no_password" not in request.form
        forwarding.change(session, row, wish, password_sealed=sealed, has_password=has_password)


@blueprint.post("/<int:charger_id>/second-backend/pause")
@requires("edit")
def pause_second(charger_id: int) -> Page:
    with atomic() as session:
        forwarding.suspend(session, forwarding.find(session, charger_id))
        put_on_record(session, "charger.second_backend_paused", shown(charger_id).identity)
    return _back(charger_id)


@blueprint.post("/<int:charger_id>/second-backend/resume")
@requires("edit")
def resume_second(charger_id: int) -> Page:
    """Go on; with `from_now` without what has waited."""
    from_now = "from_now" in request.form
    with atomic() as session:
        forwarding.resume(session, forwarding.find(session, charger_id), from_now=from_now)
        put_on_record(session, "charger.second_backend_resumed", shown(charger_id).identity)
    return _back(charger_id)


@blueprint.post("/<int:charger_id>/second-backend/remove")
@requires("edit")
def remove_second(charger_id: int) -> Page:
    with atomic() as session:
        row = forwarding.find(session, charger_id)
        put_on_record(session, "charger.second_backend_removed", shown(charger_id).identity, row.url)
        forwarding.remove(session, row)
    flash(gettext("The second backend and its password are forgotten."), "success")
    return redirect(url_for(".settings", charger_id=charger_id))


def _back(charger_id: int) -> Page:
    return redirect(url_for(".second", charger_id=charger_id))


def _wish(charger: Charger) -> Wish:
    form = request.form
    return Wish(
        url=form.get("url", ""),
        identity=form.get("identity", "").strip() or charger.identity,
        traffic=tuple(form.getlist("traffic")),
        permits=tuple(form.getlist("permits")),
        cards=tuple(form.get("cards", "").splitlines()),
    )


def _sealed() -> str | None:
    password = request.form.get("password", "")
    if not password:
        return None
    if len(password) > LONGEST_PASSWORD or not password.isprintable():
        raise Invalid("A password has at most %(most)s characters.", "password", most=LONGEST_PASSWORD)
    sealed: str = current_app.extensions["seal"].close(password)
    return sealed


def _page(charger: Charger, problems: dict[str, str]) -> str:
    told = second_backend(charger)
    return render_template(
        "chargers/forwarder.html",
        second=told,
        given=_given(charger, told["row"], problems),
        problems=problems,
        traffic=TRAFFIC,
        permits=PERMITS,
        **frame(charger, "settings", clock.now()),
    )


def _given(charger: Charger, row: Forwarder | None, problems: dict[str, str]) -> dict[str, Any]:
    """What the form holds: what was sent, where something is wrong with it."""
    if problems:
        form = request.form
        return form.to_dict() | {
            "traffic": form.getlist("traffic"),
            "permits": form.getlist("permits"),
            "password": "",
        }
    if row is None:
        return {"url": "", "identity": "", "cards": "", "permits": [], "traffic": [x for x, *_ in TRAFFIC]}
    return {
        "url": row.url,
        "identity": row.identity,
        "traffic": row.traffic,
        "permits": row.permits,
        "cards": "\n".join(card_number(x) for x in row.cards),
    }
