"""The life of a batch: begun, asked charger by charger, cancelled for the rest, repeated for those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import local_lists
from csms.domain.base import Invalid, Refused, announce, printable, take_due
from csms.domain.batches import queries
from csms.domain.batches.models import Batch, BatchState, Item, ItemState
from csms.domain.batches.orders import Order
from csms.domain.batches.planning import MOST, Busy, Plan, Turn, busy, is_busy, plan
from csms.domain.chargers import Candidate, Charger
from csms.domain.commands import Kind, new_id
from csms.domain.commands import request as command
from csms.sentences import told

FASTEST = 3000  # orders a minute
AT_ONCE = 50  # a second, where nobody asked for a pace: no fleet answers all in the same moment
TOPIC = "batches"


def begin(
    session: Session,
    chargers: Sequence[Charger | Candidate],
    order: Order,
    *,
    per_minute: int | None,
    by: str | None,
    at: datetime,
    source_id: str | None = None,
) -> Batch:
    """Keep who is to be asked and who is left out; `advance` asks. Raises Invalid, or Refused when nobody would be."""
    if per_minute is not None and not 0 < per_minute <= FASTEST:
        raise Invalid("Between 1 and %(fastest)s a minute.", "per_minute", fastest=FASTEST)
    if len(chargers) > MOST:
        raise Invalid("At most %(most)s chargers at once: narrow the list.", "chargers", most=MOST)
    planned = plan(session, chargers, order, at=at)
    if not planned.turns:
        raise Refused("Nobody would be asked: every charger is left out.")
    batch = Batch(
        id=new_id(at),
        kind=order.kind,
        arguments=dict(order.arguments),
        includes_busy=order.includes_busy,
        per_minute=per_minute,
        state=BatchState.RUNNING,
        next_at=at,
        source_id=source_id,
        requested_by=by,
        requested_at=at,
    )
    session.add(batch)
    session.flush()
    session.add_all(_items(batch, planned))
    session.flush()
    announce(session, batch.topic, TOPIC)
    return batch


def expect(
    session: Session, chargers: Sequence[Charger | Candidate], order: Order, count: int, *, at: datetime
) -> None:
    """Raises Refused unless so many chargers would be asked now: somebody has counted them, and means these."""
    meant = plan(session, chargers, order, at=at).chargers
    if meant != count:
        raise Refused("%(meant)s chargers would be asked now, and not %(count)s.", meant=meant, count=count)


def _items(batch: Batch, planned: Plan) -> list[Item]:
    asked = [
        Item(batch_id=batch.id, charger_id=x.charger.id, evse=x.evse, state=ItemState.WAITING)
        for x in planned.turns
    ]
    return asked + [
        Item(
            batch_id=batch.id,
            charger_id=x.charger.id,
            state=ItemState.SKIPPED,
            detail=printable(x.words, 255),
        )
        for x in planned.skips
    ]


def advance(session: Session, at: datetime) -> int:
    """Ask the next chargers of every batch that is due; how many. A job."""
    due = select(Batch).where(Batch.state == BatchState.RUNNING, Batch.next_at <= at)
    count = 0
    for batch in session.scalars(due.order_by(Batch.id)).all():
        most, pause = pace(batch.per_minute)
        if take_due(session, batch, Batch.next_at, at + pause) and batch.state is BatchState.RUNNING:
            count += _ask_some(session, batch, most, at)
    return count


def pace(per_minute: int | None) -> tuple[int, timedelta]:
    """(how many are asked at once, the time to the next ones)."""
    if per_minute is None:
        return AT_ONCE, timedelta(seconds=1)
    if per_minute <= 60:
        return 1, timedelta(minutes=1) / per_minute
    at_once = -(-per_minute // 60)
    return at_once, timedelta(minutes=1) * at_once / per_minute


def _ask_some(session: Session, batch: Batch, most: int, at: datetime) -> int:
    waiting = session.scalars(
        select(Item)
        .where(Item.batch_id == batch.id, Item.state == ItemState.WAITING)
        .options(joinedload(Item.charger).joinedload(Charger.lease))
        .order_by(Item.id)
        .limit(most + 1)
    ).all()
    turns = waiting[:most]
    occupied = busy(session, [x.charger_id for x in turns]) if order_of(batch).interrupts else {}
    for item in turns:
        _ask(session, batch, item, occupied, at)
    if len(waiting) <= most:
        batch.state, batch.next_at, batch.finished_at = BatchState.DONE, None, at
    session.flush()
    announce(session, batch.topic, TOPIC)
    return len(turns)


def _ask(session: Session, batch: Batch, item: Item, occupied: Busy, at: datetime) -> None:
    order = order_of(batch)
    if not order.includes_busy and is_busy(Turn(item.charger, item.evse), order, occupied):
        item.state, item.detail = ItemState.SKIPPED, told("Somebody has begun to charge there.")
        return
    try:
        if batch.kind is Kind.SEND_LOCAL_LIST:
            is_full = bool(batch.arguments["is_full"])
            local_lists.send(session, item.charger, by=batch.requested_by or "", at=at, is_full=is_full)
        else:
            given = batch.arguments | ({"evse": item.evse} if item.evse is not None else {})
            item.command_id = command(
                session, item.charger, batch.kind, given, by=batch.requested_by, at=at
            ).id
    except Refused as error:
        lease = item.charger.lease
        is_gone = lease is None or not lease.is_online(at)
        item.state = ItemState.OFFLINE if is_gone else ItemState.SKIPPED
        item.detail = printable(str(error), 255)
    else:
        item.state = ItemState.ASKED


def order_of(batch: Batch) -> Order:
    """What it asks."""
    return Order(batch.kind, batch.arguments, batch.includes_busy)


def cancel(session: Session, batch: Batch, *, at: datetime) -> int:
    """Ask nobody else; how many are spared. Raises Refused when all have been asked."""
    stopped = session.execute(
        update(Batch)
        .where(Batch.id == batch.id, Batch.state == BatchState.RUNNING)
        .values(state=BatchState.CANCELLED, next_at=None, finished_at=at)
        .execution_options(synchronize_session=False)
    )
    if stopped.rowcount != 1:  # type: ignore[attr-defined]
        raise Refused("All of them have been asked already.")
    spared = session.execute(
        update(Item)
        .where(Item.batch_id == batch.id, Item.state == ItemState.WAITING)
        .values(state=ItemState.CANCELLED, detail=told("Cancelled before it was asked."))
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    announce(session, batch.topic, TOPIC)
    return int(spared.rowcount)  # type: ignore[attr-defined]


def retry(session: Session, batch: Batch, *, by: str | None, at: datetime) -> Batch:
    """The same to those at which it came to nothing, as a batch of its own. Raises Refused where there is none."""
    failed = queries.failed(session, batch)
    if not failed:
        raise Refused("Nothing has failed.")
    chargers = session.scalars(
        select(Charger)
        .where(Charger.id.in_(failed))
        .options(joinedload(Charger.lease), selectinload(Charger.connectors))
        .order_by(Charger.id)
    ).all()
    return begin(
        session,
        chargers,
        order_of(batch),
        per_minute=batch.per_minute,
        by=by,
        at=at,
        source_id=batch.id,
    )
