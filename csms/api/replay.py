"""Asked twice, done once: `Idempotency-Key` on a POST, kept for 24 hours.

The key is claimed in the commit that does what was asked, so nothing can come between; the answer is stored after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from flask import Blueprint, Response, g, request
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard
from csms.api.errors import Problem
from csms.domain.accounts import IdempotencyKey
from csms.extensions import db
from csms.work import Unit, atomic

T = TypeVar("T")

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 64


def offer(blueprint: Blueprint) -> None:
    """Let every POST of the blueprint be asked twice."""
    blueprint.before_request(_repeat)
    blueprint.after_request(_keep)


@contextmanager
def unit() -> Generator[Session]:
    """A unit of work of a request: `atomic`, with the request's idempotency key claimed in it."""
    key = g.get("idempotency_key")
    try:
        with atomic() as session:
            if key is not None:
                _claim(session, key, guard.caller().user_id, _request_hash())
            yield session
    except IntegrityError as error:
        raise _collision(error) from None
    g.idempotency_claimed = key is not None


def placed(asking: Unit[T], place: Callable[[Unit[T]], T]) -> T:
    """What `place` makes of `asking`: as `unit`, for work that is not done on the request's own session."""
    key = g.get("idempotency_key")
    if key is None:
        return place(asking)
    user_id, request_hash = guard.caller().user_id, _request_hash()

    def claiming(session: Session) -> T:
        _claim(session, key, user_id, request_hash)
        return asking(session)

    try:
        asked = place(claiming)
    except IntegrityError as error:
        raise _collision(error) from None
    g.idempotency_claimed = True
    return asked


def _collision(error: IntegrityError) -> Exception:
    return _in_progress() if "idempotency_key" in str(error.orig) else error


def _claim(session: Session, key: str, user_id: int, request_hash: str) -> None:
    at = clock.now()
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at <= at - KEPT_FOR))
    session.add(IdempotencyKey(user_id=user_id, key=key, request_hash=request_hash, created_at=at))
    session.flush()


def _repeat() -> Response | None:
    """The answer that a request with this key was given before."""
    g.idempotency_key = None
    key = request.headers.get("Idempotency-Key", "")
    if request.method != "POST" or not key or not guard.is_known():
        return None
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Problem(400, f"Idempotency-Key has 1 to {LONGEST_KEY} ASCII characters.", "bad_request")
    key = g.idempotency_key = guard.own(key)
    query = select(IdempotencyKey).where(
        IdempotencyKey.user_id == guard.caller().user_id,
        IdempotencyKey.key == key,
        IdempotencyKey.created_at > clock.now() - KEPT_FOR,
    )
    known = db.session.scalar(query)
    return None if known is None else _replayed(known)


def _replayed(known: IdempotencyKey) -> Response:
    if known.request_hash != _request_hash():
        raise Problem(422, "This Idempotency-Key was used for another request.", "idempotency_conflict")
    if known.status is None:
        raise _in_progress()
    if known.body is None:
        detail = "This was done before; its answer held a secret, and is not given a second time."
        raise Problem(409, detail, "idempotency_secret")
    response = Response(known.body, known.status, mimetype="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    if known.location:
        response.headers["Location"] = known.location
    return response


def _in_progress() -> Problem:
    detail = (
        "A request with this Idempotency-Key has been taken, and has no answer yet: look again in a moment."
    )
    return Problem(409, detail, "idempotency_in_progress", headers={"Retry-After": "1"})


def _keep(response: Response) -> Response:
    """Store the answer of a request that has claimed its key."""
    if not g.pop("idempotency_claimed", False):
        return response
    is_secret = g.get("answer_is_secret", False)
    with atomic() as session:
        session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.user_id == guard.caller().user_id, IdempotencyKey.key == g.idempotency_key)
            .values(
                status=response.status_code,
                location=response.headers.get("Location"),
                body=None if is_secret else response.get_data(as_text=True),
            )
        )
    return response


def _request_hash() -> str:
    return hashlib.sha256(f"{request.full_path}\n".encode() + request.get_data()).hexdigest()
