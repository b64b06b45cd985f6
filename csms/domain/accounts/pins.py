"""The PIN of a card. With it the card's number, which anybody may read, opens its driver's account.

A PIN is short, so tries are counted by the card and not by who tries: a few, then a pause, then none until it is set
anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from csms.domain.accounts.models import IdToken
from csms.domain.base import Invalid
from csms.sentences import gettext_noop

LEAST_DIGITS, MOST_DIGITS = 4, 8
TRIES_BEFORE_PAUSE, MOST_TRIES = 5, 10
PAUSE = timedelta(minutes=15)
FIELD = "pin"


def pin_problem(pin: str) -> Invalid | None:
    """Why a PIN is not good enough, for whoever chose it; None if it is."""
    if not (pin.isascii() and pin.isdigit() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
        words = gettext_noop("A PIN has %(least)s to %(most)s digits.")
        return Invalid(words, FIELD, least=LEAST_DIGITS, most=MOST_DIGITS)
    steps = {int(after) - int(before) for before, after in zip(pin, pin[1:], strict=False)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        return Invalid("This PIN is one of the first that anybody would try: choose another.", FIELD)
    return None


def set_pin(token: IdToken, pin_hash: str | None) -> None:
    """A new PIN by its hash, or none. What was tried before is forgotten."""
    token.pin_hash = pin_hash
    token.pin_tries = 0
    token.pin_paused_until = None


def begin_pin_try(session: Session, token: IdToken, *, at: datetime) -> bool:
    """Count one more try; False if none may be made now. Counted before it is looked at, so that many tries at the
    same moment are as many."""
    counted = session.execute(
        update(IdToken)
        .where(
            IdToken.id == token.id,
            IdToken.pin_hash.is_not(None),
            IdToken.pin_tries < MOST_TRIES,
            or_(IdToken.pin_paused_until.is_(None), IdToken.pin_paused_until <= at),
        )
        .values(pin_tries=IdToken.pin_tries + 1)
    )
    session.refresh(token)
    if counted.rowcount != 1:  # type: ignore[attr-defined]
        return False
    if token.pin_tries == TRIES_BEFORE_PAUSE:
        token.pin_paused_until = at + PAUSE
    return True


def note_pin_right(token: IdToken) -> None:
    """It was the right one."""
    token.pin_tries = 0
    token.pin_paused_until = None


def is_pin_locked(token: IdToken) -> bool:
    """Does it have to be set anew before it is good for anything?"""
    return token.pin_hash is not None and token.pin_tries >= MOST_TRIES
