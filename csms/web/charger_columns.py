"""The columns of the list of chargers, on the page and in its CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from csms.domain.base import iso
from csms.domain.chargers import Charger
from csms.web.chargers import Head


@dataclass(frozen=True, slots=True)
class Row:
    """A charger in the list."""

    charger: Charger
    head: Head
    statuses: tuple[tuple[str, str | None], ...]
    power_w: int | None


@dataclass(frozen=True, slots=True)
class Column:
    """`words` above it on the page, `field` in the CSV; `css`: its class; `permission`: who may see it."""

    words: LazyString
    field: str
    value: Callable[[Row], Any]
    css: str = ""
    permission: str = "host"

    def is_for(self, can: Callable[[str], bool]) -> bool:
        return can(self.permission)


COLUMNS: Mapping[str, Column] = {
    "connectors": Column(lazy_gettext("Connectors"), "connectors", lambda x: _connectors(x)),
    "power": Column(lazy_gettext("Power"), "power_w", lambda x: x.power_w, "num"),
    "place": Column(lazy_gettext("Place"), "place", lambda x: x.charger.location or x.charger.site_name),
    "site": Column(lazy_gettext("Site"), "site", lambda x: x.charger.site_name),
    "model": Column(lazy_gettext("Model"), "model", lambda x: _plate(x.charger)),
    "serial": Column(lazy_gettext("Serial"), "serial_number", lambda x: x.charger.serial_number),
    "firmware": Column(lazy_gettext("Firmware"), "firmware_version", lambda x: x.charger.firmware_version),
    "protocol": Column(lazy_gettext("Protocol"), "protocol", lambda x: x.charger.protocol),
    "security": Column(
        lazy_gettext("Security"), "security_profile", lambda x: x.charger.security_profile, "num", "view"
    ),
    "tariff": Column(lazy_gettext("Tariff"), "tariff", lambda x: x.charger.tariff_id, permission="view"),
    "tags": Column(
        lazy_gettext("Tags"), "tags", lambda x: ", ".join(y.tag for y in x.charger.tags), permission="view"
    ),
    "heard": Column(lazy_gettext("Heard"), "last_seen_at", lambda x: _moment(x), "num"),
    "drivers": Column(lazy_gettext("For drivers"), "slug", lambda x: x.charger.slug),
}
USUAL = ("connectors", "power", "place", "model", "firmware", "heard", "drivers")


def written(name: str, row: Row, tariff_names: Mapping[int, str]) -> object:
    """What stands in a column of the CSV: in W, in UTC, names as they are."""
    value = COLUMNS[name].value(row)
    return tariff_names.get(value, "") if name == "tariff" else value


def _connectors(row: Row) -> str:
    numbers = (x.evse_number for x in row.charger.connectors)
    return (
        "; ".join(f"{n} {status}" for n, (status, _) in zip(numbers, row.statuses, strict=False))
        or row.head.status
    )


def _plate(charger: Charger) -> str:
    return " ".join(x for x in (charger.vendor, charger.model) if x)


def _moment(row: Row) -> str | None:
    return iso(row.head.last_seen_at) if row.head.last_seen_at else None
