"""Signals of grid operators through the API, and from files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from make import make_charger
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import sites
from csms.domain.accounts import AuditEntry
from csms.domain.dso import DsoSignal
from csms.domain.sites import Details
from tests.api.caller import Api, begin


@pytest.fixture
def charger(session: Session) -> None:
    begin(session)
    site = sites.add(session, Details("Depot", substation_id="TR-7"), at=clock.now())
    session.flush()
    make_charger(session, at=clock.now(), online=True, protocol="ocpp1.6", site_id=site.id)


def period(**value: Any) -> dict[str, Any]:
    now = clock.now()
    return {"begins_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()} | value


@pytest.mark.usefixtures("charger")
def test_a_limit_is_received_followed_and_withdrawn(owner: Api, session: Session) -> None:
    given = {"kind": "capacity", "substation_id": "TR-7", "periods": [period(limit_w=6900)]}
    answer = owner.post("/dso-signals", given)
    assert answer.status_code == 201, answer.text
    path = answer.headers["Location"].removeprefix("/api/v1")
    told = owner.get(path).json
    assert (told["sites"], told["number"], told["periods"][0]["limit_w"]) == (["Depot"], 1, 6900)
    assert [(x["charger"], x["state"]) for x in told["chargers"]] == [("CP-1", "waiting")]
    slots = owner.get("/chargers/CP-1/connectors/1/slots").json["slots"]
    assert 6900 in {x["limit_w"] for x in slots}
    assert len(owner.get("/dso-signals?active=true").json["data"]) == 1
    assert owner.delete(path).json["chargers"][0]["state"] == "over"
    assert owner.delete(path).status_code == 409
    assert owner.get("/dso-signals?active=true").json["data"] == []
    begin(session)
    actions = session.scalars(select(AuditEntry.action)).all()
    assert {"dso_signal.received", "dso_signal.withdrawn"} <= set(actions)


@pytest.mark.usefixtures("charger")
def test_a_price_is_applied_and_a_period_of_the_wrong_kind_refused(owner: Api) -> None:
    given = {"kind": "tariff", "substation_id": "TR-7", "periods": [period(price_per_kwh="0.12")]}
    told = owner.post("/dso-signals", given).json
    assert [x["state"] for x in told["chargers"]] == ["applied"]
    assert owner.post("/dso-signals", given | {"kind": "capacity"}).status_code == 422


@pytest.mark.seed("000", "importer_dso")
@pytest.mark.usefixtures("charger")
def test_signals_come_from_files_and_none_twice(app: Flask, session: Session, tmp_path: Path) -> None:
    now = int(clock.now().timestamp())
    signal = {
        "id": 7,
        "uuId": "6f1c1ab2-30d5-4bd3-9d0e-9a2a6ae1a5f0",
        "uuName": "event_DUoSTarrif",
        "event_timestamp": now,
        "transformerID": "TR-7",
        "period": [{"timeslot_start": now, "timeslot_end": now + 600, "value": 0.3}],
    }
    (tmp_path / "dso_signals_1.json").write_text(json.dumps([signal, signal | {"id": 8}]))
    (tmp_path / "other.json").write_text("{}")
    session.rollback()
    shell = app.test_cli_runner()
    for said in ("2 received", "0 received"):
        done = shell.invoke(args=["importer_dso", "--all", "--path", str(tmp_path)])
        assert said in done.output
    begin(session)
    assert session.scalars(select(DsoSignal.number).order_by(DsoSignal.number)).all() == [7, 8]
    session.rollback()
    wrong = shell.invoke(args=["import-dso", "--file", "other.json", "--path", str(tmp_path)])
    assert wrong.exit_code == 1
    assert "uuName" in wrong.output
