"""The way out for alerts to ntfy topics and MQTT brokers: worded, queued with a unit of work, and sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import gevent
import orjson
from flask import Flask, current_app
from flask_babel import gettext
from sqlalchemy.orm import Session

from csms import clock, mqtt, outbound, rounds
from csms.domain import accounts, alerts
from csms.domain.alerts import Alert, AlertChannel, AlertMessage, ChannelKind, Severity, retained
from csms.domain.alerts.channels import TEST
from csms.mqtt import Broker
from csms.outbound import Barred, Unreachable
from csms.seal import Unreadable
from csms.sentences import told
from csms.translations import ENGLISH, known, speaking, stored
from csms.work import atomic

log = logging.getLogger(__name__)

EVERY_S = 1.0
WITHIN_S = 10.0
AT_ONCE = 8
KEPT_FOR = timedelta(days=30)
# Of ntfy: how loud (1 to 5), and its name of a picture.
LOUDNESS = {
    Severity.CRITICAL: (5, "rotating_light"),
    Severity.WARNING: (4, "warning"),
    Severity.NOTICE: (3, "information_source"),
}
OVER = (2, "white_check_mark")


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a sender needs of a message, with no session to it."""

    message_id: int
    kind: ChannelKind
    url: str
    user: str | None
    secret: str | None
    prefix: str | None
    topic: str
    body: str
    is_readable: bool  # whether the secret could be read


def tell(session: Session, channel: AlertChannel, alert: Alert, *, is_over: bool, at: datetime) -> None:
    """Queue an alert, or its end."""
    body = (
        _note(session, channel, alert, is_over)
        if channel.kind is ChannelKind.NTFY
        else _state(alert, is_over)
    )
    topic = retained.topic_of(alert.rule_id, alert.identity, alert.key)
    alerts.channels.queue(session, channel, alert, topic, orjson.dumps(body).decode(), at=at)


def test(session: Session, channel: AlertChannel, *, at: datetime) -> None:
    """Queue a test, which is sent once. Over MQTT it is not retained."""
    with speaking(_language(session, channel)):
        words = gettext("This is a test.")
    if channel.kind is ChannelKind.NTFY:
        body: dict[str, Any] = {"title": channel.name, "message": words, "priority": 3, "tags": ["bell"]}
    else:
        body = {"state": TEST, "title": "This is a test.", "sent_at": at}
    alerts.channels.queue(session, channel, None, TEST, orjson.dumps(body).decode(), at=at)


def _note(session: Session, channel: AlertChannel, alert: Alert, is_over: bool) -> dict[str, Any]:
    """As ntfy publishes JSON, which holds letters that its headers do not."""
    priority, tag = OVER if is_over else LOUDNESS[alert.severity]
    with speaking(_language(session, channel)):
        title = stored(alert.title)
        headline = gettext("Over: %(title)s", title=title) if is_over else title
    return {
        "title": headline,
        "message": alert.rule.name,
        "priority": priority,
        "tags": [tag],
        "click": _link(alert),
    }


def _state(alert: Alert, is_over: bool) -> dict[str, Any]:
    """For programs: in English, with moments in UTC."""
    return {
        "state": "over" if is_over else "raised",
        "id": alert.id,
        "rule_id": alert.rule_id,
        "rule": alert.rule.name,
        "kind": alert.rule.kind.value,
        "severity": alert.severity.value,
        "charger": alert.identity,
        "title": alert.title,
        "since": alert.since,
        "raised_at": alert.raised_at,
        "recovered_at": alert.recovered_at if is_over else None,
        "link": _link(alert),
    }


def _link(alert: Alert) -> str:
    base: str = current_app.extensions["settings"].public_base_url
    return f"{base}{alert.path}"


def _language(session: Session, channel: AlertChannel) -> str:
    """What whoever made the channel reads."""
    maker = accounts.find_user(session, channel.created_by) if channel.created_by else None
    return known(maker.language if maker else None) or ENGLISH


def start(app: Flask) -> gevent.Greenlet:
    """Send what is due, for as long as the process lives."""
    return rounds.start(app, "alert_channels", EVERY_S, lambda: send_due(app))


def send_due(app: Flask) -> int:
    """Send what is due, several at once; how many were tried."""
    letters = rounds.claimed(alerts.channels.due, alerts.channels.claim, _letter)
    return rounds.each(app, letters, _deliver, at_once=AT_ONCE)


def _letter(message: AlertMessage) -> _Letter:
    channel, secret, is_readable = message.channel, None, True
    if channel.secret_sealed:
        try:
            secret = current_app.extensions["seal"].open(channel.secret_sealed)
        except Unreadable:
            is_readable = False
    return _Letter(
        message.id,
        channel.kind,
        channel.url,
        channel.user,
        secret,
        channel.topic_prefix,
        message.topic,
        message.body,
        is_readable,
    )


def _deliver(app: Flask, letter: _Letter) -> None:
    """Send one, and note what came of it."""
    with app.app_context():
        problem = _problem(letter, app.extensions["settings"].private_targets)
        try:
            with atomic() as session:
                alerts.channels.settle(session, letter.message_id, problem, at=clock.now())
        except Exception:  # the outermost door of a sender: it is due again when its claim is over
            log.exception("alert_message_not_settled", extra={"alert_message": letter.message_id})


def _problem(letter: _Letter, may_be_private: bool) -> str | None:
    """Send it; why it was not taken, or None."""
    if not letter.is_readable:
        return told("Its secret cannot be read since SECRET_KEY has changed: write it again.")
    try:
        if letter.kind is ChannelKind.NTFY:
            return _post(letter, may_be_private)
        _publish(letter, may_be_private)
    except (Barred, Unreachable) as error:
        return str(error)
    return None


def _post(letter: _Letter, may_be_private: bool) -> str | None:
    """JSON goes to the server's root, and names the topic. Raises Barred, Unreachable."""
    server, _, topic = letter.url.rpartition("/")
    headers = {"Content-Type": "application/json", "User-Agent": "Amberline-Alerts/1"}
    if letter.secret:
        headers["Authorization"] = f"Bearer {letter.secret}"
    body = orjson.dumps({"topic": topic, **orjson.loads(letter.body)})
    answer = outbound.post(f"{server}/", body, headers, within_s=WITHIN_S, may_be_private=may_be_private)
    if 200 <= answer.status < 300:
        return None
    return f"{answer.status}: {answer.body[:250].decode('utf-8', 'replace')}"


def _publish(letter: _Letter, may_be_private: bool) -> None:
    """Raises Barred, Unreachable."""
    mqtt.publish(
        Broker(letter.url, letter.user, letter.secret),
        f"{letter.prefix}/{letter.topic}",
        letter.body.encode(),
        is_retained=letter.topic != TEST,
        within_s=WITHIN_S,
        may_be_private=may_be_private,
    )
