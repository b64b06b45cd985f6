"""Backups and how the installation is doing, for its owner."""

from __future__ import annotations

import shutil

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from csms import backups, checkup, clock, files
from csms.backups import BackupFailed
from csms.domain.base import printable
from csms.extensions import csrf, db
from csms.shelf import CutOff, Shelf, TooLarge
from csms.web import languages
from csms.web.security import actor, check_token, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("backups", __name__, url_prefix="/settings")

LONGEST_NAME = 100  # of an uploaded file, in what is said about it


@blueprint.get("/backups")
@requires("own")
def index() -> str:
    return render_template(
        "settings/backups.html",
        rows=backups.listed(),
        why_not=backups.why_not(),
        directory=backups.directory(),
        ordered=backups.ordered(),
        failed=backups.last_failure(),
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
        flash(languages.stored(str(error)), "error")
    else:
        _note("backup.made", made.name)
        flash(gettext("The backup is made: download it, and keep it elsewhere."), "success")
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
    flash(gettext("The backup is deleted."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/backups/<name>/restore")
@requires("own")
def restore(name: str) -> Response:
    """Have it put back when the server starts next: a running one cannot lose its database under its chargers."""
    try:
        backups.order(name, actor())
    except BackupFailed as error:
        flash(languages.stored(str(error)), "error")
    else:
        _note("backup.restore_ordered", name)
        flash(gettext("Stop the server and start it again: it begins with the backup."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/backups/restore/cancel")
@requires("own")
def cancel() -> Response:
    backups.cancel()
    _note("backup.restore_cancelled")
    flash(gettext("Nothing is put back."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/backups/upload")
@requires("own")
def upload() -> Response:
    """Take a backup that lay elsewhere among those here. The guard has let in whoever sends it before it is read."""
    shelf = Shelf(backups.directory())
    try:
        stored, fields, filename = files.form_file(shelf, shutil.disk_usage(backups.directory()).free // 2)
    except (TooLarge, RequestEntityTooLarge):
        abort(413)
    except CutOff:
        abort(400)
    path = shelf.path(stored.name)
    try:
        check_token(fields.get("csrf_token"))
        called = printable(filename, LONGEST_NAME)
        name = backups.keep(path, backups.check(path, called), called)
    except BackupFailed as error:
        flash(gettext("That cannot be put back here. %(why)s", why=languages.stored(str(error))), "error")
    else:
        _note("backup.uploaded", name)
        flash(gettext("It is among the backups now."), "success")
    finally:
        path.unlink(missing_ok=True)
    return redirect(url_for(".index"))


csrf.exempt(upload)  # its token is looked at here: for it, the library would read the whole form


@blueprint.get("/health")
@requires("own")
def health() -> str:
    at = clock.now()
    return render_template("settings/health.html", points=checkup.points(db.session(), at=at), now=at)


def _note(action: str, name: str | None = None) -> None:
    with atomic() as session:
        put_on_record(session, action, name)
