"""What is simple to ask for: a limit from now on, a charger's supply, its own word on its limits, usual profiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import Invalid, NotFound, Refused, announce
from csms.domain.chargers import Charger, Connector, quirks_of
from csms.domain.commands import Command, Kind
from csms.domain.energy import queries
from csms.domain.energy.models import ChargerSupply, CompositeAnswer, ProfileAssignment
from csms.domain.energy.profiles import (
    Period,
    Profile,
    ProfileKind,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from csms.domain.energy.service import Meant, assign, start_with
from csms.sentences import gettext_noop, told

LONGEST = timedelta(days=366)
HOUR_S = 3600


def limit_now(
    session: Session,
    charger: Charger,
    evse: int,
    limit: float,
    unit: RateUnit,
    *,
    until: datetime | None,
    by: str | None,
    at: datetime,
) -> ProfileAssignment:
    """Limit a whole charger (EVSE 0), the session that runs on an EVSE, or the next ones there; to `until`, or on.

    It stands above every other profile of its purpose. What the model would not obey is brought to the next lower
    limit that it does. Raises Invalid or Refused.
    """
    if until is not None and not at < until <= at + LONGEST:
        raise Invalid("Choose an end in the future, within a year.", "until")
    purpose = Purpose.CHARGER_MAX
    if evse:
        is_running = evse in queries.running(session, charger)
        purpose = Purpose.TX if is_running else Purpose.TX_DEFAULT
    habits = quirks_of(charger).charging
    if unit is RateUnit.A:
        limit = habits.fit_a(limit)
    # Without an end a limit from the session's start on says the same as one from now on.
    is_relative = "Relative" in habits.kinds and evse != 0 and until is None
    starts_at = None if is_relative else at.replace(microsecond=0)
    duration_s = max(1, int((until - at.replace(microsecond=0)).total_seconds())) if until else None
    profile = Profile(
        purpose,
        ProfileKind.RELATIVE if is_relative else ProfileKind.ABSOLUTE,
        (Schedule(unit, (Period(0, limit),), starts_at, duration_s),),
        stack_level=_top(session, charger, evse, purpose),
    )
    words = (
        _name(limit) if unit is RateUnit.A else told("Limit %(kilowatts)s kW", kilowatts=f"{limit / 1000:g}")
    )
    return assign(session, charger, evse, profile, Meant(words, by), at=at)


def start_limited(
    session: Session, connector: Connector, id_tag: str, limit_a: float, *, by: str | None, at: datetime
) -> Command:
    """Ask for a session that begins with a limit of its own. Raises Invalid or Refused."""
    limit_a = quirks_of(connector.charger).charging.fit_a(limit_a)
    schedule = Schedule(RateUnit.A, (Period(0, limit_a),))
    level = _top(session, connector.charger, connector.evse_number, Purpose.TX)
    profile = Profile(Purpose.TX, ProfileKind.RELATIVE, (schedule,), stack_level=level)
    return start_with(session, connector, id_tag, profile, Meant(_name(limit_a), by), at=at)


def _name(limit_a: float) -> str:
    return told("Limit %(amperes)s A", amperes=f"{limit_a:g}")


def _top(session: Session, charger: Charger, evse: int, purpose: Purpose) -> int:
    """The highest level that the charger knows; where it has not said, one above what it holds from others.

    Of the whole charger's limits the highest level is the grid's, where there is more than one.
    """
    most = queries.able(session, charger.id).most_stack_level
    if most is not None:
        return max(0, most - 1) if purpose is Purpose.CHARGER_MAX else most
    stacked = [
        x.profile.stack_level
        for x in queries.held(session, charger)
        if x.profile.purpose is purpose and x.assignment.profile_id is not None
    ]
    return max(stacked, default=-1) + 1


def ask_composite(
    session: Session,
    charger: Charger,
    evse: int,
    *,
    duration_s: int,
    unit: RateUnit | None,
    by: str | None,
    at: datetime,
) -> Command:
    """Ask a charger what it, or an EVSE, may draw in the next `duration_s`. Raises Invalid, NotFound, Refused."""
    if not 0 < duration_s <= LONGEST.total_seconds():
        raise Invalid("Ask for a time between a second and a year.", "duration_s")
    if evse and evse not in {x.evse_number for x in charger.connectors}:
        raise NotFound("%(title)s has no connector %(evse)s.", title=charger.title, evse=evse)
    units = queries.able(session, charger.id).units
    if unit is not None and units is not None and unit not in units:
        raise Refused("%(title)s does not tell limits in %(unit)s.", title=charger.title, unit=unit)
    arguments = {"evse": evse, "duration_s": duration_s, "unit": unit.value if unit else None}
    return commands.request(session, charger, Kind.GET_COMPOSITE, arguments, by=by, at=at)


@dataclass(frozen=True, slots=True)
class ToldSchedule:
    """A charger's own composite schedule. `steps`: {start_s, limit, phases} each, the first with 0."""

    unit: RateUnit
    begins_at: datetime
    ends_at: datetime
    steps: Sequence[dict[str, Any]]


def keep_composite(
    session: Session,
    charger_id: int,
    evse: int,
    status: str | None,
    schedule: ToldSchedule | None,
    *,
    at: datetime,
) -> None:
    """Keep what a charger says of its limits, in the place of what it said before. `schedule` None: it cannot tell."""
    row = queries.answer_of(session, charger_id, evse)
    if row is None:
        row = CompositeAnswer(charger_id=charger_id, evse_number=evse)
        session.add(row)
    row.is_told, row.status, row.answered_at = schedule is not None, (status or "")[:40] or None, at
    row.unit = schedule.unit if schedule else None
    row.begins_at, row.ends_at = (schedule.begins_at, schedule.ends_at) if schedule else (at, at)
    row.steps = list(schedule.steps) if schedule else []
    announce(session, f"charger:{charger_id}")


def set_supply(session: Session, charger: Charger, voltage_v: float, phases: int) -> None:
    """What A and W are converted by at a charger. Raises Invalid."""
    if not 50 <= voltage_v <= 1000:
        raise Invalid("A voltage is between 50 and 1000 V; in Europe it is 230.", "voltage_v")
    if phases not in (1, 2, 3):
        raise Invalid("There are one, two or three phases.", "phases")
    row = session.get(ChargerSupply, charger.id)
    if row is None:
        row = ChargerSupply(charger_id=charger.id)
        session.add(row)
    row.voltage_v, row.phases = voltage_v, phases
    announce(session, charger.topic)


@dataclass(frozen=True, slots=True)
class Preset:
    """A profile to begin from. `why` explains it to whoever has never made one."""

    key: str
    name: str
    why: str
    profile: Profile


def presets(at: datetime) -> tuple[Preset, ...]:
    """Usual profiles; moments in UTC, to be moved to the site's clock by whoever edits them."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    night = (Period(0, 16), Period(6 * HOUR_S, 6), Period(22 * HOUR_S, 16))
    return (
        Preset(
            "fallback",
            gettext_noop("Fallback without this server"),
            gettext_noop(
                "The charger keeps it, and applies it to every session without another limit, also when this server "
                "cannot be reached. Choose a limit with which all your chargers together stay within the supply. What "
                "is set from here should have a higher level and an end: when it is over, this holds again."
            ),
            Profile(
                Purpose.TX_DEFAULT,
                ProfileKind.RELATIVE,
                (Schedule(RateUnit.A, (Period(0, 10),)),),
                stack_level=0,
            ),
        ),
        Preset(
            "night",
            gettext_noop("Slow by day, full by night"),
            gettext_noop("For every session, each day anew: 6 A from 06:00 to 22:00, 16 A in the night."),
            Profile(
                Purpose.TX_DEFAULT,
                ProfileKind.RECURRING,
                (Schedule(RateUnit.A, night, midnight, 86_400),),
                stack_level=1,
                recurrency=Recurrency.DAILY,
            ),
        ),
        Preset(
            "supply",
            gettext_noop("What the supply can carry"),
            gettext_noop("The most that the whole charger may ever draw, whatever its sessions are allowed."),
            Profile(
                Purpose.CHARGER_MAX, ProfileKind.ABSOLUTE, (Schedule(RateUnit.A, (Period(0, 32),), midnight),)
            ),
        ),
    )
