"""The README and the other documents as pages, for anybody."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, abort, current_app, render_template, send_file, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from csms import documents

blueprint = Blueprint("readme", __name__, url_prefix="/readme")


@blueprint.get("/", strict_slashes=False)
def show() -> str:
    return page("README.md")


@blueprint.get("/<path:name>")
def document(name: str) -> str | Response:
    """A document, a picture in one, or what a module says of itself (by its name alone)."""
    module = name.rstrip("/")
    if module in documents.MODULES:
        return page(f"csms/{module}/README.md")
    if name.endswith(".md"):
        return page(name)
    found = documents.shown(_root()).get(name)
    if found is None:
        abort(404)
    return send_file(found, max_age=3600)


def page(name: str) -> str:
    """A document as a page, at whatever address. Ends with 404 for one that is not shown."""
    known = documents.shown(_root())
    if name not in known:
        abort(404)
    html = documents.rendered(known[name], name, frozenset(known), url_for("readme.show"))
    return render_template("readme/show.html", name=name, html=Markup(html))  # noqa: S704  sanitised by nh3


def _root() -> Path:
    root: Path = current_app.extensions["settings"].root
    return root
