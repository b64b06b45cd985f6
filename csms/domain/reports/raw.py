"""What sessions brought, by adding them up one by one: what registers must come to, and what they cannot answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    and_,
    case,
    column,
    func,
    literal,
    literal_column,
    select,
    values,
)
from sqlalchemy.orm import InstrumentedAttribute

from csms.domain.base import UTCDateTime
from csms.domain.chargers import Charger
from csms.domain.reports.lasting import lasted_ms, quarter
from csms.domain.reports.models import Counted
from csms.domain.reports.wanted import NOBODY, Grouping, Period, Wanted
from csms.domain.tariffs import TariffVersion
from csms.domain.transactions import Transaction, TransactionState

SUMS = ("sessions", "charged", "energy_wh", "lasted_ms", "cents")
NOT_OVER = (
    TransactionState.ACTIVE,
    TransactionState.ORPHAN,
)  # told by what is not, or SQLite looks for states


def as_table(periods: Sequence[Period]) -> CTE:
    columns = (column("n", Integer), column("since", UTCDateTime), column("until", UTCDateTime))
    rows = [(n, begin, end) for n, (begin, end) in enumerate(periods)]
    return values(*columns, name="span").data(rows).cte("span")


def within(moment: InstrumentedAttribute[Any], wanted: Wanted, spans: CTE | None) -> ColumnElement[bool]:
    since, until = (wanted.since, wanted.until) if spans is None else (spans.c.since, spans.c.until)
    return and_(moment >= since, moment < until)


def sessions(wanted: Wanted, spans: CTE | None) -> Select[Any]:
    """Per group and currency (None: no price): how many sessions ended, how many gave energy, Wh, milliseconds, cents.

    The sums need no row but those of one index; whose currency it is is asked once a group.
    """
    groups: dict[Grouping, SQLColumnExpression[Any]] = {
        Grouping.SITE: func.coalesce(Charger.site_id, NOBODY),
        Grouping.CHARGER: Transaction.charger_id,
        Grouping.DRIVER: func.coalesce(Transaction.account_id, NOBODY),
    }
    key = groups[wanted.grouping] if spans is None else spans.c.n
    sums: list[Any] = [x.label(name) for name, x in _sums().items()]
    ended: Select[Any] = (
        select(key.label("key"), Transaction.tariff_version_id.label("version_id"), *sums)
        .select_from(Transaction if spans is None else spans)
        .where(within(Transaction.ended_at, wanted, spans), Transaction.state.not_in(NOT_OVER))
        .group_by(key, Transaction.tariff_version_id)
    )
    if spans is not None:
        ended = ended.join(Transaction, within(Transaction.ended_at, wanted, spans))
    if wanted.grouping is Grouping.SITE:
        ended = ended.join(Charger, Charger.id == Transaction.charger_id)
    found = _at(ended, Transaction.charger_id, wanted).subquery()
    return (
        select(found.c.key, TariffVersion.currency, *(func.sum(found.c[x.name]) for x in sums))
        .select_from(found)
        .outerjoin(TariffVersion, TariffVersion.id == found.c.version_id)
        .group_by(found.c.key, TariffVersion.currency)
    )


def _sums() -> dict[str, SQLColumnExpression[Any]]:
    has_lasted = Transaction.ended_at > Transaction.started_at
    lasted = lasted_ms(Transaction.started_at, Transaction.ended_at)
    found = (
        func.count(),
        func.sum(case((Transaction.energy_wh > 0, 1), else_=0)),
        func.coalesce(func.sum(Transaction.energy_wh), 0),
        func.sum(case((has_lasted, lasted), else_=0)),
        func.coalesce(func.sum(Transaction.cost_cents), 0),
    )
    return dict(zip(SUMS, found, strict=True))


def counted(kind: Counted) -> Select[Any]:
    """What the meters of a kind must have counted, of all sessions: the meter, its quarter, and SUMS."""
    keys: dict[Counted, SQLColumnExpression[int]] = {
        Counted.FLEET: literal(0),
        Counted.CHARGER: Transaction.charger_id,
        Counted.DRIVER: func.coalesce(Transaction.account_id, NOBODY),
    }
    of: tuple[Any, ...] = (
        literal_column(f"'{kind}'").label("kind"),
        keys[kind].label("key"),
        Charger.is_simulated.label("is_simulated"),
        func.coalesce(TariffVersion.currency, "").label("currency"),
        quarter(Transaction.ended_at).label("quarter"),
    )
    return (
        select(*of, *(x.label(name) for name, x in _sums().items()))
        .join(Charger, Charger.id == Transaction.charger_id)
        .outerjoin(TariffVersion, TariffVersion.id == Transaction.tariff_version_id)
        .where(Transaction.ended_at.is_not(None), Transaction.state.not_in(NOT_OVER))
        .group_by(literal_column("2"), literal_column("3"), literal_column("4"), literal_column("5"))
    )


def _at(query: Select[Any], charger_id: SQLColumnExpression[int], wanted: Wanted) -> Select[Any]:
    """What happened at the chargers that are meant."""
    if not wanted.is_simulated:
        query = query.where(charger_id.not_in(select(Charger.id).where(Charger.is_simulated.is_(True))))
    if wanted.site_ids is None:
        return query
    return query.where(charger_id.in_(select(Charger.id).where(Charger.site_id.in_(wanted.site_ids))))
