"""How places and tariffs are written: Locations with EVSEs and connectors (OCPI 2.2.1 §8.3), and Tariffs (§11.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms.domain import tariffs
from csms.domain.cdrs.rules import told
from csms.domain.chargers import Charger, Connector, ConnectorStatus, PowerType
from csms.domain.chargers.places import overall
from csms.domain.roaming import published
from csms.domain.roaming.models import Published
from csms.domain.roaming.peers import Party
from csms.domain.sites import Site
from csms.domain.tariffs import TariffVersion
from csms.domain.tariffs.numbers import as_numbers
from csms.domain.tariffs.ocpi import tariff_of

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


def location(
    session: Session, site: Site, chargers: Sequence[Charger], view: View, entries: Sequence[Published]
) -> dict[str, Any]:
    party = party_of(site, view.party)
    edited = {x.id: x.changed_at for x in entries}
    here = [x for charger in chargers for x in evses(session, charger, party, view, edited)]
    removed = published.removed(entries, {x["uid"] for x in here})
    changed_at = max([site.changed_at, *edited.values(), *(x for y in chargers for x in _moments(y))])
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
        "evses": here + removed,
        "operator": {"name": view.operator[:100]},
        "time_zone": site.time_zone or view.time_zone,
        "last_updated": told(changed_at),
    }
    return without_nothing(found)


def evses(
    session: Session, charger: Charger, party: Party, view: View, edited: Mapping[str, datetime]
) -> list[dict[str, Any]]:
    whole = [x for x in charger.connectors if x.standard and x.format and x.power_type and x.max_power_w]
    version = tariffs.applicable(session, charger.tariff_id, view.at)
    found = []
    for number in sorted({x.evse_number for x in whole}):
        uid = uid_of(charger, number)
        since = edited.get(uid, charger.created_at)
        plugs = [_connector(x, charger, version, since) for x in whole if x.evse_number == number]
        evse = {
            "uid": uid,
            "evse_id": evse_id_of(party, charger, number),
            "status": status_of(charger, number, view.at),
            "capabilities": list(CAPABILITIES),
            "connectors": plugs,
            "coordinates": _coordinates(charger.latitude, charger.longitude),
            "physical_reference": charger.name[:16] if charger.name else None,
            "last_updated": told(max(since, *_moments(charger))),
        }
        found.append(without_nothing(evse))
    return found


def lasting(told_of: Mapping[str, Any]) -> dict[str, Any]:
    """A thing without its state."""
    found = {x: y for x, y in told_of.items() if x not in ("status", "last_updated")}
    if "connectors" in found:
        found["connectors"] = [lasting(x) for x in found["connectors"]]
    return found


def status_of(charger: Charger, evse: int, at: datetime) -> str:
    """§8.4.22. Of a charger that is not connected nobody knows anything."""
    if charger.lease is None or not charger.lease.is_online(at):
        return "UNKNOWN"
    if charger.status in DEAD:
        return STATUSES[charger.status]
    return STATUSES[
        overall(ConnectorStatus.UNKNOWN, [x.status for x in charger.connectors if x.evse_number == evse])
    ]


def _connector(
    connector: Connector, charger: Charger, version: TariffVersion | None, edited_at: datetime
) -> dict[str, Any]:
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
        "last_updated": told(max(edited_at, connector.status_at or charger.created_at)),
    }


def electrics(power_type: PowerType, power_w: int) -> tuple[int, int]:
    """(V, A) that a power amounts to: §8.3.3 requires both, and nobody is asked for them. AC: of one phase."""
    if power_type is PowerType.DC:
        voltage = HIGH_DC_V if power_w > HIGH_DC_W else DC_V
        return voltage, max(1, round(power_w / voltage))
    return MAINS_V, max(1, round(power_w / MAINS_V / PHASES.get(power_type, 1)))


def tariff(version: TariffVersion, party: Party, edited_at: datetime | None = None) -> dict[str, Any]:
    """§11.3.1, under the party that it is offered by; `edited_at`: when it was found to be in force."""
    whose = {"country_code": party.country_code, "party_id": party.party_id}
    shown: dict[str, Any] = as_numbers(without_nothing(whose | tariff_of(version)))
    shown["last_updated"] = told(max(version.created_at, edited_at or version.created_at))
    return shown


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


def _coordinates(latitude: float | None, longitude: float | None) -> dict[str, str] | None:
    if latitude is None or longitude is None:
        return None
    return {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}


def _moments(charger: Charger) -> list[datetime]:
    lease = charger.lease
    given = [charger.created_at, charger.status_at, *(x.status_at for x in charger.connectors)]
    given += [lease.connected_at, lease.closed_at] if lease else []
    return [x for x in given if x is not None]


def without_nothing(told_of: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known: OCPI leaves that out."""
    return {name: value for name, value in told_of.items() if value is not None}
