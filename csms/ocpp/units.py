"""What a charger says, as the lane stores it: units of work, pure towards everything but their session.

Each writes its frame to the journal in the very commit that stores what the frame says.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from csms import masks, schemas
from csms.domain import chargers, commands, configuration, frames, quiet
from csms.domain.base import digest, printable
from csms.domain.commands import Command, CommandState
from csms.domain.frames import Deviation, Direction, Found, Verdict
from csms.ocpp import dispatch, message, repair
from csms.ocpp.arrival import Knock, Opening
from csms.ocpp.dispatch import Actions, Answer, Context, Station
from csms.ocpp.message import (
    CALL,
    CALL_ERROR,
    CALL_RESULT,
    Call,
    CallError,
    CallResult,
    Garbage,
    Heading,
    Message,
)
from csms.ocpp.orders import Claim
from csms.sentences import told


@dataclass(slots=True)
class Incoming:
    """One frame from a charger. `began` is on the performance counter, for its latency."""

    actions: Actions
    station: Station
    epoch: int
    text: str
    at: datetime
    began: float
    kept_as: Verdict | None = field(default=None, init=False)

    @property
    def kind(self) -> str:
        """What it is, for those who count frames: as many words as the specification has."""
        return type(self).__name__.lower()

    def keep(
        self,
        session: Session,
        verdict: Verdict,
        *,
        message_type: int | None = None,
        message_id: str | None = None,
        action: str | None = None,
        reply: str | None = None,
        latency_us: int | None = None,
        detail: str | None = None,
        deviations: str | None = None,
        ledger_key: int | None = None,
    ) -> None:
        """Write the frame to the journal, and that the charger is alive. Raises Fenced.

        Its own words are cut to their columns, without what a database cannot hold (F32).
        """
        self.kept_as = verdict
        lease = chargers.lease_of(session, self.station.charger_id, self.epoch)
        if latency_us is None:
            latency_us = round((time.perf_counter() - self.began) * 1e6)
        lease.chain = frames.add(
            session,
            lease.chain,
            charger_id=lease.charger_id,
            epoch=self.epoch,
            at=self.at,
            direction=Direction.IN,
            text=message.redacted(self.text),
            verdict=verdict,
            message_type=message_type,
            message_id=printable(message_id, 64),
            action=printable(action, 64),
            reply=reply,
            latency_us=latency_us,
            detail=printable(detail, 255),
            deviations=deviations,
            ledger_key=ledger_key,
        )
        chargers.touch(session, lease, at=self.at)


@dataclass(slots=True)
class Received(Incoming):
    """A CALL. Its result is the text of the reply, which may be sent once the unit is committed.

    `by`: who tells it in the charger's name, through the API; None: the charger itself. `garbage`: only the heading
    was that of a CALL. Then nothing is stored, and the result is empty.
    """

    call: Call | Heading
    by: str | None = field(default=None, kw_only=True)
    garbage: Garbage | None = field(default=None, init=False)
    ledger_key: int | None = field(default=None, init=False)
    is_station_old: bool = field(default=False, init=False)

    @property
    def kind(self) -> str:
        is_known = self.call.action in schemas.actions(self.actions.protocol)
        return self.call.action if is_known else "unknown"

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
        call = self.read()
        if call is None:
            return ""
        context = Context(session, self.station, self.at, is_on_behalf=self.by is not None)
        reply = dispatch.answer(self.actions, context, call)
        self.is_station_old = context.is_station_old
        is_refusal = reply.verdict is Verdict.INVALID  # not kept: it may turn out otherwise next time
        self._journal(session, reply, None if is_refusal else self.ledger_key)
        return reply.text

    def read(self) -> Call | None:
        """All of the CALL; None: it is `garbage`."""
        if isinstance(self.call, Call):
            return self.call
        whole = cast(Call | Garbage, message.parse(self.text))  # an answer does not begin like that
        if isinstance(whole, Garbage):
            self.garbage = whole
            return None
        return whole

    def _journal(self, session: Session, reply: Answer, ledger_key: int | None) -> None:
        self.keep(
            session,
            reply.verdict,
            message_type=CALL,
            message_id=str(self.call.id),
            action=self.call.action,
            reply=reply.text,
            detail=reply.detail if self.by is None else _told_by(self.by, reply.detail),
            deviations=reply.deviations,
            ledger_key=ledger_key,
        )


def _told_by(name: str, detail: str | None) -> str:
    if not detail:
        return told("Told by %(name)s through the API.", name=name)
    return told("Told by %(name)s through the API. %(detail)s", name=name, detail=detail)


def first_look(actions: Actions, text: str) -> Message | Heading:
    """A frame's text, read as far as anybody must know it before its turn in the lane.

    A payload that waits there for its commit takes several times the memory of its text, and is read from a memory
    that has grown cold: so it is read when it is handled, unless cards or numbers are looked up for it beforehand.
    """
    heading = message.heading(text)
    verb = actions.verbs.get(heading.action) if heading else None
    if heading is None or verb is None or verb.reads_ahead is not None or verb.asks_about is not None:
        return message.parse(text)
    return heading


@dataclass(slots=True)
class Salvaged(Received):
    """A CALL whose handling has failed by a fault of ours. A transaction message is confirmed all the same (F15)."""

    fault: str

    def __call__(self, session: Session) -> str:
        call = self.read()
        context = Context(session, self.station, self.at)
        payload = self.actions.last_resort(context, call) if call is not None else None
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
            deviations=frames.written([(self.garbage.deviation, "")]),
        )


@dataclass(slots=True)
class Answered(Incoming):
    """The charger's answer to a command of ours, in time or late. Its result: the message id, if it is ours.

    With a `fault` the command is settled, and what else the answer should have led to is left.
    """

    reply: CallResult | CallError
    fault: str | None = field(default=None, init=False)
    _verdict: Verdict = field(default=Verdict.VALID, init=False)

    def __call__(self, session: Session) -> str | None:
        message_id = printable(str(self.reply.id), 64) or ""
        command = commands.by_message(session, self.station.charger_id, message_id)
        is_known = command is not None and command.state in (CommandState.SENT, CommandState.TIMEOUT)
        self._verdict = Verdict.VALID  # a unit may be run again
        found = self._settle(session, command) if command is not None and is_known else []
        if not is_known:
            found = [(Deviation.ANSWER_UNASKED, "")]
        elif command is not None and command.is_late:
            found = [*found, (Deviation.ANSWER_LATE, "")]
        verdict = Verdict.IGNORED if not is_known else Verdict.FAILED if self.fault else self._verdict
        sent_at = command.sent_at if command else None
        self.keep(
            session,
            verdict,
            message_type=CALL_RESULT if isinstance(self.reply, CallResult) else CALL_ERROR,
            message_id=message_id,
            action=command.action if command else None,
            latency_us=round((self.at - sent_at).total_seconds() * 1e6) if sent_at else None,
            detail=self.fault or (dispatch.in_words(found) if found else None),
            deviations=frames.written(found),
        )
        return message_id if is_known else None

    def _settle(self, session: Session, command: Command) -> list[Found]:
        """Keep the answer, repaired where it must be. What was found against it."""
        if isinstance(self.reply, CallError):
            return self._settle_error(session, command, self.reply)
        payload: Any = self.reply.payload
        found: list[Found] = []
        faults: list[schemas.Fault] = []
        if not self._is_valid(command, payload):
            schema = schemas.schema(self.actions.protocol, command.action or "", True)
            payload, found = repair.mend(schema, payload)
            faults = schemas.check(self.actions.protocol, command.action or "", payload, is_response=True)
            self._verdict = Verdict.INVALID if faults else Verdict.REPAIRED
        state, status = self.actions.read_outcome(payload)
        if faults and status is None:
            state = CommandState.ERROR
        commands.settle_answer(
            session,
            command,
            state=state,
            status=status,
            answer=masks.keys(payload) if isinstance(payload, dict) else None,
            at=self.at,
            detail=dispatch.describe(faults) if faults else None,
            awaits=command.effect,
        )
        if self.fault is None:
            self.actions.after_answer(Context(session, self.station, self.at), command, payload)
        return found

    def _is_valid(self, command: Command, payload: Any) -> bool:
        return not schemas.check(self.actions.protocol, command.action or "", payload, is_response=True)

    def _settle_error(self, session: Session, command: Command, reply: CallError) -> list[Found]:
        commands.settle_answer(
            session,
            command,
            state=CommandState.ERROR,
            status=reply.code,
            answer={"code": reply.code, "description": reply.description},
            at=self.at,
            detail=f"{reply.code}: {reply.description}".rstrip(": ")[:255],
        )
        return [] if reply.code in self.actions.known_errors else [(Deviation.ERROR_CODE_UNKNOWN, "")]


def _gather_arrivals(session: Session, units: Sequence[Any]) -> None:
    identities = [unit.identity for unit in units if isinstance(unit, Knock)]
    if identities:
        chargers.preload_identities(session, identities)
    opening = {unit.station.charger_id: unit.at for unit in units if isinstance(unit, Opening)}
    if opening:
        chargers.preload_openings(session, opening)
        commands.preload_work(session, opening, max(opening.values()))


def _gather_orders(session: Session, units: Sequence[Any]) -> None:
    ordered = {unit.station.charger_id for unit in units if isinstance(unit, (Claim, Answered))}
    answered = {unit.station.charger_id for unit in units if isinstance(unit, Answered)}
    if ordered:
        chargers.preload_stations(session, ordered)
        quiet.preload(session)
    if answered:
        configuration.preload(session, answered)
        configuration.preload_templates(session)


def gather(session: Session, units: Sequence[Any]) -> None:
    """Read with a few queries what the units of a batch would otherwise each ask for."""
    _gather_arrivals(session, units)
    incoming = [unit for unit in units if isinstance(unit, (Incoming, Claim))]
    chargers.preload_leases(session, {unit.station.charger_id for unit in incoming})
    _gather_orders(session, incoming)
    calls = [unit for unit in incoming if isinstance(unit, Received)]
    frames.preload(session, [unit.ledger_key for unit in calls if unit.ledger_key is not None])
    wanted: dict[dispatch.Preload, set[int]] = {}
    ahead: dict[dispatch.ReadAhead, list[tuple[Station, Any]]] = {}
    for unit in calls:
        verb = unit.actions.verbs.get(unit.call.action)
        for preload in verb.gathers if verb else ():
            wanted.setdefault(preload, set()).add(unit.station.charger_id)
        if verb is not None and verb.reads_ahead is not None and isinstance(unit.call, Call):
            ahead.setdefault(verb.reads_ahead, []).append((unit.station, unit.call.payload))
    for preload, charger_ids in wanted.items():
        preload(session, charger_ids)
    for read_ahead, asked in ahead.items():
        read_ahead(session, asked)
