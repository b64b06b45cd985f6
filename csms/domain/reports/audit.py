"""What must hold of what reports keep: each breach is a sentence, for `verify`."""

from collections.abc import Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from csms.domain.reports.models import UptimeRegister

DAY_S = 24 * 3600


def breaches(session: Session) -> Iterator[str]:
    """A connector's registers never run backwards, and none advances by more than a day in a day."""
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
    for connector_id, day in session.execute(wrong.group_by(found.c.connector_id)):
        yield f"Connector {connector_id}: its uptime of {day} is more or less than a day can have."
