"""OCPI's numbers, which go over the wire as JSON numbers and are kept as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NUMBERS = frozenset(
    (
        *(
            "price",
            "vat",
            "volume",
            "excl_vat",
            "incl_vat",
            "total_energy",
            "total_time",
            "total_parking_time",
        ),
        *("min_kwh", "max_kwh", "min_current", "max_current", "min_power", "max_power"),
    )
)


def as_numbers(told: Any) -> Any:
    """The same, with what is a number as one."""
    if isinstance(told, Mapping):
        return {
            name: float(value) if name in NUMBERS and isinstance(value, str) else as_numbers(value)
            for name, value in told.items()
        }
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [as_numbers(x) for x in told]
    return told


def as_text(told: Any) -> Any:
    """The same, with fractions as text: what was written, not what is near to it."""
    if isinstance(told, float):
        return str(told)
    if isinstance(told, Mapping):
        return {name: as_text(value) for name, value in told.items()}
    if isinstance(told, Sequence) and not isinstance(told, str):
        return [as_text(x) for x in told]
    return told
