"""Arthexis' dump: users, accounts with credit, cards, vehicles, chargers, transactions with meter readings.

Its models changed over time: a card was `blacklisted`, then not `allowed`; credit was two columns, then a ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from csms.domain.accounts import LedgerKind
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.transactions import Past
from csms.imports.dumps import Dump, account_key, accounts_of, users_of
from csms.imports.records import Account, Card, Charger, Credit, LeftOut, Row, Session, Vehicle
from csms.imports.values import Item, booted, each, moment, needed_moment, newest, of_kwh, snapshots, whole_wh

REASONS = {
    "node": "each machine registers itself again",
    "instance": "an Odoo's password must be given anew",
    "simulator": "simulators are set up on the page Simulator",
    "qrlink": "codes are drawn when they are asked for",
    "product": "subscriptions are set up anew",
    "subscription": "subscriptions are set up anew",
}
LONG_AGO = needed_moment("2000-01-01")


def rows(dump: Dump) -> Iterator[Row]:
    """All of it, in an order in which whatever is named comes first."""
    keys = {x.key: _key(x) for x in dump.rows("account", "customeraccount")}
    owners = _owners(dump)
    has_ledger = any(not x.fields.keys() & {"credits_kwh"} for x in dump.rows("account", "customeraccount"))
    yield from accounts_of(dump, owners)
    yield from each("account", dump.rows("account", "customeraccount"), _account)
    yield from users_of(dump, owners)
    yield from _credits(dump, keys)
    holders = _holders(dump, keys)
    yield from each("card", dump.rows("rfid"), lambda item: _card(item, holders))
    yield from each("vehicle", dump.rows("vehicle"), lambda item: _vehicle(item, dump, keys))
    paying = AuthorizationPolicy.CREDIT if has_ledger else AuthorizationPolicy.KNOWN
    connectors = _connectors(dump)
    yield from each("charger", dump.rows("charger"), lambda item: _charger(item, paying, connectors))
    yield from _sessions(dump, keys, debits=has_ledger)
    yield from dump.rest(REASONS)


def _owners(dump: Dump) -> set[str]:
    """Users who hold a card or an account."""
    holders = dump.rows("rfid", "account", "customeraccount")
    return {str(x.given("user")) for x in holders if x.given("user") is not None}


def _key(item: Item) -> str:
    user = item.given("user")
    return account_key(user) if user is not None else f"account:{item.key}"


def _account(item: Item) -> Account | None:
    """One of nobody's; a user's has come with the user."""
    if item.given("user") is not None:
        return None
    return Account(
        f"account:{item.key}",
        item.text("name") or f"Account {item.key}",
        is_service=bool(item.given("service_account")),
    )


def _credits(dump: Dump, keys: dict[str, str]) -> Iterator[Row]:
    for item in dump.rows("account", "customeraccount"):
        granted, spent = of_kwh(item.given("credits_kwh")), of_kwh(item.given("total_kwh_spent"))
        if granted:
            yield Credit(
                f"{item.key}:credits",
                keys[item.key],
                LedgerKind.TOP_UP,
                LONG_AGO,
                0,
                granted,
                "Credit in Arthexis",
            )
        if spent:
            note = "Spent in Arthexis"
            yield Credit(f"{item.key}:spent", keys[item.key], LedgerKind.SESSION, LONG_AGO, 0, -spent, note)
    names = {x.key: x.text("username") for x in dump.rows("user")}
    yield from each("credit", dump.rows("credit"), lambda item: _credit(item, keys, names))


def _credit(item: Item, keys: dict[str, str], names: dict[str, str | None]) -> Credit:
    energy_wh = of_kwh(item.given("amount_kwh", "amount_kw"))
    return Credit(
        key=item.key,
        account=keys[str(item.needed("account"))],
        kind=LedgerKind.TOP_UP if energy_wh >= 0 else LedgerKind.CORRECTION,
        at=moment(item.given("created_on")) or LONG_AGO,
        energy_wh=energy_wh,
        note="Credit in Arthexis",
        by=names.get(str(item.given("created_by"))),
    )


def _holders(dump: Dump, keys: dict[str, str]) -> dict[str, str]:
    """Cards that accounts name, as the later models have it."""
    return {
        str(card): keys[x.key]
        for x in dump.rows("account", "customeraccount")
        for card in x.given("rfids") or ()
    }


def _card(item: Item, holders: dict[str, str]) -> Card:
    user = item.given("user")
    return Card(
        key=item.key,
        uid=str(item.fields.get("rfid", item.key)).upper(),
        label=item.text("custom_label"),
        expires_at=moment(item.given("expiry_date")),
        is_allowed=bool(item.fields.get("allowed", True)) and not item.given("blacklisted"),
        account=account_key(user) if user is not None else holders.get(item.key),
    )


def _vehicle(item: Item, dump: Dump, keys: dict[str, str]) -> Vehicle:
    """Brand and model were text, then rows of their own."""

    def named(value: Any, model: str) -> str:
        found = next((x.text("name") for x in dump.rows(model) if x.key == str(value)), None)
        return found or str(value or "")

    return Vehicle(
        item.key,
        keys[str(item.needed("account"))],
        named(item.given("brand"), "brand"),
        named(item.given("model"), "evmodel"),
        item.text("vin"),
    )


def _connectors(dump: Dump) -> dict[str, set[int]]:
    """What is known of a charger's connectors, by its key."""
    found: dict[str, set[int]] = {}
    for item in dump.rows("meterreading", "metervalue"):
        found.setdefault(str(item.given("charger")), set()).add(int(item.given("connector_id") or 1))
    return found


def _charger(item: Item, paying: AuthorizationPolicy, connectors: dict[str, set[int]]) -> Charger:
    """Later models have a row for each connector of a charger, all of one identity."""
    own = item.given("connector_id")
    latitude, longitude = item.given("latitude"), item.given("longitude")
    return Charger(
        key=item.key,
        identity=str(item.needed("charger_id")),
        boot=booted(item),
        policy=paying if item.given("require_rfid") else AuthorizationPolicy.OPEN,
        connectors=tuple(sorted(connectors.get(item.key, set()) | {int(own) if own else 1})),
        name=item.text("display_name", "name"),
        latitude=float(latitude) if latitude is not None else None,
        longitude=float(longitude) if longitude is not None else None,
    )


def _sessions(dump: Dump, keys: dict[str, str], *, debits: bool) -> Iterator[Row]:
    named = {str(x.given("charger_id")): x.key for x in reversed(dump.rows("charger"))}
    values: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in dump.rows("meterreading", "metervalue"):
        where = str(item.given("charger")), str(item.given("transaction_id", "transaction"))
        values.setdefault(where, []).append(dict(item.fields))
    items = dump.rows("transaction")
    opened = newest(
        (
            (x.given("charger", "charger_id"), x.given("connector_id")),
            needed_moment(x.given("start_time")),
            x.key,
        )
        for x in items
        if x.given("stop_time") is None and x.given("start_time") is not None
    )

    def made(item: Item) -> Session | LeftOut:
        charger = str(item.given("charger") or named.get(str(item.given("charger_id"))))
        reference = str(item.given("transaction_id") or item.key)
        told = values.get((charger, reference)) or values.get((charger, item.key)) or []
        past = _past(item, reference, told, runs=item.key in opened)
        account = item.given("account")
        owner = keys.get(str(account)) if account is not None else None
        return Session(item.key, charger, past, owner, debits=debits and owner is not None)

    yield from each("session", items, made)


def _past(item: Item, reference: str, values: list[dict[str, Any]], *, runs: bool) -> Past:
    stopped_at = moment(item.given("stop_time"))
    told = next((int(x["connector_id"]) for x in values if x.get("connector_id")), 1)
    return Past(
        reference=reference,
        evse=int(item.given("connector_id") or told),
        id_tag=item.text("rfid", "id_tag"),
        started_at=needed_moment(item.given("start_time")),
        ended_at=stopped_at,
        meter_start_wh=whole_wh(item.given("meter_start")),
        meter_stop_wh=whole_wh(item.given("meter_stop")),
        snapshots=snapshots(values, at="timestamp", context="context"),
        runs=runs,
    )
