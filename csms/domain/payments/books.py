"""The books of payments: every step of each, and the account that all of them go over."""

from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import accounts
from csms.domain.accounts import Account, LedgerKind, settings
from csms.domain.base import announce, append, printable
from csms.domain.payments.models import Payment, PaymentEvent

ACCOUNT_NAME = "Card payments"
BOOKED_AS = "payment "  # and its id: the note of all that is booked of it


def note(
    session: Session,
    payment: Payment,
    what: str,
    *,
    at: datetime,
    cents: int | None = None,
    words: str | None = None,
    by: str | None = None,
) -> None:
    """Write a step into the books."""
    row = {"payment_id": payment.id, "at": at, "state": payment.state, "what": what, "cents": cents}
    append(session, PaymentEvent, row | {"note": printable(words, 255), "by": by})
    announce(session, payment.topic)


def account(session: Session, at: datetime) -> Account:
    """On which all that is paid by card is booked: sessions against it, captures for it. In the end it comes to 0."""
    kept = settings.get(session, settings.PAYMENTS_ACCOUNT)
    found = session.get(Account, int(kept)) if kept else None
    if found is None:
        found = accounts.open_account(session, ACCOUNT_NAME, at=at, is_service=True)
        settings.put(session, settings.PAYMENTS_ACCOUNT, str(found.id), at=at)
    return found


def is_kept_on(session: Session, account: Account) -> bool:
    """Is this the account of what is paid by card?"""
    return settings.get(session, settings.PAYMENTS_ACCOUNT) == str(account.id)


def book(session: Session, payment: Payment, cents: int, *, at: datetime) -> None:
    """What has been taken, or less than nothing for what has gone back: to the account that it tops up, if it does."""
    accounts.book(
        session,
        payment.credited_account or account(session, at),
        LedgerKind.PAYMENT,
        at=at,
        amount_cents=cents,
        transaction_id=payment.transaction_id,
        note=f"{BOOKED_AS}{payment.id}",
    )
