"""The life of a transaction. Whatever a charger reports is kept: implausible content is flagged, never refused
(1.6 §4.7, §4.8, §4.10: sanity checks "SHOULD NOT ever cause the Central System to not respond").
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from csms.domain import accounts, commands, tariffs
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import amend, announce, append, digest, printable
from csms.domain.bulk import Row
from csms.domain.chargers import Connector, ConnectorStatus, connector_of
from csms.domain.commands import Effect
from csms.domain.transactions import billing
from csms.domain.transactions.models import Flag, Reading, Source, Transaction, TransactionState
from csms.domain.transactions.progress import flag, follow, meter_of, progress_of
from csms.domain.transactions.rules import Snapshot, Summary, final, scramble, summarise

OPEN = (TransactionState.ACTIVE,)
LARGEST_REFERENCE = 2**31 - 1  # 1.6 §7.38 in practice: a 32-bit signed integer


@dataclass(frozen=True, slots=True)
class StartReport:
    """What a charger says when a transaction begins. `at`: the time to go by. `meter_wh`: None if it makes no sense."""

    evse: int
    id_tag: str
    meter_wh: int | None
    at: datetime
    at_text: str | None = None
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a charger says when a transaction ends, with the readings that it kept for this moment."""

    meter_wh: int | None
    at: datetime
    at_text: str | None = None
    reason: str = "Local"
    id_tag: str | None = None
    snapshots: Sequence[Snapshot] = ()
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class Begun:
    """The transaction that a StartTransaction has led to, new or not, and the verdict that goes with it."""

    transaction_id: int
    decision: Decision
    is_new: bool = field(default=True)


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the open transactions of many chargers with one query, for `open_on`."""
    found: dict[int, list[Transaction]] = {charger_id: [] for charger_id in charger_ids}
    for transaction in session.scalars(
        select(Transaction).where(Transaction.charger_id.in_(found), Transaction.state.in_(OPEN))
    ):
        found[transaction.charger_id].append(transaction)
    session.info["open"] = found


def open_on(session: Session, charger_id: int) -> list[Transaction]:
    """The open transactions of a charger."""
    preloaded: dict[int, list[Transaction]] = session.info.get("open", {})
    if charger_id in preloaded:
        return [x for x in preloaded[charger_id] if x.is_active]
    query = select(Transaction).where(Transaction.charger_id == charger_id, Transaction.state.in_(OPEN))
    return list(session.scalars(query))


_NUMBERS = text(
    "INSERT INTO serial (name, last) VALUES ('transaction', :count)"
    " ON CONFLICT (name) DO UPDATE SET last = serial.last + :count RETURNING last"
)


def next_id(session: Session) -> int:
    """A new transaction id, taken in the same commit as what it names."""
    numbers: list[int] = session.info.setdefault("numbers", [])
    if not numbers:
        numbers += _take_numbers(session, 1)
    return scramble(numbers.pop())


def _take_numbers(session: Session, count: int) -> range:
    last: int = session.execute(_NUMBERS, {"count": count}).scalar_one()
    return range(last, last - count, -1)


def start_key(charger_id: int, evse: int, at_text: str | None, meter_wh: int | None, id_tag: str) -> int:
    """What makes two StartTransactions the same one, whatever their message ids."""
    return digest(charger_id, evse, at_text, meter_wh, id_tag.casefold())


def preload_starts(session: Session, keys: Sequence[int]) -> None:
    """Find out with one query which of many starts came before, and take numbers for those that did not."""
    found: dict[int, Transaction | None] = dict.fromkeys(keys)
    for transaction in session.scalars(select(Transaction).where(Transaction.start_key.in_(found))):
        if transaction.start_key is not None:
            found[transaction.start_key] = transaction
    session.info["starts"] = found
    new = sum(1 for transaction in found.values() if transaction is None)
    if new:
        session.info["numbers"] = list(_take_numbers(session, new))


def _started_before(session: Session, key: int) -> Transaction | None:
    preloaded: dict[int, Transaction | None] = session.info.get("starts", {})
    if key in preloaded:
        return preloaded[key]
    return session.scalar(select(Transaction).where(Transaction.start_key == key))


def begin(
    session: Session,
    charger_id: int,
    tariff_id: int | None,
    report: StartReport,
    decision: Decision,
    *,
    at: datetime,
) -> Begun:
    """1.6 §4.8. A report that comes again finds its transaction and gets the verdict of the first time (F1, F2, F47).

    The transaction is kept whatever the verdict (F48). One that is still open on the connector is closed with an
    estimate: its Stop may yet come (F46).
    """
    key = start_key(charger_id, report.evse, report.at_text, report.meter_wh, report.id_tag)
    known = _started_before(session, key)
    if known is not None:
        told = Decision(
            known.authorization, known.id_token_id, known.account_id, known.parent_uid, known.token_expires_at
        )
        return Begun(known.id, told, is_new=False)
    connector = connector_of(session, charger_id, report.evse)
    if connector is not None:
        for other in open_on(session, charger_id):
            if other.connector_id == connector.id:
                close_estimated(session, other, reason="Superseded", at=at)
    transaction_id = next_id(session)
    ordered = commands.observe(
        session,
        charger_id,
        Effect.TRANSACTION_STARTED,
        at=at,
        evse=report.evse,
        id_tag=report.id_tag,
        transaction_id=transaction_id,
        text="Charging has begun.",
    )
    _insert(
        session,
        transaction_id,
        charger_id,
        connector,
        tariff_id,
        report,
        decision,
        key,
        bool(ordered),
        at,
    )
    announce(session, f"charger:{charger_id}", f"transaction:{transaction_id}", "fleet", "transactions")
    return Begun(transaction_id, decision)


def _insert(
    session: Session,
    transaction_id: int,
    charger_id: int,
    connector: Connector | None,
    tariff_id: int | None,
    report: StartReport,
    decision: Decision,
    key: int,
    is_remote: bool,
    at: datetime,
) -> None:
    flags = set(report.flags)
    before_wh = connector.register_wh if connector is not None else None
    if before_wh is not None and report.meter_wh is not None and report.meter_wh > before_wh:
        flags.add(Flag.MISSING_ENERGY)  # F54
    if not decision.is_accepted:
        flags.add(Flag.UNAUTHORISED)
    if connector is None:
        flags.add(Flag.REPAIRED)  # it named no connector that there can be
    version = tariffs.applicable(session, tariff_id)
    row: Row = {
        "id": transaction_id,
        "charger_id": charger_id,
        "connector_id": connector.id if connector else None,
        "reference": str(transaction_id),
        "start_key": key,
        "state": TransactionState.ACTIVE,
        "source": Source.REMOTE if is_remote else Source.LOCAL,
        "id_tag": printable(report.id_tag, 255),
        "id_token_id": decision.token_id,
        "account_id": decision.account_id,
        "authorization": decision.status,
        "parent_uid": decision.parent_uid,
        "token_expires_at": decision.expires_at,
        "started_at": report.at,
        "started_text": printable(report.at_text, 40),
        "start_received_at": at,
        "meter_start_wh": report.meter_wh,
        "meter_last_wh": report.meter_wh,
        "meter_last_at": report.at if report.meter_wh is not None else None,
        "energy_wh": 0,
        "flags": sorted(flags),
        "tariff_version_id": version.id if version else None,
    }
    append(session, Transaction, _complete(row))


def _complete(row: Row) -> Row:
    """A transaction's row with every column that bulk insertion wants."""
    blank: Row = {column.name: None for column in Transaction.__table__.columns}
    return blank | {"secret": secrets.token_urlsafe(16), "idle_s": 0, "is_free": False} | row


def record(
    session: Session,
    charger_id: int,
    evse: int,
    reference: str | None,
    snapshots: Sequence[Snapshot],
    *,
    at: datetime,
) -> None:
    """1.6 §4.7: keep what a meter said, and move the transaction on that it belongs to.

    Without a `reference` it belongs to what is open on the connector, unless it is older than that. A reference that
    this charger does not own moves nothing, and is kept beside the reading (F49, F51).
    """
    progress = progress_of(session, charger_id, evse, reference)
    connector_id = progress.connector_id if progress else _connector_id(session, charger_id, evse)
    for snapshot in snapshots:
        summary = summarise(snapshot.samples)
        is_its = progress is not None and (reference is not None or snapshot.at >= progress.started_at)
        owner_id = progress.id if progress is not None and is_its else None
        _keep(session, charger_id, connector_id, owner_id, reference, snapshot, summary, at)
        if progress is not None and progress.is_active and is_its:
            follow(progress, snapshot.at, summary, is_timed=snapshot.is_trusted)
    if progress is not None and progress.is_active:
        amend(session, Transaction, {"id": progress.id}, progress.moved())
    announce(
        session, f"charger:{charger_id}", "meters", *([f"transaction:{progress.id}"] if progress else ())
    )


def _connector_id(session: Session, charger_id: int, evse: int) -> int | None:
    connector = connector_of(session, charger_id, evse) if evse else None
    return connector.id if connector else None


def _referred(session: Session, charger_id: int, reference: str, report: StopReport) -> Transaction | None:
    """The transaction that a Stop means. Only the charger's own can be meant.

    -1 (1.6 errata 3.18: it never got our id) means the open one that the report fits, if there is just one (F44).
    """
    candidates = open_on(session, charger_id)
    if reference == "-1":
        fitting = [x for x in candidates if _fits(x, report)]
        return fitting[0] if len(fitting) == 1 else None
    named = next((x for x in candidates if x.reference == reference), None)
    if named is not None:
        return named
    query = select(Transaction).where(
        Transaction.charger_id == charger_id, Transaction.reference == reference
    )
    return session.scalar(query)


def _fits(transaction: Transaction, report: StopReport) -> bool:
    """Could this Stop be of this transaction, by its time, its register and its tag?"""
    if report.at < transaction.started_at or report.meter_wh is None:
        return False
    if transaction.meter_last_wh is not None and report.meter_wh < transaction.meter_last_wh:
        return False
    return report.id_tag is None or report.id_tag.casefold() == (transaction.id_tag or "").casefold()


def _keep(
    session: Session,
    charger_id: int,
    connector_id: int | None,
    transaction_id: int | None,
    reference: str | None,
    snapshot: Snapshot,
    summary: Summary,
    at: datetime,
) -> None:
    append(
        session,
        Reading,
        {
            "charger_id": charger_id,
            "connector_id": connector_id,
            "transaction_id": transaction_id,
            "reference": printable(reference, 64) if transaction_id is None else None,
            "measured_at": snapshot.at,
            "measured_text": printable(snapshot.at_text, 40),
            "received_at": at,
            "context": printable(summary.context, 40),
            "energy_wh": summary.energy_wh,
            "power_w": summary.power_w,
            "current_a": summary.current_a,
            "voltage_v": summary.voltage_v,
            "soc_percent": summary.soc_percent,
            "temperature_c": summary.temperature_c,
            "samples": orjson.dumps(snapshot.samples, option=orjson.OPT_OMIT_MICROSECONDS).decode(),
            "digest": digest(
                charger_id,
                connector_id,
                reference,
                snapshot.at_text or at.isoformat(),
                snapshot.key,
            ),
        },
        once=True,
    )


def end(
    session: Session,
    charger_id: int,
    reference: str,
    report: StopReport,
    decision: Decision | None,
    *,
    at: datetime,
) -> Transaction | None:
    """1.6 §4.10. The first Stop counts; a differing second one is flagged (F50). None for one we never gave out:
    it is kept as an orphan, on no connector, for a person to match (F43, F45, F51).
    """
    transaction = _referred(session, charger_id, reference, report)
    if transaction is None or transaction.state is TransactionState.ORPHAN:
        _keep_orphan(session, charger_id, reference, report, decision, at=at)
        return None
    if transaction.state is TransactionState.ENDED:
        said = (report.meter_wh, printable(report.at_text, 40))
        if (transaction.meter_stop_wh, transaction.ended_text) != said:
            flag(transaction, Flag.DIFFERING_STOP)
            announce(session, transaction.topic)
        return transaction
    connector = session.get(Connector, transaction.connector_id) if transaction.connector_id else None
    for snapshot in sorted(report.snapshots, key=lambda x: x.at):
        summary = summarise(snapshot.samples)
        _keep(session, charger_id, transaction.connector_id, transaction.id, reference, snapshot, summary, at)
        if snapshot.at <= report.at:
            follow(transaction, snapshot.at, summary, is_timed=snapshot.is_trusted)
    _close(session, transaction, connector, report, at)
    commands.observe(
        session,
        charger_id,
        Effect.TRANSACTION_ENDED,
        at=at,
        transaction_id=transaction.id,
        text="The session has ended.",
    )
    return transaction


def _close(
    session: Session, transaction: Transaction, connector: Connector | None, report: StopReport, at: datetime
) -> None:
    is_late = transaction.state is TransactionState.ENDED_UNKNOWN
    transaction.flags = [x for x in transaction.flags if x != Flag.ESTIMATED]
    flag(transaction, *report.flags - {Flag.METER_IMPLAUSIBLE})
    transaction.state = TransactionState.ENDED
    transaction.meter_stop_wh = report.meter_wh
    transaction.ended_at = max(report.at, transaction.started_at)
    if report.at < transaction.started_at:
        flag(transaction, Flag.CLOCK_SUSPECT)
    transaction.ended_text = printable(report.at_text, 40)
    transaction.end_received_at = at
    transaction.stop_reason = printable(report.reason, 40)
    is_timed = Flag.CLOCK_SUSPECT not in transaction.flags
    start_wh, stop_wh = transaction.meter_start_wh, report.meter_wh
    energy_wh, flags = final(meter_of(transaction), start_wh, stop_wh, report.at, is_timed=is_timed)
    transaction.energy_wh = energy_wh
    flag(transaction, *flags)
    transaction.power_w = transaction.current_a = None
    if transaction.idle_since is not None:
        transaction.idle_s += max(0, round((transaction.ended_at - transaction.idle_since).total_seconds()))
        transaction.idle_since = None
    if connector is not None and report.meter_wh is not None and not is_late:
        connector.register_wh = report.meter_wh
    billing.charge(session, transaction, at=at)
    announce(session, f"charger:{transaction.charger_id}", transaction.topic, "fleet", "transactions")


def _keep_orphan(
    session: Session,
    charger_id: int,
    reference: str,
    report: StopReport,
    decision: Decision | None,
    *,
    at: datetime,
) -> None:
    """A Stop of a transaction that is not this charger's, with its readings; one that is another's is put on record."""
    name = f"?{printable(reference, 30)}:{digest(report.at_text, report.meter_wh) & 0xFFFFFFFFFFFF:012x}"
    query = select(Transaction.id).where(Transaction.charger_id == charger_id, Transaction.reference == name)
    if session.scalar(query) is not None:
        return
    orphan_id = next_id(session)
    for snapshot in report.snapshots:
        _keep(session, charger_id, None, orphan_id, reference, snapshot, summarise(snapshot.samples), at)
    if _is_foreign(session, charger_id, reference):
        accounts.audit(
            session, f"charger {charger_id}", "stop of another charger's session", at=at, subject=reference
        )
    row = {
        "id": orphan_id,
        "charger_id": charger_id,
        "reference": name,
        "state": TransactionState.ORPHAN,
        "source": Source.LOCAL,
        "id_tag": printable(report.id_tag, 255),
        "id_token_id": decision.token_id if decision else None,
        "authorization": decision.status if decision else TokenStatus.INVALID,
        "started_at": report.at,
        "start_received_at": at,
        "ended_at": report.at,
        "ended_text": printable(report.at_text, 40),
        "end_received_at": at,
        "stop_reason": printable(report.reason, 40),
        "meter_stop_wh": report.meter_wh,
        "flags": sorted(report.flags),
    }
    append(session, Transaction, _complete(row))
    announce(session, f"charger:{charger_id}", "fleet", "transactions")


def _is_foreign(session: Session, charger_id: int, reference: str) -> bool:
    query = select(Transaction.id).where(
        Transaction.reference == reference, Transaction.charger_id != charger_id
    )
    return reference not in ("", "0", "-1", "?") and session.scalar(query.limit(1)) is not None


def close_estimated(session: Session, transaction: Transaction, *, reason: str, at: datetime) -> None:
    """Close a transaction whose Stop never came, with the last reading as the best evidence.

    It is not booked: the figure is an estimate until a late Stop, or a person, settles it.
    """
    transaction.state = TransactionState.ENDED_UNKNOWN
    transaction.ended_at = max(transaction.meter_last_at or transaction.started_at, transaction.started_at)
    transaction.end_received_at = at
    transaction.stop_reason = reason
    transaction.power_w = transaction.current_a = None
    flag(transaction, Flag.ESTIMATED)
    announce(session, f"charger:{transaction.charger_id}", transaction.topic, "fleet", "transactions")


def follow_status(session: Session, connector: Connector, status: ConnectorStatus, at: datetime) -> None:
    """A connector's new state tells whether its car is taking energy: paused by the car is idling, by us is not."""
    for transaction in open_on(session, connector.charger_id):
        if transaction.connector_id != connector.id:
            continue
        if status is ConnectorStatus.SUSPENDED_EV and transaction.idle_since is None:
            transaction.idle_since = max(at, transaction.started_at)
        elif status is not ConnectorStatus.SUSPENDED_EV and transaction.idle_since is not None:
            transaction.idle_s += max(0, round((at - transaction.idle_since).total_seconds()))
            transaction.idle_since = None
        if status is not ConnectorStatus.CHARGING and transaction.power_w:
            transaction.power_w = 0
        announce(session, transaction.topic)


def salvage(session: Session, charger_id: int, start_key: int, *, at: datetime) -> int:
    """The last resort when a StartTransaction could not be understood: an id for the charger, a row for a person."""
    known = session.scalar(select(Transaction.id).where(Transaction.start_key == start_key))
    if known is not None:
        return known
    transaction_id = next_id(session)
    row = {
        "id": transaction_id,
        "charger_id": charger_id,
        "reference": str(transaction_id),
        "start_key": start_key,
        "state": TransactionState.ENDED_UNKNOWN,
        "source": Source.LOCAL,
        "authorization": TokenStatus.INVALID,
        "started_at": at,
        "start_received_at": at,
        "ended_at": at,
        "flags": [Flag.SALVAGED],
    }
    append(session, Transaction, _complete(row))
    announce(session, f"charger:{charger_id}", "fleet", "transactions")
    return transaction_id
