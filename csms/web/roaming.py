"""Peers of OCPI: who may register, who has, how it goes, and what we publish to them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import roaming
from csms.domain.base import DomainError, Invalid, Refused
from csms.domain.roaming import Party, PeerState, records, standing, telling
from csms.domain.roaming.models import PushState
from csms.extensions import db
from csms.roaming import Unfit, handshake, hashed, new_token, versions_url
from csms.web.languages import said, stored
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("roaming", __name__, url_prefix="/integrations/ocpi")

Page = str | Response | tuple[str, int]

# A state as (family of the status language, icon, words).
STATES = {
    PeerState.INVITED: ("wait", "clock", lazy_gettext("Invited")),
    PeerState.REGISTERED: ("ready", "check", lazy_gettext("Registered")),
    PeerState.SUSPENDED: ("out", "pause", lazy_gettext("Suspended")),
    PeerState.LEFT: ("out", "x", lazy_gettext("Has left")),
}
PUSH_STATES = {
    PushState.QUEUED: ("active", "send-horizontal", lazy_gettext("To be sent")),
    PushState.DELIVERED: ("ready", "check", lazy_gettext("Delivered")),
    PushState.FAILED: ("fault", "triangle-alert", lazy_gettext("Failed")),
}
LACKS = {
    standing.SITE: lazy_gettext("It stands at no site"),
    standing.PLACE: lazy_gettext("Its site lacks street, city, country or position"),
    standing.PLUG: lazy_gettext("No connector of it has standard, format, kind of power and power"),
}
MOST_SHOWN = 50


@blueprint.get("")
@requires("own")
def index() -> str:
    return _list({})


@blueprint.post("")
@requires("own")
def invite() -> Page:
    """A peer that may register, and the token for that."""
    token = new_token()
    try:
        with atomic() as session:
            peer = roaming.invite(
                session, request.form.get("name", ""), token_hash=hashed(token), by=actor(), at=clock.now()
            )
            put_on_record(session, "ocpi.invited", peer.name)
            peer_id = peer.id
    except DomainError as error:
        return _list(request.form, _problems(error)), 422
    return _shown(peer_id, token)


@blueprint.post("/party")
@requires("own")
def set_party() -> Page:
    """Who we are."""
    given = request.form
    try:
        party = Party.read(given.get("country_code", ""), given.get("party_id", ""))
    except Invalid as error:
        return _list(given, _problems(error)), 422
    with atomic() as session:
        roaming.set_party(session, party, at=clock.now())
        put_on_record(session, "ocpi.party_set", detail=f"{party.country_code}*{party.party_id}")
    flash(gettext("Peers see you as %(party)s.", party=f"{party.country_code}*{party.party_id}"), "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:peer_id>")
@requires("own")
def show(peer_id: int) -> str:
    return _shown(peer_id)


@blueprint.post("/<int:peer_id>/token")
@requires("own")
def renew(peer_id: int) -> str:
    """Another token to register with; the one before opens nothing any more."""
    token = new_token()
    with atomic() as session:
        peer = roaming.find(session, peer_id)
        roaming.renew(session, peer, token_hash=hashed(token))
        put_on_record(session, "ocpi.token_renewed", peer.name)
    return _shown(peer_id, token)


@blueprint.post("/<int:peer_id>/register")
@requires("own")
def register(peer_id: int) -> Page:
    """Register with a peer that has invited us."""
    url, token = request.form.get("url", "").strip(), request.form.get("token", "").strip()
    try:
        peer = handshake.begin(peer_id, url, token)
    except Unfit as error:
        return _shown(peer_id, given={"url": url, "problem": stored(str(error))}), 422
    except Refused as error:
        flash(said(error), "error")
        return redirect(url_for(".show", peer_id=peer_id))
    with atomic() as session:
        put_on_record(
            session, "ocpi.registered", peer.name, f"{peer.country_code}*{peer.party_id} {url}"[:500]
        )
    flash(gettext("Registered: from now on each has a token of the other’s."), "success")
    return redirect(url_for(".show", peer_id=peer_id))


@blueprint.post("/<int:peer_id>/<any(suspend,resume):verb>")
@requires("own")
def turn(peer_id: int, verb: str) -> Response:
    try:
        with atomic() as session:
            peer = roaming.find(session, peer_id)
            (roaming.suspend if verb == "suspend" else roaming.resume)(session, peer)
            put_on_record(session, "ocpi.suspended" if verb == "suspend" else "ocpi.resumed", peer.name)
    except Refused as error:
        flash(said(error), "error")
    return redirect(url_for(".show", peer_id=peer_id))


@blueprint.post("/<int:peer_id>/pushes/<int:push_id>/resend")
@requires("own")
def resend(peer_id: int, push_id: int) -> Response:
    """Send a message once more."""
    with atomic() as session:
        push = telling.find(session, peer_id, push_id)
        telling.again(session, push, at=clock.now())
        put_on_record(session, "ocpi.resent", push.peer.name, push.about)
    flash(gettext("It is on its way again: see the log."), "success")
    return redirect(url_for(".show", peer_id=peer_id))


@blueprint.post("/<int:peer_id>/remove")
@requires("own")
def remove(peer_id: int) -> Response:
    """It is told, and forgotten whether it has heard or not."""
    untold = handshake.end(roaming.find(db.session(), peer_id))
    with atomic() as session:
        peer = roaming.find(session, peer_id)
        put_on_record(session, "ocpi.removed", peer.name)
        roaming.remove(session, peer)
    flash(gettext("The peer is gone. What its drivers have charged stays in its account."), "success")
    if untold is not None:
        flash(gettext("It could not be told: %(why)s", why=stored(untold)), "error")
    return redirect(url_for(".index"))


def _list(given: Any, problems: dict[str, str] | None = None) -> str:
    session = db.session()
    stand = standing.standing(session, most=MOST_SHOWN)
    return render_template(
        "roaming/index.html",
        rows=roaming.listed(session),
        counts=records.session_counts(session),
        party=roaming.our_party(session),
        standing=stand,
        left_out=[(x, LACKS[lack]) for x, lack in stand.left_out],
        given=given,
        problems=problems or {},
        **_words(),
    )


def _shown(peer_id: int, token: str | None = None, given: dict[str, str] | None = None) -> str:
    session = db.session()
    peer = roaming.find(session, peer_id)
    return render_template(
        "roaming/show.html",
        peer=peer,
        token=token,
        given=given or {},
        cards=records.card_counts(session).get(peer.id, 0),
        asked=records.asked_counts(session).get(peer.id, 0),
        sessions=records.session_counts(session).get(peer.id, 0),
        pushes=session.scalars(telling.listed(peer.id).limit(MOST_SHOWN)).all(),
        push_states=PUSH_STATES,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {"states": STATES, "versions_url": versions_url(), "now": clock.now(), "zone": zone()}


def _problems(error: DomainError) -> dict[str, str]:
    return {getattr(error, "field", None) or "name": said(error)}
