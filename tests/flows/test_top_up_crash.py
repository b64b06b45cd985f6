"""kill -9 between the steps of a top-up: the card pays once, and the ledger has it once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from make import quick_hash
from sqlalchemy import select

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Account, Role
from csms.domain.payments import Payment, PaymentState
from csms.domain.verify import verify
from tests.desk import PASSWORD, Desk
from tests.flows.mortal import Mortal
from tests.nursery import ForkedServer
from tests.stripe import SmallStripe

AMOUNT_CENTS, REFUND_CENTS = 2_000, 500
STEPS = ("requested", "held", "capture ordered", "captured", "refund ordered", "refunded")
WRITTEN = product(("before_commit", "after_commit"), STEPS)
ASKED = product(("before_ask", "after_ask"), ("open", "capture", "refund"))
PLACES = [f"{point} {step}" for point, step in (*WRITTEN, *ASKED)]
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class TopUp(Mortal):
    """One of the driver `name`."""

    def __post_init__(self) -> None:
        with self.desk.writing() as session:
            at = clock.now()
            account = accounts.open_account(session, self.name, at=at)
            hashed = quick_hash(PASSWORD)
            accounts.create_user(session, self.name, hashed, Role.DRIVER, at=at, account_id=account.id)
            self.account_id = account.id
        self._send("/login", "/login", username=self.name, password=PASSWORD)
        self.lay()

    def pay(self) -> None:
        """The driver presses the button until there is a page, and pays there."""
        self.persistently(lambda: self._send("/accounts/me", "/me/top-ups", amount="20.00"))
        payment = self.until(lambda x: x.checkout_url is not None)
        self.stripe.pay(payment.reference or "")
        self.until(lambda x: x.state is PaymentState.CAPTURED)

    def refund(self) -> None:
        """A program of the operator gives a part back; where it gets no answer it looks before it asks again."""
        payment_id = self.payment().id
        given = {"amount": f"{REFUND_CENTS / 100:.2f}", "reason": "Moved away"}

        def ask() -> None:
            if "refund ordered" not in self.steps(payment_id):
                self.desk.call("POST", f"/payments/{payment_id}/refund", 202, json=given)

        self.persistently(ask)
        self.until(lambda x: x.refunded_cents == REFUND_CENTS and x.wanted is None)

    def check(self) -> None:
        """Each step was taken once, and the bank has done what the ledger says."""
        self.until(lambda x: x.wanted is None and self.deaths == 1)
        payment = self.payment()
        assert self.steps(payment.id) == STEPS
        [intent] = [x for x in self.stripe.intents.values() if x.id == payment.intent]
        assert (intent.captures, intent.refunds) == ([AMOUNT_CENTS], [REFUND_CENTS])
        with self.desk.reading() as session:
            assert session.get_one(Account, self.account_id).balance_cents == AMOUNT_CENTS - REFUND_CENTS

    def _send(self, page: str, to: str, **form: str) -> None:
        found = TOKEN.search(self.driver.get(self.server.url + page, timeout=30).text)
        assert found
        given = {"csrf_token": found[1], **form}
        answer = self.driver.post(self.server.url + to, given, allow_redirects=False, timeout=30)
        assert answer.status_code in (302, 303), answer.text

    def payment(self) -> Payment:
        query = select(Payment).where(Payment.credited_account_id == self.account_id)
        with self.desk.reading() as session:
            return session.scalars(query.order_by(Payment.requested_at.desc()).limit(1)).one()


def test_a_top_up_survives_kill_9_between_all_of_its_steps(
    dying_server: ForkedServer, till: Desk, stripe: SmallStripe
) -> None:
    """Each place on one of the two databases, as for payments at stations."""
    first = int(dying_server.database_url.startswith("postgresql"))
    for number, place in enumerate(PLACES[first::2]):
        one = TopUp(dying_server, till, stripe, f"dana-{number}", place)
        try:
            one.pay()
            one.refund()
            one.check()
        except AssertionError as error:
            raise AssertionError(f"{place}: {error}") from error
    with till.reading() as session:
        assert verify(session) == []
