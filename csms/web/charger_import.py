"""Chargers from a CSV file: looked at first, then kept all or none. Views of the blueprint `chargers`."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import tariffs
from csms.domain.base import DomainError
from csms.domain.chargers import sheets
from csms.domain.chargers.sheets import Sheet
from csms.extensions import db
from csms.web.charger_list import blueprint as blueprint
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic

Page = str | Response | tuple[str, int]
MOST_BYTES = 400_000
MOST_SHOWN = 100
EXAMPLE = """identity,name,site,policy,tags
PLAZA-01,Plaza AC-1,Plaza Mayor,known,ac
PLAZA-02,Plaza AC-2,Plaza Mayor,known,"ac, roof"
"""


@blueprint.get("/import")
@requires("edit")
def import_form() -> Page:
    return _page("", None)


@blueprint.post("/import")
@requires("edit")
def import_sheet() -> Page:
    """Show what a file would do; or keep it."""
    text = _text_given()
    if text is None:
        problem = gettext("Choose a file of text in UTF-8, of at most %(size)s kB.", size=MOST_BYTES // 1000)
        return _page("", None, problem), 422
    sheet = _read(db.session(), text)
    if request.form.get("what") != "store" or sheet.faults:
        return _page(text, sheet), 422 if sheet.faults else 200
    try:
        with atomic() as session:
            sheet = _read(session, text)
            sheets.store(session, sheet, at=clock.now())
            detail = f"{len(sheet.added)} added, {len(sheet.changed)} changed"
            put_on_record(session, "chargers.import", None, detail)
    except DomainError as error:
        return _page(text, _read(db.session(), text), said(error)), 422
    words = gettext(
        "%(added)s added, %(changed)s changed.", added=len(sheet.added), changed=len(sheet.changed)
    )
    flash(words, "success")
    return redirect(url_for(".index", status="all"))


def _read(session: Session, text: str) -> Sheet:
    return sheets.read(session, text, {x.name.casefold(): x.id for x in tariffs.listed(session)})


def _text_given() -> str | None:
    """The file's text, or what was looked at before; None for what is no text or too much of it."""
    file = request.files.get("file")
    if file is not None and file.filename:
        data = file.read(MOST_BYTES + 1)
        try:
            return data.decode() if len(data) <= MOST_BYTES else None
        except UnicodeDecodeError:
            return None
    text = request.form.get("text", "")
    return text if text.strip() and len(text) <= MOST_BYTES else None


def _page(text: str, sheet: Sheet | None, problem: str | None = None) -> str:
    return render_template(
        "chargers/import.html",
        text=text,
        sheet=sheet,
        problem=problem,
        fields=sheets.FIELDS,
        example=EXAMPLE,
        most=MOST_SHOWN,
    )
