"""The plan of a site: a picture with its chargers on it. Views of the blueprint `sites`."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import chargers, sites
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import places
from csms.domain.sites import SitePlan
from csms.extensions import db
from csms.web import languages
from csms.web.degrees import degrees_of
from csms.web.security import put_on_record, requires
from csms.web.sites import blueprint as blueprint
from csms.work import atomic

Answer = Response | WerkzeugResponse
WIDE = 1000  # units across a plan, whatever the picture has


@blueprint.get("/<int:site_id>/plan")
def plan(site_id: int) -> str:
    live_url = url_for("live.stream", topics="fleet")
    return render_template("sites/plan.html", live_url=live_url, **_plan(site_id))


@blueprint.get("/<int:site_id>/plan/drawn")
def drawn(site_id: int) -> str:
    """The picture with its pins, for its live region."""
    return render_template("sites/_plan.html", **_plan(site_id))


@blueprint.get("/<int:site_id>/plan/picture")
def picture(site_id: int) -> Response:
    """The picture as it came; its address changes with it."""
    found = sites.plan_of(db.session(), site_id)
    response = Response(found.picture, mimetype=found.kind)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@blueprint.post("/<int:site_id>/plan")
@requires("edit")
def keep_plan(site_id: int) -> Answer:
    """Take a picture. Larger ones than a request may be are refused with 413 before this."""
    sent = request.files.get("picture")
    try:
        with atomic() as session:
            site = sites.get(session, site_id)
            sites.keep_plan(session, site, sent.read() if sent else b"", at=clock.now())
            put_on_record(session, "site.plan", site.name)
    except Invalid as error:
        flash(languages.said(error), "error")
    return redirect(url_for(".plan", site_id=site_id))


@blueprint.post("/<int:site_id>/plan/remove")
@requires("edit")
def remove_plan(site_id: int) -> Answer:
    with atomic() as session:
        site = sites.get(session, site_id)
        sites.drop_plan(session, site)
        put_on_record(session, "site.plan_removed", site.name)
    flash(gettext("The plan is gone."), "success")
    return redirect(url_for(".show", site_id=site_id))


@blueprint.post("/<int:site_id>/plan/place")
@requires("edit")
def put_on_plan(site_id: int) -> Answer:
    """Put a charger of the site on its plan, in percent from the left and from the top; empty takes it off."""
    try:
        with atomic() as session:
            charger = chargers.get(session, request.form.get("charger", 0, type=int))
            if charger.site_id != site_id:
                abort(404)
            left, top = (degrees_of(request.form, x) for x in ("left", "top"))
            at = None if left is None or top is None else (left / 100, top / 100)
            chargers.put_on_plan(session, charger, at)
            put_on_record(session, "charger.plan", charger.identity)
    except Invalid as error:
        flash(languages.said(error), "error")
    return redirect(url_for(".plan", site_id=site_id))


def _plan(site_id: int) -> dict[str, Any]:
    session = db.session()
    found = _found(session, site_id)
    return {
        "site": sites.get(session, site_id),
        "plan": found,
        "wide": WIDE,
        "high": round(WIDE * found.height / found.width) if found else 0,
        "spots": places.spots(session, at=clock.now(), site_ids=[site_id]),
    }


def _found(session: Session, site_id: int) -> SitePlan | None:
    try:
        return sites.plan_of(session, site_id)
    except NotFound:
        return None
