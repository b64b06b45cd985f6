"""How a transaction begins (1.6 §4.8).

Whatever a charger reports is kept: implausible content is flagged, never refused (1.6 §4.7, §4.8, §4.10: sanity
checks "SHOULD NOT ever cause the Central System to not respond").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import commands, tariffs
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import announce, append, digest, printable
from csms.domain.bulk import Row
from csms.domain.chargers import Connector, connector_of
from csms.domain.commands import Effect
from csms.domain.transactions.models import Flag, Source, Transaction, TransactionState
from csms.domain.transactions.opened import close_estimated, complete, next_id, open_on, take_numbers


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
class Begun:
    """The transaction that a StartTransaction has led to, new or not, and the verdict that goes with it."""

    transaction_id: int
    decision: Decision


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
        session.info["numbers"] = list(take_numbers(session, new))


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
        return Begun(known.id, told)
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
    append(session, Transaction, complete(row))


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
    append(session, Transaction, complete(row))
    announce(session, f"charger:{charger_id}", "fleet", "transactions")
    return transaction_id
