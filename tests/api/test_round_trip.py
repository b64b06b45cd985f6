"""A command from the API to a charger and back, over real sockets."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from live import LiveServer

from csms.simulator import Charger
from tests.api.caller import PASSWORD

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def api(live: LiveServer) -> Iterator[requests.Session]:
    live.flask("create-user", "--username", "olga", "--password", PASSWORD, "--role", "owner")
    with requests.Session() as session:
        pair = session.post(
            f"{live.url}/api/v1/token", json={"username": "olga", "password": PASSWORD}, timeout=10
        ).json()
        session.headers["Authorization"] = f"Bearer {pair['access']}"
        yield session


@pytest.fixture
def charger(live: LiveServer) -> Iterator[Charger]:
    charger = Charger("SIM-1", f"{live.ws_url}/ws/ocpp").connect()
    yield charger
    charger.stop()


def order(
    api: requests.Session, live: LiveServer, action: str, prefer: str = "wait=15", **payload: Any
) -> Any:
    return api.post(
        f"{live.url}/api/v1/chargers/SIM-1/commands",
        json={"action": action, "payload": payload},
        headers={"Prefer": prefer},
        timeout=30,
    )


def test_the_answer_of_the_charger_is_told(api: requests.Session, live: LiveServer, charger: Charger) -> None:
    began = time.monotonic()
    for _ in range(20):
        told = order(api, live, "GetConfiguration", key=["HeartbeatInterval"])
        assert told.status_code == 200
        assert told.json()["answer"]["configurationKey"][0]["key"] == "HeartbeatInterval"
    assert time.monotonic() - began < 10  # a lost word of the bus would cost 15 s


def test_a_start_is_told_when_the_transaction_is_there(
    api: requests.Session, live: LiveServer, charger: Charger
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
    api: requests.Session, live: LiveServer, charger: Charger
) -> None:
    told = order(api, live, "Reset", "wait=15, until=answer", type="Soft").json()
    assert told["answer_status"] == "Accepted"
    assert told["is_waiting"] is True


def test_the_examples_of_the_document_work(live: LiveServer, charger: Charger, tmp_path: Path) -> None:
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
