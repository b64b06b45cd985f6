"""What somebody wants of a second backend, checked; and how patient we are with it. Pure, but for dice."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from csms.domain.base import Invalid
from csms.domain.forwarding.models import Permit, Traffic

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
MOST_CARDS = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """`url`: without the identity, which is added to it. `identity`: of the charger over there."""

    url: str
    identity: str
    traffic: tuple[str, ...] = tuple(x.value for x in Traffic)
    permits: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()

    def checked(self) -> Wish:
        """The same in order, each once. Raises Invalid."""
        identity = self.identity.strip()
        if not (0 < len(identity) <= 48 and identity.isprintable()) or any(x in identity for x in ":/\\"):
            raise Invalid("An identity has 1 to 48 characters, without colon or slash.", "identity")
        cards = tuple(dict.fromkeys(x.strip() for x in self.cards if x.strip()))
        if len(cards) > MOST_CARDS or any(len(x) > 36 or not x.isprintable() for x in cards):
            raise Invalid(
                "Write at most %(most)s cards or groups, one on each line.", "cards", most=MOST_CARDS
            )
        return replace(
            self,
            url=checked_url(self.url),
            identity=identity,
            traffic=tuple(x.value for x in Traffic if x.value in self.traffic),
            permits=tuple(x.value for x in Permit if x.value in self.permits),
            cards=cards,
        )


def checked_url(url: str) -> str:
    """Raises Invalid for what is no address of a websocket."""
    given = url.strip().rstrip("/")
    try:
        parts = urlsplit(given)
        fits = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    is_plain = given.isascii() and given.isprintable() and not set(given) & set(" @?#")
    if not fits or not is_plain or len(given) > 440:
        raise Invalid("Write an address such as wss://csms.example.org/ocpp, without the identity.", "url")
    return given


def address(url: str, identity: str) -> str:
    """What is dialled (OCPP-J 1.6 §3.1.1)."""
    return f"{url}/{quote(identity, safe='')}"


def pause_s(failures: int) -> float:
    """How long to wait after so many failures in a row: more each time, and never the same for many chargers."""
    longest = min(FIRST_PAUSE_S * float(1 << min(failures - 1, 20)), LONGEST_PAUSE_S)
    return max(FIRST_PAUSE_S, longest * random.uniform(0.5, 1.0))  # noqa: S311  no secret
