"""Chargers through the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from make import make_charger, make_wire, store
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain.accounts import AuditEntry, Role
from csms.domain.chargers import Admission, Charger, ConnectorStatus, keys
from csms.extensions import db
from tests.api.caller import Api, begin


def test_a_connector_that_the_charger_has_not_is_deleted(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session, "CP-1", connectors=2)
    store(session)
    assert owner.delete("/chargers/CP-1/connectors/2").status_code == 204
    assert [x["evse"] for x in owner.get("/connectors?charger=CP-1").json["data"]] == [1]
    assert owner.delete("/chargers/CP-1/connectors/2").status_code == 404


def test_a_charger_is_known_by_its_identity_with_its_connectors(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session, "CP 1", at=clock.now(), online=True, connectors=2, vendor="ACME", name="Gate")
    charger = owner.get("/chargers/cp%201").json
    assert charger["identity"] == "CP 1"
    assert charger["is_online"] is True
    assert charger["vendor"] == "ACME"
    assert [x["evse"] for x in charger["connectors"]] == [1, 2]
    assert charger["created_at"].endswith("Z")


def test_chargers_are_found_by_status_presence_and_words(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session, "NORTH-1", at=clock.now(), online=True)
    broken = make_charger(session, "SOUTH-1", location="Harbour")
    broken.connectors[0].status = ConnectorStatus.FAULTED
    store(session)

    def identities(query: str) -> list[str]:
        return [x["identity"] for x in owner.get(f"/chargers?{query}").json["data"]]

    assert identities("online=true") == ["NORTH-1"]
    assert identities("online=false") == ["SOUTH-1"]
    assert identities("status=Faulted") == ["SOUTH-1"]
    assert identities("q=harb") == ["SOUTH-1"]
    assert identities("") == ["NORTH-1", "SOUTH-1"]
    assert [x["charger"] for x in owner.get("/connectors?status=Faulted").json["data"]] == ["SOUTH-1"]


def test_pages_follow_one_another_without_gap_or_repetition(owner: Api, session: Session) -> None:
    begin(session)
    for number in range(7):
        make_charger(session, f"CP-{number}")
    seen, path = [], "/chargers?limit=3"
    while path:
        answer = owner.get(path)
        seen += [x["identity"] for x in answer.json["data"]]
        link = answer.headers.get("Link", "")
        path = link.split(">")[0].removeprefix("</api/v1")
    assert seen == [f"CP-{number}" for number in range(7)]


@pytest.mark.parametrize("cursor", ["nonsense", "WzFd", "W10", "WyJhIiwiYiJd", "bnVsbA"])
def test_a_cursor_that_is_not_ours_is_told_so(owner: Api, cursor: str) -> None:
    answer = owner.get(f"/chargers?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/cursor"


def test_a_list_of_many_chargers_takes_no_more_queries_than_one_of_few(
    app: Flask, owner: Api, session: Session
) -> None:
    begin(session)
    for number in range(30):
        make_charger(session, f"CP-{number}", connectors=2)
    count = []
    listener = lambda *_: count.append(1)  # noqa: E731  an event wants a function, and this one counts
    event.listen(db.engine, "before_cursor_execute", listener)
    assert len(owner.get("/chargers?limit=200").json["data"]) == 30
    event.remove(db.engine, "before_cursor_execute", listener)
    assert len(count) <= 5


def test_an_operator_names_and_places_a_charger(as_role: Any, session: Session) -> None:
    begin(session)
    make_charger(session)
    operator = as_role(Role.OPERATOR)
    change = {"name": "Gate", "latitude": 41.4, "longitude": 2.2, "policy": "credit"}
    changed = operator.patch("/chargers/CP-1", change)
    assert changed.status_code == 200
    assert {name: changed.json[name] for name in change} == change
    assert operator.patch("/chargers/CP-1", {"name": None}).json["name"] is None
    assert operator.patch("/chargers/CP-1", {"admission": "rejected"}).json["admission"] == "rejected"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"nmae": "x"}, "/nmae"),
        ({"latitude": 91, "longitude": 0}, "/latitude"),
        ({"latitude": 41.4}, "/latitude"),
        ({"policy": "anyone"}, "/policy"),
        ({"policy": None}, "/policy"),
    ],
)
def test_a_change_that_makes_no_sense_is_told_where(
    owner: Api, session: Session, change: dict[str, Any], pointer: str
) -> None:
    begin(session)
    make_charger(session)
    refused = owner.patch("/chargers/CP-1", change)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == pointer


def test_a_tariff_that_is_not_there_cannot_be_given(owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    assert owner.patch("/chargers/CP-1", {"tariff_id": 99}).status_code == 404


def test_a_charger_is_added_once(owner: Api, session: Session) -> None:
    added = owner.post("/chargers", {"identity": "NEW-1", "name": "New"})
    assert added.status_code == 201
    assert added.headers["Location"] == "/api/v1/chargers/NEW-1"
    assert added.json["policy"] == "known"
    again = owner.post("/chargers", {"identity": "new-1"})
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert owner.post("/chargers", {"identity": "a/b"}).status_code == 422
    assert session.scalar(select(AuditEntry.subject)) == "NEW-1"


def test_a_new_key_is_shown_once_and_is_the_chargers(app: Flask, owner: Api, session: Session) -> None:
    begin(session)
    make_charger(session)
    key = owner.post("/chargers/CP-1/key").json["key"]
    stored = session.scalars(select(Charger)).one()
    assert keys.matches(stored.key_hash or "", bytes.fromhex(key), app.config["PEPPER"])
    assert owner.get("/chargers/CP-1").json["has_key"] is True
    assert key not in owner.get("/chargers/CP-1").text


def test_a_charger_with_transactions_cannot_be_removed(owner: Api, session: Session) -> None:
    begin(session)
    charger = make_charger(session, online=True)
    begun = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-03-14T09:00:00Z"}
    make_wire(session, charger).call("StartTransaction", begun)
    charger.lease.online_until = None  # type: ignore[union-attr]
    store(session)
    assert owner.delete("/chargers/CP-1").status_code == 409
    begin(session)
    make_charger(session, "CP-2")
    assert owner.delete("/chargers/CP-2").status_code == 204
    assert owner.get("/chargers/CP-2").status_code == 404


def test_the_journal_hides_card_numbers_from_those_who_only_read(as_role: Any, session: Session) -> None:
    begin(session)
    wire = make_wire(session, make_charger(session, online=True))
    wire.call("Authorize", {"idTag": "04A1B2C3D4"})
    wire.call("Heartbeat", {}, id="2")
    frames = as_role(Role.READ_ONLY).get("/chargers/CP-1/frames?action=Authorize").json["data"]
    assert len(frames) == 1
    assert "04A1B2C3D4" not in str(frames)
    assert '"idTag":"04•••D4"' in frames[0]["text"]
    assert "04A1B2C3D4" in as_role(Role.SUPPORT).get("/chargers/CP-1/frames").text


def test_who_only_operates_lets_chargers_in_and_changes_nothing_else(session, owner, as_role) -> None:
    begin(session)
    make_charger(session, "NEW-1", admission=Admission.PENDING)
    store(session)
    support = as_role(Role.SUPPORT)
    refused = support.patch("/chargers/NEW-1", {"name": "Mine", "admission": "accepted"})
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert support.patch("/chargers/NEW-1", {"admission": "accepted"}).json["admission"] == "accepted"
    assert owner.patch("/chargers/NEW-1", {"tags": ["Roof", "dc"]}).json["tags"] == ["dc", "roof"]
    assert [x["identity"] for x in support.get("/chargers?tag=Roof").json["data"]] == ["NEW-1"]
    assert owner.get("/chargers?tag=cellar").json["data"] == []
    assert owner.patch("/chargers/NEW-1", {"tags": ["x" * 33]}).status_code == 422
