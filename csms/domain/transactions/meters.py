"""What a charger's meters said, in and between its sessions: the history behind the page and the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from csms.domain.chargers import Charger, Connector
from csms.domain.transactions.models import Reading, Transaction, TransactionState

Sampled = Mapping[str, Any]


def history(
    charger_id: int,
    *,
    measurand: str | None = None,
    evse: int | None = None,
    transaction_id: int | None = None,
) -> Select[Reading]:
    """A charger's readings in no order, with `measurand` among their samples; `evse` 0: of its own meter."""
    query = select(Reading).where(Reading.charger_id == charger_id)
    if measurand:
        # As `keep_reading` writes it: samples are one JSON text, without spaces.
        query = query.where(
            Reading.samples.contains(f'"measurand":{orjson.dumps(measurand).decode()},', autoescape=True)
        )
    if evse == 0:
        query = query.where(Reading.connector_id.is_(None))
    elif evse is not None:
        its = select(Connector.id).where(Connector.charger_id == charger_id, Connector.evse_number == evse)
        query = query.where(Reading.connector_id.in_(its))
    if transaction_id is not None:
        query = query.where(Reading.transaction_id == transaction_id)
    return query


def newest(
    session: Session, wanted: Select[Reading], *, before_id: int | None = None, limit: int
) -> Sequence[Reading]:
    """The newest first; `before_id`: those that were measured before this one."""
    edge = session.get(Reading, before_id) if before_id is not None else None
    if edge is not None:
        wanted = wanted.where(tuple_(Reading.measured_at, Reading.id) < tuple_(edge.measured_at, edge.id))
    return session.scalars(wanted.order_by(Reading.measured_at.desc(), Reading.id.desc()).limit(limit)).all()


def samples(reading: Reading, measurand: str | None = None) -> list[dict[str, Any]]:
    """All that was sampled at the reading's moment, or what there is of one measurand."""
    found: list[dict[str, Any]] = orjson.loads(reading.samples)
    return [x for x in found if measurand is None or x.get("measurand") == measurand]


def measurands(session: Session, charger_id: int, *, latest: int = 50) -> list[str]:
    """What the charger's latest readings measure, by name."""
    rows = newest(session, history(charger_id), limit=latest)
    return sorted({str(x["measurand"]) for row in rows for x in samples(row)})


def last_by_charger(session: Session, charger_ids: Sequence[int]) -> dict[int, Reading]:
    """The newest reading of each charger, found by index."""
    query = (
        select(Reading.id)
        .where(Reading.charger_id == Charger.id)
        .order_by(Reading.measured_at.desc(), Reading.id.desc())
        .limit(1)
    )
    ids = select(query.correlate(Charger).scalar_subquery()).where(Charger.id.in_(charger_ids))
    return {x.charger_id: x for x in session.scalars(select(Reading).where(Reading.id.in_(ids)))}


def current_by_charger(session: Session, charger_ids: Sequence[int]) -> dict[int, Transaction]:
    """The transaction of each charger that tells most: the last begun of those that run, else the last of all."""
    last = (
        select(Transaction.id)
        .where(Transaction.charger_id == Charger.id)
        .order_by(Transaction.started_at.desc(), Transaction.id.desc())
        .limit(1)
    )
    running = last.where(Transaction.state == TransactionState.ACTIVE)
    for_each = select(running.correlate(Charger).scalar_subquery(), last.correlate(Charger).scalar_subquery())
    rows = session.execute(for_each.where(Charger.id.in_(charger_ids)))
    ids = [a or b for a, b in rows if a or b]
    return {x.charger_id: x for x in session.scalars(select(Transaction).where(Transaction.id.in_(ids)))}
