"""What is sent to a charger: claimed, journalled as sent, given up. Units of work, as in `units`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from csms import schemas
from csms.domain import chargers, commands, frames, quiet
from csms.domain.base import withdraw
from csms.domain.chargers import Admission, Charger, Fenced
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.frames import Direction, Verdict
from csms.ocpp import dispatch, message
from csms.ocpp.dispatch import Actions, Order, Station
from csms.ocpp.message import CALL
from csms.sentences import told

T = TypeVar("T")

StationOf = Callable[[Charger, str], Station]


def reread(session: Session, station: Station, epoch: int, station_of: StationOf) -> Station:
    """The station as its charger stands now: an operator may have changed it. Raises Fenced when it is gone, and when
    the connection of this epoch is not its own any more."""
    charger = session.get(Charger, station.charger_id)
    if charger is None:
        raise Fenced
    chargers.lease_of(session, station.charger_id, epoch)
    return station_of(charger, station.protocol)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A command that is ours to send now."""

    command_id: str
    message_id: str
    text: str


@dataclass(slots=True)
class Claim:
    """Take the charger's next command, and journal it as sent. Its result is what to send, or None: nothing is due.

    With `station_of` the charger is read anew first, and `station` is then what an operator has made of it.
    `has_more`: another one waits behind it.
    """

    actions: Actions
    station: Station
    epoch: int
    at: datetime
    timeout_s: int
    station_of: StationOf | None = None
    has_more: bool = field(default=False, init=False)

    def __call__(self, session: Session) -> Outgoing | None:
        if self.station_of is not None:
            self.station = reread(session, self.station, self.epoch, self.station_of)
        lease = chargers.lease_of(session, self.station.charger_id, self.epoch)
        while queue := commands.due(session, lease.charger_id, self.at, limit=2):
            command = queue[0]
            order = self._render(session, command)
            if order is None:
                continue
            message_id = str(uuid.uuid4())
            _describe(command, order)
            if not commands.claim(
                session,
                command,
                message_id=message_id,
                epoch=self.epoch,
                at=self.at,
                timeout_s=self.timeout_s,
            ):
                continue
            text = message.call(message_id, order.action, order.payload)
            self._keep(session, lease, message_id, order.action, text)
            self.has_more = len(queue) > 1
            return Outgoing(command.id, message_id, text)
        return None

    def _render(self, session: Session, command: Command) -> Order | None:
        """The command in this version's words; one that the schema refuses is ended here, unsent."""
        order = self.actions.to_order(command)
        problem = None
        if order is None or order.action not in schemas.actions(self.actions.protocol):
            what = order.action if order else command.kind.value.replace("_", " ")
            problem = (
                CommandState.ERROR,
                told("%(protocol)s has no %(order)s.", protocol=self.actions.protocol, order=what),
            )
        elif not _is_due(self.station.admission, order):
            problem = CommandState.CANCELLED, told("Not sent: the charger is not accepted here.")
        elif command.is_automatic and quiet.is_quiet(session, command.charger):
            problem = CommandState.CANCELLED, told("Not sent: quiet mode has begun.")
        elif faults := schemas.check(self.actions.protocol, order.action, order.payload):
            problem = (
                CommandState.ERROR,
                told("Not sent, the payload is wrong: %(why)s", why=dispatch.describe(faults))[:255],
            )
        if problem is None:
            return order
        commands.fail(session, command, *problem, at=self.at)
        session.flush()
        return None

    def _keep(self, session: Session, lease: chargers.Lease, message_id: str, action: str, text: str) -> None:
        lease.chain = frames.add(
            session,
            lease.chain,
            charger_id=lease.charger_id,
            epoch=self.epoch,
            at=self.at,
            direction=Direction.OUT,
            text=message.redacted(text),
            verdict=Verdict.VALID,
            message_type=CALL,
            message_id=message_id,
            action=action,
        )
        chargers.keep_chain(session, lease)


def _describe(command: Command, order: Order) -> None:
    """Keep what is sent and what will show its success. What is secret leaves and stays nowhere here."""
    command.action, command.effect = order.action, order.awaits
    command.effect_key, command.effect_evse, command.effect_id_tag = order.key, order.evse, order.id_tag
    command.payload = message.without_secrets(order.payload)
    command.arguments = message.without_secrets(command.open_arguments)


def _is_due(admission: Admission, order: Order) -> bool:
    """F62: a rejected charger is asked nothing, a pending one is not told to start or stop (1.6 §4.2)."""
    if admission is Admission.PENDING:
        return order.awaits not in (Effect.TRANSACTION_STARTED, Effect.TRANSACTION_ENDED)
    return admission is Admission.ACCEPTED


@dataclass(slots=True)
class Placing(Generic[T]):
    """What somebody asks of a charger, and the claim of what is due there: one commit for both.

    Its result is that of `asking`; `outgoing` is what to send then, which may be an older order.
    """

    asking: Callable[[Session], T]
    claim: Claim
    outgoing: Outgoing | None = field(default=None, init=False)

    def __call__(self, session: Session) -> T:
        asked = self.asking(session)
        session.flush()
        self.outgoing = self.claim(session)
        if self.outgoing is not None:  # the link has looked, and looks again by itself if there is more
            withdraw(session, f"link:{self.claim.station.charger_id}")
        return asked


def give_up(command_id: str, state: CommandState, detail: str, at: datetime) -> Callable[[Session], None]:
    """A unit that ends a command which is still without an answer."""

    def unit(session: Session) -> None:
        command = session.get(Command, command_id)
        if command is not None and command.state is CommandState.SENT:
            commands.fail(session, command, state, detail, at=at)

    return unit
