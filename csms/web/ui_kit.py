"""Every component in every state, for whoever builds pages: what is new is looked at here first."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from csms.web.security import requires

blueprint = Blueprint("ui_kit", __name__, url_prefix="/ui-kit")


@blueprint.get("")
def show() -> str:
    return render_template("ui_kit.html")


@blueprint.post("")
@requires("view")
def press() -> Response:
    """Its buttons and forms can be tried; they change nothing."""
    flash("That was a press. Nothing has changed.", "success")
    return redirect(url_for(".show"), 303)
