"""Subscriptions: a price for each period, and the credit that comes with it."""

from csms.domain.subscriptions.models import Subscription, SubscriptionProduct, SubscriptionState
from csms.domain.subscriptions.queries import get, listed, of_account, product, products
from csms.domain.subscriptions.service import (
    ProductTerms,
    add_product,
    cancel,
    change_product,
    renew_due,
    subscribe,
    withdraw_product,
)

__all__ = [
    "ProductTerms",
    "Subscription",
    "SubscriptionProduct",
    "SubscriptionState",
    "add_product",
    "cancel",
    "change_product",
    "get",
    "listed",
    "of_account",
    "product",
    "products",
    "renew_due",
    "subscribe",
    "withdraw_product",
]
