"""Records are made, and taken back by others."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms.domain.base import Refused, append, appended
from csms.domain.bulk import Reading
from csms.domain.cdrs.models import Cdr
from csms.domain.cdrs.queries import is_credited, last_of
from csms.domain.cdrs.rules import Facts, Place, body_of
from csms.domain.chargers import Charger, Connector
from csms.domain.sites import Site

_CHARGERS = Reading(
    (
        *(Charger.id, Charger.site_id),
        *(Charger.identity, Charger.name, Charger.location, Charger.latitude, Charger.longitude),
    ),
    Charger.id,
)
_SITES = Reading(
    (
        *(Site.id, Site.uuid, Site.name, Site.address, Site.city, Site.postal_code, Site.state, Site.country),
        *(Site.latitude, Site.longitude, Site.country_code, Site.party_id),
    ),
    Site.id,
)
_OUTLETS = Reading(
    (
        *(Connector.id, Connector.evse_number, Connector.number, Connector.type),
        *(Connector.standard, Connector.format, Connector.power_type),
    ),
    Connector.charger_id,
)
_NOWHERE = (None,) * 11
LONGEST_REMARK = 255  # OCPI 2.2.1 §10.3.1
Outlets = dict[int, tuple[Any, ...]]


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read where many chargers stand, and their connectors, with three queries, for `place_of`."""
    ids = list(charger_ids)
    chargers = _CHARGERS.rows(session, ids)
    sites = {
        row[0]: row[1:] for row in _SITES.rows(session, {row[1] for row in chargers if row[1] is not None})
    }
    places: dict[int, tuple[Any, ...]] = session.info.setdefault("places", {})
    places |= {row[0]: (*row[2:], *sites.get(row[1], _NOWHERE)) for row in chargers}
    outlets: Outlets = session.info.setdefault("outlets_told", {})
    outlets |= {row[0]: row[1:] for row in _OUTLETS.rows(session, ids)}


def place_of(session: Session, charger_id: int, connector_id: int | None) -> Place:
    """Where a charger stands now, and one of its connectors; read once in a unit of work."""
    outlets: Outlets = session.info.setdefault("outlets_told", {})
    is_known = charger_id in session.info.get("places", ())
    if not is_known or (connector_id is not None and connector_id not in outlets):
        preload(session, [charger_id])
    place = session.info["places"][charger_id]
    return Place(*place, *outlets[connector_id]) if connector_id is not None else Place(*place)


def issue(
    session: Session, facts: Facts, *, at: datetime, remark: str | None = None, is_past: bool = False
) -> None:
    """Make the record of a session that has been billed, at the end of this unit of work.

    `is_past`: the session was over long ago, so nobody is told of its record.
    """
    body = body_of(facts) | ({"remark": remark[:LONGEST_REMARK]} if remark else {})
    append(
        session,
        Cdr,
        {
            "uuid": str(uuid.uuid4()),
            "credit_of": None,
            "transaction_id": facts.transaction_id,
            "charger_id": facts.charger_id,
            "account_id": facts.account_id,
            "tariff_version_id": facts.tariff_version_id,
            "id_tag": facts.id_tag,
            "is_remote": facts.is_remote,
            "started_at": facts.started_at,
            "ended_at": facts.ended_at,
            "energy_wh": facts.energy_wh,
            "duration_s": facts.duration_s,
            "idle_s": facts.idle_s,
            "currency": facts.bill.currency,
            "total_cents": facts.bill.total_cents,
            "vat_cents": facts.bill.vat_cents,
            "body": body | {"is_past": True} if is_past else body,
            "made_at": at,
            "withdrawn_at": None,
        },
    )


def credit(session: Session, transaction_id: int, *, remark: str, at: datetime) -> None:
    """Take back a session's record, if it has one, by another with negative costs (OCPI 2.2.1 §10.3.1.1)."""
    last = last_of(session, transaction_id)
    if last is None or any(x["credit_of"] == last.uuid for x in appended(session, Cdr)):
        return
    kept = {x.key: getattr(last, x.key) for x in Cdr.__table__.columns if x.key != "id"}
    append(
        session,
        Cdr,
        kept
        | {
            "uuid": str(uuid.uuid4()),
            "credit_of": last.uuid,
            "total_cents": -last.total_cents,
            "vat_cents": -last.vat_cents,
            "body": last.body | {"remark": remark[:LONGEST_REMARK], "is_past": False},
            "made_at": at,
            "withdrawn_at": None,
        },
    )


def withdraw(session: Session, cdr: Cdr, *, at: datetime) -> None:
    """Tell a record no more. Raises Refused for one on which money stands: those are for the books."""
    if cdr.total_cents and cdr.credit_of is None and not is_credited(session, cdr.uuid):
        raise Refused("This record is what its session was billed by, so it stays. Refund the session first.")
    cdr.withdrawn_at = at
