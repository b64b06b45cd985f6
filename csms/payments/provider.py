"""What is asked of whoever moves the money. Every amount in cents, as the rest of the program has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from csms.domain.payments import LineTold, PayoutTold, Standing, Step


class Unavailable(Exception):
    """The provider does not answer, or not now: ask again. The message is fit to be shown."""


class Rejected(Exception):
    """The provider says no, and would say so again. The message is fit to be shown."""


class Forged(Exception):
    """A message that does not come from the provider, or is too old to be believed."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What somebody is about to pay. `return_url`: where the browser comes back to, having paid or not.

    `language`: that the payer reads.
    """

    payment_id: str
    title: str
    cents: int
    currency: str
    return_url: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Where it can be paid, and the provider's name for it."""

    reference: str
    url: str


@dataclass(frozen=True, slots=True)
class News:
    """A message of the provider. `names`: of payments, one of which it may be about."""

    event_id: str
    kind: str
    names: tuple[str, ...]


class Provider(Protocol):
    """Holds money on a card, takes some of it, gives it back. All but `read` raise Unavailable and Rejected.

    Asking twice for the same is the same as asking once: `Step.key` sees to that.
    """

    name: str

    def open(self, checkout: Checkout) -> Opened:
        """Make a page where the money can be held."""
        ...

    def look(self, reference: str, currency: str) -> Standing:
        """How a payment stands."""
        ...

    def act(self, reference: str, currency: str, step: Step) -> None:
        """Take, release, or give back."""
        ...

    def payouts(self, since: datetime) -> Sequence[PayoutTold]:
        """What it has transferred to the bank, or will, of all that was made since then."""
        ...

    def lines(self, payout: str) -> Sequence[LineTold]:
        """What one payout is made of. Only of those that are itemised."""
        ...

    def check(self) -> str:
        """Do the keys let us in? What the provider calls us."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> News:
        """A message that somebody has sent us. Raises Forged."""
        ...
