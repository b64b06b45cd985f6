"""Everything that can need a person at once: each is told in its row, and the page asks the database no oftener."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from make import make_charger, store
from sqlalchemy import Enum, Table, event, inspect
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import accounts, attention, chargers
from csms.domain.attention import Matter
from csms.domain.base import Base, UTCDateTime
from csms.domain.chargers import Admission, Attempt, ConnectorStatus, RefusalCause
from csms.domain.configuration import Upkeep
from csms.domain.forwarding import Forwarder
from csms.domain.maintenance import FirmwareFile, Rollout, RolloutState
from csms.domain.payments import Payment
from csms.domain.roaming import Peer, PeerState
from csms.domain.security import SecurityEvent, SigningRequest
from csms.domain.troubles import Trouble, TroubleKind
from csms.domain.webhooks import Webhook
from csms.extensions import db
from tests.web.browser import Browser

FILLERS: dict[type, object] = {str: "x", int: 1, bool: False}  # of all else a list
LISTED = set(Matter) - {
    Matter.DISK,
    Matter.UNPRICED,
    Matter.UNENDED,
    Matter.ORPHAN,
    Matter.DOUBTFUL,
    Matter.SILENT,
}


def _row(session: Session, table: type[Base], at: datetime, **given: Any) -> Any:
    """A row of which only what is `given` matters; all else that must be there is filled in."""
    columns = inspect(table).local_table
    assert isinstance(columns, Table)
    for column in columns.columns:
        if column.nullable or column.default is not None or column.name in {"id", *given}:
            continue
        match column.type:
            case UTCDateTime():
                given[column.name] = at
            case Enum(enums=words):
                given[column.name] = words[0]
            case kind:
                given[column.name] = FILLERS.get(kind.python_type, [])
    row = table(**given)
    session.add(row)
    session.flush()
    return row


def _everything(session: Session, at: datetime) -> None:
    """One of each, of which there is a list; the older the further down."""
    hour = timedelta(hours=1)
    faulty = make_charger(session, "CP-FAULT", at=at, online=True)
    connector = chargers.connector_of(session, faulty.id, 1)
    assert connector is not None
    connector.status = ConnectorStatus.FAULTED
    gone = make_charger(session, "CP-GONE", at=at - 3 * hour, online=True)
    assert gone.lease is not None
    gone.lease.online_until = gone.lease.closed_at = at - 2 * hour
    make_charger(session, "CP-NEW", at=at, admission=Admission.PENDING)
    told = make_charger(session, "CP-TOLD", at=at, online=True)
    assert told.lease is not None
    told.lease.fingerprint = "f" * 64
    its: dict[str, Any] = {"charger_id": told.id}
    account = accounts.open_account(session, "A peer's drivers", at=at)
    firmware = _row(session, FirmwareFile, at, version="9.9")
    _row(session, Attempt, at, identity="CP-SENT", cause=RefusalCause.UNKNOWN_CHARGER, last_at=at)
    _row(session, Upkeep, at, halted_at=at, **its)
    _row(session, SecurityEvent, at, type="TamperDetectionActivated", is_open=True, **its)
    _row(session, SigningRequest, at, expires_at=at + hour, fingerprint="f" * 64, **its)
    _row(session, Forwarder, at, away_since=at - 2 * hour, detail="It sleeps.", **its)
    _row(session, Trouble, at, kind=TroubleKind.STUCK, words="It holds on.", **its)
    _row(session, Payment, at, id="p" * 36, problem="It is stuck.", problem_at=at, asked_cents=500, **its)
    _row(
        session,
        Peer,
        at,
        name="Peerless",
        account_id=account.id,
        state=PeerState.REGISTERED,
        failing_since=at - hour,
    )
    _row(session, Webhook, at, name="Deaf ear", is_enabled=False, failing_since=at, off_why="It fails.")
    _row(
        session,
        Rollout,
        at,
        name="Spring",
        firmware_id=firmware.id,
        state=RolloutState.PAUSED,
        reason="Halt.",
    )
    store(session)


def test_each_of_them_is_told_and_the_page_asks_no_more_than_twelve_times(
    session: Session, app: Flask, olga: Browser
) -> None:
    _everything(session, clock.now())
    attention.put_off(
        session, Matter.BOOT_LOOP, "0", until=clock.now() + timedelta(hours=1), by="olga", at=clock.now()
    )
    store(session)
    found = attention.items(session, at=clock.now())
    assert {x.matter for x in found} >= LISTED
    olga.read("/")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    page = olga.read("/")
    event.remove(engine, "before_cursor_execute", note)
    selects = [x for x in asked if x.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(selects) <= 12, "\n".join(x[:90] for x in selects)
    for words in (
        "CP-FAULT",
        "CP-GONE",
        "CP-NEW",
        "CP-SENT",
        "TamperDetectionActivated",
        "It sleeps.",
        "It holds on.",
        "It is stuck.",
        "Peerless",
        "Deaf ear",
        "Spring",
        "9.9",
    ):
        assert words in page, words
