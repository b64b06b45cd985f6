"""How a 1.6 charger answers the CALLs of its central system (Core, RemoteTrigger, SmartCharging, the extended trigger).

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
from csms.simulator.profiles import TRANSACTION
from csms.simulator.quirks import Quirk
from csms.simulator.station import ACCEPTED, Station
from csms.simulator.v16_charging import BadValue, ChargingOrders
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
    def may_rise_to(self, profile: int) -> bool: ...
    def rejoin(self) -> None: ...
    def sign_certificate(self) -> None: ...
    def change_password(self, password: str | bytes) -> None: ...
    def tell_upkeep(self, name: str, noun: str) -> None: ...


class Orders:
    """One method per action, found by its name in `handlers`."""

    def __init__(self, station: Station, talker: Talker, later: Callable[[Work], None]) -> None:
        self._station = station
        self._talker = talker
        self._later = later
        self._charging = ChargingOrders(station)
        self.scripted: dict[str, Payload | str | None] = {}
        """By action, instead of our own answers: a payload, the code of a CALLERROR, or None for silence."""
        if Quirk.NO_AVAILABILITY in station.options.quirks:
            self.scripted["ChangeAvailability"] = "NotImplemented"
        self.handlers: dict[str, Callable[[Payload], Reply]] = {
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": self._clear_cache,
            "DataTransfer": self._data_transfer,
            "ExtendedTriggerMessage": self._extended_trigger_message,
            "GetConfiguration": self._get_configuration,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "Reset": self._reset,
            "TriggerMessage": self._trigger_message,
            "UnlockConnector": self._unlock_connector,
            **self._charging.handlers,
        }

    def answer(self, call: Call) -> Answer:
        if call.action in self.scripted:
            return self._scripted_answer(call, self.scripted[call.action])
        handler = self.handlers.get(call.action)
        if handler is None:
            return Answer(CallError(call.message_id, "NotImplemented", f"{call.action} is not known here"))
        try:
            payload, work = handler(call.payload)
        except BadValue as error:
            return Answer(CallError(call.message_id, "PropertyConstraintViolation", f"no such {error}"))
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
        profile = request.get("chargingProfile")
        if connector is None or (profile is not None and not self._is_startable_with(profile)):
            return {"status": REJECTED}, None
        return {"status": ACCEPTED}, partial(self._start, connector, id_tag, profile)

    def _is_startable_with(self, profile: Payload) -> bool:
        """1.6 §5.16.2: a TxProfile, without a transaction."""
        is_own = profile["chargingProfilePurpose"] == TRANSACTION and "transactionId" not in profile
        return is_own and self._charging.is_fit(profile)

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
        is_kept = self._station.turns_away(connector, id_tag, parent_id_tag)
        if self._station.is_usable(connector) and not is_kept:  # it may have changed since we said yes
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
        if not operative:
            self._station.reservations.drop(number)

    def _get_configuration(self, request: Payload) -> Reply:
        known, unknown = self._station.configuration.read(request.get("key", ()))
        pairs = [{"key": pair.key, "value": pair.value, "readonly": pair.readonly} for pair in known]
        return {"configurationKey": pairs, "unknownKey": unknown}, None

    def _change_configuration(self, request: Payload) -> Reply:
        key, value = str(request["key"]), str(request["value"])
        if Quirk.RESTARTS_WHEN_PROBED in self._station.options.quirks and key == "MeterValuesSampledData":
            return {"status": REJECTED}, partial(self._talker.reset, StopReason.HARD_RESET)
        if key.lower() == "securityprofile" and not (
            value.isdecimal() and self._talker.may_rise_to(int(value))
        ):
            return {"status": REJECTED}, None
        status = self._station.configuration.change(key, value)
        effect = None
        if status is ConfigurationStatus.ACCEPTED:
            effects: dict[str, Work] = {
                "heartbeatinterval": self._talker.plan_heartbeat,
                "metervaluesampleinterval": self._station.replan_samples,
                "securityprofile": self._talker.rejoin,
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
        """1.6 §5.17."""
        upkeep: dict[str, Work] = {
            "DiagnosticsStatusNotification": partial(self._talker.tell_upkeep, "Diagnostics", "log"),
            "FirmwareStatusNotification": partial(self._talker.tell_upkeep, "Firmware", "firmware"),
        }
        return self._triggered(request, upkeep)

    def _extended_trigger_message(self, request: Payload) -> Reply:
        """Whitepaper §5.5, §6.14: about firmware and logs it means the messages of the whitepaper."""
        upkeep: dict[str, Work] = {
            "FirmwareStatusNotification": partial(self._talker.tell_upkeep, "SignedFirmware", "firmware"),
            "LogStatusNotification": partial(self._talker.tell_upkeep, "Log", "log"),
            "SignChargePointCertificate": self._talker.sign_certificate,
        }
        return self._triggered(request, upkeep)

    def _triggered(self, request: Payload, upkeep: dict[str, Work]) -> Reply:
        """Without a connector, all of them; the answer goes first."""
        wanted, number = str(request["requestedMessage"]), request.get("connectorId")
        connectors = self._station.connectors
        if number is not None and number not in connectors and number != 0:
            return {"status": REJECTED}, None
        metered = [number] if number in connectors else list(connectors)
        told = [0, *connectors] if number is None else [number]
        triggers: dict[str, Work] = {
            "BootNotification": self._talker.boot,
            "Heartbeat": self._talker.heartbeat,
            "MeterValues": partial(_each, self._meter_values, metered),
            "StatusNotification": partial(_each, self._talker.report_status, told),
            **upkeep,
        }
        work = triggers.get(wanted)
        return {"status": "NotImplemented" if work is None else ACCEPTED}, work

    def _meter_values(self, number: int) -> None:
        payload = self._station.meter_values(number, v16.TRIGGER, "MeterValuesSampledData")
        if payload is not None:
            self._talker.ask("MeterValues", payload)


def _each(tell: Callable[[int], None], numbers: Iterable[int]) -> None:
    for number in numbers:
        tell(number)


def _key(value: str) -> str | bytes:
    """Security whitepaper A00: the key travels as hexadecimal digits and is used as bytes."""
    return bytes.fromhex(value) if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){16,20}", value) else value
