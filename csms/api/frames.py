"""A charger's journal: every frame that went over its wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from csms.api import guard, masks, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.scopes import Scope, needs
from csms.api.shapes import Listing, Out, answers
from csms.domain.frames import Direction, Frame, Verdict
from csms.extensions import db


class FrameQuery(Listing):
    action: str | None = Field(None, max_length=64, examples=["MeterValues"])


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
    found = page(
        db.session(), queries.frames(charger.id, action=query.action), (Frame.id,), query, newest_first=True
    )
    is_open = guard.may(Scope.OPERATE)
    data = [_out(x, is_open=is_open) for x in found.rows]
    return FrameList(data=data, next_cursor=found.next_cursor), found.headers
