"""What is wanted of chargers, what they have, and what is between the two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts import settings
from csms.domain.base import NotFound
from csms.domain.chargers import Admission, Charger, ConfigurationKey
from csms.domain.configuration import rules
from csms.domain.configuration.models import KeyWrite, Template, Upkeep
from csms.domain.configuration.rules import Item, Wish
from csms.domain.sites import Site

BATCH = 200

Row = TypeVar("Row", ConfigurationKey, KeyWrite)


@dataclass(frozen=True, slots=True)
class Drifted:
    """A charger with the keys that are not as wanted."""

    charger: Charger
    items: Sequence[Item]


def templates(session: Session) -> Sequence[Template]:
    """All templates; where several want the same key, the first one wins."""
    known: Sequence[Template] | None = session.info.get("templates")
    if known is not None:
        return known
    return session.scalars(select(Template).order_by(Template.priority, Template.id)).all()


def preload_templates(session: Session) -> None:
    """Read all templates once for a unit of work that changes none: what many chargers answer is held against them."""
    session.info["templates"] = templates(session)


def template(session: Session, template_id: int) -> Template:
    found = session.get(Template, template_id)
    if found is None:
        raise NotFound("There is no such template.")
    return found


def matching(session: Session, template: Template, *, limit: int) -> tuple[Sequence[Charger], int]:
    """(the first chargers that a template speaks of, by name; how many it speaks of)."""
    ids = [row.id for row in _described(session) if rules.matches(template, row)]
    query = select(Charger).where(Charger.id.in_(ids[:limit])).order_by(Charger.sorting_name, Charger.id)
    return session.scalars(query).all(), len(ids)


def counts(session: Session, known: Sequence[Template]) -> Sequence[int]:
    """Of how many chargers each template speaks."""
    fleet = _described(session)
    return [sum(1 for row in fleet if rules.matches(template, row)) for template in known]


def _described(session: Session) -> Sequence[Any]:
    """What templates look at, of every charger; with its id."""
    site = Site.name.label("site_name")
    columns = (Charger.id, Charger.vendor, Charger.model, Charger.firmware_version, site)
    query = select(*columns).outerjoin(Charger.site).where(Charger.admission != Admission.REJECTED)
    return session.execute(query.order_by(Charger.sorting_name, Charger.id)).all()


def wishes_of(session: Session, charger: Charger) -> Mapping[str, Wish]:
    """What templates want of this charger, by the key's name in small letters."""
    return rules.wishes(templates(session), charger)


def keys_of(session: Session, charger_id: int) -> Mapping[str, ConfigurationKey]:
    """The charger's keys as it told them, by name in small letters."""
    query = select(ConfigurationKey).where(ConfigurationKey.charger_id == charger_id)
    return {key.name.casefold(): key for key in session.scalars(query)}


def writes_of(session: Session, charger_id: int) -> Mapping[str, KeyWrite]:
    query = select(KeyWrite).where(KeyWrite.charger_id == charger_id)
    return {write.name: write for write in session.scalars(query)}


def drift(session: Session, charger: Charger, *, at: datetime) -> Sequence[Item]:
    """Every wish of a charger beside what it has."""
    wanted = wishes_of(session, charger)
    if not wanted:
        return []
    return rules.compare(wanted, keys_of(session, charger.id), writes_of(session, charger.id), at)


def drifted(
    session: Session, *, at: datetime, after: str = "", limit: int = 50
) -> tuple[list[Drifted], str | None]:
    """Chargers that are not as wanted, by identity (folded) after `after`, and where the next page begins.

    Reads chargers in batches until there are enough: what is wanted of a charger is no question for a database.
    """
    known, found = templates(session), list[Drifted]()
    names = {name.casefold() for template in known for name in template.wanted}
    while known and (batch := _batch(session, after)):
        keys = _by_charger(session, ConfigurationKey, batch, names)
        writes = _by_charger(session, KeyWrite, batch, names)
        for charger in batch:
            wanted = rules.wishes(known, charger)
            items = rules.compare(wanted, keys.get(charger.id, {}), writes.get(charger.id, {}), at)
            if astray := [item for item in items if item.is_drift]:
                found.append(Drifted(charger, astray))
                if len(found) > limit:
                    return found[:limit], found[limit - 1].charger.identity_folded
        after = batch[-1].identity_folded
    return found, None


def _batch(session: Session, after: str) -> Sequence[Charger]:
    return session.scalars(
        select(Charger)
        .where(Charger.admission == Admission.ACCEPTED, Charger.identity_folded > after)
        .options(joinedload(Charger.site))
        .order_by(Charger.identity_folded)
        .limit(BATCH)
    ).all()


def _by_charger(
    session: Session, model: type[Row], chargers: Sequence[Charger], names: set[str]
) -> dict[int, dict[str, Row]]:
    found: dict[int, dict[str, Row]] = {}
    query = select(model).where(model.charger_id.in_([x.id for x in chargers]))
    for row in session.scalars(query.where(func.lower(model.name).in_(names))):
        found.setdefault(row.charger_id, {})[row.name.casefold()] = row
    return found


def upkeep(session: Session, charger_id: int) -> Upkeep | None:
    """What is due at a charger; None before its first boot."""
    return session.get(Upkeep, charger_id)


def writes_per_day(session: Session) -> int:
    """How often a template may have one key of one charger written on a day."""
    text = settings.get(session, settings.WRITES_PER_DAY)
    return int(text) if text else rules.WRITES_PER_DAY
