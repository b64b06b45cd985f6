"""What must hold of what reports keep: each breach is a sentence, for `verify`."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Select, func, literal, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from csms.domain.reports import raw
from csms.domain.reports.counting import METER, begin_of
from csms.domain.reports.models import Counted, SessionChange, SessionMeter, SessionRegister, UptimeRegister
from csms.domain.reports.raw import SUMS

DAY_S = 24 * 3600


WORDS = {Counted.FLEET: "All chargers", Counted.CHARGER: "Charger {}", Counted.DRIVER: "Account {}"}


def breaches(session: Session) -> Iterator[str]:
    """Of all registers, of connectors and of sessions."""
    yield from _uptime(session)
    for kind in Counted:
        yield from _counted(session, kind)


def _counted(session: Session, kind: Counted) -> Iterator[str]:
    """What meters of sessions have counted, with what is still to be counted, is what the sessions say."""
    for key, quarter in session.execute(_differing(kind)):
        yield (
            f"{WORDS[kind].format(key)}: reports count other sessions on {begin_of(quarter).date()} than there are; "
            "`flask --app wsgi recount-sessions` counts them anew."
        )


@cache
def _differing(kind: Counted) -> Select[Any]:
    """(whose, the first quarter of theirs that is wrong)."""
    told = raw.counted(kind).subquery()
    signed = union_all(
        select(*(told.c[x] for x in METER), told.c.quarter, *(told.c[x] for x in SUMS)),
        _shown(kind),
        _uncounted(kind),
    ).subquery()
    meter = [signed.c[x] for x in METER]
    differing = or_(*(func.sum(signed.c[x]) != 0 for x in SUMS))
    wrong = select(*meter, signed.c.quarter).group_by(*meter, signed.c.quarter).having(differing).subquery()
    return select(wrong.c.key, func.min(wrong.c.quarter)).group_by(wrong.c.key).order_by(wrong.c.key)


def _shown(kind: Counted) -> Select[Any]:
    """By how much registers moved, with a minus."""
    of = SessionRegister.meter_id
    moved = (
        func.lag(x, 1, 0).over(partition_by=of, order_by=SessionRegister.quarter) - x
        for x in (getattr(SessionRegister, x) for x in SUMS)
    )
    query = select(*(getattr(SessionMeter, x) for x in METER), SessionRegister.quarter, *moved)
    return query.join(SessionRegister, of == SessionMeter.id).where(SessionMeter.kind == kind)


def _uncounted(kind: Counted) -> Select[Any]:
    key = {Counted.CHARGER: SessionChange.charger_id, Counted.DRIVER: SessionChange.account_id}.get(kind)
    return select(
        literal_column(f"'{kind}'"),
        literal(0) if key is None else key,
        SessionChange.is_simulated,
        SessionChange.currency,
        SessionChange.quarter,
        *(-getattr(SessionChange, x) for x in SUMS),
    )


def _uptime(session: Session) -> Iterator[str]:
    """A connector's registers never run backwards, and none advances by more than a day in a day."""
    for connector_id, day in session.execute(_impossible()):
        yield f"Connector {connector_id}: its uptime of {day} is more or less than a day can have."


@cache
def _impossible() -> Select[Any]:
    """(connector, its first day that cannot be)."""
    totals = (
        UptimeRegister.known_total_s,
        UptimeRegister.outage_total_s,
        UptimeRegister.excluded_total_s,
    )
    advances = [
        (x - func.lag(x, 1, 0).over(partition_by=UptimeRegister.connector_id, order_by=UptimeRegister.day))
        for x in totals
    ]
    found = select(
        UptimeRegister.connector_id,
        UptimeRegister.day,
        *(x.label(f"s{n}") for n, x in enumerate(advances)),
    ).subquery()
    seconds = (found.c.s0, found.c.s1, found.c.s2)
    wrong = select(found.c.connector_id, func.min(found.c.day)).where(
        or_(*(~x.between(0, DAY_S) for x in seconds), found.c.s1 > found.c.s0, found.c.s2 > found.c.s1)
    )
    return wrong.group_by(found.c.connector_id)
