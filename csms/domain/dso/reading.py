"""From what a grid operator writes to windows of time with a value. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from csms.domain.base import Invalid
from csms.domain.dso.models import SignalKind

MOST_WINDOWS = 2_000
LONGEST = timedelta(days=31)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


@dataclass(frozen=True, slots=True)
class Window:
    """From `begins_at` to before `ends_at`: a price per kWh, VAT included, or a limit in W."""

    begins_at: datetime
    ends_at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class Notice:
    """A signal that is to be received."""

    kind: SignalKind
    substation_id: str
    sent_at: datetime
    windows: Sequence[Window]
    number: int | None = None
    uuid: str | None = None
    location_name: str | None = None
    told: dict[str, Any] | None = None


def read_moment(given: object, day: datetime, zone: ZoneInfo) -> datetime:
    """A moment as seconds since 1970, in RFC 3339, or as a time on the clocks of `zone` on the day of `day`."""
    text = str(given).strip()
    clock = _CLOCK.fullmatch(text)
    try:
        if clock is not None:
            hours, minutes, seconds = (int(x or 0) for x in clock.groups())
            midnight = datetime.combine(day.astimezone(zone).date(), time(), zone)
            if hours == 24 and not minutes + seconds:
                return (midnight + timedelta(days=1)).astimezone(UTC)
            return midnight.replace(hour=hours, minute=minutes, second=seconds).astimezone(UTC)
        if isinstance(given, (int, float)) or text.isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise Invalid("%(text)s is no time.", "period", text=text[:40]) from None
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)


def periods_of(
    given: Sequence[Any], day: datetime, zone: ZoneInfo, *, times: Decimal = Decimal(1)
) -> list[Window]:
    """Windows of [{timeslot_start, timeslot_end, value}]; a list of values divides its period evenly.

    A time that ends before it begins ends on the next day. Values are multiplied by `times`. Raises Invalid.
    """
    windows: list[Window] = []
    for each in given:
        if not isinstance(each, dict) or not {"timeslot_start", "timeslot_end", "value"} <= each.keys():
            raise Invalid("A period has timeslot_start, timeslot_end and value.", "period")
        begin = read_moment(each["timeslot_start"], day, zone)
        end = read_moment(each["timeslot_end"], day, zone)
        if end <= begin and _CLOCK.fullmatch(str(each["timeslot_end"]).strip()):
            end += timedelta(days=1)
        values = each["value"] if isinstance(each["value"], list) else [each["value"]]
        part = (end - begin) / max(1, len(values))
        windows += [
            Window(begin + part * n, begin + part * (n + 1), _number(x) * times) for n, x in enumerate(values)
        ]
    return windows


def _number(given: object) -> Decimal:
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        raise Invalid("%(given)s is no number.", "period", given=str(given)[:40]) from None
    if isinstance(given, bool) or not value.is_finite() or value < 0:
        raise Invalid("A value is a number that is not below 0.", "period")
    return value


def check(notice: Notice) -> list[Window]:
    """The windows in order. Raises Invalid for what nobody could follow."""
    windows = sorted(notice.windows, key=lambda x: x.begins_at)
    if not notice.substation_id.strip() or len(notice.substation_id) > 80:
        raise Invalid("Name the substation, in 80 characters at most.", "substation_id")
    if not 0 < len(windows) <= MOST_WINDOWS:
        raise Invalid(
            "A signal has between one and %(most_windows)s periods.", "period", most_windows=MOST_WINDOWS
        )
    if any(x.ends_at <= x.begins_at for x in windows):
        raise Invalid("A period ends after it begins.", "period")
    if any(y.begins_at < x.ends_at for x, y in zip(windows, windows[1:], strict=False)):
        raise Invalid("No period may overlap another.", "period")
    if windows[-1].ends_at - windows[0].begins_at > LONGEST:
        raise Invalid("A signal is for 31 days at most.", "period")
    most = Decimal(100_000) if notice.kind is SignalKind.TARIFF else Decimal(100_000_000)
    if any(not 0 <= x.value <= most for x in windows):
        raise Invalid("A value is between 0 and %(most)s.", "period", most=most)
    return windows
