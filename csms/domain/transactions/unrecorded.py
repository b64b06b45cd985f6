"""Sessions that are over without a charge record: they wait for a person, or are older than the first record."""

import enum
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain import cdrs
from csms.domain.cdrs import Cdr
from csms.domain.transactions import billing
from csms.domain.transactions.models import Serial, Transaction, TransactionState

MARK = "records"  # how far sessions of before have got theirs; there is none when all have
MOST_LOOKED_AT, MOST_MADE = 1_000, 20  # at a time: in a process with SQLite the event loop waits for it


class Wait(enum.StrEnum):
    """What a person must decide before a session that is over can have its charge record."""

    ESTIMATE = "estimate"  # to bill it at an estimate, or to waive it
    NO_ENERGY = "no_energy"  # nobody knows its energy: to waive it
    NO_SESSION = "no_session"  # a stop or readings: whose they are


def is_unrecorded() -> ColumnElement[bool]:
    """Is it over, and neither billed nor set aside? The first two conditions are those of its index."""
    return and_(
        Transaction.cost_cents.is_(None),
        Transaction.reviewed_at.is_(None),
        Transaction.state != TransactionState.ACTIVE,
    )


def waiting() -> Select[Transaction]:
    """What is over and has no charge record until a person decides."""
    query = select(Transaction).where(is_unrecorded())
    return query.options(joinedload(Transaction.charger), joinedload(Transaction.connector))


def count_waiting(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Transaction).where(is_unrecorded())) or 0


def wait_of(transaction: Transaction) -> Wait:
    """Why such a session waits."""
    if transaction.state is TransactionState.ORPHAN:
        return Wait.NO_SESSION
    return Wait.NO_ENERGY if transaction.energy_wh is None else Wait.ESTIMATE


def looked_at(session: Session) -> int | None:
    """Sessions up to this id have their records, even those of before there were any; None: all have."""
    return session.scalar(select(Serial.last).where(Serial.name == MARK))


def record_past(session: Session, at: datetime) -> int:
    """Make records for sessions of before there were any, a portion at a time. Returns how many."""
    begin = looked_at(session)
    if begin is None:
        return 0
    ids = session.scalars(
        select(Transaction.id).where(Transaction.id > begin).order_by(Transaction.id).limit(MOST_LOOKED_AT)
    ).all()
    missing = _missing(session, ids)
    end = missing[-1] if len(missing) == MOST_MADE else ids[-1] if ids else begin
    if not _claim(session, begin, end, is_last=not ids):
        return 0
    found = _still_missing(session, missing)
    cdrs.preload(session, {x.charger_id for x in found})
    for one in found:
        billing.put_on_record(session, one, billing.terms_of(one), at=at, is_past=True)
    return len(found)


def _missing(session: Session, ids: Sequence[int]) -> Sequence[int]:
    has_record = exists().where(Cdr.transaction_id == Transaction.id)
    query = select(Transaction.id).where(
        Transaction.id.in_(ids), Transaction.cost_cents.is_not(None), ~has_record
    )
    return session.scalars(query.order_by(Transaction.id).limit(MOST_MADE)).all()


def _claim(session: Session, begin: int, end: int, *, is_last: bool) -> bool:
    """True for the one process that makes these."""
    mine = (Serial.name == MARK, Serial.last == begin)
    row = delete(Serial).where(*mine) if is_last else update(Serial).where(*mine).values(last=end)
    return session.execute(row).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _still_missing(session: Session, ids: Sequence[int]) -> list[Transaction]:
    """Those that nobody else, such as a refund, has given a record meanwhile, and nobody does until this is over."""
    query = select(Transaction).where(Transaction.id.in_(ids)).order_by(Transaction.id).with_for_update()
    locked = session.scalars(query.execution_options(populate_existing=True)).all()
    recorded = set(session.scalars(select(Cdr.transaction_id).where(Cdr.transaction_id.in_(ids))))
    return [x for x in locked if x.cost_cents is not None and x.id not in recorded]
