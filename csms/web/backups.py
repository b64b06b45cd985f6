"""Backups and how the installation is doing, for its owner."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from csms import backups, checkup, clock, files
from csms.backups import BackupFailed
from csms.extensions import db
from csms.shelf import Shelf
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("backups", __name__, url_prefix="/settings")


@blueprint.get("/backups")
@requires("own")
def index() -> str:
    return render_template(
        "settings/backups.html",
        rows=backups.listed(),
        why_not=backups.why_not(),
        directory=backups.directory(),
        config=current_app.extensions["settings"],
        is_sqlite=db.engine.dialect.name == "sqlite",
        now=clock.now(),
        zone=zone(),
    )


@blueprint.post("/backups")
@requires("own")
def make() -> Response:
    try:
        made = backups.make()
    except BackupFailed as error:
        flash(str(error), "error")
    else:
        _note("backup.made", made.name)
        flash("The backup is made: download it, and keep it elsewhere.", "success")
    return redirect(url_for(".index"))


@blueprint.post("/backups/<name>/download")
@requires("own")
def download(name: str) -> Response:
    """A form and not a link: what holds everything is not fetched by what follows links."""
    path = backups.path_of(name)
    if path is None:
        abort(404)
    _note("backup.downloaded", name)
    size_bytes = path.stat().st_size
    answer = files.attachment(Shelf(backups.directory()), name, name, size_bytes, sha256=name)
    return answer or abort(404)


@blueprint.post("/backups/<name>/remove")
@requires("own")
def remove(name: str) -> Response:
    path = backups.path_of(name)
    if path is None:
        abort(404)
    path.unlink(missing_ok=True)
    _note("backup.removed", name)
    flash("The backup is deleted.", "success")
    return redirect(url_for(".index"))


@blueprint.get("/health")
@requires("own")
def health() -> str:
    at = clock.now()
    return render_template("settings/health.html", points=checkup.points(db.session(), at=at), now=at)


def _note(action: str, name: str) -> None:
    with atomic() as session:
        put_on_record(session, action, name)
