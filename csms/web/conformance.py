"""How well chargers keep to the specification, the habits of their models, and what follows from both."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, quirks
from csms.domain import chargers, conformance
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import Charger
from csms.domain.frames import Deviation
from csms.extensions import db
from csms.quirks import Profile, Register
from csms.web import exports
from csms.web.chargers import blueprint as chargers_blueprint
from csms.web.chargers import frame, shown
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("conformance", __name__, url_prefix="/conformance")

FITTING = ""  # the choice of "whichever fits"

# Deviations for people.
KINDS = {
    Deviation.NOT_JSON: "Not JSON",
    Deviation.MESSAGE_SHAPE: "Not a message of OCPP",
    Deviation.MESSAGE_ID_NUMBER: "Number instead of message id",
    Deviation.KEY_TWICE: "A member twice",
    Deviation.BAD_UNICODE: "Broken characters",
    Deviation.TOO_BIG: "Too many values",
    Deviation.ACTION_UNKNOWN: "Unknown action",
    Deviation.PAYLOAD_NULL: "No payload",
    Deviation.MEMBER_MISSING: "A member is missing",
    Deviation.MEMBER_NULL: "null",
    Deviation.MEMBER_MISSPELT: "A name in other letters",
    Deviation.MEMBER_UNEXPECTED: "A member too many",
    Deviation.LIST_EMPTY: "Empty list",
    Deviation.SINGLE_FOR_LIST: "One thing, no list",
    Deviation.NUMBER_FOR_TEXT: "Number instead of text",
    Deviation.TEXT_FOR_NUMBER: "Text instead of number",
    Deviation.FRACTION_FOR_WHOLE: "Fraction instead of whole number",
    Deviation.TEXT_FOR_TRUTH: "Text instead of true or false",
    Deviation.WRONG_TYPE: "Wrong type",
    Deviation.TEXT_EMPTY: "Empty text",
    Deviation.TEXT_TOO_LONG: "Text too long",
    Deviation.WORD_CASE: "Word in other letters",
    Deviation.WORD_UNKNOWN: "Unknown word",
    Deviation.VALUE_REFUSED: "Value not allowed",
    Deviation.DECIMAL_COMMA: "Decimal comma",
    Deviation.VALUE_NO_NUMBER: "Value is no number",
    Deviation.UNIT_MISSING: "No unit",
    Deviation.TIME_FORMAT: "Odd form of time",
    Deviation.TIME_UNREADABLE: "Unreadable time",
    Deviation.TIME_ZONE_MISSING: "No time zone",
    Deviation.CLOCK_WRONG: "Wrong clock",
    Deviation.ERROR_CODE_UNKNOWN: "Unknown error code",
    Deviation.ANSWER_LATE: "Late answer",
    Deviation.ANSWER_UNASKED: "Answer to nothing",
}


@blueprint.get("")
def index() -> str:
    """Every firmware, the worst first."""
    return render_template(
        "conformance/index.html", live_url=url_for("live.stream", topics="fleet"), **_fleet()
    )


@blueprint.get("/list")
def listed() -> str:
    """Their scores, for the live region."""
    return render_template("conformance/_list.html", **_fleet())


def _fleet() -> dict[str, Any]:
    return {"standings": conformance.fleet(db.session()), "kinds": KINDS, "zone": zone()}


@blueprint.get("/report.csv")
def report() -> Response:
    """The vendor report: what each firmware does, how often, and what it costs."""
    return _csv(conformance.report(conformance.fleet(db.session())), "conformance.csv")


@chargers_blueprint.get("/<int:charger_id>/conformance")
def charger(charger_id: int) -> str:
    return _page(shown(charger_id), {})


@chargers_blueprint.get("/<int:charger_id>/conformance/list")
def charger_list(charger_id: int) -> str:
    """Its scores and deviations, for their live region."""
    found = shown(charger_id)
    standings = conformance.of_charger(db.session(), found.id)
    return render_template("chargers/_standings.html", standings=standings, kinds=KINDS, zone=zone())


@chargers_blueprint.get("/<int:charger_id>/conformance.csv")
def charger_report(charger_id: int) -> Response:
    found = shown(charger_id)
    rows = conformance.report(conformance.of_charger(db.session(), found.id))
    return _csv(rows, f"conformance-{found.id}.csv")


@chargers_blueprint.post("/<int:charger_id>/quirks")
@requires("edit")
def choose_quirks(charger_id: int) -> str | tuple[str, int] | WerkzeugResponse:
    """Another quirk profile, none, or whichever fits."""
    choice = request.form.get("quirks", FITTING) or None
    try:
        with atomic() as session:
            found = chargers.get(session, charger_id)
            chargers.choose_quirks(session, found, choice)
            put_on_record(session, "charger.quirks", found.identity, choice or "whichever fits")
    except NotFound:
        raise
    except Invalid as error:
        return _page(shown(charger_id), {"quirks": str(error)}), 422
    flash("Saved. It holds from its next message on.", "success")
    return redirect(url_for("chargers.charger", charger_id=charger_id))


def _page(found: Charger, problems: dict[str, str]) -> str:
    session, profile = db.session(), chargers.quirks_of(found)
    return render_template(
        "chargers/conformance.html",
        profile=profile,
        effects=effects(profile),
        why=chargers.why_these_quirks(found),
        choices=_choices(found),
        suggestions=conformance.suggestions(session, found),
        standings=conformance.of_charger(session, found.id),
        kinds=KINDS,
        problems=problems,
        **frame(found, "conformance", clock.now()),
    )


def _choices(found: Charger) -> list[tuple[str, str]]:
    fitting = quirks.fitting(found.vendor, found.model, found.firmware_version)
    words = f"Whichever fits ({fitting[0].name if fitting else 'none does'})"
    named = sorted((x.name, key) for key, x in quirks.profiles().items())
    return [(FITTING, words), (quirks.NONE.key, "None"), *((key, name) for name, key in named)]


def effects(profile: Profile) -> list[str]:
    """What a profile changes, and what it keeps from being asked, in sentences."""
    told = [*_reading(profile), *_charging(profile)]
    if profile.needs_remote_start:
        told.append("A session begins only when it is started from here, or by a driver's page.")
    if profile.connection.connects_within_s:
        minutes = profile.connection.connects_within_s // 60
        told.append(f"It may take {minutes} minutes to connect after it was switched on.")
    if not profile.connection.redials:
        told.append("It does not come back by itself when its connection was cut.")
    told += [f"{x.action} is not sent: {x.why}. {x.instead}" for x in profile.refuses]
    told += [f"{x.name} is not set: {x.why}." for x in profile.keys if not x.may_write]
    told += [f"{x.name} is {x.least} or more: {x.why}." for x in profile.keys if x.least is not None]
    return told


def _reading(profile: Profile) -> list[str]:
    told = []
    if profile.cards.cut_from:
        told.append(f"Of a card's number, what begins with {profile.cards.cut_from} is left out.")
    if profile.cards.reversed_bytes:
        told.append("The bytes of a card's number are read from the last to the first.")
    if profile.meter.register is Register.SESSION:
        told.append("Its register counts each session from 0; what it began at is added.")
    if profile.meter.energy_factor != 1:
        told.append(f"What it calls Wh counts as {profile.meter.energy_factor} Wh.")
    if profile.meter.closes_late:
        told.append("Meter values after the end of a session still belong to it.")
    return told


def _charging(profile: Profile) -> list[str]:
    limits, told = profile.charging, []
    if limits.units:
        told.append(f"Limits are in {' or '.join(limits.units)} only.")
    if limits.steps_a:
        told.append(
            f"Limits are {', '.join(f'{x:g}' for x in limits.steps_a)} A; between them, the lower one."
        )
    if limits.is_whole_amps:
        told.append("Limits are whole amperes.")
    if limits.least_a:
        told.append(f"A limit below {limits.least_a:g} A is a pause.")
    if limits.kinds:
        told.append(f"Charging profiles are {' or '.join(limits.kinds)} only.")
    if limits.most_stack_level is not None:
        told.append(f"The highest stack level of a charging profile is {limits.most_stack_level}.")
    return told


def _csv(rows: Any, filename: str) -> Response:
    return exports.download(iter([exports.csv_text(rows)]), filename)
