"""What site hosts and limited API keys can see: their chargers and sites, and what happens there. Put under every query
of a request, so that no view can forget it. Drivers' accounts are not theirs to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, g, has_app_context
from sqlalchemy import ColumnElement, and_, event, false, select, true
from sqlalchemy.orm import Mapper, ORMExecuteState, with_loader_criteria

from csms.domain.accounts import Account, CardAlias, IdToken, LedgerEntry
from csms.domain.base import Base
from csms.domain.chargers import Charger
from csms.domain.sites import Site
from csms.extensions import db

HIDDEN: tuple[type[Base], ...] = (Account, CardAlias, IdToken, LedgerEntry)


@dataclass(frozen=True, slots=True)
class Limits:
    """The chargers of these sites; None: of any, and those without one. `is_simulated`: those in software alone.

    `hides_drivers`: who charges there is not to be seen.
    """

    site_ids: tuple[int, ...] | None = None
    is_simulated: bool = False
    hides_drivers: bool = True

    @classmethod
    def to_sites(cls, site_ids: Iterable[int]) -> Limits:
        return cls(tuple(site_ids))


def register(app: Flask) -> None:
    """Watch the sessions of requests."""
    with app.app_context():
        factory = db.session.session_factory
    if not event.contains(factory, "do_orm_execute", _narrow):
        event.listen(factory, "do_orm_execute", _narrow)


def limit_to(limits: Limits | None) -> None:
    """From now on this request, or this application context, sees no more than this; None: everything."""
    g.sight = limits
    db.session.expire_all()


@contextmanager
def only_at(site_id: int | None) -> Iterator[None]:
    """Within it there is to be seen of all that is seen what is at this site; None: as much as before.

    The site must be one of those that are seen.
    """
    before = limits()
    if site_id is not None:
        g.sight = replace(before or Limits(hides_drivers=False), site_ids=(site_id,))
    try:
        yield
    finally:
        g.sight = before


def limits() -> Limits | None:
    """To what sight is limited; None: it is not."""
    found: Limits | None = g.get("sight") if has_app_context() else None
    return found


def _narrow(state: ORMExecuteState) -> None:
    narrowed = limits()
    if narrowed is None or not state.is_select or state.is_column_load or state.is_relationship_load:
        return  # what is loaded by a relationship has its criteria from the query that it belongs to
    state.statement = state.statement.options(*_criteria(narrowed))


def _criteria(narrowed: Limits) -> list[Any]:
    table = Charger.__table__
    theirs = select(table.c.id).where(_seen(table.c, narrowed))
    rules: list[tuple[type[Any], ColumnElement[bool]]] = [
        (Charger, _seen(Charger, narrowed)),
        (Site, Site.id.in_(_site_ids(table, narrowed))),
        *((x, false()) for x in HIDDEN if narrowed.hides_drivers),
    ]
    mappers: frozenset[Mapper[Any]] = Base.registry.mappers
    rules += [(x.class_, x.class_.charger_id.in_(theirs)) for x in mappers if "charger_id" in x.columns]
    return [with_loader_criteria(model, rule, include_aliases=True) for model, rule in rules]


def _site_ids(chargers: Any, narrowed: Limits) -> Any:
    """The given sites, or those at which there is a charger to be seen."""
    if narrowed.site_ids is not None:
        return narrowed.site_ids
    return select(chargers.c.site_id).where(_seen(chargers.c, narrowed))


def _seen(charger: Any, narrowed: Limits) -> ColumnElement[bool]:
    at_sites = true() if narrowed.site_ids is None else charger.site_id.in_(narrowed.site_ids)
    return and_(at_sites, charger.is_simulated if narrowed.is_simulated else true())
