"""Payments by card: the providers that move the money, and what is due at them."""

from csms.payments.opening import DOWN, amount_for, hold_by, open_page
from csms.payments.payouts import read_due
from csms.payments.payouts import start as start_payouts
from csms.payments.provider import Forged, News, Provider, Rejected, Unavailable
from csms.payments.setup import provider_named
from csms.payments.worker import attend_due, send_test_news, start

__all__ = [
    "DOWN",
    "Forged",
    "News",
    "Provider",
    "Rejected",
    "Unavailable",
    "amount_for",
    "attend_due",
    "hold_by",
    "open_page",
    "provider_named",
    "read_due",
    "send_test_news",
    "start",
    "start_payouts",
]
