"""Smart charging of one charger: its limits over time, its profiles, and what can be done about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import chargers, energy
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.chargers import Charger
from csms.domain.commands import Command, Kind
from csms.domain.energy import Held, Meant, Purpose, RateUnit, State, budget, queries
from csms.domain.transactions import Transaction
from csms.extensions import db
from csms.web import languages, limit_forms, limits
from csms.web.addresses import with_query
from csms.web.chargers import about, frame, shown
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("energy", __name__)

Page = str | tuple[str, int] | Response

FILLED_IN = ("limit", "profile")  # by these fields a form is known whose words are not to be lost
LASTING = (
    ("1", lazy_gettext("1 hour")),
    ("2", lazy_gettext("2 hours")),
    ("4", lazy_gettext("4 hours")),
    ("8", lazy_gettext("8 hours")),
    ("24", lazy_gettext("24 hours")),
    ("", lazy_gettext("Until it is cleared")),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A profile at a charger, in words."""

    held: Held
    name: str
    where: str
    purpose: str
    summary: str
    state: tuple[str, str, str]
    is_over: bool

    @property
    def may_send_again(self) -> bool:
        """Has the charger perhaps not got it, and would it still mean the same?"""
        is_amiss = self.held.state in (State.REFUSED, State.UNKNOWN)
        return is_amiss and self.held.profile.purpose is not Purpose.TX


@blueprint.get("/chargers/<int:charger_id>/smart-charging")
def show(charger_id: int) -> str:
    return _page(shown(charger_id), {})


def _page(charger: Charger, problems: Mapping[str, str]) -> str:
    """The tab; `problems`: what is wrong with what was typed, by field."""
    at = clock.now()
    return render_template(
        "energy/show.html",
        places=limit_forms.places(charger),
        lasting=LASTING,
        stored=[(str(x.id), x.name) for x in queries.stored(db.session())],
        given=request.form if problems else {},
        problems=problems,
        **frame(charger, "smart-charging", at),
        **_chosen(charger),
        **_limits(charger, at),
    )


@blueprint.get("/chargers/<int:charger_id>/smart-charging/now")
def now(charger_id: int) -> str:
    """The limits and the profiles, for their live region."""
    charger, at = shown(charger_id), clock.now()
    return render_template(
        "energy/_now.html", **about(charger, at), **_chosen(charger), **_limits(charger, at)
    )


@blueprint.post("/chargers/<int:charger_id>/smart-charging/limit")
@requires("operate")
def limit(charger_id: int) -> Page:
    """A limit from now on."""

    def act(session: Session, charger: Charger) -> Command:
        unit = limit_forms.unit(request.form.get("unit"))
        value = limit_forms.number("limit") * (1000 if unit is RateUnit.W else 1)
        until, at = limit_forms.until(), clock.now()
        given = energy.limit_now(
            session,
            charger,
            limit_forms.evse(request.form.get("evse")),
            value,
            unit,
            until=until,
            by=actor(),
            at=at,
        )
        put_on_record(session, "charging_profile.limit", charger.identity, given.name)
        return given.command

    return _answered(charger_id, act)


@blueprint.post("/chargers/<int:charger_id>/smart-charging/assign")
@requires("operate")
def assign(charger_id: int) -> Page:
    """A stored profile, or one that is sent again as it was."""

    def act(session: Session, charger: Charger) -> Command:
        evse, again = limit_forms.evse(request.form.get("evse")), request.form.get("again", "")
        if again:
            held = next((x for x in queries.held(session, charger) if str(x.assignment.id) == again), None)
            if held is None:
                raise NotFound("There is no such profile any more.")
            meant, profile = Meant(held.assignment.name, actor(), held.assignment.profile_id), held.profile
        else:
            stored = queries.get(session, round(limit_forms.number("profile")))
            meant, profile = Meant(stored.name, actor(), stored.id), stored.profile
        given = energy.assign(session, charger, evse, profile, meant, at=clock.now())
        put_on_record(session, "charging_profile.assign", charger.identity, given.name)
        return given.command

    return _answered(charger_id, act)


@blueprint.post("/chargers/<int:charger_id>/smart-charging/ask")
@requires("operate")
def ask(charger_id: int) -> Page:
    """The charger's own word on its limits."""

    def act(session: Session, charger: Charger) -> Command:
        hours, unit = (
            int(limit_forms.window(request.form.get("hours"))),
            limit_forms.unit(request.form.get("unit")),
        )
        evse = limit_forms.evse(request.form.get("evse"))
        return energy.ask_composite(
            session, charger, evse, duration_s=hours * 3600, unit=unit, by=actor(), at=clock.now()
        )

    return _answered(charger_id, act)


@blueprint.get("/chargers/<int:charger_id>/smart-charging/clear")
@requires("operate")
def preview(charger_id: int) -> str:
    """What clearing would end, before it is done."""
    charger, at = shown(charger_id), clock.now()
    ends = energy.matching(db.session(), charger, limit_forms.criteria(request.args))
    return render_template(
        "energy/clear.html",
        given=request.args,
        places=[("", gettext("Everywhere")), *limit_forms.places(charger)],
        purposes=[
            ("", gettext("Every purpose")),
            *((x.value, limits.PURPOSES[x]) for x in Purpose if x is not Purpose.EXTERNAL),
        ],
        rows=[_row(x, at) for x in ends],
        **frame(charger, "smart-charging", at),
    )


@blueprint.post("/chargers/<int:charger_id>/smart-charging/clear")
@requires("operate")
def clear(charger_id: int) -> Page:
    def act(session: Session, charger: Charger) -> Command | None:
        criteria = limit_forms.criteria(request.form)
        put_on_record(
            session, "charging_profile.clear", charger.identity, str(request.form.get("number") or "all")
        )
        return energy.clear(session, charger, criteria, by=actor(), at=clock.now())

    return _answered(charger_id, act)


@blueprint.post("/chargers/<int:charger_id>/smart-charging/supply")
@requires("operate")
def supply(charger_id: int) -> Page:
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            energy.set_supply(
                session, charger, limit_forms.number("voltage_v"), round(limit_forms.number("phases"))
            )
            put_on_record(session, "charger.supply", charger.identity)
    except Invalid as error:
        return _page(shown(charger_id), {error.field or "voltage_v": languages.said(error)}), 422
    flash(gettext("A and kW are converted by these now."), "success")
    return redirect(url_for(".show", charger_id=charger_id))


@blueprint.get("/sessions/<int:transaction_id>/limits")
def of_session(transaction_id: int) -> str:
    """The profiles that were meant for a session, as they were sent."""
    transaction = db.session().get(Transaction, transaction_id)
    if transaction is None:
        raise NotFound("There is no such session.")
    held = queries.of_transaction(db.session(), transaction)
    at = clock.now()
    return render_template(
        "energy/session.html", transaction=transaction, rows=[_row(x, at) for x in held], zone=zone(), now=at
    )


def _answered(charger_id: int, act: Any) -> Page:
    """Do what is asked, and show the order that comes of it, or why none does."""
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            command = act(session, charger)
            session.flush()
            warning = budget.warning(session, charger, clock.now()) if _is_profile(command) else None
    except NotFound:
        raise
    except DomainError as error:
        if "HX-Request" in request.headers:
            return render_template("commands/_refused.html", words=languages.said(error)), 409
        if (field := next((x for x in FILLED_IN if x in request.form), None)) is not None:
            if isinstance(error, Invalid) and error.field and error.field in request.form:
                field = error.field
            return _page(shown(charger_id), {field: languages.said(error)}), 422
        flash(languages.said(error), "error")
        return redirect(url_for(".show", charger_id=charger_id))
    if "HX-Request" not in request.headers:
        if warning is not None:
            flash(languages.stored(warning), "warning")
        if command is None:
            flash(gettext("Taken back: nothing had been sent yet."), "success")
            return redirect(url_for(".show", charger_id=charger_id))
        return redirect(url_for("commands.show", command_id=command.id))
    if command is None:
        return render_template("chargers/_said.html", words=gettext("Taken back: nothing had been sent yet."))
    return render_template("energy/_answered.html", command=command, warning=languages.stored(warning))


def _is_profile(command: Command | None) -> bool:
    return command is not None and command.kind is Kind.SET_PROFILE


def _chosen(charger: Charger) -> dict[str, Any]:
    """What the address says that is to be seen."""
    evse = request.args.get("evse") or ("1" if len(charger.connectors) == 1 else "0")
    hours, unit = (
        limit_forms.window(request.args.get("hours")),
        limit_forms.unit(request.args.get("unit")).value,
    )
    given = {"evse": evse, "hours": hours, "unit": unit}

    def to(**change: str) -> str:
        return with_query(".show", given | change, charger_id=charger.id)

    return {
        "chosen": given,
        "evse_choices": [(key, words, to(evse=key), None) for key, words in limit_forms.places(charger)],
        "hour_choices": [(key, words, to(hours=key), None) for key, words in limit_forms.WINDOWS.items()],
        "unit_choices": [(key, words, to(unit=key), None) for key, words in (("A", "A"), ("W", "kW"))],
        "now_url": with_query(".now", given, charger_id=charger.id),
    }


def _limits(charger: Charger, at: datetime) -> dict[str, Any]:
    session, given = db.session(), _chosen(charger)["chosen"]
    evse, unit = limit_forms.evse(given["evse"]), limit_forms.unit(given["unit"])
    ends_at = at + timedelta(hours=int(given["hours"]))
    both = queries.both_sides(session, charger, evse, begins_at=at, ends_at=ends_at, unit=unit)
    holding, today = both.holding, budget.today(session, charger, at)
    installed = [x.as_installed for x in holding if x.is_in_force]
    stacks = [(x, energy.stack(installed, x, evse, both.window)) for x in Purpose]
    first = both.expected.steps[0]
    return {
        "timeline": limits.timeline(both.expected, stacks, both.told, zone()),
        "holds_now": limits.rate(first.limit, unit),
        "is_limited": first.limit is not None,
        "because": next(
            (_name(x) for x in holding if x.is_in_force and x.assignment.number == first.number),
            None,
        ),
        "answer": both.answer,
        "differences": [
            (x, limits.rate(x.expected, unit), limits.rate(x.told, unit)) for x in both.differences
        ],
        "supply": both.window.supply,
        "able": queries.able(session, charger.id),
        "written_today": today.count,
        "writes_per_day": today.most,
        "spared": today.problem,
        "rows": [_row(x, at) for x in holding],
        "past": [_row(x, at) for x in queries.past(session, charger, 20)],
    }


def _row(held: Held, at: datetime) -> Row:
    one = held.assignment
    ends_at = held.profile.ends_at
    return Row(
        held,
        _name(held),
        gettext("Connector %(number)s", number=one.evse_number) if one.evse_number else gettext("Charger"),
        str(limits.PURPOSES[held.profile.purpose]),
        limits.summary(held.profile, zone()),
        limits.state(held.state),
        ends_at is not None and ends_at <= at,
    )


def _name(held: Held) -> str:
    """What it is called: by people, who stored it, or by us."""
    one = held.assignment
    return one.name if one.profile_id else languages.stored(one.name)
