"""Reading the values of 1.6 payloads, as they should be and as chargers really send them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.domain import chargers
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import printable
from csms.domain.transactions import Flag
from csms.ocpp.dispatch import Context

LARGEST = 2**53

_FRACTION = re.compile(r"(\.\d{6})\d+")
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d:)60")


def timestamp(text: object) -> tuple[datetime | None, frozenset[Flag]]:
    """(UTC or None, what to flag). Offsets and fractions are read (1.6 §3.15); without a zone UTC is meant (§3.14)."""
    if not isinstance(text, str) or not text:
        return None, frozenset()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        mended, leaps = _LEAP_SECOND.subn(r"\g<1>59", text.strip().upper())
        try:
            moment = datetime.fromisoformat(_FRACTION.sub(r"\1", mended)) + timedelta(seconds=leaps)
        except (ValueError, OverflowError):
            return None, frozenset({Flag.CLOCK_SUSPECT})
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC), frozenset({Flag.NO_TIME_ZONE})
    try:
        return moment.astimezone(UTC), frozenset()
    except OverflowError:
        return None, frozenset({Flag.CLOCK_SUSPECT})


def moment(context: Context, text: object) -> tuple[datetime, bool, frozenset[Flag]]:
    """(the time to go by, is it the charger's, what to flag): an insane clock is not believed, and never costs data."""
    claimed, flags = timestamp(text)
    at, is_trusted = chargers.sane_time(claimed, context.now)
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
        except ValueError:
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
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
