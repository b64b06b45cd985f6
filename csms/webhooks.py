"""The way out for events: found, signed, and sent to those that subscribe to them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta

import gevent
from flask import Flask, current_app

from csms import clock, outbound, rounds
from csms.domain import webhooks
from csms.domain.webhooks import Delivery
from csms.extensions import db
from csms.outbound import Barred, Unreachable
from csms.seal import Unreadable
from csms.sentences import told
from csms.work import atomic

log = logging.getLogger(__name__)

EVERY_S = 1.0
WITHIN_S = 10.0
AT_ONCE = 8
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a sender needs of a delivery, with no session to it."""

    delivery_id: int
    webhook_id: int
    url: str
    secret: str | None  # None: it cannot be read any more
    event_id: str
    body: str


def start(app: Flask) -> gevent.Greenlet:
    """Look for events and send what is due, for as long as the process lives."""

    def turn() -> None:
        gather()
        send_due(app)

    return rounds.start(app, "webhooks", EVERY_S, turn)


def gather() -> int:
    """Queue what has happened; how many deliveries. Nothing is locked while nobody subscribes."""
    has_any = bool(webhooks.listed(db.session()))
    db.session.remove()
    if not has_any:
        return 0
    with atomic() as session:
        return webhooks.gather(session, clock.now())


def send_due(app: Flask) -> int:
    """Send what is due, several at once; how many were tried."""
    letters = rounds.claimed(webhooks.due, webhooks.claim, _letter)
    return rounds.each(app, letters, _deliver, at_once=AT_ONCE)


def _letter(delivery: Delivery) -> _Letter:
    webhook = delivery.webhook
    try:
        secret = current_app.extensions["seal"].open(webhook.secret_sealed)
    except Unreadable:
        secret = None
    return _Letter(delivery.id, webhook.id, webhook.url, secret, delivery.event_id, delivery.body)


def _deliver(app: Flask, letter: _Letter) -> None:
    """Send one, and note what came of it."""
    with app.app_context():
        begun = time.monotonic()
        status_code, answer = _post(letter, app.extensions["settings"].private_targets)
        took_ms = round((time.monotonic() - begun) * 1000)
        try:
            with atomic() as session:
                delivery = webhooks.find_delivery(session, letter.webhook_id, letter.delivery_id)
                webhooks.note_answer(
                    session, delivery, status_code=status_code, answer=answer, took_ms=took_ms, at=clock.now()
                )
        except Exception:  # the outermost door of a sender: it is due again when its claim is over
            log.exception("webhook_not_settled", extra={"delivery": letter.delivery_id})


def _post(letter: _Letter, may_be_private: bool) -> tuple[int | None, str]:
    """(status of the answer or None, its beginning or why there is none)."""
    if letter.secret is None:
        return None, told("Its secret cannot be read since SECRET_KEY has changed: make a new one.")
    timestamp = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Amberline-Webhooks/1",
        "Webhook-Id": letter.event_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": webhooks.signature(letter.secret, letter.event_id, timestamp, letter.body),
    }
    try:
        answer = outbound.post(
            letter.url, letter.body.encode(), headers, within_s=WITHIN_S, may_be_private=may_be_private
        )
    except (Barred, Unreachable) as error:
        return None, str(error)
    return answer.status, answer.body[:300].decode("utf-8", "replace")
