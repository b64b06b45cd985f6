"""What goes in and out in common: money, problems, lists. The nouns' own shapes stand with their views.

Energy is in Wh, power in W; moments are RFC 3339 in UTC, with a Z.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from spectree import Response

MOST_ITEMS = 200


class In(BaseModel):
    """What is sent to us: a misspelt name is told, not ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Out(BaseModel):
    """What we send."""

    @classmethod
    def of(cls, row: object, **given: Any) -> Self:
        """The shape of `row`: every field that is not `given` is the row's attribute of that name."""
        return cls(**given, **{name: getattr(row, name) for name in cls.model_fields if name not in given})


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone: end it with Z")
    return moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]


class Listing(In):
    """How lists are asked for."""

    limit: int = Field(50, ge=1, le=MOST_ITEMS)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before")


class Money(Out):
    """An amount as text, so that no cent is lost on the way."""

    amount: str = Field(examples=["9.03"])
    currency: str = Field(examples=["EUR"])

    @classmethod
    def of_cents(cls, cents: int, currency: str) -> Money:
        return cls(amount=f"{Decimal(cents) / 100:.2f}", currency=currency)


class FaultOut(Out):
    pointer: str = Field(description="JSON pointer into what was sent")
    code: str
    message: str


class ProblemOut(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str | None
    errors: list[FaultOut] = []


_FAILURES = {
    400: "The request cannot be read",
    401: "No access token, or not a good one",
    403: "The role may not do this",
    404: "There is no such thing, or none that the caller may see",
    409: "The state of things does not allow it",
    415: "The body is not JSON",
    422: "The request is not as it should be; `errors` says where",
    429: "Too many requests; `Retry-After` says when to come back",
    503: "The database is not available",
}


def answers(status: int, model: type[Out] | None, meaning: str = "", *, more: Any = None) -> Response:
    """What a view answers, with the problems that any view may answer."""
    codes: dict[str, Any] = {f"HTTP_{status}": (model, meaning) if meaning else model}
    codes |= {f"HTTP_{code}": (ProblemOut, words) for code, words in _FAILURES.items()}
    return Response(**codes, **(more or {}))
