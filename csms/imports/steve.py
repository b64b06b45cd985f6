"""SteVe's tables: charge boxes, connectors, tags, users, transactions with meter values, reservations, profiles.

Their names and columns are those of SteVe 3; older and newer versions lack some and have others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from csms.domain.base import Invalid
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.energy import Period, ProfileKind, RateUnit
from csms.domain.transactions import Past
from csms.imports.profiles import profile_of
from csms.imports.records import (
    Account,
    Card,
    Charger,
    ChargingProfile,
    Ignored,
    LeftOut,
    Reservation,
    Row,
    Session,
)
from csms.imports.tables import Tables
from csms.imports.values import Item, booted, each, moment, needed_moment, snapshots, whole_wh

AT_ONCE = 100  # transactions whose meter values are read together
IGNORED = (
    ("connector_status", "the history of states begins anew"),
    ("transaction_stop_failed", "SteVe could not use them either"),
    ("web_user", "their passwords are kept in another way: add them with flask create-user"),
    (
        "connector_charging_profile",
        "give the profiles to chargers again, on the page Charging profiles",
    ),
)
Places = dict[str, tuple[str, int]]  # a connector's key: its charge box's key and its number


def rows(tables: Tables) -> Iterator[Row]:
    """All of it, in an order in which whatever is named comes first."""
    boxes = list(_items(tables, "charge_box", "charge_box_pk"))
    places = _places(tables, {str(x.given("charge_box_id")): x.key for x in boxes})
    yield from each("account", _items(tables, "user", "user_pk"), _account)
    holders = _holders(tables)
    yield from each("card", _items(tables, "ocpp_tag", "ocpp_tag_pk"), lambda item: _card(item, holders))
    addresses = {x.key: _address(x) for x in _items(tables, "address", "address_pk")}
    yield from each("charger", boxes, lambda item: _charger(item, places, addresses))
    for item in boxes:
        if item.given("auth_password"):
            yield LeftOut("key", item.key, "Its key is kept as a hash: give the charger a new one.")
    yield from _profiles(tables)
    yield from _sessions(tables, places)
    reservations = _items(tables, "reservation", "reservation_pk")
    yield from each("reservation", reservations, lambda item: _reservation(item, places))
    for table, reason in IGNORED:
        if count := tables.count(table):
            yield Ignored(table, count, reason)


def _items(tables: Tables, table: str, key: str) -> Iterator[Item]:
    return (Item(str(row[key]), row) for row in tables.rows(table, key))


def _places(tables: Tables, boxes: dict[str, str]) -> Places:
    return {
        x.key: (boxes[str(x.given("charge_box_id"))], int(x.given("connector_id")))
        for x in _items(tables, "connector", "connector_pk")
        if str(x.given("charge_box_id")) in boxes
    }


def _account(item: Item) -> Account:
    name = " ".join(x for x in (item.text("first_name"), item.text("last_name")) if x)
    return Account(item.key, name or item.text("e_mail") or f"User {item.key}", item.text("e_mail"))


def _holders(tables: Tables) -> dict[str, str]:
    """Tags by who holds them: a column of the user, and in later versions a table."""
    found = {
        str(x.given("ocpp_tag_pk")): x.key
        for x in _items(tables, "user", "user_pk")
        if x.given("ocpp_tag_pk")
    }
    return found | {
        str(row["ocpp_tag_pk"]): str(row["user_pk"]) for row in tables.rows("user_ocpp_tag", "ocpp_tag_pk")
    }


def _card(item: Item, holders: dict[str, str]) -> Card:
    """A tag that may have no transactions is blocked."""
    most = item.given("max_active_transaction_count")
    is_blocked = str(item.given("blocked") or "0") not in ("0", "False", "false")
    return Card(
        key=item.key,
        uid=str(item.needed("id_tag")),
        label=item.text("note"),
        parent_uid=item.text("parent_id_tag"),
        expires_at=moment(item.given("expiry_date")),
        is_allowed=not is_blocked and (most is None or int(most) != 0),
        account=holders.get(item.key),
    )


def _address(item: Item) -> str:
    street = " ".join(x for x in (item.text("street"), item.text("house_number")) if x)
    town = " ".join(x for x in (item.text("zip_code"), item.text("city")) if x)
    return ", ".join(x for x in (street, town, item.text("country")) if x)


def _charger(item: Item, places: Places, addresses: dict[str, str]) -> Charger:
    if item.text("registration_status") == "Rejected":
        raise Invalid("It was rejected there.")
    latitude, longitude = item.given("location_latitude"), item.given("location_longitude")
    numbers = {number for box, number in places.values() if box == item.key and number > 0}
    return Charger(
        key=item.key,
        identity=str(item.needed("charge_box_id")),
        boot=booted(item),
        policy=AuthorizationPolicy.KNOWN,
        connectors=tuple(sorted(numbers)),
        name=item.text("description"),
        location=addresses.get(str(item.given("address_pk"))),
        latitude=float(latitude) if latitude is not None and longitude is not None else None,
        longitude=float(longitude) if latitude is not None and longitude is not None else None,
    )


def _profiles(tables: Tables) -> Iterator[Row]:
    periods: dict[str, list[Period]] = {}
    for row in tables.rows("charging_schedule_period", "charging_profile_pk"):
        phases = row.get("number_phases")
        period = Period(
            int(row["start_period_in_seconds"]), float(row["power_limit"]), int(phases) if phases else None
        )
        periods.setdefault(str(row["charging_profile_pk"]), []).append(period)
    items = _items(tables, "charging_profile", "charging_profile_pk")
    yield from each("charging profile", items, lambda item: _profile(item, periods.get(item.key, [])))


def _profile(item: Item, periods: list[Period]) -> ChargingProfile:
    purpose, duration = str(item.needed("charging_profile_purpose")), item.given("duration_in_seconds")
    profile = profile_of(
        item,
        purpose,
        ProfileKind(item.needed("charging_profile_kind")),
        RateUnit(item.needed("charging_rate_unit")),
        tuple(sorted(periods, key=lambda x: x.start_s)),
        duration_s=int(duration) if duration else None,
    )
    name = item.text("description") or f"{purpose}, level {profile.stack_level}"
    return ChargingProfile(item.key, name, item.text("note"), profile)


def _sessions(tables: Tables, places: Places) -> Iterator[Row]:
    """Transactions with their newest stop. One without may still run, if it is its connector's newest."""
    stops: dict[str, dict[str, Any]] = {}
    for row in tables.rows("transaction_stop", "transaction_pk"):
        known = stops.get(str(row["transaction_pk"]))
        if known is None or str(row["event_timestamp"]) > str(known["event_timestamp"]):
            stops[str(row["transaction_pk"])] = row
    newest: dict[str, str] = {}
    for row in tables.rows("transaction_start", "transaction_pk"):
        newest[str(row["connector_pk"])] = str(row["transaction_pk"])
    for portion in _portions(_items(tables, "transaction_start", "transaction_pk")):
        values: dict[str, list[dict[str, Any]]] = {}
        for row in tables.values([x.key for x in portion]):
            values.setdefault(str(row["transaction_pk"]), []).append(row)
        yield from each(
            "session",
            portion,
            lambda item, values=values: _session(  # type: ignore[misc]
                item, places, stops.get(item.key), values.get(item.key, []), newest
            ),
        )


def _portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while portion := list(islice(iterator, AT_ONCE)):
        yield portion


def _session(
    item: Item,
    places: Places,
    stop: dict[str, Any] | None,
    values: list[dict[str, Any]],
    newest: dict[str, str],
) -> Session:
    connector = str(item.needed("connector_pk"))
    place = places.get(connector)
    if place is None:
        raise Invalid("Its connector is not there.")
    past = Past(
        reference=item.key,
        evse=place[1],
        id_tag=item.text("id_tag"),
        started_at=needed_moment(item.given("start_timestamp", "event_timestamp")),
        ended_at=moment(stop["stop_timestamp"]) if stop else None,
        meter_start_wh=whole_wh(item.given("start_value")),
        meter_stop_wh=whole_wh(stop["stop_value"]) if stop else None,
        stop_reason=str(stop["stop_reason"]) if stop and stop.get("stop_reason") else None,
        snapshots=snapshots(values, at="value_timestamp", context="reading_context"),
        runs=stop is None and newest[connector] == item.key,
    )
    return Session(item.key, place[0], past)


def _reservation(item: Item, places: Places) -> Reservation | None:
    """Those that a charger keeps, under their number: what it is asked for again it replaces (1.6 §5.13)."""
    if str(item.given("status")).upper() != "ACCEPTED":
        return None
    place = places.get(str(item.given("connector_pk")))
    if place is None:
        raise Invalid("Its connector is not there.")
    expires_at = needed_moment(item.given("expiry_datetime"))
    return Reservation(item.key, place[0], place[1], str(item.needed("id_tag")), int(item.key), expires_at)
