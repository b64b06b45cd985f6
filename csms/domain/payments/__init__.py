"""Payments by card, at a station or for an account's credit, whoever moves the money."""

from csms.domain.payments.credit import stop_spent
from csms.domain.payments.following import correct, follow, problems
from csms.domain.payments.models import (
    OVER,
    Outcome,
    Payment,
    PaymentEvent,
    PaymentKind,
    PaymentNews,
    PaymentState,
    TestCheckout,
    Wanted,
)
from csms.domain.payments.payout_models import (
    LineKind,
    LineTold,
    Payout,
    PayoutLine,
    PayoutRound,
    PayoutState,
    PayoutTold,
)
from csms.domain.payments.presence import absence
from csms.domain.payments.rules import Standing, Status, Step, hold_for, step_for
from csms.domain.payments.service import (
    find,
    look_soon,
    not_opened,
    not_settled,
    opened,
    put_aside,
    request,
    settle,
    tell_of,
    want_capture,
    want_refund,
    want_release,
)
from csms.domain.payments.settings import Settings

__all__ = [
    "OVER",
    "LineKind",
    "LineTold",
    "Outcome",
    "Payment",
    "PaymentEvent",
    "PaymentKind",
    "PaymentNews",
    "PaymentState",
    "Payout",
    "PayoutLine",
    "PayoutRound",
    "PayoutState",
    "PayoutTold",
    "Settings",
    "Standing",
    "Status",
    "Step",
    "TestCheckout",
    "Wanted",
    "absence",
    "correct",
    "find",
    "follow",
    "hold_for",
    "look_soon",
    "not_opened",
    "not_settled",
    "opened",
    "problems",
    "put_aside",
    "request",
    "settle",
    "step_for",
    "stop_spent",
    "tell_of",
    "want_capture",
    "want_refund",
    "want_release",
]
