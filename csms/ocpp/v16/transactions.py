"""1.6 messages about transactions and meters. They are never refused for their content: it is kept and flagged."""

from typing import Any

import orjson

from csms.domain import chargers, commands, transactions
from csms.domain.transactions import Flag, Sample, Snapshot, StartReport, StopReport
from csms.ocpp.dispatch import Context, Payload, Unreadable
from csms.ocpp.v16.accounts import decide
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.chargers import arrived
from csms.ocpp.v16.values import id_tag_info, id_tags, members, moment, text_of, whole
from csms.quantities import to_stored_unit

GATHERS = [chargers.preload, transactions.preload, commands.preload]
DEFAULT_MEASURAND = "Energy.Active.Import.Register"  # 1.6 §7.43


@actions.on("StartTransaction", tolerant=True, keeps_reply=True, gathers=GATHERS, id_tags=id_tags)
def start_transaction(context: Context, request: Any) -> Payload:
    """1.6 §4.8: the tag is verified here whatever the charger found out before; the transaction is kept either way."""
    given = members(request)
    evse, id_tag = whole(given.get("connectorId")), text_of(given.get("idTag")) or ""
    at, _, flags = moment(context, given.get("timestamp"))
    meter_wh, meter_flags = register(given.get("meterStart"))
    report = StartReport(
        evse=evse if evse is not None and evse > 0 else 0,
        id_tag=id_tag,
        meter_wh=meter_wh,
        at=at,
        at_text=text_of(given.get("timestamp")),
        flags=flags | meter_flags,
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


@actions.on("StopTransaction", tolerant=True, keeps_reply=True, gathers=GATHERS, id_tags=id_tags)
def stop_transaction(context: Context, request: Any) -> Payload:
    """1.6 §4.10. Answered whatever it says: a charger repeats it for ever otherwise."""
    given = members(request)
    at, _, flags = moment(context, given.get("timestamp"))
    meter_wh, meter_flags = register(given.get("meterStop"))
    id_tag = text_of(given.get("idTag"))
    decision = decide(context, id_tag) if id_tag else None
    report = StopReport(
        meter_wh=meter_wh,
        at=at,
        at_text=text_of(given.get("timestamp")),
        reason=text_of(given.get("reason")) or "Local",  # §6.49: absent means Local
        id_tag=id_tag,
        snapshots=snapshots(context, given.get("transactionData")),
        flags=flags | meter_flags,
    )
    reference = text_of(given.get("transactionId")) or "?"
    transactions.end(
        context.session, context.station.charger_id, reference, report, decision, at=context.now
    )
    return {"idTagInfo": id_tag_info(decision)} if decision else {}


@actions.on("MeterValues", tolerant=True, keeps_reply=True, gathers=GATHERS)
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
        text_of(given.get("transactionId")),
        snapshots(context, given.get("meterValue")),
        at=context.now,
    )
    arrived(context, "MeterValues")
    return {}


def register(value: object) -> tuple[int | None, frozenset[Flag]]:
    """A meter's register in Wh; None and a flag for what can be none (F53)."""
    reading = whole(value)
    if reading is None or reading < 0:
        return None, frozenset({Flag.METER_IMPLAUSIBLE})
    return reading, frozenset()


def snapshots(context: Context, meter_values: object) -> list[Snapshot]:
    """The elements of a MeterValues or transactionData list that hold samples."""
    found = []
    for element in meter_values if isinstance(meter_values, list) else []:
        given = members(element)
        sampled = given.get("sampledValue")
        samples = [sample(x) for x in sampled if isinstance(x, dict)] if isinstance(sampled, list) else []
        if samples:
            at, is_trusted, _ = moment(context, given.get("timestamp"))
            found.append(
                Snapshot(at, samples, text_of(given.get("timestamp")), is_trusted, orjson.dumps(sampled))
            )
    return found


def sample(given: dict[str, Any]) -> Sample:
    """One sampled value in our units beside its raw text. Unit and measurand have defaults (1.6 §7.43).

    Signed data is kept as it is: it is no number, and must never be converted.
    """
    raw = text_of(given.get("value")) or ""
    raw_unit = given.get("unit")
    measurand = given.get("measurand") or DEFAULT_MEASURAND
    unit = raw_unit or ("Wh" if ".Register" in measurand or ".Interval" in measurand else "")
    value = None
    if given.get("format") != "SignedData":
        try:
            value = float(raw)
        except ValueError:
            value = None
    if value is not None and not abs(value) < 2**53:
        value = None
    if value is not None:
        value, unit = to_stored_unit(value, unit)
    return Sample(
        measurand,
        value,
        unit,
        raw,
        raw_unit,
        given.get("phase"),
        given.get("location"),
        given.get("context"),
        given.get("format"),
    )

