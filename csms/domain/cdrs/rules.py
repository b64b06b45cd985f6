"""From a bill to OCPI's words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from csms.domain.base import iso
from csms.domain.cdrs.models import Cdr
from csms.domain.tariffs import Bill, Period, Terms, bill_with, stretches
from csms.domain.tariffs.ocpi import tariff_of
from csms.quantities import kwh

HOUR = Decimal(3600)
EXACT = Decimal("0.0001")  # OCPI 2.2.1 §16.5: numbers have four decimals at least
# Which lines of a bill are the cost of which of OCPI's totals. What kWh of credit have paid is paid for energy.
COSTS = {
    "total_fixed_cost": ("start",),
    "total_energy_cost": ("energy", "credit"),
    "total_time_cost": ("time",),
    "total_parking_cost": ("idle",),
}
GUEST_PREFIX, WEB_PREFIX, PAYMENT_PREFIX = "GST", "WEB", "PAY"


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was charged, as it was called then. The site is OCPI's location; a charger without one is its own."""

    charger: str
    name: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    site_uuid: str | None = None
    site_name: str | None = None
    site_address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None
    site_latitude: float | None = None
    site_longitude: float | None = None
    country_code: str | None = None  # whose site it is, with party_id
    party_id: str | None = None
    evse: int | None = None
    connector: int | None = None
    type: str | None = None  # in words, where nobody has said the standard
    standard: str | None = None
    format: str | None = None
    power_type: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record is made of: a session that is over, its bill, and how it went."""

    transaction_id: int
    charger_id: int
    account_id: int | None
    tariff_version_id: int | None
    id_tag: str | None
    is_remote: bool
    started_at: datetime
    ended_at: datetime
    energy_wh: int
    idle_s: int
    place: Place
    terms: Terms
    bill: Bill
    periods: tuple[Period, ...]

    @property
    def duration_s(self) -> int:
        return max(0, round((self.ended_at - self.started_at).total_seconds()))


def body_of(facts: Facts) -> dict[str, Any]:
    """What is kept beside the columns."""
    return {
        "country_code": facts.place.country_code,
        "party_id": facts.place.party_id,
        "charger": facts.place.charger,
        "cdr_location": _location(facts.place),
        "charging_periods": _periods(facts),
        "costs": {name: cost for name, kinds in COSTS.items() if (cost := _cost(facts, kinds))},
    }


def _cost(facts: Facts, kinds: Sequence[str]) -> list[int] | None:
    """[without VAT, with VAT] in cents of the bill's lines of these kinds; None where it has none."""
    lines = [x for x in facts.bill.lines if x.kind in kinds]
    if not lines:
        return None
    is_all = len(lines) == len(facts.bill.lines)
    bill = facts.bill if is_all else bill_with(facts.terms, lines)
    return [bill.total_cents - bill.vat_cents, bill.total_cents]


def _location(place: Place) -> dict[str, Any]:
    """OCPI 2.2.1 §10.4.1. The charger's own position counts before its site's."""
    position = (place.latitude, place.longitude)
    if None in position:
        position = (place.site_latitude, place.site_longitude)
    latitude, longitude = position
    has_position = latitude is not None and longitude is not None
    return {
        "id": place.site_uuid or place.charger,
        "name": place.site_name or place.name,
        "address": place.site_address or place.address,
        "city": place.city,
        "postal_code": place.postal_code,
        "state": place.state,
        "country": place.country,
        "coordinates": {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}
        if has_position
        else None,
        "evse_uid": f"{place.charger}-{place.evse}" if place.evse else place.charger,
        "connector_id": str(place.connector or 1),
        "connector_standard": place.standard or place.type,
        "connector_format": place.format,
        "connector_power_type": place.power_type,
    }


def _periods(facts: Facts) -> list[dict[str, Any]]:
    """OCPI 2.2.1 §10.4.2: a new one begins where charging becomes parking, or another price holds."""
    return [
        {
            "start_date_time": told(stretch.begins_at),
            "dimensions": [
                {"type": "ENERGY", "volume": str(kwh(stretch.energy_wh))},
                {"type": "PARKING_TIME" if stretch.is_idle else "TIME", "volume": hours(stretch.seconds)},
            ],
        }
        for stretch in stretches(facts.terms, facts.periods)
    ]


def hours(seconds: int) -> str:
    return str((seconds / HOUR).quantize(EXACT))


def told(moment: datetime) -> str:
    return f"{iso(moment.astimezone(UTC))[:19]}Z"


def money(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"


def price(cents: Sequence[int]) -> dict[str, str]:
    """OCPI's Price of [without VAT, with VAT]."""
    return {"excl_vat": money(cents[0]), "incl_vat": money(cents[1])}


def document(cdr: Cdr, currency: str) -> dict[str, Any]:
    """The record as OCPI 2.2.1 §10.3.1 has it, with numbers as text. `currency`: of one that cost nothing."""
    version = cdr.tariff_version
    tariff_id = str(version.tariff_id) if version else None
    sign = -1 if cdr.credit_of else 1
    costs = {name: price([sign * x for x in cost]) for name, cost in cdr.body["costs"].items()}
    return {
        "country_code": cdr.body["country_code"],
        "party_id": cdr.body["party_id"],
        "id": cdr.uuid,
        "start_date_time": told(cdr.started_at),
        "end_date_time": told(cdr.ended_at),
        "session_id": str(cdr.transaction_id),
        "cdr_token": _token(cdr),
        "auth_method": "COMMAND" if cdr.is_remote else "AUTH_REQUEST",
        "cdr_location": cdr.body["cdr_location"],
        "currency": cdr.currency or currency,
        "tariffs": [tariff_of(version)] if version else [],
        "charging_periods": [x | {"tariff_id": tariff_id} for x in cdr.body["charging_periods"]],
        "total_cost": price([cdr.total_cents - cdr.vat_cents, cdr.total_cents]),
        **{name: costs.get(name) for name in COSTS},
        "total_energy": str(kwh(cdr.energy_wh)),
        "total_time": hours(cdr.duration_s),
        "total_parking_time": hours(cdr.idle_s),
        "remark": cdr.body.get("remark"),
        "credit": cdr.credit_of is not None,
        "credit_reference_id": cdr.credit_of,
        "last_updated": told(cdr.made_at),
    }


def _token(cdr: Cdr) -> dict[str, str] | None:
    """OCPI 2.2.1 §10.4.3; None where nobody presented a card."""
    uid = cdr.id_tag
    if not uid:
        return None
    kind = {GUEST_PREFIX: "AD_HOC_USER", PAYMENT_PREFIX: "AD_HOC_USER", WEB_PREFIX: "APP_USER"}.get(
        uid[:3], "RFID"
    )
    return {"uid": uid, "type": kind, "contract_id": str(cdr.account_id) if cdr.account_id else uid}
