"""Connections that were refused: why, how often, and what would mend it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import attention
from csms.domain.base import announce
from csms.domain.chargers import Attempt
from csms.extensions import db
from csms.web.security import requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("attempts", __name__, url_prefix="/attempts")

# Causes in a few words.
CAUSES = {
    "bad_identity": "No usable identity",
    "unknown_charger": "Unknown charger",
    "rejected_charger": "Rejected here",
    "no_credential": "No password",
    "wrong_credential": "Wrong password",
    "identity_mismatch": "Wrong user name",
    "no_subprotocol": "No OCPP version",
    "unsupported_subprotocol": "Other OCPP version",
    "duplicate_identity": "Identity in use",
    "too_many_attempts": "Too many attempts",
    "bad_handshake": "Broken handshake",
}


@blueprint.get("")
def index() -> str:
    return render_template(
        "attempts/index.html", live_url=url_for("live.stream", topics="attempts,fleet"), **_list()
    )


@blueprint.get("/list")
def listed() -> str:
    """The list, for its live region."""
    return render_template("attempts/_list.html", **_list())


@blueprint.post("/<int:attempt_id>/forget")
@requires("operate")
def forget(attempt_id: int) -> Response:
    """Take it off the list; it comes back when it happens again."""
    with atomic() as session:
        attempt = session.get(Attempt, attempt_id)
        if attempt is not None:
            session.delete(attempt)
            announce(session, "attempts", "fleet")
    flash("Forgotten. It comes back if it happens again.", "success")
    return redirect(url_for(".index"))


def _list() -> dict[str, object]:
    at = clock.now()
    return {"attempts": attention.attempts(db.session(), at=at), "causes": CAUSES, "now": at, "zone": zone()}
