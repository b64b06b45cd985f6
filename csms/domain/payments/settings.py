"""Whether and how drivers pay by card, as an owner has set it on the pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from csms.domain.accounts import settings
from csms.domain.base import Invalid
from csms.domain.payments import payouts
from csms.domain.payments.rules import (
    LEAST_HOLD_CENTS,
    LEAST_TOP_UP_CENTS,
    MOST_HOLD_CENTS,
    MOST_TOP_UP_CENTS,
)

PROVIDER = "payment_provider"  # "", "test" or "stripe"
HOLD = "payment_hold_cents"
TOP_UP_LEAST, TOP_UP_MOST = "payment_top_up_least_cents", "payment_top_up_most_cents"
STRIPE_KEY = "stripe_key_sealed"
STRIPE_SIGNING = "stripe_signing_sealed"
DOWN_SINCE = "payment_down_since"  # "": the provider answers
DOWN_DETAIL = "payment_down_detail"

PROVIDERS = ("", "test", "stripe")
DEFAULT_HOLD_CENTS = 4_000
DEFAULT_TOP_UP_CENTS = 500, 50_000


@dataclass(frozen=True, slots=True)
class Settings:
    """`provider` empty: nobody pays by card. `top_up_cents`: the least and the most of one top-up.

    Keys as they are sealed, empty where there is none.
    """

    provider: str
    hold_cents: int
    top_up_cents: tuple[int, int]
    stripe_key_sealed: str
    stripe_signing_sealed: str
    down_since: datetime | None
    down_detail: str

    @classmethod
    def of(cls, session: Session) -> Self:
        """As stored."""
        found = settings.stored(session)
        since = found.get(DOWN_SINCE)
        least, most = DEFAULT_TOP_UP_CENTS
        return cls(
            provider=found.get(PROVIDER, ""),
            hold_cents=int(found.get(HOLD, DEFAULT_HOLD_CENTS)),
            top_up_cents=(int(found.get(TOP_UP_LEAST, least)), int(found.get(TOP_UP_MOST, most))),
            stripe_key_sealed=found.get(STRIPE_KEY, ""),
            stripe_signing_sealed=found.get(STRIPE_SIGNING, ""),
            down_since=datetime.fromisoformat(since) if since else None,
            down_detail=found.get(DOWN_DETAIL, ""),
        )


def change(
    session: Session,
    *,
    provider: str,
    hold_cents: int,
    top_up_cents: tuple[int, int] = DEFAULT_TOP_UP_CENTS,
    stripe_key_sealed: str | None,
    stripe_signing_sealed: str | None,
    at: datetime,
) -> None:
    """Keys that are None stay as they are. Raises Invalid."""
    if provider not in PROVIDERS:
        raise Invalid("Choose one of the providers.", "provider")
    if not LEAST_HOLD_CENTS <= hold_cents <= MOST_HOLD_CENTS:
        least, most = LEAST_HOLD_CENTS // 100, MOST_HOLD_CENTS // 100
        raise Invalid("Hold between %(least)s and %(most)s.", "hold", least=least, most=most)
    _check_top_up(*top_up_cents)
    if provider == "stripe" and not (stripe_key_sealed or Settings.of(session).stripe_key_sealed):
        raise Invalid("Enter the secret key that Stripe has given you.", "stripe_key")
    settings.put(session, PROVIDER, provider, at=at)
    settings.put(session, HOLD, str(hold_cents), at=at)
    for name, cents in zip((TOP_UP_LEAST, TOP_UP_MOST), top_up_cents, strict=True):
        settings.put(session, name, str(cents), at=at)
    for name, sealed in ((STRIPE_KEY, stripe_key_sealed), (STRIPE_SIGNING, stripe_signing_sealed)):
        if sealed is not None:
            settings.put(session, name, sealed, at=at)
    if provider:
        payouts.ask_now(session, provider, at=at)
    note_up(session, at=at)


def _check_top_up(least_cents: int, most_cents: int) -> None:
    """Raises Invalid."""
    least, most = LEAST_TOP_UP_CENTS // 100, MOST_TOP_UP_CENTS // 100
    for cents, field in ((least_cents, "top_up_least"), (most_cents, "top_up_most")):
        if not LEAST_TOP_UP_CENTS <= cents <= MOST_TOP_UP_CENTS:
            raise Invalid("Let drivers add between %(least)s and %(most)s.", field, least=least, most=most)
    if least_cents > most_cents:
        raise Invalid("The most is less than the least.", "top_up_most")


def note_up(session: Session, *, at: datetime) -> None:
    """The provider has answered."""
    if settings.get(session, DOWN_SINCE):
        settings.put(session, DOWN_SINCE, "", at=at)
        settings.put(session, DOWN_DETAIL, "", at=at)


def note_down(session: Session, detail: str, *, at: datetime) -> None:
    """The provider does not answer, or not as it should."""
    if not settings.get(session, DOWN_SINCE):
        settings.put(session, DOWN_SINCE, at.isoformat(), at=at)
    settings.put(session, DOWN_DETAIL, detail[:255], at=at)
