"""The way out to an issuer of OpenID Connect, and back in."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from config import Config
from csms import clock, oidc, signing_in
from csms.domain.base import Refused
from csms.oidc import NotLetIn, Pending
from csms.web import auth, security
from csms.web.languages import stored

blueprint = Blueprint("sso", __name__)

KEPT_AS = "oidc"
Page = str | Response | tuple[str, int]


@blueprint.get("/login/oidc")
def leave() -> Page:
    """To the issuer. What must be the same afterwards is kept in this browser's session."""
    settings = _settings()
    try:
        url, pending = oidc.begin(settings)
    except NotLetIn as error:
        return auth.again("", stored(str(error))), 502
    session[KEPT_AS] = asdict(pending)
    session["after_link"] = request.args.get("next", "")
    return redirect(url)


@blueprint.get("/login/oidc/back")
def come_back() -> Page:
    """From the issuer: once, and only into the browser that left."""
    settings = _settings()
    kept, target = session.pop(KEPT_AS, None), session.pop("after_link", None)
    if kept is None:
        return redirect(url_for("auth.login"))
    try:
        person = oidc.finish(settings, Pending(**kept), request.args.to_dict(), clock.now())
        user = signing_in.admit(person, settings.oidc_roles)
    except (NotLetIn, Refused) as error:
        current_app.logger.info("oidc_refused: %s", error)
        return auth.again("", stored(str(error))), 403
    auth.begin(user, "log_in.oidc")
    return redirect(security.safe_next(target) or security.home())


def _settings() -> Config:
    settings: Config = current_app.extensions["settings"]
    if not settings.has_oidc:
        abort(404)
    return settings
