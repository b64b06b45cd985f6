"""Looking for what peers want to be told: what is published and has changed, statuses, sessions and charge records.

As with webhooks, who charges pays nothing for it; what a peer was told about a thing is remembered, so that it is told
again when it is different and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, and_, cast, delete, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain.cdrs import Cdr
from csms.domain.chargers import Charger, StatusEvent
from csms.domain.looking import OVERLAP_S, fresh
from csms.domain.roaming import locations, published, publishing, records, telling, writing
from csms.domain.roaming.models import OPEN, Peer, Published, RoamingCursor, Told
from csms.domain.roaming.peers import Party
from csms.domain.roaming.published import Changes
from csms.domain.roaming.telling import under, wanting
from csms.domain.roaming.writing import View
from csms.domain.transactions import Transaction, TransactionState

LATEST = timedelta(days=7)  # what ended longer ago is fetched, and not told
UPDATE_EVERY = timedelta(seconds=60)  # of a session, and only when something about it has changed
SOURCES = {"status": StatusEvent.id, "cdr": Cdr.id}


def reachable(session: Session) -> Sequence[Peer]:
    """Peers that can be told anything."""
    query = select(Peer).where(Peer.state.in_(OPEN), Peer.their_token_sealed.is_not(None))
    return session.scalars(query.order_by(Peer.id)).all()


def gather(session: Session, view: View, currency: str, changes: Changes | None = None) -> int:
    """Queue what is new since the last look; how much. What was before the first peer came is told to nobody.

    `changes`: what is published otherwise than before, if somebody has looked.
    """
    peers = reachable(session)
    if not peers:
        forget(session)
        return 0
    cursors = _cursors(session, view.at)
    count = publishing.tell(session, peers, changes, view) if changes is not None else 0
    count += _statuses(session, peers, cursors["status"], view)
    count += _sessions(session, peers, cursors["session"], view, currency)
    return count + _records(session, peers, cursors["cdr"], view, currency)


def is_begun(session: Session) -> bool:
    """Has anybody looked since there was nobody to be told?"""
    return session.scalar(select(RoamingCursor.source).limit(1)) is not None


def forget(session: Session) -> None:
    """There is nobody to be told: who comes next fetches what is there then."""
    session.execute(delete(RoamingCursor))
    session.execute(delete(Published))


def _cursors(session: Session, at: datetime) -> dict[str, RoamingCursor]:
    known = {x.source: x for x in session.scalars(select(RoamingCursor))}
    for source in {"status", "cdr", "session"} - known.keys():
        number = SOURCES.get(source)
        position = session.scalar(select(func.max(number))) if number is not None else 0
        known[source] = RoamingCursor(source=source, position=position or 0, looked_at=at)
        session.add(known[source])
    session.flush()
    return known


def _statuses(session: Session, peers: Sequence[Peer], cursor: RoamingCursor, view: View) -> int:
    """PATCH of an EVSE (§8.2.2.3)."""
    before, events = cursor.looked_at, fresh(session, cursor, StatusEvent.id, view.at)
    ids = {x.charger_id for x in events if x.received_at >= before - OVERLAP_S}
    receivers = wanting(peers, "locations")
    if not ids or not receivers:
        return 0
    query = locations.shown_chargers().where(Charger.id.in_(ids))
    loads = (joinedload(Charger.lease), joinedload(Charger.site), selectinload(Charger.connectors))
    chargers = session.scalars(query.options(*loads)).all()
    entries = published.of_locations(session, [x.site.uuid for x in chargers if x.site])
    count = 0
    for charger in chargers:
        known = entries.get(charger.site.uuid, ()) if charger.site else ()
        edited = {x.id: x.changed_at for x in known if x.gone_at is None}
        for evse in locations.evses_of(session, charger, view, edited):
            if evse["uid"] in edited:  # what is published only now is told whole at the next look
                count += sum(_tell_status(session, peer, url, charger, evse, view) for peer, url in receivers)
    return count


def _tell_status(
    session: Session, peer: Peer, url: str, charger: Charger, evse: dict[str, Any], view: View
) -> bool:
    uid, site = evse["uid"], charger.site
    about = f"evse {uid}"
    if site is None or not telling.is_news(session, peer.id, about, evse["status"], at=view.at):
        return False
    body = {"status": evse["status"], "last_updated": evse["last_updated"]}
    address = under(url, writing.party_of(site, view.party), site.uuid, uid)
    telling.post(session, peer.id, about, "PATCH", address, body, at=view.at)
    return True


def _sessions(
    session: Session, peers: Sequence[Peer], cursor: RoamingCursor, view: View, currency: str
) -> int:
    """PUT of a session that runs, once a minute at most, and of one that is over (§9.2.2.2)."""
    since, cursor.looked_at = cursor.looked_at - OVERLAP_S, view.at
    running = and_(
        Transaction.state == TransactionState.ACTIVE,
        or_(Told.told_at.is_(None), Told.told_at <= view.at - UPDATE_EVERY),
    )
    over = and_(Transaction.ended_at >= since - LATEST, Transaction.end_received_at >= since)
    count = 0
    for peer, url in wanting(peers, "sessions"):
        is_same = and_(Told.peer_id == peer.id, Told.about == "session " + cast(Transaction.id, String))
        query = records.sessions(peer).outerjoin(Told, is_same).where(or_(running, over))
        for one, card, asked in session.execute(query.limit(1_000)):
            about = f"session {one.id}"
            body = records.session_of(one, card, asked, view, currency)
            lasting = {x: body[x] for x in ("status", "kwh")}
            if telling.is_news(session, peer.id, about, lasting, at=view.at):
                address = under(url, Party(body["country_code"], body["party_id"]), body["id"])
                telling.post(session, peer.id, about, "PUT", address, body, at=view.at)
                count += 1
    return count


def _records(
    session: Session, peers: Sequence[Peer], cursor: RoamingCursor, view: View, currency: str
) -> int:
    """POST of a charge record (§10.2.2.2)."""
    before = cursor.looked_at
    ids = [x.id for x in fresh(session, cursor, Cdr.id, view.at) if x.made_at >= before - OVERLAP_S]
    count = 0
    if not ids:
        return 0
    for peer, url in wanting(peers, "cdrs"):
        for cdr, card, charger, asked in session.execute(records.records(peer).where(Cdr.id.in_(ids))):
            about = f"cdr {cdr.uuid}"
            if telling.is_news(session, peer.id, about, cdr.uuid, at=view.at):
                body = records.record_of(cdr, card, charger, asked, view, currency)
                telling.post(session, peer.id, about, "POST", url, body, at=view.at)
                count += 1
    return count
