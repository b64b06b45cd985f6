"""The way out for what peers are told: found, queued, and sent to each in its order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import orjson
from flask import Flask, current_app
from sqlalchemy.orm import Session

from csms import clock, outbound, roaming, rounds
from csms.domain.roaming import gathering, locations, orders, published, telling
from csms.domain.roaming.models import Push
from csms.domain.roaming.published import Changes
from csms.domain.roaming.writing import View
from csms.extensions import db
from csms.outbound import Barred, Unreachable
from csms.seal import Unreadable
from csms.sentences import told
from csms.work import atomic

log = logging.getLogger(__name__)

EVERY_S = 1.0
PEERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a sender needs of a message, with no session to it."""

    push_id: int
    peer_id: int
    method: str
    url: str
    body: str
    authorization: str | None  # None: it cannot be read any more


def start(app: Flask) -> gevent.Greenlet:
    """Look for what is new and send what is due, for as long as the process lives."""

    def turn() -> None:
        gather()
        send_due(app)

    return rounds.start(app, "roaming", EVERY_S, turn)


def gather() -> int:
    """Queue what is new; how much. Nothing is locked while there is nobody to be told."""
    has_any, is_begun = bool(gathering.reachable(db.session())), gathering.is_begun(db.session())
    db.session.remove()
    if not has_any:
        if is_begun:
            with atomic() as session:
                gathering.forget(session)
        return 0
    changes = _changes()
    with atomic() as session:
        view = _view(session)
        currency = current_app.extensions["settings"].currency
        return orders.tell_ended(session, view.at) + gathering.gather(session, view, currency, changes)


def _changes() -> Changes | None:
    """What is published otherwise than before; None: nobody need look yet. All of it is read, so nothing is locked."""
    session = db.session()
    try:
        view = _view(session)
        if not published.is_due(session, view.at):
            return None
        found: dict[published.Key, dict[str, Any]] = {}
        for portion in locations.publication(session, view):
            found |= portion
            gevent.sleep(0)
        return published.changes(session, found)
    finally:
        db.session.remove()


def _view(session: Session) -> View:
    settings = current_app.extensions["settings"]
    return locations.view_of(
        session, operator=settings.organisation, time_zone=settings.time_zone.key, at=clock.now()
    )


def send_due(app: Flask) -> int:
    """Send what is due: several peers at once, to each in its order. How many peers there were."""
    letters = rounds.claimed(telling.due, telling.claim, _letter)
    by_peer: dict[int, list[_Letter]] = {}
    for letter in letters:
        by_peer.setdefault(letter.peer_id, []).append(letter)
    return rounds.each(app, list(by_peer.values()), _send, at_once=PEERS_AT_ONCE)


def _letter(push: Push) -> _Letter:
    peer = push.peer
    try:
        token = current_app.extensions["seal"].open(peer.their_token_sealed or "")
        authorization = roaming.credential(token, is_plain=peer.is_plain)
    except Unreadable:
        authorization = None
    return _Letter(push.id, peer.id, push.method, push.url, push.body, authorization)


def _send(app: Flask, letters: Sequence[_Letter]) -> None:
    """Send one after the other; where the peer is in trouble the rest waits."""
    with app.app_context():
        try:
            for number, letter in enumerate(letters):
                if not _deliver(app, letter):
                    _release(letters[number + 1 :])
                    return
        except Exception:  # the outermost door of a sender: it is due again when its claim is over
            log.exception("push_not_settled", extra={"peer": letters[0].peer_id})


def _deliver(app: Flask, letter: _Letter) -> bool:
    """Send one, and note what came of it. False: nothing more can be sent there now."""
    status_code, ocpi_code, answer = _post(letter, app.extensions["settings"].private_targets)
    with atomic() as session:
        push = telling.find(session, letter.peer_id, letter.push_id)
        return telling.note_answer(
            session, push, status_code=status_code, ocpi_code=ocpi_code, answer=answer, at=clock.now()
        )


def _release(letters: Sequence[_Letter]) -> None:
    with atomic() as session:
        for letter in letters:
            telling.release(session, telling.find(session, letter.peer_id, letter.push_id), at=clock.now())


def _post(letter: _Letter, may_be_private: bool) -> tuple[int | None, int | None, str]:
    """(status of the answer or None, OCPI's own in it or None, its beginning or why there is none)."""
    if letter.authorization is None:
        return None, None, told("Its token cannot be read since SECRET_KEY has changed: invite it anew.")
    try:
        answer = outbound.send(
            letter.method,
            letter.url,
            letter.body.encode(),
            roaming.headers(letter.authorization),
            within_s=roaming.WITHIN_S,
            may_be_private=may_be_private,
        )
    except (Barred, Unreachable) as error:
        return None, None, str(error)
    return answer.status, _ocpi_code(answer.body), answer.body[:300].decode("utf-8", "replace")


def _ocpi_code(body: bytes) -> int | None:
    """OCPI's own (§5), if it is told."""
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = envelope.get("status_code") if isinstance(envelope, dict) else None
    return found if isinstance(found, int) else None
