"""A charger's connectors as its messages see them, and how they come into being."""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from csms.domain.base import NotFound, announce
from csms.domain.chargers.models import Connector, ConnectorStatus, Evse
from csms.domain.records import Records

# Codes of labels leave out what is mistaken for something else: I, L, O, 0 and 1.
LETTERS, DIGITS, CODE_LENGTH = "ABCDEFGHJKMNPQRSTUVWXYZ", "23456789", 6

MOST_EVSES = 32  # connectors that a charger's messages may bring into being


@dataclass(slots=True)
class Outlet:
    """What messages read and move of one connector: a record, see `records`."""

    id: int
    charger_id: int
    evse_number: int
    number: int
    status: ConnectorStatus
    status_word: str | None
    status_at: datetime | None
    reported_at: datetime | None
    error_code: str | None
    error_info: str | None
    register_wh: int | None
    plugged_at: datetime | None


_RECORDS = Records(
    Connector,
    Outlet,
    often=(
        *("status", "status_word", "status_at", "reported_at", "error_code", "error_info"),
        *("register_wh", "plugged_at"),
    ),
)
_read = _RECORDS.by("charger_id")
_read_one = _RECORDS.by("id")
_INSERT_EVSE = insert(cast(Table, Evse.__table__)).returning(Evse.id)
_INSERT = insert(cast(Table, Connector.__table__)).returning(Connector.id)


def new_slug() -> str:
    """128 random bits for a public address: it tells nothing, and cannot be guessed."""
    return secrets.token_urlsafe(16)


def new_code(session: Session) -> str:
    """A short name for a label, such as K7Q4M9: letters and digits in turn, so that it is no word and no page's name.

    It leads to the same public page as the slug; a guesser meets the rate limit, and learns what a passer-by sees.
    """
    while True:
        code = "".join(secrets.choice(LETTERS) + secrets.choice(DIGITS) for _ in range(CODE_LENGTH // 2))
        if session.scalar(select(Connector.id).where(Connector.code == code)) is None:
            return code


def by_code(session: Session, code: str) -> Connector:
    """The connector with this code on its label, in small letters or large. Raises NotFound."""
    connector = session.scalar(select(Connector).where(Connector.code == code.upper()[:CODE_LENGTH]))
    if connector is None:
        raise NotFound("There is no such station.")
    return connector


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the connectors of many chargers with one query, for `outlet_of` and `outlet_by_id`."""
    found: dict[int, list[Outlet]] = {charger_id: [] for charger_id in charger_ids}
    for outlet in _read(session, found):
        found[outlet.charger_id].append(outlet)
    session.info["outlets"] = found


def _outlets(session: Session, charger_id: int) -> list[Outlet]:
    known: dict[int, list[Outlet]] = session.info.setdefault("outlets", {})
    if charger_id not in known:
        known[charger_id] = _read(session, [charger_id])
    return known[charger_id]


def outlet_of(session: Session, charger_id: int, evse: int, number: int = 1) -> Outlet | None:
    """A charger's connector, created when it is spoken of for the first time; None for 0 and beyond MOST_EVSES."""
    if not (1 <= evse <= MOST_EVSES and 1 <= number <= MOST_EVSES):
        return None
    outlets = _outlets(session, charger_id)
    for outlet in outlets:
        if outlet.evse_number == evse and outlet.number == number:
            return outlet
    outlets += _read_one(session, [_add_connector(session, charger_id, evse, number)])
    return outlets[-1]


def outlet_by_id(session: Session, charger_id: int, connector_id: int | None) -> Outlet | None:
    """A charger's connector by its row; None for none."""
    return next((x for x in _outlets(session, charger_id) if x.id == connector_id), None)


def connector_of(session: Session, charger_id: int, evse: int, number: int = 1) -> Connector | None:
    """A charger's connector, created when it is spoken of for the first time; None for 0 and beyond MOST_EVSES."""
    if not (1 <= evse <= MOST_EVSES and 1 <= number <= MOST_EVSES):
        return None
    query = select(Connector).where(
        Connector.charger_id == charger_id, Connector.evse_number == evse, Connector.number == number
    )
    connector = session.scalar(query)
    return connector or session.get_one(Connector, _add_connector(session, charger_id, evse, number))


def _add_connector(session: Session, charger_id: int, evse_number: int, number: int) -> int:
    """Its id. Without entities and their bookkeeping: a whole fleet may name its connectors within seconds."""
    connection = session.connection()
    evse_id = session.scalar(select(Evse.id).where(Evse.charger_id == charger_id, Evse.number == evse_number))
    if evse_id is None:
        evse = {"charger_id": charger_id, "number": evse_number}
        evse_id = connection.execute(_INSERT_EVSE, evse).scalar_one()
    row = {
        "charger_id": charger_id,
        "evse_id": evse_id,
        "evse_number": evse_number,
        "number": number,
        "slug": new_slug(),
        "code": new_code(session),
        "uuid": str(uuid.uuid4()),
        "status": ConnectorStatus.UNKNOWN,
    }
    connector_id: int = connection.execute(_INSERT, row).scalar_one()
    announce(session, f"charger:{charger_id}", "fleet")
    return connector_id
