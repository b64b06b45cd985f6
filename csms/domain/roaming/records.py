"""A peer's sessions and charge records: those of its cards, and of no others (OCPI 2.2.1 §9, §10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain import cdrs
from csms.domain.accounts import IdToken
from csms.domain.cdrs import Cdr
from csms.domain.cdrs.rules import money, told
from csms.domain.chargers import Charger
from csms.domain.roaming import cards
from csms.domain.roaming.models import Peer, RoamingCard, RoamingVerdict
from csms.domain.roaming.writing import View, evse_id_of, party_of, tariff, uid_of, without_nothing
from csms.domain.tariffs.numbers import as_numbers
from csms.domain.transactions import Transaction, TransactionState, bill_of
from csms.quantities import kwh

NOWHERE = {
    "address": "-",
    "city": "-",
    "country": "ZZZ",
}  # §10.3.2 requires them; ZZZ is ISO 3166's for "unknown"
UNPLACED = {"latitude": "0.000000", "longitude": "0.000000"}
UNPLUGGED = {
    "connector_standard": "IEC_62196_T2",
    "connector_format": "SOCKET",
    "connector_power_type": "AC_3_PHASE",
}


def moved_at() -> ColumnElement[datetime]:
    """On Transaction: when something was last heard of it."""
    return func.coalesce(
        Transaction.end_received_at, Transaction.meter_last_at, Transaction.start_received_at
    )


def _asked() -> ColumnElement[str | None]:
    """What its peer calls its yes to a session's card, empty where it has no name for it; None: it was not asked."""
    query = select(func.coalesce(RoamingVerdict.reference, "")).where(
        RoamingVerdict.card_id == RoamingCard.id,
        RoamingVerdict.is_allowed,
        RoamingVerdict.asked_at <= Transaction.start_received_at,
        RoamingVerdict.good_until >= Transaction.start_received_at,
    )
    latest = query.order_by(RoamingVerdict.asked_at.desc(), RoamingVerdict.id.desc()).limit(1)
    return latest.correlate(RoamingCard, Transaction).scalar_subquery()


def sessions(
    peer: Peer, since: datetime | None = None, until: datetime | None = None
) -> Select[Transaction, RoamingCard, str | None]:
    """With the card of each, and what its peer said of that; oldest first; last heard of from `since` on, before
    `until`.
    """
    query = (
        select(Transaction, RoamingCard, _asked())
        .join(RoamingCard, RoamingCard.id_token_id == Transaction.id_token_id)
        .join(Transaction.charger)
        .where(
            RoamingCard.peer_id == peer.id,
            Charger.is_simulated.is_(False),
            Transaction.state != TransactionState.ORPHAN,
        )
        .options(
            joinedload(Transaction.charger).options(
                joinedload(Charger.site), selectinload(Charger.connectors)
            )
        )
        .options(joinedload(Transaction.connector), joinedload(Transaction.tariff_version))
        .order_by(Transaction.started_at, Transaction.id)
    )
    if since is not None:
        query = query.where(moved_at() >= since)
    return query if until is None else query.where(moved_at() < until)


def session_of(
    one: Transaction, card: RoamingCard, asked: str | None, view: View, currency: str
) -> dict[str, Any]:
    """§9.3.1."""
    charger, connector = one.charger, one.connector
    evse = connector.evse_number if connector else 1
    party = party_of(charger.site, view.party)
    bill = bill_of(one, view.at)
    version = one.tariff_version
    moved = one.end_received_at or one.meter_last_at or one.start_received_at
    return without_nothing(
        {
            "country_code": party.country_code,
            "party_id": party.party_id,
            "id": str(one.id),
            "start_date_time": told(one.started_at),
            "end_date_time": told(one.ended_at) if one.ended_at else None,
            "kwh": float(kwh(one.energy_wh or 0)),
            "cdr_token": cards.told_as(card),
            "auth_method": cards.auth_method(card, is_asked=asked is not None),
            "authorization_reference": card.authorization_reference or asked or None,
            "location_id": charger.site.uuid if charger.site else charger.slug,
            "evse_uid": uid_of(charger, evse),
            "connector_id": str(connector.number if connector else 1),
            "currency": version.currency if version else currency,
            "total_cost": {
                "excl_vat": float(money(bill.total_cents - bill.vat_cents)),
                "incl_vat": float(money(bill.total_cents)),
            },
            "status": "ACTIVE" if one.is_active else "COMPLETED",
            "last_updated": told(moved),
        }
    )


def records(
    peer: Peer, since: datetime | None = None, until: datetime | None = None
) -> Select[Cdr, RoamingCard, Charger, str | None]:
    """Charge records that are told, with the card, the charger and what the peer said of the card, in their order."""
    query = (
        cdrs.listed(since=since, until=until)
        .add_columns(RoamingCard, Charger, _asked())
        .join(Transaction, Transaction.id == Cdr.transaction_id)
        .join(RoamingCard, RoamingCard.id_token_id == Transaction.id_token_id)
        .join(Charger, Charger.id == Cdr.charger_id)
        .where(RoamingCard.peer_id == peer.id, Charger.is_simulated.is_(False))
        .order_by(Cdr.id)
    )
    return query.options(joinedload(Charger.site), selectinload(Charger.connectors))


def record_of(
    cdr: Cdr, card: RoamingCard, charger: Charger, asked: str | None, view: View, currency: str
) -> dict[str, Any]:
    """§10.3.1: the record as it stands in our books, and whose card it was."""
    party = party_of(charger.site, view.party)
    known = without_nothing(cdrs.document(cdr, currency))
    place = without_nothing(dict(known["cdr_location"]))
    named = place["evse_uid"].removeprefix(cdr.body["charger"]).removeprefix("-")
    number = int(named) if named.isascii() and named.isdigit() else 1
    if place["id"] == cdr.body["charger"]:  # it stands at no site, and its identity is nobody's business
        place["id"] = charger.slug
    periods = [without_nothing(x) for x in known["charging_periods"]]
    document = known | {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "cdr_token": cards.told_as(card),
        "auth_method": cards.auth_method(card, is_asked=asked is not None),
        "authorization_reference": card.authorization_reference or asked or None,
        "cdr_location": NOWHERE
        | {"coordinates": UNPLACED}
        | UNPLUGGED
        | place
        | {
            "evse_uid": uid_of(charger, number),
            "evse_id": evse_id_of(party, charger, number),
        },
        "tariffs": [tariff(cdr.tariff_version, party)] if cdr.tariff_version else [],
        "charging_periods": periods or [_whole_of(cdr, known)],
    }
    shown: dict[str, Any] = as_numbers(without_nothing(document))
    return shown


def _whole_of(cdr: Cdr, known: dict[str, Any]) -> dict[str, Any]:
    """§10.3.1 requires a period at least: that of a session in which nothing happened."""
    dimensions = [
        {"type": "ENERGY", "volume": known["total_energy"]},
        {"type": "TIME", "volume": known["total_time"]},
    ]
    return {"start_date_time": told(cdr.started_at), "dimensions": dimensions}


def session_counts(session: Session) -> dict[int, int]:
    """Of each peer how many sessions its cards have begun."""
    query = (
        select(RoamingCard.peer_id, func.count())
        .join(Transaction, Transaction.id_token_id == RoamingCard.id_token_id)
        .group_by(RoamingCard.peer_id)
    )
    return {peer_id: count for peer_id, count in session.execute(query)}


def card_counts(session: Session) -> dict[int, int]:
    """Of each peer how many cards of its drivers may charge here without being asked about."""
    query = (
        select(RoamingCard.peer_id, func.count())
        .where(RoamingCard.is_good, RoamingCard.key.is_not(None))
        .group_by(RoamingCard.peer_id)
    )
    return {peer_id: count for peer_id, count in session.execute(query)}


def asked_counts(session: Session) -> dict[int, int]:
    """Of each peer about how many cards of its drivers it is asked when they are shown."""
    query = (
        select(RoamingCard.peer_id, func.count())
        .join(RoamingCard.id_token)
        .where(IdToken.is_asked)
        .group_by(RoamingCard.peer_id)
    )
    return {peer_id: count for peer_id, count in session.execute(query)}
