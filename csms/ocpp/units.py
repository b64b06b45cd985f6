"""What a link asks the lane to do: units of work, pure towards everything but their session.

Each writes its frame to the journal in the very commit that stores what the frame says.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms import schemas
from csms.domain import chargers, commands, frames
from csms.domain.base import digest, printable
from csms.domain.chargers import Admission, Charger, Fenced
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.frames import Direction, Verdict
from csms.ocpp import dispatch, message
from csms.ocpp.arrival import Knock, Opening
from csms.ocpp.dispatch import Actions, Answer, Context, Order, Station
from csms.ocpp.message import CALL, CALL_ERROR, CALL_RESULT, Call, CallError, CallResult, Garbage

# What of a frame's own words stands in columns: cut to their lengths, without what a database cannot hold (F32).
_LENGTHS = {"message_id": 64, "action": 64, "detail": 255}


@dataclass(slots=True)
class Incoming:
    """One frame from a charger. `began` is on the performance counter, for its latency."""

    actions: Actions
    station: Station
    epoch: int
    text: str
    at: datetime
    began: float

    def keep(self, session: Session, verdict: Verdict, **more: Any) -> None:
        """Write the frame to the journal, and that the charger is alive. Raises Fenced."""
        for name, length in _LENGTHS.items():
            more[name] = printable(more.get(name), length)
        lease = chargers.lease_of(session, self.station.charger_id, self.epoch)
        more.setdefault("latency_us", round((time.perf_counter() - self.began) * 1e6))
        lease.chain = frames.add(
            session,
            lease.chain,
            charger_id=lease.charger_id,
            epoch=self.epoch,
            at=self.at,
            direction=Direction.IN,
            text=message.redacted(self.text),
            verdict=verdict,
            **more,
        )
        chargers.touch(session, lease, at=self.at)


@dataclass(slots=True)
class Received(Incoming):
    """A CALL. Its result is the text of the reply, which may be sent once the unit is committed."""

    call: Call
    ledger_key: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        verb = self.actions.verbs.get(self.call.action)
        if verb is not None and verb.keeps_reply:
            self.ledger_key = digest(self.station.charger_id, self.text)

    def __call__(self, session: Session) -> str:
        chargers.lease_of(session, self.station.charger_id, self.epoch)  # fenced before anything is done
        known = frames.replied(session, self.ledger_key) if self.ledger_key is not None else None
        if known is not None:
            self._journal(session, Answer(known, Verdict.REPEATED), None)
            return known
        reply = dispatch.answer(self.actions, Context(session, self.station, self.at), self.call)
        is_refusal = reply.verdict is Verdict.INVALID  # not kept: it may turn out otherwise next time
        self._journal(session, reply, None if is_refusal else self.ledger_key)
        return reply.text

    def _journal(self, session: Session, reply: Answer, ledger_key: int | None) -> None:
        self.keep(
            session,
            reply.verdict,
            message_type=CALL,
            message_id=str(self.call.id),
            action=self.call.action,
            reply=reply.text,
            detail=reply.detail,
            ledger_key=ledger_key,
        )


@dataclass(slots=True)
class Salvaged(Received):
    """A CALL whose handling has failed by a fault of ours. A transaction message is confirmed all the same (F15)."""

    fault: str

    def __call__(self, session: Session) -> str:
        payload = self.actions.last_resort(Context(session, self.station, self.at), self.call)
        if payload is None:
            text = message.error(self.call.id, "InternalError", "The server could not handle this message.")
        else:
            text = message.result(self.call.id, payload)
        self._journal(session, Answer(text, Verdict.FAILED, self.fault[:255]), self.ledger_key)
        return text


@dataclass(slots=True)
class Noise(Incoming):
    """What is no message, or none that we can answer: it is kept."""

    garbage: Garbage
    reply: str | None

    def __call__(self, session: Session) -> None:
        self.keep(
            session,
            Verdict.IGNORED if self.garbage.is_type_unknown else Verdict.GARBAGE,
            message_id=None if self.garbage.id is None else str(self.garbage.id),
            reply=self.reply,
            detail=self.garbage.reason,
        )


@dataclass(slots=True)
class Answered(Incoming):
    """The charger's answer to a command of ours, in time or late. Its result: the message id, if it is ours."""

    reply: CallResult | CallError

    def __call__(self, session: Session) -> str | None:
        message_id = printable(str(self.reply.id), 64) or ""
        command = commands.by_message(session, self.station.charger_id, message_id)
        is_known = command is not None and command.state in (CommandState.SENT, CommandState.TIMEOUT)
        faults = self._settle(session, command) if command is not None and is_known else []
        verdict = Verdict.IGNORED if not is_known else Verdict.INVALID if faults else Verdict.VALID
        sent_at = command.sent_at if command else None
        self.keep(
            session,
            verdict,
            message_type=CALL_RESULT if isinstance(self.reply, CallResult) else CALL_ERROR,
            message_id=message_id,
            action=command.action if command else None,
            latency_us=round((self.at - sent_at).total_seconds() * 1e6) if sent_at else None,
            detail=dispatch.describe(faults) if faults else None,
        )
        return message_id if is_known else None

    def _settle(self, session: Session, command: Command) -> list[schemas.Fault]:
        if isinstance(self.reply, CallError):
            detail = f"{self.reply.code}: {self.reply.description}".rstrip(": ")
            commands.settle_answer(
                session,
                command,
                state=CommandState.ERROR,
                status=self.reply.code,
                answer={"code": self.reply.code, "description": self.reply.description},
                at=self.at,
                detail=detail[:255],
            )
            return []
        payload = self.reply.payload
        faults = schemas.check(self.actions.protocol, command.action or "", payload, is_response=True)
        state, status = self.actions.read_outcome(command, payload)
        if faults and status is None:
            state = CommandState.ERROR
        order = self.actions.to_order(command)
        commands.settle_answer(
            session,
            command,
            state=state,
            status=status,
            answer=payload if isinstance(payload, dict) else None,
            at=self.at,
            detail=dispatch.describe(faults) if faults else None,
            awaits=order.awaits,
        )
        self.actions.after_answer(Context(session, self.station, self.at), command, payload)
        return faults


StationOf = Callable[[Charger, str], Station]


def reread(session: Session, station: Station, station_of: StationOf) -> Station:
    """The station as its charger stands now: an operator may have changed it. Raises Fenced when it is gone."""
    charger = session.get(Charger, station.charger_id)
    if charger is None:
        raise Fenced
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
            self.station = reread(session, self.station, self.station_of)
        lease = chargers.lease_of(session, self.station.charger_id, self.epoch)
        while (command := commands.next_due(session, lease.charger_id, self.at)) is not None:
            order = self._render(session, command)
            if order is None:
                continue
            message_id = str(uuid.uuid4())
            _describe(command, order)
            session.flush()
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
            self.has_more = commands.has_work(session, lease.charger_id, self.at)
            return Outgoing(command.id, message_id, text)
        return None

    def _render(self, session: Session, command: Command) -> Order | None:
        """The command in this version's words; one that the schema refuses is ended here, unsent."""
        order = self.actions.to_order(command)
        if not _is_due(self.station.admission, order):
            detail = "Not sent: the charger is not accepted here."
            commands.fail(session, command, CommandState.CANCELLED, detail, at=self.at)
            session.flush()
            return None
        try:
            faults = schemas.check(self.actions.protocol, order.action, order.payload)
        except KeyError:
            detail = f"{order.action} is not an action of {self.actions.protocol}."
        else:
            if not faults:
                return order
            detail = f"Not sent, the payload is wrong: {dispatch.describe(faults)}"
        commands.fail(session, command, CommandState.ERROR, detail[:255], at=self.at)
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
    command.arguments = message.without_secrets(command.arguments)


def _is_due(admission: Admission, order: Order) -> bool:
    """F62: a rejected charger is asked nothing, a pending one is not told to start or stop (1.6 §4.2)."""
    if admission is Admission.PENDING:
        return order.awaits not in (Effect.TRANSACTION_STARTED, Effect.TRANSACTION_ENDED)
    return admission is Admission.ACCEPTED


def give_up(command_id: str, state: CommandState, detail: str, at: datetime) -> Callable[[Session], None]:
    """A unit that ends a command which is still without an answer."""

    def unit(session: Session) -> None:
        command = session.get(Command, command_id)
        if command is not None and command.state is CommandState.SENT:
            commands.fail(session, command, state, detail, at=at)

    return unit


def _gather_arrivals(session: Session, units: Sequence[Any]) -> None:
    identities = [unit.identity for unit in units if isinstance(unit, Knock)]
    if identities:
        chargers.preload_identities(session, identities)
    opening = {unit.station.charger_id: unit.at for unit in units if isinstance(unit, Opening)}
    if opening:
        chargers.preload_openings(session, opening)
        commands.preload_work(session, opening, max(opening.values()))


def gather(session: Session, units: Sequence[Any]) -> None:
    """Read with a few queries what the units of a batch would otherwise each ask for."""
    _gather_arrivals(session, units)
    incoming = [unit for unit in units if isinstance(unit, (Incoming, Claim))]
    chargers.preload_leases(session, {unit.station.charger_id for unit in incoming})
    calls = [unit for unit in incoming if isinstance(unit, Received)]
    frames.preload(session, [unit.ledger_key for unit in calls if unit.ledger_key is not None])
    wanted: dict[dispatch.Preload, set[int]] = {}
    ahead: dict[dispatch.ReadAhead, list[tuple[Station, Any]]] = {}
    for unit in calls:
        verb = unit.actions.verbs.get(unit.call.action)
        for preload in verb.gathers if verb else ():
            wanted.setdefault(preload, set()).add(unit.station.charger_id)
        if verb is not None and verb.reads_ahead is not None:
            ahead.setdefault(verb.reads_ahead, []).append((unit.station, unit.call.payload))
    for preload, charger_ids in wanted.items():
        preload(session, charger_ids)
    for read_ahead, asked in ahead.items():
        read_ahead(session, asked)
