"""What the specification's own schema files say of a payload. The files are those of the `ocpp` package.

Compiled when first needed or by `warm` (50 ms for all of 1.6), checked in microseconds by a native library.
"""

import enum
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson


class FaultKind(enum.StrEnum):
    """In what way a payload is wrong; each version spells its error codes from these (1.6J Table 7)."""

    MISSING = "missing"
    TYPE = "type"
    VALUE = "value"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where (a JSON pointer, "" for the whole), and what, in words for a person."""

    kind: FaultKind
    pointer: str
    message: str
    name: str | None = None  # of what is missing or unexpected


_DIRECTORIES = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
_KINDS = {
    "required": FaultKind.MISSING,
    "type": FaultKind.TYPE,
    "format": FaultKind.TYPE,
    "additionalProperties": FaultKind.SHAPE,
    "minItems": FaultKind.MISSING,
    "maxItems": FaultKind.SHAPE,
}


# What only chargers say, in any version: it cannot be asked of them. The schemas do not tell.
FROM_CHARGERS = frozenset(
    {
        "Authorize",
        "BatterySwap",
        "BootNotification",
        "ClearedChargingLimit",
        "ClosePeriodicEventStream",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateChainStatus",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyAllowedEnergyTransfer",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyPeriodicEventStream",
        "NotifyPriorityCharging",
        "NotifyReport",
        "NotifySettlement",
        "NotifyWebPaymentStarted",
        "OpenPeriodicEventStream",
        "PublishFirmwareStatusNotification",
        "PullDynamicScheduleUpdate",
        "ReportChargingProfiles",
        "ReportDERControl",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
        "VatNumberValidation",
    }
)


@functools.cache
def actions(protocol: str) -> frozenset[str]:
    """Every action of a version, by either side."""
    return frozenset(_files(protocol))


def check(protocol: str, action: str, payload: object, *, is_response: bool = False) -> list[Fault]:
    """What is wrong with a payload, the worst first; empty when nothing is. Raises KeyError for an unknown action."""
    validator = _validator(protocol, action, is_response)
    if validator.is_valid(payload):
        return []
    faults = [_fault(error) for error in validator.iter_errors(payload)]
    return sorted(faults, key=lambda fault: list(FaultKind).index(fault.kind))


def warm(protocol: str) -> None:
    """Compile all of a version now, so that no message has to wait for it."""
    for action, sides in _files(protocol).items():
        for side in sides:
            _validator(protocol, action, side == "Response")


@functools.cache
def schema(protocol: str, action: str, is_response: bool) -> Any:
    """The schema as it stands in the file. Raises KeyError for an unknown action."""
    file = _files(protocol)[action]["Response" if is_response else "Request"]
    return orjson.loads(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))


@functools.cache
def _validator(protocol: str, action: str, is_response: bool) -> Any:
    return jsonschema_rs.validator_for(schema(protocol, action, is_response), validate_formats=False)


def _package() -> Path:
    """Where the `ocpp` package is. It is not imported: that takes a second, and the event loop would stand still."""
    spec = importlib.util.find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the ocpp package is not installed")
    return Path(spec.submodule_search_locations[0])


@functools.cache
def _files(protocol: str) -> dict[str, dict[str, Any]]:
    """Action → Request or Response → file. 1.6 has no `Request` in its file names."""
    found: dict[str, dict[str, Any]] = {}
    for file in (_package() / _DIRECTORIES[protocol] / "schemas").iterdir():
        if not file.name.endswith(".json"):
            continue
        stem = file.name.removesuffix(".json")
        is_response = stem.endswith("Response")
        action = stem.removesuffix("Response").removesuffix("Request")
        found.setdefault(action, {})["Response" if is_response else "Request"] = file
    return found


def _fault(error: Any) -> Fault:
    path = "".join(f"/{part}" for part in error.instance_path)
    keyword = error.kind.name
    name = getattr(error.kind, "property", None)
    if keyword == "additionalProperties":
        name = ", ".join(error.kind.unexpected)
    return Fault(_KINDS.get(keyword, FaultKind.VALUE), path, error.message, name)
