"""What we publish: sites as Locations with their EVSEs and connectors (OCPI 2.2.1 §8), and the tariffs that hold there.

Published is what an operator shows to everybody, at a site of which enough is known. Never a charger in software.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import tariffs
from csms.domain.base import NotFound
from csms.domain.chargers import Admission, Charger, Connector
from csms.domain.chargers.models import LinkLease
from csms.domain.roaming import published, writing
from csms.domain.roaming.models import Published, Thing
from csms.domain.roaming.peers import our_party
from csms.domain.roaming.writing import View
from csms.domain.sites import Site
from csms.domain.tariffs import TariffVersion

UID_LENGTH = 36
PORTION = 5  # sites that are written without a break


def is_shown() -> ColumnElement[bool]:
    """On Charger, joined with its site: everybody may see it."""
    return and_(
        Charger.admission == Admission.ACCEPTED,
        Charger.is_simulated.is_(False),
        func.coalesce(Charger.is_public, Site.is_public) == true(),
    )


def is_whole() -> ColumnElement[bool]:
    """On Connector: what §8.3.3 requires is known of it."""
    known = (Connector.standard, Connector.format, Connector.power_type, Connector.max_power_w)
    return and_(*(x.is_not(None) for x in known))


def is_told(connector: Connector) -> bool:
    """As `is_whole`, of one."""
    known = (connector.standard, connector.format, connector.power_type, connector.max_power_w)
    return None not in known


def is_placed() -> ColumnElement[bool]:
    """On Site: what §8.3.1 requires is known of it."""
    known = (Site.address, Site.city, Site.country, Site.latitude, Site.longitude)
    return and_(*(x.is_not(None) for x in known))


def listed(since: datetime | None = None, until: datetime | None = None) -> Select[Site]:
    """Sites that are published, by number; changed from `since` on, before `until`."""
    shown = exists().where(
        Charger.site_id == Site.id, is_shown(), Connector.charger_id == Charger.id, is_whole()
    )
    query = select(Site).where(is_placed(), shown.correlate(Site)).order_by(Site.id)
    if since is not None:
        query = query.where(_changed_since(since))
    return query if until is None else query.where(~_changed_since(until))


def _changed_since(moment: datetime) -> ColumnElement[bool]:
    """On Site: something about it, its chargers' connections or its connectors was told at that moment or later."""
    told_since = (
        select(Charger.id)
        .join(Connector, Connector.charger_id == Charger.id)
        .outerjoin(LinkLease, LinkLease.charger_id == Charger.id)
        .where(
            Charger.site_id == Site.id,
            or_(
                Charger.created_at >= moment,
                func.coalesce(Charger.status_at, Charger.created_at) >= moment,
                func.coalesce(Connector.status_at, Charger.created_at) >= moment,
                func.coalesce(LinkLease.connected_at, Charger.created_at) >= moment,
                func.coalesce(LinkLease.closed_at, Charger.created_at) >= moment,
            ),
        )
    )
    edited_since = exists().where(Published.location_id == Site.uuid, Published.changed_at >= moment)
    return or_(Site.changed_at >= moment, told_since.correlate(Site).exists(), edited_since.correlate(Site))


def ids(since: datetime | None = None, until: datetime | None = None) -> Select[str]:
    """What the list of Locations has. Who asks what has changed hears of those that are gone as well: they are in no
    whole list, for that has "all Locations with valid EVSEs" (§8.2.1.1).
    """
    shown = (
        listed(since, until).order_by(None).with_only_columns(Site.id.label("number"), Site.uuid.label("id"))
    )
    if since is None:
        alone = shown.subquery()
        return select(alone.c.id).order_by(alone.c.number)
    still = listed().order_by(None).with_only_columns(Site.uuid)
    gone = select(literal(0, Integer).label("number"), Published.location_id.label("id")).where(
        Published.thing == Thing.LOCATION,
        Published.gone_at.is_not(None),
        Published.changed_at >= since,
        Published.location_id.not_in(still),
    )
    if until is not None:
        gone = gone.where(Published.changed_at < until)
    both = union_all(shown, gone).subquery()
    return select(both.c.id).order_by(both.c.number, both.c.id)


def of_ids(session: Session, location_ids: Sequence[str], view: View) -> list[dict[str, Any]]:
    """These Locations, in this order; those that are gone as they were, with every EVSE REMOVED."""
    sites = session.scalars(listed().where(Site.uuid.in_(location_ids))).all()
    found = {x["id"]: x for x in of_sites(session, sites, view)}
    entries = published.of_locations(session, [x for x in location_ids if x not in found])
    found |= {x: location for x, rows in entries.items() if (location := published.gone_location(rows))}
    return [found[x] for x in location_ids if x in found]


def of_sites(session: Session, sites: Sequence[Site], view: View) -> list[dict[str, Any]]:
    """Their Locations, with the EVSEs that were there once. A fixed number of queries, however many there are."""
    entries = published.of_locations(session, [x.uuid for x in sites])
    return [
        writing.location(session, x, chargers, view, entries.get(x.uuid, ()))
        for x, chargers in _with_chargers(session, sites)
    ]


def publication(session: Session, view: View) -> Iterator[published.Publication]:
    """All that peers see, but for its state: in portions, for nobody should wait while all of it is written."""
    yield {
        (Thing.TARIFF, "", str(x.tariff_id)): writing.lasting(writing.tariff(x, view.party))
        for x in tariff_versions(session, view.at)
    }
    sites = session.scalars(listed()).all()
    for start in range(0, len(sites), PORTION):
        found: dict[published.Key, dict[str, Any]] = {}
        for site, chargers in _with_chargers(session, sites[start : start + PORTION]):
            location = writing.location(session, site, chargers, view, ())
            for evse in location.pop("evses"):
                found[Thing.EVSE, site.uuid, evse["uid"]] = writing.lasting(evse)
            found[Thing.LOCATION, site.uuid, ""] = writing.lasting(location)
        yield found


def _with_chargers(session: Session, sites: Sequence[Site]) -> Iterable[tuple[Site, list[Charger]]]:
    query = shown_chargers().where(Site.id.in_([x.id for x in sites]))
    query = query.options(joinedload(Charger.lease), selectinload(Charger.connectors))
    found: dict[int | None, list[Charger]] = {}
    for charger in session.scalars(query):
        found.setdefault(charger.site_id, []).append(charger)
    return ((x, found.get(x.id, [])) for x in sites)


def get(session: Session, location_id: str, view: View) -> dict[str, Any]:
    """One Location. Raises NotFound."""
    found = of_ids(session, [location_id.strip().lower()[:UID_LENGTH]], view)
    if not found:
        raise NotFound("There is no such location.")
    return found[0]


def part(parts: Sequence[dict[str, Any]], name: str, uid: str) -> dict[str, Any]:
    """The one among a Location's EVSEs, or an EVSE's connectors, whose field `name` is `uid`. Raises NotFound."""
    found = next((x for x in parts if x[name].casefold() == uid.casefold()), None)
    if found is None:
        raise NotFound("There is nothing of this id at the location.")
    return found


def find_outlet(session: Session, location_id: str, evse_uid: str) -> list[Connector]:
    """The connectors of a published EVSE. Raises NotFound."""
    wanted = evse_uid.casefold()
    found = [
        x for x in outlets_at(session, location_id) if writing.uid_of(x.charger, x.evse_number) == wanted
    ]
    if not found:
        raise NotFound("There is no such EVSE.")
    return found


def outlets_at(session: Session, location_id: str) -> Sequence[Connector]:
    """All published connectors of a location."""
    query = (
        select(Connector)
        .join(Connector.charger)
        .join(Charger.site)
        .where(Site.uuid == location_id.strip().lower()[:UID_LENGTH], is_shown(), is_placed(), is_whole())
        .order_by(Connector.charger_id, Connector.evse_number, Connector.number)
    )
    loaded = joinedload(Connector.charger).selectinload(Charger.connectors)
    return session.scalars(query.options(loaded)).all()


def shown_chargers() -> Select[Charger]:
    """Chargers of which anything is published."""
    whole = select(Connector.id).where(Connector.charger_id == Charger.id, is_whole())
    return (
        select(Charger)
        .join(Charger.site)
        .where(is_shown(), is_placed(), whole.correlate(Charger).exists())
        .order_by(Charger.id)
    )


def evses_of(
    session: Session, charger: Charger, view: View, edited: Mapping[str, datetime]
) -> list[dict[str, Any]]:
    """The EVSEs of a charger at a site. `edited`: when what is published of them has changed."""
    return writing.evses(session, charger, writing.party_of(charger.site, view.party), view, edited)


def tariff_versions(session: Session, at: datetime) -> list[TariffVersion]:
    """Those by which published chargers bill now, by number of the tariff."""
    query = select(Charger.tariff_id).join(Charger.site).where(is_shown(), is_placed()).distinct()
    found = {tariffs.applicable(session, x, at) for x in session.scalars(query)}
    return sorted((x for x in found if x is not None), key=lambda x: x.tariff_id)


def view_of(session: Session, *, operator: str, time_zone: str, at: datetime) -> View:
    """Raises NotFound while nobody has said who we are."""
    party = our_party(session)
    if party is None:
        raise NotFound("Nobody has said yet who we are in OCPI.")
    return View(party, operator, time_zone, at)
