"""Desired configuration: templates, what differs from them in the fleet, and bringing chargers in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock, masks
from csms.domain import chargers, configuration
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger
from csms.domain.chargers import queries as charger_queries
from csms.domain.configuration import Apply, Draft, Item, State, Template, queries, rules
from csms.domain.energy import budget
from csms.extensions import db
from csms.web.languages import said, stored
from csms.web.security import actor, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("configuration", __name__, url_prefix="/configuration")

Page = str | Response | tuple[str, int]
MOST_AT_ONCE = MOST_SHOWN = 200

# (words, colour, glyph) for `ui.mark`.
STATES: Mapping[State, tuple[LazyString, str, str]] = {
    State.IN_STEP: (lazy_gettext("As wanted"), "ready", "check"),
    State.DIFFERS: (lazy_gettext("Differs"), "wait", "triangle-alert"),
    State.UNREAD: (lazy_gettext("Not read yet"), "out", "circle-help"),
    State.UNKNOWN: (lazy_gettext("The charger has no such key"), "out", "ban"),
    State.READ_ONLY: (lazy_gettext("Read only at the charger"), "out", "lock"),
    State.WAITS: (lazy_gettext("Waits for a reset"), "wait", "rotate-cw"),
    State.ASKED: (lazy_gettext("On its way"), "active", "loader-circle"),
    State.REFUSED: (lazy_gettext("The charger refused it"), "fault", "circle-x"),
}
APPLY = (
    (Apply.NEVER.value, lazy_gettext("When somebody orders it")),
    (Apply.ON_BOOT.value, lazy_gettext("By itself, after each boot")),
)
KEEPS_LIST = {"": None, "yes": True, "no": False}
LIST_WORDS = (
    ("", lazy_gettext("It does not say")),
    ("yes", lazy_gettext("Keep one")),
    ("no", lazy_gettext("Keep none")),
)


@blueprint.get("")
def index() -> str:
    return _index({})


@blueprint.post("/budget")
@requires("edit")
def set_budget() -> Page:
    """What may be written on a day by itself: one key of one charger, and the profiles of one charger."""
    keys, profiles = _number("writes_per_day"), _number("profile_writes_per_day")
    try:
        with atomic() as session:
            configuration.set_writes_per_day(session, keys, at=clock.now())
            budget.set_per_day(session, profiles, at=clock.now())
            put_on_record(session, "configuration.budget", None, f"keys {keys}, profiles {profiles}")
    except Invalid as error:
        return _index({error.field or "writes_per_day": said(error)}), 422
    flash(gettext("Saved."), "success")
    return redirect(url_for(".index"))


def _number(field: str) -> int:
    """The whole number in a field; 0, which no field here allows, for anything else."""
    text = request.form.get(field, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@blueprint.get("/new")
@requires("edit")
def new() -> str:
    """Empty, or filled from the address; `charger`: with what that one has."""
    given = {"apply": Apply.NEVER.value} | request.args.to_dict()
    like = given.pop("charger", "")
    return _form(None, given | _like(int(like)) if like.isdecimal() and len(like) < 19 else given)


@blueprint.post("/new")
@requires("edit")
def add() -> Page:
    try:
        with atomic() as session:
            template = configuration.create(session, _draft(), at=clock.now())
            put_on_record(session, "template.add", template.name)
    except Invalid as error:
        return _form(None, request.form, error), 422
    words = gettext(
        "%(name)s is there. What differs from it shows on its page and under Drift.", name=template.name
    )
    flash(words, "success")
    return redirect(url_for(".show", template_id=template.id))


@blueprint.get("/<int:template_id>")
def show(template_id: int) -> str:
    template = queries.template(db.session(), template_id)
    return _form(template, _given(template))


@blueprint.post("/<int:template_id>")
@requires("edit")
def save(template_id: int) -> Page:
    try:
        with atomic() as session:
            template = queries.template(session, template_id)
            configuration.change(session, template, _draft(), at=clock.now())
            put_on_record(session, "template.edit", template.name)
    except Invalid as error:
        return _form(queries.template(db.session(), template_id), request.form, error), 422
    flash(gettext("Saved. Nothing is written until it is applied."), "success")
    return redirect(url_for(".show", template_id=template_id))


@blueprint.post("/<int:template_id>/delete")
@requires("edit")
def delete(template_id: int) -> Response:
    with atomic() as session:
        template = queries.template(session, template_id)
        put_on_record(session, "template.delete", template.name)
        configuration.remove(session, template)
    flash(gettext("%(name)s is gone. What it has set stays at the chargers.", name=template.name), "success")
    return redirect(url_for(".index"))


@blueprint.get("/drift")
def drift() -> str:
    """Chargers and the keys of theirs that are not as wanted."""
    live_url = url_for("live.stream", topics="fleet")
    return render_template("configuration/drift.html", live_url=live_url, **_drifted())


@blueprint.get("/drift/list")
def drift_list() -> str:
    """What differs, for its live region."""
    return render_template("configuration/_drift.html", **_drifted())


def _drifted() -> dict[str, Any]:
    after = request.args.get("after", "")[:48]
    found, following = queries.drifted(db.session(), at=clock.now(), after=after)
    return {
        "found": found,
        "has_templates": bool(queries.templates(db.session())),
        "after": after,
        "next_url": url_for(".drift", after=following) if following else None,
        "list_url": url_for(".drift_list", after=after or None),
        "states": STATES,
    }


@blueprint.get("/apply")
@requires("operate")
def preview() -> Page:
    """What would be written at the chosen chargers, and what would not, and why."""
    session, at = db.session(), clock.now()
    most = queries.writes_per_day(session)
    rows = []
    for charger in _chosen(session, request.args.getlist("charger")):
        for item in queries.drift(session, charger, at=at):
            if item.is_drift:
                rows.append((charger, item, _obstacle(item, most)))
    if not rows:
        flash(gettext("Choose chargers whose keys differ."), "info")
        return redirect(url_for(".drift"))
    writes = sum(1 for _, _, obstacle in rows if obstacle is None)
    return render_template("configuration/apply.html", rows=rows, writes=writes, states=STATES)


@blueprint.post("/apply")
@requires("operate")
def apply() -> Response:
    """Write what differs at the chosen chargers: now, or when they are there again."""
    at, done, problems = clock.now(), 0, []
    with atomic() as session:
        for charger in _chosen(session, request.form.getlist("charger")):
            try:
                configuration.request_apply(session, charger, by=actor(), at=at)
            except Refused as error:
                problems.append(said(error))
                continue
            put_on_record(session, "configuration.apply", charger.identity)
            done += 1
    if done:
        words = ngettext(
            "%(num)s charger: what differs is written now, or when it is there again.",
            "%(num)s chargers: what differs is written now, or when it is there again.",
            done,
        )
        flash(words, "success")
    for problem in problems[:3]:
        flash(problem, "error")
    return redirect(url_for(".drift"))


@blueprint.post("/chargers/<int:charger_id>/<any(read,apply,reset,resume):verb>")
@requires("operate")
def order(charger_id: int, verb: str) -> Response:
    """Something about one charger's configuration, from its own page."""
    at, by = clock.now(), actor()
    try:
        with atomic() as session:
            charger = chargers.get(session, charger_id)
            put_on_record(session, f"configuration.{verb}", charger.identity)
            words = _ORDERS[verb](session, charger, by, at)
        flash(words, "success")
    except Refused as error:
        flash(said(error), "error")
    return redirect(url_for("chargers.configuration", charger_id=charger_id))


def _read(session: Session, charger: Charger, by: str, at: datetime) -> str:
    configuration.request_read(session, charger, by=by, at=at)
    return gettext("Its keys are read: now, or when it is there again.")


def _apply(session: Session, charger: Charger, by: str, at: datetime) -> str:
    configuration.request_apply(session, charger, by=by, at=at)
    return gettext("What differs is written: now, or when it is there again.")


def _reset(session: Session, charger: Charger, by: str, at: datetime) -> str:
    configuration.request_reset(session, charger, by=by, at=at)
    return gettext("It is reset as soon as nobody charges there.")


def _resume(session: Session, charger: Charger, by: str, at: datetime) -> str:
    del by, at
    configuration.resume(session, charger)
    return gettext("Templates may write there by themselves again.")


_ORDERS = {"read": _read, "apply": _apply, "reset": _reset, "resume": _resume}


def wanted_of(charger: Charger, at: datetime) -> dict[str, Any]:
    """What a charger's own page shows of all this."""
    session = db.session()
    items = queries.drift(session, charger, at=at)
    most = queries.writes_per_day(session)
    return {
        "wanted": [(item, _obstacle(item, most)) for item in items],
        "writes": sum(1 for item in items if item.can_be_written and _obstacle(item, most) is None),
        "states": STATES,
        "upkeep": queries.upkeep(session, charger.id),
    }


def _obstacle(item: Item, most: int) -> str | None:
    """Why a value is not written now; None if it can be."""
    if not item.can_be_written:
        return str(STATES[item.state][0])
    return stored(rules.budget_problem(item.write, clock.now(), most)) or None


def _chosen(session: Session, given: Sequence[str]) -> Sequence[Charger]:
    ids = dict.fromkeys(int(x) for x in given if x.isascii() and x.isdigit() and len(x) < 19)
    return [chargers.get(session, charger_id) for charger_id in [*ids][:MOST_AT_ONCE]]


def _draft() -> Draft:
    given = {name: value.strip() for name, value in request.form.items()}
    priority = given.get("priority", "")
    if priority and not (priority.isascii() and priority.isdigit() and len(priority) < 9):
        raise Invalid("Write a whole number; the lowest wins.", "priority")
    return Draft(
        name=given.get("name", ""),
        vendor=given.get("vendor"),
        model=given.get("model"),
        firmware=given.get("firmware"),
        site=given.get("site"),
        wanted=_pairs(given.get("wanted", "")),
        apply=Apply.ON_BOOT if given.get("apply") == Apply.ON_BOOT else Apply.NEVER,
        resets="resets" in given,
        keeps_list=KEEPS_LIST.get(given.get("keeps_list", "")),
        priority=int(priority) if priority else None,
    )


def _pairs(text: str) -> dict[str, str]:
    """Lines of `Key = value`. Raises Invalid for a line without =, and for a key that is there twice."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign:
            raise Invalid("Line %(number)s has no = between key and value.", "wanted", number=number)
        if name.strip() in found:
            raise Invalid("%(name)s is there twice.", "wanted", name=name.strip())
        found[name.strip()] = value.strip()
    return found


def _given(template: Template) -> dict[str, Any]:
    listed = next(word for word, value in KEEPS_LIST.items() if value is template.keeps_list)
    return {
        "name": template.name,
        "priority": template.priority,
        "apply": template.apply.value,
        "resets": template.resets,
        "keeps_list": listed,
        "wanted": "\n".join(f"{name} = {value}" for name, value in configuration.shown(template).items()),
        **{x: getattr(template, x) or "" for x in ("vendor", "model", "firmware", "site")},
    }


def _like(charger_id: int) -> dict[str, Any]:
    """A template of what a charger has that may be written, but for what is secret. Raises NotFound."""
    session = db.session()
    charger = chargers.get(session, charger_id)
    lines = [
        f"{x.name} = {x.value}"
        for x in charger_queries.configuration(session, charger.id)
        if not (x.is_readonly or x.is_missing or x.value is None or masks.is_secret(x.name, x.value))
    ]
    return {
        "name": gettext("Like %(charger)s", charger=charger.title)[:80],
        "vendor": charger.vendor or "",
        "model": charger.model or "",
        "wanted": "\n".join(x for x in lines if len(x.splitlines()) == 1),
    }


def _index(problems: dict[str, str]) -> str:
    session = db.session()
    known = queries.templates(session)
    return render_template(
        "configuration/index.html",
        listed=list(zip(known, queries.counts(session, known), strict=True)),
        writes_per_day=queries.writes_per_day(session),
        profile_writes_per_day=budget.per_day(session),
        given=request.form,
        problems=problems,
    )


def _form(template: Template | None, given: Any, error: Invalid | None = None) -> str:
    matching, count = queries.matching(db.session(), template, limit=MOST_SHOWN) if template else ((), 0)
    return render_template(
        "configuration/form.html",
        template=template,
        given=given,
        problems={error.field: said(error)} if error else {},
        apply_words=APPLY,
        list_words=LIST_WORDS,
        matching=matching,
        match_count=count,
    )
