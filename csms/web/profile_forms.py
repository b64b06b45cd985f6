"""A charging profile as a form: what it shows of a profile, and the profile that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from csms.domain.base import Invalid
from csms.domain.energy import (
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from csms.web.choices import one_of

LEAST_ROWS = 4
MOST_ROWS = 96
LOCAL = "%Y-%m-%dT%H:%M"


def given_by(profile: Profile, zone: str) -> dict[str, Any]:
    """The fields of a profile; moments on the clocks of `zone`, powers in kW."""
    schedule = profile.schedule
    divisor = 1000 if schedule.unit is RateUnit.W else 1
    rows = [
        {"after": _clock(x.start_s), "limit": f"{x.limit / divisor:g}", "phases": str(x.phases or "")}
        for x in schedule.periods
    ]
    return {
        "purpose": profile.purpose.value,
        "kind": profile.kind.value,
        "recurrency": profile.recurrency.value if profile.recurrency else "",
        "stack_level": str(profile.stack_level),
        "valid_from": _local(profile.valid_from, zone),
        "valid_to": _local(profile.valid_to, zone),
        "unit": schedule.unit.value,
        "starts_at": _local(schedule.starts_at, zone),
        "lasts": _clock(schedule.duration_s) if schedule.duration_s else "",
        "least_rate": f"{schedule.least_rate / divisor:g}" if schedule.least_rate is not None else "",
        "rows": padded(rows),
    }


def padded(rows: list[dict[str, str]], more: int = 0) -> list[dict[str, str]]:
    """The rows of periods with empty ones to write into."""
    count = min(MOST_ROWS, max(LEAST_ROWS, len(rows) + 1) + more)
    return rows + [{"after": "", "limit": "", "phases": ""} for _ in range(count - len(rows))]


def rows_of(form: MultiDict[str, str]) -> list[dict[str, str]]:
    """The rows as they were sent, the empty ones left out."""
    columns = (form.getlist(name) for name in ("after", "limit", "phases"))
    rows = [
        dict(zip(("after", "limit", "phases"), values, strict=True)) for values in zip(*columns, strict=False)
    ]
    return [x for x in rows if x["limit"].strip() or x["after"].strip()][:MOST_ROWS]


def profile_of(form: MultiDict[str, str], zone: str) -> Profile:
    """The profile that a form asks for. Raises Invalid with the field."""
    kind = one_of(ProfileKind, form.get("kind"), "kind")
    unit = one_of(RateUnit, form.get("unit"), "unit")
    factor = 1000 if unit is RateUnit.W else 1
    is_recurring = kind is ProfileKind.RECURRING
    schedule = Schedule(
        unit=unit,
        periods=tuple(_period(x, factor) for x in rows_of(form)),
        starts_at=None if kind is ProfileKind.RELATIVE else _moment(form, "starts_at", zone),
        duration_s=_seconds(form["lasts"], "lasts") if form.get("lasts") else None,
        least_rate=_rate(form["least_rate"], factor, "least_rate") if form.get("least_rate") else None,
    )
    return Profile(
        purpose=one_of(Purpose, form.get("purpose"), "purpose"),
        kind=kind,
        schedules=(schedule,),
        stack_level=_count(form, "stack_level"),
        recurrency=one_of(Recurrency, form.get("recurrency"), "recurrency") if is_recurring else None,
        valid_from=_moment(form, "valid_from", zone),
        valid_to=_moment(form, "valid_to", zone),
    )


def _period(row: Mapping[str, str], factor: int) -> Period:
    phases = row["phases"]
    if phases not in ("", "1", "2", "3"):
        raise Invalid("There are one, two or three phases.", "periods")
    start_s = _seconds(row["after"], "periods") if row["after"].strip() else 0
    return Period(start_s, _rate(row["limit"], factor, "periods"), int(phases) if phases else None)


def _count(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "").strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Invalid("Write a whole number such as 0 or 3.", name)
    return int(text)


def _rate(text: str, factor: int, field: str) -> float:
    try:
        return round(float(text.strip().replace(",", ".")) * factor, 3)
    except ValueError:
        raise Invalid("Write each limit as a number such as 16 or 8.5.", field) from None


def _seconds(text: str, field: str) -> int:
    """Of hours and minutes, "1:30"; whole hours will do."""
    hours, _, minutes = text.strip().partition(":")
    is_good = hours.isascii() and hours.isdigit() and len(hours) < 6
    if not is_good or (minutes and not (minutes.isascii() and minutes.isdigit() and int(minutes) < 60)):
        raise Invalid("Write times as hours and minutes, such as 1:30.", field)
    return int(hours) * 3600 + int(minutes or 0) * 60


def _moment(form: Mapping[str, str], name: str, zone: str) -> datetime | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except ValueError:
        raise Invalid("Write a date with a time.", name) from None


def _local(at: datetime | None, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime(LOCAL) if at else ""


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}"
