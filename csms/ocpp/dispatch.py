"""From a CALL to its answer, for every version alike: admission, schema, handler, error code. Does no IO.

A version is an `Actions` registry. Adding an action is one function under `@actions.on("Name")`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from csms import quirks, schemas
from csms.domain import chargers, frames
from csms.domain.base import DomainError
from csms.domain.chargers import Admission, Charger
from csms.domain.commands import Command, CommandState, Effect, Kind
from csms.domain.frames import Deviation, Found, Verdict
from csms.domain.roaming.authorization import Shown
from csms.ocpp import message, repair
from csms.ocpp.message import Call
from csms.quirks import Profile
from csms.schemas import Fault, FaultKind
from csms.sentences import gettext_noop, told

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
    is_strict: bool = False  # what the schema refuses is refused, and nothing is repaired
    quirks: Profile = quirks.NONE  # its model's habits, for those who read what it sends
    own_tag: str | None = None  # the charger's own: whoever shows it there may charge
    operator_name: str = ""  # whom its certificate must name as its owner; "" leaves that open


@dataclass(slots=True)
class Context:
    """One message being handled: the session of its unit of work, the station that sent it, the moment it came.

    `is_valid`: the schema has nothing against its payload, so that its handler need not look at every type.
    `found`: what its readers have come upon that the specification has otherwise; None: nothing.
    """

    session: Session
    station: Station
    now: datetime
    is_valid: bool = False
    found: list[Found] | None = None
    is_on_behalf: bool = False  # the charger did not send it: somebody told it through the API
    is_station_old: bool = False  # what the message says of its charger makes `station` old news

    def note(self, deviation: Deviation, place: str) -> None:
        """Count it against the charger."""
        self.found = [*(self.found or ()), (deviation, place)]

    @property
    def charger(self) -> Charger:
        return chargers.get(self.session, self.station.charger_id)


Handler = Callable[[Context, Any], Payload]
ReadAhead = Callable[[Session, Sequence[tuple[Station, Any]]], None]
AsksAbout = Callable[[Station, Any], Shown | None]


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


# What an order of one kind becomes: the action of this version and its payload, from the command's arguments.
Render = Callable[[Mapping[str, Any]], tuple[str, Payload]]
# What will show that an action has worked, from its payload.
Describe = Callable[[Payload], Order]
AfterAnswer = Callable[[Context, Command, Any], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """How one action is handled.

    `is_tolerant`: its handler copes with what the schema refuses. `keeps_reply`: it tells of transactions, so it is
    kept come what may, and the same bytes again are a repetition that gets the same reply; not for messages that
    carry no time of their own, which may be sent anew in all honesty.
    `gathers` (by charger) and `reads_ahead` (by payload) read for many such messages at once. `asks_about`: the card
    whose issuer may have to be asked before it is handled.
    """

    handler: Handler
    is_tolerant: bool
    keeps_reply: bool
    gathers: tuple[Preload, ...]
    reads_ahead: ReadAhead | None
    asks_about: AsksAbout | None = None


@dataclass(slots=True)
class Actions:
    """One version of the protocol: its handlers, its spelling of errors, and how it puts commands.

    `last_resort` answers a transaction message that a fault of ours has kept from being handled; None: no way.
    """

    protocol: str
    error_codes: Mapping[FaultKind, str]
    unreadable_code: str
    read_outcome: Callable[[Any], tuple[CommandState, str | None]]
    last_resort: Callable[[Context, Call], Payload | None]
    known_errors: frozenset[str] = frozenset()  # the codes that chargers may answer with
    verbs: dict[str, Verb] = field(default_factory=dict)
    renders: dict[Kind, Render] = field(default_factory=dict)
    describes: dict[str, Describe] = field(default_factory=dict)
    afters: dict[str, AfterAnswer] = field(default_factory=dict)

    def on(
        self,
        action: str,
        *,
        tolerant: bool = False,
        keeps_reply: bool = False,
        gathers: Sequence[Preload] = (),
        reads_ahead: ReadAhead | None = None,
        asks_about: AsksAbout | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the handler of an action that chargers send."""

        def register(handler: Handler) -> Handler:
            self.verbs[action] = Verb(handler, tolerant, keeps_reply, tuple(gathers), reads_ahead, asks_about)
            return handler

        return register

    def renders_as(self, kind: Kind) -> Callable[[Render], Render]:
        """Register how this version puts an order of one kind."""

        def register(render: Render) -> Render:
            self.renders[kind] = render
            return render

        return register

    def shown_by(self, action: str) -> Callable[[Describe], Describe]:
        """Register what shows that an action has worked (1.6 errata 3.32: "Accepted" is an intention)."""

        def register(describe: Describe) -> Describe:
            self.describes[action] = describe
            return describe

        return register

    def answered(self, action: str) -> Callable[[AfterAnswer], AfterAnswer]:
        """Register what is kept of a charger's answer to an action of ours."""

        def register(after: AfterAnswer) -> AfterAnswer:
            self.afters[action] = after
            return after

        return register

    def to_order(self, command: Command) -> Order | None:
        """The CALL that a command becomes; None when this version has no words for it."""
        render = self.renders.get(command.kind)
        if render is None:
            return None
        action, payload = render(command.arguments)
        describe = self.describes.get(action)
        return describe(payload) if describe else Order(action, payload)

    def after_answer(self, context: Context, command: Command, answer: Any) -> None:
        """Keep what an answer tells us of the charger."""
        after = self.afters.get(command.action or "")
        if after is not None:
            after(context, command, answer)


class Answer(NamedTuple):
    """What goes back, and what the journal says of what came."""

    text: str
    verdict: Verdict
    detail: str | None = None
    deviations: str | None = None  # as the journal keeps them


def answer(actions: Actions, context: Context, call: Call) -> Answer:
    """The reply to a CALL. Raises what a fault of ours raises: the caller must not send anything then."""
    verb = actions.verbs.get(call.action)
    if not _is_heard(context.station, call, verb):
        # OCPP-J errata 3.8, 2.0.1 B02.FR.09: nothing else is heard before acceptance; checked before the schema
        return _refuse(call, "SecurityError", told("This charger is not accepted here yet."))
    if verb is None:
        found = [(Deviation.ACTION_UNKNOWN, call.action[:60] if call.action.isidentifier() else "")]
        if call.action in schemas.actions(actions.protocol):
            return _refuse(call, "NotSupported", told("This action is known and not supported."), found)
        return _refuse(call, "NotImplemented", told("This action is not known."), found)
    if call.doubt is not None and not verb.keeps_reply:
        return _refuse(call, actions.unreadable_code, call.doubt, [(kind, "") for kind in call.repairs])
    faults = schemas.check(actions.protocol, call.action, call.payload)
    context.is_valid = not faults
    payload = _mended(actions, context, verb, call) if faults else call.payload
    if payload is _HOPELESS:
        return _at_fault(actions, call, faults, context.found)
    try:
        payload = verb.handler(context, payload)
    except Unreadable:
        return _at_fault(actions, call, faults, context.found)
    except DomainError as error:
        code = actions.error_codes[FaultKind.VALUE]
        return Answer(message.error(call.id, code, str(error)), Verdict.INVALID, str(error)[:255])
    text = message.result(call.id, payload)
    if faults or context.found or call.repairs:
        found = [*((kind, "") for kind in call.repairs), *(context.found or ())]
        detail = describe(faults) if faults else in_words(found)
        return Answer(text, Verdict.REPAIRED, detail, frames.written(found))
    return Answer(text, Verdict.VALID)


_HOPELESS = object()


def _mended(actions: Actions, context: Context, verb: Verb, call: Call) -> Any:
    """The payload as near to its schema as it can be brought; _HOPELESS: its handler cannot be given it.

    A strict charger's is repaired only to find names for what is wrong with it.
    """
    payload, found = repair.mend(schemas.schema(actions.protocol, call.action, False), call.payload)
    context.found = found or [(Deviation.VALUE_REFUSED, "")]
    if context.station.is_strict:
        return _HOPELESS
    context.is_valid = not schemas.check(actions.protocol, call.action, payload)
    is_fit = context.is_valid or verb.is_tolerant or all(kind in _MENDED for kind, _ in context.found)
    return payload if is_fit else _HOPELESS


# What leaves nothing for a handler to stumble over: a text that is too long is still a text.
_MENDED = frozenset(Deviation) - {
    Deviation.LIST_EMPTY,
    Deviation.MEMBER_MISSING,
    Deviation.VALUE_REFUSED,
    Deviation.WORD_UNKNOWN,
    Deviation.WRONG_TYPE,
}


def _is_heard(station: Station, call: Call, verb: Verb | None) -> bool:
    """Only an accepted charger is heard; one that once was may still report its transactions (they would be lost)."""
    if station.admission is Admission.ACCEPTED or call.action == "BootNotification":
        return True
    return station.was_accepted and verb is not None and verb.keeps_reply


def _refuse(call: Call, code: str, description: str, found: Sequence[Found] = ()) -> Answer:
    text = message.error(call.id, code, description)
    return Answer(text, Verdict.INVALID, f"{code}: {description}"[:255], frames.written(found))


def _at_fault(actions: Actions, call: Call, faults: list[Fault], found: Sequence[Found] | None) -> Answer:
    # Where the schema has nothing against it, a value has no meaning here: a connector below zero.
    code = actions.error_codes[faults[0].kind if faults else FaultKind.VALUE]
    return _refuse(call, code, describe(faults), found or [(Deviation.VALUE_REFUSED, "")])


def in_words(found: Sequence[Found]) -> str:
    """What was found, in one line, without repeating the values that were sent."""
    parts = [f"{place or told('the message')}: {kind.value.replace('_', ' ')}" for kind, place in found[:4]]
    return "; ".join(dict.fromkeys(parts))[:255]


def describe(faults: Sequence[Fault]) -> str:
    """What is wrong, in one line, without repeating the values that were sent."""
    words = {
        FaultKind.MISSING: gettext_noop("%(place)s is missing"),
        FaultKind.TYPE: gettext_noop("%(place)s has the wrong type"),
        FaultKind.VALUE: gettext_noop("%(place)s has a value that is not allowed"),
        FaultKind.SHAPE: gettext_noop("%(place)s is not expected"),
    }
    parts = []
    for fault in faults[:4]:
        place = f"{fault.pointer}/{fault.name}" if fault.name else fault.pointer or told("the payload")
        parts.append(words[fault.kind] % {"place": place})
    return "; ".join(parts)[:255] or told("the payload makes no sense")
