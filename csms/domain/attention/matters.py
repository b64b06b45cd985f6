"""What needs a person, listed for the dashboard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session, contains_eager, joinedload, load_only

from csms.domain import webhooks
from csms.domain.attention.conditions import is_alarming, is_faulted, is_offline, is_refused
from csms.domain.attention.snoozes import Matter, put_off_now
from csms.domain.attention.tallying import Tally, tally
from csms.domain.base import BigId, UTCDateTime, choice
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


_Things = Select[*tuple[Any, ...]]


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
            self.attempt,
            self.rollout,
            self.payment,
            self.peer,
            self.webhook,
            self.charger,
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

    One query, of however many kinds they are; `counted`: where it is known already what there is.
    """
    counted = counted or tally(session, at=at, free_share=free_share, with_put_off=with_put_off)
    most = limit if with_put_off else limit + counted.put_off
    found = _listed(session, [x for x in _LISTS if counted.counts.get(x)], at, most)
    found += [Item(x, since, count=counted.counts[x]) for x, since in counted.oldest.items()]
    if free_share is not None and counted.counts.get(Matter.DISK):
        found.append(Item(Matter.DISK, at, word=f"{free_share * 100:.0f}"))
    if counted.put_off and not with_put_off:
        waiting = put_off_now(session, at)
        found = [x for x in found if (x.matter, x.about) not in waiting]
    return sorted(found, key=lambda item: item.since)


def _listed(session: Session, matters: Sequence[Matter], at: datetime, limit: int) -> list[Item]:
    """At most `limit` things of each of these kinds, with all that is told of them."""
    if not matters:
        return []
    # What is sorted and limited is a query of its own within the union: SQLite knows no parentheses there.
    things = union_all(*(select(_LISTS[x](at).limit(limit).subquery()) for x in matters)).subquery("thing")
    subjects = {x: _SUBJECTS[x] for x in matters if x in _SUBJECTS}
    query = (
        select(*(things.c[x] for x in _FIELDS), Charger, *(subject for _, subject in subjects.values()))
        .outerjoin(Charger, Charger.id == things.c.charger_id)
        .outerjoin(Charger.lease)
        .options(load_only(*_OF_A_CHARGER), contains_eager(Charger.lease).load_only(*_OF_ITS_LINK))
        .options(*(option for x in matters for option in _WITH.get(x, ())))
    )
    for matter, (name, subject) in subjects.items():
        its_id = things.c.payment_id if name == "payment" else things.c.about
        query = query.outerjoin(subject, and_(things.c.matter == matter, subject.id == its_id))
    fields = [*_FIELDS, "charger", *(name for name, _ in subjects.values())]
    return [Item(**dict(zip(fields, row, strict=True))) for row in session.execute(query)]


def _things(
    matter: Matter,
    about: SQLColumnExpression[int] | None,
    since: SQLColumnExpression[Any],
    *,
    payment_id: SQLColumnExpression[str] | None = None,
    charger_id: SQLColumnExpression[Any] | None = None,
    count: SQLColumnExpression[int] | None = None,
    word: SQLColumnExpression[Any] | None = None,
    until: SQLColumnExpression[Any] | None = None,
    is_busy: ColumnElement[bool] | None = None,
) -> _Things:
    """The columns that a thing of any kind has; what is not given it does not have. A payment's id is no number."""
    return select(
        literal(matter, choice(Matter)).label("matter"),
        (cast(null(), BigId) if about is None else about).label("about"),
        (cast(null(), String) if payment_id is None else payment_id).label("payment_id"),
        (cast(null(), BigId) if charger_id is None else charger_id).label("charger_id"),
        since.label("since"),
        (literal(1) if count is None else count).label("count"),
        (cast(null(), String) if word is None else word).label("word"),
        (cast(null(), UTCDateTime) if until is None else until).label("until"),
        (false() if is_busy is None else is_busy).label("is_busy"),
    )


def _faults(at: datetime) -> _Things:
    is_busy = exists().where(
        Transaction.charger_id == Charger.id, Transaction.state == TransactionState.ACTIVE
    )
    since = func.coalesce(Connector.status_at, Charger.created_at)
    query = _things(Matter.FAULTED, Connector.id, since, charger_id=Charger.id, is_busy=is_busy)
    query = query.join(Connector.charger).join(Charger.lease).where(is_faulted(at))
    return query.order_by(Connector.status_at)


def _rollouts(_at: datetime) -> _Things:
    query = _things(Matter.ROLLOUT, Rollout.id, Rollout.created_at, word=Rollout.reason)
    return query.where(Rollout.state == RolloutState.PAUSED).order_by(Rollout.created_at)


def _forwarders(at: datetime) -> _Things:
    its = Forwarder.charger_id
    query = _things(Matter.FORWARDING, its, Forwarder.away_since, charger_id=its, word=Forwarder.detail)
    return query.where(is_cut_off(at)).order_by(Forwarder.away_since)


def _peers(at: datetime) -> _Things:
    query = _things(Matter.PEER, Peer.id, Peer.failing_since, word=Peer.last_error)
    return query.where(is_failing(at)).order_by(Peer.failing_since)


def _webhooks(at: datetime) -> _Things:
    query = _things(Matter.WEBHOOK, Webhook.id, Webhook.failing_since, word=Webhook.off_why)
    return query.where(webhooks.is_failing(at)).order_by(Webhook.failing_since)


def _troubles(_at: datetime) -> _Things:
    its, count, words = Trouble.charger_id, Trouble.count, Trouble.words
    query = _things(Matter.TROUBLE, Trouble.id, Trouble.first_at, charger_id=its, count=count, word=words)
    return query.where(Trouble.closed_at.is_(None)).order_by(Trouble.first_at)


def _payments(_at: datetime) -> _Things:
    its, since, problem = Payment.charger_id, Payment.problem_at, Payment.problem
    query = _things(Matter.PAYMENT, None, since, payment_id=Payment.id, charger_id=its, word=problem)
    return query.where(since.is_not(None)).order_by(since)


def _offline(at: datetime) -> _Things:
    since = func.coalesce(LinkLease.closed_at, LinkLease.last_seen_at, Charger.created_at)
    query = _things(Matter.OFFLINE, Charger.id, since, charger_id=Charger.id)
    return query.join(Charger.lease).where(is_offline(at)).order_by(LinkLease.closed_at)


def _pending(_at: datetime) -> _Things:
    query = _things(Matter.PENDING, Charger.id, Charger.created_at, charger_id=Charger.id)
    return query.where(Charger.admission == Admission.PENDING).order_by(Charger.created_at)


def _refused(at: datetime) -> _Things:
    query = _things(Matter.REFUSED, Attempt.id, Attempt.first_at)
    return query.where(is_alarming(at)).order_by(Attempt.first_at)


def _loops(_at: datetime) -> _Things:
    its = Upkeep.charger_id
    query = _things(Matter.BOOT_LOOP, its, Upkeep.halted_at, charger_id=its)
    return query.where(Upkeep.halted_at.is_not(None)).order_by(Upkeep.halted_at)


def _security(_at: datetime) -> _Things:
    """One for each charger with critical events that nobody has looked at."""
    its, since = SecurityEvent.charger_id, func.min(SecurityEvent.received_at)
    events = select(
        its, since.label("since"), func.count().label("count"), func.max(SecurityEvent.id).label("newest_id")
    )
    of = events.where(SecurityEvent.is_open).group_by(its).subquery()
    newest = select(SecurityEvent.type).where(SecurityEvent.id == of.c.newest_id).scalar_subquery()
    charger_id = of.c.charger_id
    query = _things(
        Matter.SECURITY, charger_id, of.c.since, charger_id=charger_id, count=of.c.count, word=newest
    )
    return query.order_by(of.c.since)


def _expiring(at: datetime) -> _Things:
    its, until = SigningRequest.charger_id, SigningRequest.expires_at
    query = _things(Matter.EXPIRING, its, SigningRequest.requested_at, charger_id=its, until=until)
    return query.where(is_expiring(at)).order_by(until)


_LISTS: dict[Matter, Callable[[datetime], _Things]] = {
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
# What a thing is about, where that is more than a charger: the field of Item, and the table.
_SUBJECTS: dict[Matter, tuple[str, Any]] = {
    Matter.FAULTED: ("connector", Connector),
    Matter.REFUSED: ("attempt", Attempt),
    Matter.ROLLOUT: ("rollout", Rollout),
    Matter.PAYMENT: ("payment", Payment),
    Matter.TROUBLE: ("trouble", Trouble),
    Matter.PEER: ("peer", Peer),
    Matter.WEBHOOK: ("webhook", Webhook),
}
_FIELDS = ("matter", "since", "count", "word", "until", "is_busy")  # of Item, and of all kinds alike
# How much of it is read.
_WITH = {
    Matter.FAULTED: (load_only(*_OF_ITS_CONNECTOR),),
    Matter.ROLLOUT: (joinedload(Rollout.firmware),),
}


# What is at some charger or other, and so at a place.
AT_PLACES = frozenset(Matter) - {Matter.REFUSED, Matter.PEER, Matter.WEBHOOK, Matter.ROLLOUT, Matter.DISK}


def attempts(session: Session, *, at: datetime, limit: int = 100) -> Sequence[Attempt]:
    """Who was sent away and not let in since, the newest first."""
    query = select(Attempt).where(is_refused(at)).order_by(Attempt.last_at.desc()).limit(limit)
    return session.scalars(query).all()
