"""The way out for alerts: by e-mail and to channels that a rule names, and to webhooks that subscribe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import current_app
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import channels, mail
from csms.domain import accounts, alerts, webhooks
from csms.domain.alerts import Alert, AlertRule
from csms.domain.base import DomainError
from csms.domain.webhooks import Event, Webhook
from csms.sentences import told
from csms.translations import ENGLISH, known, speaking, stored

MOST_LINES = 20


def look(session: Session, at: datetime) -> int:
    """Raise, end and tell; how many were told."""
    alerts.look(session, at)
    settings = current_app.extensions["settings"]
    new, over = alerts.to_tell(session, at, settings.time_zone)
    for found, template, event in (
        (new, "alert", Event.ALERT_RAISED),
        (over, "alert_over", Event.ALERT_RECOVERED),
    ):
        for _, several in groupby(sorted(found, key=lambda x: x.rule_id), key=lambda x: x.rule_id):
            of_rule = list(several)
            _write(session, template, of_rule[0].rule, of_rule, at)
        for alert in found:
            _tell(session, event, alert, at)
            for channel in alerts.channels.named(session, alert.rule.channel_ids):
                channels.tell(session, channel, alert, is_over=event is Event.ALERT_RECOVERED, at=at)
            alerts.note_told(alert, at=at)
    return len(new) + len(over)


def test(session: Session, rule: AlertRule, at: datetime) -> tuple[int, int]:
    """Send what an alert would look like, and a test to each channel; (mails, messages). Raises Invalid and Refused."""
    sample = Alert(
        id=0,
        rule_id=rule.id,
        rule=rule,
        key="test",
        title=told("This is a test of the rule."),
        path="/alerts",
        since=at,
        raised_at=at,
    )
    for address in rule.mail_to:
        _letter(session, "alert", address, rule, [sample], at)
    found = alerts.channels.named(session, rule.channel_ids)
    for channel in found:
        channels.test(session, channel, at=at)
    return len(rule.mail_to), len(found)


def _write(session: Session, template: str, rule: AlertRule, found: Sequence[Alert], at: datetime) -> None:
    """One mail to each address, however many there are to tell of."""
    for address in rule.mail_to:
        try:
            with session.begin_nested():
                _letter(session, template, address, rule, found, at)
        except DomainError:  # too much waits for this address: the alert stands on its page all the same
            continue


def _letter(
    session: Session, template: str, address: str, rule: AlertRule, found: Sequence[Alert], at: datetime
) -> None:
    base = current_app.extensions["settings"].public_base_url
    language = _language(session, address, rule)
    with speaking(language):
        titles = [stored(x.title) for x in found]
        several = ngettext("%(num)s alert: %(rule)s", "%(num)s alerts: %(rule)s", len(found), rule=rule.name)
        mail.write(
            session,
            template,
            address,
            at=at,
            language=language,
            rule=rule.name,
            headline=titles[0] if len(found) == 1 else several,
            titles=titles[:MOST_LINES],
            more=max(0, len(found) - MOST_LINES),
            link=f"{base}{found[0].path if len(found) == 1 else '/alerts'}",
        )


def _language(session: Session, address: str, rule: AlertRule) -> str:
    """What the user with this address reads; where there is none, what whoever made the rule reads."""
    maker = accounts.find_user(session, rule.created_by) if rule.created_by else None
    return mail.language_of(session, address) or known(maker.language if maker else None) or ENGLISH


def _tell(session: Session, event: Event, alert: Alert, at: datetime) -> None:
    hooks = session.scalars(select(Webhook).where(Webhook.is_enabled)).all()
    data: dict[str, Any] = {
        "id": alert.id,
        "rule": alert.rule.name,
        "kind": alert.rule.kind.value,
        "title": alert.title,
        "since": alert.since,
        "raised_at": alert.raised_at,
        "recovered_at": alert.recovered_at,
    }
    about = (alert.id, alert.told_at if event is Event.ALERT_RECOVERED else at)
    webhooks.tell(session, hooks, event, about, data, occurred_at=at, at=at)
