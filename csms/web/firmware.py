"""The library of firmware."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, files
from csms.domain.base import Invalid
from csms.domain.maintenance import FirmwareFile, library, queries
from csms.domain.security.rules import Certificate, described, load
from csms.extensions import csrf, db
from csms.shelf import CutOff, Stored, TooLarge
from csms.web.languages import said
from csms.web.security import actor, check_token, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("firmware", __name__, url_prefix="/firmware")

Answer = str | Response | WerkzeugResponse | tuple[str, int]
NOTHING: Mapping[str, str] = {}


@blueprint.get("")
def index() -> str:
    return _index(NOTHING, NOTHING)


def _index(given: Mapping[str, str], problems: Mapping[str, str]) -> str:
    session = db.session()
    groups = queries.groups(session)
    return render_template(
        "firmware/index.html",
        library=library.listed(session),
        groups=groups,
        vendors=sorted({x.vendor for x in groups if x.vendor}),
        models=sorted({x.model for x in groups if x.model}),
        most_mb=files.settings().largest_firmware_mb,
        given=given,
        problems=problems,
        zone=zone(),
        now=clock.now(),
    )


@blueprint.post("")
@requires("edit")
def upload() -> Answer:
    """Take a firmware into the library. The guard has let in whoever sends it before anything of it is read."""
    most_bytes = files.settings().largest_firmware_mb * 1_000_000
    shelf = files.firmware()
    try:
        stored, fields, name = files.form_file(shelf, most_bytes)
    except (TooLarge, RequestEntityTooLarge):
        words = gettext(
            "The file is larger than %(most)s MB: LARGEST_FIRMWARE_MB allows more.",
            most=most_bytes // 1_000_000,
        )
        return _index(NOTHING, {"file": words}), 413
    except CutOff:
        abort(400)
    given = {key: value.strip() for key, value in fields.items()}
    try:
        check_token(given.pop("csrf_token", None))
        firmware = _taken(stored, about(given, name))
    except Invalid as error:
        shelf.remove(stored.name)
        return _index(given, {error.field or "file": said(error)}), 422
    except BaseException:
        shelf.remove(stored.name)
        raise
    flash(gettext("%(version)s is in the library.", version=firmware.version), "success")
    return redirect(url_for(".show", firmware_id=firmware.id))


csrf.exempt(upload)  # its token is looked at here: for it, the library would read the whole form


def _taken(stored: Stored, described: library.About) -> FirmwareFile:
    with atomic() as session:
        at = clock.now()
        firmware = library.add(session, described, by=actor(), at=at)
        library.attach(
            session,
            firmware,
            stored_as=stored.name,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            at=at,
        )
        _note("firmware.add", firmware)
    return firmware


def about(given: Mapping[str, str], name: str | None) -> library.About:
    """What a form says of a firmware."""
    return library.About(
        name=name or given.get("name", ""),
        version=given.get("version", ""),
        vendor=given.get("vendor") or None,
        model=given.get("model") or None,
        signing_certificate=given.get("signing_certificate") or None,
        signature=given.get("signature") or None,
    )


@blueprint.get("/<int:firmware_id>")
def show(firmware_id: int) -> str:
    return _show(library.get(db.session(), firmware_id), NOTHING, NOTHING)


def _show(firmware: FirmwareFile, given: Mapping[str, str], problems: Mapping[str, str]) -> str:
    return render_template(
        "firmware/show.html",
        firmware=firmware,
        signer=_signer(firmware),
        given=given or _written(firmware),
        problems=problems,
        zone=zone(),
        now=clock.now(),
    )


def _signer(firmware: FirmwareFile) -> Certificate | None:
    """Whose certificate stands behind the signature; None where it cannot be read."""
    try:
        return described(load(firmware.signing_certificate or ""))
    except Invalid:
        return None


def _written(firmware: FirmwareFile) -> dict[str, str]:
    names = ("version", "vendor", "model", "signing_certificate", "signature")
    return {name: getattr(firmware, name) or "" for name in names}


@blueprint.post("/<int:firmware_id>")
@requires("edit")
def edit(firmware_id: int) -> Answer:
    """Change what is said of it; its content never changes."""
    given = {key: value.strip() for key, value in request.form.items()}
    try:
        with atomic() as session:
            firmware = library.get(session, firmware_id)
            library.edit(session, firmware, about(given, firmware.name))
            _note("firmware.edit", firmware)
    except Invalid as error:
        problems = {error.field or "version": said(error)}
        return _show(library.get(db.session(), firmware_id), given, problems), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".show", firmware_id=firmware_id))


@blueprint.post("/<int:firmware_id>/remove")
@requires("edit")
def remove(firmware_id: int) -> Answer:
    with atomic() as session:
        firmware = library.get(session, firmware_id)
        library.remove(session, firmware)
        _note("firmware.remove", firmware)
    flash(gettext("%(version)s is gone from the library.", version=firmware.version), "success")
    return redirect(url_for(".index"))


@blueprint.get("/<int:firmware_id>/file")
@requires("operate")
def content(firmware_id: int) -> Response:
    """The file itself, for people."""
    found = library.get(db.session(), firmware_id)
    if found.stored_as is None:
        abort(404)
    size, digest = found.size_bytes or 0, found.sha256 or ""
    answer = files.attachment(files.firmware(), found.stored_as, found.name, size, digest)
    if answer is None:
        abort(404)
    return answer


def _note(action: str, firmware: FirmwareFile) -> None:
    put_on_record(
        db.session(), action, f"firmware {firmware.id}", f"{firmware.version} {firmware.name}"[:200]
    )
