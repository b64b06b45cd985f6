"""How a transaction begins (1.6 §4.8).

Whatever a charger reports is kept: implausible content is flagged, never refused (1.6 §4.7, §4.8, §4.10: sanity
checks "SHOULD NOT ever cause the Central System to not respond").
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import commands, reservations, slots
from csms.domain.accounts import Decision, TokenStatus
from csms.domain.base import announce, append, digest, printable
from csms.domain.bulk import Reading, Row
from csms.domain.chargers import Outlet, outlet_of
from csms.domain.commands import Effect
from csms.domain.transactions import repair
from csms.domain.transactions.models import EnergySource, Flag, Source, Transaction, TransactionState
from csms.domain.transactions.opened import complete, next_id, take_numbers
from csms.domain.transactions.progress import open_on
from csms.sentences import gettext_noop

TOLD_LATE = timedelta(minutes=5)  # a charger's clock may be so wrong without its being said


class StartReport(NamedTuple):
    """What a charger says when a transaction begins. `at`: the time to go by. `meter_wh`: None if it makes no sense.

    `id_tag` as it was sent; `card`: the card's number in it, where its model is known to send something else.
    """

    evse: int
    id_tag: str
    meter_wh: int | None
    at: datetime
    at_text: str | None = None
    flags: frozenset[Flag] = frozenset()
    reservation_id: int | None = None
    card: str | None = None


class Begun(NamedTuple):
    """The transaction that a StartTransaction has led to, new or not, and the verdict that goes with it."""

    transaction_id: int
    decision: Decision


def start_key(charger_id: int, evse: int, at_text: str | None, meter_wh: int | None, id_tag: str) -> int:
    """What makes two StartTransactions the same one, whatever their message ids."""
    return digest(charger_id, evse, at_text, meter_wh, id_tag.casefold())


# Of a start that came before: its key, and what the charger was told then.
_TOLD = (
    *(Transaction.start_key, Transaction.id, Transaction.authorization, Transaction.id_token_id),
    *(Transaction.account_id, Transaction.parent_uid, Transaction.token_expires_at),
)
_STARTED = Reading(_TOLD, Transaction.start_key)


def preload_starts(session: Session, keys: Sequence[int]) -> None:
    """Find out with one query which of many starts came before, and take numbers for those that did not."""
    found = _begun(session, keys)
    session.info["starts"] = found
    new = sum(1 for begun in found.values() if begun is None)
    if new:
        session.info["numbers"] = list(take_numbers(session, new))


def _begun(session: Session, keys: Sequence[int]) -> dict[int, Begun | None]:
    found: dict[int, Begun | None] = dict.fromkeys(keys)
    for key, transaction_id, *decision in _STARTED.rows(session, keys):
        found[key] = Begun(transaction_id, Decision(*decision))
    return found


def _started_before(session: Session, key: int) -> Begun | None:
    preloaded: dict[int, Begun | None] = session.info.get("starts", {})
    return preloaded[key] if key in preloaded else _begun(session, [key])[key]


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
        return known
    connector = outlet_of(session, charger_id, report.evse)
    transaction_id = next_id(session)
    if connector is not None:
        _close_before(session, connector, transaction_id, report, at)
    ordered = commands.observe(
        session,
        charger_id,
        Effect.TRANSACTION_STARTED,
        at=at,
        evse=report.evse,
        id_tag=report.card or report.id_tag,
        transaction_id=transaction_id,
        text=gettext_noop("Charging has begun."),
    )
    report = _met(session, charger_id, transaction_id, report, decision, at)
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


def _close_before(
    session: Session, connector: Outlet, transaction_id: int, report: StartReport, at: datetime
) -> None:
    """Close what is still open on the connector. Where the register tells how far it came, no energy is missing."""
    for other in open_on(session, connector.charger_id):
        if other.connector_id == connector.id:
            made = repair.supersede(session, other, report.at, report.meter_wh, next_id=transaction_id, at=at)
            if made.energy_from is EnergySource.NEXT_START:
                connector.register_wh = report.meter_wh


def _met(
    session: Session,
    charger_id: int,
    transaction_id: int,
    report: StartReport,
    decision: Decision,
    at: datetime,
) -> StartReport:
    """The report, with a flag if the place was kept for another card. A reservation of this one is used up."""
    is_anothers = reservations.began(
        session,
        charger_id,
        evse=report.evse,
        reservation_id=report.reservation_id,
        id_tag=report.id_tag,
        parent_uid=decision.parent_uid,
        transaction_id=transaction_id,
        started_at=report.at,
        at=at,
    )
    return report._replace(flags=report.flags | {Flag.RESERVED}) if is_anothers else report


def _insert(
    session: Session,
    transaction_id: int,
    charger_id: int,
    connector: Outlet | None,
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
    is_late = at - report.at > TOLD_LATE and Flag.CLOCK_SUSPECT not in flags
    connector_id, begun_at = connector.id if connector else None, report.at if is_late else None
    version = slots.applicable(session, charger_id, connector_id, tariff_id, at, begun_at=begun_at)
    row: Row = {
        "id": transaction_id,
        "charger_id": charger_id,
        "connector_id": connector_id,
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
