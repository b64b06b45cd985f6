"""The bank of the test provider: no money moves, and everything else is as it is with a real one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import NotFound, Refused
from csms.domain.payments import rules
from csms.domain.payments.models import Outcome, TestCheckout
from csms.domain.payments.rules import Standing, Status

SLOW_FOR = timedelta(seconds=8)
NEWS_AFTER = timedelta(seconds=15)


def open_checkout(
    session: Session,
    reference: str,
    *,
    payment_id: str,
    title: str,
    return_url: str,
    cents: int,
    currency: str,
    at: datetime,
) -> TestCheckout:
    """A page where the payment can be made; opened twice it is the same."""
    found = session.scalar(select(TestCheckout).where(TestCheckout.payment_id == payment_id))
    if found is not None:
        return found
    checkout = TestCheckout(
        reference=reference,
        payment_id=payment_id,
        title=title,
        return_url=return_url,
        asked_cents=cents,
        currency=currency,
        made_at=at,
        expires_at=at + rules.CHECKOUT_FOR,
    )
    session.add(checkout)
    session.flush()
    return checkout


def checkout(session: Session, reference: str) -> TestCheckout:
    """Raises NotFound."""
    found = session.get(TestCheckout, reference)
    if found is None:
        raise NotFound("There is no such payment.")
    return found


def choose(checkout: TestCheckout, outcome: Outcome, *, at: datetime) -> None:
    """What somebody has pressed on the page. Raises Refused for a second time, or too late."""
    if checkout.outcome is not None or checkout.released_at is not None or at >= checkout.expires_at:
        raise Refused("This payment is over.")
    checkout.outcome = outcome
    if outcome is not Outcome.DECLINES:
        checkout.held_at = at + SLOW_FOR if outcome is Outcome.SLOW else at
    checkout.news_left = 2 if outcome is Outcome.TWICE else 1
    checkout.news_at = at + NEWS_AFTER if outcome in (Outcome.LATE, Outcome.SLOW) else at


def standing(checkout: TestCheckout, at: datetime) -> Standing:
    """How it stands, as a real provider would say."""
    intent = f"test_{checkout.reference[:12]}"
    if checkout.captured_cents:
        return Standing(
            Status.CAPTURED,
            checkout.asked_cents,
            checkout.captured_cents,
            checkout.refunded_cents,
            intent=intent,
        )
    if checkout.released_at is not None:
        return Standing(Status.RELEASED if checkout.held_at else Status.LAPSED, intent=intent)
    if checkout.outcome is Outcome.DECLINES:
        return Standing(Status.DECLINED, intent=intent)
    if checkout.held_at is not None and checkout.held_at <= at:
        held_until = checkout.held_at + rules.HOLD_FOR
        if held_until <= at:
            return Standing(Status.RELEASED, intent=intent)
        return Standing(Status.HELD, checkout.asked_cents, held_until=held_until, intent=intent)
    return Standing(Status.LAPSED if at >= checkout.expires_at and not checkout.held_at else Status.OPEN)


def capture(checkout: TestCheckout, cents: int) -> None:
    """Raises Refused as a bank does."""
    if checkout.held_at is None or checkout.released_at is not None or checkout.captured_cents:
        raise Refused("Nothing is held.")
    if not 0 < cents <= checkout.asked_cents:
        raise Refused("This is more than is held.")
    checkout.captured_cents = cents


def release(checkout: TestCheckout, *, at: datetime) -> None:
    """Raises Refused when the money has been taken."""
    if checkout.captured_cents:
        raise Refused("The money has been taken.")
    checkout.released_at = checkout.released_at or at


def refund(checkout: TestCheckout, cents: int) -> None:
    """Raises Refused for more than was taken."""
    if not 0 < cents <= checkout.captured_cents - checkout.refunded_cents:
        raise Refused("This is more than was taken.")
    checkout.refunded_cents += cents


def news_due(session: Session, at: datetime) -> Sequence[TestCheckout]:
    """Of which news are to be sent."""
    return session.scalars(select(TestCheckout).where(TestCheckout.news_at <= at).limit(20)).all()


def note_news(checkout: TestCheckout, *, at: datetime) -> None:
    """They have been sent once."""
    checkout.news_left -= 1
    checkout.news_at = at if checkout.news_left > 0 else None
