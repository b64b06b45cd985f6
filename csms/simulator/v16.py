"""OCPP 1.6 as a charger writes it: payloads from values. Pure; a later version stands beside this module."""

from collections.abc import Iterable
from datetime import UTC, datetime

from csms.simulator.battery import Reading
from csms.simulator.connector import NOT_KNOWN_TO_CSMS, Status, StopReason, Transaction
from csms.simulator.frames import Payload

SUBPROTOCOL = "ocpp1.6"

PERIODIC = "Sample.Periodic"
CLOCK = "Sample.Clock"
TRIGGER = "Trigger"
BEGIN = "Transaction.Begin"
END = "Transaction.End"


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def boot_notification(vendor: str, model: str, serial: str, firmware: str) -> Payload:
    """1.6 §6.3; the sizes are those of the schema."""
    return {
        "chargePointVendor": vendor[:20],
        "chargePointModel": model[:20],
        "chargePointSerialNumber": serial[:25],
        "firmwareVersion": firmware[:50],
        "meterType": "Amberline SM",
        "meterSerialNumber": f"M-{serial}"[:25],
    }


def status_notification(
    connector_id: int, status: Status, error_code: str, at: datetime, info: str
) -> Payload:
    payload: Payload = {
        "connectorId": connector_id,
        "errorCode": error_code,
        "status": str(status),
        "timestamp": timestamp(at),
    }
    return payload | ({"info": info[:50]} if info else {})


def start_transaction(transaction: Transaction) -> Payload:
    return {
        "connectorId": transaction.connector_id,
        "idTag": transaction.id_tag,
        "meterStart": transaction.meter_start_wh,
        "timestamp": timestamp(transaction.started_at),
        **({} if transaction.reservation_id is None else {"reservationId": transaction.reservation_id}),
    }


def stop_transaction(
    transaction: Transaction,
    *,
    end: Reading,
    at: datetime,
    reason: StopReason,
    id_tag: str | None,
    measurands: tuple[str, ...],
    energy_unit: str,
) -> Payload:
    """`measurands` is StopTxnSampledData: empty means that no transactionData is sent."""
    payload: Payload = {
        "transactionId": transaction_id(transaction),
        "meterStop": int(end.energy_wh),
        "timestamp": timestamp(at),
        "reason": str(reason),
    }
    if id_tag is not None:
        payload["idTag"] = id_tag
    data = [
        meter_value(transaction.begin, transaction.started_at, measurands, BEGIN, energy_unit),
        meter_value(end, at, measurands, END, energy_unit),
    ]
    return payload | ({"transactionData": data} if measurands else {})


def meter_values(connector_id: int, transaction: Transaction | None, value: Payload) -> Payload:
    payload: Payload = {"connectorId": connector_id, "meterValue": [value]}
    return payload if transaction is None else payload | {"transactionId": transaction_id(transaction)}


def transaction_id(transaction: Transaction) -> int:
    return NOT_KNOWN_TO_CSMS if transaction.id is None else transaction.id


def meter_value(
    reading: Reading, at: datetime, measurands: Iterable[str], context: str, energy_unit: str = "Wh"
) -> Payload:
    """`energy_unit` is Wh or kWh; real meters do both."""
    samples: list[Payload] = []
    for measurand in measurands:
        for sample in _samples(reading, measurand, energy_unit):
            samples.append({"context": context, "format": "Raw", "measurand": measurand} | sample)
    return {"timestamp": timestamp(at), "sampledValue": samples}


def _samples(reading: Reading, measurand: str, energy_unit: str) -> list[Payload]:
    match measurand:
        case "Energy.Active.Import.Register":
            return [_energy(reading.energy_wh, energy_unit) | {"location": "Outlet"}]
        case "Power.Active.Import":
            return [{"value": f"{reading.power_w:.1f}", "unit": "W", "location": "Outlet"}]
        case "Power.Offered":
            return [{"value": f"{reading.offered_w:.1f}", "unit": "W", "location": "Outlet"}]
        case "Current.Import":
            return _per_line(reading.currents_a, "A", "", decimals=2)
        case "Voltage":
            return _per_line(reading.voltages_v, "V", "-N", decimals=1)
        case "SoC" if reading.soc_percent is not None:
            return [{"value": f"{reading.soc_percent:.0f}", "unit": "Percent", "location": "EV"}]
        case "Temperature":
            return [{"value": f"{reading.temperature_c:.1f}", "unit": "Celsius", "location": "Body"}]
    return []


def _energy(energy_wh: float, unit: str) -> Payload:
    if unit == "kWh":
        return {"value": f"{int(energy_wh) / 1000:.3f}", "unit": "kWh"}  # as meterStop: cut, not rounded
    return {"value": f"{energy_wh:.1f}", "unit": "Wh"}


def _per_line(values: tuple[float, ...], unit: str, suffix: str, *, decimals: int) -> list[Payload]:
    """One value per phase; a single line (DC, or one phase) carries no phase."""
    if len(values) == 1:
        return [{"value": f"{values[0]:.{decimals}f}", "unit": unit, "location": "Outlet"}]
    return [
        {"value": f"{value:.{decimals}f}", "unit": unit, "phase": f"L{line}{suffix}", "location": "Outlet"}
        for line, value in enumerate(values, start=1)
    ]
