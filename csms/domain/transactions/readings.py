"""What meters say while a transaction runs (1.6 §4.7)."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy.orm import Session

from csms.domain.base import announce, append, digest, printable
from csms.domain.chargers import outlet_of
from csms.domain.transactions.models import Reading
from csms.domain.transactions.progress import follow, progress_of
from csms.domain.transactions.rules import Snapshot, Summary, since_start, summarise


def record(
    session: Session,
    charger_id: int,
    evse: int,
    reference: str | None,
    snapshots: Sequence[Snapshot],
    *,
    at: datetime,
    is_relative: bool = False,
) -> None:
    """1.6 §4.7: keep what a meter said, and move the transaction on that it belongs to.

    `is_relative`: the charger's register is known to count each session from 0.

    Without a `reference` it belongs to what is open on the connector, unless it is older than that. A reference that
    this charger does not own moves nothing, and is kept beside the reading (F49, F51).
    """
    progress = progress_of(session, charger_id, evse, reference)
    connector_id = progress.connector_id if progress else _connector_id(session, charger_id, evse)
    for snapshot in snapshots:
        summary = summarise(snapshot.samples)
        is_its = progress is not None and (reference is not None or snapshot.at >= progress.started_at)
        owner_id = progress.id if progress is not None and is_its else None
        if is_relative and progress is not None and is_its:
            summary = since_start(summary, progress.meter_start_wh)
        keep_reading(session, charger_id, connector_id, owner_id, reference, snapshot, summary, at)
        if progress is not None and progress.is_active and is_its:
            follow(progress, snapshot.at, summary, is_timed=snapshot.is_trusted)
    announce(
        session, f"charger:{charger_id}", "meters", *([f"transaction:{progress.id}"] if progress else ())
    )


def _connector_id(session: Session, charger_id: int, evse: int) -> int | None:
    connector = outlet_of(session, charger_id, evse) if evse else None
    return connector.id if connector else None


def keep_reading(
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
