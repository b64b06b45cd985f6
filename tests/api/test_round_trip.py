"""A command from the API to a charger and back, over real sockets."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from csms.simulator import Charger
from tests.api.caller import PASSWORD
from tests.nursery import ForkedServer
from tests.simulated import simulated

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def api(live: ForkedServer) -> Iterator[requests.Session]:
    live.flask("create-user", "--username", "olga", "--password", PASSWORD, "--role", "owner")
    with requests.Session() as session:
        pair = session.post(
            f"{live.url}/api/v1/token", json={"username": "olga", "password": PASSWORD}, timeout=10
        ).json()
        session.headers["Authorization"] = f"Bearer {pair['access']}"
        yield session


@pytest.fixture
def charger(live: ForkedServer) -> Iterator[Charger]:
    with simulated(live, "SIM-1") as charger:
        yield charger


def order(
    api: requests.Session, live: ForkedServer, action: str, prefer: str = "wait=15", **payload: Any
) -> Any:
    return api.post(
        f"{live.url}/api/v1/chargers/SIM-1/commands",
        json={"action": action, "payload": payload},
        headers={"Prefer": prefer},
        timeout=30,
    )


def test_the_answer_of_the_charger_is_told(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    for _ in range(20):
        began = time.monotonic()
        told = order(api, live, "GetConfiguration", key=["HeartbeatInterval"])
        assert told.status_code == 200
        assert told.json()["answer"]["configurationKey"][0]["key"] == "HeartbeatInterval"
        assert time.monotonic() - began < 10  # a lost word of the bus would cost 15 s


def test_a_start_is_told_when_the_transaction_is_there(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    charger.plug(1)
    started = order(api, live, "RemoteStartTransaction", idTag="04A1B2C3", connectorId=1).json()
    assert started["state"] == "accepted"
    assert started["observed_at"] is not None
    transaction = f"{live.url}/api/v1/transactions/{started['transaction_id']}"
    assert api.get(transaction, timeout=10).json()["state"] == "active"
    stopped = order(api, live, "RemoteStopTransaction", transactionId=started["transaction_id"]).json()
    assert stopped["effect"] == "transaction_ended"
    assert stopped["observed_at"] is not None
    assert api.get(transaction, timeout=10).json()["state"] == "ended"


def test_who_wants_the_answer_alone_does_not_wait_for_the_effect(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    told = order(api, live, "Reset", "wait=15, until=answer", type="Soft").json()
    assert told["answer_status"] == "Accepted"
    assert told["is_waiting"] is True


def test_the_examples_of_the_document_work(live: ForkedServer, charger: Charger, tmp_path: Path) -> None:
    live.flask("create-user", "--username", "olga", "--password", PASSWORD, "--role", "owner")
    charger.plug(1)
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    script = "set -eu\n" + "\n".join(block for block in blocks if "curl" in block)
    script = script.replace("https://charging.example.org", live.url).replace("your password", PASSWORD)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"state":"accepted"' in done.stdout
    assert '"amount"' in done.stdout


def test_orders_that_come_at_once_reach_the_charger_one_after_the_other(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(order, api, live, "GetConfiguration", key=[f"Key{n}"]) for n in range(6)]
        told = [each.result().json() for each in asked]
    assert {each["state"] for each in told} == {"accepted"}
    told.sort(key=lambda each: str(each["sent_at"]))
    for earlier, later in pairwise(told):
        assert earlier["answered_at"] <= later["sent_at"]


def test_an_order_that_is_asked_twice_with_one_key_is_sent_once(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    url, body = f"{live.url}/api/v1/chargers/SIM-1/commands", {"action": "ClearCache"}
    headers = {"Prefer": "wait=15", "Idempotency-Key": "twice"}
    first, second = (api.post(url, json=body, headers=headers, timeout=30) for _ in range(2))
    assert first.json() == second.json()
    assert first.json()["state"] == "accepted"
    sent = api.get(f"{live.url}/api/v1/commands?charger=SIM-1", timeout=10).json()["data"]
    assert [each["action"] for each in sent].count("ClearCache") == 1


def test_an_order_that_is_refused_leaves_the_connection_at_work(
    api: requests.Session, live: ForkedServer, charger: Charger
) -> None:
    assert order(api, live, "Reset", type="Sideways").status_code == 422
    assert order(api, live, "BootNotification").status_code == 422
    assert order(api, live, "ClearCache").json()["state"] == "accepted"
