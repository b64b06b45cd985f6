"""Credit that drivers add to their own account by card: all that is held is taken at once, and booked there."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.accounts import Account
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.payments import credit, service
from csms.domain.payments.models import Payment, PaymentState, Wanted
from csms.domain.payments.settings import Settings


def request(
    session: Session,
    account: Account,
    cents: int,
    *,
    currency: str,
    at: datetime,
    language: str | None = None,
) -> Payment:
    """Somebody wants to add to their credit: nothing is held yet. One of the same amount that waits is gone on with.

    Raises Refused where nobody pays by card, Invalid for less or more than is allowed.
    """
    stored = Settings.of(session)
    if not stored.provider or account.is_service:
        raise Refused("Credit cannot be added by bank card here.")
    least, most = stored.top_up_cents
    if not least <= cents <= most:
        limits = {"least": _written(least), "most": _written(most), "currency": currency}
        raise Invalid("Add between %(least)s and %(most)s %(currency)s at a time.", "amount", **limits)
    waiting = _waiting(session, account, cents, stored.provider, at)
    if waiting is not None:
        return waiting
    payment = Payment(
        provider=stored.provider,
        currency=currency,
        asked_cents=cents,
        credited_account_id=account.id,
        payer_id=account.id,
        language=language,
    )
    return service.begin(session, payment, at=at)


def find(session: Session, payment_id: str, account_id: int | None, *, to_change: bool = False) -> Payment:
    """One of this account's. Raises NotFound."""
    payment = service.find(session, payment_id, to_change=to_change)
    if account_id is None or payment.credited_account_id != account_id:
        raise NotFound("There is no such payment.")
    return payment


def refuse_spent(session: Session, account: Account, cents: int, *, at: datetime) -> None:
    """Only credit that is there can go back to a card. Raises Refused.

    What runs on the account has used some of it, and what is about to go back is not there any more. The account is
    locked, so that two refunds do not count on the same credit.
    """
    session.refresh(account, with_for_update=True)
    going = select(func.coalesce(func.sum(Payment.wanted_cents - Payment.refunded_cents), 0)).where(
        Payment.credited_account_id == account.id, Payment.wanted == Wanted.REFUND
    )
    left = max(0, credit.left_of(session, account, at).cents - int(session.scalar(going) or 0))
    if cents > left:
        raise Refused(
            "The credit has been used: %(left)s of it is left. Give back no more than that.",
            left=_written(left),
        )


def _waiting(session: Session, account: Account, cents: int, provider: str, at: datetime) -> Payment | None:
    query = select(Payment).where(
        Payment.provider == provider,
        Payment.credited_account_id == account.id,
        Payment.asked_cents == cents,
        Payment.state == PaymentState.REQUESTED,
        Payment.wanted.is_(None),
        Payment.checkout_url.is_not(None),
        Payment.expires_at > at,
    )
    return session.scalar(query.order_by(Payment.requested_at.desc()).limit(1))


def _written(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}" if cents % 100 else str(cents // 100)
