"""Sessions that another system has kept: they become history here, and one that still runs can end here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import accounts, tariffs
from csms.domain.accounts import IdToken, TokenStatus
from csms.domain.base import Invalid, Refused, announce, printable
from csms.domain.bulk import Row
from csms.domain.chargers import Charger, Outlet, outlet_of
from csms.domain.transactions import billing
from csms.domain.transactions.models import Flag, Source, Transaction, TransactionState
from csms.domain.transactions.opened import complete, next_id
from csms.domain.transactions.readings import keep_reading
from csms.domain.transactions.rules import Meter, Snapshot, Summary, final, read, summarise

REFERENCE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Past:
    """A session as another system has it. `reference` is what the charger calls it; registers in Wh.

    `ended_at` None: it has not been told of its end. `runs`: the charger may still tell of it.
    """

    reference: str
    evse: int
    id_tag: str | None
    started_at: datetime
    ended_at: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    stop_reason: str | None = None
    snapshots: Sequence[Snapshot] = ()
    is_remote: bool = False
    is_refused: bool = False
    runs: bool = False
    account_id: int | None = None  # who paid for it, where that is known without a card


def take_over(session: Session, charger: Charger, past: Past, *, source: str, at: datetime) -> Transaction:
    """Keep a session of another system. It was paid for there: here it costs nothing.

    One that runs keeps the name by which its charger will tell of its end, and is billed here then; others get a name
    that no charger uses, so that they are in nobody's way. Raises Invalid for what can be no session, Refused when it
    is here already.
    """
    outlet = outlet_of(session, charger.id, past.evse)
    if outlet is None:
        raise Invalid(
            "%(identity)s can have no connector %(evse)s.", "evse", identity=charger.identity, evse=past.evse
        )
    if past.ended_at is not None and past.ended_at < past.started_at:
        raise Invalid("It ends before it begins.", "ended_at")
    reference = past.reference if past.runs else f"{source}:{past.reference}"[-REFERENCE_LENGTH:]
    known = select(Transaction.id).where(
        Transaction.charger_id == charger.id, Transaction.reference == reference
    )
    if session.scalar(known) is not None:
        raise Refused(
            "%(identity)s has a session %(reference)s already.",
            identity=charger.identity,
            reference=past.reference,
        )
    if past.runs:
        _check_free(session, outlet)
    token = accounts.find_token(session, past.id_tag) if past.id_tag else None
    transaction_id = next_id(session)
    row = _row(past, token, outlet, at) | {"id": transaction_id, "reference": reference}
    version = tariffs.applicable(session, charger.tariff_id, at) if past.runs else None
    row |= {"is_free": not past.runs, "tariff_version_id": version.id if version else None}
    transaction = Transaction(**complete(row))
    session.add(transaction)
    session.flush()
    _keep_readings(session, transaction, past.snapshots, at)
    if not past.runs:
        billing.put_on_record(session, transaction, billing.FREE, at=at, is_past=True)
    announce(session, f"charger:{charger.id}", "transactions")
    return transaction


def _check_free(session: Session, outlet: Outlet) -> None:
    running = select(Transaction.id).where(
        Transaction.connector_id == outlet.id, Transaction.state == TransactionState.ACTIVE
    )
    if session.scalar(running) is not None:
        raise Refused("Another session runs on its connector here.")


def _row(past: Past, token: IdToken | None, outlet: Outlet, at: datetime) -> Row:
    meter, latest = _metered(past)
    flags = {Flag.TAKEN_OVER} | ({Flag.UNAUTHORISED} if past.is_refused else set())
    row: Row = {
        "charger_id": outlet.charger_id,
        "connector_id": outlet.id,
        "state": TransactionState.ACTIVE,
        "source": Source.REMOTE if past.is_remote else Source.LOCAL,
        "id_tag": printable(past.id_tag, 255),
        "id_token_id": token.id if token else None,
        "account_id": past.account_id or (token.account_id if token else None),
        "authorization": TokenStatus.INVALID if past.is_refused else TokenStatus.ACCEPTED,
        "parent_uid": token.parent_uid if token else None,
        "started_at": past.started_at,
        "start_received_at": past.started_at,
        "meter_start_wh": past.meter_start_wh,
        "meter_last_wh": meter.last_wh,
        "meter_last_at": meter.last_at,
        "energy_wh": meter.energy_wh,
        "soc_percent": latest.soc_percent,
    }
    if not past.runs:
        row |= _ended(past, meter, at)
        flags |= set(row.pop("flags"))
    return row | {"flags": sorted(flags | meter.flags)}


def _metered(past: Past) -> tuple[Meter, Summary]:
    """How far its meter has come, by the readings that are left of it, and the last of them."""
    start_wh = past.meter_start_wh
    meter = Meter(start_wh, past.started_at if start_wh is not None else None, 0)
    latest = Summary()
    for snapshot in sorted(past.snapshots, key=lambda x: x.at):
        if past.ended_at is None or snapshot.at <= past.ended_at:
            latest = summarise(snapshot.samples)
            meter = read(meter, latest, snapshot.at)
    return meter, latest


def _ended(past: Past, meter: Meter, at: datetime) -> Row:
    """The columns of one that is over. It costs nothing here; one whose end nobody told ends with its last reading."""
    row: Row = {
        "end_received_at": at,
        "stop_reason": printable(past.stop_reason, 40),
        "cost_cents": 0,
        "bill": [],
    }
    if past.ended_at is None:
        row |= {"state": TransactionState.ENDED_UNKNOWN, "flags": {Flag.ESTIMATED}, "end_received_at": None}
        return row | {"ended_at": meter.last_at or past.started_at}
    energy_wh, flags = final(meter, past.meter_start_wh, past.meter_stop_wh, past.ended_at)
    return row | {
        "state": TransactionState.ENDED,
        "ended_at": past.ended_at,
        "meter_stop_wh": past.meter_stop_wh,
        "meter_last_wh": past.meter_stop_wh if energy_wh is not None else meter.last_wh,
        "meter_last_at": past.ended_at if energy_wh is not None else meter.last_at,
        "energy_wh": energy_wh,
        "flags": flags,
    }


def _keep_readings(
    session: Session, transaction: Transaction, snapshots: Sequence[Snapshot], at: datetime
) -> None:
    for snapshot in sorted(snapshots, key=lambda x: x.at):
        keep_reading(
            session,
            transaction.charger_id,
            transaction.connector_id,
            transaction.id,
            transaction.reference,
            snapshot,
            summarise(snapshot.samples),
            at,
        )
