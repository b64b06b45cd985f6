"""Alerts: what lasts, what is over, and the rules by which somebody is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from werkzeug.wrappers import Response

from csms import alerts as sender
from csms import clock
from csms.domain import alerts, sites
from csms.domain.alerts import AlertKind, AlertRule, Wish
from csms.domain.base import DomainError, Invalid
from csms.extensions import db
from csms.web.languages import said
from csms.web.security import actor, put_on_record, requires
from csms.web.shell import zone
from csms.work import atomic

blueprint = Blueprint("alerts", __name__, url_prefix="/alerts")

Page = str | Response | tuple[str, int]

SNOOZES_H = (1, 8, 24)

KINDS = {
    AlertKind.OFFLINE: lazy_gettext("A charger cannot be reached"),
    AlertKind.FAULTED: lazy_gettext("A connector is out of order"),
    AlertKind.REFUSED: lazy_gettext("A charger is sent away"),
    AlertKind.PENDING: lazy_gettext("A charger wants to be let in"),
    AlertKind.BOOT_LOOP: lazy_gettext("A charger boots again and again"),
    AlertKind.SECURITY: lazy_gettext("A critical security event"),
    AlertKind.CERTIFICATE: lazy_gettext("A charger’s certificate ends soon"),
    AlertKind.UNBILLED: lazy_gettext("Sessions that could not be billed"),
    AlertKind.DOUBTFUL: lazy_gettext("Sessions with doubtful figures"),
    AlertKind.SILENT: lazy_gettext("Sessions that are open at silent chargers"),
    AlertKind.TROUBLE: lazy_gettext("Stations that do not react, as drivers tell"),
    AlertKind.PAYMENT: lazy_gettext("A payment failed or waits for a person"),
    AlertKind.DRIFT: lazy_gettext("A charger is not configured as wanted"),
    AlertKind.LOW_SUCCESS: lazy_gettext("Fewer starts succeed in a day than …"),
    AlertKind.GRID_LIMIT: lazy_gettext("A charger does not keep to the grid’s limit"),
    AlertKind.MAIL: lazy_gettext("A mail could not be sent"),
    AlertKind.WEBHOOK: lazy_gettext("A webhook fails"),
    AlertKind.PEER: lazy_gettext("An OCPI peer cannot be reached"),
    AlertKind.FORWARDING: lazy_gettext("A second backend cannot be reached"),
}


@blueprint.get("")
def index() -> str:
    return render_template(
        "alerts/index.html", live_url=url_for("live.stream", topics=alerts.TOPIC), **_page()
    )


@blueprint.get("/list")
def listed() -> str:
    """The alerts, for their live region."""
    return render_template("alerts/_list.html", **_page())


@blueprint.post("/<int:alert_id>/acknowledge")
@requires("operate")
def acknowledge(alert_id: int) -> Response:
    with atomic() as session:
        alert = alerts.alert(session, alert_id)
        alerts.acknowledge(session, alert, by=actor(), at=clock.now())
        put_on_record(session, "alert.assign", alert.title)
    flash(gettext("It is yours: everybody sees that."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<int:alert_id>/snooze")
@requires("operate")
def snooze(alert_id: int) -> Response:
    """For one of SNOOZES_H, the form's `hours`; without any: it is not put off any more."""
    hours, at = _number(request.form, "hours"), clock.now()
    if hours is not None and hours not in SNOOZES_H:
        raise Invalid("Choose one of the list.", "hours")
    with atomic() as session:
        alert = alerts.alert(session, alert_id)
        alerts.snooze(session, alert, until=at + timedelta(hours=hours) if hours else None, at=at)
        put_on_record(session, "alert.snooze" if hours else "alert.wake", alert.title)
    said_so = gettext("It is put off. If it still lasts then, it is told again.")
    flash(said_so if hours else gettext("It is not put off any more."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/rules/new")
@requires("edit")
def new() -> str:
    return _form(
        None, {"kind": request.args.get("kind", "offline"), "after_minutes": "10", "is_enabled": "1"}
    )


@blueprint.post("/rules")
@requires("edit")
def add() -> Page:
    try:
        with atomic() as session:
            rule = alerts.add(session, _wish(), by=actor(), at=clock.now())
            put_on_record(session, "alert_rule.added", rule.name)
    except DomainError as error:
        return _form(None, request.form, error), 422
    flash(gettext("The rule holds."), "success")
    return redirect(url_for(".index"))


@blueprint.get("/rules/<int:rule_id>")
@requires("edit")
def show(rule_id: int) -> str:
    rule = alerts.get(db.session(), rule_id)
    return _form(rule, _given(rule))


@blueprint.post("/rules/<int:rule_id>")
@requires("edit")
def change(rule_id: int) -> Page:
    try:
        with atomic() as session:
            rule = alerts.get(session, rule_id)
            alerts.change(session, rule, _wish(), at=clock.now())
            put_on_record(session, "alert_rule.changed", rule.name)
    except DomainError as error:
        return _form(alerts.get(db.session(), rule_id), request.form, error), 422
    flash(gettext("The rule has been changed."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/rules/<int:rule_id>/test")
@requires("edit")
def test(rule_id: int) -> Response:
    try:
        with atomic() as session:
            rule = alerts.get(session, rule_id)
            count = sum(sender.test(session, rule, clock.now()))
            put_on_record(session, "alert_rule.tested", rule.name)
    except DomainError as error:
        flash(said(error), "error")
    else:
        none = gettext("The rule names neither address nor channel: only webhooks are told.")
        words = gettext("A test is on its way.") if count else none
        flash(words, "success" if count else "info")
    return redirect(url_for(".index"))


@blueprint.post("/rules/<int:rule_id>/remove")
@requires("edit")
def remove(rule_id: int) -> Response:
    with atomic() as session:
        rule = alerts.get(session, rule_id)
        put_on_record(session, "alert_rule.removed", rule.name)
        alerts.remove(session, rule, at=clock.now())
    flash(gettext("The rule is gone."), "success")
    return redirect(url_for(".index"))


def _page() -> dict[str, Any]:
    session = db.session()
    lasting, past = alerts.open_alerts(session), alerts.past(session)
    return {
        "open": lasting,
        "past": past,
        "rules": alerts.rules(session),
        "channels": alerts.channels.listed(session),
        "troubles": alerts.channels.troubles(session, (*lasting, *past)),
        "kinds": KINDS,
        "snoozes": [(x, ngettext("%(num)s hour", "%(num)s hours", x)) for x in SNOOZES_H],
        "now": clock.now(),
        "zone": zone(),
    }


def _wish() -> Wish:
    form = request.form
    if form.get("kind") not in list(AlertKind):
        raise Invalid("Choose what is looked for.", "kind")
    return Wish(
        name=form.get("name", ""),
        kind=AlertKind(form["kind"]),
        after_minutes=_number(form, "after_minutes") or 0,
        threshold=_number(form, "threshold"),
        site_id=_number(form, "site_id"),
        mail_to=tuple(x for x in re.split(r"[\s,;]+", form.get("mail_to", "")) if x),
        channel_ids=tuple(int(x) for x in form.getlist("channel_ids") if re.fullmatch("[0-9]{1,18}", x)),
        quiet_from=_minutes(form, "quiet_from"),
        quiet_until=_minutes(form, "quiet_until"),
        is_enabled="is_enabled" in form,
    )


def _number(form: Mapping[str, str], name: str) -> int | None:
    """Raises Invalid."""
    text = form.get(name, "").strip()
    if not re.fullmatch("[0-9]{0,9}", text):
        raise Invalid("Write a whole number.", name)
    return int(text) if text else None


def _minutes(form: Mapping[str, str], name: str) -> int | None:
    """A time of the day in minutes. Raises Invalid."""
    text = form.get(name, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text)
    if found is None:
        raise Invalid("Write the time as 22:00.", name)
    return int(found[1]) * 60 + int(found[2])


def _given(rule: AlertRule) -> dict[str, Any]:
    """A rule as its form has it."""
    hours = {
        name: "" if value is None else f"{value // 60:02}:{value % 60:02}"
        for name, value in (("quiet_from", rule.quiet_from), ("quiet_until", rule.quiet_until))
    }
    return {
        "name": rule.name,
        "kind": rule.kind.value,
        "after_minutes": str(rule.after_minutes),
        "threshold": str(rule.threshold or ""),
        "site_id": str(rule.site_id or ""),
        "mail_to": ", ".join(rule.mail_to),
        "channel_ids": rule.channel_ids,
        "is_enabled": "1" if rule.is_enabled else "",
        **hours,
    }


def _form(rule: AlertRule | None, given: Any, error: DomainError | None = None) -> str:
    field = error.field if isinstance(error, Invalid) else None
    chosen = request.form.getlist("channel_ids") if error else given.get("channel_ids", ())
    return render_template(
        "alerts/form.html",
        rule=rule,
        given=given,
        channels=alerts.channels.listed(db.session()),
        chosen=[int(x) for x in chosen if str(x).isdecimal()],
        kinds=[(x.value, y) for x, y in KINDS.items()],
        places=[("", gettext("Any site")), *((str(x.id), x.name) for x in sites.listed(db.session()))],
        problems={field or "name": said(error)} if error else {},
    )
