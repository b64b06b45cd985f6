"""What a provider says of a payment, what is then to be done there, and how patient we are. Pure."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from csms.domain.payments.models import Wanted

LEAST_HOLD_CENTS, MOST_HOLD_CENTS = 100, 100_000
LEAST_TOP_UP_CENTS, MOST_TOP_UP_CENTS = 100, 1_000_000  # within which an owner sets the limits of a top-up
SUGGESTIONS = 4  # amounts that are offered
CHECKOUT_FOR = timedelta(minutes=31)  # Stripe wants half an hour at least
HOLD_FOR = timedelta(days=7)  # what banks grant where nobody is asked for a longer time
BEFORE_THE_END = timedelta(hours=6)  # so long before a hold lapses the session is ended
LOOK_EVERY = timedelta(seconds=10)
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=5), timedelta(hours=1)
CLAIM_FOR = timedelta(minutes=2)  # longer than a provider can take to answer everything that is asked
FORGET_AFTER = timedelta(days=1)  # a page that could be paid at once, and of which nobody tells us
PATIENT_TRIES = 5  # in a row, before a person is told
RESERVE = Decimal("0.02")  # of the hold: what a car draws while it is being stopped


class Status(enum.StrEnum):
    """How a payment stands at its provider. LAPSED: nobody has paid, and nobody can any more."""

    OPEN = "open"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    DECLINED = "declined"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the provider says. Cents of the payment's currency; `intent`: the name in its own pages."""

    status: Status
    held_cents: int = 0
    captured_cents: int = 0
    refunded_cents: int = 0
    held_until: datetime | None = None
    intent: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to ask a provider for; `cents` of this one thing. `key` makes asking twice the same as asking once."""

    wanted: Wanted
    cents: int
    key: str


def step_for(payment_id: str, wanted: Wanted | None, wanted_cents: int, standing: Standing) -> Step | None:
    """What is missing at the provider. None: nothing."""
    match wanted, standing.status:
        case Wanted.CAPTURE, Status.HELD:
            cents = min(wanted_cents, standing.held_cents)
            return Step(Wanted.CAPTURE, cents, f"{payment_id}-capture")
        case Wanted.RELEASE, Status.HELD | Status.OPEN:
            return Step(Wanted.RELEASE, 0, f"{payment_id}-release-{standing.status}")
        case Wanted.REFUND, Status.CAPTURED if standing.refunded_cents < wanted_cents:
            missing = min(wanted_cents, standing.captured_cents) - standing.refunded_cents
            return (
                Step(Wanted.REFUND, missing, f"{payment_id}-refund-{wanted_cents}") if missing > 0 else None
            )
    return None


def retry_after(attempts: int) -> timedelta:
    """How long to wait after so many tries in a row that have failed."""
    return min(FIRST_RETRY * (1 << min(max(attempts - 1, 0), 12)), LONGEST_RETRY)


def hold_for(setting_cents: int, max_price: Decimal | None) -> int:
    """What is held, in cents: no more than a session can cost under its tariff."""
    return setting_cents if max_price is None else max(1, min(setting_cents, int(max_price * 100)))


def suggested(least_cents: int, most_cents: int) -> list[int]:
    """Round amounts, in cents, that are offered for a top-up: those in the middle of what is allowed."""
    round_ones = [digit * 10**zeros for zeros in range(2, 7) for digit in (1, 2, 5)]
    allowed = [x for x in round_ones if least_cents <= x <= most_cents]
    first = max(0, (len(allowed) - SUGGESTIONS) // 2)
    return allowed[first : first + SUGGESTIONS]


def is_used_up(cost_cents: int, held_cents: int) -> bool:
    """Is it time to stop, so that the cost stays within the hold?"""
    return cost_cents >= held_cents - int(held_cents * RESERVE)
