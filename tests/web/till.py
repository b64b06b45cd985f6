"""A station where drivers pay by card at the test provider, and the jobs that look after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask
from make import store
from sqlalchemy import select

from csms import clock
from csms import payments as paying
from csms.domain import payments
from csms.domain.accounts import IdToken
from csms.domain.commands import Command
from csms.domain.payments import Payment, PaymentEvent, PayoutRound, TestCheckout, queries, rules, settings
from csms.domain.transactions import Transaction
from csms.work import atomic
from tests.web.site import Site
from tests.web.visitor import Visitor


@dataclass
class Till:
    """The provider set up at the station, and the jobs that look after it."""

    app: Flask
    site: Site

    def set_up(self, provider: str = "test", key: str | None = None, signing: str | None = None) -> Till:
        seal = self.app.extensions["seal"]
        settings.change(
            self.site.session,
            provider=provider,
            hold_cents=4_000,
            stripe_key_sealed=seal.close(key) if key else None,
            stripe_signing_sealed=seal.close(signing) if signing else None,
            at=self.site.now,
        )
        store(self.site.session)
        return self

    def work(self) -> None:
        """What happens by itself, until nothing more does."""
        self.site.session.rollback()
        for _ in range(6):
            with self.app.app_context():
                paying.send_test_news()
                moved = paying.attend_due(self.app)
                with atomic() as session:
                    at = clock.now()
                    moved += payments.follow(session, at) + payments.correct(session, at)
            if not moved:
                return

    def hurry(self) -> None:
        """Let what waits for its next try be tried now."""
        self.site.session.rollback()
        for one in self.site.session.scalars(select(Payment).where(Payment.due_at.is_not(None))).all():
            one.due_at = clock.now() - timedelta(seconds=1)
        store(self.site.session)
        self.work()

    def read_payouts(self) -> None:
        """An hour later: the provider is asked for its payouts."""
        self.site.session.rollback()
        for one in self.site.session.scalars(select(PayoutRound)).all():
            one.due_at = clock.now()
        store(self.site.session)
        self.site.session.rollback()
        with self.app.app_context():
            paying.read_due(self.app)
        self.site.session.rollback()

    def age(self, days: int) -> None:
        """Whatever was taken and given back until now was so many days ago."""
        self.site.session.rollback()
        for model, at in ((PaymentEvent, "at"), (Payment, "requested_at")):
            for one in self.site.session.scalars(select(model)).all():
                setattr(one, at, getattr(one, at) - timedelta(days=days))
        store(self.site.session)

    @property
    def payment(self) -> Payment:
        self.site.session.rollback()
        newest = select(Payment).order_by(Payment.requested_at.desc()).limit(1)
        return self.site.session.scalars(newest).one()

    @property
    def tag(self) -> IdToken:
        return self.site.session.get_one(IdToken, self.payment.id_token_id)

    @property
    def orders(self) -> Sequence[Command]:
        self.site.session.rollback()
        return self.site.session.scalars(select(Command).order_by(Command.requested_at)).all()

    @property
    def steps(self) -> list[str]:
        return [x.what for x in queries.events(self.site.session, self.payment.id)]

    def ask(self, driver: Visitor) -> str:
        """A driver presses the button: the page where it is explained."""
        self.site.status("Preparing")
        return str(driver.post(f"/c/{self.site.slug}/start", {"method": "payment"}).location)

    def pay(self, driver: Visitor, outcome: str = "pays") -> str:
        """From the button to the test bank and back: the page that the driver is on then."""
        page = self.ask(driver)
        answer = driver.post(self.payment.checkout_url or "", {"outcome": outcome})
        assert answer.status_code in (200, 303)
        self.work()
        return page

    def pay_as_stranger(self) -> str:
        """Pay with a browser that nothing else is done with."""
        return self.pay(Visitor(self.app, self.site.session))

    def bank_lets_go(self) -> None:
        """The time of all holds is over, and it is asked how things stand."""
        self.site.session.rollback()
        for one in self.site.session.scalars(select(TestCheckout)).all():
            one.held_at = clock.now() - rules.HOLD_FOR
        store(self.site.session)
        self.hurry()

    def charge(self, wh: int) -> Transaction:
        """The car of the newest payment charges `wh`, and ends."""
        transaction = self.site.begin(self.tag.uid)
        self.work()
        self.site.end(transaction, 1_000 + wh, self.site.now + timedelta(minutes=30))
        self.work()
        return transaction
