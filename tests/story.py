"""The life of a transaction over the wire of a 1.6 charger, in the words that tests tell it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from make import Wire
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.transactions import Reading, Transaction

BEGAN = "2026-03-14T09:00:00Z"
ENDED = "2026-03-14T10:00:00Z"


@dataclass
class Story:
    """What happens at one charger. Message ids count up, so that each message is a new one unless a test says so."""

    wire: Wire
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def session(self) -> Session:
        return self.wire.session

    def tell(self, action: str, payload: dict[str, Any]) -> Any:
        """The confirmation's payload; fails on a CALLERROR."""
        return self.wire.call(action, payload, id=f"story-{next(self._ids)}")

    def start(
        self, tag: str = "04A2", meter: int = 1000, at: str = BEGAN, connector: int = 1, **more: Any
    ) -> int:
        """The transactionId that the charger is given."""
        payload = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": at}
        transaction_id: int = self.tell("StartTransaction", payload | more)["transactionId"]
        return transaction_id

    def stop(self, transaction_id: object, meter: object = 4500, at: str = ENDED, **more: Any) -> Any:
        payload = {"transactionId": transaction_id, "meterStop": meter, "timestamp": at}
        return self.tell("StopTransaction", payload | more)

    def read(self, at: str, *samples: dict[str, Any], connector: int = 1, **more: Any) -> None:
        """MeterValues of one moment; answered with an empty confirmation or the test fails."""
        values = [{"timestamp": at, "sampledValue": list(samples)}]
        assert self.tell("MeterValues", {"connectorId": connector, "meterValue": values} | more) == {}

    def transactions(self) -> list[Transaction]:
        return list(
            self.session.scalars(select(Transaction).order_by(Transaction.started_at, Transaction.id))
        )

    def transaction(self, transaction_id: int | None = None) -> Transaction:
        """The transaction with this id, or the only one there is."""
        if transaction_id is None:
            return self.session.scalars(select(Transaction)).one()
        return self.session.get_one(Transaction, transaction_id)

    def readings(self) -> list[Reading]:
        return list(self.session.scalars(select(Reading).order_by(Reading.id)))


def energy(value: object, **more: Any) -> dict[str, Any]:
    """A sampled value of the energy register."""
    return {"value": value, "measurand": "Energy.Active.Import.Register", "unit": "Wh"} | more
