"""What pages and programs read of subscriptions."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import NotFound
from csms.domain.subscriptions.models import Subscription, SubscriptionProduct


def products(*, is_open: bool = False) -> Select[SubscriptionProduct]:
    """Those that are offered. `is_open`: to drivers themselves."""
    query = select(SubscriptionProduct).where(SubscriptionProduct.withdrawn_at.is_(None))
    return query.where(SubscriptionProduct.is_open) if is_open else query


def product(session: Session, product_id: int) -> SubscriptionProduct:
    """One that is offered. Raises NotFound."""
    found = session.scalar(products().where(SubscriptionProduct.id == product_id))
    if found is None:
        raise NotFound("There is no such product.")
    return found


def listed(*, account_id: int | None = None, is_running: bool = False) -> Select[Subscription]:
    """Subscriptions with their accounts and products."""
    query = select(Subscription).options(joinedload(Subscription.account), joinedload(Subscription.product))
    if account_id is not None:
        query = query.where(Subscription.account_id == account_id)
    return query.where(Subscription.ended_at.is_(None)) if is_running else query


def of_account(
    session: Session, account_id: int, *, only_open: bool
) -> tuple[Sequence[Subscription], Sequence[SubscriptionProduct]]:
    """(the newest subscriptions of an account, what else it may subscribe to)."""
    query = listed(account_id=account_id).order_by(Subscription.id.desc()).limit(20)
    found = session.scalars(query).all()
    taken = [x.product_id for x in found if x.ended_at is None]
    others = products(is_open=only_open).where(SubscriptionProduct.id.not_in(taken))
    return found, session.scalars(others.order_by(SubscriptionProduct.name)).all()


def get(session: Session, subscription_id: int, *, account_id: int | None = None) -> Subscription:
    """Raises NotFound, also for one of another account than `account_id`."""
    found = session.scalar(listed(account_id=account_id).where(Subscription.id == subscription_id))
    if found is None:
        raise NotFound("There is no such subscription.")
    return found
