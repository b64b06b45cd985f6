"""1.6 messages about transactions and meters. They are never refused for their content: it is kept and flagged."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy.orm import Session

from csms.domain import cdrs, chargers, commands, reservations, transactions
from csms.domain.frames import Deviation
from csms.domain.transactions import Flag, Sample, Snapshot, StartReport, StopReport
from csms.ocpp.dispatch import Context, Payload, Station, Unreadable
from csms.ocpp.repair import decimal
from csms.ocpp.v16.accounts import begun_with, decide, read_tags
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.chargers import arrived
from csms.ocpp.v16.values import id_tag_info, members, moment, reference, text_of, whole
from csms.quantities import to_stored_unit
from csms.quirks import Register

GATHERS = [chargers.preload, transactions.preload, commands.preload]
START_GATHERS = [*GATHERS, reservations.preload]
STOP_GATHERS = [*GATHERS, cdrs.preload]
LARGEST = 2.0**53
DEFAULT_MEASURAND = "Energy.Active.Import.Register"  # 1.6 §7.43


def read_starts(session: Session, calls: Sequence[tuple[Station, Any]]) -> None:
    """Read at once what many StartTransactions need: their tags, whether they came before, numbers for the new ones."""
    read_tags(session, calls)
    keys = []
    for station, payload in calls:
        evse, id_tag, meter_wh, at_text = start_of(station, payload)
        keys.append(transactions.start_key(station.charger_id, evse, at_text, meter_wh, id_tag))
    transactions.preload_starts(session, keys)


def start_of(station: Station, request: Any) -> tuple[int, str, int | None, str | None]:
    """(EVSE, tag, register in Wh, time as text) of a StartTransaction: what makes it the one that it is."""
    given = members(request)
    evse = whole(given.get("connectorId"))
    meter_wh, _ = register(station, given.get("meterStart"))
    return max(evse or 0, 0), text_of(given.get("idTag")) or "", meter_wh, text_of(given.get("timestamp"))


@actions.on(
    "StartTransaction",
    tolerant=True,
    keeps_reply=True,
    gathers=START_GATHERS,
    reads_ahead=read_starts,
    asks_about=begun_with,
)
def start_transaction(context: Context, request: Any) -> Payload:
    """1.6 §4.8: the tag is verified here whatever the charger found out before; the transaction is kept either way."""
    evse, id_tag, meter_wh, at_text = start_of(context.station, request)
    at, _, flags = moment(context, at_text)
    meter_flags = {Flag.METER_IMPLAUSIBLE} if meter_wh is None else set()
    report = StartReport(
        evse=evse,
        id_tag=id_tag,
        meter_wh=meter_wh,
        at=at,
        at_text=at_text,
        flags=flags | meter_flags | _told(context),
        reservation_id=whole(members(request).get("reservationId")),
        card=context.station.quirks.cards.canonical(id_tag),
    )
    begun = transactions.begin(
        context.session,
        context.station.charger_id,
        context.station.tariff_id,
        report,
        decide(context, id_tag),
        at=context.now,
    )
    return {"transactionId": begun.transaction_id, "idTagInfo": id_tag_info(begun.decision)}


@actions.on("StopTransaction", tolerant=True, keeps_reply=True, gathers=STOP_GATHERS, reads_ahead=read_tags)
def stop_transaction(context: Context, request: Any) -> Payload:
    """1.6 §4.10. Answered whatever it says: a charger repeats it for ever otherwise."""
    given = members(request)
    at, _, flags = moment(context, given.get("timestamp"))
    meter_wh, meter_flags = register(context.station, given.get("meterStop"))
    id_tag = text_of(given.get("idTag"))
    decision = decide(context, id_tag) if id_tag else None
    report = StopReport(
        meter_wh=meter_wh,
        at=at,
        at_text=text_of(given.get("timestamp")),
        reason=text_of(given.get("reason")) or "Local",  # §6.49: absent means Local
        id_tag=id_tag,
        snapshots=snapshots(context, given.get("transactionData")),
        flags=flags | meter_flags | _told(context),
        is_relative=context.station.quirks.meter.register is Register.SESSION,
    )
    name = reference(given.get("transactionId")) or "?"
    transactions.end(context.session, context.station.charger_id, name, report, decision, at=context.now)
    return {"idTagInfo": id_tag_info(decision)} if decision else {}


@actions.on("MeterValues", tolerant=True, keeps_reply=True, gathers=[transactions.preload, commands.preload])
def meter_values(context: Context, request: Any) -> Payload:
    """1.6 §4.7. Connector 0 is the charger's own meter; its readings belong to no transaction."""
    given = members(request)
    evse = whole(given.get("connectorId"))
    if evse is None and not given.get("meterValue"):
        raise Unreadable
    transactions.record(
        context.session,
        context.station.charger_id,
        evse if evse is not None and evse > 0 else 0,
        reference(given.get("transactionId")),
        snapshots(context, given.get("meterValue")),
        at=context.now,
        is_relative=context.station.quirks.meter.register is Register.SESSION,
    )
    arrived(context, "MeterValues")
    return {}


def _told(context: Context) -> frozenset[Flag]:
    return frozenset({Flag.TOLD_BY_API}) if context.is_on_behalf else frozenset()


def register(station: Station, value: object) -> tuple[int | None, frozenset[Flag]]:
    """A meter's register in Wh; None and a flag for what can be none (F53)."""
    reading = whole(value)
    if reading is None or reading < 0:
        return None, frozenset({Flag.METER_IMPLAUSIBLE})
    return reading * station.quirks.meter.energy_factor, frozenset()


def snapshots(context: Context, meter_values: object) -> list[Snapshot]:
    """The elements of a MeterValues or transactionData list that hold samples."""
    found, factor = [], context.station.quirks.meter.energy_factor
    for element in meter_values if isinstance(meter_values, list) else []:
        given = members(element)
        sampled = given.get("sampledValue")
        if not isinstance(sampled, list):
            continue
        if context.is_valid:
            samples = [sample(context, x, factor) for x in sampled]
        else:
            samples = [sample(context, as_texts(x), factor) for x in sampled if isinstance(x, dict)]
        if samples:
            at, is_trusted, _ = moment(context, given.get("timestamp"))
            found.append(
                Snapshot(at, samples, text_of(given.get("timestamp")), is_trusted, orjson.dumps(sampled))
            )
    return found


# What a value without a unit is in. 1.6 §7.43 says so for energy alone; the others are what their measurands imply.
UNITS = {
    "Power": "W",
    "Current": "A",
    "Voltage": "V",
    "SoC": "Percent",
    "Temperature": "Celsius",
    "Frequency": "Hertz",
}
PLACE = "meterValue.sampledValue"


def sample(context: Context, given: dict[str, Any], energy_factor: int) -> Sample:
    """One sampled value in our units beside its raw text. Unit and measurand have defaults (1.6 §7.43).

    `energy_factor`: what the model's Wh are worth.

    Signed data is kept as it is: it is no number, and must never be converted.
    """
    get = given.get
    raw = get("value") or ""
    raw_unit, measurand, form = get("unit"), get("measurand") or DEFAULT_MEASURAND, get("format")
    unit = raw_unit or _unit_of(context, measurand)
    value = None
    if form != "SignedData":
        try:
            value = float(raw)
        except ValueError:
            value = _no_float(context, raw)
        if value is not None and -LARGEST < value < LARGEST:
            value, unit = to_stored_unit(value, unit)
            if energy_factor != 1 and unit == "Wh":
                value *= energy_factor
        else:
            value = None
    return Sample(measurand, value, unit, raw, raw_unit, get("phase"), get("location"), get("context"), form)


def _no_float(context: Context, raw: str) -> float | None:
    value = decimal(raw)
    kind = Deviation.VALUE_NO_NUMBER if value is None else Deviation.DECIMAL_COMMA
    context.note(kind, f"{PLACE}.value")
    return value


def _unit_of(context: Context, measurand: str) -> str:
    if ".Register" in measurand or ".Interval" in measurand:
        return "Wh"
    unit = UNITS.get(measurand.partition(".")[0], "")
    if unit:
        context.note(Deviation.UNIT_MISSING, f"{PLACE}.unit")
    return unit


def as_texts(given: dict[str, Any]) -> dict[str, Any]:
    """A sampled value whose members are texts or absent, as the schema has it and some chargers have not."""
    return {name: text_of(value) for name, value in given.items()}
