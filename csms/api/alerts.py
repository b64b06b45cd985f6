"""Alerts, and the rules that raise them."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from flask import url_for
from pydantic import Field

from csms import alerts as sender
from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.domain import alerts
from csms.domain.alerts import Alert, AlertKind, AlertRule, Wish
from csms.extensions import db


class RuleIn(In):
    """Tell by e-mail, channels, and webhooks (`alert.raised`) when something lasts longer than `after_minutes`.

    Between `quiet_from` and `quiet_until`, on the installation's clocks, nothing is told; what lasts is told then.
    """

    name: str = Field(min_length=1, max_length=80, examples=["Depot is offline"])
    kind: AlertKind
    after_minutes: int = Field(0, ge=0, le=10_080)
    threshold: int | None = Field(None, ge=1, le=100, description="per cent, of low_success; absent: 80")
    site_id: int | None = Field(None, description="absent: any site")
    mail_to: list[str] = Field(default_factory=list, max_length=10, examples=[["ops@example.org"]])
    channel_ids: list[int] = Field(default_factory=list, max_length=10, description="of `/alert-channels`")
    quiet_from: time | None = Field(None, examples=["22:00"])
    quiet_until: time | None = Field(None, examples=["06:00"])
    is_enabled: bool = True


class RuleOut(Out):
    id: int
    name: str
    kind: AlertKind
    after_minutes: int
    threshold: int | None
    site_id: int | None
    mail_to: list[str]
    channel_ids: list[int]
    quiet_from: str | None
    quiet_until: str | None
    is_enabled: bool
    created_by: str | None
    created_at: datetime


class RuleList(Out):
    data: list[RuleOut]


class AlertQuery(Listing):
    open: bool | None = Field(None, description="true: what lasts; false: what is over")


class AlertOut(Out):
    """`since`: from when it was so; `told_at`: when somebody was told, null in quiet hours; `snoozed_until`: it is told
    then, once more if need be, if it still lasts.
    """

    id: int
    rule_id: int
    rule: str
    kind: AlertKind
    title: str
    path: str
    identity: str | None = Field(description="of the charger that it is about, if of one")
    since: datetime
    raised_at: datetime
    told_at: datetime | None
    recovered_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    snoozed_until: datetime | None


class SnoozeIn(In):
    until: Moment | None = Field(description="a week from now at most; null: it is not put off any more")


class AlertList(Out):
    data: list[AlertOut]
    next_cursor: str | None


class Tested(Out):
    mails: int = Field(description="how many were queued")
    messages: int = Field(description="how many were queued for channels")


@blueprint.get("/alerts")
@spec.validate(resp=answers(200, AlertList), tags=["alerts"], operation_id="listAlerts")
@needs(Scope.READ)
def list_alerts(query: AlertQuery) -> Any:
    """Alerts, the newest first."""
    found = page(db.session(), alerts.listed(is_open=query.open), (Alert.id,), query, newest_first=True)
    return AlertList(data=[_told(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.post("/alerts/<int:alert_id>/acknowledge")
@spec.validate(resp=answers(200, AlertOut), tags=["alerts"], operation_id="acknowledgeAlert")
@needs(Scope.OPERATE)
def acknowledge_alert(alert_id: int) -> AlertOut:
    """Have it in hand: everybody sees who. 409 when it is over."""
    with unit() as session:
        alert = alerts.alert(session, alert_id)
        alerts.acknowledge(session, alert, by=guard.caller().username, at=clock.now())
        guard.audit(session, "alert.assign", alert.title)
        return _told(alert)


@blueprint.post("/alerts/<int:alert_id>/snooze")
@spec.validate(resp=answers(200, AlertOut), tags=["alerts"], operation_id="snoozeAlert")
@needs(Scope.OPERATE)
def snooze_alert(alert_id: int, json: SnoozeIn) -> AlertOut:
    """Tell nobody of it until then. 409 when it is over."""
    with unit() as session:
        alert = alerts.alert(session, alert_id)
        alerts.snooze(session, alert, until=json.until, at=clock.now())
        guard.audit(session, "alert.snooze" if json.until else "alert.wake", alert.title)
        return _told(alert)


@blueprint.get("/alert-rules")
@spec.validate(resp=answers(200, RuleList), tags=["alerts"], operation_id="listAlertRules")
@needs(Scope.READ)
def list_alert_rules() -> RuleList:
    """Rules by name."""
    return RuleList(data=[_out(x) for x in alerts.rules(db.session())])


@blueprint.post("/alert-rules")
@spec.validate(resp=answers(201, RuleOut), tags=["alerts"], operation_id="addAlertRule")
@needs(Scope.ADMIN)
def add_alert_rule(json: RuleIn) -> Any:
    """A new rule. What it finds at once is told at once."""
    with unit() as session:
        rule = alerts.add(session, _wish(json), by=guard.caller().username, at=clock.now())
        guard.audit(session, "alert_rule.added", rule.name)
        told = _out(rule)
    return told, 201, {"Location": url_for("api.show_alert_rule", rule_id=told.id)}


@blueprint.get("/alert-rules/<int:rule_id>")
@spec.validate(resp=answers(200, RuleOut), tags=["alerts"], operation_id="getAlertRule")
@needs(Scope.READ)
def show_alert_rule(rule_id: int) -> RuleOut:
    """One rule."""
    return _out(alerts.get(db.session(), rule_id))


@blueprint.put("/alert-rules/<int:rule_id>")
@spec.validate(resp=answers(200, RuleOut), tags=["alerts"], operation_id="changeAlertRule")
@needs(Scope.ADMIN)
def change_alert_rule(rule_id: int, json: RuleIn) -> RuleOut:
    """Replace a rule. What it has raised stays, and is over with the next look if the rule finds it no more."""
    with unit() as session:
        rule = alerts.get(session, rule_id)
        alerts.change(session, rule, _wish(json), at=clock.now())
        guard.audit(session, "alert_rule.changed", rule.name)
        return _out(rule)


@blueprint.delete("/alert-rules/<int:rule_id>")
@spec.validate(resp=answers(204, None), tags=["alerts"], operation_id="removeAlertRule")
@needs(Scope.ADMIN)
def remove_alert_rule(rule_id: int) -> tuple[str, int]:
    """Forget a rule, with its alerts."""
    with unit() as session:
        rule = alerts.get(session, rule_id)
        guard.audit(session, "alert_rule.removed", rule.name)
        alerts.remove(session, rule, at=clock.now())
    return "", 204


@blueprint.post("/alert-rules/<int:rule_id>/test")
@spec.validate(resp=answers(200, Tested), tags=["alerts"], operation_id="testAlertRule")
@needs(Scope.ADMIN)
def test_alert_rule(rule_id: int) -> Tested:
    """Send every address of a rule a mail as an alert would be, and every channel of it a test."""
    with unit() as session:
        rule = alerts.get(session, rule_id)
        guard.audit(session, "alert_rule.tested", rule.name)
        mails, messages = sender.test(session, rule, clock.now())
        return Tested(mails=mails, messages=messages)


def _told(alert: Alert) -> AlertOut:
    return AlertOut.of(alert, rule=alert.rule.name, kind=alert.rule.kind)


def _wish(given: RuleIn) -> Wish:
    hours = {"quiet_from": _minutes(given.quiet_from), "quiet_until": _minutes(given.quiet_until)}
    several = {"mail_to": tuple(given.mail_to), "channel_ids": tuple(dict.fromkeys(given.channel_ids))}
    return Wish(**given.model_dump() | hours | several)


def _out(rule: AlertRule) -> RuleOut:
    return RuleOut.of(rule, quiet_from=_clock(rule.quiet_from), quiet_until=_clock(rule.quiet_until))


def _minutes(given: time | None) -> int | None:
    return None if given is None else given.hour * 60 + given.minute


def _clock(minutes: int | None) -> str | None:
    return None if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"
