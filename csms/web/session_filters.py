"""Which sessions are asked for: the filters in an address, and where its page of the list begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import abort, request

from csms.domain import chargers
from csms.domain.transactions import TransactionState
from csms.domain.transactions.queries import Cursor, Wanted
from csms.extensions import db
from csms.web.addresses import with_query
from csms.web.security import can
from csms.web.shell import zone


def asked() -> Wanted:
    """The filters in the address. Raises 404 for what makes no sense."""
    given = request.args
    charger_id: int | None = None
    if word := given.get("charger", "").strip():
        found = chargers.find(db.session(), word)
        charger_id = found.id if found else -1
    try:
        state = TransactionState(given["state"]) if given.get("state") else None
        since, until = (_moment(given.get(x, "")) for x in ("since", "until"))
    except ValueError:
        abort(404)
    if until is not None and len(given["until"]) <= len("2027-12-31"):
        until += timedelta(days=1)  # a day is meant with all of its hours
    words = (
        given.get("q", "").strip()[:80] if can("operate") else ""
    )  # numbers of cards are not to be found by trying
    return Wanted(charger_id=charger_id, state=state, since=since, until=until, words=words or None)


def _moment(text: str) -> datetime | None:
    """A day or a moment on the reader's clocks. Raises ValueError."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone())).astimezone(UTC)


def cursor() -> Cursor | None:
    """`?after=<µs since 1970>-<id>`."""
    moment, _, number = request.args.get("after", "").partition("-")
    if not (moment.isdigit() and number.isdigit()):
        return None
    try:
        seconds, micros = divmod(int(moment), 1_000_000)
        return Cursor(datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), int(number))
    except (ValueError, OverflowError, OSError):
        return None


def page_url(following: Cursor | None) -> str | None:
    if following is None:
        return None
    seconds = int(following.started_at.timestamp())
    after = f"{seconds * 1_000_000 + following.started_at.microsecond}-{following.id}"
    return with_query(".index", request.args.to_dict() | {"after": after})
