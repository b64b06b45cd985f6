"""What is at `/`: the page that goes with the name under which this server was asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from csms.domain import hostnames
from csms.domain.hostnames import Module
from csms.extensions import db
from csms.web import dashboard, readme
from csms.web.security import ask_to_log_in
from settings import Home

blueprint = Blueprint("home", __name__)

# Where the first page of a module is; each asks for a log-in by itself.
PAGES = {
    Module.ACCOUNTS: "accounts.me",
    Module.CHARGERS: "chargers.index",
    Module.MAP: "map.show",
    Module.SESSIONS: "transactions.index",
    Module.NODES: "nodes.index",
    Module.SIMULATOR: "simulator.index",
    Module.API: "api.show",
}
READMES = {
    Module.README: "README.md",
    Module.README_OCPP: "csms/ocpp/README.md",
    Module.README_WEB: "csms/web/README.md",
    Module.README_API: "csms/api/README.md",
    Module.README_COMPAT: "csms/compat/README.md",
    Module.README_SIMULATOR: "csms/simulator/README.md",
}


@blueprint.get("/")
def show() -> str | Response:
    module = _module()
    if module in READMES:
        return readme.page(READMES[module])
    if module in PAGES:
        return redirect(url_for(PAGES[module]))
    if not current_user.is_authenticated:
        answer: Response = ask_to_log_in()
        return answer
    return dashboard.show()


def _module() -> Module:
    """That of the name under which we are asked."""
    known, are_any = hostnames.module_of(db.session(), urlsplit(f"//{request.host}").hostname or "")
    return known or default_module(are_any)


def default_module(are_any: bool) -> Module:
    """What names show that nobody has entered; `are_any`: others were."""
    home_is = current_app.extensions["settings"].home_page
    is_readme = home_is is Home.README or (not home_is and are_any)
    return Module.README if is_readme else Module.DASHBOARD
