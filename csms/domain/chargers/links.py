"""Live connections as rows: who owns a charger, until when, and whom we sent away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms.domain.base import amend, announce, append, digest, printable
from csms.domain.bulk import Reading
from csms.domain.chargers.models import Attempt, Charger, LinkLease, RefusalCause, StatusEvent
from csms.domain.records import Moves
from csms.sentences import told


class Fenced(Exception):
    """A newer connection owns the charger: nothing that this one brings may be stored any more."""


@dataclass(slots=True)
class Lease:
    """What a unit of work needs of a lease; `chain` moves on with each journal entry.

    `last_heartbeat_at`: of a Heartbeat in this unit of work; None: it has none.
    """

    charger_id: int
    epoch: int
    chain: bytes
    last_heartbeat_at: datetime | None = None


_SEEN = Moves(LinkLease, "charger_id", "last_seen_at", "chain")
_BEATEN = Moves(LinkLease, "charger_id", "last_seen_at", "chain", "last_heartbeat_at")
_CHAINED = Moves(LinkLease, "charger_id", "chain")
_LEASES = Reading((LinkLease.charger_id, LinkLease.epoch, LinkLease.chain), LinkLease.charger_id)


def preload_leases(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the leases of many chargers with one query, for `lease_of`."""
    rows = _LEASES.rows(session, charger_ids)
    session.info["leases"] = {row[0]: Lease(*row) for row in rows}


def lease_of(session: Session, charger_id: int, epoch: int) -> Lease:
    """The charger's lease. Raises Fenced if `epoch` is not the newest connection's."""
    lease = _lease(session, charger_id)
    if lease.epoch != epoch:
        raise Fenced
    return lease


def _lease(session: Session, charger_id: int) -> Lease:
    leases: dict[int, Lease] = session.info.setdefault("leases", {})
    if charger_id not in leases:
        [row] = _LEASES.rows(session, [charger_id])
        leases[charger_id] = Lease(*row)
    return leases[charger_id]


def touch(session: Session, lease: Lease, *, at: datetime) -> None:
    """Keep the end of the journal's chain, and that the charger was heard of."""
    if lease.last_heartbeat_at is None:
        _SEEN.add(session, at, lease.chain, lease.charger_id)
    else:
        _BEATEN.add(session, at, lease.chain, lease.last_heartbeat_at, lease.charger_id)


def heartbeat(session: Session, charger_id: int, *, at: datetime) -> None:
    """1.6 §4.6: alive; `touch` writes it. Only "heartbeats" is announced, to which no page listens: calm stays calm."""
    _lease(session, charger_id).last_heartbeat_at = at
    announce(session, "heartbeats")


def keep_chain(session: Session, lease: Lease) -> None:
    """Keep the end of the journal's chain after an entry of ours."""
    _CHAINED.add(session, lease.chain, lease.charger_id)


def preload_openings(session: Session, charger_ids: Iterable[int]) -> None:
    """Read many chargers, and their leases for changing them, for `open_link`."""
    ids = sorted(charger_ids)
    held = session.scalars(
        select(LinkLease)
        .where(LinkLease.charger_id.in_(ids))
        .order_by(LinkLease.charger_id)
        .with_for_update()
    )
    known = session.scalars(select(Charger).where(Charger.id.in_(ids)))
    session.info["openings"] = {lease.charger_id: lease for lease in held}
    session.info["stations"] = known.all()


def open_link(
    session: Session,
    charger: Charger,
    *,
    node: str,
    address: str,
    is_secure: bool,
    protocol: str,
    path: str,
    at: datetime,
    online_until: datetime,
) -> int:
    """A new connection owns the charger from now on. Returns its epoch, which fences every older connection."""
    is_held = charger.id in session.info.get("openings", ())
    lease = session.get(LinkLease, charger.id, with_for_update=not is_held)
    if lease is None:
        lease = LinkLease(charger_id=charger.id, epoch=0, chain=b"", chain_start=b"")
        session.add(lease)
    lease.epoch += 1
    lease.node = node
    lease.address = address
    lease.is_secure = is_secure
    lease.connected_at = lease.last_seen_at = at
    lease.online_until = online_until
    lease.closed_at = lease.close_reason = None
    charger.protocol = protocol
    charger.last_path = path[:500]
    _history(
        session,
        charger.id,
        "Connected",
        at,
        told("speaks %(protocol)s, from %(address)s", protocol=protocol, address=address),
    )
    announce(session, charger.topic, "fleet")
    return lease.epoch


def close_link(session: Session, charger_id: int, epoch: int, *, reason: str, at: datetime) -> bool:
    """The connection with this epoch is over. False, and nothing done, if a newer one owns the charger."""
    result = session.execute(
        update(LinkLease)
        .where(LinkLease.charger_id == charger_id, LinkLease.epoch == epoch)
        .values(online_until=None, closed_at=at, close_reason=reason[:120])
    )
    if result.rowcount != 1:  # type: ignore[attr-defined]
        return False
    _history(session, charger_id, "Disconnected", at, reason)
    announce(session, f"charger:{charger_id}", "fleet")
    return True


def end_link(session: Session, charger_id: int, *, reason: str, at: datetime) -> None:
    """End the charger's connection from our side: what still comes by it is not heard."""
    lease = session.get(LinkLease, charger_id, with_for_update=True, populate_existing=True)
    if lease is not None and lease.online_until is not None:
        close_link(session, charger_id, lease.epoch, reason=reason, at=at)
        lease.epoch += 1
        announce(session, f"link:{charger_id}")  # whoever holds the connection hangs up


def note_probe(session: Session, charger_id: int, epoch: int, *, at: datetime) -> None:
    """The connection with this epoch has just proved alive."""
    amend(session, LinkLease, {"charger_id": charger_id, "epoch": epoch}, {"probed_at": at})


def renew(session: Session, links: Sequence[tuple[int, int, float | None]], *, until: datetime) -> None:
    """Extend the leases of (charger id, epoch, round trip in ms): their connections are alive."""
    for charger_id, epoch, rtt_ms in links:
        amend(
            session,
            LinkLease,
            {"charger_id": charger_id, "epoch": epoch},
            {"online_until": until, "rtt_ms": rtt_ms},
        )


def mark_silent(session: Session, at: datetime) -> int:
    """End leases that ran out unrenewed: their process died, so nobody else will tell."""
    lapsed = session.scalars(
        select(LinkLease).where(LinkLease.online_until < at - timedelta(seconds=1))
    ).all()
    for lease in lapsed:
        lease.online_until = None
        lease.closed_at = at
        lease.close_reason = told("the server lost it")
        _history(session, lease.charger_id, "Disconnected", at, lease.close_reason)
        announce(session, f"charger:{lease.charger_id}", "fleet")
    return len(lapsed)


def note_attempt(
    session: Session,
    *,
    identity: str,
    address: str,
    cause: RefusalCause,
    path: str,
    detail: str,
    remedy: str,
    status_code: int,
    at: datetime,
) -> None:
    """Remember a refused connection; the like of it are counted, so that a flood stays one row."""
    identity, address = printable(identity, 48) or "", address[:64]
    attempt = session.scalar(
        select(Attempt).where(
            Attempt.identity == identity, Attempt.address == address, Attempt.cause == cause
        )
    )
    if attempt is None:
        attempt = Attempt(identity=identity, address=address, cause=cause, count=0, first_at=at)
        session.add(attempt)
    attempt.path = printable(path, 500) or ""
    attempt.detail = printable(detail, 500) or ""
    attempt.remedy = remedy[:500]
    attempt.status_code = status_code
    attempt.count += 1
    attempt.last_at = at
    session.flush()
    announce(session, "attempts", "fleet")


def _history(session: Session, charger_id: int, status: str, at: datetime, info: str) -> None:
    append(
        session,
        StatusEvent,
        {
            "charger_id": charger_id,
            "evse_number": 0,
            "connector_number": 0,
            "status": status,
            "status_word": None,
            "error_code": None,
            "info": printable(info, 100),
            "vendor_id": None,
            "vendor_error_code": None,
            "at": at,
            "at_text": None,
            "received_at": at,
            "digest": digest(charger_id, status, at.isoformat(), info),
        },
        once=True,
    )
