"""Charging profiles in words and lines: what a profile says, what became of it, and limits over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext, lazy_gettext, ngettext

from csms.domain.energy import (
    Composite,
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    State,
    Step,
)
from csms.web import filters
from csms.web.charts import Plot, stairs

PURPOSES = {
    Purpose.EXTERNAL: lazy_gettext("From outside"),
    Purpose.CHARGER_MAX: lazy_gettext("Whole charger"),
    Purpose.TX_DEFAULT: lazy_gettext("Every session"),
    Purpose.TX: lazy_gettext("One session"),
}
KINDS = {
    ProfileKind.ABSOLUTE: lazy_gettext("From a moment on"),
    ProfileKind.RECURRING: lazy_gettext("Again every day or week"),
    ProfileKind.RELATIVE: lazy_gettext("From the start of each session"),
}
# A state as (family of the status language, icon, words).
STATES = {
    State.WANTED: ("out", "clock", lazy_gettext("To be sent")),
    State.SENT: ("active", "loader-circle", lazy_gettext("Sent")),
    State.INSTALLED: ("ready", "circle-check", lazy_gettext("Installed")),
    State.REFUSED: ("fault", "circle-x", lazy_gettext("Refused")),
    State.CLEARED: ("out", "ban", lazy_gettext("Cleared")),
    State.UNKNOWN: ("wait", "circle-help", lazy_gettext("Unknown")),
}
# How each line is drawn: its family of colours, and the class of its stroke.
STROKES = {
    Purpose.EXTERNAL: ("fault", "thin"),
    Purpose.CHARGER_MAX: ("wait", "thin"),
    Purpose.TX_DEFAULT: ("held", "thin"),
    Purpose.TX: ("active", "thin"),
}
MOST_PERIODS_TOLD = 4


def state(found: State) -> tuple[str, str, str]:
    """As `ui.mark` takes it, but for the order."""
    family, glyph, words = STATES[found]
    return family, glyph, str(words)


def rate(limit: float | None, unit: RateUnit) -> str:
    """ "16 A", "6.9 kW", or that there is no limit."""
    if limit is None:
        return gettext("no limit")
    if unit is RateUnit.W:
        return filters.kw(limit, 2 if limit % 100 else 1)
    return filters.with_unit(filters.number(limit, 1 if limit % 1 else 0), "A")


def summary(profile: Profile, zone: str) -> str:
    """What a profile says, in one line."""
    schedule = profile.schedule
    told = [_period(profile, x, zone) for x in schedule.periods[:MOST_PERIODS_TOLD]]
    more = len(schedule.periods) - len(told)
    begin = {
        ProfileKind.RELATIVE: gettext("From its start"),
        ProfileKind.RECURRING: _turn(profile, zone),
        ProfileKind.ABSOLUTE: gettext("From %(time)s", time=filters.localtime(schedule.starts_at, zone)),
    }[profile.kind]
    turn_s = profile.recurrency.seconds if profile.recurrency else None
    if schedule.duration_s not in (None, turn_s):
        begin = gettext("%(begin)s for %(duration)s", begin=begin, duration=lasting(schedule.duration_s))
    limits = ", ".join(told)
    if more > 0:
        limits = gettext("%(limits)s and %(count)s more", limits=limits, count=more)
    return f"{begin}: {limits}"


def _turn(profile: Profile, zone: str) -> str:
    starts_at = profile.schedule.starts_at
    clock = filters.localtime(starts_at, zone, "clock")
    if profile.recurrency and profile.recurrency.value == "Weekly" and starts_at:
        weekday = filters.localtime(starts_at, zone, "weekday")
        return gettext("Each %(weekday)s from %(time)s", weekday=weekday, time=clock)
    return gettext("Every day from %(time)s", time=clock)


def lasting(seconds: int | None) -> str:
    """ "3 h", "90 min", "2 days"."""
    for unit, size in ((gettext("days"), 86_400), ("h", 3600)):
        if seconds and seconds % size == 0 and seconds > size:
            return filters.with_unit(str(seconds // size), unit)
    return filters.duration_words(seconds)


def _period(profile: Profile, period: Period, zone: str) -> str:
    """A daily one by the clock, others by what has passed."""
    words = rate(period.limit, profile.schedule.unit)
    if period.phases is not None:
        words = ngettext(
            "%(limit)s on %(num)s phase", "%(limit)s on %(num)s phases", period.phases, limit=words
        )
    starts_at = profile.schedule.starts_at
    if not period.start_s:
        return words
    if profile.recurrency is Recurrency.DAILY and starts_at:
        begin = starts_at + timedelta(seconds=period.start_s)
        clock = filters.localtime(begin, zone, "clock")
        return gettext("from %(time)s %(limit)s", time=clock, limit=words)
    return gettext("after %(time)s %(limit)s", time=filters.duration(period.start_s), limit=words)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline. `family` colours it; `stroke` is the class of its path."""

    words: str
    family: str
    stroke: str
    plot: Plot


@dataclass(frozen=True, slots=True)
class Timeline:
    """Limits over time. `result` is what follows from all; `rows` tell the same as text; none of them may limit."""

    lines: list[Line]
    result: Line
    top_words: str
    axis: tuple[str, ...]
    rows: list[tuple[str, str, str]]
    is_limited: bool


def timeline(
    result: Composite, stacks: Sequence[tuple[Purpose, Composite]], told: Composite | None, zone: str
) -> Timeline:
    """The lines of a charger or a connector, all in the unit of `result`."""
    every = [result, *(x for _, x in stacks), *([told] if told else [])]
    limits = [step.limit for x in every for step in x.steps if step.limit is not None]
    top = max(limits, default=0) * 1.15 or 1
    lines = [
        Line(str(PURPOSES[purpose]), *STROKES[purpose], _plot(x, result, top))
        for purpose, x in stacks
        if any(step.limit is not None for step in x.steps)
    ]
    if told is not None:
        lines.append(Line(gettext("The charger’s own word"), "out", "told", _plot(told, result, top)))
    middle = result.begins_at + (result.ends_at - result.begins_at) / 2
    style = "clock" if result.ends_at - result.begins_at <= timedelta(hours=36) else "minute"
    places = 1 if result.unit is RateUnit.A else -2
    axis = (gettext("now"), *(filters.localtime(x, zone, style) for x in (middle, result.ends_at)))
    return Timeline(
        lines,
        Line(gettext("What holds"), "ready", "line", _plot(result, result, top)),
        gettext("top %(value)s", value=rate(round(top, places), result.unit)),
        axis,
        [_row(x, result, zone) for x in result.steps],
        bool(limits),
    )


def _plot(composite: Composite, frame: Composite, top: float) -> Plot:
    whole_s = (frame.ends_at - frame.begins_at).total_seconds()

    def share(at: datetime) -> float:
        return min(1.0, max(0.0, (at - frame.begins_at).total_seconds() / whole_s))

    points: list[tuple[float, float | None]] = []
    if composite.begins_at > frame.begins_at:
        points.append((0.0, None))
    inside = [x for x in composite.steps if x.at < frame.ends_at]
    first = max((x for x in inside if x.at <= frame.begins_at), key=lambda x: x.at, default=None)
    shown = [x for x in inside if first is None or x.at >= first.at]
    points += [(share(x.at), x.limit) for x in shown]
    if composite.ends_at < frame.ends_at:
        points.append((share(composite.ends_at), None))
    return stairs(points, top=top)


def _row(step: Step, result: Composite, zone: str) -> tuple[str, str, str]:
    at = gettext("now") if step.at == result.begins_at else filters.localtime(step.at, zone)
    why = gettext("its connectors together") if step.limit else "–"
    if step.purpose:
        why = str(PURPOSES[step.purpose])
    return at, rate(step.limit, result.unit), f"{why} · {step.number}" if step.number else why
