"""A charger with prices, a driver with a card, and what they do; pages ask the real clock, so it happens now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from make import Wire, make_charger, make_wire, store
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, tariffs
from csms.domain.accounts import Account, LedgerKind
from csms.domain.chargers import Charger, Connector
from csms.domain.tariffs import simple
from csms.domain.transactions import Transaction

PRICES = simple("EUR", Decimal("0.49"), Decimal(0), Decimal("0.10"), 15, Decimal("0.35"), Decimal(21))


@dataclass
class Site:
    session: Session
    wire: Wire
    account: Account
    now: datetime
    said: int = 0

    @property
    def charger(self) -> Charger:
        return self.wire.charger

    @property
    def connector(self) -> Connector:
        query = select(Connector).where(Connector.charger_id == self.charger.id)
        return self.session.scalars(query.order_by(Connector.evse_number)).one()

    @property
    def slug(self) -> str:
        return self.connector.slug

    def tell(self, action: str, payload: dict[str, Any], at: datetime) -> Any:
        self.said += 1
        return self.wire.call(action, payload, id=f"m{self.said}", at=at)

    def status(self, status: str, at: datetime | None = None, connector: int = 1) -> None:
        at = at or self.now
        report = {"connectorId": connector, "status": status, "errorCode": "NoError"}
        report["timestamp"] = at.isoformat()
        self.tell("StatusNotification", report, at)

    def begin(self, card: str = "04A2B39F", meter_wh: int = 1_000, at: datetime | None = None) -> Transaction:
        at = at or self.now
        report = {"connectorId": 1, "idTag": card, "meterStart": meter_wh, "timestamp": at.isoformat()}
        answer = self.tell("StartTransaction", report, at)
        self.status("Charging", at)
        return self.session.get_one(Transaction, answer["transactionId"])

    def measure(self, transaction: Transaction, meter_wh: int, at: datetime) -> None:
        values = [{"timestamp": at.isoformat(), "sampledValue": [{"value": str(meter_wh), "unit": "Wh"}]}]
        report = {"connectorId": 1, "transactionId": transaction.id, "meterValue": values}
        self.tell("MeterValues", report, at)

    def end(self, transaction: Transaction, meter_wh: int, at: datetime | None = None) -> Transaction:
        at = at or self.now
        report = {"transactionId": transaction.id, "meterStop": meter_wh, "timestamp": at.isoformat()}
        self.tell("StopTransaction", report, at)
        return self.session.get_one(Transaction, transaction.id)


def make_site(session: Session) -> Site:
    """A charger at which anybody may charge for PRICES; Olga with the card 04A2B39F and 50 €."""
    now = clock.now()
    tariffs.create(session, "Public", PRICES, at=now, is_default=True)
    account = accounts.open_account(session, "Olga Serrano", at=now)
    accounts.book(session, account, LedgerKind.TOP_UP, at=now, amount_cents=5_000)
    accounts.add_token(session, "04A2B39F", at=now, account_id=account.id, label="Blue card")
    store(session)
    charger = make_charger(session, "CP-1", at=now - timedelta(minutes=5), online=True, name="Plaza AC-2")
    wire = make_wire(session, charger)
    wire.now = now
    return Site(session, wire, account, now)
