"""What sessions brought in a period, from the registers: as with a meter, the difference of what it showed.

A few lookups for each meter, however many sessions there were. What is not yet counted is added, in the same query:
so figures are never old, whatever another process counts meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    FromClause,
    Select,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    column,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from csms.domain.chargers import Charger
from csms.domain.reports.counting import begins_quarter, quarter_of
from csms.domain.reports.models import Counted, SessionChange, SessionMeter, SessionRegister
from csms.domain.reports.raw import SUMS
from csms.domain.reports.wanted import NOBODY, TIMES, Grouping, Period, Wanted

IN_ALL = 0  # the key of what has no line of its own
NOTHING = (0,) * len(SUMS)


def can_tell(wanted: Wanted, periods: Sequence[Period]) -> bool:
    """Not what drivers brought at some sites alone, nor what begins or ends within a quarter of an hour."""
    if wanted.grouping is Grouping.DRIVER and wanted.site_ids is not None:
        return False
    return all(begins_quarter(x) for x in (periods[0][0], *(end for _, end in periods)))


def leading(session: Session, wanted: Wanted, periods: Sequence[Period], most: int) -> Sequence[int] | None:
    """The keys of those chargers or drivers that gave or took the most energy; None where no more than `most` did."""
    if wanted.grouping not in (Grouping.CHARGER, Grouping.DRIVER) or wanted.site_ids is not None:
        return None
    gained = func.coalesce(_energy_before("until"), 0) - func.coalesce(_energy_before("since"), 0)
    meters = select(SessionMeter.key, gained.label("energy_wh")).where(SessionMeter.kind == _kind_of(wanted))
    changes = _between(select(_whose(wanted), SessionChange.energy_wh))
    each = union_all(
        _real(meters, SessionMeter.is_simulated, wanted), _real(changes, SessionChange.is_simulated, wanted)
    ).subquery()
    energy_wh = func.sum(each.c.energy_wh)
    query = select(each.c.key).group_by(each.c.key).having(energy_wh > 0)
    query = query.order_by(energy_wh.desc(), each.c.key).limit(most + 1)
    bounds = [quarter_of(periods[0][0]), quarter_of(periods[-1][1])]
    keys = session.scalars(query, _given(bounds)).all()
    return keys[:most] if len(keys) > most else None


def sessions(
    session: Session, wanted: Wanted, periods: Sequence[Period], keys: Sequence[int] | None = None
) -> Iterator[tuple[Any, ...]]:
    """(key, currency, *SUMS) as `raw.sessions` has them. Groups in which nothing has ended are left out.

    `keys`: of these chargers or drivers alone.
    """
    bounds = [quarter_of(periods[0][0]), *(quarter_of(end) for _, end in periods)]
    found: dict[tuple[int, str], list[int]]
    if wanted.grouping in TIMES:
        engine = session.get_bind().dialect.name
        query = union_all(_shown(wanted, engine), _uncounted(wanted, SessionChange.quarter))
        rows = session.execute(query, _given(bounds, engine))
        found = _by_period(rows, bounds)
    else:
        query = union_all(_differences(wanted, keys), _uncounted(wanted, literal(IN_ALL), keys))
        rows = session.execute(query, _given(bounds))
        found = {}
        for _, _, key, currency, *sums in rows:
            if (key, currency) in found:
                _count(found[key, currency], sums)
            else:
                found[key, currency] = sums
    return ((key, currency or None, *sums) for (key, currency), sums in found.items() if any(sums))


def _given(bounds: Sequence[int], engine: str | None = None) -> dict[str, Any]:
    given: dict[str, Any] = {"since": bounds[0], "until": bounds[-1]}
    if engine is not None:
        given["bounds"] = list(bounds) if engine == "postgresql" else orjson.dumps(bounds).decode()
    return given


def _by_period(rows: Any, bounds: Sequence[int]) -> dict[tuple[int, str], list[int]]:
    """Sums by (number of the period, currency), of what meters showed at each bound, and of what is uncounted."""
    found: dict[tuple[int, str], list[int]] = defaultdict(lambda: list(NOTHING))
    shown: dict[tuple[int, str], list[int]] = defaultdict(lambda: list(NOTHING))
    for is_shown, quarter, _, currency, *sums in rows:
        if is_shown:
            _count(shown[quarter, currency], sums)
        else:
            _count(found[bisect_right(bounds, quarter) - 1, currency], sums)
    for currency in {x for _, x in shown}:
        for n, (since, until) in enumerate(pairwise(bounds)):
            before = shown.get((since, currency), NOTHING)
            after = shown.get((until, currency), NOTHING)
            _count(found[n, currency], [b - a for a, b in zip(before, after, strict=True)])
    return found


def _count(total: list[int], sums: Sequence[Any]) -> None:
    total[:] = [a + int(b) for a, b in zip(total, sums, strict=True)]


def _shown(wanted: Wanted, engine: str) -> Select[Any]:
    """What meters showed at each of many bounds, in each currency: (1, bound, IN_ALL, currency, *SUMS)."""
    bounds = _bounds(engine)
    last = _newest_before(bounds.c.value)
    query: Select[Any] = (
        select(
            literal(1),
            bounds.c.value,
            literal(IN_ALL),
            SessionMeter.currency,
            *(func.sum(getattr(SessionRegister, x)) for x in SUMS),
        )
        .select_from(bounds)
        .join(SessionMeter, true())
        .join(
            SessionRegister,
            and_(SessionRegister.meter_id == SessionMeter.id, SessionRegister.quarter == last),
        )
        .group_by(bounds.c.value, SessionMeter.currency)
    )
    if wanted.site_ids is None:
        return _real(query.where(SessionMeter.kind == Counted.FLEET), SessionMeter.is_simulated, wanted)
    query = query.where(SessionMeter.kind == Counted.CHARGER)
    return _real(_at(query, SessionMeter.key, wanted), SessionMeter.is_simulated, wanted)


def _bounds(engine: str) -> FromClause:
    value = column("value", BigInteger)
    if engine == "postgresql":
        given = func.unnest(bindparam("bounds", type_=ARRAY(BigInteger)))
        return given.table_valued(value, name="bound").render_derived()
    return func.json_each(bindparam("bounds", type_=String)).table_valued(value, name="bound")


def _kind_of(wanted: Wanted) -> Counted:
    return Counted.DRIVER if wanted.grouping is Grouping.DRIVER else Counted.CHARGER


def _whose(wanted: Wanted) -> Any:
    return SessionChange.account_id if wanted.grouping is Grouping.DRIVER else SessionChange.charger_id


def _between(changes: Select[Any]) -> Select[Any]:
    return changes.where(
        SessionChange.quarter >= bindparam("since", type_=BigInteger),
        SessionChange.quarter < bindparam("until", type_=BigInteger),
    )


def _energy_before(bound: str) -> Any:
    """What a meter showed: one lookup, where `_newest_before` and the register it names are two."""
    older = aliased(SessionRegister)
    newest = select(older.energy_wh).where(
        older.meter_id == SessionMeter.id, older.quarter < bindparam(bound, type_=BigInteger)
    )
    return newest.order_by(older.quarter.desc()).limit(1).correlate_except(older).scalar_subquery()


def _newest_before(quarter: SQLColumnExpression[int]) -> Any:
    """The newest register of a meter before a quarter: which one it is."""
    older = aliased(SessionRegister)
    newest = select(func.max(older.quarter)).where(older.meter_id == SessionMeter.id, older.quarter < quarter)
    return newest.correlate_except(older).scalar_subquery()


def _differences(wanted: Wanted, keys: Sequence[int] | None) -> Select[Any]:
    """What meters have counted from :since to before :until: (1, IN_ALL, key, currency, *SUMS).

    Which registers they are is settled first, or planners walk through all that there are.
    """
    meters: Select[Any] = select(
        SessionMeter.id,
        _key_of(wanted, SessionMeter.key).label("key"),
        SessionMeter.currency,
        _newest_before(bindparam("until", type_=BigInteger)).label("last"),
        _newest_before(bindparam("since", type_=BigInteger)).label("first"),
    ).where(SessionMeter.kind == _kind_of(wanted))
    if keys is not None:
        meters = meters.where(SessionMeter.key.in_(keys))
    meters = _placed(_real(meters, SessionMeter.is_simulated, wanted), SessionMeter.key, wanted)
    found = meters.cte("found").prefix_with("MATERIALIZED")
    last, first = aliased(SessionRegister), aliased(SessionRegister)
    sums = (func.sum(getattr(last, x) - func.coalesce(getattr(first, x), 0)) for x in SUMS)
    return (
        select(literal(1), literal(IN_ALL), found.c.key, found.c.currency, *sums)
        .select_from(found)
        .join(last, and_(last.meter_id == found.c.id, last.quarter == found.c.last))
        .outerjoin(first, and_(first.meter_id == found.c.id, first.quarter == found.c.first))
        .where(found.c.first.is_(None) | (found.c.last > found.c.first))
        .group_by(found.c.key, found.c.currency)
    )


def _uncounted(
    wanted: Wanted, quarter: SQLColumnExpression[int], keys: Sequence[int] | None = None
) -> Select[Any]:
    """What has changed and is in no register yet: (0, quarter, key, currency, *SUMS)."""
    whose = _whose(wanted)
    by_time = wanted.grouping in TIMES
    key = literal(IN_ALL) if by_time else _key_of(wanted, whose)
    query: Select[Any] = select(
        literal(0),
        quarter,
        key,
        SessionChange.currency,
        *(func.sum(getattr(SessionChange, x)) for x in SUMS),
    )
    query = _between(query if keys is None else query.where(whose.in_(keys)))
    query = _placed(_real(query, SessionChange.is_simulated, wanted), SessionChange.charger_id, wanted)
    return query.group_by(quarter if by_time else key, SessionChange.currency)


def _key_of(wanted: Wanted, whose: SQLColumnExpression[int]) -> SQLColumnExpression[int]:
    return func.coalesce(Charger.site_id, NOBODY) if wanted.grouping is Grouping.SITE else whose


def _placed(query: Select[Any], charger_id: SQLColumnExpression[int], wanted: Wanted) -> Select[Any]:
    """Chargers stand where they stand now."""
    if wanted.grouping is Grouping.SITE:
        query = query.join(Charger, Charger.id == charger_id)
    return query if wanted.site_ids is None else _at(query, charger_id, wanted)


def _at(query: Select[Any], charger_id: SQLColumnExpression[int], wanted: Wanted) -> Select[Any]:
    return query.where(charger_id.in_(select(Charger.id).where(Charger.site_id.in_(wanted.site_ids or ()))))


def _real(query: Select[Any], is_simulated: Any, wanted: Wanted) -> Select[Any]:
    return query if wanted.is_simulated else query.where(is_simulated.is_(False))
