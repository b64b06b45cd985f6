"""kill -9 between the steps of a top-up: the card pays once, and the ledger has it once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TypeVar

import pytest
import requests
from make import quick_hash
from sqlalchemy import select

from csms import clock
from csms.domain import accounts
from csms.domain.accounts import Account, Role
from csms.domain.payments import Payment, PaymentState, queries, settings
from csms.domain.verify import verify
from csms.seal import Seal
from tests.desk import PASSWORD, Desk, wait_for
from tests.live import SECRET_KEY
from tests.nursery import ForkedServer
from tests.stripe import KEY, SmallStripe

T = TypeVar("T")

AMOUNT_CENTS, REFUND_CENTS = 2_000, 500
STEPS = ("requested", "held", "capture ordered", "captured", "refund ordered", "refunded")
WRITTEN = product(("before_commit", "after_commit"), STEPS)
ASKED = product(("before_ask", "after_ask"), ("open", "capture", "refund"))
PLACES = [f"{point} {step}" for point, step in (*WRITTEN, *ASKED)]
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class TopUp:
    """One of a driver's, and a server that dies once during it, at `place`."""

    server: ForkedServer
    desk: Desk
    stripe: SmallStripe
    name: str
    place: str
    driver: requests.Session = field(default_factory=requests.Session)
    deaths: int = 0

    def __post_init__(self) -> None:
        with self.desk.writing() as session:
            at = clock.now()
            account = accounts.open_account(session, self.name, at=at)
            hashed = quick_hash(PASSWORD)
            accounts.create_user(session, self.name, hashed, Role.DRIVER, at=at, account_id=account.id)
            self.account_id = account.id
        self._send("/login", "/login", username=self.name, password=PASSWORD)
        Path(self.server.arguments[0]).write_text(self.place)

    def pay(self) -> None:
        """The driver presses the button until there is a page, and pays there."""
        self._persistently(lambda: self._send("/accounts/me", "/me/top-ups", amount="20.00"))
        payment = self._until(lambda x: x.checkout_url is not None)
        self.stripe.pay(payment.reference or "")
        self._until(lambda x: x.state is PaymentState.CAPTURED)

    def refund(self) -> None:
        """A program of the operator gives a part back; where it gets no answer it looks before it asks again."""
        payment_id = self._newest().id
        given = {"amount": f"{REFUND_CENTS / 100:.2f}", "reason": "Moved away"}

        def ask() -> None:
            if "refund ordered" not in self._steps(payment_id):
                self.desk.call("POST", f"/payments/{payment_id}/refund", 202, json=given)

        self._persistently(ask)
        self._until(lambda x: x.refunded_cents == REFUND_CENTS and x.wanted is None)

    def check(self) -> None:
        """Each step was taken once, and the bank has done what the ledger says."""
        self._until(lambda x: x.wanted is None and self.deaths == 1)
        payment = self._newest()
        assert self._steps(payment.id) == STEPS
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

    def _persistently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except requests.ConnectionError:
                assert self.server.process is not None
                self.server.process.wait(10)
                self._revive()

    def _until(self, condition: Callable[[Payment], bool]) -> Payment:
        def look() -> Payment:
            self._revive()
            return self._newest()

        return wait_for(look, condition)

    def _revive(self) -> None:
        assert self.server.process is not None
        died = self.server.process.poll()
        if died is not None:
            assert died == -9, f"it ended with {died}"
            self.deaths += 1
            self.server.start()

    def _newest(self) -> Payment:
        query = select(Payment).where(Payment.credited_account_id == self.account_id)
        with self.desk.reading() as session:
            return session.scalars(query.order_by(Payment.requested_at.desc()).limit(1)).one()

    def _steps(self, payment_id: str) -> tuple[str, ...]:
        with self.desk.reading() as session:
            return tuple(x.what for x in queries.events(session, payment_id))


@pytest.fixture
def stripe() -> Iterator[SmallStripe]:
    with SmallStripe() as stripe:
        yield stripe


@pytest.fixture
def server(servers: Callable[..., ForkedServer], stripe: SmallStripe) -> ForkedServer:
    server = servers(STRIPE_URL=stripe.url, PRIVATE_TARGETS="1")
    server.module = "tests.flows.crashing_till"
    server.arguments = (str(server.directory / "fuse"),)
    server.start()
    return server


@pytest.fixture
def desk(server: ForkedServer) -> Iterator[Desk]:
    desk = Desk(server)
    with desk.writing() as session:
        sealed = Seal(SECRET_KEY).close(KEY)
        settings.change(
            session,
            provider="stripe",
            hold_cents=4_000,
            stripe_key_sealed=sealed,
            stripe_signing_sealed=None,
            at=clock.now(),
        )
    yield desk
    desk.close()


def test_a_top_up_survives_kill_9_between_all_of_its_steps(
    server: ForkedServer, desk: Desk, stripe: SmallStripe
) -> None:
    """Each place on one of the two databases, as for payments at stations."""
    first = int(server.database_url.startswith("postgresql"))
    for number, place in enumerate(PLACES[first::2]):
        one = TopUp(server, desk, stripe, f"dana-{number}", place)
        try:
            one.pay()
            one.refund()
            one.check()
        except AssertionError as error:
            raise AssertionError(f"{place}: {error}") from error
    with desk.reading() as session:
        assert verify(session) == []
