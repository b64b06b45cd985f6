"""How far something is, in the unit that whoever is asking reads."""

from __future__ import annotations

from flask import current_app
from flask_login import current_user

from csms.web import filters
from settings import DistanceUnit

MILE_M = 1609.344
WH_PER_KM = 180  # what a car of today takes, charging losses included: nobody knows the driver's own


def unit() -> DistanceUnit:
    """The reader's own, or else the installation's."""
    own = current_user.distance_unit if current_user.is_authenticated else None
    return DistanceUnit(own or current_app.extensions["settings"].distance_unit)


def words(metres: float) -> str:
    """ "350 m", "1.2 km", "18 km"; "0.7 mi", "12 mi"."""
    if unit() is DistanceUnit.MI:
        miles = metres / MILE_M
        return filters.with_unit(filters.number(miles, 1 if miles < 10 else 0), "mi")
    if metres < 1000:
        return filters.with_unit(filters.number(round(metres, -1)), "m")
    return filters.with_unit(filters.number(metres / 1000, 1 if metres < 10_000 else 0), "km")


def driven_by(energy_wh: int | None) -> str | None:
    """How far a usual car comes with it, "104 km"; None for nothing."""
    kilometres = (energy_wh or 0) / WH_PER_KM
    shown = kilometres * 1000 / MILE_M if unit() is DistanceUnit.MI else kilometres
    return filters.with_unit(filters.number(shown), unit().value) if shown >= 1 else None
