"""Subscribing, telling, and what becomes of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, text, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import RETRIES, Invalid, NotFound, Refused, announce, digest, printable, take_due
from csms.domain.commands import new_id
from csms.domain.webhooks.cursors import begin_looking, stop_looking
from csms.domain.webhooks.models import MISSED, Delivery, DeliveryState, Event, Webhook
from csms.domain.webhooks.rules import (
    GONE,
    SWITCH_OFF_AFTER,
    SWITCH_OFF_WITHIN,
    checked_events,
    checked_url,
)
from csms.sentences import told

TOPIC = "webhooks"
CLAIMED_FOR = timedelta(minutes=2)  # one whose sender died meanwhile is due again: perhaps twice, never lost
LONG = timedelta(hours=1)
MOST_WAITING = 10_000  # of one subscription; then it is switched off


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and what is told there."""

    name: str
    url: str
    events: list[str]

    def checked(self) -> "Target":
        """Raises Invalid."""
        name = self.name.strip()
        if not 0 < len(name) <= 80 or not name.isprintable():
            raise Invalid("Give it a name of at most 80 characters.", "name")
        return Target(name, checked_url(self.url), checked_events(self.events))


def add(session: Session, target: Target, *, secret_sealed: str, by: str | None, at: datetime) -> Webhook:
    """A new subscription, to what happens from now on. Raises Invalid."""
    given = target.checked()
    webhook = Webhook(
        name=given.name,
        url=given.url,
        events=given.events,
        secret_sealed=secret_sealed,
        is_enabled=True,
        failures=0,
        created_by=by,
        created_at=at,
    )
    session.add(webhook)
    session.flush()
    begin_looking(session, at)
    announce(session, TOPIC)
    return webhook


def change(session: Session, webhook: Webhook, target: Target, *, is_enabled: bool, at: datetime) -> None:
    """Raises Invalid. What waits when it is switched off is dropped; switched on again, its failures are forgotten."""
    given = target.checked()
    webhook.name, webhook.url, webhook.events = given.name, given.url, given.events
    if is_enabled and not webhook.is_enabled:
        webhook.is_enabled, webhook.off_why = True, None
        webhook.failures, webhook.failing_since = 0, None
        begin_looking(session, at)
    elif webhook.is_enabled and not is_enabled:
        webhook.failures, webhook.failing_since = 0, None  # somebody knows of it: nobody need be alerted
        _switch_off(session, webhook, told("Somebody has switched it off."))
    announce(session, TOPIC)


def remove(session: Session, webhook: Webhook) -> None:
    session.execute(delete(Delivery).where(Delivery.webhook_id == webhook.id))
    session.delete(webhook)
    session.flush()
    if session.scalar(select(Webhook.id).limit(1)) is None:
        stop_looking(session)
    announce(session, TOPIC)


def tell(
    session: Session,
    webhooks: Collection[Webhook],
    event: Event,
    about: tuple[object, ...],
    data: dict[str, Any],
    *,
    occurred_at: datetime,
    at: datetime,
) -> int:
    """Queue an event for those that subscribe to it. `about` names it: the same again is told to nobody twice."""
    key = digest(event.value, *about)
    wanted = [x for x in webhooks if event.value in x.events and occurred_at >= x.created_at]
    if not wanted:
        return 0
    known = select(Delivery.webhook_id).where(
        Delivery.key == key, Delivery.webhook_id.in_([x.id for x in wanted])
    )
    told = set(session.scalars(known))
    fresh = [x for x in wanted if x.id not in told]
    for webhook in fresh:
        session.add(_delivery(webhook, event, key, data, occurred_at, at))
    if fresh:
        announce(session, TOPIC)
    return len(fresh)


def test(session: Session, webhook: Webhook, *, at: datetime) -> Delivery:
    """Queue a ping, also to one that is switched off."""
    data = {"message": "This is a test.", "webhook": webhook.name}
    delivery = _delivery(webhook, Event.PING, digest("ping", new_id(at)), data, at, at)
    session.add(delivery)
    session.flush()
    announce(session, TOPIC)
    return delivery


def _delivery(
    webhook: Webhook, event: Event, key: int, data: dict[str, Any], occurred_at: datetime, at: datetime
) -> Delivery:
    event_id = new_id(at)
    body = {
        "id": event_id,
        "type": event.value,
        "occurred_at": occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return Delivery(
        webhook_id=webhook.id,
        key=key,
        event_id=event_id,
        event=event,
        body=orjson.dumps(body, option=orjson.OPT_UTC_Z).decode(),
        state=DeliveryState.QUEUED,
        attempts=0,
        due_at=at,
        created_at=at,
    )


def due(
    session: Session, at: datetime, *, limit: int = 50, besides: Collection[int] = ()
) -> Sequence[Delivery]:
    """What is to be sent now, the oldest first; nothing to the webhooks `besides`."""
    query = select(Delivery).where(Delivery.due_at <= at, Delivery.webhook_id.not_in(besides))
    query = query.options(joinedload(Delivery.webhook)).order_by(Delivery.due_at, Delivery.id)
    return session.scalars(query.limit(limit)).all()


def claim(session: Session, delivery: Delivery, *, at: datetime) -> bool:
    """True for one sender, in however many processes."""
    if not delivery.webhook.is_enabled and delivery.event is not Event.PING:
        delivery.state, delivery.due_at, delivery.settled_at = DeliveryState.DROPPED, None, at
        return False
    if delivery.due_at is None or not take_due(session, delivery, Delivery.due_at, at + CLAIMED_FOR):
        return False
    delivery.attempts += 1
    return True


def note_answer(
    session: Session,
    delivery: Delivery,
    *,
    status_code: int | None,
    answer: str,
    took_ms: int | None,
    at: datetime,
) -> None:
    """What came of a try; `status_code` None: no answer. All that is not 2xx is a failure, and tried again."""
    webhook = delivery.webhook
    delivery.status_code, delivery.took_ms = status_code, took_ms
    delivery.answer = printable(answer, 300)
    announce(session, TOPIC)
    if status_code is not None and 200 <= status_code < 300:
        delivery.state, delivery.due_at, delivery.settled_at = DeliveryState.DELIVERED, None, at
        webhook.failures, webhook.failing_since = 0, None
        return
    is_last = delivery.event is Event.PING or delivery.attempts > len(RETRIES) or not webhook.is_enabled
    if is_last:
        delivery.state, delivery.due_at, delivery.settled_at = DeliveryState.FAILED, None, at
    else:
        delivery.due_at = at + RETRIES[delivery.attempts - 1]
    if webhook.is_enabled and delivery.event is not Event.PING:
        _count_failure(session, webhook, status_code, at)


def _count_failure(session: Session, webhook: Webhook, status_code: int | None, at: datetime) -> None:
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or at
    if status_code == GONE:
        _switch_off(session, webhook, told("The receiver said that it is gone (410)."))
    elif webhook.failures >= SWITCH_OFF_AFTER and webhook.failing_since <= at - SWITCH_OFF_WITHIN:
        why = told("%(count)s tries in a row failed, for more than a day.", count=webhook.failures)
        _switch_off(session, webhook, why)


def _switch_off(session: Session, webhook: Webhook, why: str) -> None:
    webhook.is_enabled, webhook.off_why = False, why
    waiting = update(Delivery).where(
        Delivery.webhook_id == webhook.id, Delivery.due_at.is_not(None), Delivery.event != Event.PING
    )
    session.flush()
    session.execute(waiting.values(state=DeliveryState.DROPPED, due_at=None))


def resend(session: Session, delivery: Delivery, *, at: datetime) -> None:
    """Send it at once, whatever became of it. Raises Refused where its subscription is switched off."""
    if not delivery.webhook.is_enabled and delivery.event is not Event.PING:
        raise Refused("The webhook is switched off: switch it on first.")
    delivery.state, delivery.attempts, delivery.due_at = DeliveryState.QUEUED, 0, at
    delivery.settled_at = None
    announce(session, TOPIC)


def resend_missed(session: Session, webhook: Webhook, *, at: datetime) -> int:
    """Send all at once that did not arrive, the oldest first; how many. Raises Refused where it is switched off."""
    if not webhook.is_enabled:
        raise Refused("The webhook is switched off: switch it on first.")
    oldest = missed(webhook.id).with_only_columns(Delivery.id).order_by(Delivery.id).limit(MOST_WAITING // 2)
    again = update(Delivery).where(Delivery.id.in_(oldest)).execution_options(synchronize_session=False)
    waiting = {"state": DeliveryState.QUEUED, "attempts": 0, "due_at": at, "settled_at": None}
    announce(session, TOPIC)
    return session.execute(again.values(waiting)).rowcount  # type: ignore[attr-defined,no-any-return]


def missed(webhook_id: int) -> Select[Delivery]:
    """What did not arrive and is not tried again, but for tests."""
    return select(Delivery).where(
        Delivery.webhook_id == webhook_id, text(MISSED), Delivery.event != Event.PING
    )


def find(session: Session, webhook_id: int) -> Webhook:
    """Raises NotFound."""
    found = session.get(Webhook, webhook_id)
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def find_delivery(session: Session, webhook_id: int, delivery_id: int) -> Delivery:
    """Raises NotFound."""
    found = session.get(Delivery, delivery_id)
    if found is None or found.webhook_id != webhook_id:
        raise NotFound("There is no such delivery.")
    return found


def is_failing(at: datetime) -> ColumnElement[bool]:
    """On Webhook: nothing has reached it for an hour, or it was switched off because nothing did."""
    is_long = or_(Webhook.is_enabled.is_(False), Webhook.failing_since < at - LONG)
    return and_(Webhook.failing_since.is_not(None), is_long)


def listed(session: Session) -> Sequence[Webhook]:
    """All subscriptions by name."""
    return session.scalars(select(Webhook).order_by(Webhook.name, Webhook.id)).all()


def deliveries(webhook_id: int, state: DeliveryState | None = None) -> Select[Delivery]:
    query = select(Delivery).where(Delivery.webhook_id == webhook_id)
    return query if state is None else query.where(Delivery.state == state)


def check_waiting(session: Session, webhooks: Collection[Webhook], at: datetime) -> None:
    """Switch off those for which too much waits: nobody reads it any more."""
    query = select(Delivery.webhook_id, func.count()).where(Delivery.due_at.is_not(None))
    counts = {number: count for number, count in session.execute(query.group_by(Delivery.webhook_id))}
    for webhook in webhooks:
        if counts.get(webhook.id, 0) > MOST_WAITING:
            webhook.failing_since = webhook.failing_since or at
            why = told("More than %(most)s events waited for it.", most=MOST_WAITING)
            _switch_off(session, webhook, why)


def forget(session: Session, before: datetime) -> int:
    """Delete deliveries of which nothing more is to be done and that are older."""
    old = delete(Delivery).where(Delivery.due_at.is_(None), Delivery.created_at < before)
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]
