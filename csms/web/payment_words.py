"""Payments in words and colours, for every page that shows one."""

from flask_babel import lazy_gettext

from csms.domain.payments import PaymentState, Wanted

# A state as (family of the status language, icon, words).
STATES = {
    PaymentState.REQUESTED: ("wait", "clock", lazy_gettext("Not paid yet")),
    PaymentState.HELD: ("active", "lock", lazy_gettext("Held")),
    PaymentState.CAPTURED: ("ready", "circle-check", lazy_gettext("Paid")),
    PaymentState.RELEASED: ("out", "lock-open", lazy_gettext("Let go")),
    PaymentState.REFUNDED: ("held", "undo-2", lazy_gettext("Given back")),
    PaymentState.FAILED: ("fault", "circle-x", lazy_gettext("Declined")),
    PaymentState.EXPIRED: ("out", "timer", lazy_gettext("Expired")),
}
# The steps of a payment's books.
STEPS = {
    "requested": lazy_gettext("requested"),
    "held": lazy_gettext("held"),
    "start asked": lazy_gettext("start asked"),
    "charging": lazy_gettext("charging"),
    "stop asked": lazy_gettext("stop asked"),
    "capture ordered": lazy_gettext("capture ordered"),
    "captured": lazy_gettext("captured"),
    "not covered": lazy_gettext("not covered"),
    "release ordered": lazy_gettext("release ordered"),
    "released": lazy_gettext("released"),
    "refund ordered": lazy_gettext("refund ordered"),
    "refunded": lazy_gettext("refunded"),
    "failed": lazy_gettext("failed"),
    "expired": lazy_gettext("expired"),
    "problem": lazy_gettext("problem"),
    "seen to": lazy_gettext("seen to"),
}
WANTED = {
    Wanted.CAPTURE: lazy_gettext("to be taken"),
    Wanted.RELEASE: lazy_gettext("to be let go"),
    Wanted.REFUND: lazy_gettext("to be given back"),
}
PROVIDERS = {
    "": lazy_gettext("No provider"),
    "test": lazy_gettext("Test: no money moves"),
    "stripe": "Stripe",
}
