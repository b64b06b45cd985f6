"""Versions of tariffs to and from OCPI 2.2.1 §11.3.1, where prices are without VAT: ours are with it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from csms.domain.base import Invalid
from csms.domain.tariffs.models import About, TariffType, TariffVersion
from csms.domain.tariffs.shape import Component, Element, Terms, as_json, from_json

MICRO = Decimal("0.000001")


def tariff_of(version: TariffVersion) -> dict[str, Any]:
    """Numbers as text. What we have beyond OCPI (grace, whether time runs on while idle) is not in it."""
    terms = version.terms
    bounds = {
        name: {"excl_vat": written(without_vat(value, terms.vat_percent)), "incl_vat": written(value)}
        for name in ("min_price", "max_price")
        if (value := getattr(terms, name)) is not None
    }
    return {
        "id": str(version.tariff_id),
        "currency": terms.currency,
        "type": version.type.value if version.type else None,
        "tariff_alt_text": [{"language": x, "text": y} for x, y in version.about.alt_text],
        **bounds,
        "elements": [element_of(x, terms.vat_percent) for x in terms.elements],
        "start_date_time": _told(version.starts_at),
        "end_date_time": _told(version.ends_at),
        "last_updated": _told(version.created_at),
    }


def _told(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def element_of(element: Element, vat_percent: Decimal) -> dict[str, Any]:
    """One element; a component without a rate of its own has the tariff's."""
    told = as_json((element,))[0]
    told["price_components"] = [_component(x, vat_percent) for x in element.price_components]
    return told


def _component(component: Component, vat_percent: Decimal) -> dict[str, Any]:
    vat = vat_percent if component.vat is None else component.vat
    return {
        "type": component.type.value,
        "price": written(without_vat(component.price, vat)),
        "vat": written(vat),
        "step_size": component.step_size,
    }


def read(told: Mapping[str, Any], time_zone: str) -> tuple[Terms, About]:
    """What OCPI's tariff asks for, its windows in `time_zone`. Raises Invalid, naming OCPI's field."""
    elements = elements_of(told.get("elements"))
    rates = [x.vat for element in elements for x in element.price_components if x.vat is not None]
    vat_percent = rates[0] if rates else Decimal(0)
    currency = told.get("currency")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Invalid("The currency is three capital letters (ISO 4217).", "currency")
    terms = Terms(
        currency,
        elements,
        vat_percent=vat_percent,
        min_price=_bound(told.get("min_price"), "min_price", vat_percent),
        max_price=_bound(told.get("max_price"), "max_price", vat_percent),
        time_zone=time_zone,
    )
    return terms, About(
        _type(told.get("type")),
        _texts(told.get("tariff_alt_text")),
        _moment(told.get("start_date_time"), "start_date_time"),
        _moment(told.get("end_date_time"), "end_date_time"),
    )


def beyond(terms: Terms, before: Terms) -> Terms:
    """The terms, with what OCPI cannot tell as it was before."""
    return replace(
        terms, idle_grace_minutes=before.idle_grace_minutes, is_time_plugged_in=before.is_time_plugged_in
    )


def elements_of(told: Any) -> tuple[Element, ...]:
    """Elements with OCPI's prices. Raises Invalid."""
    return tuple(
        replace(
            element,
            price_components=tuple(
                replace(x, price=with_vat(x.price, x.vat or Decimal(0)), vat=x.vat or Decimal(0))
                for x in element.price_components
            ),
        )
        for element in from_json(told)
    )


def _bound(told: Any, name: str, vat_percent: Decimal) -> Decimal | None:
    """OCPI's Price, or a number without VAT."""
    if told is None or told == "":
        return None
    try:
        if isinstance(told, Mapping):
            if told.get("incl_vat") is not None:
                return Decimal(str(told["incl_vat"])).quantize(MICRO)
            told = told["excl_vat"]
        price = with_vat(Decimal(str(told)), vat_percent)
    except (KeyError, InvalidOperation) as error:
        raise Invalid("A price is a number, or has excl_vat and incl_vat.", name) from error
    if not 0 <= price <= 100_000:
        raise Invalid("A price is between 0 and 100000.", name)
    return price


def _type(told: Any) -> TariffType | None:
    try:
        return TariffType(told) if told else None
    except ValueError as error:
        raise Invalid(
            "The type is one of %(tarifftype)s.", "type", tarifftype=", ".join(TariffType)
        ) from error


def _texts(told: Any) -> tuple[tuple[str, str], ...]:
    """OCPI's list of DisplayText; a bare text is English."""
    if isinstance(told, str):
        return (("en", told[:512]),) if told else ()
    try:
        return tuple((str(x["language"])[:2], str(x["text"])[:512]) for x in told or ())
    except (KeyError, TypeError) as error:
        raise Invalid("A list of texts, each with language and text.", "tariff_alt_text") from error


def _moment(told: Any, name: str) -> datetime | None:
    if not told:
        return None
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError as error:
        raise Invalid("A time such as 2026-01-31T12:00:00Z.", name) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def without_vat(price: Decimal, percent: Decimal) -> Decimal:
    """What of a price is not VAT, to six decimals: `with_vat` takes it back to the same price."""
    return (price * 100 / (100 + percent)).quantize(MICRO)


def with_vat(price: Decimal, percent: Decimal) -> Decimal:
    """A price with VAT, to six decimals."""
    return (price * (100 + percent) / 100).quantize(MICRO)


def written(value: Decimal) -> str:
    """Without exponent, and without zeros that say nothing."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
