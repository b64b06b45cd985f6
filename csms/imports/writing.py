"""How each kind of row is stored: by the domain's own verbs, so that its rules hold for what is taken over, too."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import accounts, chargers, energy, reservations, sites, tariffs, transactions
from csms.domain.accounts import Account, LedgerKind, Vehicle
from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Admission, Charger, editing
from csms.imports import records

LONGEST_IDENTITY = 48
SOON = timedelta(minutes=1)  # a place is asked for by the job that asks for those of later
Stored = tuple[int, bool]  # what a row has become; True where that was here already


@dataclass
class Desk:
    """Where rows are stored: `known` says what other rows have become.

    What has no end, and has told nothing since `running_since`, is over.
    """

    session: Session
    source: str
    at: datetime
    running_since: datetime
    known: dict[tuple[str, str], int]

    def of(self, kind: str, key: str) -> int:
        """What the row that this one names has become. Raises NotFound."""
        target = self.known.get((kind, key))
        if target is None:
            raise NotFound(f"Its {kind} {key} was not taken over.")
        return target

    def charger(self, key: str) -> Charger:
        return chargers.get(self.session, self.of("charger", key))

    def account(self, key: str) -> Account:
        return self.session.get_one(Account, self.of("account", key))


def write(desk: Desk, row: records.Record) -> Stored:
    """Store a row. Raises a DomainError that says why it cannot be."""
    return _WRITERS[type(row)](desk, row)


def _site(desk: Desk, row: records.Site) -> Stored:
    found = sites.find(desk.session, row.details.name)
    return (
        (found.id, True)
        if found
        else (sites.add(desk.session, row.details, at=desk.at, known_as=row.uuid).id, False)
    )


def _tariff(desk: Desk, row: records.Tariff) -> Stored:
    return tariffs.create(desk.session, row.name[:80], row.terms, at=desk.at).id, False


def _account(desk: Desk, row: records.Account) -> Stored:
    made = accounts.open_account(
        desk.session, row.name[:120], at=desk.at, email=row.email, is_service=row.is_service
    )
    return made.id, False


def _credit(desk: Desk, row: records.Credit) -> Stored:
    account = desk.account(row.account)
    accounts.book(
        desk.session,
        account,
        row.kind,
        at=row.at,
        amount_cents=row.amount_cents,
        energy_wh=row.energy_wh,
        note=row.note,
        by=row.by,
    )
    return account.id, False


def _user(desk: Desk, row: records.User) -> Stored:
    found = accounts.find_user(desk.session, row.username)
    if found is not None:
        return found.id, True
    made = accounts.create_user(
        desk.session,
        row.username,
        row.password_hash,
        row.role,
        at=desk.at,
        email=row.email,
        account_id=desk.of("account", row.account) if row.account else None,
        is_email_trusted=False,  # there anybody could write any
    )
    made.is_enabled = row.is_enabled
    if row.profile is not None:
        accounts.change_profile(made, row.profile)
    return made.id, False


def _card(desk: Desk, row: records.Card) -> Stored:
    found = accounts.find_token(desk.session, row.uid)
    if found is not None:
        return found.id, True
    made = accounts.add_token(
        desk.session,
        row.uid,
        at=desk.at,
        account_id=desk.of("account", row.account) if row.account else None,
        label=(row.label or "")[:80] or None,
        parent_uid=row.parent_uid,
        expires_at=row.expires_at,
        is_allowed=row.is_allowed,
    )
    return made.id, False


def _vehicle(desk: Desk, row: records.Vehicle) -> Stored:
    vin = (row.vin or "").strip().upper()
    found = desk.session.scalar(select(Vehicle.id).where(Vehicle.vin == vin)) if vin else None
    if found is not None:
        return found, True
    made = accounts.add_vehicle(
        desk.session, desk.account(row.account), brand=row.brand, model=row.model, vin=row.vin, at=desk.at
    )
    return made.id, False


def _charger(desk: Desk, row: records.Charger) -> Stored:
    found = chargers.find(desk.session, row.identity)
    charger = found or _new_charger(desk, row)
    for number in row.connectors:
        chargers.connector_of(desk.session, charger.id, number)
    for outlet in row.outlets if found is None else ():
        connector = chargers.connector_of(desk.session, charger.id, outlet.number)
        if connector is not None:
            connector.uuid = outlet.uuid or connector.uuid
            editing.describe(desk.session, connector, outlet.plug)
    return charger.id, found is not None


def _new_charger(desk: Desk, row: records.Charger) -> Charger:
    if len(row.identity) > LONGEST_IDENTITY or not re.fullmatch(chargers.IDENTITY, row.identity):
        raise Invalid(f"No charger can be called {row.identity}.", "identity")
    sites.check_position(row.latitude, row.longitude)
    charger = chargers.add(
        desk.session,
        row.identity,
        admission=Admission.ACCEPTED,
        policy=row.policy,
        at=desk.at,
        name=(row.name or "")[:80] or None,
    )
    chargers.describe(charger, row.boot)
    chargers.place(desk.session, charger, row.latitude, row.longitude)
    charger.location = (row.location or "")[:200] or None
    charger.site_id = desk.of("site", row.site) if row.site else None
    charger.tariff_id = desk.of("tariff", row.tariff) if row.tariff else None
    charger.own_tag = row.own_tag or charger.own_tag
    return charger


def _charging_profile(desk: Desk, row: records.ChargingProfile) -> Stored:
    made = energy.keep(
        desk.session, row.name[:80], row.description, row.profile, by=f"import {desk.source}", at=desk.at
    )
    return made.id, False


def _session(desk: Desk, row: records.Session) -> Stored:
    charger = desk.charger(row.charger)
    account_id = desk.of("account", row.account) if row.account else None
    heard_at = max((x.at for x in row.past.snapshots), default=row.past.started_at)
    runs = row.past.runs and heard_at >= desk.running_since
    past = replace(row.past, account_id=account_id, runs=runs)
    made = transactions.take_over(desk.session, charger, past, source=desk.source, at=desk.at)
    if row.debits and made.account_id is not None and made.energy_wh:
        accounts.book(
            desk.session,
            desk.session.get_one(Account, made.account_id),
            LedgerKind.SESSION,
            at=made.ended_at or desk.at,
            energy_wh=-made.energy_wh,
            transaction_id=made.id,
            note=f"A session of {desk.source}",
        )
    return made.id, False


def _reservation(desk: Desk, row: records.Reservation) -> Stored:
    if row.expires_at <= desk.at + SOON:
        raise Refused("It is over.")
    made = reservations.book(
        desk.session,
        desk.charger(row.charger),
        evse=row.evse,
        id_tag=row.id_tag,
        expires_at=row.expires_at,
        by=f"import {desk.source}",
        at=desk.at,
        starts_at=desk.at + SOON,
        number=row.number,
    )
    return made.id, False


_WRITERS: dict[type[Any], Callable[[Desk, Any], Stored]] = {
    records.Site: _site,
    records.Tariff: _tariff,
    records.Account: _account,
    records.Credit: _credit,
    records.User: _user,
    records.Card: _card,
    records.Vehicle: _vehicle,
    records.Charger: _charger,
    records.ChargingProfile: _charging_profile,
    records.Session: _session,
    records.Reservation: _reservation,
}
