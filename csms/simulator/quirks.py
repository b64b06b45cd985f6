"""Habits of real chargers that a central system has to bear, applied to what is about to be sent."""

import re
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any

from csms.simulator.frames import Payload


class Quirk(StrEnum):
    WHOLE_SECONDS = "whole_seconds"
    """Times without milliseconds."""
    NO_TIMESTAMP_IN_STATUS = "no_timestamp_in_status"
    EMPTY_BOOT_FIELDS = "empty_boot_fields"
    """BootNotification with empty texts for what is not there."""
    NO_TRANSACTION_ID = "no_transaction_id"
    """MeterValues of a transaction that do not say so."""
    ENERGY_PER_PHASE = "energy_per_phase"
    """The register in kWh for L1, L2 and L3, and no total."""
    BARE_SAMPLES = "bare_samples"
    """Samples with nothing but measurand, value and unit."""
    NUMBERED_MESSAGES = "numbered_messages"
    """Message ids 1, 2, 3…, beginning anew at every boot."""
    SESSION_REGISTER = "session_register"
    """MeterValues count each session from 0, Start and Stop do not."""
    BEGIN_REPEATED = "begin_repeated"
    """Behind each register stands the one of the session's begin again."""
    KWH_CALLED_WH = "kwh_called_wh"
    CARD_WITH_SUFFIX = "card_with_suffix"
    CARD_REVERSED = "card_reversed"
    CLOSES_LATE = "closes_late"
    """The last MeterValues come after the StopTransaction."""
    REMOTE_START_ONLY = "remote_start_only"
    """A card held to it does nothing."""
    NO_AVAILABILITY = "no_availability"
    """ChangeAvailability is not implemented."""
    WATTS_ONLY = "watts_only"
    STACK_ZERO = "stack_zero"
    RELATIVE_ONLY = "relative_only"
    AMP_STEPS = "amp_steps"
    """Limits are 6, 8, 10, 13 or 16 A."""
    LEAST_7_A = "least_7_a"
    LEAST_30_S = "least_30_s"
    """Meter values come every 30 s at most, whatever is set."""
    RESTARTS_WHEN_PROBED = "restarts_when_probed"
    """MeterValuesSampledData makes it restart."""
    NO_REDIAL = "no_redial"
    """After a cut it stays away until the power is cut too."""
    SLOW_TO_CONNECT = "slow_to_connect"


def apply(quirks: Collection[Quirk], action: str, payload: Payload) -> Payload:
    """The payload as a charger with these habits would send it; the given one is left as it is."""
    for quirk, change in CHANGES.items():
        if quirk in quirks:
            payload = change(action, payload)
    return payload


def _whole_seconds(action: str, payload: Any) -> Any:
    if isinstance(payload, dict):
        return {key: _whole_seconds(action, value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_whole_seconds(action, value) for value in payload]
    if isinstance(payload, str):
        return re.sub(r"(?<=T\d\d:\d\d:\d\d)\.\d{3}(?=Z$)", "", payload)
    return payload


def _no_timestamp(action: str, payload: Payload) -> Payload:
    if action != "StatusNotification":
        return payload
    return {key: value for key, value in payload.items() if key != "timestamp"}


def _empty_boot_fields(action: str, payload: Payload) -> Payload:
    return payload | {"iccid": "", "imsi": "", "meterType": ""} if action == "BootNotification" else payload


def _no_transaction_id(action: str, payload: Payload) -> Payload:
    if action != "MeterValues":
        return payload
    return {key: value for key, value in payload.items() if key != "transactionId"}


def _resample(payload: Payload, change: Callable[[Payload], list[Payload]]) -> Payload:
    """Replace every sampled value by what `change` makes of it."""
    key = "transactionData" if "transactionData" in payload else "meterValue"
    if key not in payload:
        return payload
    values = [
        value | {"sampledValue": [new for sample in value["sampledValue"] for new in change(sample)]}
        for value in payload[key]
    ]
    return payload | {key: values}


def _per_phase(sample: Payload) -> list[Payload]:
    if sample["measurand"] != "Energy.Active.Import.Register":
        return [sample]
    total_kwh = float(sample["value"]) / (1 if sample["unit"] == "kWh" else 1000)
    third = {"value": f"{total_kwh / 3:.4f}", "unit": "kWh"}
    return [sample | third | {"phase": phase} for phase in ("L1", "L2", "L3")]


def _bare(sample: Payload) -> list[Payload]:
    return [{key: sample[key] for key in ("measurand", "value", "unit", "phase") if key in sample}]


SUFFIX = "_21700123"


def _kwh_called_wh(action: str, payload: Payload) -> Payload:
    registers = {key: payload[key] // 1000 for key in ("meterStart", "meterStop") if key in payload}
    return _resample(payload | registers, _kwh_sample)


def _kwh_sample(sample: Payload) -> list[Payload]:
    if sample["measurand"] != "Energy.Active.Import.Register":
        return [sample]
    return [sample | {"value": f"{float(sample['value']) / 1000:.3f}", "unit": "Wh"}]


def _card(payload: Payload, change: Callable[[str], str]) -> Payload:
    return payload | {"idTag": change(payload["idTag"])} if "idTag" in payload else payload


def _reversed(tag: str) -> str:
    return "".join(reversed(re.findall("..", tag))) if len(tag) % 2 == 0 else tag


CHANGES: dict[Quirk, Callable[[str, Payload], Payload]] = {
    Quirk.WHOLE_SECONDS: _whole_seconds,
    Quirk.NO_TIMESTAMP_IN_STATUS: _no_timestamp,
    Quirk.EMPTY_BOOT_FIELDS: _empty_boot_fields,
    Quirk.NO_TRANSACTION_ID: _no_transaction_id,
    Quirk.ENERGY_PER_PHASE: lambda action, payload: _resample(payload, _per_phase),
    Quirk.KWH_CALLED_WH: _kwh_called_wh,
    Quirk.CARD_WITH_SUFFIX: lambda action, payload: _card(payload, lambda tag: f"{tag}{SUFFIX}"[:20]),
    Quirk.CARD_REVERSED: lambda action, payload: _card(payload, _reversed),
    Quirk.BARE_SAMPLES: lambda action, payload: _resample(payload, _bare),
}
