"""ov2xmp-django's tariffs and charging profiles in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from csms.domain.base import Invalid
from csms.domain.energy import Period, ProfileKind, RateUnit
from csms.domain.tariffs import Terms, from_json
from csms.imports.dumps import Dump
from csms.imports.profiles import profile_of
from csms.imports.records import ChargingProfile, Row, Tariff
from csms.imports.values import Item, each, structure


def tariffs(dump: Dump, time_zone: str) -> Iterator[Row]:
    """OCPI's tariffs, whose prices were without VAT; here it is in them."""
    elements = {x.key: x.fields for x in dump.rows("tariffelement")}
    return each("tariff", dump.rows("tariff"), lambda item: _tariff(item, elements, time_zone))


def _tariff(item: Item, elements: Mapping[str, Mapping[str, Any]], time_zone: str) -> Tariff:
    told = []
    for key in item.given("elements") or ():
        element = elements.get(str(key))
        if element is None:
            raise Invalid(f"Its element {key} is not in the dump.")
        components = [_with_vat(x) for x in structure(element["price_components"])]
        restrictions = structure(element.get("restrictions")) or {}
        told.append({"price_components": components, "restrictions": restrictions})
    texts = structure(item.given("tariff_alt_text")) or []
    name = next((x["text"] for x in texts if isinstance(x, dict) and x.get("text")), None)
    terms = Terms(
        currency=str(item.needed("currency")).upper(),
        elements=from_json(told),
        min_price=_price(item.given("min_price")),
        max_price=_price(item.given("max_price")),
        time_zone=time_zone,
    )
    return Tariff(item.key, str(name or f"Tariff {item.key[:8]}"), terms)


def _with_vat(component: Mapping[str, Any]) -> dict[str, Any]:
    vat = Decimal(str(component.get("vat") or 0))
    price = (Decimal(str(component["price"])) * (1 + vat / 100)).quantize(Decimal("0.000001")).normalize()
    given = {name: component[name] for name in ("type", "vat", "step_size") if component.get(name)}
    return given | {"price": format(price, "f")}


def _price(told: Any) -> Decimal | None:
    price = structure(told) or {}
    value = price.get("incl_vat") or price.get("excl_vat")
    return Decimal(str(value)) if value else None


def profiles(dump: Dump) -> Iterator[Row]:
    return each("charging profile", dump.rows("chargingprofile16", "chargingprofile"), _profile)


def _profile(item: Item) -> ChargingProfile:
    purpose = item.text("chargingprofile_purpose") or "ChargePointMaxProfile"
    kind = ProfileKind(item.text("chargingprofile_kind") or "Absolute")
    unit = RateUnit(item.text("charging_rate_unit") or "W")
    periods = tuple(
        Period(int(x["startPeriod"]), float(x["limit"]), x.get("number_phases") or x.get("numberPhases"))
        for x in structure(item.needed("chargingschedule_period"))
    )
    profile = profile_of(item, purpose, kind, unit, periods, duration_s=item.given("duration"))
    return ChargingProfile(item.key, f"{purpose}, level {profile.stack_level}", None, profile)
