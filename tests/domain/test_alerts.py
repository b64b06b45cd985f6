"""Alerts: raised once, held back in quiet hours, over when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from make import NOW, make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import alerts, sites
from csms.domain.alerts import Alert, AlertKind, AlertRule, Wish
from csms.domain.base import Invalid, Refused
from csms.domain.chargers import Charger, LinkLease
from csms.domain.sites import Details

UTC_ZONE = ZoneInfo("UTC")


def rule(session: Session, kind: AlertKind = AlertKind.OFFLINE, **more: object) -> AlertRule:
    made = alerts.add(session, Wish("Depot", kind, **more), by="olga", at=NOW)  # type: ignore[arg-type]
    store(session)
    return made


def leave(session: Session, charger: Charger, at: datetime) -> None:
    lease = session.get_one(LinkLease, charger.id)
    lease.online_until, lease.closed_at, lease.last_seen_at = None, at, at
    store(session)


def come(session: Session, charger: Charger, at: datetime) -> None:
    session.get_one(LinkLease, charger.id).online_until = at + timedelta(hours=10)
    store(session)


def titles(session: Session, at: datetime) -> tuple[list[str], list[str]]:
    """What is to be told now: (new, over). It is told."""
    alerts.look(session, at)
    store(session)
    new, over = alerts.to_tell(session, at, UTC_ZONE)
    for one in (*new, *over):
        alerts.note_told(one, at=at)
    found = [x.title for x in new], [x.title for x in over]
    store(session)
    return found


def test_a_charger_that_is_away_for_long_enough_is_told_once_and_so_is_its_return(desk: Session) -> None:
    charger = make_charger(desk, online=True)
    rule(desk, after_minutes=10)
    leave(desk, charger, NOW)
    assert titles(desk, NOW + timedelta(minutes=9)) == ([], [])
    assert titles(desk, NOW + timedelta(minutes=10)) == (["CP-1 cannot be reached"], [])
    assert titles(desk, NOW + timedelta(minutes=11)) == ([], [])
    back = NOW + timedelta(minutes=12)
    come(desk, charger, back)
    assert titles(desk, back) == ([], [])  # it may go again
    assert titles(desk, back + timedelta(minutes=3)) == ([], ["CP-1 cannot be reached"])
    assert titles(desk, back + timedelta(minutes=9)) == ([], [])


def test_what_comes_and_goes_is_one_alert(desk: Session) -> None:
    charger = make_charger(desk, online=True)
    rule(desk)
    at = NOW
    leave(desk, charger, at)
    assert titles(desk, at) == (["CP-1 cannot be reached"], [])
    for _ in range(3):
        at += timedelta(minutes=1)
        come(desk, charger, at)
        assert titles(desk, at) == ([], [])
        at += timedelta(minutes=1)
        leave(desk, charger, at)
        assert titles(desk, at) == ([], [])
    assert len(desk.scalars(select(Alert)).all()) == 1


def test_quiet_hours_hold_it_back_and_what_is_over_meanwhile_is_never_told(desk: Session) -> None:
    first, second = (make_charger(desk, x, online=True) for x in ("CP-1", "CP-2"))
    rule(desk, quiet_from=9 * 60, quiet_until=10 * 60)  # it is 09:26
    leave(desk, first, NOW)
    leave(desk, second, NOW)
    assert titles(desk, NOW) == ([], [])
    come(desk, second, NOW + timedelta(minutes=5))
    assert titles(desk, NOW + timedelta(minutes=6)) == ([], [])
    assert titles(desk, NOW + timedelta(minutes=40)) == (["CP-1 cannot be reached"], [])


def test_a_rule_of_a_site_says_nothing_of_others(desk: Session) -> None:
    site = sites.add(desk, Details("Depot"), at=NOW)
    desk.flush()
    here = make_charger(desk, "CP-1", online=True, site_id=site.id)
    there = make_charger(desk, "CP-2", online=True)
    rule(desk, site_id=site.id)
    leave(desk, here, NOW)
    leave(desk, there, NOW)
    assert titles(desk, NOW) == (["CP-1 cannot be reached"], [])


def test_every_kind_can_be_looked_for_where_there_is_nothing(desk: Session) -> None:
    for kind in AlertKind:
        rule(desk, kind)
    assert titles(desk, NOW) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mail_to": ("nobody",)}, "mail_to"),
        ({"quiet_from": 60}, "quiet_until"),
        ({"after_minutes": -1}, "after_minutes"),
        ({"threshold": 0}, "threshold"),
    ],
)
def test_what_is_no_rule_is_refused(desk: Session, wrong: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        rule(desk, **wrong)
    assert refused.value.field == field


def lasting(session: Session, at: datetime) -> tuple[Charger, Alert]:
    """A charger that is away, of which somebody has been told."""
    charger = make_charger(session, online=True)
    rule(session)
    leave(session, charger, at)
    assert titles(session, at) == (["CP-1 cannot be reached"], [])
    return charger, session.scalars(select(Alert)).one()


def test_what_is_put_off_is_told_again_if_it_still_lasts(desk: Session) -> None:
    _, alert = lasting(desk, NOW)
    alerts.snooze(desk, alert, until=NOW + timedelta(hours=8), at=NOW)
    store(desk)
    assert titles(desk, NOW + timedelta(hours=7)) == ([], [])
    assert titles(desk, NOW + timedelta(hours=8)) == (["CP-1 cannot be reached"], [])
    assert titles(desk, NOW + timedelta(hours=9)) == ([], [])


def test_the_end_of_what_was_put_off_is_told_as_ever_and_nothing_else(desk: Session) -> None:
    charger, alert = lasting(desk, NOW)
    alerts.snooze(desk, alert, until=NOW + timedelta(hours=8), at=NOW)
    alerts.acknowledge(desk, alert, by="olga", at=NOW)
    store(desk)
    come(desk, charger, NOW + timedelta(hours=1))
    assert titles(desk, NOW + timedelta(hours=1)) == ([], [])
    assert titles(desk, NOW + timedelta(hours=2)) == ([], ["CP-1 cannot be reached"])
    assert titles(desk, NOW + timedelta(hours=8)) == ([], [])
    with pytest.raises(Refused):
        alerts.snooze(desk, alert, until=NOW + timedelta(hours=9), at=NOW + timedelta(hours=8))


def test_what_is_woken_is_not_told_twice(desk: Session) -> None:
    _, alert = lasting(desk, NOW)
    alerts.snooze(desk, alert, until=NOW + timedelta(hours=8), at=NOW)
    alerts.snooze(desk, alert, until=None, at=NOW + timedelta(hours=1))
    store(desk)
    assert titles(desk, NOW + timedelta(hours=9)) == ([], [])
    for wrong in (NOW - timedelta(minutes=1), NOW + timedelta(days=8)):
        with pytest.raises(Invalid):
            alerts.snooze(desk, alert, until=wrong, at=NOW)
