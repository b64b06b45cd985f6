"""Asking a peer about a card that is shown at a reader. Who is shown the card waits for it, and nobody else."""

from __future__ import annotations

import logging
import time

import orjson
from flask import Flask, current_app

from csms import clock, outbound, roaming
from csms.domain.roaming import authorization
from csms.domain.roaming.authorization import Question, Said, Shown
from csms.outbound import Answer, Barred, Unreachable
from csms.seal import Unreadable
from csms.work import Lane, StorageFailed

log = logging.getLogger(__name__)

WITHIN_S = 5.0  # a person stands there
LOOK_EVERY_S = 1.0


class Asker:
    """What a charger's door calls with the number of a card, and with the charger, before it answers for the card."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._has_any, self._look_at = False, 0.0

    def __call__(self, lane: Lane, shown: Shown, charger_id: int) -> None:
        """Ask, if its peer wants to be asked, and keep the answer. Whatever goes wrong, the charger gets one."""
        try:
            if self._is_wanted(lane):
                self._ask(lane, shown, charger_id)
        except StorageFailed:
            raise
        except Exception:  # an outermost door: the card is then worth what is known of it
            log.exception("card_not_asked_about", extra={"charger": charger_id})

    def _is_wanted(self, lane: Lane) -> bool:
        """Most installations ask about no card: they pay for that once in a second."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._has_any = lane.run(authorization.has_any)
        return self._has_any

    def _ask(self, lane: Lane, shown: Shown, charger_id: int) -> None:
        at = clock.now()
        asked = lane.run(lambda session: authorization.question(session, shown, charger_id, at))
        if asked is None:
            return
        with self.app.app_context():
            said = _said(asked, self.app.extensions["settings"].private_targets)
        heard_at = clock.now()
        lane.run(lambda session: authorization.note(session, asked.card_id, said, at=heard_at))


def _said(asked: Question, may_be_private: bool) -> Said | None:
    """What the peer says; None: nothing that counts."""
    if asked.url is None:
        return None
    try:
        answer = _post(asked, asked.url, may_be_private)
    except (Barred, Unreachable, Unreadable) as error:
        log.warning("peer_not_asked", extra={"url": asked.url.partition("/tokens")[0], "reason": str(error)})
        return None
    if answer.status == 404:  # §12.2.1.2: it does not know the token
        return Said("NOT_ALLOWED")
    try:
        envelope = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    data = envelope.get("data") if isinstance(envelope, dict) else None
    if isinstance(data, dict) and isinstance(data.get("allowed"), str):
        reference = data.get("authorization_reference")
        return Said(data["allowed"], reference if isinstance(reference, str) else None)
    is_refusal = isinstance(envelope, dict) and str(envelope.get("status_code", "")).startswith("2")
    return Said("NOT_ALLOWED") if is_refusal else None


def _post(asked: Question, url: str, may_be_private: bool) -> Answer:
    """Raises Barred, Unreachable, and Unreadable where its token cannot be read any more."""
    token = current_app.extensions["seal"].open(asked.token_sealed)
    headers = roaming.headers(roaming.credential(token, is_plain=asked.is_plain))
    body = orjson.dumps(asked.body) if asked.body is not None else b""
    return outbound.post(url, body, headers, within_s=WITHIN_S, may_be_private=may_be_private)
