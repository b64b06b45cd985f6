"""Chargers, connectors, transactions and status logs with the names that they had in the OCPP Backend Module."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from csms.domain.chargers import Charger, Connector, ConnectorStatus
from csms.domain.transactions import Source, StatusEntry, Transaction, TransactionState

_FREE = (ConnectorStatus.AVAILABLE, ConnectorStatus.UNKNOWN)
_BROKEN = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
_STATES = {TransactionState.ACTIVE: "ACTIVE", TransactionState.ENDED: "COMPLETED"}
_STATUSES = {"Connected": "CONNECTED", "Disconnected": "DISCONNECTED", "Faulted": "Error"}


def charger(row: Charger, at: datetime, *, with_tag: bool) -> dict[str, Any]:
    """`with_tag`: whoever asks may see cards."""
    lease = row.lease
    return {
        "id": row.id,
        "name": row.identity,
        "status": "CONNECTED" if lease is not None and lease.is_online(at) else "DISCONNECTED",
        "last_communication": _text(lease.last_seen_at if lease else None),
        "location": row.place,
        "model": row.model,
        "vendor": row.vendor,
        "box_serial_number": row.box_serial_number,
        "serial_number": row.serial_number,
        "firmware_version": row.firmware_version,
        "iccid": row.iccid,
        "imsi": row.imsi,
        "meter_serial_number": row.meter_serial_number,
        "id_tag": row.own_tag if with_tag else None,
        "connectors": [_connector(x) for x in row.connectors],
    }


def _connector(row: Connector) -> dict[str, Any]:
    tag = _tag(row)
    return {
        "id": row.id,
        "charger": row.charger_id,
        "connector_tag": tag,
        "tag_name": tag,
        "type": row.type or "",
        "status": "AVAILABLE" if row.status in _FREE else "FAULTY" if row.status in _BROKEN else "OCCUPIED",
        "last_communication": _text(row.reported_at),
    }


def transaction(row: Transaction) -> dict[str, Any]:
    """Registers in Wh, as they were; the energy is what the meter says."""
    return {
        "id": row.id,
        "connector": row.connector_id,
        "connector_charger_name": row.charger.identity,
        "connector_tag_name": _tag(row.connector) if row.connector else None,
        "start_time": _text(row.started_at),
        "end_time": _text(row.ended_at),
        "energy_consumed_kWh": None if row.energy_wh is None else row.energy_wh / 1000,
        "meter_start": row.meter_start_wh,
        "meter_stop": row.meter_stop_wh,
        "status": _STATES.get(row.state, "Failed"),
        "type": "REMOTE" if row.source is Source.REMOTE else "CHARGER",
    }


def status_log(row: Charger, entry: StatusEntry) -> dict[str, Any]:
    where = f"connector_{entry.evse}" if entry.evse else None
    told = [x for x in (where, entry.message, entry.error_code) if x and x != "NoError"]
    return {
        "charger": row.id,
        "timestamp": _text(entry.at),
        "status": _STATUSES.get(entry.status, entry.status),
        "message": ", ".join(told) or None,
    }


def _tag(row: Connector) -> str:
    return f"connector_{row.evse_number}"


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
