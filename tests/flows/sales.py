"""Card payments through crashes: a driver, a car and an operator who all try again, at a bank that sees it all."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from csms import clock
from csms.domain.accounts import Account
from csms.domain.chargers import Charger, Connector, ConnectorStatus
from csms.domain.payments import Payment, PaymentState
from csms.domain.transactions import Transaction
from tests.desk import wait_for
from tests.flows.mortal import Mortal
from tests.flows.peer import Order, Peer, dial

USED_WH, COST_CENTS, REFUND_CENTS = 10_000, 525, 200
PAID = ("requested", "held", "start asked", "charging", "capture ordered", "captured")
GIVEN_BACK = (*PAID, "refund ordered", "refunded")
LET_GO = ("requested", "held", "start asked", "release ordered", "released")
UNANSWERED = "before the station answers"
ENDS = {GIVEN_BACK: PaymentState.CAPTURED, LET_GO: PaymentState.RELEASED}


@dataclass
class Sale(Mortal):
    """One payment at the station `name`: a driver, a car and an operator who all try again."""

    def __post_init__(self) -> None:
        self.peer = self._dial()
        self.peer.boot()
        status = {"connectorId": 1, "status": "Preparing", "errorCode": "NoError"}
        self.peer.tell("StatusNotification", status)
        self.slug = wait_for(self._slug, bool)
        self.lay()

    def pay(self) -> None:
        """The driver presses the button until there is a page, and pays there."""
        self.persistently(self._press)
        payment = self.until(lambda x: x.checkout_url is not None)
        self.stripe.pay(payment.reference or "")

    def charge(self) -> None:
        """The station does what it is told to, and the car takes USED_WH."""
        order = self._start_order()
        self._answer(order, "Accepted")
        ended_at = clock.now()
        start = {
            "connectorId": 1,
            "idTag": order.payload["idTag"],
            "meterStart": 1_000,
            "timestamp": (ended_at - timedelta(minutes=30)).isoformat(),
        }
        transaction_id = self._tell("StartTransaction", start)["transactionId"]
        self.until(lambda x: x.transaction_id == transaction_id)
        stop = {
            "transactionId": transaction_id,
            "meterStop": 1_000 + USED_WH,
            "timestamp": ended_at.isoformat(),
        }
        self._tell("StopTransaction", stop)
        self.until(lambda x: x.state is PaymentState.CAPTURED)

    def refuse(self) -> None:
        """The station says no."""
        self._answer(self._start_order(), "Rejected")
        self.until(lambda x: x.state is PaymentState.RELEASED)

    def refund(self) -> None:
        """A program of the operator gives something back; where it gets no answer it looks before it asks again."""
        payment_id = self.payment().id
        given = {"amount": f"{REFUND_CENTS / 100:.2f}", "reason": "Slow"}
        key = {"Idempotency-Key": f"refund-{self.name}"}

        def ask() -> None:
            if "refund ordered" not in self.steps(payment_id):
                self.desk.call("POST", f"/payments/{payment_id}/refund", 202, json=given, headers=key)

        self.persistently(ask)
        self.until(lambda x: x.refunded_cents == REFUND_CENTS)

    def check(self, steps: tuple[str, ...]) -> None:
        """Each step was taken once, the bank has done what the books say, and everybody is even."""
        self.until(lambda x: x.wanted is None and self.deaths == 1)
        wait_for(self._payments, lambda found: all(x.state is PaymentState.FAILED for x in found[1:]))
        with self.desk.reading() as session:
            payment = self.payment()
            assert self.steps(payment.id) == steps
            assert (payment.state, payment.problem) == (ENDS[steps], None)
            [intent] = [x for x in self.stripe.intents.values() if x.id == payment.intent]
            is_paid = steps == GIVEN_BACK
            assert intent.captures == ([COST_CENTS] if is_paid else [])
            assert intent.refunds == ([REFUND_CENTS] if is_paid else [])
            assert intent.status == ("succeeded" if is_paid else "canceled")
            if is_paid:
                transaction = session.get_one(Transaction, payment.transaction_id)
                assert session.get_one(Account, transaction.account_id).balance_cents == 0

    def close(self) -> None:
        self.peer.close()

    def _press(self) -> requests.Response:
        page = self.driver.get(f"{self.server.url}/c/{self.slug}", timeout=30)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found, page.text[:500]
        form = {"csrf_token": found[1], "method": "payment"}
        url = f"{self.server.url}/c/{self.slug}/start"
        answer = self.driver.post(url, form, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text
        return answer

    def _start_order(self) -> Order:
        def look() -> Order | None:
            try:
                return self.peer.order(0.1)
            except (TimeoutError, ConnectionClosed):
                self.revive()
                return None

        order = wait_for(look, lambda x: x is not None)
        assert order is not None
        assert order.action == "RemoteStartTransaction"
        if self.place == UNANSWERED:
            self.server.kill()
            self.revive()
        return order

    def _answer(self, order: Order, status: str) -> None:
        self.peer.answer(order, {"status": status})

    def _tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps([2, action, action, payload])
        while True:
            try:
                self.peer.send(text)
                return dict(self.peer.reply(action)[2])
            except ConnectionClosed:
                self.revive()

    def revive(self) -> None:
        """And connect to it as a charger does."""
        deaths = self.deaths
        super().revive()
        if self.deaths > deaths:
            self.peer.close()
            self.peer = self._dial()

    def payment(self) -> Payment:
        return self._payments()[0]

    def _payments(self) -> Sequence[Payment]:
        """Of this station, the newest first."""
        query = select(Payment).join(Charger).where(Charger.identity == self.name)
        with self.desk.reading() as session:
            return session.scalars(query.order_by(Payment.requested_at.desc())).all()

    def _slug(self) -> str:
        query = select(Connector.slug).join(Charger).where(Charger.identity == self.name)
        with self.desk.reading() as session:
            return session.scalar(query.where(Connector.status == ConnectorStatus.PREPARING)) or ""

    def _dial(self) -> Peer:
        return dial(self.server, f"/ws/ocpp/{self.name}")
