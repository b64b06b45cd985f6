"""How often one may try to start at a connector: who guesses is slowed down, and nobody who stands there for it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import request
from limits import RateLimitItem, RateLimitItemPerMinute
from werkzeug.exceptions import TooManyRequests

from csms.extensions import limiter

STARTS = RateLimitItemPerMinute(5, 10)  # of one address at one connector
WRONG = RateLimitItemPerMinute(5, 10)  # of anybody at one connector, for each thing that can be guessed
NUMBERS, STATION_CODE = "number", "station_code"
GUESSED = {"card": NUMBERS, "code": NUMBERS, "station_code": STATION_CODE}  # by the field of the form


def refuse_many_starts(slug: str) -> None:
    """Raises TooManyRequests for an address that has started here again and again."""
    _refuse(STARTS, "start", slug, request.remote_addr or "")


def count_start(slug: str) -> None:
    """The station is asked, or a payment is begun."""
    limiter.limiter.hit(STARTS, "start", slug, request.remote_addr or "")


def refuse_many_guesses(slug: str, what: str) -> None:
    """Raises TooManyRequests where too many have been wrong here. Other ways to start stay open."""
    _refuse(WRONG, what, slug)


def count_wrong(slug: str, field: str | None) -> None:
    """What was typed into this field was wrong."""
    if field in GUESSED and request.form.get(field, "").strip():
        limiter.limiter.hit(WRONG, GUESSED[field], slug)


def _refuse(limit: RateLimitItem, *keys: str) -> None:
    if limiter.enabled and not limiter.limiter.test(limit, *keys):
        resets_at = limiter.limiter.get_window_stats(limit, *keys).reset_time
        raise TooManyRequests(retry_after=datetime.fromtimestamp(resets_at, UTC))
