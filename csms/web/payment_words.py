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
WANTED = {Wanted.CAPTURE: "to be taken", Wanted.RELEASE: "to be let go", Wanted.REFUND: "to be given back"}
PROVIDERS = {"": "None", "test": "Test: no money moves", "stripe": "Stripe"}
