"""A whole session, begun and ended from afar, with chargers that others and we have written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import (
    Action,
    AuthorizationStatus,
    ChargePointErrorCode,
    ChargePointStatus,
    RegistrationStatus,
    RemoteStartStopStatus,
)
from sqlalchemy import select
from sqlalchemy.orm import Session
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.domain.transactions import Reading, Transaction, TransactionState
from csms.domain.verify import verify
from csms.simulator import Charger, ChargerOptions
from tests.desk import Desk
from tests.live import LiveServer
from tests.simulated import simulated

PATIENCE_S = 30.0
ID_TAG = "04A2B3C4"
BEGIN_WH, STEPS_WH = 120_000, (700, 800)


class Wallbox(ChargePoint):
    """A charger in the `ocpp` package's own words: it starts and stops when told to, over the real messages."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection)
        self.meter_wh = BEGIN_WH
        self.transaction_id = 0
        self.charging = asyncio.Event()
        self.stopped = asyncio.Event()

    async def ask(self, request: Any) -> Any:
        answer = await self.call(request)
        assert answer is not None, f"{request} was refused"
        return answer

    async def show(self, status: ChargePointStatus) -> None:
        error = ChargePointErrorCode.no_error
        await self.ask(call.StatusNotification(1, error, status, timestamp=now()))

    async def boot(self) -> None:
        answer = await self.ask(call.BootNotification("Box", "Acme"))
        assert answer.status == RegistrationStatus.accepted
        await self.show(ChargePointStatus.available)
        await self.show(ChargePointStatus.preparing)

    @on(Action.remote_start_transaction)
    def on_remote_start(self, id_tag: str, **_: Any) -> call_result.RemoteStartTransaction:
        assert id_tag == ID_TAG
        return call_result.RemoteStartTransaction(RemoteStartStopStatus.accepted)

    @after(Action.remote_start_transaction)
    async def begin(self, id_tag: str, **_: Any) -> None:
        verdict = await self.ask(call.Authorize(id_tag))
        assert verdict.id_tag_info["status"] == AuthorizationStatus.accepted
        started = await self.ask(call.StartTransaction(1, id_tag, self.meter_wh, now()))
        assert started.id_tag_info["status"] == AuthorizationStatus.accepted
        self.transaction_id = started.transaction_id
        await self.show(ChargePointStatus.charging)
        for step_wh in STEPS_WH:
            self.meter_wh += step_wh
            value = {"timestamp": now(), "sampled_value": [{"value": str(self.meter_wh), "unit": "Wh"}]}
            await self.ask(call.MeterValues(1, [value], self.transaction_id))
        self.charging.set()

    @on(Action.remote_stop_transaction)
    def on_remote_stop(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        assert transaction_id == self.transaction_id
        return call_result.RemoteStopTransaction(RemoteStartStopStatus.accepted)

    @after(Action.remote_stop_transaction)
    async def end(self, transaction_id: int) -> None:
        value = {"value": str(self.meter_wh), "unit": "Wh", "context": "Transaction.End"}
        data = [{"timestamp": now(), "sampled_value": [value]}]
        await self.ask(
            call.StopTransaction(
                self.meter_wh, now(), transaction_id, "Remote", ID_TAG, transaction_data=data
            )
        )
        await self.show(ChargePointStatus.available)
        self.stopped.set()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")  # noqa: TID251  a charger's clock


@dataclass
class Remote:
    """The operator's part: both commands, and how they ended."""

    desk: Desk
    identity: str
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)

    def order(self, action: str, payload: dict[str, Any]) -> None:
        self.ended[action] = self.desk.call(
            "POST",
            f"/chargers/{self.identity}/commands",
            json={"action": action, "payload": payload},
            headers={"Prefer": "wait=30"},
        )


def check_command(command: dict[str, Any], effect: str, transaction_id: int) -> None:
    """Accepted, and what it was for has been seen, and is named."""
    assert (command["state"], command["is_waiting"]) == ("accepted", False)
    assert command["effect"] == effect
    assert command["observed_at"] is not None
    assert command["transaction_id"] == transaction_id


def check_session(session: Session, transaction_id: int, energy_wh: int) -> None:
    transaction = session.scalars(select(Transaction)).one()
    assert transaction.id == transaction_id
    assert transaction.state is TransactionState.ENDED
    assert transaction.energy_wh == energy_wh
    assert transaction.stop_reason == "Remote"
    assert transaction.id_tag == ID_TAG
    assert transaction.bill is not None
    assert verify(session) == []


def test_the_ocpp_packages_own_charger_is_started_and_stopped_from_afar(live: LiveServer, desk: Desk) -> None:
    transaction_id = asyncio.run(_with_ocpp_package(live, Remote(desk, "BOX-1")))
    with desk.reading() as session:
        check_session(session, transaction_id, sum(STEPS_WH))
        readings = session.scalars(select(Reading).order_by(Reading.measured_at)).all()
        assert [x.energy_wh for x in readings] == [BEGIN_WH + 700, BEGIN_WH + 1500, BEGIN_WH + 1500]


async def _with_ocpp_package(live: LiveServer, remote: Remote) -> int:
    url = f"{live.ws_url}/ws/ocpp/BOX-1"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as connection:
        box = Wallbox("BOX-1", connection)
        listening = asyncio.create_task(box.start())
        await box.boot()
        start = {"idTag": ID_TAG, "connectorId": 1}
        await asyncio.to_thread(remote.order, "RemoteStartTransaction", start)
        await asyncio.wait_for(box.charging.wait(), PATIENCE_S)  # only now it surely knows its transaction
        check_command(remote.ended["RemoteStartTransaction"], "transaction_started", box.transaction_id)
        stop = {"transactionId": box.transaction_id}
        await asyncio.to_thread(remote.order, "RemoteStopTransaction", stop)
        check_command(remote.ended["RemoteStopTransaction"], "transaction_ended", box.transaction_id)
        await asyncio.wait_for(box.stopped.wait(), PATIENCE_S)
        listening.cancel()
        return box.transaction_id


@pytest.fixture
def charger(live: LiveServer) -> Iterator[Charger]:
    options = ChargerOptions(
        connectors=1, speed=60.0, register_wh=BEGIN_WH, configuration={"MeterValueSampleInterval": "10"}
    )
    with simulated(live, "SIM-1", options) as charger:
        yield charger


def test_our_own_charger_is_started_and_stopped_from_afar(desk: Desk, charger: Charger) -> None:
    remote = Remote(desk, "SIM-1")
    charger.plug(1).result(PATIENCE_S)
    charger.wait_until_status(1, "Preparing", PATIENCE_S)
    remote.order("RemoteStartTransaction", {"idTag": ID_TAG, "connectorId": 1})
    charger.wait_until_status(1, "Charging", PATIENCE_S)
    transaction_id = charger.state().connectors[0].transaction_id
    assert transaction_id is not None
    check_command(remote.ended["RemoteStartTransaction"], "transaction_started", transaction_id)
    charger.wait_until(lambda x: x.state().connectors[0].session_wh > 300, PATIENCE_S)
    remote.order("RemoteStopTransaction", {"transactionId": transaction_id})
    check_command(remote.ended["RemoteStopTransaction"], "transaction_ended", transaction_id)
    charger.wait_until(lambda x: x.state().queued == 0, PATIENCE_S)
    with desk.reading() as session:
        taken_wh = int(charger.state().connectors[0].energy_wh) - BEGIN_WH  # told in whole Wh
        check_session(session, transaction_id, taken_wh)
        assert len(session.scalars(select(Reading)).all()) >= 2
