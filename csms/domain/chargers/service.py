"""What can happen to a charger."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session, joinedload, make_transient_to_detached

from csms.domain.base import Invalid, NotFound, Refused, amend, announce, append, digest, printable
from csms.domain.chargers.models import (
    Admission,
    AuthorizationPolicy,
    Charger,
    ConfigurationKey,
    Connector,
    ConnectorStatus,
    Evse,
    LinkLease,
    StatusEvent,
)

LARGEST_NUMBER = 2**31 - 1
MOST_EVSES = 32  # connectors that a charger's messages may bring into being
PLUGGED = {ConnectorStatus.PREPARING, ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV}
_TEXT_LENGTHS = {"iccid": 20, "imsi": 20}


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a charger says of itself when it boots. None: it said nothing, and what we know stays."""

    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One StatusNotification. `at` is the charger's time if it is sane, else the time of receipt."""

    evse: int
    connector: int
    status: ConnectorStatus
    word: str
    at: datetime
    at_text: str | None = None
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


def new_slug() -> str:
    """128 random bits for a public address: it tells nothing, and cannot be guessed."""
    return secrets.token_urlsafe(16)


def find(session: Session, identity: str) -> Charger | None:
    """The charger with this identity, compared without case."""
    folded = identity.casefold()[:48]
    preloaded: dict[str, Charger | None] = session.info.get("identities", {})
    if folded in preloaded:
        return preloaded[folded]
    return session.scalar(select(Charger).where(Charger.identity_folded == folded))


def preload_identities(session: Session, identities: Iterable[str]) -> None:
    """Read many chargers and their leases with one query, for `find`."""
    found: dict[str, Charger | None] = dict.fromkeys(identity.casefold()[:48] for identity in identities)
    query = select(Charger).where(Charger.identity_folded.in_(found)).options(joinedload(Charger.lease))
    for charger in session.scalars(query):
        found[charger.identity_folded] = charger
    session.info["identities"] = found


def preload_stations(session: Session, charger_ids: Iterable[int]) -> None:
    """Read many chargers with one query, for `get`."""
    session.info["stations"] = session.scalars(select(Charger).where(Charger.id.in_(list(charger_ids)))).all()


_TABLE = cast(Table, Charger.__table__)
_BLANK = {column.name: None for column in _TABLE.columns if column.name != "id"}
_INSERT = insert(_TABLE).returning(_TABLE.c.id)


def add(
    session: Session,
    identity: str,
    *,
    admission: Admission,
    policy: AuthorizationPolicy,
    at: datetime,
    name: str | None = None,
    is_simulated: bool = False,
) -> Charger:
    """A new charger. Raises Refused when there is one of this identity."""
    if find(session, identity) is not None:
        raise Refused(f"A charger with the identity {identity} is there already.")
    row = {
        **_BLANK,
        "identity": identity,
        "identity_folded": identity.casefold()[:48],
        "slug": new_slug(),
        "name": name or None,
        "admission": admission,
        "policy": policy,
        "status": ConnectorStatus.UNKNOWN,
        "is_simulated": is_simulated,
        "created_at": at,
        "accepted_at": at if admission is Admission.ACCEPTED else None,
    }
    # One statement and no unit-of-work bookkeeping: a whole town's new chargers may come within seconds.
    charger = Charger(id=session.connection().execute(_INSERT, row).scalar_one(), **row)
    make_transient_to_detached(charger)
    session.add(charger)
    blank = {column.name: None for column in LinkLease.__table__.columns}
    append(
        session,
        LinkLease,
        blank | {"charger_id": charger.id, "epoch": 0, "is_secure": False, "chain": b""},
        once=True,
    )
    session.info.get("identities", {})[charger.identity_folded] = charger
    announce(session, "fleet")
    return charger


def pending_count(session: Session) -> int:
    """How many chargers wait to be adopted."""
    query = select(func.count()).select_from(Charger).where(Charger.admission == Admission.PENDING)
    return session.scalar(query) or 0


def adopt(session: Session, charger: Charger, *, policy: AuthorizationPolicy, at: datetime) -> None:
    """Let a pending or rejected charger work here; its next BootNotification is accepted."""
    charger.admission = Admission.ACCEPTED
    charger.policy = policy
    charger.accepted_at = charger.accepted_at or at
    announce(session, charger.topic, charger.link_topic, "fleet")


def reject(session: Session, charger: Charger) -> None:
    """Do not let a charger work here."""
    charger.admission = Admission.REJECTED
    announce(session, charger.topic, charger.link_topic, "fleet")


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the connectors of many chargers with one query, for `connector_of`."""
    wanted = list(charger_ids)
    found: dict[tuple[int, int, int], Connector] = {}
    for connector in session.scalars(select(Connector).where(Connector.charger_id.in_(wanted))):
        found[connector.charger_id, connector.evse_number, connector.number] = connector
    session.info["connectors"] = found
    session.info["connectors_of"] = set(wanted)


def connector_of(session: Session, charger_id: int, evse: int, number: int = 1) -> Connector | None:
    """A charger's connector, created when it is spoken of for the first time; None for 0 and beyond MOST_EVSES."""
    if not (1 <= evse <= MOST_EVSES and 1 <= number <= MOST_EVSES):
        return None
    known: dict[tuple[int, int, int], Connector] = session.info.setdefault("connectors", {})
    connector = known.get((charger_id, evse, number))
    if connector is None and charger_id not in session.info.get("connectors_of", ()):
        connector = session.scalar(
            select(Connector).where(
                Connector.charger_id == charger_id, Connector.evse_number == evse, Connector.number == number
            )
        )
    if connector is None:
        connector = _add_connector(session, charger_id, evse, number)
    known[charger_id, evse, number] = connector
    return connector


def _add_connector(session: Session, charger_id: int, evse_number: int, number: int) -> Connector:
    evse = session.scalar(select(Evse).where(Evse.charger_id == charger_id, Evse.number == evse_number))
    if evse is None:
        evse = Evse(charger_id=charger_id, number=evse_number)
        session.add(evse)
        session.flush()
    connector = Connector(
        charger_id=charger_id,
        evse_id=evse.id,
        evse_number=evse_number,
        number=number,
        slug=new_slug(),
        status=ConnectorStatus.UNKNOWN,
    )
    session.add(connector)
    session.flush()
    announce(session, f"charger:{charger_id}", "fleet")
    return connector


def boot(session: Session, charger: Charger, report: BootReport, *, at: datetime) -> None:
    """Keep what a charger tells of itself (1.6 §4.2). Open transactions stay open: it may resume or stop them."""
    for name in BootReport.__slots__:
        value = printable(getattr(report, name), _TEXT_LENGTHS.get(name, 50))
        if value:
            setattr(charger, name, value)
    charger.booted_at = at
    append_status(
        session,
        charger.id,
        StatusReport(0, 0, ConnectorStatus.UNKNOWN, "Booted", at, info=charger.firmware_version),
        status="Booted",
        received_at=at,
    )
    announce(session, charger.topic, "fleet")


def note_clock(session: Session, charger_id: int, skew_s: float) -> None:
    """How far the charger's clock is off, in s (positive: it is fast)."""
    amend(session, Charger, {"id": charger_id}, {"clock_skew_s": round(skew_s, 1)})


def set_status(session: Session, charger_id: int, report: StatusReport, *, at: datetime) -> Connector | None:
    """A connector's state changed (1.6 §4.9); connector 0 is the charger itself.

    A report that is older than what we know goes into the history and changes nothing (a queue played back late).
    Returns the connector whose state this now is; None for the charger itself and for old news.
    """
    append_status(session, charger_id, report, status=report.status.value, received_at=at)
    announce(session, f"charger:{charger_id}", "fleet")
    since = min(report.at, at)  # a clock that runs ahead must not make the next report old news
    if report.evse == 0:
        charger = get(session, charger_id)
        if charger.status_at is None or since >= charger.status_at:
            charger.status, charger.status_at = report.status, since
            charger.error_code = _error(report)
        return None
    connector = connector_of(session, charger_id, report.evse, report.connector)
    if connector is None or (connector.reported_at is not None and since < connector.reported_at):
        return None
    if report.status in PLUGGED and connector.status not in PLUGGED:
        connector.plugged_at = at
    if report.status is not connector.status or connector.status_at is None:
        connector.status_at = since
    connector.reported_at = since
    connector.status = report.status
    connector.status_word = printable(report.word, 40)
    connector.error_code = _error(report)
    connector.error_info = printable(report.info, 100)
    return connector


def _error(report: StatusReport) -> str | None:
    return None if report.error_code in (None, "NoError") else printable(report.error_code, 50)


def append_status(
    session: Session, charger_id: int, report: StatusReport, *, status: str, received_at: datetime
) -> None:
    """Add to the history. The same report by the charger's own time is one event, however often it is sent."""
    append(
        session,
        StatusEvent,
        {
            "charger_id": charger_id,
            "evse_number": min(report.evse, LARGEST_NUMBER),
            "connector_number": report.connector,
            "status": status,
            "status_word": printable(report.word, 40),
            "error_code": printable(report.error_code, 50),
            "info": printable(report.info, 100),
            "vendor_id": printable(report.vendor_id, 255),
            "vendor_error_code": printable(report.vendor_error_code, 50),
            "at": report.at,
            "at_text": printable(report.at_text, 40),
            "received_at": received_at,
            "digest": digest(
                charger_id,
                report.evse,
                report.connector,
                report.at_text or received_at.isoformat(),
                status,
                report.error_code,
            ),
        },
        once=True,
    )


def store_configuration(
    session: Session, charger: Charger, keys: Iterable[tuple[str, str | None, bool]], *, at: datetime
) -> None:
    """Keep (name, value, readonly) of configuration keys as the charger told them."""
    known: Mapping[str, ConfigurationKey] = {
        key.name: key
        for key in session.scalars(select(ConfigurationKey).where(ConfigurationKey.charger_id == charger.id))
    }
    for name, value, is_readonly in keys:
        name = printable(name, 50) or ""
        row = known.get(name)
        if row is None:
            row = ConfigurationKey(charger_id=charger.id, name=name, needs_reboot=False)
            session.add(row)
        row.value = printable(value, 5000)
        row.is_readonly = is_readonly
        row.read_at = at
    announce(session, charger.topic)


def place(session: Session, charger: Charger, latitude: float | None, longitude: float | None) -> None:
    """Put a charger on the map, or take it off with None."""
    if (latitude is None) != (longitude is None):
        raise Invalid("Give both latitude and longitude, or none.", "latitude")
    if (
        latitude is not None
        and longitude is not None
        and not (-90 <= latitude <= 90 and -180 <= longitude <= 180)
    ):
        raise Invalid("Latitude goes from -90 to 90, longitude from -180 to 180.", "latitude")
    charger.latitude, charger.longitude = latitude, longitude
    announce(session, charger.topic, "fleet")


def get(session: Session, charger_id: int) -> Charger:
    charger = session.get(Charger, charger_id)
    if charger is None:
        raise NotFound("There is no such charger.")
    return charger


def sane_time(claimed: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """(the time to go by, is it the charger's): a clock before 2015 or a day ahead is not believed (F56)."""
    if claimed is None or claimed.year < 2015 or claimed > received_at + timedelta(hours=24):
        return received_at, False
    return claimed, True
