"""Reading the values of 1.6 payloads, as they should be and as chargers really send them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.domain import chargers
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import iso, printable
from csms.domain.commands import CommandState
from csms.domain.frames import Deviation
from csms.domain.transactions import Flag
from csms.ocpp.dispatch import Context

LARGEST = 2**53

_FRACTION = re.compile(r"(\.\d{6})\d+")
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?(?:\.\d+)?")  # in seconds or milliseconds, since 2001
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d:)60")


def timestamp(text: object) -> tuple[datetime | None, Deviation | None]:
    """(UTC or None, what is wrong with it). Offsets and fractions are read (1.6 §3.15); without a zone UTC is meant
    (§3.14). None and nothing wrong: there is none.
    """
    if text is None or text == "":
        return None, None
    deviation = None
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        mended = _mended_time(text)
        if mended is None:
            return None, Deviation.TIME_UNREADABLE
        moment, deviation = mended, Deviation.TIME_FORMAT
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), Deviation.TIME_ZONE_MISSING
    try:
        return moment.astimezone(UTC), deviation
    except OverflowError:
        return None, Deviation.TIME_UNREADABLE


def _mended_time(given: object) -> datetime | None:
    """What datetime's own reader refuses: nine digits of fraction, a leap second, small letters, seconds since 1970."""
    text = (text_of(given) or "").strip().upper()
    try:
        if _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(float(text[:10]), UTC)
        mended, leaps = _LEAP_SECOND.subn(r"\g<1>59", text)
        return datetime.fromisoformat(_FRACTION.sub(r"\1", mended)) + timedelta(seconds=leaps)
    except (ValueError, OverflowError):
        return None


_FLAGS = {
    Deviation.TIME_ZONE_MISSING: Flag.NO_TIME_ZONE,
    Deviation.TIME_UNREADABLE: Flag.CLOCK_SUSPECT,
}


def moment(context: Context, text: object) -> tuple[datetime, bool, frozenset[Flag]]:
    """(the time to go by, is it the charger's, what to flag): an insane clock is not believed, and never costs data."""
    claimed, deviation = timestamp(text)
    at, is_trusted = chargers.sane_time(claimed, context.now)
    if deviation is None and is_trusted:
        return at, is_trusted, frozenset()
    if deviation is not None:
        context.note(deviation, "timestamp")
    if claimed is not None and not is_trusted:
        context.note(Deviation.CLOCK_WRONG, "timestamp")
    flags = frozenset({_FLAGS[deviation]}) if deviation in _FLAGS else frozenset()
    return at, is_trusted, flags if is_trusted else flags | {Flag.CLOCK_SUSPECT}


def text_of(value: object) -> str | None:
    """A string, or the text of a number that was sent in its place."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(value: object) -> int | None:
    """An integer, also from "12", 12.0 or 12.4; None for what is none or beyond any register."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:  # also "12,5": a register of whole Wh has no fraction, so this may be anything
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < LARGEST:
        return None
    return round(value)


def reference(value: object) -> str | None:
    """A transactionId as the domain keeps it: the digits of 12, 12.0 or "12"; other text as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = text_of(value)
    return printable(text.strip(), 64) if text is not None else None


def members(payload: object) -> Mapping[str, Any]:
    """The payload's members; none for a payload that is no object."""
    return payload if isinstance(payload, dict) else {}


def listed(value: object) -> list[Any]:
    """The elements of a list; none of what is no list."""
    return value if isinstance(value, list) else []


# 1.6 §7.2 has no NoCredit: Blocked is what makes a charger refuse without forgetting the card.
_STATUSES = {TokenStatus.NO_CREDIT: "Blocked"}


def id_tag_info(decision: Decision) -> dict[str, str]:
    """The verdict in the words of 1.6 §7.27. An expiry date is only given where there is one (it fills caches)."""
    info = {"status": _STATUSES.get(decision.status, decision.status.value)}
    if decision.expires_at is not None:
        info["expiryDate"] = instant(decision.expires_at)
    if decision.parent_uid:
        info["parentIdTag"] = decision.parent_uid[:20]
    return info


def instant(at: datetime) -> str:
    """UTC with a Z and milliseconds, which every charger reads."""
    return f"{iso(at.astimezone(UTC))[:19]}.{at.microsecond // 1000:03d}Z"


# Answers that mean yes (Scheduled: not now, but as soon as the transaction is over).
_YES = {"Accepted", "AcceptedCanceled", "Scheduled", "Unlocked", "RebootRequired"}


def outcome(answer: Any) -> tuple[CommandState, str | None]:
    """(what an answer means, the charger's word for it). An answer without a status is one that gives data."""
    status = text_of(members(answer).get("status"))
    if status is None:
        return (CommandState.ACCEPTED if isinstance(answer, dict) else CommandState.ERROR), None
    return (CommandState.ACCEPTED if status in _YES else CommandState.REJECTED), status
