"""From a CALL to its answer, for every version alike: admission, schema, handler, error code. Does no IO.

A version is an `Actions` registry. Adding an action is one function under `@actions.on("Name")`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms import schemas
from csms.domain import chargers
from csms.domain.base import DomainError
from csms.domain.chargers import Admission, Charger
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.frames import Verdict
from csms.ocpp import message
from csms.ocpp.message import Call
from csms.schemas import Fault, FaultKind

Payload = dict[str, Any]
Preload = Callable[[Session, Iterable[int]], None]


@dataclass(frozen=True, slots=True)
class Station:
    """What a link holds of its charger, so that a message need not ask for it. Refreshed by the charger's topic."""

    charger_id: int
    identity: str
    protocol: str
    admission: Admission
    needs_known_card: bool
    needs_credit: bool
    tariff_id: int | None
    heartbeat_interval_s: int
    was_accepted: (
        bool  # it has worked here before: what it has to say of its transactions is kept, come what may
    )


@dataclass(slots=True)
class Context:
    """One message being handled: the session of its unit of work, the station that sent it, the moment it came.

    `is_valid`: the schema has nothing against its payload, so that its handler need not look at every type.
    """

    session: Session
    station: Station
    now: datetime
    is_valid: bool = False

    @property
    def charger(self) -> Charger:
        return chargers.get(self.session, self.station.charger_id)


Handler = Callable[[Context, Any], Payload]
ReadAhead = Callable[[Session, Sequence[tuple[Station, Any]]], None]


class Unreadable(Exception):
    """A handler cannot make sense of a payload; what the schema says of it is the answer."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command in the words of one version, and what will show that it has worked."""

    action: str
    payload: Payload
    awaits: Effect | None = None
    key: str | None = None
    evse: int | None = None
    id_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """How one action is handled.

    `is_tolerant`: its handler copes with what the schema refuses. `keeps_reply`: it tells of transactions, so it is
    kept come what may, and the same bytes again are a repetition that gets the same reply; not for messages that
    carry no time of their own, which may be sent anew in all honesty.
    `gathers` (by charger) and `reads_ahead` (by payload) read for many such messages at once.
    """

    handler: Handler
    is_tolerant: bool
    keeps_reply: bool
    gathers: tuple[Preload, ...]
    reads_ahead: ReadAhead | None


@dataclass(slots=True)
class Actions:
    """One version of the protocol: its handlers, its spelling of errors, and how it puts commands.

    `last_resort` answers a transaction message that a fault of ours has kept from being handled; None: no way.
    """

    protocol: str
    error_codes: Mapping[FaultKind, str]
    unreadable_code: str
    to_order: Callable[[Command], Order]
    read_outcome: Callable[[Command, Any], tuple[CommandState, str | None]]
    after_answer: Callable[[Context, Command, Any], None]
    last_resort: Callable[[Context, Call], Payload | None]
    verbs: dict[str, Verb] = field(default_factory=dict)

    def on(
        self,
        action: str,
        *,
        tolerant: bool = False,
        keeps_reply: bool = False,
        gathers: Sequence[Preload] = (),
        reads_ahead: ReadAhead | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the handler of an action that chargers send."""

        def register(handler: Handler) -> Handler:
            self.verbs[action] = Verb(handler, tolerant, keeps_reply, tuple(gathers), reads_ahead)
            return handler

        return register


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and what the journal says of what came."""

    text: str
    verdict: Verdict
    detail: str | None = None


def answer(actions: Actions, context: Context, call: Call) -> Answer:
    """The reply to a CALL. Raises what a fault of ours raises: the caller must not send anything then."""
    verb = actions.verbs.get(call.action)
    if not _is_heard(context.station, call, verb):
        # OCPP-J errata 3.8, 2.0.1 B02.FR.09: nothing else is heard before acceptance; checked before the schema
        return _refuse(call, "SecurityError", "This charger is not accepted here yet.")
    if verb is None:
        if call.action in schemas.actions(actions.protocol):
            return _refuse(call, "NotSupported", "This action is known and not supported.")
        return _refuse(call, "NotImplemented", "This action is not known.")
    faults = schemas.check(actions.protocol, call.action, call.payload)
    context.is_valid = not faults
    if faults and not verb.is_tolerant:
        return _at_fault(actions, call, faults)
    try:
        payload = verb.handler(context, call.payload)
    except Unreadable:
        return _at_fault(actions, call, faults)
    except DomainError as error:
        code = actions.error_codes[FaultKind.VALUE]
        return Answer(message.error(call.id, code, str(error)), Verdict.INVALID, str(error)[:255])
    text = message.result(call.id, payload)
    if faults:
        return Answer(text, Verdict.REPAIRED, describe(faults))
    return Answer(text, Verdict.REPAIRED if call.was_repaired else Verdict.VALID)


def _is_heard(station: Station, call: Call, verb: Verb | None) -> bool:
    """Only an accepted charger is heard; one that once was may still report its transactions (they would be lost)."""
    if station.admission is Admission.ACCEPTED or call.action == "BootNotification":
        return True
    return station.was_accepted and verb is not None and verb.keeps_reply


def _refuse(call: Call, code: str, description: str) -> Answer:
    return Answer(message.error(call.id, code, description), Verdict.INVALID, f"{code}: {description}")


def _at_fault(actions: Actions, call: Call, faults: list[Fault]) -> Answer:
    code = actions.error_codes[faults[0].kind] if faults else actions.unreadable_code
    detail = describe(faults)
    return Answer(message.error(call.id, code, detail), Verdict.INVALID, f"{code}: {detail}"[:255])


def describe(faults: Sequence[Fault]) -> str:
    """What is wrong, in one line, without repeating the values that were sent."""
    words = {
        FaultKind.MISSING: "is missing",
        FaultKind.TYPE: "has the wrong type",
        FaultKind.VALUE: "has a value that is not allowed",
        FaultKind.SHAPE: "is not expected",
    }
    parts = []
    for fault in faults[:4]:
        place = f"{fault.pointer}/{fault.name}" if fault.name else fault.pointer or "the payload"
        parts.append(f"{place} {words[fault.kind]}")
    return "; ".join(parts)[:255] or "the payload makes no sense"
