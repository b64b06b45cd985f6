"""Looking for what has happened. Who charges pays nothing for it: the tables are read by those who want to tell.

What was told before is known by its key.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csms.domain.cdrs import Cdr
from csms.domain.chargers import Charger, ConnectorStatus, StatusEvent
from csms.domain.commands import Command, CommandState
from csms.domain.looking import MOST, OVERLAP_S, fresh
from csms.domain.payments import Payment, PaymentEvent
from csms.domain.transactions import Transaction, TransactionState, opened
from csms.domain.webhooks.cursors import begin_looking, stop_looking
from csms.domain.webhooks.models import Event, Webhook, WebhookCursor, WebhookOpen
from csms.domain.webhooks.service import check_waiting, tell

LONGEST_COMMAND = timedelta(days=8)
UPDATE_EVERY = timedelta(seconds=60)  # of a transaction, and only when its meter has moved
CONNECTIONS = {"Connected": Event.CHARGER_ONLINE, "Disconnected": Event.CHARGER_OFFLINE}
# Steps of a payment. It has failed when the card was declined, when nobody paid or the hold lapsed, and when a person
# must look at it.
PAYMENTS = {
    "held": Event.PAYMENT_HELD,
    "captured": Event.PAYMENT_CAPTURED,
    "released": Event.PAYMENT_RELEASED,
    "refunded": Event.PAYMENT_REFUNDED,
    **dict.fromkeys(("failed", "expired", "problem"), Event.PAYMENT_FAILED),
}


def gather(session: Session, at: datetime) -> int:
    """Queue what has happened since the last look for those that subscribe. Costs next to nothing while nobody does."""
    webhooks = session.scalars(select(Webhook).where(Webhook.is_enabled)).all()
    if not webhooks:
        stop_looking(session)
        return 0
    begin_looking(session, at)
    cursors = {x.source: x for x in session.scalars(select(WebhookCursor))}
    count = _started(session, webhooks, cursors["transaction"], at) + _going_on(session, webhooks, at)
    count += _statuses(session, webhooks, cursors["status"], at)
    count += _commands(session, webhooks, cursors["command"], at)
    count += _records(session, webhooks, cursors["cdr"], at)
    count += _payments(session, webhooks, cursors["payment"], at)
    check_waiting(session, webhooks, at)
    return count


def _started(session: Session, webhooks: Collection[Webhook], cursor: WebhookCursor, at: datetime) -> int:
    before, count = cursor.looked_at, 0
    known = set(session.scalars(select(WebhookOpen.transaction_id)))
    for one in _numbered_since(session, cursor, at):
        is_old = one.start_received_at < before - OVERLAP_S
        if one.state is TransactionState.ORPHAN or is_old or one.id in known:
            continue
        data, moment = transaction_data(one), one.start_received_at
        if tell(session, webhooks, Event.TRANSACTION_STARTED, (one.id,), data, occurred_at=moment, at=at):
            count += 1
        session.add(WebhookOpen(transaction_id=one.id, told_wh=one.energy_wh, told_at=at))
    session.flush()
    return count


def _numbered_since(session: Session, cursor: WebhookCursor, at: datetime) -> list[Transaction]:
    """Transactions from the cursor on, which is moved. It counts their numbers, which are committed in their order."""
    last = min(opened.numbers_taken(session), cursor.position + MOST)
    if last <= cursor.position:
        return []
    numbers = range(cursor.position + 1, last + 1)
    cursor.position = last
    cursor.looked_at = at if len(numbers) < MOST else cursor.looked_at  # what is left is not old
    return opened.numbered(session, numbers)


def _going_on(session: Session, webhooks: Collection[Webhook], at: datetime) -> int:
    """Transactions that run, and those that have ended since."""
    open_ones = session.scalars(select(WebhookOpen)).all()
    query = select(Transaction).where(Transaction.id.in_([x.transaction_id for x in open_ones]))
    loaded = query.options(joinedload(Transaction.charger), joinedload(Transaction.connector))
    known = {x.id: x for x in session.scalars(loaded)}
    count = 0
    for told in open_ones:
        one = known.get(told.transaction_id)
        if one is None:  # it has been removed with its charger
            session.delete(told)
        elif one.state is not TransactionState.ACTIVE:
            moment = one.end_received_at or at
            data, end = transaction_data(one), (one.id, one.ended_at)
            count += tell(session, webhooks, Event.TRANSACTION_ENDED, end, data, occurred_at=moment, at=at)
            session.delete(told)
        elif one.energy_wh != told.told_wh and told.told_at <= at - UPDATE_EVERY:
            data, so_far = transaction_data(one), (one.id, one.energy_wh)
            count += tell(session, webhooks, Event.TRANSACTION_UPDATED, so_far, data, occurred_at=at, at=at)
            told.told_wh, told.told_at = one.energy_wh, at
    return count


def _statuses(session: Session, webhooks: Collection[Webhook], cursor: WebhookCursor, at: datetime) -> int:
    before, count = cursor.looked_at, 0
    rows = [x for x in fresh(session, cursor, StatusEvent.id, at) if x.received_at >= before - OVERLAP_S]
    ids = {x.charger_id for x in rows}
    names = {x.id: x for x in session.scalars(select(Charger).where(Charger.id.in_(ids)))}
    for one in rows:
        is_fault = one.status == ConnectorStatus.FAULTED
        event = Event.CHARGER_FAULTED if is_fault else CONNECTIONS.get(one.status)
        if event is None or one.charger_id not in names:
            continue
        data: dict[str, Any] = {"charger": names[one.charger_id].identity, "at": one.at}
        if is_fault:
            data |= {"evse": one.evse_number, "error_code": one.error_code, "info": one.info}
        count += tell(session, webhooks, event, (one.id,), data, occurred_at=one.received_at, at=at)
    return count


def _commands(session: Session, webhooks: Collection[Webhook], cursor: WebhookCursor, at: datetime) -> int:
    query = select(Command).where(
        Command.requested_at > at - LONGEST_COMMAND,
        Command.answered_at > cursor.looked_at - OVERLAP_S,
        Command.state.not_in((CommandState.QUEUED, CommandState.SENT)),
    )
    cursor.looked_at, count = at, 0
    if not any(Event.COMMAND_SETTLED.value in x.events for x in webhooks):
        return 0
    for one in session.scalars(query.options(joinedload(Command.charger)).order_by(Command.answered_at)):
        data = {
            "id": one.id,
            "charger": one.charger.identity,
            "kind": one.kind.value,
            "action": one.action,
            "state": one.state.value,
            "answer_status": one.answer_status,
            "detail": one.detail,
            "requested_by": one.requested_by,
            "requested_at": one.requested_at,
            "answered_at": one.answered_at,
        }
        moment, about = one.answered_at or at, (one.id, one.state.value)
        count += tell(session, webhooks, Event.COMMAND_SETTLED, about, data, occurred_at=moment, at=at)
    return count


def _records(session: Session, webhooks: Collection[Webhook], cursor: WebhookCursor, at: datetime) -> int:
    before, count = cursor.looked_at, 0
    for one in fresh(session, cursor, Cdr.id, at):
        if one.made_at >= before - OVERLAP_S and not one.body.get("is_past"):
            data, moment = cdr_data(one), one.made_at
            count += tell(session, webhooks, Event.CDR_CREATED, (one.id,), data, occurred_at=moment, at=at)
    return count


def _payments(session: Session, webhooks: Collection[Webhook], cursor: WebhookCursor, at: datetime) -> int:
    before, count = cursor.looked_at, 0
    steps = [x for x in fresh(session, cursor, PaymentEvent.id, at) if x.at >= before - OVERLAP_S]
    wanted = select(Payment).where(Payment.id.in_({x.payment_id for x in steps}))
    loaded = wanted.options(joinedload(Payment.charger), joinedload(Payment.connector))
    known = {x.id: x for x in session.scalars(loaded)}
    for step in steps:
        if event := PAYMENTS.get(step.what):
            data = payment_data(known[step.payment_id], step)
            count += tell(session, webhooks, event, (step.id,), data, occurred_at=step.at, at=at)
    return count


def payment_data(one: Payment, step: PaymentEvent) -> dict[str, Any]:
    """A payment after a step, as far as it has come when it is told."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "step": step.what,
        "step_cents": step.cents,
        "note": step.note,
        "state": one.state.value,
        "provider": one.provider,
        "provider_reference": one.intent,
        "charger": one.charger.identity if one.charger else None,
        "evse": one.connector.evse_number if one.connector else None,
        "transaction_id": one.transaction_id,
        "credited_account_id": one.credited_account_id,
        "held_cents": one.held_cents,
        "captured_cents": one.captured_cents,
        "refunded_cents": one.refunded_cents,
        "currency": one.currency,
    }


def transaction_data(one: Transaction) -> dict[str, Any]:
    """A transaction as receivers are told it: nothing by which a card could be used. Energy in Wh, power in W."""
    version = one.tariff_version
    return {
        "id": one.id,
        "charger": one.charger.identity,
        "evse": one.connector.evse_number if one.connector else None,
        "state": one.state.value,
        "account_id": one.account_id,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "stop_reason": one.stop_reason,
        "energy_wh": one.energy_wh,
        "power_w": one.power_w,
        "soc_percent": one.soc_percent,
        "cost_cents": one.cost_cents,
        "currency": version.currency if version else None,
    }


def cdr_data(one: Cdr) -> dict[str, Any]:
    """A charge record in short; all of it is at the API, under its uuid."""
    return {
        "uuid": one.uuid,
        "transaction_id": one.transaction_id,
        "credit_of": one.credit_of,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "energy_wh": one.energy_wh,
        "duration_s": one.duration_s,
        "total_cents": one.total_cents,
        "vat_cents": one.vat_cents,
        "currency": one.currency,
    }
