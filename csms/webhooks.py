"""The way out for events: found, signed, and sent to those that subscribe to them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import gevent
from flask import Flask, current_app

from csms import clock, outbound, rounds
from csms.domain import webhooks
from csms.domain.base import NotFound
from csms.domain.webhooks import Delivery
from csms.extensions import db
from csms.outbound import Barred, Unreachable
from csms.seal import Unreadable
from csms.sentences import told
from csms.work import atomic

log = logging.getLogger(__name__)

EVERY_S = 1.0
WITHIN_S = 10.0
AT_ONCE = 8  # to one receiver
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
    busy: set[int] = set()

    def turn() -> None:
        gather()
        send_due(app, busy)

    return rounds.start(app, "webhooks", EVERY_S, turn)


def gather() -> int:
    """Queue what has happened; how many deliveries. Nothing is locked while nobody subscribes."""
    has_any = bool(webhooks.listed(db.session()))
    db.session.remove()
    if not has_any:
        return 0
    with atomic() as session:
        return webhooks.gather(session, clock.now())


def send_due(app: Flask, busy: set[int]) -> list[gevent.Greenlet]:
    """Send what is due, to each receiver by itself: one that dawdles keeps no other waiting. Who does it.

    `busy`: the webhooks to which something that was due before is still being sent.
    """
    letters = defaultdict(list)
    for letter in rounds.claimed(partial(webhooks.due, besides=frozenset(busy)), webhooks.claim, _letter):
        letters[letter.webhook_id].append(letter)
    busy |= letters.keys()
    return [gevent.spawn(_send, app, webhook_id, its, busy) for webhook_id, its in letters.items()]


def _send(app: Flask, webhook_id: int, letters: Sequence[_Letter], busy: set[int]) -> None:
    try:
        rounds.each(app, letters, _deliver, at_once=AT_ONCE)
    finally:
        busy.discard(webhook_id)


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
        except NotFound:  # somebody has deleted the webhook meanwhile
            log.info("webhook_gone", extra={"delivery": letter.delivery_id})
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
