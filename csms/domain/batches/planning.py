"""Who gets an order and who is left out, and why: what is shown before anything is asked."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from csms.domain.base import Refused
from csms.domain.batches.models import OFFLINE_WORDS
from csms.domain.batches.orders import Order
from csms.domain.chargers import (
    Admission,
    Candidate,
    Charger,
    ConfigurationKey,
    Connector,
    candidate,
    refuse_what_it_cannot,
)
from csms.domain.commands import Kind
from csms.domain.local_lists.models import LocalList
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import told

MOST = 5000  # chargers of one batch
FEW = 200  # chargers: to name more of them in a query costs more than to read all sessions that run
Busy = Mapping[int, Collection[int | None]]
"""The EVSEs where somebody charges, by charger; None among them: nobody knows which."""


class Reason(enum.StrEnum):
    """Why a charger is left out."""

    NOT_LET_IN = "not_let_in"
    OFFLINE = "offline"
    UNSUPPORTED = "unsupported"
    BUSY = "busy"


class Turn(NamedTuple):
    """A charger that is asked, or one connector of it."""

    charger: Charger | Candidate
    evse: int | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A charger that is left out; `words`: why, for people."""

    charger: Charger | Candidate
    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    turns: Sequence[Turn]
    skips: Sequence[Skip]

    @property
    def chargers(self) -> int:
        """How many chargers are asked."""
        return len({x.charger.id for x in self.turns})


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the chargers of a plan, read at once."""

    busy: Busy
    keys: Mapping[int, Row[*tuple[Any, ...]]]  # the key that is to be set, by charger
    features: Mapping[int, str]  # what chargers say that they support
    listing: Collection[int]  # who keeps a list of cards


# The feature profile that an order belongs to (OCPP 1.6 §3.2): who does not name it cannot take the order.
_FEATURES = {Kind.TRIGGER: "RemoteTrigger", Kind.SEND_LOCAL_LIST: "LocalAuthListManagement"}
_FEATURE_KEY = "supportedfeatureprofiles"


def plan(session: Session, chargers: Sequence[Charger | Candidate], order: Order, *, at: datetime) -> Plan:
    """Who would get the order now. Chargers that are entities come with their leases and connectors. Three queries."""
    known = _read(session, chargers, order)
    turns: list[Turn] = []
    skips: list[Skip] = []
    for one in chargers:
        charger = one if isinstance(one, Candidate) else candidate(one)
        if found := _why_not(charger, order, known, at):
            skips.append(Skip(one, *found))
            continue
        meant = [Turn(one, x) for x in _evses(charger, order)]
        asked = [x for x in meant if order.includes_busy or not is_busy(x, order, known.busy)]
        turns += asked
        if not asked:
            skips.append(Skip(one, Reason.BUSY, told("Somebody is charging there.")))
    return Plan(turns, skips)


def busy(session: Session, charger_ids: Iterable[int]) -> Busy:
    """Where somebody charges. One query."""
    ids = set(charger_ids)
    query = select(Transaction.charger_id, Connector.evse_number).outerjoin(Transaction.connector)
    query = query.where(Transaction.state == TransactionState.ACTIVE)
    if len(ids) <= FEW:
        query = query.where(Transaction.charger_id.in_(ids))
    found: dict[int, set[int | None]] = {}
    for charger_id, evse in session.execute(query):
        if charger_id in ids:
            found.setdefault(charger_id, set()).add(evse)
    return found


def is_busy(turn: Turn, order: Order, busy: Busy) -> bool:
    """Would the order interrupt somebody?"""
    if not order.interrupts:
        return False
    here = busy.get(turn.charger.id, ())
    return bool(here) if turn.evse is None else turn.evse in here or None in here


def _evses(charger: Candidate, order: Order) -> list[int | None]:
    return list(sorted(charger.evses)) if order.is_by_connector else [order.arguments.get("evse")]


def _why_not(charger: Candidate, order: Order, known: _Known, at: datetime) -> tuple[Reason, str] | None:
    if charger.admission is not Admission.ACCEPTED:
        return Reason.NOT_LET_IN, told("It is not let in here.")
    if not charger.is_online(at):
        return Reason.OFFLINE, OFFLINE_WORDS
    try:
        refuse_what_it_cannot(charger, order.kind, order.arguments)
    except Refused as error:
        return Reason.UNSUPPORTED, str(error)
    numbers = charger.evses
    if order.is_by_connector and not numbers:
        return Reason.UNSUPPORTED, told("It has not told of any connector.")
    if (evse := order.arguments.get("evse")) is not None and numbers and evse not in numbers:
        return Reason.UNSUPPORTED, told("It has no connector %(number)s.", number=evse)
    return _what_it_told(charger, order, known)


def _what_it_told(charger: Candidate, order: Order, known: _Known) -> tuple[Reason, str] | None:
    feature, supported = _FEATURES.get(order.kind), known.features.get(charger.id)
    if feature and supported and feature.casefold() not in supported.casefold():
        return Reason.UNSUPPORTED, told(
            "It says that it does not support this (%(feature)s).", feature=feature
        )
    if order.kind is Kind.SEND_LOCAL_LIST and charger.id not in known.listing:
        return Reason.UNSUPPORTED, told("No list of cards is kept there.")
    key = known.keys.get(charger.id)
    if key is not None and key.is_missing:
        return Reason.UNSUPPORTED, told("It has no %(key)s.", key=key.name)
    if key is not None and key.is_readonly:
        return Reason.UNSUPPORTED, told("It does not let %(key)s be set.", key=key.name)
    return None


def _keys(
    session: Session, charger_ids: Sequence[int], names: Collection[str]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """What these chargers have told of the keys with these names, in lower case."""
    key = ConfigurationKey
    query = select(key.charger_id, key.name, key.value, key.is_missing, key.is_readonly)
    return session.execute(
        query.where(key.charger_id.in_(charger_ids), func.lower(key.name).in_(names))
    ).all()


def _read(session: Session, chargers: Sequence[Charger | Candidate], order: Order) -> _Known:
    ids = [x.id for x in chargers]
    setting = str(order.arguments["name"]).casefold() if order.kind is Kind.CHANGE_CONFIGURATION else ""
    names = {setting, _FEATURE_KEY if order.kind in _FEATURES else ""} - {""}
    keys = _keys(session, ids, names) if names else []
    lists = select(LocalList.charger_id).where(LocalList.is_on, LocalList.charger_id.in_(ids))
    return _Known(
        busy=busy(session, ids) if order.interrupts and not order.includes_busy else {},
        keys={x.charger_id: x for x in keys if x.name.casefold() == setting},
        features={x.charger_id: x.value or "" for x in keys if x.name.casefold() == _FEATURE_KEY},
        listing=set(session.scalars(lists)) if order.kind is Kind.SEND_LOCAL_LIST else (),
    )
