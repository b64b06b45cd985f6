"""What manufacturers have added to 1.6 (§4.3): a handler for each vendor and message. None is built in.

@data_transfers.on("com.example", "ping")
def ping(context: Context, data: str | None) -> Transferred:
    return Transferred(is_accepted=True, data="pong")
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from csms.ocpp.dispatch import Context, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.values import members, text_of


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a handler answers; `data` is for the charger, None: nothing."""

    is_accepted: bool = True
    data: str | None = None


Handler = Callable[[Context, str | None], Transferred]


@dataclass(slots=True)
class DataTransfers:
    """Handlers by vendor and message, whose letters' case does not matter (both are CiStrings)."""

    handlers: dict[str, dict[str, Handler]] = field(default_factory=dict)

    def on(self, vendor: str, message: str = "") -> Callable[[Handler], Handler]:
        """Register the handler of a vendor's message; without `message`, of the one that has no messageId."""

        def register(handler: Handler) -> Handler:
            self.handlers.setdefault(vendor.casefold(), {})[message.casefold()] = handler
            return handler

        return register

    def answer(self, context: Context, vendor: str, message: str, data: str | None) -> Payload:
        """1.6 §4.3: who is not known is told which of the two is not, and gets no data."""
        known = self.handlers.get(vendor.casefold())
        if known is None:
            return {"status": "UnknownVendorId"}
        handler = known.get(message.casefold())
        if handler is None:
            return {"status": "UnknownMessageId"}
        answer = handler(context, data)
        reply = {"status": "Accepted" if answer.is_accepted else "Rejected"}
        return reply if answer.data is None else reply | {"data": answer.data}


data_transfers = DataTransfers()


@actions.on("DataTransfer")
def data_transfer(context: Context, request: Any) -> Payload:
    """1.6 §4.3. What nobody here knows is in the journal all the same."""
    given = members(request)
    vendor, message = text_of(given.get("vendorId")) or "", text_of(given.get("messageId")) or ""
    return data_transfers.answer(context, vendor, message, text_of(given.get("data")))
