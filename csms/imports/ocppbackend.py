"""The OCPP Backend Module's dump: chargers, connectors, transactions and users."""

from __future__ import annotations

import re
from collections.abc import Iterator

from csms.domain.base import Invalid
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.transactions import Past
from csms.imports.dumps import Dump, accounts_of, users_of
from csms.imports.records import Charger, Row, Session
from csms.imports.values import Item, booted, each, moment, needed_moment, newest, whole_wh

REASONS = {"statuslog": "the history of states begins anew"}
Places = dict[str, tuple[str, int]]  # a connector's key: its charger's and its number


def rows(dump: Dump) -> Iterator[Row]:
    """All of it, in an order in which whatever is named comes first."""
    places = _places(dump)
    yield from accounts_of(dump, set())
    yield from users_of(dump, set())
    yield from each("charger", dump.rows("charger"), lambda item: _charger(item, places))
    opened = _opened(dump)
    yield from each("session", dump.rows("transaction"), lambda item: _session(item, places, opened))
    yield from dump.rest(REASONS)


def _places(dump: Dump) -> Places:
    """Connectors were called connector_1, connector_2; where a name has no number, they are counted."""
    places: Places = {}
    counts: dict[str, int] = {}
    for item in dump.rows("connector"):
        charger = str(item.given("charger"))
        counts[charger] = counts.get(charger, 0) + 1
        number = re.search(r"(\d{1,2})$", item.text("tag_name", "connector_tag") or "")
        places[item.key] = charger, int(number[1]) if number else counts[charger]
    return places


def _charger(item: Item, places: Places) -> Charger:
    tag = item.text("id_tag")
    return Charger(
        key=item.key,
        identity=str(item.needed("name")),
        boot=booted(item),
        policy=AuthorizationPolicy.KNOWN,
        connectors=tuple(number for charger, number in places.values() if charger == item.key),
        location=item.text("location"),
        own_tag=tag if tag and len(tag) <= 36 else None,
    )


def _opened(dump: Dump) -> set[str]:
    return newest(
        (item.given("connector"), needed_moment(item.needed("start_time")), item.key)
        for item in dump.rows("transaction")
        if item.given("end_time") is None and item.given("start_time") is not None
    )


def _session(item: Item, places: Places, opened: set[str]) -> Session:
    place = places.get(str(item.given("connector")))
    if place is None:
        raise Invalid("Its connector is not in the dump.")
    past = Past(
        reference=item.key,
        evse=place[1],
        id_tag=None,
        started_at=needed_moment(item.given("start_time")),
        ended_at=moment(item.given("end_time")),
        meter_start_wh=whole_wh(item.given("meter_start")),
        meter_stop_wh=whole_wh(item.given("meter_stop")),
        is_remote=item.given("type") == "REMOTE",
        runs=item.key in opened and str(item.given("status")).upper() == "ACTIVE",
    )
    return Session(item.key, place[0], past)
