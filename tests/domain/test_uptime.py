"""The fleet's uptime: of all together, of the worst, and of each, asked of the same registers."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.chargers import Connector
from csms.domain.reports import UptimeRegister, fleet, fleet_uptime, uptime
from tests.make import NOW, make_charger

DAY = timedelta(days=1)
TODAY = NOW.date()
SINCE = TODAY - 30 * DAY

# From how many days ago until how many days ago there is a register each day, and the seconds out of each day.
ALL_THE_TIME, YOUNG, LATE, LONG_GONE, SIMULATED, OF_YESTERDAY = (
    (60, 1, 864),
    (5, 1, 0),
    (60, 2, 8_640),
    (60, 31, 86_400),
    (60, 1, 43_200),
    (1, 1, 21_600),
)


def keep(session: Session, first: int, last: int, outage_s: int, *, is_simulated: bool = False) -> Connector:
    charger = make_charger(session, f"CP-{first}-{last}-{outage_s}", is_simulated=is_simulated)
    connector = session.scalars(select(Connector).where(Connector.charger_id == charger.id)).one()
    for number, ago in enumerate(range(first, last - 1, -1), 1):
        session.add(
            UptimeRegister(
                connector_id=connector.id,
                day=TODAY - ago * DAY,
                known_total_s=86_400 * number,
                outage_total_s=outage_s * number,
                excluded_total_s=0,
            )
        )
    session.flush()
    return connector


def test_what_all_come_to_is_what_each_comes_to(session: Session) -> None:
    for days in (ALL_THE_TIME, YOUNG, LATE, LONG_GONE, OF_YESTERDAY):
        keep(session, *days)
    keep(session, *SIMULATED, is_simulated=True)
    shares = fleet_uptime(session, SINCE, TODAY)
    known_s = (30 + 5 + 29 + 1) * 86_400
    outage_s = 30 * 864 + 29 * 8_640 + 21_600
    assert (sum(x.known_s for x in shares), sum(x.outage_s for x in shares)) == (known_s, outage_s)
    whole = session.execute(uptime.days_of_all(SINCE, TODAY)).one()
    assert uptime.share_of(whole) == (known_s - outage_s) / known_s
    found = fleet(session, SINCE, TODAY, most=2)
    assert (found.count, found.uptime) == (4, uptime.share_of(whole))
    assert [(x.charger_id, x.outage_s) for x in found.worst] == [
        (x.charger_id, x.outage_s) for x in shares[:2]
    ]


def test_where_every_day_is_reckoned_it_is_the_same(session: Session) -> None:
    for days in (ALL_THE_TIME, OF_YESTERDAY):
        keep(session, *days)
    whole = session.execute(uptime.days_of_all(SINCE, TODAY)).one()
    assert [int(x) for x in whole] == [31 * 86_400, 30 * 864 + 21_600, 0]


def test_where_nothing_is_known_there_is_no_share(session: Session) -> None:
    keep(session, *LONG_GONE)
    assert uptime.share_of(session.execute(uptime.days_of_all(SINCE, TODAY)).one()) is None
    found = fleet(session, SINCE, TODAY, most=2)
    assert (found.worst, found.count, found.uptime) == ([], 0, None)
