"""What a version of the protocol knows of forwarding: in which words a second backend is told, and may ask. No IO."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from csms.domain.chargers import Charger
from csms.domain.forwarding import Permit, Traffic
from csms.ocpp.dispatch import Payload

Told = tuple[str, Payload]
"""An action and its payload."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A charger's message as a second backend is told it.

    `begins`, `within`: our name of the transaction that it begins, or tells of; `is_last`: nothing follows of it.
    `verdict`: ours on its card.
    """

    action: str
    payload: Payload
    begins: str | None = None
    within: str | None = None
    is_last: bool = False
    has_card: bool = False
    card: str | None = None
    verdict: str | None = None

    def under(self, payload: Payload) -> "Letter":
        return replace(self, payload=payload)


@dataclass(frozen=True, slots=True)
class Relay:
    """One version's ways. References are texts, as the domain has them.

    `letter` reads a message and our reply to it; None: it makes no sense to anybody. `with_reference` writes their
    name of a transaction into a message of the charger's, or ours into an order of theirs; None: it does not fit.
    `ordered` is the reference in an order of theirs, `begun` that in their answer, `verdict` their word on a card.
    """

    traffic: Mapping[str, Traffic | None]  # None: it always goes
    passing: frozenset[str]  # tells how things stand, and is worth nothing later
    metering: frozenset[str]  # outside of a transaction it tells of nobody's session
    permits: Mapping[str, Permit]
    hello: Callable[[Charger], Told]
    standing: Callable[[Charger, datetime], Sequence[Told]]
    heartbeat: Told
    admission: Callable[
        [Any], tuple[bool, int | None]
    ]  # (are we let in, seconds between heartbeats or tries)
    letter: Callable[[str, Any, Any], Letter | None]
    with_reference: Callable[[str, Payload, str], Payload | None]
    ordered: Callable[[str, Payload], str | None]
    begun: Callable[[Any], str | None]
    verdict: Callable[[Any], str | None]
