"""One thing for many chargers: what it can be, who is left out and why, and the last question before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import batches, sites, tariffs
from csms.domain.base import DomainError, Invalid, NotFound
from csms.domain.batches import Order, Plan, Skip
from csms.domain.chargers import Candidate, Charger, candidates, tags
from csms.domain.chargers.filtering import Filter
from csms.extensions import db
from csms.sentences import told
from csms.web import bulk_actions, selection
from csms.web.bulk_actions import ACTIONS, Action, Change
from csms.web.languages import said, stored
from csms.web.security import actor, can, put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("bulk", __name__, url_prefix="/chargers/bulk")

Page = str | Response | tuple[str, int]
FEW_NAMED = 8  # of those who were chosen
MOST_NAMED = 200  # of those who are left out
REASON_WORDS = {
    batches.Reason.NOT_LET_IN: lazy_gettext("Not let in"),
    batches.Reason.OFFLINE: lazy_gettext("Offline"),
    batches.Reason.UNSUPPORTED: lazy_gettext("Not supported"),
    batches.Reason.BUSY: lazy_gettext("Somebody charges"),
}


@blueprint.get("")
@requires("operate")
def index() -> Page:
    """What can be done with those who were chosen."""
    try:
        count, first = selection.glance(db.session(), at=clock.now(), most=FEW_NAMED)
    except Invalid as error:
        return _back(error)
    return render_template(
        "bulk/index.html",
        count=count,
        first=first,
        groups=_groups(),
        query=selection.query(),
        list_url=_list_url(),
    )


@blueprint.get("/<name>")
@requires("operate")
def show(name: str) -> Page:
    """What is asked, and who would be."""
    action = _action(name)
    try:
        return _form(action, _chargers(), _usual(action), {})
    except Invalid as error:
        return _back(error)


@blueprint.post("/<name>")
@requires("operate")
def do(name: str) -> Page:
    """Do it; or only show who is meant with these choices."""
    action, given = _action(name), request.form
    try:
        chargers = _chargers()
    except Invalid as error:
        return _back(error)
    if given.get("what") != "begin":
        return _form(action, chargers, given, {})
    try:
        if isinstance(action, Change):
            return _changed(action, chargers, given)
        return _begun(action, chargers, given)
    except NotFound:
        raise
    except DomainError as error:
        field = error.field if isinstance(error, Invalid) and error.field else "form"
        return _form(action, _chargers(), given, {field: said(error)}), 422


def _begun(action: Action, chargers: Sequence[Candidate], given: Mapping[str, str]) -> Response:
    order, per_minute, at = _order(action, given), _pace(given), clock.now()
    planned = batches.plan(db.session(), chargers, order, at=at)
    if order.is_grave:
        _check_count(given, planned.chargers)
    ids = [x.id for x in chargers]
    with atomic() as session:
        batch = batches.begin(
            session,
            candidates(session, Filter(ids=ids), at=at, most=batches.MOST),
            order,
            per_minute=per_minute,
            by=actor(),
            at=at,
            source_id=request.args.get("batch"),
        )
        about = told("%(what)s: %(count)s chargers", what=action.words, count=planned.chargers)
        put_on_record(session, "batch.begin", f"batch {batch.id}", about)
        batch_id = batch.id
    return redirect(url_for("batches.show", batch_id=batch_id))


def _changed(action: Change, chargers: Sequence[Candidate], given: Mapping[str, str]) -> Response:
    ids, at = [x.id for x in chargers], clock.now()
    if action.is_grave:
        _check_count(given, sum(action.skips(x) is None for x in chargers))
    with atomic() as session:
        meant = [x for x in selection.named(session, ids, at=at) if action.skips(x) is None]
        if not meant:
            raise Invalid("Nobody is left for whom this would change anything.", "form")
        about = action.do(session, meant, given, at)
        for charger in meant:
            put_on_record(session, f"charger.{action.name}", charger.identity, about)
    flash(_done(action, len(meant), about), "success")
    return redirect(_list_url())


def _done(action: Change, count: int, about: str | None) -> str:
    what = gettext(action.done)
    if not about:
        return ngettext("%(what)s: %(num)s charger.", "%(what)s: %(num)s chargers.", count, what=what)
    return ngettext(
        "%(what)s: %(num)s charger (%(about)s).",
        "%(what)s: %(num)s chargers (%(about)s).",
        count,
        what=what,
        about=stored(about),
    )


def _check_count(given: Mapping[str, str], count: int) -> None:
    """Raises Invalid unless the number of those whom it is done to was typed."""
    if given.get("typed", "").strip() != str(count):
        raise Invalid("Type %(count)s to confirm: that many are meant now.", "typed", count=count)


def _action(name: str) -> Action | Change:
    """404 for one that there is not, or that whoever is asking may not do."""
    action = ACTIONS.get(name)
    if action is None or not can(action.permission):
        abort(404)
    return action


def _chargers() -> Sequence[Candidate]:
    return selection.chosen(db.session(), at=clock.now())


def _usual(action: Action | Change) -> Mapping[str, str]:
    """What the form says first: what the address does, or the batch that is repeated."""
    given = request.args.to_dict()
    if (batch_id := given.get("batch")) and isinstance(action, Action):
        given |= bulk_actions.as_form(batches.queries.get(db.session(), batch_id))
    return given


def _order(action: Action, given: Mapping[str, str]) -> Order:
    arguments = batches.checked(action.kind, action.arguments(given))
    return Order(action.kind, arguments, includes_busy="includes_busy" in given)


def _pace(given: Mapping[str, str]) -> int | None:
    text = given.get("per_minute", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= batches.FASTEST):
        raise Invalid(
            "A whole number from 1 to %(fastest)s, or nothing.", "per_minute", fastest=batches.FASTEST
        )
    return int(text)


def _form(
    action: Action | Change, chargers: Sequence[Candidate], given: Mapping[str, str], problems: dict[str, str]
) -> str:
    plan = None
    if isinstance(action, Action):
        plan = _planned(action, chargers, given, problems)
        meant, is_grave = plan.chargers if plan else 0, _is_grave(action, given)
        left_out = len(plan.skips) if plan else 0
        skips = [_skipped(x) for x in plan.skips[:MOST_NAMED]] if plan else []
    else:
        found = [(x, action.skips(x)) for x in chargers]
        why_not = [(x, why) for x, why in found if why is not None]
        left_out = len(why_not)
        skips = [(x, gettext("Left out"), gettext(why), False) for x, why in why_not[:MOST_NAMED]]
        meant, is_grave = len(found) - left_out, action.is_grave
    return render_template(
        "bulk/form.html",
        action=action,
        is_order=plan is not None or isinstance(action, Action),
        given=given,
        problems=problems,
        chosen=len(chargers),
        meant=meant,
        orders=len(plan.turns) if plan else meant,
        is_grave=is_grave,
        skips=skips,
        skips_more=left_out - len(skips),
        interrupts=isinstance(action, Action) and action.interrupts,
        query=selection.query(),
        list_url=_list_url(),
        **_choices(action),
    )


def _skipped(skip: Skip) -> tuple[Charger | Candidate, str, str | None, bool]:
    """Who is left out, why, in more words where those say more, and whether somebody charges there."""
    is_plain = skip.reason in (batches.Reason.OFFLINE, batches.Reason.BUSY)
    why = None if is_plain else stored(skip.words)
    return skip.charger, str(REASON_WORDS[skip.reason]), why, skip.reason is batches.Reason.BUSY


def _planned(
    action: Action, chargers: Sequence[Candidate], given: Mapping[str, str], problems: dict[str, str]
) -> Plan | None:
    """Who would be asked; None while the form does not say what."""
    try:
        order = _order(action, given)
    except Invalid as error:
        if given.get("what"):
            problems.setdefault(error.field or "form", said(error))
        return None
    return batches.plan(db.session(), chargers, order, at=clock.now())


def _is_grave(action: Action, given: Mapping[str, str]) -> bool:
    try:
        return _order(action, given).is_grave
    except Invalid:
        return False


def _choices(action: Action | Change) -> dict[str, Any]:
    """What the fields of the form offer."""
    session = db.session()
    return {
        "known_tags": tags.known(session) if action.fields == "tags" else (),
        "sites": sites.listed(session) if action.fields == "site" else (),
        "tariffs": tariffs.listed(session) if action.fields == "tariff" else (),
        "messages": bulk_actions.MESSAGES,
    }


def _groups() -> list[tuple[str, list[Action | Change]]]:
    allowed = [x for x in ACTIONS.values() if can(x.permission)]
    return [
        (words, [x for x in allowed if x.group == words]) for words in dict.fromkeys(x.group for x in allowed)
    ]


def _list_url() -> str:
    return selection.with_choice(url_for("chargers.index"), {}, without=selection.PICKED)


def _back(error: Invalid) -> Response:
    flash(said(error), "error")
    return redirect(_list_url())
