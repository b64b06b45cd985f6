"""How well chargers keep to the specification, the habits of their models, and what follows from both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from babel.lists import format_list
from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as WerkzeugResponse

from csms import clock, quirks
from csms.domain import chargers, conformance
from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import Charger
from csms.extensions import db
from csms.quirks import Match, Profile, Register
from csms.web import exports, languages
from csms.web.chargers import blueprint as chargers_blueprint
from csms.web.chargers import frame, shown
from csms.web.deviations import DEVIATIONS
from csms.web.languages import said, stored
from csms.web.security import put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("conformance", __name__, url_prefix="/conformance")

FITTING = ""  # the choice of "whichever fits"


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
    return {"standings": conformance.fleet(db.session()), "kinds": DEVIATIONS, "zone": zone()}


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
    return render_template("chargers/_standings.html", standings=standings, kinds=DEVIATIONS, zone=zone())


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
        return _page(shown(charger_id), {"quirks": said(error)}), 422
    flash(gettext("Saved. It holds from its next message on."), "success")
    return redirect(url_for("chargers.charger", charger_id=charger_id))


def _page(found: Charger, problems: dict[str, str]) -> str:
    session, profile = db.session(), chargers.quirks_of(found)
    return render_template(
        "chargers/conformance.html",
        profile=profile,
        summary=_summary(profile),
        effects=effects(profile),
        why=_why(found),
        choices=_choices(found),
        suggestions=conformance.suggestions(session, found),
        standings=conformance.of_charger(session, found.id),
        kinds=DEVIATIONS,
        problems=problems,
        **frame(found, "conformance", clock.now()),
    )


def _choices(found: Charger) -> list[tuple[str, str]]:
    fitting = quirks.fitting(found.vendor, found.model, found.firmware_version)
    what = stored(fitting[0].name) if fitting else gettext("none does")
    words = gettext("Whichever fits (%(profile)s)", profile=what)
    named = sorted((stored(x.name), key) for key, x in quirks.profiles().items())
    return [(FITTING, words), (quirks.NONE.key, gettext("None")), *((key, name) for name, key in named)]


def _summary(profile: Profile) -> str:
    if profile is quirks.NONE:
        return gettext("It is taken as the specification has it.")
    return stored(profile.summary)


def _why(found: Charger) -> str:
    """Why this profile holds for a charger."""
    if found.quirks_choice is not None:
        return gettext("Chosen by hand.")
    fitting = quirks.fitting(found.vendor, found.model, found.firmware_version)
    if fitting is None:
        return gettext("No profile fits what it says of itself.")
    return gettext("It fits: %(reasons)s.", reasons=", ".join(_reasons(fitting[1])))


def _reasons(match: Match) -> Iterator[str]:
    if match.vendor != "*":
        yield gettext("its vendor is like %(pattern)s", pattern=match.vendor)
    if match.model != "*":
        yield gettext("its model is like %(pattern)s", pattern=match.model)
    if match.firmware != "*":
        yield gettext("its firmware is like %(pattern)s", pattern=match.firmware)
    if match.firmware_up_to:
        yield gettext("its firmware is %(version)s or older", version=match.firmware_up_to)


def effects(profile: Profile) -> list[str]:
    """What a profile changes, and what it keeps from being asked, in sentences."""
    found = [*_reading(profile), *_charging(profile)]
    if profile.needs_remote_start:
        found.append(gettext("A session begins only when it is started from here, or by a driver's page."))
    if profile.connection.connects_within_s:
        minutes = profile.connection.connects_within_s // 60
        found.append(
            gettext("It may take %(minutes)s minutes to connect after it was switched on.", minutes=minutes)
        )
    if not profile.connection.redials:
        found.append(gettext("It does not come back by itself when its connection was cut."))
    found += [_refused(x) for x in profile.refuses]
    found += [
        gettext("%(name)s is not set: %(why)s.", name=x.name, why=stored(x.why))
        for x in profile.keys
        if not x.may_write
    ]
    found += [
        gettext("%(name)s is %(least)s or more: %(why)s.", name=x.name, least=x.least, why=stored(x.why))
        for x in profile.keys
        if x.least is not None
    ]
    return found


def _refused(order: quirks.Refused) -> str:
    words = gettext("%(action)s is not sent: %(why)s.", action=order.action, why=stored(order.why))
    return f"{words} {stored(order.instead)}"


def _reading(profile: Profile) -> list[str]:
    found = []
    if profile.cards.cut_from:
        found.append(
            gettext("Of a card's number, what begins with %(mark)s is left out.", mark=profile.cards.cut_from)
        )
    if profile.cards.reversed_bytes:
        found.append(gettext("The bytes of a card's number are read from the last to the first."))
    if profile.meter.register is Register.SESSION:
        found.append(gettext("Its register counts each session from 0; what it began at is added."))
    if profile.meter.energy_factor != 1:
        found.append(gettext("What it calls Wh counts as %(factor)s Wh.", factor=profile.meter.energy_factor))
    if profile.meter.closes_late:
        found.append(gettext("Meter values after the end of a session still belong to it."))
    return found


def _charging(profile: Profile) -> list[str]:
    limits, found = profile.charging, []
    if limits.units:
        found.append(gettext("Limits are in %(units)s only.", units=_or(limits.units)))
    if limits.steps_a:
        steps = ", ".join(f"{x:g}" for x in limits.steps_a)
        found.append(gettext("Limits are %(steps)s A; between them, the lower one.", steps=steps))
    if limits.is_whole_amps:
        found.append(gettext("Limits are whole amperes."))
    if limits.least_a:
        found.append(gettext("A limit below %(least)s A is a pause.", least=f"{limits.least_a:g}"))
    if limits.kinds:
        found.append(gettext("Charging profiles are %(kinds)s only.", kinds=_or(limits.kinds)))
    if limits.most_stack_level is not None:
        found.append(
            gettext(
                "The highest stack level of a charging profile is %(level)s.", level=limits.most_stack_level
            )
        )
    return found


def _or(words: Sequence[str]) -> str:
    return str(format_list(words, "or", languages.current()))


def _csv(rows: Any, filename: str) -> Response:
    return exports.download(iter([exports.csv_text(rows)]), filename)
