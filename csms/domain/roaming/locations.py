"""What we publish: sites as Locations with their EVSEs and connectors (OCPI 2.2.1 §8), and the tariffs that hold there.

Published is what an operator shows to everybody, at a site of which enough is known. Never a charger in software.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import tariffs
from csms.domain.base import NotFound
from csms.domain.cdrs.rules import told
from csms.domain.chargers import Admission, Charger, Connector, ConnectorStatus, Evse, PowerType
from csms.domain.chargers.models import LinkLease
from csms.domain.chargers.places import overall
from csms.domain.roaming.peers import Party, our_party
from csms.domain.sites import Site
from csms.domain.tariffs import TariffVersion
from csms.domain.tariffs.numbers import as_numbers
from csms.domain.tariffs.ocpi import tariff_of

UID_LENGTH = 36
# §8.4.22. A car that is plugged in keeps the place from others, whether it charges or not.
STATUSES = {
    ConnectorStatus.AVAILABLE: "AVAILABLE",
    ConnectorStatus.PREPARING: "CHARGING",
    ConnectorStatus.CHARGING: "CHARGING",
    ConnectorStatus.SUSPENDED_EV: "CHARGING",
    ConnectorStatus.SUSPENDED_EVSE: "CHARGING",
    ConnectorStatus.FINISHING: "CHARGING",
    ConnectorStatus.RESERVED: "RESERVED",
    ConnectorStatus.UNAVAILABLE: "INOPERATIVE",
    ConnectorStatus.FAULTED: "OUTOFORDER",
    ConnectorStatus.UNKNOWN: "UNKNOWN",
}
DEAD = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
CAPABILITIES = ("REMOTE_START_STOP_CAPABLE", "RFID_READER", "UNLOCK_CAPABLE")
MAINS_V, DC_V, HIGH_DC_V, HIGH_DC_W = 230, 500, 1000, 150_000
PHASES = {PowerType.AC_2_PHASE: 2, PowerType.AC_2_PHASE_SPLIT: 2, PowerType.AC_3_PHASE: 3}


@dataclass(frozen=True, slots=True)
class View:
    """What Locations are written with: who we are, the installation's time zone and name, and the moment."""

    party: Party
    operator: str
    time_zone: str
    at: datetime


def _is_shown() -> ColumnElement[bool]:
    """On Charger, joined with its site: everybody may see it."""
    return and_(
        Charger.admission == Admission.ACCEPTED,
        Charger.is_simulated.is_(False),
        func.coalesce(Charger.is_public, Site.is_public) == true(),
    )


def _is_whole() -> ColumnElement[bool]:
    """On Connector: what §8.3.3 requires is known of it."""
    known = (Connector.standard, Connector.format, Connector.power_type, Connector.max_power_w)
    return and_(*(x.is_not(None) for x in known))


def _is_placed() -> ColumnElement[bool]:
    """On Site: what §8.3.1 requires is known of it."""
    known = (Site.address, Site.city, Site.country, Site.latitude, Site.longitude)
    return and_(*(x.is_not(None) for x in known))


def listed(since: datetime | None = None, until: datetime | None = None) -> Select[Site]:
    """Sites that are published, by number; changed from `since` on, before `until`."""
    shown = exists().where(
        Charger.site_id == Site.id, _is_shown(), Connector.charger_id == Charger.id, _is_whole()
    )
    query = select(Site).where(_is_placed(), shown.correlate(Site)).order_by(Site.id)
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
    return or_(Site.changed_at >= moment, told_since.correlate(Site).exists())


def of_sites(session: Session, sites: Iterable[Site], view: View) -> list[dict[str, Any]]:
    """Their Locations. A fixed number of queries, however many there are."""
    rows = list(sites)
    query = shown_chargers().where(Site.id.in_([x.id for x in rows]))
    query = query.options(joinedload(Charger.lease), selectinload(Charger.connectors))
    found: dict[int | None, list[Charger]] = {}
    for charger in session.scalars(query):
        found.setdefault(charger.site_id, []).append(charger)
    return [_location(session, x, found.get(x.id, []), view) for x in rows]


def get(session: Session, location_id: str, view: View) -> dict[str, Any]:
    """One Location. Raises NotFound."""
    site = session.scalar(listed().where(Site.uuid == location_id.strip().lower()[:UID_LENGTH]))
    if site is None:
        raise NotFound("There is no such location.")
    return of_sites(session, [site], view)[0]


def part(parts: Sequence[dict[str, Any]], name: str, uid: str) -> dict[str, Any]:
    """The one among a Location's EVSEs, or an EVSE's connectors, whose field `name` is `uid`. Raises NotFound."""
    found = next((x for x in parts if x[name].casefold() == uid.casefold()), None)
    if found is None:
        raise NotFound("There is nothing of this id at the location.")
    return found


def find_outlet(session: Session, location_id: str, evse_uid: str) -> list[Connector]:
    """The connectors of a published EVSE. Raises NotFound."""
    wanted = evse_uid.casefold()
    found = [x for x in outlets_at(session, location_id) if uid_of(x.charger, x.evse_number) == wanted]
    if not found:
        raise NotFound("There is no such EVSE.")
    return found


def outlets_at(session: Session, location_id: str) -> Sequence[Connector]:
    """All published connectors of a location."""
    query = (
        select(Connector)
        .join(Connector.charger)
        .join(Charger.site)
        .where(Site.uuid == location_id.strip().lower()[:UID_LENGTH], _is_shown(), _is_placed(), _is_whole())
        .order_by(Connector.charger_id, Connector.evse_number, Connector.number)
    )
    loaded = joinedload(Connector.charger).selectinload(Charger.connectors)
    return session.scalars(query.options(loaded)).all()


def shown_chargers() -> Select[Charger]:
    """Chargers of which anything is published."""
    whole = select(Connector.id).where(Connector.charger_id == Charger.id, _is_whole())
    return (
        select(Charger)
        .join(Charger.site)
        .where(_is_shown(), _is_placed(), whole.correlate(Charger).exists())
        .order_by(Charger.id)
    )


def evses_of(session: Session, charger: Charger, view: View) -> list[dict[str, Any]]:
    """The EVSEs of a charger at a site."""
    return _evses(session, charger, party_of(charger.site, view.party), view)


def uid_of(charger: Charger, evse: int) -> str:
    """What an EVSE is known by (§8.3.2): never a charger's identity, with which somebody could connect in its name."""
    connector = _first_of(charger, evse)
    return connector.uuid if connector else charger.slug


def evse_id_of(party: Party, charger: Charger, evse: int) -> str:
    """An EVSE's name for people, after eMI3: country, operator, E, and the code on its label."""
    connector = _first_of(charger, evse)
    name = connector.code if connector else re.sub("[^A-Z0-9]", "", charger.slug.upper())
    return f"{party.country_code}*{party.party_id}*E{name}"


def _first_of(charger: Charger, evse: int) -> Connector | None:
    return next((x for x in charger.connectors if x.evse_number == evse), None)


def party_of(site: Site | None, ours: Party) -> Party:
    """Whose a site is."""
    if site is not None and site.country_code and site.party_id:
        return Party(site.country_code, site.party_id)
    return ours


def _location(session: Session, site: Site, chargers: Sequence[Charger], view: View) -> dict[str, Any]:
    party = party_of(site, view.party)
    evses = [x for charger in chargers for x in _evses(session, charger, party, view)]
    moments = [site.changed_at, *(x for charger in chargers for x in _moments(charger))]
    found: dict[str, Any] = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": site.uuid,
        "publish": True,
        "name": site.name,
        "address": (site.address or "")[:45],
        "city": (site.city or "")[:45],
        "postal_code": site.postal_code[:10] if site.postal_code else None,
        "state": site.state[:20] if site.state else None,
        "country": site.country,
        "coordinates": _coordinates(site.latitude, site.longitude),
        "parking_type": site.parking_type.value if site.parking_type else None,
        "evses": evses,
        "operator": {"name": view.operator[:100]},
        "time_zone": site.time_zone or view.time_zone,
        "last_updated": told(max(moments)),
    }
    return without_nothing(found)


def _coordinates(latitude: float | None, longitude: float | None) -> dict[str, str] | None:
    if latitude is None or longitude is None:
        return None
    return {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}


def _moments(charger: Charger) -> list[datetime]:
    lease = charger.lease
    given = [charger.created_at, charger.status_at, *(x.status_at for x in charger.connectors)]
    given += [lease.connected_at, lease.closed_at] if lease else []
    return [x for x in given if x is not None]


def _evses(session: Session, charger: Charger, party: Party, view: View) -> list[dict[str, Any]]:
    whole = [x for x in charger.connectors if x.standard and x.format and x.power_type and x.max_power_w]
    version = tariffs.applicable(session, charger.tariff_id, view.at)
    numbers = sorted({x.evse_number for x in whole})
    return [
        without_nothing(
            {
                "uid": uid_of(charger, number),
                "evse_id": evse_id_of(party, charger, number),
                "status": status_of(charger, number, view.at),
                "capabilities": list(CAPABILITIES),
                "connectors": [_connector(x, charger, version) for x in whole if x.evse_number == number],
                "coordinates": _coordinates(charger.latitude, charger.longitude),
                "physical_reference": charger.name[:16] if charger.name else None,
                "last_updated": told(max(_moments(charger))),
            }
        )
        for number in numbers
    ]


def status_of(charger: Charger, evse: int, at: datetime) -> str:
    """§8.4.22. Of a charger that is not connected nobody knows anything."""
    if charger.lease is None or not charger.lease.is_online(at):
        return "UNKNOWN"
    if charger.status in DEAD:
        return STATUSES[charger.status]
    return STATUSES[
        overall(ConnectorStatus.UNKNOWN, [x.status for x in charger.connectors if x.evse_number == evse])
    ]


def _connector(connector: Connector, charger: Charger, version: TariffVersion | None) -> dict[str, Any]:
    voltage, current = electrics(connector.power_type or PowerType.DC, connector.max_power_w or 0)
    return {
        "id": str(connector.number),
        "standard": connector.standard.value if connector.standard else None,
        "format": connector.format.value if connector.format else None,
        "power_type": connector.power_type.value if connector.power_type else None,
        "max_voltage": voltage,
        "max_amperage": current,
        "max_electric_power": connector.max_power_w,
        "tariff_ids": [str(version.tariff_id)] if version else [],
        "last_updated": told(connector.status_at or charger.created_at),
    }


def electrics(power_type: PowerType, power_w: int) -> tuple[int, int]:
    """(V, A) that a power amounts to: §8.3.3 requires both, and nobody is asked for them. AC: of one phase."""
    if power_type is PowerType.DC:
        voltage = HIGH_DC_V if power_w > HIGH_DC_W else DC_V
        return voltage, max(1, round(power_w / voltage))
    return MAINS_V, max(1, round(power_w / MAINS_V / PHASES.get(power_type, 1)))


def tariff_versions(session: Session, at: datetime) -> list[TariffVersion]:
    """Those by which published chargers bill now, by number of the tariff."""
    query = select(Charger.tariff_id).join(Charger.site).where(_is_shown(), _is_placed()).distinct()
    found = {tariffs.applicable(session, x, at) for x in session.scalars(query)}
    return sorted((x for x in found if x is not None), key=lambda x: x.tariff_id)


def tariff(version: TariffVersion, party: Party) -> dict[str, Any]:
    """§11.3.1, under the party that it is offered by."""
    whose = {"country_code": party.country_code, "party_id": party.party_id}
    shown: dict[str, Any] = as_numbers(without_nothing(whose | tariff_of(version)))
    return shown


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is published, and what is shown to everybody and is not: (charger, what is missing)."""

    sites: int
    evses: int
    left_out: Sequence[tuple[Charger, str]]


SITE, PLACE, PLUG = "site", "place", "plug"


def standing(session: Session) -> Standing:
    """For the page. Three queries."""
    base = select(Evse.id).select_from(Evse).join(Connector, Connector.evse_id == Evse.id)
    published = base.join(Evse.charger).join(Charger.site).where(_is_shown(), _is_placed(), _is_whole())
    evses = session.scalar(select(func.count()).select_from(published.distinct().subquery())) or 0
    sites = session.scalar(select(func.count()).select_from(listed().subquery())) or 0
    query = (
        select(Charger)
        .outerjoin(Charger.site)
        .where(_is_shown())
        .options(joinedload(Charger.site), selectinload(Charger.connectors))
        .order_by(Charger.identity)
        .limit(2_000)
    )
    missing = [(x, lack) for x in session.scalars(query) if (lack := _lack(x))]
    return Standing(sites, evses, missing)


def _lack(charger: Charger) -> str | None:
    site = charger.site
    if site is None:
        return SITE
    if not (site.address and site.city and site.country) or None in (site.latitude, site.longitude):
        return PLACE
    is_whole = any(x.standard and x.format and x.power_type and x.max_power_w for x in charger.connectors)
    return None if is_whole else PLUG


def without_nothing(told_of: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known: OCPI leaves that out."""
    return {name: value for name, value in told_of.items() if value is not None}


def view_of(session: Session, *, operator: str, time_zone: str, at: datetime) -> View:
    """Raises NotFound while nobody has said who we are."""
    party = our_party(session)
    if party is None:
        raise NotFound("Nobody has said yet who we are in OCPI.")
    return View(party, operator, time_zone, at)
