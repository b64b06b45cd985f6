"""Webhooks through the API, and the example in the documentation; being told: tests/flows/test_webhooks.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gevent
from flask import Flask

from csms import clock
from csms import webhooks as sender
from csms.domain import webhooks
from tests.api.caller import Api

WANTED = {"name": "Billing", "url": "http://127.0.0.1:9/hook", "events": ["cdr.created", "transaction.ended"]}


def add(owner: Api, **more: Any) -> dict[str, Any]:
    answer = owner.post("/webhooks", WANTED | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def test_a_webhook_is_made_changed_and_ended_and_tells_its_secret_once(owner: Api) -> None:
    made = add(owner)
    path = f"/webhooks/{made['id']}"
    assert made["secret"].startswith("whsec_")
    told = owner.get(path).json
    assert "secret" not in told
    assert told["events"] == ["transaction.ended", "cdr.created"]
    assert owner.post(f"{path}/secret").json["secret"] != made["secret"]
    off = owner.patch(path, {"is_enabled": False}).json
    assert (off["is_enabled"], off["off_why"]) == (False, "Somebody has switched it off.")
    assert owner.patch(path, {"is_enabled": True, "name": "Books"}).json["off_why"] is None
    assert [x["name"] for x in owner.get("/webhooks").json["data"]] == ["Books"]
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404
    assert owner.post("/webhooks", WANTED | {"events": ["ping"]}).status_code == 422


def test_a_receiver_in_a_private_network_is_refused_and_the_log_says_why(owner: Api, app: Flask) -> None:
    path = f"/webhooks/{add(owner)['id']}"
    assert owner.post(f"{path}/test").status_code == 201
    owner.session.rollback()
    gevent.joinall(sender.send_due(app, set()))
    [tried] = owner.get(f"{path}/deliveries").json["data"]
    assert (tried["event"], tried["state"], tried["status_code"]) == ("ping", "failed", None)
    assert "no public address" in tried["answer"]
    again = owner.post(f"{path}/deliveries/{tried['id']}/resend").json
    assert (again["state"], again["event_id"]) == ("queued", tried["event_id"])
    assert owner.get(f"{path}/deliveries?state=failed").json["data"] == []


def test_what_did_not_arrive_is_sent_again_at_once(owner: Api) -> None:
    path = f"/webhooks/{add(owner)['id']}"
    assert owner.post(f"{path}/resend").json == {"count": 0}
    owner.patch(path, {"is_enabled": False})
    assert owner.post(f"{path}/resend").status_code == 409


def test_the_documented_receiver_knows_what_is_genuine() -> None:
    text = (Path(__file__).parents[2] / "docs/integrators.md").read_text()
    found = re.search(r"```python\n(.*?)```", text[text.index("### Who tells it") :], re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found.group(1), names)  # noqa: S102  the document's own example
    secret, now, body = webhooks.new_secret(), int(clock.now().timestamp()), '{"id": "1"}'
    headers = {
        "Webhook-Id": "1",
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": webhooks.signature(secret, "1", now, body),
    }
    is_genuine = names["is_genuine"]
    assert is_genuine(secret, headers, body.encode())
    assert not is_genuine(secret, headers, b'{"id": "2"}')
    assert not is_genuine(secret, headers | {"Webhook-Timestamp": str(now - 999)}, body.encode())
