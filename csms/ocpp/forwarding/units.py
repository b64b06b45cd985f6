"""What a courier reads and writes of the database: units of work in the chargers' lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from csms.domain import chargers, forwarding
from csms.domain.base import printable
from csms.domain.forwarding import Forwarder
from csms.domain.frames import Frame
from csms.ocpp import message
from csms.ocpp.dispatch import Payload
from csms.ocpp.message import Call, CallError, CallResult
from csms.ocpp.relay import Letter, Relay, Told

MOST_SKIPPED = 100  # in one unit of work
STRIDE = 500  # so many entries that are nobody's affair are passed over before that is written
_POINTLESS = frozenset({"NotImplemented", "NotSupported"})  # to tell again


class Dismissed(Exception):
    """It is not this process's affair any more: removed, paused, changed, or another's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a courier must know of its forwarder; it is made anew after each change.

    `is_behind`: something that is not passing is still to be told.
    """

    charger_id: int
    protocol: str | None
    url: str
    their_identity: str
    password_sealed: str | None = field(repr=False)
    traffic: frozenset[str]
    permits: frozenset[str]
    revision: int
    is_online: bool
    is_behind: bool


def told_of(relay: Relay, traffic: Sequence[str] | frozenset[str]) -> list[str]:
    """The actions that are told to whoever is told of `traffic`."""
    return [action for action, kind in relay.traffic.items() if kind is None or kind in traffic]


def owned(session: Session, charger_id: int, node: str, revision: int | None = None) -> Forwarder:
    """Raises Dismissed."""
    row = session.get(Forwarder, charger_id)
    if row is None or row.is_paused or row.claimed_by != node or revision not in (None, row.revision):
        raise Dismissed
    return row


def plan(session: Session, charger_id: int, node: str, at: datetime, relays: Mapping[str, Relay]) -> Plan:
    """How things stand. Raises Dismissed."""
    row = owned(session, charger_id, node)
    charger = chargers.get(session, charger_id)
    relay, is_behind = relays.get(charger.protocol or ""), False
    if relay is not None:
        lasting = [x for x in told_of(relay, row.traffic) if x not in relay.passing]
        if row.lasting != lasting:
            row.lasting = lasting
        is_behind = forwarding.following(session, row, lasting) is not None
    return Plan(
        charger_id,
        charger.protocol,
        row.url,
        row.identity,
        row.password_sealed,
        frozenset(row.traffic),
        frozenset(row.permits),
        row.revision,
        charger.lease is not None and charger.lease.is_online(at),
        is_behind,
    )


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a connection begins. `until_id`: what stands up to there in the journal, and is passing, it tells."""

    hello: Told
    standing: Sequence[Told]
    until_id: int


def greeting(session: Session, charger_id: int, relay: Relay, at: datetime) -> Greeting:
    charger = chargers.get(session, charger_id)
    newest = forwarding.newest_id(session, charger_id)
    return Greeting(relay.hello(charger), relay.standing(charger, at), newest)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that is to be told now. The same one has the same id whenever it is told."""

    frame_id: int
    letter: Letter

    @property
    def message_id(self) -> str:
        return f"journal-{self.frame_id}"


@dataclass(slots=True)
class Look:
    """Find what is to be told next, and pass over what is not to be told. `has_more`: there may be something yet."""

    charger_id: int
    node: str
    revision: int
    relay: Relay
    until_id: int
    at: datetime
    has_more: bool = field(default=False, init=False)
    is_online: bool = field(default=False, init=False)

    def __call__(self, session: Session) -> Parcel | None:
        row = owned(session, self.charger_id, self.node, self.revision)
        lease = session.get(chargers.LinkLease, self.charger_id)
        self.is_online = lease is not None and lease.is_online(self.at)
        newest = forwarding.newest_id(session, self.charger_id)
        actions = told_of(self.relay, row.traffic)
        self.has_more = False  # a unit may be run again
        for _ in range(MOST_SKIPPED):
            frame = forwarding.following(session, row, actions)
            if frame is None:
                if newest - row.cursor > STRIDE:
                    row.cursor = newest
                return None
            letter = self._letter(session, row, frame)
            if letter is not None:
                return Parcel(frame.id, letter)
            row.cursor = frame.id
            session.flush()
        self.has_more = True
        return None

    def _letter(self, session: Session, row: Forwarder, frame: Frame) -> Letter | None:
        """The message in the words of the other side; None: it is not for them."""
        is_old = frame.action in self.relay.passing and frame.id <= self.until_id
        received = message.parse(frame.text)
        if is_old or not isinstance(received, Call) or message.held_secret(frame.text):
            return None
        letter = self.relay.letter(received.action, received.payload, _replied(frame.reply))
        if letter is None:
            return None
        if letter.within is not None:
            theirs = forwarding.theirs_of(session, row.charger_id, letter.within)
            payload = theirs and self.relay.with_reference(letter.action, letter.payload, theirs)
            return letter.under(payload) if payload else None
        if letter.has_card and not forwarding.wants(session, row, letter.card):
            return None
        is_metering = letter.begins is None and letter.action in self.relay.metering
        return None if row.cards and is_metering else letter


def _replied(text: str | None) -> Any:
    """What we replied with; None for a refusal."""
    reply = orjson.loads(text) if text else None
    return (
        reply[2] if isinstance(reply, list) and len(reply) > 2 and reply[0] == message.CALL_RESULT else None
    )


@dataclass(slots=True)
class Settle:
    """Keep what they answered to a message. False: it must be told again."""

    charger_id: int
    node: str
    revision: int
    relay: Relay
    parcel: Parcel
    reply: CallResult | CallError
    is_last_try: bool
    at: datetime

    def __call__(self, session: Session) -> bool:
        row = owned(session, self.charger_id, self.node, self.revision)
        row.answered_at = self.at
        letter = self.parcel.letter
        if isinstance(self.reply, CallError):
            is_lasting = letter.begins is not None or letter.within is not None
            if is_lasting and not self.is_last_try and self.reply.code not in _POINTLESS:
                return False
            row.refused += 1
            why = f"{self.reply.code} {self.reply.description}".strip()
            row.last_refusal = printable(f"{letter.action}: {why}", 255)
        else:
            row.sent += 1
            self._keep(session, row, letter, self.reply.payload)
        row.cursor = self.parcel.frame_id
        return True

    def _keep(self, session: Session, row: Forwarder, letter: Letter, answer: Any) -> None:
        theirs = self.relay.begun(answer) if letter.begins is not None else None
        if letter.begins is not None and theirs is not None:
            forwarding.pair(session, row.charger_id, letter.begins, theirs, at=self.at)
        if letter.is_last and letter.within is not None:
            forwarding.end_pair(session, row.charger_id, letter.within, at=self.at)
        forwarding.compare(
            row,
            frame_id=self.parcel.frame_id,
            action=letter.action,
            ours=letter.verdict,
            theirs=self.relay.verdict(answer),
            at=self.at,
        )


def translated(
    session: Session, charger_id: int, relay: Relay, action: str, payload: Payload
) -> Payload | None:
    """An order of theirs with our name of its transaction; None: we know of no such transaction."""
    theirs = relay.ordered(action, payload)
    if theirs is None:
        return payload
    ours = forwarding.ours_of(session, charger_id, theirs)
    return None if ours is None else relay.with_reference(action, payload, ours)
