"""Free connectors as drivers see them listed: on the finder, and beside a station where nothing is to be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from csms import clock
from csms.domain import finder, slots
from csms.domain.chargers import Charger
from csms.domain.finder import Found, Position, Wanted
from csms.extensions import db
from csms.web import distances, stations
from csms.web.stations import Prices

MOST_NEARBY = 3


@dataclass(frozen=True)
class Row:
    """One connector as it is listed. `distance` in words, `position` in degrees: None where nobody knows."""

    slug: str
    number: int
    title: str
    place: str
    kind: str
    power_w: int | None
    status: str
    distance: str | None
    position: Position | None
    prices: Prices | None = None


def free_near(charger: Charger) -> list[Row]:
    """The nearest free connectors elsewhere, for whoever stands where nothing is to be had."""
    if charger.position is None:
        return []
    wanted = Wanted(near=charger.position, apart_from=charger.id)
    return [_row(x) for x in finder.look(db.session(), wanted, at=clock.now(), limit=MOST_NEARBY)]


def priced(found: Sequence[Found]) -> list[Row]:
    """Connectors with what charging there costs now."""
    at = clock.now()
    terms = slots.priced_terms_of(db.session(), [x.connector for x in found], at)
    return [_row(x, stations.prices_of(terms[x.connector.id], at)) for x in found]


def _row(found: Found, prices: Prices | None = None) -> Row:
    connector, charger = found.connector, found.connector.charger
    status = stations.status_of(charger, connector, found.is_taken, clock.now())
    if found.is_kept and status == "Available":
        status = "Reserved"
    place = charger.place or ""
    # Its identity is what it connects with: that is no passer-by's business (a name is, if it has one).
    title = charger.name or charger.site_name or gettext("Charging station")
    return Row(
        slug=connector.slug,
        number=connector.evse_number,
        title=title,
        place=place.removeprefix(title).lstrip(", "),
        kind=connector.type or "",
        power_w=connector.max_power_w,
        status=status,
        distance=None if found.distance_m is None else distances.words(found.distance_m),
        position=charger.position,
        prices=prices,
    )
