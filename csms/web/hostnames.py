"""Names under which this server is reached, and what each shows first."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import hostnames
from csms.domain.base import Invalid
from csms.domain.hostnames import Module
from csms.extensions import db
from csms.web.home import default_module
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("hostnames", __name__, url_prefix="/hostnames")

WORDS = {
    Module.DASHBOARD: lazy_gettext("Dashboard"),
    Module.ACCOUNTS: lazy_gettext("A driver's own account"),
    Module.CHARGERS: lazy_gettext("Chargers"),
    Module.MAP: lazy_gettext("Map"),
    Module.SESSIONS: lazy_gettext("Sessions"),
    Module.NODES: lazy_gettext("Nodes"),
    Module.SIMULATOR: lazy_gettext("Simulator"),
    Module.API: "API",
    Module.README: "README",
    Module.README_OCPP: lazy_gettext("README: chargers"),
    Module.README_WEB: lazy_gettext("README: pages"),
    Module.README_API: lazy_gettext("README: API"),
    Module.README_COMPAT: lazy_gettext("README: addresses of old"),
    Module.README_SIMULATOR: lazy_gettext("README: simulator"),
}


@blueprint.get("")
@requires("own")
def index() -> str:
    return _page({}, {})


@blueprint.post("")
@requires("own")
def put() -> str | Response | tuple[str, int]:
    given = request.form
    try:
        with atomic() as session:
            row = hostnames.put(session, given.get("hostname", ""), given.get("module", ""), at=clock.now())
            put_on_record(session, "hostname.put", row.hostname, row.module.value)
    except Invalid as error:
        return _page(given, {error.field: said(error)}), 422
    flash(gettext("The host name shows that from now on."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:hostname_id>/remove")
@requires("own")
def remove(hostname_id: int) -> Response:
    with atomic() as session:
        put_on_record(session, "hostname.removed", hostnames.remove(session, hostname_id).hostname)
    flash(gettext("The host name is removed."), "success")
    return redirect(url_for(".index"))


def _page(given: dict[str, str], problems: dict[str | None, str]) -> str:
    rows = [(x, WORDS[x.module]) for x in hostnames.listed(db.session())]
    modules = [(x.value, words) for x, words in WORDS.items()]
    others = WORDS[default_module(hostnames.are_there(db.session()))]
    return render_template(
        "hostnames/index.html", rows=rows, given=given, problems=problems, modules=modules, others=others
    )
