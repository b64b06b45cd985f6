"""Chargers' lists of cards for offline times."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import local_lists
from csms.domain.base import NotFound
from csms.domain.chargers import Charger
from csms.domain.local_lists import ListState, LocalList
from csms.domain.local_lists import queries as lists
from csms.extensions import db


class ListOrder(enum.StrEnum):
    """`on`: keep a list there; `off`: keep none, and empty what the charger holds; `by_template`: as those say.

    `send` what is missing, or all of it with `send_in_full`.
    """

    ON = "on"
    OFF = "off"
    BY_TEMPLATE = "by_template"
    SEND = "send"
    SEND_IN_FULL = "send_in_full"


class LocalListOrder(In):
    order: ListOrder


class LocalListOut(Out):
    """`version` is that of the last update that the charger took, `told_version` what it said last; -1: it has none."""

    charger: str
    state: ListState
    detail: str | None
    is_on: bool
    is_wanted: bool | None
    version: int
    told_version: int | None
    card_count: int
    left_out: int
    most_entries: int | None
    most_per_message: int | None
    synced_at: datetime | None


class LocalListList(Out):
    data: list[LocalListOut]
    next_cursor: str | None


WANTED = {ListOrder.ON: True, ListOrder.OFF: False, ListOrder.BY_TEMPLATE: None}


def _out(row: LocalList) -> LocalListOut:
    return LocalListOut.of(row, charger=row.charger.identity, card_count=len(row.held))


def _found(charger: Charger) -> LocalListOut:
    row = lists.find(db.session(), charger.id)
    if row is None:
        raise NotFound("%(title)s has no list of cards.", title=charger.title)
    return _out(row)


@blueprint.get("/local-lists")
@spec.validate(resp=answers(200, LocalListList), tags=["local lists"], operation_id="listLocalLists")
@needs(Scope.READ)
def list_local_lists(query: Listing) -> Any:
    """How the lists of the fleet stand."""
    found = page(db.session(), lists.every(), (LocalList.charger_id,), query)
    return LocalListList(data=[_out(x) for x in found.rows], next_cursor=found.next_cursor), found.headers


@blueprint.get("/chargers/<identity>/local-list")
@spec.validate(resp=answers(200, LocalListOut), tags=["local lists"], operation_id="getLocalList")
@needs(Scope.READ)
def show_local_list(identity: str) -> LocalListOut:
    """One charger's list."""
    return _found(queries.charger(db.session(), identity, with_connectors=False))


@blueprint.post("/chargers/<identity>/local-list")
@spec.validate(
    resp=answers(202, LocalListOut, "It is due"), tags=["local lists"], operation_id="orderLocalList"
)
@needs(Scope.OPERATE)
def order_local_list(identity: str, json: LocalListOrder) -> Any:
    """Keep a list at a charger, or none, or send it: now, or when the charger is there again."""
    at, by = clock.now(), guard.caller().username
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        if json.order in WANTED:
            local_lists.choose(session, charger, WANTED[json.order], by=by, at=at)
        else:
            is_full = json.order is ListOrder.SEND_IN_FULL
            local_lists.send(session, charger, by=by, at=at, is_full=is_full)
        guard.audit(session, f"local_list.{json.order}", charger.identity)
    return _found(queries.charger(db.session(), identity, with_connectors=False)), 202
