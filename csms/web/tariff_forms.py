"""The form of a tariff with elements: a block of fields for each, and an empty one to add."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext
from werkzeug.datastructures import MultiDict

from csms.domain import tariffs
from csms.domain.base import Invalid
from csms.domain.tariffs import DAYS, Dimension, Terms

MOST = 40
PRICES = tuple(x.value for x in Dimension)
# Field, label, unit, input type. Durations are minutes on the page.
CLOCK = (
    ("start_time", lazy_gettext("From"), None, "time"),
    ("end_time", lazy_gettext("until"), None, "time"),
    ("start_date", lazy_gettext("From the day"), None, "date"),
    ("end_date", lazy_gettext("before the day"), None, "date"),
)
BOUNDS = (
    ("min_kwh", lazy_gettext("From"), "kWh", "text"),
    ("max_kwh", lazy_gettext("below"), "kWh", "text"),
    ("min_duration", lazy_gettext("After"), "min", "text"),
    ("max_duration", lazy_gettext("until"), "min", "text"),
    ("min_power", lazy_gettext("From"), "kW", "text"),
    ("max_power", lazy_gettext("below"), "kW", "text"),
    ("min_current", lazy_gettext("From"), "A", "text"),
    ("max_current", lazy_gettext("below"), "A", "text"),
)
DURATIONS = ("min_duration", "max_duration")


def given_of(terms: Terms) -> MultiDict[str, str]:
    """The fields as they stand for these terms, with one block more than there are elements."""
    given: MultiDict[str, str] = MultiDict()
    told = tariffs.as_json(terms.elements)
    given["count"] = str(min(MOST, len(told) + 1))
    for number, element in enumerate(told):
        for component in element["price_components"]:
            given[f"e{number}_{component['type']}"] = component["price"]
            given[f"e{number}_{component['type']}_step"] = str(component.get("step_size", 1))
            if "vat" in component:
                given[f"e{number}_vat"] = component["vat"]
        for name, value in element.get("restrictions", {}).items():
            if name in DURATIONS:
                value = f"{(Decimal(value) / 60).normalize():f}"
            given.setlist(f"e{number}_{name}", value if isinstance(value, list) else [str(value)])
    for name in ("min_price", "max_price"):
        if (price := getattr(terms, name)) is not None:
            given[name] = f"{price.normalize():f}"
    given["vat_percent"] = f"{terms.vat_percent.normalize():f}"
    given["idle_grace_minutes"] = str(terms.idle_grace_minutes)
    if terms.is_time_plugged_in:
        given["is_time_plugged_in"] = "1"
    return given


def count_of(given: Mapping[str, str]) -> int:
    """How many blocks the form has."""
    text = given.get("count", "2")
    return min(MOST, max(1, int(text))) if text.isdigit() else 2


def elements_of(given: MultiDict[str, str]) -> list[dict[str, Any]]:
    """The elements as the domain reads them. Blocks without a price are left out, unless they say when it is free."""
    found = []
    for number in range(count_of(given)):
        prefix = f"e{number}_"
        components = [
            _component(given, prefix, kind) for kind in PRICES if given.get(prefix + kind, "").strip()
        ]
        restrictions = _restrictions(given, prefix)
        if not components and restrictions:
            components = [{"type": Dimension.ENERGY.value, "price": "0"}]
        if components:
            found.append({"price_components": components, "restrictions": restrictions})
    return found


def _component(given: Mapping[str, str], prefix: str, kind: str) -> dict[str, Any]:
    component: dict[str, Any] = {"type": kind, "price": _comma(given[prefix + kind])}
    if step := given.get(f"{prefix}{kind}_step", "").strip():
        if not step.isdigit():
            raise Invalid("Write the block in whole Wh or seconds.", "elements")
        component["step_size"] = int(step)
    if vat := given.get(f"{prefix}vat", "").strip():
        component["vat"] = _comma(vat)
    return component


def _restrictions(given: MultiDict[str, str], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, *_ in (*CLOCK, *BOUNDS):
        text = given.get(prefix + name, "").strip()
        if text and name in DURATIONS:
            found[name] = str(int(_minutes(text) * 60))
        elif text:
            found[name] = _comma(text)
    days = [x for x in DAYS if x in given.getlist(prefix + "day_of_week")]
    reservation = given.get(prefix + "reservation", "")
    return (
        found
        | ({"day_of_week": days} if days else {})
        | ({"reservation": reservation} if reservation else {})
    )


def _minutes(text: str) -> Decimal:
    if not text.replace(",", ".").replace(".", "", 1).isdecimal():
        raise Invalid("Write the duration in minutes.", "elements")
    return Decimal(_comma(text))


def _comma(text: str) -> str:
    return text.strip().replace(",", ".")
