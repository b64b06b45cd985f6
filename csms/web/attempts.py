"""Connections that were refused: why, how often, what would mend it, and whether it has been mended."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from config import Config
from csms import clock, quirks
from csms.domain import attention, chargers
from csms.domain.base import DomainError, NotFound
from csms.domain.chargers import Admission, Attempt, Charger, RefusalCause
from csms.extensions import db
from csms.web.languages import said, stored
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("attempts", __name__, url_prefix="/attempts")

# Causes in a few words.
CAUSES = {
    "bad_identity": lazy_gettext("No usable identity"),
    "unknown_charger": lazy_gettext("Unknown charger"),
    "rejected_charger": lazy_gettext("Rejected here"),
    "no_credential": lazy_gettext("No password"),
    "wrong_credential": lazy_gettext("Wrong password"),
    "identity_mismatch": lazy_gettext("Wrong user name"),
    "no_subprotocol": lazy_gettext("No OCPP version"),
    "unsupported_subprotocol": lazy_gettext("Other OCPP version"),
    "duplicate_identity": lazy_gettext("Identity in use"),
    "too_many_attempts": lazy_gettext("Too many attempts"),
    "bad_handshake": lazy_gettext("Broken handshake"),
    "below_profile": lazy_gettext("Not secure enough"),
    "no_certificate": lazy_gettext("No certificate"),
    "wrong_certificate": lazy_gettext("Wrong certificate"),
    "tls_failed": lazy_gettext("TLS failed"),
}

# What was seen, and what to do about it, one thing after the other.
STEPS = {
    RefusalCause.BAD_IDENTITY: (
        lazy_gettext("It reached this server, and its address ends in nothing that could be its name."),
        lazy_gettext(
            "Look at the charger's own menu for its identity; many call it charge point ID or station ID."
        ),
        lazy_gettext(
            "Enter the address as shown here. Some chargers append the identity by themselves, others do not."
        ),
    ),
    RefusalCause.UNKNOWN_CHARGER: (
        lazy_gettext("It reached this server with a name that nobody has added here."),
        lazy_gettext("Compare the name with the label on the charger. If it is yours, let it in."),
    ),
    RefusalCause.REJECTED_CHARGER: (
        lazy_gettext("It reached this server, and somebody has rejected it here."),
        lazy_gettext("Let it in after all, or enter another address at the charger if it belongs elsewhere."),
    ),
    RefusalCause.NO_CREDENTIAL: (
        lazy_gettext("It is known here and protected by a key, and it gave no password."),
        lazy_gettext(
            "Make a new key and enter it at the charger: as AuthorizationKey, password or basic authentication key."
        ),
        lazy_gettext("If its menu has no place for one, ask it for no key."),
    ),
    RefusalCause.WRONG_CREDENTIAL: (
        lazy_gettext("It is known here and protected by a key, and it gave another one."),
        lazy_gettext("Make a new key and enter it at the charger. Nobody can look the old one up."),
        lazy_gettext(
            "Some menus want the 40 digits as they are, some refuse small letters; both are taken here."
        ),
    ),
    RefusalCause.IDENTITY_MISMATCH: (
        lazy_gettext("Its user name is not the identity in its address."),
        lazy_gettext(
            "Enter its identity as the user name, or leave the user name empty if the charger fills it in."
        ),
    ),
    RefusalCause.NO_SUBPROTOCOL: (
        lazy_gettext("It did not say which version of OCPP it speaks."),
        lazy_gettext("Choose OCPP 1.6 JSON at the charger (1.6J, not SOAP)."),
        lazy_gettext(
            "If it has no such choice, look for a proxy on the way that takes the header Sec-WebSocket-Protocol away."
        ),
    ),
    RefusalCause.UNSUPPORTED_SUBPROTOCOL: (
        lazy_gettext("It speaks a version of OCPP that is not spoken here."),
        lazy_gettext("Choose OCPP 1.6 JSON at the charger."),
    ),
    RefusalCause.DUPLICATE_IDENTITY: (
        lazy_gettext("Another charger with this name is connected, and it answers."),
        lazy_gettext("Look whether two chargers were given the same name: each needs its own."),
        lazy_gettext(
            "If there is just one, it dials a second time while its first connection lives: restart it."
        ),
    ),
    RefusalCause.TOO_MANY_ATTEMPTS: (
        lazy_gettext("It tried too often in a short time."),
        lazy_gettext("Correct what it was refused for before; then wait a minute, or restart the charger."),
    ),
    RefusalCause.BAD_HANDSHAKE: (
        lazy_gettext("It reached this server, and what came was no proper websocket."),
        lazy_gettext("Look for a proxy or a firewall on the way that does not pass websockets on."),
        lazy_gettext("Compare ws:// and wss:// in its address with the address shown here."),
    ),
    RefusalCause.BELOW_PROFILE: (
        lazy_gettext("It is known here with a security profile that asks for TLS, and it came without."),
        lazy_gettext("Begin its address with wss://, as shown here."),
        lazy_gettext(
            "Look whether it was put back to its factory settings: a profile that was reached is not lowered."
        ),
    ),
    RefusalCause.NO_CERTIFICATE: (
        lazy_gettext("Its security profile asks for a certificate of its own, and it showed none."),
        lazy_gettext("Look whether its certificate was installed, under its security settings here."),
        lazy_gettext("Behind a proxy: have it ask chargers for certificates and hand them on."),
    ),
    RefusalCause.WRONG_CERTIFICATE: (
        lazy_gettext("It showed a certificate that is not its own, or not valid now."),
        lazy_gettext("Look at the charger's clock: with a wrong one every certificate is out of its time."),
        lazy_gettext("Have the charger ask for a new certificate."),
    ),
    RefusalCause.TLS_FAILED: (
        lazy_gettext(
            "Something came with TLS and could not agree on a connection; it could not say who it is."
        ),
        lazy_gettext("Compare ws:// and wss:// in its address with the address shown here."),
        lazy_gettext(
            "Install this server's root certificate in the charger, or use a certificate that it trusts."
        ),
        lazy_gettext("Look at the charger's clock: with a wrong one every certificate is out of its time."),
        lazy_gettext("It must speak TLS 1.2 or newer."),
    ),
}
LETS_IN = (RefusalCause.UNKNOWN_CHARGER, RefusalCause.REJECTED_CHARGER)
ABOUT_KEYS = (
    RefusalCause.NO_CREDENTIAL,
    RefusalCause.WRONG_CREDENTIAL,
    RefusalCause.IDENTITY_MISMATCH,
    RefusalCause.TOO_MANY_ATTEMPTS,
)


@blueprint.get("")
def index() -> str:
    return render_template(
        "attempts/index.html", live_url=url_for("live.stream", topics="attempts,fleet"), **_list()
    )


@blueprint.get("/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("attempts/_list.html", **_list())


@blueprint.get("/<int:attempt_id>")
def show(attempt_id: int) -> str:
    """One of them: what happened, what to do, and whether it is done."""
    attempt = _attempt(attempt_id)
    state = _state(attempt)
    return render_template(
        "attempts/show.html",
        live_url=url_for("live.stream", topics="attempts,fleet"),
        steps=STEPS[attempt.cause],
        forms=_forms(attempt, state["charger"]),
        **state,
    )


@blueprint.get("/<int:attempt_id>/state")
def state(attempt_id: int) -> str:
    """What has become of it, for its live region."""
    return render_template("attempts/_state.html", **_state(_attempt(attempt_id)))


@blueprint.post("/<int:attempt_id>/admit")
@requires("operate")
def admit(attempt_id: int) -> Response:
    """Let the charger in."""
    try:
        with atomic() as session:
            attempt = _attempt(attempt_id)
            charger = chargers.admit_attempt(session, attempt, at=clock.now())
            put_on_record(session, "charger.adopt", charger.identity)
    except NotFound:
        raise
    except DomainError as error:
        flash(said(error), "error")
    else:
        flash(gettext("%(name)s is let in. It appears when it next tries.", name=charger.title), "success")
    return redirect(url_for(".show", attempt_id=attempt_id))


@blueprint.post("/<int:attempt_id>/forget")
@requires("operate")
def forget(attempt_id: int) -> Response:
    """Take it off the list; it comes back when it happens again."""
    with atomic() as session:
        chargers.forget_attempt(session, attempt_id)
    flash(gettext("Forgotten. It comes back if it happens again."), "success")
    return redirect(url_for(".index"))


def _attempt(attempt_id: int) -> Attempt:
    attempt = db.session.get(Attempt, attempt_id)
    if attempt is None:
        raise NotFound("This refused connection is not on the list any more.")
    return attempt


def _list() -> dict[str, object]:
    at = clock.now()
    return {"attempts": attention.attempts(db.session(), at=at), "causes": CAUSES, "now": at, "zone": zone()}


def _state(attempt: Attempt) -> dict[str, Any]:
    at = clock.now()
    charger = chargers.find(db.session(), attempt.identity) if attempt.identity else None
    lease = charger.lease if charger else None
    connected_at = lease.connected_at if lease is not None and lease.is_online(at) else None
    is_in = charger is not None and charger.admission is Admission.ACCEPTED
    return {
        "attempt": attempt,
        "charger": charger,
        "cause": CAUSES[attempt.cause.value],
        "causes": CAUSES,
        "is_mended": connected_at is not None and connected_at > attempt.last_at,
        "connected_at": connected_at,
        "may_let_in": bool(attempt.identity) and attempt.cause in LETS_IN and not is_in,
        "alike": _alike(attempt) if charger is None else None,
        "is_about_keys": charger is not None and attempt.cause in ABOUT_KEYS,
        "others": [x for x in chargers.attempts_like(db.session(), attempt) if x.id != attempt.id],
        "now": at,
        "zone": zone(),
    }


def _alike(attempt: Attempt) -> Charger | None:
    """The charger that may be meant, where one came with an identity that is not known."""
    if attempt.cause is not RefusalCause.UNKNOWN_CHARGER or not attempt.identity:
        return None
    return chargers.alike(db.session(), attempt.identity)


def _forms(attempt: Attempt, charger: Charger | None) -> dict[str, Any]:
    """What to enter at the charger, in the words of its make; by the address that this server is really known under."""
    config: Config = current_app.extensions["settings"]
    named = {x.key: x for x in quirks.profiles().values() if x.address.fields}
    guess = chargers.quirks_of(charger).key if charger is not None else ""
    key = request.args.get("make") or guess
    profile = named.get(key, named["any-charger"])
    url = f"{config.websocket_base_url}/ws/ocpp/{quote(attempt.identity or 'IDENTITY', safe='')}"
    return {
        "make": profile.key,
        "makes": sorted(
            ((x.key, stored(x.name)) for x in named.values()), key=lambda x: (x[0] != "any-charger", x[1])
        ),
        "fields": profile.address.filled(url),
        "note": profile.address.note,
        "is_unreachable": urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"),
    }
