"""Manufacturers' own messages (1.6 §4.3): who is known gets an answer, who is not is told so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from make import Wire
from sqlalchemy import select

from csms.domain.frames import Frame
from csms.ocpp.dispatch import Context
from csms.ocpp.v16.data_transfers import Transferred, data_transfers


@pytest.fixture(autouse=True)
def _acme() -> Iterator[None]:
    """An application that knows one vendor."""

    @data_transfers.on("com.acme", "whoami")
    def whoami(context: Context, data: str | None) -> Transferred:
        return Transferred(data=f"{context.station.identity} said {data}")

    @data_transfers.on("com.acme", "launch")
    def launch(context: Context, data: str | None) -> Transferred:
        del context, data
        return Transferred(is_accepted=False)

    @data_transfers.on("com.acme")
    def hello(context: Context, data: str | None) -> Transferred:
        del context, data
        return Transferred()

    yield
    del data_transfers.handlers["com.acme"]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"vendorId": "com.acme", "messageId": "whoami", "data": "hi"}, ("Accepted", "CP-1 said hi")),
        ({"vendorId": "COM.ACME", "messageId": "WhoAmI", "data": 7}, ("Accepted", "CP-1 said 7")),
        ({"vendorId": "com.acme", "messageId": "launch"}, ("Rejected", None)),
        ({"vendorId": "com.acme"}, ("Accepted", None)),
        ({"vendorId": "com.acme", "messageId": "dance"}, ("UnknownMessageId", None)),
        ({"vendorId": "org.other", "messageId": "whoami"}, ("UnknownVendorId", None)),
    ],
)
def test_a_vendors_message_is_answered_by_its_handler(
    wire: Wire, request_: dict[str, object], answer: tuple[str, str | None]
) -> None:
    reply = wire.call("DataTransfer", request_)
    assert (reply["status"], reply.get("data")) == answer
    assert ("data" in reply) is (answer[1] is not None)
    assert wire.session.scalars(select(Frame.action)).one() == "DataTransfer"
