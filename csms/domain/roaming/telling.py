"""What is sent to peers: queued with what it tells, sent in its order, and tried again (OCPI 2.2.1 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import RETRIES, NotFound, announce, digest, printable, take_due
from csms.domain.roaming.models import OPEN, Peer, Push, PushState, Told
from csms.domain.roaming.peers import TOPIC, Party, mend, note_trouble

CLAIMED_FOR = timedelta(minutes=2)  # one whose sender died meanwhile is due again: perhaps twice, never lost
AT_ONCE = 10  # of one peer in a turn
PASSING = (401, 408, 425, 429)  # 4xx that say nothing about the message


def wanting(peers: Sequence[Peer], module: str) -> list[tuple[Peer, str]]:
    """Those that take what we tell of a module, and where."""
    return [(x, url) for x in peers if (url := x.receiver(module)) is not None]


def under(url: str, party: Party, *parts: str) -> str:
    """An object's address below a module's (§8.2.2)."""
    pieces = (party.country_code, party.party_id, *parts)
    return "/".join((url.rstrip("/"), *(quote(x, safe="") for x in pieces)))


def post(
    session: Session,
    peer_id: int,
    about: str,
    method: str,
    url: str,
    body: dict[str, Any] | None,
    *,
    at: datetime,
) -> Push:
    """Queue a message; `body` None: it has none. The last one about the same thing, if it waits and was never tried,
    says the newer instead.
    """
    text = orjson.dumps(body).decode() if body is not None else ""
    waiting = session.scalar(
        select(Push)
        .where(Push.peer_id == peer_id, Push.about == about, Push.url == url, Push.due_at.is_not(None))
        .order_by(Push.id.desc())
        .limit(1)
    )
    if waiting is not None and (waiting.attempts, waiting.method) == (0, method):
        waiting.body = text
        return waiting
    push = Push(
        peer_id=peer_id,
        about=about,
        method=method,
        url=url[:500],
        body=text,
        state=PushState.QUEUED,
        attempts=0,
        due_at=at,
        created_at=at,
    )
    session.add(push)
    session.flush()
    announce(session, TOPIC)
    return push


def is_news(session: Session, peer_id: int, about: str, content: object, *, at: datetime) -> bool:
    """Has the peer not been told just this about it? It counts as told from now on, and `told_at` begins anew."""
    key = digest(orjson.dumps(content))
    known = session.get(Told, (peer_id, about))
    if known is None:
        known = Told(peer_id=peer_id, about=about)
        session.add(known)
    is_new = known.digest != key
    known.digest, known.told_at = key, at
    session.flush()
    return is_new


def due(session: Session, at: datetime, *, limit: int = 200) -> Sequence[Push]:
    """What is to be sent now: of each peer its oldest few, so that no peer's many keep another's waiting."""
    place = func.row_number().over(partition_by=Push.peer_id, order_by=Push.id).label("place")
    ready = (
        select(Push.id, place)
        .join(Push.peer)
        .where(
            Push.due_at <= at,
            Peer.state.in_(OPEN),
            Peer.their_token_sealed.is_not(None),
            or_(Peer.paused_until.is_(None), Peer.paused_until <= at),
        )
        .subquery()
    )
    query = select(Push).join(ready, ready.c.id == Push.id).where(ready.c.place <= AT_ONCE)
    return session.scalars(query.options(joinedload(Push.peer)).order_by(Push.id).limit(limit)).all()


def claim(session: Session, push: Push, *, at: datetime) -> bool:
    """True for one sender, in however many processes."""
    if push.due_at is None or not take_due(session, push, Push.due_at, at + CLAIMED_FOR):
        return False
    push.attempts += 1
    return True


def release(session: Session, push: Push, *, at: datetime) -> None:
    """It was claimed and not tried, as the one before it failed."""
    push.attempts -= 1
    push.due_at = at


def note_answer(
    session: Session, push: Push, *, status_code: int | None, ocpi_code: int | None, answer: str, at: datetime
) -> bool:
    """What came of a try; `status_code` None: no answer; `ocpi_code`: its own (§5). False: the peer is in trouble, and
    left alone for a while.

    What a peer refuses for what it says (HTTP 4xx, OCPI 2xxx) is not tried again, and keeps nothing else back.
    """
    peer = push.peer
    is_heard = status_code is not None and 200 <= status_code < 300
    is_taken = is_heard and (ocpi_code is None or 1000 <= ocpi_code < 2000)
    is_refused = (is_heard and ocpi_code is not None and ocpi_code < 3000) or (
        status_code is not None and 400 <= status_code < 500 and status_code not in PASSING
    )
    push.status_code, push.answer = status_code, printable(answer, 300)
    announce(session, TOPIC)
    if is_taken:
        push.state, push.due_at, push.settled_at = PushState.DELIVERED, None, at
        if peer.failures:
            mend(peer)
        return True
    words = f"{push.method} {push.about}: {status_code or ''} {answer}"
    note_trouble(session, peer, words, at=at)
    if is_refused or push.attempts > len(RETRIES):
        push.state, push.due_at, push.settled_at = PushState.FAILED, None, at
    if is_refused:
        return True
    pause = RETRIES[min(peer.failures, len(RETRIES) - 1)]
    peer.failures += 1
    peer.failing_since = peer.failing_since or at
    peer.paused_until = at + pause
    if push.due_at is not None:
        push.due_at = peer.paused_until
    return False


def again(session: Session, push: Push, *, at: datetime) -> None:
    """Send it at once, whatever became of it."""
    push.state, push.attempts, push.due_at, push.settled_at = PushState.QUEUED, 0, at, None
    push.peer.paused_until = None
    announce(session, TOPIC)


def find(session: Session, peer_id: int, push_id: int) -> Push:
    """Raises NotFound."""
    found = session.get(Push, push_id)
    if found is None or found.peer_id != peer_id:
        raise NotFound("There is no such message.")
    return found


def listed(peer_id: int) -> Select[Push]:
    """What a peer was sent, the newest first."""
    return select(Push).where(Push.peer_id == peer_id).order_by(Push.id.desc())


def forget(session: Session, before: datetime) -> int:
    """Delete what was settled before; what stands for "told already" goes with it, but for places."""
    old = delete(Push).where(Push.due_at.is_(None), Push.created_at < before)
    count: int = session.execute(old).rowcount  # type: ignore[attr-defined]
    passing = or_(Told.about.startswith("session "), Told.about.startswith("cdr "))
    session.execute(delete(Told).where(Told.told_at < before, passing))
    return count
