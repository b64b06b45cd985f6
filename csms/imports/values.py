"""Values of dumps and tables in our words. Each raises Invalid, or gives None where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

import orjson

from csms.domain.base import DomainError, Invalid
from csms.domain.chargers import BootReport
from csms.domain.transactions import Sample, Snapshot
from csms.imports.records import LeftOut, Row
from csms.quantities import to_stored_unit

REGISTER = "Energy.Active.Import.Register"
LARGEST = 2.0**53
BOOT = {
    "vendor": ("vendor", "chargepoint_vendor", "charge_point_vendor"),
    "model": ("model", "chargepoint_model", "charge_point_model"),
    "serial_number": ("serial_number", "chargepoint_serial_number", "charge_point_serial_number"),
    "box_serial_number": ("box_serial_number", "chargebox_serial_number", "charge_box_serial_number"),
    "firmware_version": ("firmware_version", "fw_version"),
    "iccid": ("iccid",),
    "imsi": ("imsi",),
    "meter_type": ("meter_type",),
    "meter_serial_number": ("meter_serial_number",),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One row of another system: `key` is its primary key, as text."""

    key: str
    fields: Mapping[str, Any]

    def given(self, *names: str) -> Any:
        """The first of these fields that there is; None when it is empty, or there is none."""
        for name in names:
            if name in self.fields:
                value = self.fields[name]
                return None if value == "" else value
        return None

    def needed(self, *names: str) -> Any:
        """The same, which must be there. Raises Invalid."""
        value = self.given(*names)
        if value is None:
            raise Invalid(f"It has no {names[0]}.")
        return value

    def text(self, *names: str) -> str | None:
        value = self.given(*names)
        return None if value is None else str(value).strip() or None


def booted(item: Item) -> BootReport:
    """What a charger has said of itself, under whichever names its system kept it."""
    return BootReport(**{name: item.text(*columns) for name, columns in BOOT.items()})


def each(kind: str, items: Iterable[Item], make: Callable[[Item], Row | None]) -> Iterator[Row]:
    """What `make` makes of each row. One that it cannot read is left out, with the reason."""
    for item in items:
        try:
            made = make(item)
        except DomainError as error:
            made = LeftOut(kind, item.key, str(error))
        except (KeyError, ValueError, TypeError, InvalidOperation) as error:
            made = LeftOut(kind, item.key, f"It cannot be read: {error!r}")
        if made is not None:
            yield made


def moment(value: Any) -> datetime | None:
    """A moment; without a zone it is meant in UTC."""
    if value is None or value == "":
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Invalid(f"{value} is no moment.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def needed_moment(value: Any) -> datetime:
    """Raises Invalid when there is none."""
    at = moment(value)
    if at is None:
        raise Invalid("It has no beginning.")
    return at


def whole_wh(value: Any) -> int | None:
    """A register in Wh."""
    if value is None or value == "":
        return None
    number = float(value)
    if not abs(number) < LARGEST:
        raise Invalid(f"{value} is no reading of a meter.")
    return round(number)


def of_kwh(value: Any) -> int:
    """kWh as whole Wh."""
    return round(Decimal(str(value or 0)) * 1000)


def structure(value: Any) -> Any:
    """A JSON value, also where a dump has it as text, or a list of such texts."""
    if isinstance(value, str):
        value = orjson.loads(value)
    return [structure(x) if isinstance(x, str) else x for x in value] if isinstance(value, list) else value


def sample(row: Mapping[str, Any], context: str | None) -> Sample:
    """A sampled value in our units. Without measurand or unit it is the register, in Wh (1.6 §7.43)."""
    raw = str(row.get("value") if row.get("value") is not None else "")
    measurand = row.get("measurand") or REGISTER
    raw_unit = row.get("unit") or None
    unit = raw_unit or (
        "Wh" if measurand.startswith("Energy") else "W" if measurand.startswith("Power") else ""
    )
    value = None
    if row.get("format") != "SignedData":
        try:
            value = float(raw)
        except ValueError:
            value = None
    if value is not None and abs(value) < LARGEST:
        value, unit = to_stored_unit(value, unit)
    else:
        value = None
    get = {x: row.get(x) or None for x in ("phase", "location", "format")}
    return Sample(
        measurand, value, unit, raw, raw_unit, get["phase"], get["location"], context, get["format"]
    )


def snapshots(rows: Iterable[Mapping[str, Any]], *, at: str, context: str) -> tuple[Snapshot, ...]:
    """Sampled values by their moments; `at` and `context` name the columns. A value without a moment is left out."""
    told = [(when, row) for row in rows if (when := moment(row.get(at))) is not None]
    told.sort(key=lambda x: x[0])
    found = []
    for when, group in groupby(told, key=lambda x: x[0]):
        samples = [sample(row, row.get(context) or None) for _, row in group]
        found.append(Snapshot(when, samples, when.isoformat(), key=_key(samples)))
    return tuple(found)


def _key(samples: Sequence[Sample]) -> bytes:
    return orjson.dumps([[x.measurand, x.raw, x.raw_unit, x.phase, x.location] for x in samples])


def newest(opened: Iterable[tuple[object, datetime, str]]) -> set[str]:
    """Of sessions without an end, as (connector, begin, key): those that may still run, the last of each connector."""
    last: dict[object, tuple[datetime, str]] = {}
    for connector, began, key in opened:
        last[connector] = max(last.get(connector, (began, key)), (began, key))
    return {key for _, key in last.values()}
