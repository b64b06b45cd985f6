"""How sites come into being and change. Their end needs to know of chargers: `chargers.remove_site`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, NotFound, Refused, announce
from csms.domain.sites import rules
from csms.domain.sites.models import ParkingType, Site
from csms.domain.words import all_in


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a site. None: nothing; as `time_zone`: the installation's."""

    name: str
    country_code: str | None = None
    party_id: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    state: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    parking_type: ParkingType | None = None
    time_zone: str | None = None
    substation_id: str | None = None
    grid_limit_w: int | None = None
    opening_hours: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    is_public: bool = False


_NAMES = tuple(field.name for field in fields(Details))


def details_of(site: Site) -> Details:
    """A site as it is, to be changed in part with `dataclasses.replace`."""
    return Details(**{name: getattr(site, name) for name in _NAMES})


def add(session: Session, details: Details, *, at: datetime, known_as: str | None = None) -> Site:
    """A new site. `known_as`: the uuid that another system knew it by. Raises Invalid, and Refused for a taken name."""
    site = Site(uuid=known_as or str(uuid.uuid4()), created_at=at)
    _fill(session, site, details, at)
    try:
        with session.begin_nested():
            session.add(site)
    except IntegrityError:  # it came twice at the same moment
        raise Refused("There is a site %(name)s already.", name=site.name) from None
    return site


def change(session: Session, site: Site, details: Details, *, at: datetime) -> None:
    """Raises Invalid, and Refused for a name that is taken."""
    _fill(session, site, details, at)
    session.flush()


def named(session: Session, name: str, *, at: datetime) -> tuple[Site, bool]:
    """(the site of this name, whether it had to be made). Raises Invalid for what cannot be a name."""
    known = find(session, name)
    return (known, False) if known is not None else (add(session, Details(name), at=at), True)


def find(session: Session, name: str) -> Site | None:
    """The site of this name, compared without case."""
    return session.scalar(select(Site).where(Site.name_folded == _folded(name)))


def get(session: Session, site_id: int) -> Site:
    """Raises NotFound."""
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("There is no such site.")
    return site


def by_uuid(session: Session, given: str) -> Site:
    """Raises NotFound."""
    site = session.scalar(select(Site).where(Site.uuid == given.strip().lower()[:36]))
    if site is None:
        raise NotFound("There is no site %(given)s.", given=given)
    return site


def listed(
    session: Session, words: str = "", *, after: str | None = None, limit: int | None = None
) -> Sequence[Site]:
    """Sites by name, those behind the name `after`. `words`: part of name, address, city, or the substation's id."""
    query = select(Site)
    if words:
        query = query.where(
            or_(all_in(words, Site.name, Site.address, Site.city), Site.substation_id == words)
        )
    if after is not None:
        query = query.where(Site.name_folded > _folded(after))
    return session.scalars(query.order_by(Site.name_folded).limit(limit)).all()


def _fill(session: Session, site: Site, details: Details, at: datetime) -> None:
    name = rules.checked_text("name", details.name)
    if name is None or not name.isprintable():
        raise Invalid("A site has a name.", "name")
    known = find(session, name)
    if known is not None and known is not site:
        raise Refused("There is a site %(name)s already.", name=known.name)
    rules.check_position(details.latitude, details.longitude)
    site.name, site.name_folded = name, _folded(name)
    for field in rules.LONGEST.keys() - {"name"}:
        setattr(site, field, rules.checked_text(field, getattr(details, field)))
    for field in ("country_code", "party_id", "country"):
        setattr(site, field, rules.checked_code(field, getattr(details, field)))
    site.latitude, site.longitude = details.latitude, details.longitude
    site.parking_type = details.parking_type
    site.grid_limit_w = rules.checked_power("grid_limit_w", details.grid_limit_w)
    site.is_public = bool(details.is_public)
    site.time_zone = rules.checked_zone(details.time_zone)
    site.changed_at = at
    announce(session, "fleet")


def _folded(name: str) -> str:
    return name.strip().casefold()[:160]
