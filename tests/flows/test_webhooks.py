"""Another program is told what happens, over real sockets, and can be sure of who tells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from typing import Any

import pytest
import requests

from csms import clock
from tests.desk import Desk, wait_for
from tests.flows.peer import dial
from tests.live import LiveServer
from tests.receiver import Call, Receiver


@pytest.fixture
def live_settings() -> dict[str, str]:
    return {"PRIVATE_TARGETS": "1"}


def verified(call: Call, secret: str) -> dict[str, Any]:
    """What a receiver does, as docs/integrators.md has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.{call.body}"
    expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    assert call.headers["webhook-signature"] == f"v1,{expected}"
    told = json.loads(call.body)
    assert told["id"] == call.headers["webhook-id"]
    return dict(told)


def test_a_session_is_told_signed_and_again_where_it_failed(live: LiveServer, desk: Desk) -> None:
    with Receiver(200, 500) as receiver:
        events = ["transaction.started", "transaction.ended", "cdr.created"]
        given = {"name": "Billing", "url": receiver.url, "events": events}
        made = desk.call("POST", "/webhooks", 201, json=given)
        secret, path = made["secret"], f"/webhooks/{made['id']}"
        desk.call("POST", f"{path}/test", 201)
        ping = receiver.next()
        assert (ping.path, verified(ping, secret)["type"]) == ("/hook?from=amberline", "ping")
        peer = dial(live)
        peer.boot()
        now = clock.now().isoformat()
        start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": now}
        transaction_id = peer.tell("StartTransaction", start)["transactionId"]
        told = verified(receiver.next(), secret)
        assert (told["type"], told["data"]["id"]) == ("transaction.started", transaction_id)
        assert told["data"]["charger"] == "CP-1"
        [failed] = wait_for(
            lambda: [x for x in desk.call("GET", f"{path}/deliveries")["data"] if x["status_code"] == 500],
            bool,
        )
        assert (failed["state"], failed["attempts"]) == ("queued", 1)
        desk.call("POST", f"{path}/deliveries/{failed['id']}/resend")
        again = verified(receiver.next(), secret)
        assert again == told
        peer.tell("StopTransaction", {"transactionId": transaction_id, "meterStop": 500, "timestamp": now})
        ended = {verified(receiver.next(), secret)["type"] for _ in range(2)}
        assert ended == {"transaction.ended", "cdr.created"}
        states = wait_for(
            lambda: {x["state"] for x in desk.call("GET", f"{path}/deliveries")["data"]},
            lambda x: x == {"delivered"},
        )
        assert states == {"delivered"}
        assert requests.get(f"{live.url}/api/v1{path}", timeout=30).status_code == 401
        peer.close()


def test_a_receiver_that_never_answers_keeps_no_other_waiting(live: LiveServer, desk: Desk) -> None:
    with Receiver() as receiver, socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
        dead_url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        dead, quick = (
            desk.call("POST", "/webhooks", 201, json={"name": "x", "url": url, "events": ["cdr.created"]})
            for url in (dead_url, receiver.url)
        )
        for _ in range(20):
            desk.call("POST", f"/webhooks/{dead['id']}/test", 201)
        time.sleep(2)  # its messages are on their way
        asked_at = time.monotonic()
        desk.call("POST", f"/webhooks/{quick['id']}/test", 201)
        receiver.next()
        assert time.monotonic() - asked_at < 8  # seconds; each of the others takes ten
        assert requests.delete(
            f"{live.url}/api/v1/webhooks/{dead['id']}", headers=desk.headers(), timeout=30
        ).ok
        time.sleep(11)  # what was on its way to the webhook that is gone has failed meanwhile
        assert not [x for x in live.faults() if "webhook" in x]
