"""Keeps the registers of sessions: what has changed since (triggers note it) is added to them, again and again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, text
from sqlalchemy.orm import Session

from csms.domain import bulk
from csms.domain.bulk import Row
from csms.domain.reports import raw
from csms.domain.reports.lasting import BEFORE_1970_S, QUARTER_S
from csms.domain.reports.models import Counted, SessionChange, SessionMeter, SessionRegister
from csms.domain.reports.raw import SUMS

MOST_CHANGES = 400  # in one unit of work: chargers wait meanwhile
ONE_AT_A_TIME = 0x53554D53  # the advisory lock of PostgreSQL; SQLite has one writer anyway

Meter = tuple[Counted, int, bool, str]
METER = ("kind", "key", "is_simulated", "currency")

_PREVIOUS = "FROM session_register WHERE meter_id = :meter_id AND quarter"
_BEGIN = text(
    f"INSERT INTO session_register (meter_id, quarter, {', '.join(SUMS)}) "  # noqa: S608
    f"SELECT :meter_id, :quarter, {', '.join(f'coalesce(max({x}), 0)' for x in SUMS)} {_PREVIOUS} "
    f"= (SELECT max(quarter) {_PREVIOUS} < :quarter) ON CONFLICT DO NOTHING"
)
_ADD = text(
    f"UPDATE session_register SET {', '.join(f'{x} = {x} + :{x}' for x in SUMS)} "  # noqa: S608
    "WHERE meter_id = :meter_id AND quarter >= :quarter"
)

_CHANGED = (
    *(SessionChange.quarter, SessionChange.charger_id, SessionChange.account_id),
    *(SessionChange.is_simulated, SessionChange.currency),
    *(getattr(SessionChange, x) for x in SUMS),
)
_METERS = bulk.Reading(
    (
        SessionMeter.id,
        SessionMeter.kind,
        SessionMeter.key,
        SessionMeter.is_simulated,
        SessionMeter.currency,
    ),
    SessionMeter.key,
)


def quarter_of(moment: datetime) -> int:
    """The quarter of an hour in which a moment lies, counted from the year 0."""
    return (int(moment.timestamp() // 1) + BEFORE_1970_S) // QUARTER_S


def begin_of(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_S - BEFORE_1970_S, UTC)


def begins_quarter(moment: datetime) -> bool:
    """Do registers know this very moment?"""
    return moment.timestamp() % QUARTER_S == 0


def count_sessions(session: Session, at: datetime) -> int:
    """Add to the registers what has changed since. Returns how many changes. One process at a time."""
    del at
    if session.get_bind().dialect.name == "postgresql" and not session.scalar(
        select(func.pg_try_advisory_xact_lock(ONE_AT_A_TIME))
    ):
        return 0
    oldest = select(SessionChange.id).order_by(SessionChange.id).limit(MOST_CHANGES)
    taken = delete(SessionChange).where(SessionChange.id.in_(oldest)).returning(*_CHANGED)
    changes = session.execute(taken.execution_options(synchronize_session=False)).all()
    if changes:
        _add(session, changes)
    return len(changes)


def recount_sessions(session: Session) -> int:
    """Read all registers anew from the sessions, when something has gone wrong with them. Returns how many."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
        session.execute(
            text('LOCK TABLE "transaction" IN SHARE ROW EXCLUSIVE MODE')
        )  # nothing changes meanwhile
    for model in (SessionChange, SessionRegister, SessionMeter):
        session.execute(delete(model))
    for kind in Counted:
        counted = raw.counted(kind).subquery()
        meter = [counted.c[x] for x in METER]
        session.execute(insert(SessionMeter).from_select(METER, select(*meter).distinct()))
        whose = [getattr(SessionMeter, x) == counted.c[x] for x in METER]
        before = [
            func.sum(counted.c[x]).over(partition_by=SessionMeter.id, order_by=counted.c.quarter)
            for x in SUMS
        ]
        totals = select(SessionMeter.id, counted.c.quarter, *before).join_from(
            counted, SessionMeter, and_(*whose)
        )
        filled = insert(SessionRegister).from_select(("meter_id", "quarter", *SUMS), totals)
        session.execute(filled)
    return session.scalar(select(func.count()).select_from(SessionRegister)) or 0


def _add(session: Session, changes: Iterable[Sequence[Any]]) -> None:
    """Add `changes`, which give _CHANGED, to the registers of the fleet, their chargers and their drivers."""
    found: dict[tuple[Meter, int], list[int]] = {}
    for quarter, charger_id, account_id, is_simulated, currency, *sums in changes:
        for kind, key in (
            (Counted.FLEET, 0),
            (Counted.CHARGER, charger_id),
            (Counted.DRIVER, account_id),
        ):
            meter = (kind, key, is_simulated, currency)
            of = found.get((meter, quarter))
            found[meter, quarter] = sums if of is None else [a + b for a, b in zip(of, sums, strict=True)]
    ids = _ids_of(session, {meter for meter, _ in found})
    rows: list[Row] = [
        {"meter_id": ids[meter], "quarter": quarter, **dict(zip(SUMS, sums, strict=True))}
        for (meter, quarter), sums in sorted(found.items())
        if any(sums)
    ]
    if not rows:
        return
    connection = session.connection()
    connection.execute(_BEGIN, [{"meter_id": x["meter_id"], "quarter": x["quarter"]} for x in rows])
    connection.execute(_ADD, rows)


def _ids_of(session: Session, meters: set[Meter]) -> dict[Meter, int]:
    """The ids of meters; those that are new are made."""

    def known() -> dict[Meter, int]:
        rows = _METERS.rows(session, {key for _, key, _, _ in meters})
        return {(Counted(kind), key, bool(sim), currency): id for id, kind, key, sim, currency in rows}

    found = known()
    if missing := sorted(meters - found.keys()):
        new: list[Any] = [dict(zip(METER, x, strict=True)) for x in missing]
        bulk.insert_rows(session.connection(), SessionMeter.__table__, new, once=True)  # type: ignore[arg-type]
        found = known()
    return found
