"""One order to many chargers, by the API."""

from __future__ import annotations

import pytest
from make import make_charger, store
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import batches, sites
from tests.api.caller import Api, begin

PATH = "/command-batches"
PING = {"kind": "trigger", "arguments": {"message": "Heartbeat"}}


@pytest.fixture
def fleet(session: Session) -> None:
    begin(session)
    at = clock.now()
    garage = sites.add(session, sites.Details(name="Garage"), at=at)
    for number in (1, 2):
        make_charger(session, f"CP-{number}", at=at, online=True, site_id=garage.id, model="M1")
    make_charger(session, "CP-3", at=at, online=True, model="M2")
    make_charger(session, "GONE", at=at, site_id=garage.id)
    store(session)


def _turn(session: Session) -> None:
    begin(session)
    batches.advance(session, clock.now())
    store(session)


def test_a_batch_goes_to_whom_the_filter_lets_through(fleet: None, session: Session, owner: Api) -> None:
    asked = owner.post(PATH, PING | {"filter": {"site": ["Garage"]}, "per_minute": 60})
    assert asked.status_code == 202
    here = asked.headers["Location"].removeprefix("/api/v1")
    assert owner.get(here).json["outcomes"] == {"waiting": 2, "skipped": 1}
    _turn(session)
    told = owner.get(here).json
    assert told["outcomes"] == {"waiting": 1, "queued": 1, "skipped": 1}
    assert told["requested_by"] == "owner"
    first = owner.get(f"{here}/turns?limit=1").json
    second = owner.get(f"{here}/turns?limit=1&cursor={first['next_cursor']}").json
    assert (first["data"][0]["charger"], second["data"][0]["charger"]) == ("CP-1", "CP-2")
    assert owner.get(f"/commands/{first['data'][0]['command_id']}").json["charger"] == "CP-1"
    skipped = owner.get(f"{here}/turns?outcome=skipped").json["data"]
    assert [(x["charger"], x["detail"]) for x in skipped] == [("GONE", "It is offline.")]
    assert [x["id"] for x in owner.get(PATH).json["data"]] == [told["id"]]


def test_a_rehearsal_tells_and_asks_nothing(fleet: None, owner: Api) -> None:
    told = owner.post(PATH, PING | {"chargers": ["cp-3", "GONE"], "is_rehearsal": True})
    assert told.status_code == 200
    assert told.json["chargers"] == ["CP-3"]
    assert [(x["charger"], x["reason"]) for x in told.json["skipped"]] == [("GONE", "offline")]
    assert owner.get(PATH).json["data"] == []


def test_others_than_expected_are_not_asked(fleet: None, owner: Api) -> None:
    order = PING | {"filter": {"model": ["M1", "M2"]}}
    refused = owner.post(PATH, order | {"expected": 2})
    assert refused.status_code == 409
    assert "3 chargers would be asked" in refused.json["detail"]
    assert owner.post(PATH, order | {"expected": 3}).status_code == 202


def test_it_is_cancelled_and_repeated(fleet: None, session: Session, owner: Api) -> None:
    order = PING | {"chargers": ["CP-1", "CP-2", "GONE"], "per_minute": 1}
    here = owner.post(PATH, order).headers["Location"].removeprefix("/api/v1")
    _turn(session)
    cancelled = owner.post(f"{here}/cancel")
    assert cancelled.json["outcomes"] == {"queued": 1, "cancelled": 1, "skipped": 1}
    assert owner.post(f"{here}/cancel").status_code == 409
    again = owner.post(f"{here}/retry")
    assert again.status_code == 409  # GONE alone has failed, and is offline still
    assert "Nobody would be asked" in again.json["detail"]


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (PING, 422),
        (PING | {"chargers": ["CP-1"], "filter": {}}, 422),
        (PING | {"chargers": ["NOBODY"]}, 404),
        (PING | {"chargers": ["GONE"]}, 409),
        (PING | {"filter": {"site": ["Nowhere"]}}, 404),
        ({"kind": "start", "chargers": ["CP-1"]}, 422),
        ({"kind": "reset", "chargers": ["CP-1"]}, 422),
        ({"kind": "reset", "arguments": {"is_hard": True}, "chargers": ["CP-1"], "per_minute": 0}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(
    fleet: None, owner: Api, order: dict[str, object], status: int
) -> None:
    assert owner.post(PATH, order).status_code == status


def test_the_same_key_asks_once(fleet: None, owner: Api) -> None:
    order, headers = PING | {"chargers": ["CP-1"]}, {"Idempotency-Key": "one"}
    first = owner.post(PATH, order, headers=headers).json
    assert owner.post(PATH, order, headers=headers).json["id"] == first["id"]
    assert len(owner.get(PATH).json["data"]) == 1
