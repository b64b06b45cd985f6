"""A small Stripe: the few requests that the product makes, over a real socket. It keeps what was asked of it."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from csms import clock
from tests.web_server import Requests, WebServer

KEY, SIGNING = "sk_test_1234567890", "whsec_0987654321"

Told = tuple[int, dict[str, Any]]


@dataclass
class Intent:
    """One PaymentIntent; `captures` and `refunds` in the smallest unit, each as often as it was really done."""

    id: str
    amount: int
    currency: str = "eur"
    status: str = "requires_capture"
    captures: list[int] = field(default_factory=list)
    refunds: list[int] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        is_held = self.status == "requires_capture"
        return {
            "id": self.id,
            "status": self.status,
            "amount": self.amount,
            "amount_capturable": self.amount if is_held else 0,
            "amount_received": sum(self.captures),
            "latest_charge": {"amount_refunded": sum(self.refunds)},
        }


class SmallStripe(WebServer):
    """Use as a context manager. `failures`: the status of each answer to come that is none of the usual ones."""

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.forget()

    def forget(self) -> None:
        """Be as new, at the same address."""
        self.sessions: dict[str, dict[str, Any]] = {}
        self.intents: dict[str, Intent] = {}
        self.failures: deque[int] = deque()
        self.balance: list[
            dict[str, Any]
        ] = []  # what moved the account, each with the payout that took it along
        self.payouts: list[dict[str, Any]] = []  # the newest first, as Stripe lists them
        self.page = 100  # rows of a list, at most
        self._replies: dict[str, Told] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def pay(self, session_id: str) -> Intent:
        """Somebody enters a good card on the page of a session."""
        session = self.sessions[session_id]
        assert session["status"] == "open"
        intent = Intent(f"pi_{next(self._numbers)}", session["amount"], session["currency"])
        self.intents[intent.id] = intent
        session.update(status="complete", payment_intent=intent.id)
        return intent

    def move(self, kind: str, amount: int, fee: int = 0, intent: str | None = None, **more: Any) -> None:
        """Something moves the account: a row of its balance."""
        number = next(self._numbers)
        row = {"id": f"txn_{number}", "type": kind, "amount": amount, "fee": fee, "net": amount - fee}
        source = {"id": f"src_{number}", "payment_intent": intent} if intent else None
        made = {"currency": "eur", "created": int(clock.now().timestamp()), "description": None}
        self.balance.append(row | made | {"source": source, "payout": None} | more)

    def pay_out(self, **more: Any) -> dict[str, Any]:
        """A payout of all that has moved the account since the last one, and itself among its rows."""
        rows = [x for x in self.balance if x["payout"] is None]
        at = int(clock.now().timestamp())
        payout = {
            "id": f"po_{next(self._numbers)}",
            "amount": sum(x["net"] for x in rows),
            "currency": "eur",
            "status": "in_transit",
            "automatic": True,
            "created": at,
            "arrival_date": at - at % 86_400 + 172_800,
            "failure_code": None,
            "failure_message": None,
            "reconciliation_status": "completed",
        } | more
        self.payouts.insert(0, payout)
        self.move("payout", -payout["amount"])
        for row in (*rows, self.balance[-1]):
            row["payout"] = payout["id"]
        return payout

    def event(self, kind: str, about: dict[str, Any], number: int = 1) -> tuple[bytes, dict[str, str]]:
        """(a message as Stripe sends it, its headers)."""
        body = json.dumps({"id": f"evt_{number}", "type": kind, "data": {"object": about}}).encode()
        stamp = int(clock.now().timestamp())
        signed = hmac.new(SIGNING.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return body, {"Stripe-Signature": f"t={stamp},v1={signed}", "Content-Type": "application/json"}

    def answer(self, method: str, path: str, fields: dict[str, str], headers: dict[str, str]) -> Told:
        with self._lock:
            if self.failures:
                return self.failures.popleft(), {"error": {"message": "Something is wrong here."}}
            if headers.get("authorization") != f"Bearer {KEY}":
                return 401, {"error": {"message": "Invalid API Key provided"}}
            key = headers.get("idempotency-key")
            if key in self._replies:
                return self._replies[key]
            told = self._do(method, path, fields)
            if key and told[0] < 500:
                self._replies[key] = told
            return told

    def _do(self, method: str, path: str, fields: dict[str, str]) -> Told:
        if path == "/v1/account":
            return 200, {"id": "acct_1", "settings": {"dashboard": {"display_name": "Plaza Charging"}}}
        if path == "/v1/checkout/sessions":
            return self._open(fields)
        if found := re.fullmatch(r"/v1/checkout/sessions/(\w+)(/expire)?", path):
            return self._session(found[1], is_expiring=bool(found[2]))
        if found := re.fullmatch(r"/v1/payment_intents/(\w+)/(capture|cancel)", path):
            return self._settle(self.intents[found[1]], found[2], fields)
        if path == "/v1/payouts":
            since = int(fields["created[gte]"])
            return self._list([x for x in self.payouts if x["created"] >= since], fields)
        if path == "/v1/balance_transactions":
            return self._taken_apart(fields)
        if path == "/v1/refunds":
            return self._refund(self.intents[fields["payment_intent"]], int(fields["amount"]))
        return 404, {"error": {"message": f"Unrecognized request URL ({method}: {path})"}}

    def _taken_apart(self, fields: dict[str, str]) -> Told:
        assert fields["expand[]"] == "data.source"
        payout = next(x for x in self.payouts if x["id"] == fields["payout"])
        if not payout["automatic"]:
            return 400, {"error": {"message": "Balance history can only be filtered on automatic transfers."}}
        return self._list([x for x in reversed(self.balance) if x["payout"] == payout["id"]], fields)

    def _list(self, rows: list[dict[str, Any]], fields: dict[str, str]) -> Told:
        after, many = fields.get("starting_after"), min(int(fields["limit"]), self.page)
        first = next((i for i, x in enumerate(rows, 1) if x["id"] == after), 0)
        data = rows[first : first + many]
        return 200, {"object": "list", "data": data, "has_more": first + many < len(rows)}

    def _open(self, fields: dict[str, str]) -> Told:
        assert fields["payment_intent_data[capture_method]"] == "manual"
        assert int(fields["expires_at"]) >= clock.now().timestamp() + 1_800
        number = next(self._numbers)
        session = {
            "id": f"cs_{number}",
            "url": f"{self.url}/pay/cs_{number}",
            "status": "open",
            "amount": int(fields["line_items[0][price_data][unit_amount]"]),
            "currency": fields["line_items[0][price_data][currency]"],
            "payment": fields["metadata[payment]"],
            "success_url": fields["success_url"],
            "payment_intent": None,
        }
        self.sessions[f"cs_{number}"] = session
        return 200, session

    def _session(self, session_id: str, *, is_expiring: bool) -> Told:
        session = self.sessions[session_id]
        if is_expiring:
            if session["status"] != "open":
                return 400, {"error": {"message": "This Session is not open."}}
            session["status"] = "expired"
        intent = session["payment_intent"]
        return 200, session | {"payment_intent": self.intents[intent].told() if intent else None}

    def _settle(self, intent: Intent, verb: str, fields: dict[str, str]) -> Told:
        if intent.status != "requires_capture":
            return 400, {"error": {"message": f"This PaymentIntent could not be {verb}ed: {intent.status}."}}
        if verb == "capture":
            intent.captures.append(int(fields["amount_to_capture"]))
            assert intent.captures[-1] <= intent.amount
            self.move("charge", intent.captures[-1], 33, intent.id)
        intent.status = "succeeded" if verb == "capture" else "canceled"
        return 200, intent.told()

    def _refund(self, intent: Intent, amount: int) -> Told:
        if sum(intent.refunds) + amount > sum(intent.captures):
            return 400, {"error": {"message": "Refund amount is greater than unrefunded amount on charge."}}
        intent.refunds.append(amount)
        self.move("refund", -amount, 0, intent.id)
        return 200, {"id": f"re_{next(self._numbers)}"}


def _handler(stripe: SmallStripe) -> type[Requests]:
    class Handler(Requests):
        def _answer(self) -> None:
            asked = urlsplit(self.path)
            given = parse_qs(asked.query) | parse_qs(self.body())
            fields = {x: y[0] for x, y in given.items()}
            status, told = stripe.answer(self.command, asked.path, fields, self.names())
            self.reply(status, json.dumps(told))

        do_GET = do_POST = _answer  # noqa: N815  the library's names

    return Handler
