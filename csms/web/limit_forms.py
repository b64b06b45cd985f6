"""What the forms and addresses of smart charging say, read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext, lazy_gettext

from csms import clock
from csms.domain.base import Invalid
from csms.domain.chargers import Charger
from csms.domain.energy import Criteria, Purpose, RateUnit
from csms.web.shell import zone

WINDOWS = {"24": lazy_gettext("24 hours"), "168": lazy_gettext("7 days")}


def criteria(given: Mapping[str, str]) -> Criteria:
    """Which profiles a form or an address means. Raises Invalid."""
    purpose = given.get("purpose") or None
    try:
        return Criteria(
            number=int(given["number"]) if given.get("number") else None,
            evse=int(given["evse"]) if given.get("evse") else None,
            purpose=Purpose(purpose) if purpose else None,
            stack_level=int(given["stack_level"]) if given.get("stack_level") else None,
        )
    except ValueError:
        raise Invalid("Choose one of the lists.", "purpose") from None


def window(text: str | None) -> str:
    """How many hours are looked at: a key of WINDOWS."""
    return text if text in WINDOWS else "24"


def unit(text: str | None) -> RateUnit:
    """A unless kW is asked for."""
    return RateUnit.W if text in ("W", "kW") else RateUnit.A


def evse(text: str | None) -> int:
    """A connector's number, 0 for the whole charger. Raises Invalid."""
    text = text or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("Choose a connector of the list.", "evse")
    return int(text)


def places(charger: Charger) -> list[tuple[str, str]]:
    """What of a charger can be limited, as choices of a form: the whole of it, or one of its connectors."""
    numbers = sorted({x.evse_number for x in charger.connectors})
    connectors = [(str(x), gettext("Connector %(number)s", number=x)) for x in numbers]
    return [("0", gettext("Whole charger")), *connectors]


def number(name: str) -> float:
    """A field of the form, with a decimal comma or point. Raises Invalid."""
    text = request.form.get(name, "").strip().replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise Invalid("Write a number such as 16 or 8.5.", name)
    return value


def until() -> datetime | None:
    """The end that the form gives: a moment on the site's clocks, or so many hours from now; None: no end."""
    if text := request.form.get("until", ""):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone())).astimezone(UTC)
        except ValueError:
            raise Invalid("Write the end as a date with a time.", "until") from None
    hours = request.form.get("hours", "")
    return clock.now() + timedelta(hours=number("hours")) if hours else None
