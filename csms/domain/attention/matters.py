"""What needs a person, listed for the dashboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload, load_only

from csms.domain import troubles, webhooks
from csms.domain.attention.conditions import is_alarming, is_faulted, is_offline, is_refused
from csms.domain.attention.snoozes import Matter, put_off_now
from csms.domain.attention.tallying import Tally, tally
from csms.domain.chargers import Admission, Attempt, Charger, Connector, LinkLease
from csms.domain.configuration import Upkeep
from csms.domain.forwarding import Forwarder, is_cut_off
from csms.domain.maintenance import Rollout, RolloutState
from csms.domain.payments import Payment
from csms.domain.roaming import Peer, is_failing
from csms.domain.security import SecurityEvent, SigningRequest, is_expiring
from csms.domain.transactions import Transaction, TransactionState
from csms.domain.troubles import Trouble
from csms.domain.webhooks import Webhook

MOST_OF_A_KIND = 40
# What rows and alerts tell of it: of all the rest that is known of a charger nothing is read.
_OF_A_CHARGER = (
    *(Charger.identity, Charger.name, Charger.vendor, Charger.model),
    *(Charger.site_id, Charger.created_at),
)
_OF_ITS_LINK = (LinkLease.closed_at, LinkLease.last_seen_at, LinkLease.close_reason)
_OF_ITS_CONNECTOR = (
    *(Connector.charger_id, Connector.evse_number, Connector.status_at),
    *(Connector.error_code, Connector.error_info),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person. What it is about is in the field that fits; `count` sessions or events stand
    behind it, `word` is the newest event's, `until` when a certificate ends,
    `is_busy` whether somebody is charging at the charger.
    """

    matter: Matter
    since: datetime
    charger: Charger | None = None
    connector: Connector | None = None
    attempt: Attempt | None = None
    rollout: Rollout | None = None
    payment: Payment | None = None
    trouble: Trouble | None = None
    peer: Peer | None = None
    webhook: Webhook | None = None
    count: int = 1
    word: str | None = None
    until: datetime | None = None
    is_busy: bool = False

    @property
    def about(self) -> str:
        """The id of what it is about; empty where it is one thing."""
        subjects = (
            self.trouble,
            self.connector,
            self.charger,
            self.attempt,
            self.rollout,
            self.payment,
            self.peer,
            self.webhook,
        )
        about = next((x for x in subjects if x is not None), None)
        return str(about.id) if about else ""

    @property
    def key(self) -> str:
        """What names it on a page."""
        return f"{self.matter}-{self.about or 'all'}"


def items(
    session: Session,
    *,
    at: datetime,
    free_share: float | None = None,
    with_put_off: bool = False,
    counted: Tally | None = None,
    limit: int = MOST_OF_A_KIND,
) -> list[Item]:
    """The things themselves, the oldest first; at most `limit` of each kind. `with_put_off`: all of them.

    One query for each kind that there is; `counted`: where that is known already.
    """
    counted = counted or tally(session, at=at, free_share=free_share, with_put_off=with_put_off)
    most = limit if with_put_off else limit + counted.put_off
    found = [
        x
        for matter, listed in _LISTS.items()
        if counted.counts.get(matter)
        for x in listed(session, at, most)
    ]
    found += [Item(x, since, count=counted.counts[x]) for x, since in counted.oldest.items()]
    if free_share is not None and counted.counts.get(Matter.DISK):
        found.append(Item(Matter.DISK, at, word=f"{free_share * 100:.0f}"))
    if counted.put_off and not with_put_off:
        waiting = put_off_now(session, at)
        found = [x for x in found if (x.matter, x.about) not in waiting]
    return sorted(found, key=lambda item: item.since)


def _faults(session: Session, at: datetime, limit: int) -> list[Item]:
    is_busy = exists().where(
        Transaction.charger_id == Charger.id, Transaction.state == TransactionState.ACTIVE
    )
    query = (
        select(Connector, is_busy)
        .join(Connector.charger)
        .join(Charger.lease)
        .where(is_faulted(at))
        .options(contains_eager(Connector.charger).load_only(*_OF_A_CHARGER), load_only(*_OF_ITS_CONNECTOR))
        .order_by(Connector.status_at)
        .limit(limit)
    )
    return [
        Item(Matter.FAULTED, x.status_at or x.charger.created_at, x.charger, x, is_busy=busy)
        for x, busy in session.execute(query)
    ]


def _rollouts(session: Session, _at: datetime, limit: int) -> list[Item]:
    query = select(Rollout).where(Rollout.state == RolloutState.PAUSED).options(joinedload(Rollout.firmware))
    return [
        Item(Matter.ROLLOUT, x.created_at, rollout=x, word=x.reason)
        for x in session.scalars(query.order_by(Rollout.created_at).limit(limit))
    ]


def _forwarders(session: Session, at: datetime, limit: int) -> list[Item]:
    query = select(Forwarder).where(is_cut_off(at)).options(joinedload(Forwarder.charger))
    return [
        Item(Matter.FORWARDING, x.away_since or at, charger=x.charger, word=x.detail)
        for x in session.scalars(query.order_by(Forwarder.away_since).limit(limit))
    ]


def _peers(session: Session, at: datetime, limit: int) -> list[Item]:
    query = select(Peer).where(is_failing(at)).order_by(Peer.failing_since).limit(limit)
    return [
        Item(Matter.PEER, x.failing_since or at, peer=x, word=x.last_error) for x in session.scalars(query)
    ]


def _webhooks(session: Session, at: datetime, limit: int) -> list[Item]:
    query = select(Webhook).where(webhooks.is_failing(at)).order_by(Webhook.failing_since).limit(limit)
    return [
        Item(Matter.WEBHOOK, x.failing_since or at, webhook=x, word=x.off_why) for x in session.scalars(query)
    ]


def _troubles(session: Session, _at: datetime, limit: int) -> list[Item]:
    return [
        Item(Matter.TROUBLE, x.first_at, charger=x.charger, trouble=x, count=x.count, word=x.words)
        for x in troubles.open_ones(session, limit=limit)
    ]


def _payments(session: Session, _at: datetime, limit: int) -> list[Item]:
    query = select(Payment).where(Payment.problem_at.is_not(None)).options(joinedload(Payment.charger))
    return [
        Item(Matter.PAYMENT, x.problem_at, payment=x, word=x.problem)
        for x in session.scalars(query.order_by(Payment.problem_at).limit(limit))
        if x.problem_at
    ]


def _offline(session: Session, at: datetime, limit: int) -> list[Item]:
    query = (
        select(Charger)
        .join(Charger.lease)
        .where(is_offline(at))
        .options(load_only(*_OF_A_CHARGER), contains_eager(Charger.lease).load_only(*_OF_ITS_LINK))
        .order_by(LinkLease.closed_at)
        .limit(limit)
    )
    return [Item(Matter.OFFLINE, _gone_at(x), charger=x) for x in session.scalars(query)]


def _gone_at(charger: Charger) -> datetime:
    lease = charger.lease
    return (lease and (lease.closed_at or lease.last_seen_at)) or charger.created_at


def _pending(session: Session, _at: datetime, limit: int) -> list[Item]:
    query = (
        select(Charger)
        .where(Charger.admission == Admission.PENDING)
        .options(load_only(*_OF_A_CHARGER))
        .order_by(Charger.created_at)
        .limit(limit)
    )
    return [Item(Matter.PENDING, x.created_at, charger=x) for x in session.scalars(query)]


def _refused(session: Session, at: datetime, limit: int) -> list[Item]:
    query = select(Attempt).where(is_alarming(at)).order_by(Attempt.first_at).limit(limit)
    return [Item(Matter.REFUSED, x.first_at, attempt=x) for x in session.scalars(query)]


def _loops(session: Session, _at: datetime, limit: int) -> list[Item]:
    query = (
        select(Upkeep)
        .where(Upkeep.halted_at.is_not(None))
        .options(joinedload(Upkeep.charger).joinedload(Charger.lease))
        .order_by(Upkeep.halted_at)
        .limit(limit)
    )
    found = session.scalars(query).all()
    return [Item(Matter.BOOT_LOOP, x.halted_at, charger=x.charger) for x in found if x.halted_at]


def _security(session: Session, _at: datetime, limit: int) -> list[Item]:
    """One for each charger with critical events that nobody has looked at."""
    events = (
        select(
            SecurityEvent.charger_id,
            func.count().label("count"),
            func.min(SecurityEvent.received_at).label("since"),
            func.max(SecurityEvent.id).label("newest_id"),
        )
        .where(SecurityEvent.is_open)
        .group_by(SecurityEvent.charger_id)
        .order_by(func.min(SecurityEvent.received_at))
        .limit(limit)
        .subquery()
    )
    query = (
        select(Charger, SecurityEvent.type, events.c.count, events.c.since)
        .select_from(events)
        .join(Charger, Charger.id == events.c.charger_id)
        .join(SecurityEvent, SecurityEvent.id == events.c.newest_id)
        .options(load_only(*_OF_A_CHARGER))
    )
    return [
        Item(Matter.SECURITY, since, charger=charger, count=count, word=word)
        for charger, word, count, since in session.execute(query)
    ]


def _expiring(session: Session, at: datetime, limit: int) -> list[Item]:
    its_charger = joinedload(SigningRequest.charger).load_only(*_OF_A_CHARGER)
    query = select(SigningRequest).where(is_expiring(at)).options(its_charger)
    query = query.order_by(SigningRequest.expires_at)
    return [
        Item(Matter.EXPIRING, x.requested_at, charger=x.charger, until=x.expires_at)
        for x in session.scalars(query.limit(limit))
    ]


_LISTS: dict[Matter, Callable[[Session, datetime, int], list[Item]]] = {
    Matter.FAULTED: _faults,
    Matter.OFFLINE: _offline,
    Matter.PENDING: _pending,
    Matter.REFUSED: _refused,
    Matter.BOOT_LOOP: _loops,
    Matter.FORWARDING: _forwarders,
    Matter.PEER: _peers,
    Matter.WEBHOOK: _webhooks,
    Matter.ROLLOUT: _rollouts,
    Matter.PAYMENT: _payments,
    Matter.TROUBLE: _troubles,
    Matter.SECURITY: _security,
    Matter.EXPIRING: _expiring,
}


# What is at some charger or other, and so at a place.
AT_PLACES = frozenset(Matter) - {Matter.REFUSED, Matter.PEER, Matter.WEBHOOK, Matter.ROLLOUT, Matter.DISK}


def attempts(session: Session, *, at: datetime, limit: int = 100) -> Sequence[Attempt]:
    """Who was sent away and not let in since, the newest first."""
    query = select(Attempt).where(is_refused(at)).order_by(Attempt.last_at.desc()).limit(limit)
    return session.scalars(query).all()
