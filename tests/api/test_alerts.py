"""Alerts through the API: a rule, what it raises, and the mails and webhooks that tell of it."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from make import make_charger, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import alerts as sender
from csms import clock
from csms.domain.chargers import LinkLease
from csms.domain.mail import Mail
from csms.domain.webhooks import Delivery
from tests.api.caller import Api, begin

RULE = {"name": "Depot", "kind": "offline", "mail_to": ["ops@example.org"], "quiet_from": "22:00"}


def test_a_rule_tells_by_mail_and_webhook_and_is_seen_in_the_list(
    owner: Api, session: Session, app: Flask
) -> None:
    assert owner.post("/alert-rules", RULE).status_code == 422  # quiet hours without an end
    made = owner.post("/alert-rules", RULE | {"quiet_from": None})
    assert made.status_code == 201, made.text
    path = made.headers["Location"].removeprefix("/api/v1")
    hook = {"name": "Pager", "url": "https://example.org/", "events": ["alert.raised"]}
    assert owner.post("/webhooks", hook).status_code == 201
    begin(session)
    at = clock.now()
    charger = make_charger(session, at=at, online=True)
    lease = session.get_one(LinkLease, charger.id)
    lease.online_until, lease.closed_at = None, at
    store(session)
    begin(session)
    assert sender.look(session, at + timedelta(seconds=5)) == 1
    store(session)
    [mail] = session.scalars(select(Mail)).all()
    assert (mail.recipient, mail.subject) == ("ops@example.org", "CP-1 cannot be reached")
    assert f"/chargers/{charger.id}" in (mail.text or "")
    assert [x.event.value for x in session.scalars(select(Delivery))] == ["alert.raised"]
    [alert] = owner.get("/alerts?open=true").json["data"]
    assert (alert["rule"], alert["title"]) == ("Depot", "CP-1 cannot be reached")
    there = f"/alerts/{alert['id']}"
    assert owner.post(f"{there}/acknowledge").json["acknowledged_by"] == "owner"
    until = (clock.now() + timedelta(hours=8)).isoformat()
    assert owner.post(f"{there}/snooze", {"until": until}).json["snoozed_until"] is not None
    assert owner.post(f"{there}/snooze", {"until": None}).json["snoozed_until"] is None
    for wrong in ("2020-01-01T00:00:00Z", "2026-12-01T00:00:00", "soon"):
        assert owner.post(f"{there}/snooze", {"until": wrong}).status_code == 422
    assert owner.post("/alerts/4711/acknowledge").status_code == 404
    assert owner.post(f"{path}/test").json == {"mails": 1, "messages": 0}
    assert owner.call("PUT", path, json=RULE | {"quiet_until": "06:00"}).json["quiet_from"] == "22:00"
    assert owner.delete(path).status_code == 204
    assert owner.get("/alerts").json["data"] == []


def test_a_channel_is_entered_named_by_a_rule_changed_and_removed(owner: Api) -> None:
    given = {"name": "Telephones", "kind": "ntfy", "url": "https://ntfy.sh/depot", "secret": "tk_secret"}
    assert owner.post("/alert-channels", given | {"url": "https://ntfy.sh/"}).status_code == 422
    made = owner.post("/alert-channels", given)
    assert made.status_code == 201, made.text
    assert made.json["has_secret"]
    assert "tk_secret" not in made.text
    path = made.headers["Location"].removeprefix("/api/v1")
    rule = RULE | {"quiet_from": None, "mail_to": [], "channel_ids": [made.json["id"]]}
    assert owner.post("/alert-rules", rule | {"channel_ids": [999]}).status_code == 422
    assert owner.post("/alert-rules", rule).json["channel_ids"] == [made.json["id"]]
    assert owner.post(f"{path}/test").status_code == 200
    kept = owner.call("PUT", path, json={x: y for x, y in given.items() if x != "secret"})
    assert kept.json["has_secret"]
    elsewhere = {"name": "Telephones", "kind": "ntfy", "url": "https://ntfy.example.org/depot"}
    assert not owner.call("PUT", path, json=elsewhere).json["has_secret"]
    assert owner.delete(path).status_code == 204
    assert owner.get("/alert-rules").json["data"][0]["channel_ids"] == []
    assert owner.get("/alert-channels").json["data"] == []
