"""Cards and drivers from a file, and into one. Views of the blueprint `tokens`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Step, card_lines
from csms.domain.base import Invalid
from csms.extensions import db
from csms.web import exports
from csms.web.card_scans import blueprint as blueprint
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

MOST_BYTES = 2_000_000
SHOWN = 300  # lines of a preview; those that are wrong come first

STEPS = {
    Step.WRONG: (lazy_gettext("Wrong"), "fault", "triangle-alert"),
    Step.NEW: (lazy_gettext("New"), "ready", "plus"),
    Step.CHANGED: (lazy_gettext("Changed"), "active", "pencil"),
    Step.SKIPPED: (lazy_gettext("Left alone"), "wait", "circle-pause"),
    Step.SAME: (lazy_gettext("As it is"), "out", "check"),
}


@blueprint.get("/import")
@requires("edit")
def ask_import() -> str:
    return render_template("tokens/import.html", **_blank())


@blueprint.post("/import")
@requires("edit")
def preview_import() -> str | tuple[str, int]:
    """What would become of each line; nothing is done yet."""
    try:
        text = _text()
        lines = card_lines.read(text, house_zone())
    except Invalid as error:
        return render_template("tokens/import.html", **_blank(said(error))), 422
    planned = accounts.plan(db.session(), lines, updates=_updates())
    order = list(STEPS)
    return render_template(
        "tokens/import.html",
        **_blank()
        | {
            "plan": planned,
            "text": text,
            "lines": sorted(planned.lines, key=lambda x: order.index(x.step))[:SHOWN],
            "counts": [(STEPS[x], planned.counts[x]) for x in STEPS if planned.counts[x]],
        },
    )


@blueprint.post("/import/run")
@requires("edit")
def run_import() -> WerkzeugResponse | tuple[str, int]:
    """Do what was shown: it is reckoned anew, as things may have changed meanwhile."""
    try:
        with atomic() as session:
            lines = card_lines.read(request.form.get("text", ""), house_zone())
            planned = accounts.plan(session, lines, updates=_updates())
            accounts.carry_out(session, planned, by=actor(), at=clock.now())
            counts = planned.counts
            put_on_record(
                session, "card.import", None, f"{counts[Step.NEW]} new, {counts[Step.CHANGED]} changed"
            )
    except Invalid as error:
        return render_template("tokens/import.html", **_blank(said(error))), 422
    flash(_outcome(counts), "success")
    return redirect(url_for(".index"))


@blueprint.get("/export.csv")
@requires("operate")
def export() -> Response:
    """All cards and drivers, in the shape that an import takes."""
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    zone = house_zone()

    def chunks() -> Iterator[str]:
        yield exports.csv_text([card_lines.COLUMNS])
        with app.app_context(), db.session() as session:
            for token, account in accounts.exported(session):
                yield exports.csv_text([card_lines.written(token, account, zone)])

    return exports.download(chunks(), f"cards-{clock.now():%Y-%m-%d}.csv")


def _outcome(counts: Mapping[Step, int]) -> str:
    added, changed, wrong = (counts[x] for x in (Step.NEW, Step.CHANGED, Step.WRONG))
    if not wrong:
        return gettext(
            "The file is imported: %(added)s new, %(changed)s changed.", added=added, changed=changed
        )
    return ngettext(
        "The file is imported: %(added)s new, %(changed)s changed; %(num)s wrong line is left out.",
        "The file is imported: %(added)s new, %(changed)s changed; %(num)s wrong lines are left out.",
        wrong,
        added=added,
        changed=changed,
    )


def house_zone() -> ZoneInfo:
    """A file goes from hand to hand: its days are those of the installation, whoever reads it."""
    zone: ZoneInfo = current_app.extensions["settings"].time_zone
    return zone


def _updates() -> bool:
    return request.form.get("existing") == "update"


def _text() -> str:
    """The file, or what was typed in. Raises Invalid."""
    file = request.files.get("file")
    body = file.read(MOST_BYTES + 1) if file else b""
    if len(body) > MOST_BYTES:
        raise Invalid("The file is larger than 2 MB: give it in parts.", "file")
    if not body:
        typed = request.form.get("text", "").strip()
        if not typed:
            raise Invalid("Choose a file, or paste its lines.", "file")
        return typed
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")  # what spreadsheets write where nobody asks them for UTF-8


def _blank(problem: str | None = None) -> dict[str, Any]:
    return {
        "plan": None,
        "problem": problem,
        "text": request.form.get("text", ""),
        "updates": request.form.get("existing", "update") == "update",
        "columns": card_lines.COLUMNS,
        "steps": STEPS,
        "zone_name": house_zone().key,
    }
