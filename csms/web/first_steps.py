"""The owner's first steps, on the dashboard until they are done or put away."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock
from csms.domain import first_steps
from csms.domain.first_steps import FirstSteps, Step
from csms.extensions import db
from csms.sentences import gettext_noop
from csms.web.security import can, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("first_steps", __name__)

WORDS = {
    Step.CONNECT: gettext_noop("Connect a charger of your own"),
    Step.DESCRIBE: gettext_noop("Give it a name and a place"),
    Step.PRICE: gettext_noop("Set a price"),
    Step.LABEL: gettext_noop("Print its label with the QR code"),
    Step.INVITE: gettext_noop("Invite a colleague"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as it is read; `href` is where it is done."""

    words: str
    href: str
    is_done: bool


def shown(found: FirstSteps) -> list[Shown]:
    """For owners; nothing for others, and when it is over."""
    if found.is_over or not can("own"):
        return []
    return [Shown(gettext(words), _where(step, found), step in found.done) for step, words in WORDS.items()]


@blueprint.get("/dashboard/steps")
@requires("own")
def show() -> str:
    return render_template("dashboard/_steps.html", steps=shown(first_steps.first_steps(db.session())))


@blueprint.post("/dashboard/steps/put-away")
@requires("own")
def put_away() -> WerkzeugResponse:
    """Tell of them no more."""
    with atomic() as session:
        first_steps.put_away(session, at=clock.now())
        put_on_record(session, "first_steps.put_away")
    flash(gettext("The first steps are put away."), "success")
    return redirect(url_for("dashboard.show"))


@blueprint.post("/labels/printed")
@requires("operate")
def printed() -> Response:
    """Labels went to a printer."""
    with atomic() as session:
        first_steps.note_printed(session, at=clock.now())
    return Response(status=204)


def _where(step: Step, found: FirstSteps) -> str:
    """The page on which it is done."""
    match step:
        case Step.CONNECT:
            return url_for("chargers.new")
        case Step.DESCRIBE if found.charger_id is not None:
            return url_for("chargers.settings", charger_id=found.charger_id)
        case Step.DESCRIBE:
            return url_for("chargers.index")
        case Step.PRICE:
            return url_for("tariffs.new")
        case Step.LABEL:
            return url_for("labels.index", charger=found.charger_id)
        case Step.INVITE:
            return url_for("people.index")
