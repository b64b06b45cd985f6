"""The test provider: a checkout page of our own, and a bank that is a table. No money moves."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from csms import clock
from csms.domain.base import NotFound, Refused
from csms.domain.payments import LineTold, PayoutTold, Standing, Step, TestCheckout, Wanted, checkout, trial
from csms.extensions import db
from csms.payments.provider import Checkout, Forged, News, Opened, Rejected
from csms.sentences import gettext_noop
from csms.work import atomic


class Trial:
    """Its pages are ours, under whatever name the browser has found us."""

    name = "test"

    def open(self, wanted: Checkout) -> Opened:
        with atomic() as session:
            made = checkout.open_checkout(
                session,
                secrets.token_urlsafe(24),
                payment_id=wanted.payment_id,
                title=wanted.title,
                return_url=wanted.return_url,
                cents=wanted.cents,
                currency=wanted.currency,
                at=clock.now(),
            )
            return Opened(made.reference, f"/pay/test/{made.reference}")

    def look(self, reference: str, currency: str) -> Standing:
        del currency
        try:
            found = checkout.checkout(db.session(), reference)
            return checkout.standing(found, clock.now())
        except NotFound as error:
            raise Rejected(str(error)) from None
        finally:
            db.session.remove()

    def act(self, reference: str, currency: str, step: Step) -> None:
        del currency
        at = clock.now()
        do: dict[Wanted, Callable[[TestCheckout], None]] = {
            Wanted.CAPTURE: lambda x: checkout.capture(x, step.cents),
            Wanted.RELEASE: lambda x: checkout.release(x, at=at),
            Wanted.REFUND: lambda x: checkout.refund(x, step.cents),
        }
        try:
            with atomic() as session:
                do[step.wanted](checkout.checkout(session, reference))
        except (NotFound, Refused) as error:
            raise Rejected(str(error)) from None

    def payouts(self, since: datetime) -> Sequence[PayoutTold]:
        """One for each day that is over."""
        try:
            return trial.payouts(db.session(), since, at=clock.now())
        finally:
            db.session.remove()

    def lines(self, payout: str) -> Sequence[LineTold]:
        try:
            return trial.lines(db.session(), payout)
        finally:
            db.session.remove()

    def check(self) -> str:
        return gettext_noop("the test provider")

    def read(self, headers: Mapping[str, str], body: bytes) -> News:
        raise Forged("The test provider sends its news within the house.")
