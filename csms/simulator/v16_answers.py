"""How a 1.6 charger answers the CALLs of its central system (Core, RemoteTrigger, SmartCharging).

An answer is found on the reader's thread and changes nothing there but configuration keys: what it brings
about is done on the charger's own thread, after the reply has been written.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from csms.simulator import v16
from csms.simulator.configuration import ConfigurationStatus
from csms.simulator.connector import Connector, StopReason
from csms.simulator.frames import Call, CallError, CallResult, Payload
from csms.simulator.profiles import CHARGER_MAX, TRANSACTION
from csms.simulator.station import ACCEPTED, Station
from csms.simulator.wire import Answer

REJECTED = "Rejected"

Work = Callable[[], None]
Reply = tuple[Payload, Work | None]


class Talker(Protocol):
    """What the orders need of the conversation."""

    def ask(self, action: str, payload: Payload) -> Payload | None: ...
    def authorize(self, id_tag: str) -> tuple[str, str | None]: ...
    def boot(self) -> None: ...
    def heartbeat(self) -> None: ...
    def plan_heartbeat(self) -> None: ...
    def report_status(self, number: int) -> None: ...
    def reset(self, reason: StopReason) -> None: ...
    def change_password(self, password: str | bytes) -> None: ...


class Orders:
    """One method per action, found by its name in `handlers`."""

    def __init__(self, station: Station, talker: Talker, later: Callable[[Work], None]) -> None:
        self._station = station
        self._talker = talker
        self._later = later
        self.scripted: dict[str, Payload | str | None] = {}
        """By action, instead of our own answers: a payload, the code of a CALLERROR, or None for silence."""
        self.handlers: dict[str, Callable[[Payload], Reply]] = {
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": self._clear_cache,
            "ClearChargingProfile": self._clear_charging_profile,
            "DataTransfer": self._data_transfer,
            "GetConfiguration": self._get_configuration,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "Reset": self._reset,
            "SetChargingProfile": self._set_charging_profile,
            "TriggerMessage": self._trigger_message,
            "UnlockConnector": self._unlock_connector,
        }

    def answer(self, call: Call) -> Answer:
        if call.action in self.scripted:
            return self._scripted_answer(call, self.scripted[call.action])
        handler = self.handlers.get(call.action)
        if handler is None:
            return Answer(CallError(call.message_id, "NotImplemented", f"{call.action} is not known here"))
        try:
            payload, work = handler(call.payload)
        except KeyError as missing:
            # sic: this is how 1.6 spells it (OCPP-J 1.6 §4.2.3)
            return Answer(CallError(call.message_id, "OccurenceConstraintViolation", f"{missing} is missing"))
        except (TypeError, ValueError) as error:
            return Answer(CallError(call.message_id, "TypeConstraintViolation", str(error)))
        then = None if work is None else partial(self._later, work)
        return Answer(CallResult(call.message_id, payload), then)

    def _scripted_answer(self, call: Call, reply: Payload | str | None) -> Answer:
        if reply is None:
            return Answer(None)
        if isinstance(reply, str):
            return Answer(CallError(call.message_id, reply, "as told"))
        return Answer(CallResult(call.message_id, reply))

    def _remote_start(self, request: Payload) -> Reply:
        """1.6 §5.11. Without a connector: where a car waits, else the first free one."""
        id_tag = str(request["idTag"])
        connector = self._startable(request.get("connectorId"))
        if connector is None:
            return {"status": REJECTED}, None
        profile = request.get("chargingProfile")
        return {"status": ACCEPTED}, partial(self._start, connector, id_tag, profile)

    def _startable(self, number: int | None) -> Connector | None:
        station = self._station
        if number is not None:
            connector = station.connectors.get(number)
            return connector if connector is not None and station.is_usable(connector) else None
        usable = [c for c in station.connectors.values() if station.is_usable(c)]
        return next((c for c in usable if c.battery is not None), next(iter(usable), None))

    def _start(self, connector: Connector, id_tag: str, profile: Payload | None) -> None:
        parent_id_tag = None
        if self._station.configuration.flag("AuthorizeRemoteTxRequests"):
            status, parent_id_tag = self._talker.authorize(id_tag)
            if status != ACCEPTED:
                return
        if profile is not None:
            self._station.profiles.install(connector.number, profile)
        if self._station.is_usable(connector):  # it may have changed since we said yes
            self._station.permit(connector, id_tag, parent_id_tag)

    def _remote_stop(self, request: Payload) -> Reply:
        connector = self._station.transaction_connector(int(request["transactionId"]))
        if connector is None:
            return {"status": REJECTED}, None
        return {"status": ACCEPTED}, partial(self._station.end, connector, StopReason.REMOTE)

    def _reset(self, request: Payload) -> Reply:
        match request["type"]:
            case "Soft":
                reason = StopReason.SOFT_RESET
            case "Hard":
                reason = StopReason.HARD_RESET
            case other:
                raise ValueError(f"no reset of type {other}")
        return {"status": ACCEPTED}, partial(self._talker.reset, reason)

    def _unlock_connector(self, request: Payload) -> Reply:
        """1.6 §5.18: a transaction is finished first. A DC cable is fixed and knows no lock."""
        connector = self._station.connectors.get(int(request["connectorId"]))
        if connector is None or connector.supply.is_dc:
            return {"status": "NotSupported"}, None
        if connector.error_code == "ConnectorLockFailure":
            return {"status": "UnlockFailed"}, None
        return {"status": "Unlocked"}, partial(self._station.end, connector, StopReason.UNLOCK_COMMAND)

    def _change_availability(self, request: Payload) -> Reply:
        """1.6 §5.2: what is charging may finish; connector 0 is the charger and all of its connectors."""
        number, operative = int(request["connectorId"]), request["type"] == "Operative"
        connectors = self._station.connectors
        if number != 0 and number not in connectors:
            return {"status": REJECTED}, None
        affected = list(connectors.values()) if number == 0 else [connectors[number]]
        waits = any(c.transaction is not None and c.is_operative != operative for c in affected)
        work = partial(self._set_availability, number, affected, operative)
        return {"status": "Scheduled" if waits else ACCEPTED}, work

    def _set_availability(self, number: int, affected: list[Connector], operative: bool) -> None:
        if number == 0:
            self._station.is_operative = operative
        for connector in affected:
            if connector.transaction is not None:
                connector.operative_afterwards = operative
            else:
                connector.is_operative = operative

    def _get_configuration(self, request: Payload) -> Reply:
        known, unknown = self._station.configuration.read(request.get("key", ()))
        pairs = [{"key": pair.key, "value": pair.value, "readonly": pair.readonly} for pair in known]
        return {"configurationKey": pairs, "unknownKey": unknown}, None

    def _change_configuration(self, request: Payload) -> Reply:
        key, value = str(request["key"]), str(request["value"])
        status = self._station.configuration.change(key, value)
        effect = None
        if status is ConfigurationStatus.ACCEPTED:
            effects: dict[str, Work] = {
                "heartbeatinterval": self._talker.plan_heartbeat,
                "metervaluesampleinterval": self._station.replan_samples,
                "authorizationkey": partial(self._talker.change_password, _key(value)),
            }
            effect = effects.get(key.lower())
        return {"status": str(status)}, effect

    def _clear_cache(self, request: Payload) -> Reply:
        if not self._station.configuration.flag("AuthorizationCacheEnabled"):
            return {"status": REJECTED}, None
        return {"status": ACCEPTED}, self._station.cache.clear

    def _data_transfer(self, request: Payload) -> Reply:
        """1.6 §5.6: no vendor is known here."""
        _ = request["vendorId"]
        return {"status": "UnknownVendorId"}, None

    def _trigger_message(self, request: Payload) -> Reply:
        """1.6 §5.17: without a connector, all of them; the answer goes first."""
        wanted, number = str(request["requestedMessage"]), request.get("connectorId")
        connectors = self._station.connectors
        if number is not None and number not in connectors and number != 0:
            return {"status": REJECTED}, None
        metered = [number] if number in connectors else list(connectors)
        told = [0, *connectors] if number is None else [number]
        triggers: dict[str, Work] = {
            "BootNotification": self._talker.boot,
            "DiagnosticsStatusNotification": partial(self._idle, "DiagnosticsStatusNotification"),
            "FirmwareStatusNotification": partial(self._idle, "FirmwareStatusNotification"),
            "Heartbeat": self._talker.heartbeat,
            "MeterValues": partial(_each, self._meter_values, metered),
            "StatusNotification": partial(_each, self._talker.report_status, told),
        }
        work = triggers.get(wanted)
        return {"status": "NotImplemented" if work is None else ACCEPTED}, work

    def _idle(self, action: str) -> None:
        self._talker.ask(action, {"status": "Idle"})

    def _meter_values(self, number: int) -> None:
        payload = self._station.meter_values(number, v16.TRIGGER, "MeterValuesSampledData")
        if payload is not None:
            self._talker.ask("MeterValues", payload)

    def _set_charging_profile(self, request: Payload) -> Reply:
        """1.6 §5.16: a TxProfile needs its transaction, a ChargePointMaxProfile the whole charger."""
        number, profile = int(request["connectorId"]), request["csChargingProfiles"]
        purpose, connector = profile["chargingProfilePurpose"], self._station.connectors.get(number)
        if number != 0 and connector is None:
            return {"status": REJECTED}, None
        if purpose == TRANSACTION and (connector is None or connector.transaction is None):
            return {"status": REJECTED}, None
        if purpose == CHARGER_MAX and number != 0:
            return {"status": REJECTED}, None
        return {"status": ACCEPTED}, partial(self._station.profiles.install, number, profile)

    def _clear_charging_profile(self, request: Payload) -> Reply:
        profiles = self._station.profiles
        meant = profiles.matching(request)
        if not meant:
            return {"status": "Unknown"}, None
        return {"status": ACCEPTED}, partial(profiles.remove, meant)


def _each(tell: Callable[[int], None], numbers: Iterable[int]) -> None:
    for number in numbers:
        tell(number)


def _key(value: str) -> str | bytes:
    """Security whitepaper A00: the key travels as hexadecimal digits and is used as bytes."""
    return bytes.fromhex(value) if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){16,20}", value) else value
