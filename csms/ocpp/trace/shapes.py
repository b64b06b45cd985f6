"""The lines of a trace: JSON objects, one a line, `line` says of what kind. Moments are UTC, energy Wh, money cents."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from csms.domain.accounts import TokenStatus
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.frames import Direction
from csms.domain.transactions import TransactionState


class Shape(BaseModel):
    """What all lines have in common: nothing unknown in them is passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChargerLine(Shape):
    """The first line: whose trace it is, what decided who may charge there, and how its messages were read."""

    line: Literal["charger"] = "charger"
    trace: Literal[1] = 1
    identity: str
    protocol: str
    policy: AuthorizationPolicy
    is_strict: bool = False
    quirks: str | None = None


class FrameLine(Shape):
    """A frame as it went over the wire, and our answer to it. `epoch` counts the charger's connections."""

    line: Literal["frame"] = "frame"
    at: datetime
    direction: Direction
    epoch: int
    frame: str
    reply: str | None


class SessionLine(Shape):
    """What became of a session; one that is not over has no figures yet. `received_at`: when its start came.

    `cost_cents` is what its tariff makes of its figures, before any credit. `tariff` names a tariff line.
    """

    line: Literal["session"] = "session"
    id: int
    received_at: datetime
    evse: int | None
    id_tag: str | None
    authorization: TokenStatus
    state: TransactionState
    started_at: datetime
    ended_at: datetime | None
    stop_reason: str | None
    energy_wh: int | None
    cost_cents: int | None
    flags: list[str]
    tariff: int | None


class CardLine(Shape):
    """A card that was presented, as it stood when the trace was made."""

    line: Literal["card"] = "card"
    uid: str
    parent_uid: str | None
    is_allowed: bool
    expires_at: datetime | None
    has_credit: bool


class TariffLine(Shape):
    """A version of a tariff; prices with VAT. `elements` as OCPI has them, where a few prices do not tell all."""

    line: Literal["tariff"] = "tariff"
    id: int
    currency: str
    price_per_kwh: Decimal = Decimal(0)
    price_per_minute: Decimal = Decimal(0)
    price_per_idle_minute: Decimal = Decimal(0)
    idle_grace_minutes: int
    price_per_start: Decimal = Decimal(0)
    vat_percent: Decimal
    elements: list[dict[str, Any]] | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    time_zone: str = "UTC"
    is_time_plugged_in: bool = True


Line = ChargerLine | FrameLine | SessionLine | CardLine | TariffLine
_LINES: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="line")])


class Unreadable(Exception):
    """That is no trace. The message says which line is wrong, and why."""


def read_lines(texts: Iterable[str]) -> list[Line]:
    """The lines of a trace's file. Raises Unreadable."""
    lines: list[Line] = []
    for number, text in enumerate(texts, 1):
        try:
            lines.append(_LINES.validate_json(text))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Unreadable(f"Line {number} is no line of a trace: {place} {first['msg']}".strip()) from None
    return lines


# What two tellings of one session are compared by, with what a person calls it.
_COMPARED = {
    "state": "state",
    "energy_wh": "energy in Wh",
    "cost_cents": "cost in cents",
    "started_at": "start",
    "ended_at": "end",
    "evse": "EVSE",
    "id_tag": "card",
    "authorization": "authorization",
    "stop_reason": "reason for its end",
    "flags": "flags",
}


def differences(expected: Sequence[SessionLine], found: Sequence[SessionLine]) -> list[str]:
    """In which sessions two tellings differ, a sentence for each difference. A session is known by when it came."""
    was, now = ({x.received_at: x for x in lines} for lines in (expected, found))
    told = [f"Session {was[at].id}: is not there any more." for at in sorted(was.keys() - now.keys())]
    told += [f"Session {now[at].id}: was not there." for at in sorted(now.keys() - was.keys())]
    for at in sorted(was.keys() & now.keys()):
        for name, words in _COMPARED.items():
            before, after = getattr(was[at], name), getattr(now[at], name)
            if before != after:
                told.append(
                    f"Session {was[at].id}: its {words} was {_shown(before)}, and is {_shown(after)}."
                )
    return told


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "unknown" if value is None else str(value)
