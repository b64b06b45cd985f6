"""A charger's journal: every frame that went over its wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import select

from csms import masks
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Out, answers
from csms.domain.frames import Direction, Frame, Verdict, Wanted
from csms.extensions import db


class FrameQuery(Listing):
    action: str | None = Field(None, max_length=64, examples=["MeterValues"])
    transaction_id: int | None = Field(None, description="those that name this transaction")
    is_wrong: bool = Field(False, description="errors, and what is not as the specification has it")


class FrameOut(Out):
    """`text` as it went over the wire, `reply` our answer to it. Keys are never shown; card numbers only to those
    who operate. For others, what cannot be read is null.
    """

    id: int
    at: datetime
    direction: Direction
    message_type: int | None
    message_id: str | None
    action: str | None
    text: str | None
    reply: str | None
    verdict: Verdict
    detail: str | None
    latency_us: int | None


class FrameList(Out):
    data: list[FrameOut]
    next_cursor: str | None


def _out(frame: Frame, *, is_open: bool) -> FrameOut:
    return FrameOut.of(
        frame,
        text=frame.text if is_open else masks.cards_in_text(frame.text),
        reply=frame.reply if is_open else masks.cards_in_text(frame.reply),
    )


@blueprint.get("/chargers/<identity>/frames")
@spec.validate(resp=answers(200, FrameList), tags=["chargers"], operation_id="listFrames")
@needs(Scope.READ)
def list_frames(identity: str, query: FrameQuery) -> Any:
    """The journal, newest first."""
    charger = queries.charger(db.session(), identity)
    named = None if query.transaction_id is None else str(query.transaction_id)
    wanted = Wanted(action=query.action, transaction=named, is_wrong=query.is_wrong)
    found = page(db.session(), wanted.apply(select(Frame), charger.id), (Frame.id,), query, newest_first=True)
    is_open = guard.may(Scope.OPERATE)
    data = [_out(x, is_open=is_open) for x in found.rows]
    return FrameList(data=data, next_cursor=found.next_cursor), found.headers
