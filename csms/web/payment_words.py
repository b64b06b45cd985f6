"""Payments in words and colours, for every page that shows one."""

from csms.domain.payments import PaymentState, Wanted

# A state as (family of the status language, icon, words).
STATES = {
    PaymentState.REQUESTED: ("wait", "clock", "Not paid yet"),
    PaymentState.HELD: ("active", "lock", "Held"),
    PaymentState.CAPTURED: ("ready", "circle-check", "Paid"),
    PaymentState.RELEASED: ("out", "lock-open", "Let go"),
    PaymentState.REFUNDED: ("held", "undo-2", "Given back"),
    PaymentState.FAILED: ("fault", "circle-x", "Declined"),
    PaymentState.EXPIRED: ("out", "timer", "Expired"),
}
WANTED = {Wanted.CAPTURE: "to be taken", Wanted.RELEASE: "to be let go", Wanted.REFUND: "to be given back"}
PROVIDERS = {"": "None", "test": "Test: no money moves", "stripe": "Stripe"}
