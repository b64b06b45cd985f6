"""What stands at a site. Sites know nothing of chargers, so their end is here."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, Refused, announce
from csms.domain.chargers.models import Charger
from csms.domain.sites import Site, drop_plan


def counts_by_site(session: Session, site_ids: Sequence[int] | None = None) -> dict[int, int]:
    """How many chargers stand at each of these sites; None: at each one."""
    query = select(Charger.site_id, func.count()).group_by(Charger.site_id)
    if site_ids is not None:
        query = query.where(Charger.site_id.in_(site_ids))
    return {site_id: count for site_id, count in session.execute(query) if site_id is not None}


def zone_of(session: Session, charger_id: int) -> str | None:
    """The time zone of a charger's site; None where it has none. Read once in a unit of work."""
    known: dict[int, str | None] = session.info.setdefault("zones", {})
    if charger_id not in known:
        query = select(Site.time_zone).join(Charger, Charger.site_id == Site.id)
        known[charger_id] = session.scalar(query.where(Charger.id == charger_id))
    return known[charger_id]


def put_on_plan(session: Session, charger: Charger, at: tuple[float, float] | None) -> None:
    """Where a charger is on its site's plan, in parts from left and top; None: not on it. Raises Invalid."""
    if at is not None and not all(0 <= x <= 1 for x in at):
        raise Invalid("Both are between 0 and 100 %.", "left")
    charger.plan_x, charger.plan_y = at or (None, None)
    announce(session, charger.topic, "fleet")


def remove_site(session: Session, site: Site) -> None:
    """Forget a site. Raises Refused while chargers stand there: move them first."""
    count = counts_by_site(session, [site.id]).get(site.id, 0)
    if count == 1:
        raise Refused("1 charger stands at %(name)s: move it to another site first.", name=site.name)
    if count:
        raise Refused(
            "%(count)s chargers stand at %(name)s: move them to another site first.",
            count=count,
            name=site.name,
        )
    drop_plan(session, site)
    session.delete(site)
    session.flush()
    announce(session, "fleet")
