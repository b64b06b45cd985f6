"""Repairs of transactions through the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from make import make_charger, make_wire, store
from sqlalchemy.orm import Session
from story import Story, energy

from csms import clock
from csms.domain import tariffs, transactions
from csms.domain.accounts import Role
from csms.domain.tariffs import simple
from tests.api.caller import Api, begin


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def story(session: Session, now: datetime) -> Story:
    """A charger, with prices, of an hour ago."""
    begin(session)
    ago = now - timedelta(hours=1)
    terms = simple("EUR", price_per_kwh=Decimal("0.50"))
    tariffs.create(session, "Day", terms, at=ago, is_default=True)
    story = Story(make_wire(session, make_charger(session, at=ago, online=True)))
    story.wire.now = ago
    return story


def ghost(story: Story, now: datetime) -> int:
    """A session that was read once; then its connector said that it is free."""
    began, read, freed = (now - timedelta(minutes=x) for x in (60, 30, 20))
    transaction_id = story.start(at=began.isoformat())
    story.read(read.isoformat(), energy("3000"), transactionId=transaction_id)
    report = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": freed.isoformat()}
    story.wire.now = freed
    story.tell("StatusNotification", report)
    grace, silence = timedelta(minutes=2), timedelta(hours=24)
    transactions.mend(story.session, now, grace=grace, silence=silence)
    store(story.session)
    return transaction_id


def test_a_repair_tells_its_evidence_and_is_undone(story: Story, owner: Api, now: datetime) -> None:
    begin(story.session)
    transaction_id = ghost(story, now)
    told = owner.get(f"/transactions/{transaction_id}").json
    (made,) = told["repairs"]
    assert (told["state"], told["energy_wh"]) == ("ended_unknown", 2000)
    assert (made["kind"], made["energy_from"], made["confidence"]) == ("available", "last_reading", "medium")
    assert [x["what"] for x in made["evidence"]] == ["reading", "status"]
    path = f"/transactions/{transaction_id}/repairs/{made['id']}/undo"
    assert owner.post(path).json["state"] == "undone"
    assert owner.get(f"/transactions/{transaction_id}").json["state"] == "active"
    assert owner.post(path).status_code == 409
    assert owner.get(f"/transactions/{transaction_id}/repairs").json["data"][0]["undone_by"] == "owner"


def test_an_estimate_is_settled_by_who_may_and_a_late_stop_corrects_it(
    story: Story, owner: Api, as_role: Any, now: datetime
) -> None:
    begin(story.session)
    transaction_id = ghost(story, now)
    assert owner.get("/reviews").json["estimates"][0]["cost"] == {"amount": "1.00", "currency": "EUR"}
    settled = owner.post(f"/transactions/{transaction_id}/settle", {})
    assert settled.json["kind"] == "settled"
    told = owner.get(f"/transactions/{transaction_id}").json
    assert (told["bill"]["is_final"], told["cost"]["amount"], told["flags"]) == (True, "1.00", ["estimated"])
    undo = f"/transactions/{transaction_id}/repairs/{settled.json['id']}/undo"
    assert as_role(Role.SUPPORT).post(undo).status_code == 403
    begin(story.session)
    story.stop(transaction_id, 3100, (now - timedelta(minutes=21)).isoformat())
    told = owner.get(f"/transactions/{transaction_id}").json
    assert (told["state"], told["cost"]["amount"], told["flags"]) == ("ended", "1.05", [])


def test_a_stop_that_nobody_knows_is_matched_or_set_aside(story: Story, owner: Api, now: datetime) -> None:
    begin(story.session)
    transaction_id = ghost(story, now)
    story.stop(4711, 3100, (now - timedelta(minutes=21)).isoformat())
    (orphan,) = owner.get("/reviews").json["orphans"]
    assert orphan["matches"] == [
        {"transaction_id": transaction_id, "confidence": "medium", "energy_wh": 2100}
    ]
    path = f"/transactions/{orphan['transaction_id']}"
    matched = owner.post(f"{path}/match", {"transaction_id": transaction_id})
    assert (matched.json["kind"], matched.json["orphan_id"]) == ("stop_found", orphan["transaction_id"])
    assert owner.post(f"{path}/dismiss").status_code == 409
    owner.post(f"/transactions/{transaction_id}/repairs/{matched.json['id']}/undo")
    assert owner.post(f"{path}/dismiss").json["kind"] == "dismissed"
    assert owner.get("/reviews").json["orphans"] == []


def test_a_transaction_is_closed_by_hand_and_waived(story: Story, owner: Api, now: datetime) -> None:
    begin(story.session)
    transaction_id = story.start(at=(now - timedelta(minutes=50)).isoformat())
    assert owner.post(f"/transactions/{transaction_id}/close").json["energy_from"] == "none"
    refused = owner.post(f"/transactions/{transaction_id}/settle", {})
    assert "waive" in refused.json["detail"]
    assert owner.post(f"/transactions/{transaction_id}/settle", {"waive": True}).status_code == 200
    assert owner.get("/reviews").json["estimates"] == []


def test_a_proposal_is_accepted_or_rejected(story: Story, owner: Api, now: datetime) -> None:
    begin(story.session)
    transaction_id = story.start(at=(now - timedelta(minutes=50)).isoformat())
    grace, silence = timedelta(minutes=2), timedelta(hours=24)
    transactions.mend(story.session, now + timedelta(hours=30), grace=grace, silence=silence)
    store(story.session)
    (proposal,) = owner.get("/reviews").json["proposals"]
    path = f"/transactions/{transaction_id}/repairs/{proposal['id']}"
    assert owner.post(f"{path}/reject").json["state"] == "undone"
    assert owner.post(f"{path}/accept").status_code == 409
    assert owner.post(f"/transactions/{transaction_id}/repairs/999/accept").status_code == 404
