"""What pages ask of chargers. Each answer takes a fixed number of queries, however many chargers there are."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from csms.domain.chargers import filtering
from csms.domain.chargers.filtering import Filter
from csms.domain.chargers.models import (
    Admission,
    AuthorizationPolicy,
    Charger,
    ConfigurationKey,
    StatusEvent,
)
from csms.domain.words import most_alike

PAGE_SIZE = 50
MOST_COMPARED = 5_000  # names, one by one


@dataclass(frozen=True, slots=True)
class Page:
    """Some chargers, and the cursor of those that follow, if any do."""

    chargers: Sequence[Charger]
    next_cursor: str | None


def ask_for_credit(session: Session) -> bool:
    """Is there a charger that refuses cards whose account is empty?"""
    query = select(Charger.id).where(Charger.policy == AuthorizationPolicy.CREDIT).limit(1)
    return session.scalar(query) is not None


def listed(
    session: Session,
    wanted: Filter | None = None,
    *,
    at: datetime,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page:
    """Chargers by name, with their leases, sites, connectors and tags: three queries."""
    query = filtering.apply(select(Charger).outerjoin(Charger.lease), wanted or Filter(), at)
    after = _read_cursor(cursor)
    if after is not None:
        name, charger_id = after
        query = query.where(
            or_(Charger.sorting_name > name, and_(Charger.sorting_name == name, Charger.id > charger_id))
        )
    loads = (contains_eager(Charger.lease), joinedload(Charger.site))
    found = session.scalars(
        query.options(*loads, selectinload(Charger.connectors), selectinload(Charger.tags))
        .order_by(Charger.sorting_name, Charger.id)
        .limit(limit + 1)
    ).all()
    more = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], _cursor(more) if more is not None else None)


def chosen(session: Session, wanted: Filter, *, at: datetime, most: int) -> Sequence[Charger]:
    """At most `most` of the chargers that a filter lets through, by name, as `listed` has them."""
    return listed(session, wanted, at=at, limit=most).chargers


def alike(session: Session, words: str, *, at: datetime, most: int) -> Sequence[Charger]:
    """Chargers whose name or identity looks like the words, for whoever has misspelt it. The best first."""
    query = select(Charger.id, Charger.name, Charger.identity).where(Charger.admission == Admission.ACCEPTED)
    named = session.execute(query.order_by(Charger.sorting_name).limit(MOST_COMPARED)).all()
    pairs = [(number, x) for number, *names in named for x in names]
    ids = most_alike(words, pairs, most)
    return (
        sorted(chosen(session, Filter(ids=ids), at=at, most=most), key=lambda x: ids.index(x.id))
        if ids
        else ()
    )


def shown(session: Session, charger_id: int) -> Charger | None:
    """A charger with its lease, site and connectors: one query."""
    query = (
        select(Charger)
        .where(Charger.id == charger_id)
        .options(*(joinedload(x) for x in (Charger.lease, Charger.site, Charger.connectors)))
    )
    return session.scalars(query).unique().one_or_none()


def configuration(session: Session, charger_id: int, words: str = "") -> Sequence[ConfigurationKey]:
    """The configuration keys of a charger as it last told them, by name."""
    query = select(ConfigurationKey).where(ConfigurationKey.charger_id == charger_id)
    if words:
        query = query.where(ConfigurationKey.name.icontains(words, autoescape=True))
    return session.scalars(query.order_by(ConfigurationKey.name)).all()


def history(session: Session, charger_id: int, *, since: datetime, at: datetime) -> Sequence[StatusEvent]:
    """Status events from `since` on, the oldest first, and before them what was the case at `since`."""
    inside = session.scalars(
        select(StatusEvent)
        .where(StatusEvent.charger_id == charger_id, StatusEvent.received_at.between(since, at))
        .order_by(StatusEvent.received_at, StatusEvent.id)
        .limit(5000)
    ).all()
    before = session.scalars(
        select(StatusEvent)
        .where(
            StatusEvent.charger_id == charger_id,
            StatusEvent.received_at < since,
            StatusEvent.received_at > since - timedelta(days=60),
        )
        .order_by(StatusEvent.received_at.desc(), StatusEvent.id.desc())
        .limit(200)
    ).all()
    return [*reversed(before), *inside]


def _cursor(charger: Charger) -> str:
    text = f"{charger.id}\n{charger.sorting_name}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[str, int] | None:
    """(name, id) of the last charger of the page before; None for the first page and for what we never gave out."""
    try:
        text = base64.urlsafe_b64decode((cursor or "") + "==").decode()
        charger_id, _, name = text.partition("\n")
        return (name, int(charger_id)) if cursor else None
    except (binascii.Error, ValueError):
        return None
