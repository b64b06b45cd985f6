"""How many things need a person: counted for the frame of every page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import SQLColumnExpression, distinct, func, literal, select
from sqlalchemy.orm import Session

from csms.domain import quiet, webhooks
from csms.domain.attention.conditions import (
    is_alarming,
    is_faulted,
    is_offline,
    is_unpriced,
    sessions_of,
)
from csms.domain.attention.snoozes import Matter, Snooze, awake, is_put_off
from csms.domain.base import Sums
from csms.domain.chargers import Admission, Attempt, Charger, Connector
from csms.domain.configuration import Upkeep
from csms.domain.forwarding import Forwarder, is_cut_off
from csms.domain.maintenance import Rollout, RolloutState
from csms.domain.payments import Payment
from csms.domain.roaming import Peer, is_failing
from csms.domain.security import SecurityEvent, SigningRequest, is_expiring
from csms.domain.sums import Later, SingleRows
from csms.domain.transactions import Transaction, TransactionState
from csms.domain.troubles import Trouble
from csms.domain.webhooks import Webhook

# Matters that are told as one thing, however many sessions or chargers stand behind it.
ONE_EACH = (Matter.UNPRICED, Matter.ORPHAN, Matter.UNENDED, Matter.DOUBTFUL, Matter.SILENT)
_MATTERS = tuple(x for x in Matter if x is not Matter.DISK)
LEAST_FREE = 0.1  # of the disk: below it the database may soon not be written any more


@dataclass(frozen=True, slots=True)
class Tally:
    """How many things need a person, and what the navigation counts.

    `counts`: what stands behind each matter; `oldest`: since when, of those that are told as one thing;
    `is_quiet`: the installation is.
    """

    counts: Mapping[Matter, int] = field(default_factory=dict)
    oldest: Mapping[Matter, datetime] = field(default_factory=dict)
    put_off: int = 0
    chargers: int = 0
    running: int = 0
    is_quiet: bool = False

    @property
    def total(self) -> int:
        return sum(min(count, 1) if x in ONE_EACH else count for x, count in self.counts.items())


def tally(
    session: Session, *, at: datetime, free_share: float | None = None, with_put_off: bool = False
) -> Tally:
    """All counts with one query, without what is put off. `free_share`: how much of the disk is free, of 1."""
    rows = _counting(with_put_off).read(session, at=at)
    found = dict(zip(_MATTERS, rows, strict=False))
    (chargers,), (running,), (put_off,), (is_quiet,) = rows[len(found) :]
    return Tally(
        counts={x: row[0] for x, row in found.items()} | {Matter.DISK: _is_full(session, free_share, at)},
        oldest={x: row[1] for x, row in found.items() if x in ONE_EACH and row[0]},
        put_off=put_off,
        chargers=chargers,
        running=running,
        is_quiet=is_quiet > 0,
    )


@lru_cache
def _counting(with_put_off: bool) -> SingleRows:
    """The rows of _MATTERS in their order, then: chargers, running sessions, what is put off, and quiet mode."""
    at: Any = Later("at")
    matters = _each(at) | {matter: (_as_one(matter, at), literal("")) for matter in ONE_EACH}
    counting = [
        query if with_put_off else query.where(awake(matter, about, at))
        for matter, (query, about) in ((x, matters[x]) for x in _MATTERS)
    ]
    others = (
        select(func.count(Charger.id)).where(Charger.admission != Admission.REJECTED),
        select(func.count(Transaction.id)).where(Transaction.state == TransactionState.ACTIVE),
        select(func.count()).select_from(Snooze).where(Snooze.until > at),
        quiet.counting(),
    )
    return SingleRows([*counting, *others], {"at": at})


def _each(at: datetime) -> dict[Matter, tuple[Sums, SQLColumnExpression[Any]]]:
    """How many there are of each matter, and the id of what it is about."""
    faulted = (
        select(func.count(Connector.id)).join(Connector.charger).join(Charger.lease).where(is_faulted(at))
    )
    offline = select(func.count(Charger.id)).join(Charger.lease).where(is_offline(at))
    pending = select(func.count(Charger.id)).where(Charger.admission == Admission.PENDING)
    refused = select(func.count(Attempt.id)).where(is_alarming(at))
    loops = select(func.count(Upkeep.charger_id)).where(Upkeep.halted_at.is_not(None))
    events = select(func.count(distinct(SecurityEvent.charger_id))).where(SecurityEvent.is_open)
    expiring = select(func.count(distinct(SigningRequest.charger_id))).where(is_expiring(at))
    paused = select(func.count(Rollout.id)).where(Rollout.state == RolloutState.PAUSED)
    apart = select(func.count(Forwarder.charger_id)).where(is_cut_off(at))
    deaf = select(func.count(Webhook.id)).where(webhooks.is_failing(at))
    peers = select(func.count(Peer.id)).where(is_failing(at))
    payments = select(func.count(Payment.id)).where(Payment.problem_at.is_not(None))
    told = select(func.count(Trouble.id)).where(Trouble.closed_at.is_(None))
    return {
        Matter.FAULTED: (faulted, Connector.id),
        Matter.OFFLINE: (offline, Charger.id),
        Matter.PENDING: (pending, Charger.id),
        Matter.REFUSED: (refused, Attempt.id),
        Matter.BOOT_LOOP: (loops, Upkeep.charger_id),
        Matter.SECURITY: (events, SecurityEvent.charger_id),
        Matter.EXPIRING: (expiring, SigningRequest.charger_id),
        Matter.FORWARDING: (apart, Forwarder.charger_id),
        Matter.PEER: (peers, Peer.id),
        Matter.WEBHOOK: (deaf, Webhook.id),
        Matter.ROLLOUT: (paused, Rollout.id),
        Matter.PAYMENT: (payments, Payment.id),
        Matter.TROUBLE: (told, Trouble.id),
    }


def _as_one(matter: Matter, at: datetime) -> Sums:
    """(how many, the oldest) of a matter that is told as one thing."""
    if matter is not Matter.UNPRICED:
        return sessions_of(matter, at)
    return select(func.count(Charger.id), func.min(Charger.created_at)).where(is_unpriced(at))


def _is_full(session: Session, free_share: float | None, at: datetime) -> bool:
    is_low = free_share is not None and free_share < LEAST_FREE
    return is_low and not is_put_off(session, Matter.DISK, at)
