"""Offering, subscribing, cancelling, and the renewal of what is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import Account, LedgerKind, book
from csms.domain.base import Invalid, Refused, announce, printable, take_due
from csms.domain.subscriptions.models import Subscription, SubscriptionProduct

Row = TypeVar("Row", Account, Subscription)

LOOK_AGAIN = timedelta(hours=1)  # at one that its account cannot pay
PATIENCE = timedelta(days=30)  # after which such a one ends
BATCH = 100
MOST_CENTS, MOST_WH, MOST_DAYS = 100_000_00, 100_000_000, 3660


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """What an offer says: cents and Wh for each period of `renewal_days`."""

    name: str
    price_cents: int
    renewal_days: int
    included_cents: int = 0
    included_wh: int = 0
    description: str | None = None
    is_open: bool = True


def add_product(session: Session, terms: ProductTerms, *, at: datetime) -> SubscriptionProduct:
    """A new offer. Raises Invalid."""
    product = SubscriptionProduct(created_at=at)
    change_product(product, terms)
    session.add(product)
    session.flush()
    return product


def change_product(product: SubscriptionProduct, terms: ProductTerms) -> None:
    """Change an offer for those who subscribe from now on. Raises Invalid."""
    name = printable(terms.name.strip(), 80)
    if not name:
        raise Invalid("Give the product a name.", "name")
    if not 1 <= terms.renewal_days <= MOST_DAYS:
        raise Invalid("A period has between 1 and %(most_days)s days.", "renewal_days", most_days=MOST_DAYS)
    if not (0 <= terms.price_cents <= MOST_CENTS and 0 <= terms.included_cents <= MOST_CENTS):
        raise Invalid("Write an amount between 0 and 100000.", "price")
    if not 0 <= terms.included_wh <= MOST_WH:
        raise Invalid("Write an amount of energy that a car could take.", "included_wh")
    product.name = name
    product.description = printable((terms.description or "").strip(), 500) or None
    product.price_cents, product.renewal_days = terms.price_cents, terms.renewal_days
    product.included_cents, product.included_wh = terms.included_cents, terms.included_wh
    product.is_open = terms.is_open


def withdraw_product(product: SubscriptionProduct, *, at: datetime) -> None:
    """Offer it no more; those who have it keep it."""
    product.withdrawn_at = product.withdrawn_at or at


def subscribe(
    session: Session, account: Account, product: SubscriptionProduct, *, by: str, at: datetime
) -> Subscription:
    """Begin, and pay, the first period. Raises Refused without the credit for it, and where there is one already."""
    _lock(session, Account, account.id)  # two presses at once must not make two
    if product.withdrawn_at is not None:
        raise Refused("This product is not offered any more.")
    running = select(Subscription.id).where(
        Subscription.account_id == account.id,
        Subscription.product_id == product.id,
        Subscription.ended_at.is_(None),
    )
    if session.scalar(running) is not None:
        raise Refused("There is a subscription to this product already.")
    if not _can_pay(account, product.price_cents):
        raise Refused("There is not enough credit for the first period: top up, then subscribe.")
    subscription = Subscription(
        account_id=account.id,
        product=product,
        price_cents=product.price_cents,
        included_cents=product.included_cents,
        included_wh=product.included_wh,
        renewal_days=product.renewal_days,
        started_at=at,
        periods=0,
    )
    session.add(subscription)
    session.flush()
    _begin_period(session, subscription, account, begins_at=at, at=at, by=by)
    return subscription


def cancel(session: Session, subscription: Subscription, *, by: str, at: datetime) -> None:
    """Let it run out with the period that is paid; an overdue one ends at once. Raises Refused."""
    _lock(session, Subscription, subscription.id)
    if subscription.cancelled_at is not None or subscription.ended_at is not None:
        raise Refused("This subscription is cancelled already.")
    subscription.cancelled_at, subscription.cancelled_by = at, printable(by, 80)
    if subscription.overdue_since is not None:
        _end(subscription, at)
    announce(session, f"account:{subscription.account_id}")


def renew_due(session: Session, at: datetime) -> int:
    """Begin the next period of what is due, one period at a time; end what is cancelled, or unpaid for too long."""
    query = select(Subscription).where(Subscription.look_at <= at).order_by(Subscription.look_at).limit(BATCH)
    due = session.scalars(query).all()
    return sum(_renew(session, x, at) for x in due)


def _renew(session: Session, subscription: Subscription, at: datetime) -> bool:
    paid_until = subscription.next_renewal_at
    if not take_due(session, subscription, Subscription.look_at, at + LOOK_AGAIN) or paid_until is None:
        return False
    if subscription.cancelled_at is not None:
        _end(subscription, paid_until)
        return True
    account = session.get_one(Account, subscription.account_id, with_for_update=True, populate_existing=True)
    if _can_pay(account, subscription.price_cents):
        begins_at = at if subscription.overdue_since is not None else paid_until
        _begin_period(session, subscription, account, begins_at=begins_at, at=at, by=None)
        return True
    if subscription.overdue_since is None:
        subscription.overdue_since = at
    elif subscription.overdue_since <= at - PATIENCE:
        _end(subscription, at)
    announce(session, f"account:{account.id}")
    return True


def _begin_period(
    session: Session,
    subscription: Subscription,
    account: Account,
    *,
    begins_at: datetime,
    at: datetime,
    by: str | None,
) -> None:
    """Book a period: its price, and the credit that it brings."""
    ends_at = begins_at + timedelta(days=subscription.renewal_days)
    subscription.next_renewal_at = subscription.look_at = ends_at
    subscription.periods += 1
    subscription.overdue_since = None
    book(
        session,
        account,
        LedgerKind.SUBSCRIPTION,
        at=at,
        amount_cents=subscription.included_cents - subscription.price_cents,
        energy_wh=subscription.included_wh,
        note=f"{subscription.product.name} · {subscription.periods}",
        by=by,
    )


def _lock(session: Session, model: type[Row], row_id: int) -> Row:
    """Read it anew, and let nobody else change it until this unit of work is over."""
    query = select(model).where(model.id == row_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _can_pay(account: Account, price_cents: int) -> bool:
    return account.is_service or not price_cents or account.balance_cents >= price_cents


def _end(subscription: Subscription, at: datetime) -> None:
    subscription.ended_at = at
    subscription.next_renewal_at = subscription.look_at = None
