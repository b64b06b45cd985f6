"""Orders that are typed into the field above every page: "reset a-01", "unlock plaza 2". They are only understood here;
what they lead to is a page that asks once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext, lazy_gettext
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import chargers
from csms.domain.chargers import Charger, queries
from csms.domain.chargers.filtering import Filter
from csms.domain.commands import Kind

MOST_MEANT = 8
HARD, SOFT = "hard", "soft"


@dataclass(frozen=True, slots=True)
class Order:
    """What can be typed. `fields` go into the form as they are; `asks`: what its page leaves to choose."""

    name: str
    words: Any  # what it is called, in the reader's language
    fields: Mapping[str, str]
    asks: str | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """An order that somebody has typed, and the chargers that may be meant. `evse`: the connector that was named."""

    order: Order
    chargers: Sequence[Charger]
    evse: int | None
    is_hard: bool = False

    def address(self, charger: Charger) -> str:
        """The page that asks whether it is really meant."""
        manner = HARD if self.is_hard else None
        return url_for(
            "commands.confirm", charger_id=charger.id, order=self.order.name, evse=self.evse, type=manner
        )


ORDERS = {
    x.name: x
    for x in (
        Order("reset", lazy_gettext("Reset"), {"kind": Kind.RESET}, "type"),
        Order("unlock", lazy_gettext("Unlock"), {"kind": Kind.UNLOCK}, "connector"),
        Order("start", lazy_gettext("Start"), {"kind": Kind.START}, "card"),
        Order("stop", lazy_gettext("Stop"), {"kind": Kind.STOP}, "session"),
        Order(
            "available",
            lazy_gettext("Back into service"),
            {"kind": Kind.AVAILABILITY, "type": "Operative"},
            "part",
        ),
        Order(
            "unavailable",
            lazy_gettext("Out of service"),
            {"kind": Kind.AVAILABILITY, "type": "Inoperative"},
            "part",
        ),
    )
}


def read(session: Session, words: str) -> Typed | None:
    """The order in these words; None if they are none, or name no charger."""
    order, rest = _order(words.split())
    if order is None or not rest:
        return None
    manner = [x for x in rest if x.casefold() in (HARD, SOFT)] if order.asks == "type" else []
    is_hard = any(x.casefold() == HARD for x in manner)
    for name, evse in _meanings([x for x in rest if x not in manner]):
        if found := _chargers(session, name):
            return Typed(order, found, evse, is_hard)
    return None


def _order(words: list[str]) -> tuple[Order | None, list[str]]:
    """The order that the words begin with, in the reader's language or in English, and the words behind it.

    "hard reset a-01" is as good as "reset a-01 hard".
    """
    ahead = words[:1] if words[:1] and words[0].casefold() in (HARD, SOFT) else []
    folded = [x.casefold() for x in words[len(ahead) :]]
    for order in ORDERS.values():
        for called in (order.name.split(), str(order.words).casefold().split()):
            if folded[: len(called)] == called:
                return order, words[len(ahead) + len(called) :] + ahead
    return None, []


def _meanings(words: list[str]) -> Iterator[tuple[str, int | None]]:
    """As a charger's name; then as a charger's name and the number of a connector there."""
    yield " ".join(words), None
    if len(words) > 1 and words[-1].isascii() and words[-1].isdigit() and len(words[-1]) < 4:
        named = words[:-1]
        if len(named) > 1 and named[-1].casefold() in ("connector", gettext("Connector").casefold()):
            named = named[:-1]
        yield " ".join(named), int(words[-1])


def _chargers(session: Session, name: str) -> Sequence[Charger]:
    """The one of exactly this identity or name, else those that the words may mean."""
    if not name:
        return ()
    wanted = Filter(words=name)
    found = queries.chosen(session, wanted, at=clock.now(), most=MOST_MEANT)
    exact = [x for x in found if name.casefold() in (x.identity.casefold(), (x.name or "").casefold())]
    if not exact and (charger := chargers.find(session, name)) is not None:
        exact = [charger]
    return exact if len(exact) == 1 else found
