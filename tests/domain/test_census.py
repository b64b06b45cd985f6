"""How many chargers there are of each kind, and that a list of them has as many."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from csms.domain.chargers import Admission, ConnectorStatus
from csms.domain.chargers.census import OFFLINE, census
from csms.domain.chargers.filtering import Filter, Show, number
from tests.make import NOW, make_charger

AVAILABLE, CHARGING, FAULTED, PREPARING, WAITING = (
    *(ConnectorStatus.AVAILABLE, ConnectorStatus.CHARGING, ConnectorStatus.FAULTED),
    *(ConnectorStatus.PREPARING, ConnectorStatus.SUSPENDED_EV),
)


def stand(session: Session, identity: str, *statuses: ConnectorStatus, **more: object) -> None:
    charger = make_charger(session, identity, connectors=len(statuses), **{"online": True} | more)
    for connector, status in zip(charger.connectors, statuses, strict=True):
        connector.status = status


@pytest.fixture
def fleet(session: Session) -> Session:
    stand(session, "BUSY-1", CHARGING, AVAILABLE)
    stand(session, "BUSY-2", AVAILABLE, CHARGING)
    stand(session, "BUSY-3", CHARGING, WAITING, name="At the gate")
    stand(session, "BROKEN", FAULTED, PREPARING)
    stand(session, "BARE")
    stand(session, "GONE", CHARGING, AVAILABLE, online=False)
    stand(session, "NEW", AVAILABLE, admission=Admission.PENDING)
    stand(session, "SENT-AWAY", AVAILABLE, admission=Admission.REJECTED)
    session.flush()
    return session


def test_a_charger_is_counted_once_in_each_state_that_one_of_its_connectors_has(fleet: Session) -> None:
    counted = census(fleet, at=NOW)
    assert counted.chargers == {
        Show.ALL: 7,
        Show.CHARGING: 3,
        Show.AVAILABLE: 2,
        Show.FAULTED: 1,
        Show.OFFLINE: 1,
        Show.PENDING: 1,
        Show.REJECTED: 1,
    }
    assert counted.connectors == {AVAILABLE: 2, CHARGING: 3, WAITING: 1, FAULTED: 1, PREPARING: 1, OFFLINE: 2}


@pytest.mark.parametrize(
    "wanted", [{}, {"words": "busy"}, {"words": "gate"}, {"is_online": False}, {"words": "nobody"}]
)
def test_there_are_as_many_of_each_state_as_the_list_of_them_has(fleet: Session, wanted: dict) -> None:
    counted = census(fleet, at=NOW, wanted=Filter(**wanted)).chargers
    assert {x: counted[x] for x in Show} == {x: number(fleet, Filter(x, **wanted), at=NOW) for x in Show}


def test_where_there_are_no_chargers_nothing_is_counted(session: Session) -> None:
    counted = census(session, at=NOW)
    assert (counted.chargers.total(), counted.connectors.total()) == (0, 0)
