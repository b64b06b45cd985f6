"""Telling peers what is published otherwise than before: locations and EVSEs (§8.2.2), tariffs (§11.2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from csms.domain.cdrs.rules import told
from csms.domain.roaming import locations, published, telling
from csms.domain.roaming.models import Peer, Published, Thing
from csms.domain.roaming.peers import Party
from csms.domain.roaming.published import Changes
from csms.domain.roaming.telling import under, wanting
from csms.domain.roaming.writing import View


def tell(session: Session, peers: Sequence[Peer], changes: Changes, view: View) -> int:
    """Remember what has changed, and queue it; how much.

    A tariff is there before a place that has it, and goes after: no place names one that is not known.
    """
    rows = published.note(session, changes, view.at)
    if not rows:
        return 0
    tariffs = [x for x in rows if x.thing is Thing.TARIFF]
    count = _tariffs(session, peers, [x for x in tariffs if x.gone_at is None], view)
    count += _places(session, peers, [x for x in rows if x.thing is not Thing.TARIFF], view)
    return count + _tariffs(session, peers, [x for x in tariffs if x.gone_at is not None], view)


def _tariffs(session: Session, peers: Sequence[Peer], rows: Sequence[Published], view: View) -> int:
    count = 0
    for peer, url in wanting(peers, "tariffs"):
        for row in rows:
            address, about = under(url, view.party, row.id), f"tariff {row.id}"
            if row.gone_at is None:
                body = row.body | {"last_updated": told(row.changed_at)}
                telling.post(session, peer.id, about, "PUT", address, body, at=view.at)
            else:
                telling.post(session, peer.id, about, "DELETE", address, None, at=view.at)
            count += 1
    return count


def _places(session: Session, peers: Sequence[Peer], rows: Sequence[Published], view: View) -> int:
    """What is gone first: a charger that has moved leaves one place before it stands at the other."""
    receivers = wanting(peers, "locations")
    if not receivers or not rows:
        return 0
    places = {x["id"]: x for x in locations.of_ids(session, list({x.location_id for x in rows}), view)}
    whole = {x.location_id for x in rows if x.thing is Thing.LOCATION and x.gone_at is None}
    count = 0
    for row in sorted(rows, key=lambda x: x.gone_at is None):
        is_told_whole = row.thing is Thing.EVSE and row.location_id in whole
        if not is_told_whole and (told_of := _part(places.get(row.location_id), row)) is not None:
            for peer, url in receivers:
                _tell(session, peer, url, places[row.location_id], told_of, view)
                count += 1
    return count


def _part(place: dict[str, Any] | None, row: Published) -> dict[str, Any] | None:
    """What is told of it. None: nothing, as "a Location without any valid EVSE can be considered expired" (§8.1.1)."""
    if row.thing is Thing.EVSE:
        return next((x for x in place["evses"] if x["uid"] == row.id), None) if place else None
    return place if row.gone_at is None else None


def _tell(
    session: Session, peer: Peer, url: str, place: dict[str, Any], part: dict[str, Any], view: View
) -> None:
    """PUT of a location or an EVSE; PATCH of one that is gone."""
    for evse in part.get("evses", [part]):
        telling.is_news(session, peer.id, f"evse {evse['uid']}", evse["status"], at=view.at)
    address = under(url, Party(place["country_code"], place["party_id"]), place["id"])
    if part is place:
        telling.post(session, peer.id, f"location {place['id']}", "PUT", address, place, at=view.at)
        return
    about, address = f"evse {part['uid']}", f"{address}/{part['uid']}"
    if part["status"] == "REMOVED":
        body = {x: part[x] for x in ("status", "last_updated")}
        telling.post(session, peer.id, about, "PATCH", address, body, at=view.at)
    else:
        telling.post(session, peer.id, about, "PUT", address, part, at=view.at)
