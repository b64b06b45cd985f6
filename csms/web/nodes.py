"""Other machines that run this program."""

from __future__ import annotations

import socket
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

import settings as environment
from csms import clock
from csms.domain import nodes
from csms.domain.base import Invalid
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("nodes", __name__, url_prefix="/nodes")

Page = str | Response | tuple[str, int]


@blueprint.get("")
def index() -> str:
    return _page({}, {})


@blueprint.post("")
@requires("operate")
def add() -> Page:
    given = request.form
    try:
        _register(given.get("hostname", ""), given.get("address", ""), given.get("port", ""))
    except Invalid as error:
        return _page(given, {error.field: said(error)}), 422
    flash(gettext("The node is registered."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/this")
@requires("operate")
def add_this() -> Page:
    """Register the machine that serves this page."""
    settings = current_app.extensions["settings"]
    hostname = socket.gethostname().replace("_", "-")
    try:
        _register(hostname, environment.lan_address(), settings.port)
    except Invalid as error:
        return _page({"hostname": hostname}, {error.field: said(error)}), 422
    flash(gettext("%(name)s is registered.", name=hostname), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:node_id>/remove")
@requires("operate")
def remove(node_id: int) -> Page:
    with atomic() as session:
        put_on_record(session, "node.removed", nodes.remove(session, node_id).hostname)
    flash(gettext("The node is removed. It comes back when it registers again."), "success")
    return redirect(url_for(".index"))


def _register(hostname: str, address: str, port: object) -> None:
    with atomic() as session:
        node = nodes.register(session, hostname=hostname, address=address, port=port, at=clock.now())
        put_on_record(session, "node.registered", node.hostname, f"{node.address} {node.port}")


def _page(given: Any, problems: dict[str | None, str]) -> str:
    at = clock.now()
    rows = [(x, x.is_stale(at)) for x in nodes.listed(db.session())]
    has_token = bool(current_app.extensions["settings"].node_token)
    return render_template(
        "nodes/index.html", rows=rows, given=given, problems=problems, has_token=has_token, now=at
    )
