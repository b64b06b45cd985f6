"""Degrees as people write them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from csms.domain.base import Invalid


def degrees_of(given: Mapping[str, str], name: str) -> float | None:
    """A number of degrees; a decimal comma will do. None where nothing is written. Raises Invalid."""
    text = given.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid("Write degrees such as 41.3874.", name)
    return value
