"""What can happen to a charger."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session, joinedload, make_transient_to_detached

from csms import masks
from csms.domain.base import Invalid, NotFound, Refused, amend, announce, append, digest, printable
from csms.domain.bulk import Row, insert_rows
from csms.domain.chargers.changes import Change, note_changes
from csms.domain.chargers.links import end_link
from csms.domain.chargers.models import (
    Admission,
    AuthorizationPolicy,
    Charger,
    ConfigurationKey,
    ConnectorStatus,
    LinkLease,
    StatusEvent,
    in_order,
)
from csms.domain.chargers.outlets import Outlet, new_slug, outlet_of
from csms.domain.sites import check_position
from csms.sentences import told

LARGEST_NUMBER = 2**31 - 1
PLUGGED = {ConnectorStatus.PREPARING, ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV}
# Parts of addresses below that of all chargers: a charger of such a name could not be asked for.
IDENTITY = r"[^\x00-\x1f\x7f:/\\?#]+"  # OCPP-J 1.6 §3.1.1: part of an address, and of Basic authentication
RESERVED_IDENTITIES = frozenset({"connected", "start"})
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


class StatusReport(NamedTuple):
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
    found = session.scalars(select(Charger).where(Charger.id.in_(list(charger_ids)))).all()
    session.info.setdefault("stations", []).extend(found)  # a session by itself lets go of what nobody holds


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
    """A new charger. Raises Refused when there is one of this identity, Invalid for one of RESERVED_IDENTITIES."""
    if identity.casefold() in RESERVED_IDENTITIES:
        raise Invalid(
            "No charger can be called %(identity)s: choose another identity.", "identity", identity=identity
        )
    if find(session, identity) is not None:
        raise Refused("A charger with the identity %(identity)s is there already.", identity=identity)
    row = {
        **_BLANK,
        "identity": identity,
        "identity_folded": identity.casefold()[:48],
        "slug": new_slug(),
        "own_tag": str(uuid.uuid4()),
        "name": name or None,
        "sorting_name": in_order(name or identity),
        "admission": admission,
        "policy": policy,
        "status": ConnectorStatus.UNKNOWN,
        "is_simulated": is_simulated,
        "is_strict": False,
        "security_profile": 0,
        "proven_profile": 0,
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
        blank | {"charger_id": charger.id, "epoch": 0, "is_secure": False, "chain": b"", "chain_start": b""},
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


def reject(session: Session, charger: Charger, *, at: datetime) -> None:
    """Do not let a charger work here: its connection ends, and it gets no new one."""
    charger.admission = Admission.REJECTED
    end_link(session, charger.id, reason=told("It was rejected here."), at=at)
    announce(session, charger.topic, charger.link_topic, "fleet")


def boot(session: Session, charger: Charger, report: BootReport, *, at: datetime) -> None:
    """Keep what a charger tells of itself (1.6 §4.2). Open transactions stay open: it may resume or stop them."""
    describe(charger, report)
    charger.booted_at = at
    append_status(
        session,
        charger.id,
        StatusReport(0, 0, ConnectorStatus.UNKNOWN, "Booted", at, info=charger.firmware_version),
        status="Booted",
        received_at=at,
    )
    announce(session, charger.topic, "fleet")


def describe(charger: Charger, report: BootReport) -> None:
    """Keep what is said of a charger; what is not said stays as it is known."""
    for name in BootReport.__slots__:
        value = printable(getattr(report, name), _TEXT_LENGTHS.get(name, 50))
        if value:
            setattr(charger, name, value)


def note_clock(session: Session, charger_id: int, skew_s: float) -> None:
    """How far the charger's clock is off, in s (positive: it is fast)."""
    amend(session, Charger, {"id": charger_id}, {"clock_skew_s": round(skew_s, 1)})


def set_status(session: Session, charger_id: int, report: StatusReport, *, at: datetime) -> Outlet | None:
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
    outlet = outlet_of(session, charger_id, report.evse, report.connector)
    if outlet is None or (outlet.reported_at is not None and since < outlet.reported_at):
        return None
    if report.status in PLUGGED and outlet.status not in PLUGGED:
        outlet.plugged_at = at
    if report.status is not outlet.status or outlet.status_at is None:
        outlet.status_at = since
    outlet.reported_at = since
    outlet.status = report.status
    outlet.status_word = printable(report.word, 40)
    outlet.error_code = _error(report)
    outlet.error_info = printable(report.info, 100)
    return outlet


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
    session: Session,
    charger: Charger,
    keys: Iterable[tuple[str, str | None, bool]],
    *,
    at: datetime,
    missing: Iterable[str] = (),
    is_set: bool = False,
    by: str | None = None,
) -> None:
    """Keep (name, value, readonly) of configuration keys as the charger told them; `missing`: those it has not.

    Of addresses all but the password is kept. `is_set`: it was ordered from here, `by` somebody or by itself.
    """
    known: dict[str, ConfigurationKey] = {
        key.name: key
        for key in session.scalars(select(ConfigurationKey).where(ConfigurationKey.charger_id == charger.id))
    }
    new: dict[str, Row] = {}
    before = {name: key.value for name, key in known.items()}
    heard = [(*key, False) for key in keys] + [(name, None, False, True) for name in missing]
    for name, value, is_readonly, is_missing in heard:
        name = printable(name, 50) or ""
        values = {
            "value": masks.without_password(printable(value, 5000) or "") if value is not None else None,
            "is_readonly": is_readonly,
            "is_missing": is_missing,
            "read_at": at,
        }
        if name in known:
            for column, its in values.items():
                setattr(known[name], column, its)
        else:
            new[name] = {"charger_id": charger.id, "name": name, "needs_reboot": False, **values}
    if new:  # dozens the first time, and a whole fleet's within seconds: not one by one
        table = cast(Table, ConfigurationKey.__table__)
        insert_rows(session.connection(), table, [*new.values()], once=False)
    changes = [Change(x.name, before[x.name], x.value) for x in known.values() if before[x.name] != x.value]
    if is_set:  # what was never read, and is heard for the first time, has not changed
        changes += [Change(name, None, row["value"]) for name, row in new.items()]
    note_changes(session, charger.id, changes, at=at, is_set=is_set, by=by)
    announce(session, charger.topic)


def place(session: Session, charger: Charger, latitude: float | None, longitude: float | None) -> None:
    """Put a charger on the map; with None it is where its site is. Raises Invalid."""
    check_position(latitude, longitude)
    charger.latitude, charger.longitude = latitude, longitude
    announce(session, charger.topic, "fleet")


def get(session: Session, charger_id: int) -> Charger:
    charger = session.get(Charger, charger_id)
    if charger is None:
        raise NotFound("There is no such charger.")
    return charger


_LONGEST_LEAD = timedelta(hours=24)


def sane_time(claimed: datetime | None, received_at: datetime) -> tuple[datetime, bool]:
    """(the time to go by, is it the charger's): a clock before 2015 or a day ahead is not believed (F56)."""
    if claimed is None or claimed.year < 2015 or claimed > received_at + _LONGEST_LEAD:
        return received_at, False
    return claimed, True
