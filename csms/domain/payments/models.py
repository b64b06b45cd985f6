"""Payments by card at a station: what was held, taken and given back, and every step of it."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from csms.domain.accounts import Account
from csms.domain.base import Base, BigId, choice
from csms.domain.chargers import Charger, Connector
from csms.domain.transactions import Transaction
from csms.domain.transactions.removal import KEEPS_CHARGER
from csms.sentences import gettext_noop

KEPT = gettext_noop("There are card payments of %(title)s: it stays, for the books.")


class PaymentKind(enum.StrEnum):
    """What is paid for."""

    SESSION = "session"
    TOP_UP = "top_up"  # an account's credit


class PaymentState(enum.StrEnum):
    """How far the money has come. REFUNDED: all that was captured went back; FAILED: the card was declined;
    EXPIRED: nobody paid in time, or the hold lapsed before anything was taken.
    """

    REQUESTED = "requested"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    REFUNDED = "refunded"
    FAILED = "failed"
    EXPIRED = "expired"


OVER = (PaymentState.RELEASED, PaymentState.REFUNDED, PaymentState.FAILED, PaymentState.EXPIRED)


class Wanted(enum.StrEnum):
    """What is to be done at the provider, until it is done."""

    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"


class Payment(Base):
    """One driver's payment for one session at a connector, or for the credit of `credited_account`.

    Amounts in cents of `currency`, VAT included; never more than was held.

    `wanted` is what is to be done at the provider, of `wanted_cents`: what shall have been captured, or given back, in
    all. `due_at` is when the provider is asked next, None: not until something happens. `problem` says what a person
    should look at, for drivers `reason` says why it came to nothing.
    """

    __tablename__ = "payment"
    __table_args__ = (
        Index("ix_payment_state_requested_at", "state", "requested_at"),
        UniqueConstraint("provider", "reference"),
        {"info": {KEEPS_CHARGER: KEPT}},
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str | None] = mapped_column(String(255))  # the provider's name for it
    intent: Mapped[str | None] = mapped_column(
        String(255), index=True
    )  # under which it is found in its pages
    checkout_url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[PaymentState] = mapped_column(choice(PaymentState))
    currency: Mapped[str] = mapped_column(String(3))
    asked_cents: Mapped[int]
    held_cents: Mapped[int] = mapped_column(default=0)
    captured_cents: Mapped[int] = mapped_column(default=0)
    refunded_cents: Mapped[int] = mapped_column(default=0)

    credited_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    charger_id: Mapped[int | None] = mapped_column(ForeignKey("charger.id"), index=True)
    connector_id: Mapped[int | None] = mapped_column(ForeignKey("connector.id"))
    id_token_id: Mapped[int | None] = mapped_column(
        ForeignKey("id_token.id", ondelete="SET NULL"), index=True
    )
    command_id: Mapped[str | None] = mapped_column(String(36))
    transaction_id: Mapped[int | None] = mapped_column(
        ForeignKey("transaction.id", ondelete="SET NULL"), index=True
    )

    payer_id: Mapped[int | None] = mapped_column(
        index=True
    )  # whose account was logged in; of a session nothing is booked there

    language: Mapped[str | None] = mapped_column(String(8))  # of the page on which it was begun
    # What proved that the payer stood there: the plugging in of their car, or the station's code and when it was typed.
    plugged_at: Mapped[datetime | None]
    code_at: Mapped[datetime | None]

    wanted: Mapped[Wanted | None] = mapped_column(choice(Wanted))
    wanted_cents: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    asked_at: Mapped[datetime | None]  # when the provider was asked last
    reason: Mapped[str | None] = mapped_column(String(255))
    problem: Mapped[str | None] = mapped_column(String(255))
    problem_at: Mapped[datetime | None] = mapped_column(index=True)
    stop_asked_at: Mapped[datetime | None]

    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # until when it can be paid
    held_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]  # then the bank lets go of it
    settled_at: Mapped[datetime | None]  # when it was captured, released or came to nothing

    credited_account: Mapped[Account | None] = relationship()
    charger: Mapped[Charger | None] = relationship()
    connector: Mapped[Connector | None] = relationship()
    transaction: Mapped[Transaction | None] = relationship()

    @property
    def topic(self) -> str:
        return f"payment:{self.id}"

    @property
    def kind(self) -> PaymentKind:
        return PaymentKind.SESSION if self.credited_account_id is None else PaymentKind.TOP_UP

    @property
    def is_top_up(self) -> bool:
        return self.kind is PaymentKind.TOP_UP

    @property
    def net_cents(self) -> int:
        """What has been taken, and not given back."""
        return self.captured_cents - self.refunded_cents

    @property
    def needs_decision(self) -> bool:
        """Its session is over and has no bill: a person says what is taken."""
        session = self.transaction
        is_unbilled = session is not None and not session.is_active and session.cost_cents is None
        return self.state is PaymentState.HELD and self.wanted is None and is_unbilled

    @property
    def is_over(self) -> bool:
        return self.state in OVER and self.wanted is None


class PaymentEvent(Base):
    """One step of a payment. Only ever added to."""

    __tablename__ = "payment_event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("payment.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    state: Mapped[PaymentState] = mapped_column(choice(PaymentState))  # after this step
    what: Mapped[str] = mapped_column(String(40))
    cents: Mapped[int | None]
    note: Mapped[str | None] = mapped_column(String(255))
    by: Mapped[str | None] = mapped_column(String(80))  # None: by itself


class PaymentNews(Base):
    """A message of a provider that something has happened, once however often it is sent."""

    __tablename__ = "payment_news"
    __table_args__ = (UniqueConstraint("provider", "event_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(16))
    event_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(80))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payment.id", ondelete="CASCADE"), index=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    times: Mapped[int] = mapped_column(Integer, default=1)


class Outcome(enum.StrEnum):
    """What somebody chose on the checkout page of the test provider."""

    PAYS = "pays"
    DECLINES = "declines"
    SLOW = "slow"  # the hold stands some seconds after the driver is back
    LATE = "late"  # the driver does not come back; the news come later
    TWICE = "twice"  # the news come twice


class TestCheckout(Base):
    """What the test provider keeps, as a bank would. The rest of the program asks for it by `reference` alone."""

    __tablename__ = "test_checkout"
    __test__ = False  # no test, whatever its name says

    reference: Mapped[str] = mapped_column(String(64), primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(36), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    return_url: Mapped[str] = mapped_column(String(500))
    currency: Mapped[str] = mapped_column(String(3))
    asked_cents: Mapped[int]
    outcome: Mapped[Outcome | None] = mapped_column(choice(Outcome))
    captured_cents: Mapped[int] = mapped_column(default=0)
    refunded_cents: Mapped[int] = mapped_column(default=0)
    released_at: Mapped[datetime | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    held_at: Mapped[datetime | None]  # may be soon, and not yet
    news_at: Mapped[datetime | None] = mapped_column(index=True)
    news_left: Mapped[int] = mapped_column(Integer, default=0)
