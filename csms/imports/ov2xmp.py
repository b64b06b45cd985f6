"""ov2xmp-django's dump: locations, tariffs, users, cards, chargers, profiles, transactions, reservations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from csms.domain import sites
from csms.domain.accounts import LedgerKind
from csms.domain.base import Invalid
from csms.domain.chargers import (
    AuthorizationPolicy,
    ConnectorFormat,
    ConnectorStandard,
    PowerType,
)
from csms.domain.chargers.editing import Plug
from csms.domain.sites import ParkingType
from csms.domain.transactions import Past
from csms.imports import ov2xmp_terms
from csms.imports.dumps import Dump, account_key, accounts_of, users_of
from csms.imports.records import Card, Charger, Credit, LeftOut, Outlet, Reservation, Row, Session, Site
from csms.imports.values import (
    Item,
    booted,
    each,
    moment,
    needed_moment,
    newest,
    snapshots,
    structure,
    whole_wh,
)
from csms.quantities import cents

Word = TypeVar("Word", bound=StrEnum)

REASONS = {
    "cdr": "what was charged there is not charged again",
    "statusnotification": "the history of states begins anew",
    "statusnotification201": "the history of states begins anew",
    "heartbeat": "nothing depends on it",
    "taskresult": "tasks are over",
    "dsosignal": "signals are read again with `flask import-dso`",
    "chargingprofile201": "profiles of OCPP 2.0.1 come with OCPP 2.0.1",
}
Places = dict[str, tuple[str, int]]  # a connector's key: its charger's and its number


def rows(dump: Dump, time_zone: str) -> Iterator[Row]:
    """All of it, in an order in which whatever is named comes first. Tariffs count by the clocks of `time_zone`."""
    owners = _owners(dump)
    places = {
        x.key: (str(x.given("chargepoint")), int(x.needed("connectorid"))) for x in dump.rows("connector")
    }
    yield from each("site", dump.rows("location"), _site)
    yield from ov2xmp_terms.tariffs(dump, time_zone)
    yield from accounts_of(dump, owners)
    yield from users_of(dump, owners, {str(x.given("user")): x for x in dump.rows("profile")})
    joined = {x.key: moment(x.given("date_joined")) for x in dump.rows("user")}
    yield from each("credit", dump.rows("profile"), lambda item: _credit(item, joined))
    yield from each("card", dump.rows("idtag"), _card)
    chosen, outlets = _tariffs_of_chargers(dump, places), _outlets(dump, places)
    yield from each("charger", dump.rows("chargepoint"), lambda item: _charger(item, places, outlets, chosen))
    yield from ov2xmp_terms.profiles(dump)
    yield from _sessions(dump, places)
    yield from each("reservation", dump.rows("reservation"), lambda item: _reservation(item, places))
    yield from dump.rest(REASONS)


def _owners(dump: Dump) -> set[str]:
    cards = {str(x.given("user")) for x in dump.rows("idtag") if x.given("user") is not None}
    return cards | {str(x.given("user")) for x in dump.rows("profile") if x.given("credit_balance")}


def _site(item: Item) -> Site:
    place = structure(item.given("coordinates")) or {}
    latitude = place.get("latitude") or item.given("latitude")
    longitude = place.get("longitude") or item.given("longitude")
    country = item.text("country")
    kind = item.text("parking_type")
    details = sites.Details(
        name=str(item.given("name") or item.given("address", "street_address") or f"Location {item.key}"),
        country_code=item.text("country_code") or (country if country and len(country) == 2 else None),
        party_id=item.text("party_id"),
        address=item.text("address", "street_address"),
        city=item.text("city"),
        postal_code=item.text("postal_code"),
        state=item.text("state"),
        country=country if country and len(country) == 3 else None,
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
        parking_type=ParkingType(kind) if kind else None,
        time_zone=item.text("time_zone", "timezone"),
        substation_id=item.text("substation_id"),
    )
    return Site(item.key, details, _uuid(item.key))


def _credit(item: Item, joined: dict[str, datetime | None]) -> Credit | None:
    amount = cents(Decimal(str(item.given("credit_balance") or 0)))
    if not amount:
        return None
    user = str(item.needed("user"))
    return Credit(
        key=item.key,
        account=account_key(user),
        kind=LedgerKind.TOP_UP if amount > 0 else LedgerKind.CORRECTION,
        at=joined.get(user) or needed_moment("2000-01-01"),
        amount_cents=amount,
        note="Balance in ov2xmp",
    )


def _card(item: Item) -> Card:
    owner = item.given("user")
    return Card(
        key=item.key,
        uid=str(item.fields.get("idToken", item.key)),
        label=item.text("friendly_name"),
        expires_at=moment(item.given("expiry_date")),
        is_allowed=not item.given("revoked"),
        account=account_key(owner) if owner is not None else None,
    )


def _tariffs_of_chargers(dump: Dump, places: Places) -> dict[str, set[str]]:
    """The tariffs of a charger's connectors."""
    found: dict[str, set[str]] = {}
    for item in dump.rows("connector"):
        found.setdefault(places[item.key][0], set()).update(str(x) for x in item.given("tariff_ids") or ())
    return found


def _outlets(dump: Dump, places: Places) -> dict[str, list[Outlet]]:
    """What the connectors of a charger are, by its key."""
    found: dict[str, list[Outlet]] = {}
    for item in dump.rows("connector"):
        charger, number = places[item.key]
        plug = Plug(
            None,
            _word(ConnectorStandard, item.text("standard")),
            _word(ConnectorFormat, item.text("format")),
            _word(PowerType, item.text("power_type")),
            None,
        )
        found.setdefault(charger, []).append(Outlet(number, _uuid(item.key), plug))
    return found


def _word(words: type[Word], given: str | None) -> Word | None:
    return next((x for x in words if x.value == given), None)


def _uuid(key: str) -> str | None:
    """A row's key as programs know it; None where it is none that can be kept."""
    try:
        return str(UUID(key))
    except ValueError:
        return None


def _charger(
    item: Item, places: Places, outlets: dict[str, list[Outlet]], tariffs: dict[str, set[str]]
) -> Charger:
    """With the tariff of its connectors, where they have one in common."""
    own = tariffs.get(item.key, set())
    return Charger(
        key=item.key,
        identity=str(item.fields.get("chargepoint_id", item.key)),
        boot=booted(item),
        policy=AuthorizationPolicy.KNOWN,
        connectors=tuple(sorted(number for charger, number in places.values() if charger == item.key)),
        outlets=tuple(outlets.get(item.key, ())),
        site=item.text("location"),
        tariff=next(iter(own)) if len(own) == 1 else None,
    )


def _sessions(dump: Dump, places: Places) -> Iterator[Row]:
    values: dict[str, list[dict[str, object]]] = {}
    for item in dump.rows("sampledvalue"):
        values.setdefault(str(item.given("transaction", "transaction_id")), []).append(dict(item.fields))
    items = dump.rows("transaction")
    opened = newest(
        (x.given("connector"), needed_moment(x.given("start_transaction_timestamp")), x.key)
        for x in items
        if x.given("transaction_status") == "Started" and x.given("start_transaction_timestamp")
    )
    yield from each("session", items, lambda item: _session(item, places, values, opened))


def _session(
    item: Item, places: Places, values: dict[str, list[dict[str, object]]], opened: set[str]
) -> Session | LeftOut:
    place = places.get(str(item.given("connector")))
    if place is None:
        return LeftOut("session", item.key, "Its connector is gone: nobody knows where it was.")
    ended_at = moment(item.given("stop_transaction_timestamp"))
    past = Past(
        reference=item.key,
        evse=place[1],
        id_tag=item.text("id_tag"),
        started_at=needed_moment(item.given("start_transaction_timestamp")),
        ended_at=ended_at,
        meter_start_wh=whole_wh(item.given("wh_meter_start")),
        meter_stop_wh=whole_wh(item.given("wh_meter_stop")),
        stop_reason=item.text("reason_stopped"),
        snapshots=snapshots(values.get(item.key, ()), at="timestamp", context="context"),
        is_refused=item.given("transaction_status") == "Unauthorized",
        runs=item.key in opened and ended_at is None,
    )
    return Session(item.key, place[0], past)


def _reservation(item: Item, places: Places) -> Reservation:
    """There a reservation did not name its card: without one nobody could use it."""
    place = places.get(str(item.given("connector")))
    card = item.text("id_tag", "idtag")
    if place is None or card is None:
        raise Invalid("It does not say where, or for which card.")
    return Reservation(
        key=item.key,
        charger=place[0],
        evse=place[1],
        id_tag=card,
        number=int(item.needed("reservation_id")),
        expires_at=needed_moment(item.given("expiry_date")),
    )
