"""What is published, remembered, so that peers are told of what changes, and of what is gone.

Edits come from many places (forms, files, programs, a tariff's own dates), so nobody reports them: what is published
now is compared with what it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from csms.domain.base import digest
from csms.domain.cdrs.rules import told
from csms.domain.roaming.models import Published, RoamingCursor, Thing

LOOK_EVERY = timedelta(seconds=20)
MOST = 500  # changes at once; the rest is found at the next look
SOURCE = "published"

Key = tuple[Thing, str, str]  # as the columns of Published
Publication = Mapping[Key, dict[str, Any]]
Changes = Mapping[Key, dict[str, Any] | None]  # None: gone


def is_due(session: Session, at: datetime) -> bool:
    """Is it time to look again?"""
    cursor = session.get(RoamingCursor, SOURCE)
    return cursor is None or cursor.looked_at <= at - LOOK_EVERY


def changes(session: Session, publication: Publication) -> Changes:
    """What is not as it was at the last look."""
    columns = (Published.thing, Published.location_id, Published.id, Published.digest, Published.gone_at)
    known: dict[Key, int] = {
        (thing, location_id, name): mark
        for thing, location_id, name, mark, gone_at in session.execute(select(*columns))
        if gone_at is None
    }
    found: dict[Key, dict[str, Any] | None] = {
        key: body for key, body in publication.items() if known.get(key) != _digest(body)
    }
    return found | dict.fromkeys(known.keys() - publication.keys())


def note(session: Session, found: Changes, at: datetime) -> list[Published] | None:
    """Remember what has changed, and which of it peers are to be told of; None: this was the first look of all."""
    cursor = session.get(RoamingCursor, SOURCE)
    if cursor is None:
        _begin(session, found, at)
        return None
    some = dict(list(found.items())[:MOST])
    if len(some) == len(found):
        cursor.looked_at = at
    rows = [_put(session, key, body, at) for key, body in some.items()]
    session.flush()
    return [x for x in rows if x is not None]


def _begin(session: Session, found: Changes, at: datetime) -> None:
    """The first look: all at once, for there may be thousands."""
    session.add(RoamingCursor(source=SOURCE, position=0, looked_at=at))
    session.execute(delete(Published))
    rows = [
        {
            "thing": thing,
            "location_id": place,
            "id": name,
            "body": body,
            "digest": _digest(body),
            "changed_at": at,
        }
        for (thing, place, name), body in found.items()
        if body is not None
    ]
    if rows:
        session.execute(insert(Published), rows)


def _put(session: Session, key: Key, body: dict[str, Any] | None, at: datetime) -> Published | None:
    """Its row; None: another process has seen the same change."""
    row = session.get(Published, key)
    is_gone = row is None or row.gone_at is not None
    if body is None:
        if row is None or is_gone:
            return None
        row.gone_at = row.changed_at = at
        return row
    mark = _digest(body)
    if row is None:
        thing, location_id, name = key
        row = Published(thing=thing, location_id=location_id, id=name)
        session.add(row)
    elif row.digest == mark and not is_gone:
        return None
    row.body, row.digest, row.changed_at, row.gone_at = body, mark, at, None
    return row


def _digest(body: Mapping[str, Any]) -> int:
    return digest(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def of_locations(session: Session, location_ids: Collection[str]) -> dict[str, list[Published]]:
    """What is known of these locations and their EVSEs, by location."""
    found: dict[str, list[Published]] = {}
    if location_ids:
        query = select(Published).where(Published.location_id.in_(location_ids)).order_by(Published.id)
        for row in session.scalars(query):
            found.setdefault(row.location_id, []).append(row)
    return found


def tariffs(session: Session) -> dict[str, datetime]:
    """When what is published of each tariff has changed."""
    query = select(Published.id, Published.changed_at).where(Published.thing == Thing.TARIFF)
    return {name: at for name, at in session.execute(query)}


def removed(entries: Iterable[Published], uids: Collection[str]) -> list[dict[str, Any]]:
    """The EVSEs among them that are gone, but for those with `uids`: there is no way to take one back but its status
    (§8.1.1), and sessions name them.
    """
    gone = (x for x in entries if x.thing is Thing.EVSE and x.gone_at is not None and x.id not in uids)
    return [
        x.body
        | {
            "status": "REMOVED",
            "connectors": [y | {"last_updated": told(x.changed_at)} for y in x.body["connectors"]],
            "last_updated": told(x.changed_at),
        }
        for x in gone
    ]


def gone_location(entries: Sequence[Published]) -> dict[str, Any] | None:
    """A location that is not published any more, as it was; None: it still is, or never was."""
    place = next((x for x in entries if x.thing is Thing.LOCATION), None)
    if place is None or place.gone_at is None:
        return None
    changed_at = max(x.changed_at for x in entries)
    return place.body | {"evses": removed(entries, ()), "last_updated": told(changed_at)}
