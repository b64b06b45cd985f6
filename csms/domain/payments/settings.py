"""Whether and how drivers pay by card, as an owner has set it on the pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from csms.domain.accounts import settings
from csms.domain.base import Invalid
from csms.domain.payments import payouts
from csms.domain.payments.rules import LEAST_HOLD_CENTS, MOST_HOLD_CENTS

PROVIDER = "payment_provider"  # "", "test" or "stripe"
HOLD = "payment_hold_cents"
STRIPE_KEY = "stripe_key_sealed"
STRIPE_SIGNING = "stripe_signing_sealed"
DOWN_SINCE = "payment_down_since"  # "": the provider answers
DOWN_DETAIL = "payment_down_detail"

PROVIDERS = ("", "test", "stripe")
DEFAULT_HOLD_CENTS = 4_000


@dataclass(frozen=True, slots=True)
class Settings:
    """`provider` empty: nobody pays by card. Keys as they are sealed, empty where there is none."""

    provider: str
    hold_cents: int
    stripe_key_sealed: str
    stripe_signing_sealed: str
    down_since: datetime | None
    down_detail: str

    @classmethod
    def of(cls, session: Session) -> Self:
        """As stored."""
        found = settings.stored(session)
        since = found.get(DOWN_SINCE)
        return cls(
            provider=found.get(PROVIDER, ""),
            hold_cents=int(found.get(HOLD, DEFAULT_HOLD_CENTS)),
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
    if provider == "stripe" and not (stripe_key_sealed or Settings.of(session).stripe_key_sealed):
        raise Invalid("Enter the secret key that Stripe has given you.", "stripe_key")
    settings.put(session, PROVIDER, provider, at=at)
    settings.put(session, HOLD, str(hold_cents), at=at)
    for name, sealed in ((STRIPE_KEY, stripe_key_sealed), (STRIPE_SIGNING, stripe_signing_sealed)):
        if sealed is not None:
            settings.put(session, name, sealed, at=at)
    if provider:
        payouts.ask_now(session, provider, at=at)
    note_up(session, at=at)


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
