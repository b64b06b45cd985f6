"""Configuration keys of a 1.6 charger and the rules for changing them (1.6 §5.3, §5.8, §9; whitepaper §7)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class ConfigurationStatus(StrEnum):
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    REBOOT_REQUIRED = "RebootRequired"
    NOT_SUPPORTED = "NotSupported"


MEASURANDS = frozenset(
    {
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Power.Offered",
        "Current.Import",
        "Voltage",
        "Temperature",
        "SoC",
    }
)


def _is_boolean(value: str) -> bool:
    return value.lower() in {"true", "false"}


def _is_count(value: str) -> bool:
    return re.fullmatch(r"\d{1,9}", value) is not None


def _are_measurands(value: str) -> bool:
    return all(item.strip() in MEASURANDS for item in value.split(",")) if value else True


def _is_text(value: str) -> bool:
    return len(value) <= 500


def _is_profile(value: str) -> bool:
    return value in {"0", "1", "2", "3"}


def _is_key(value: str) -> bool:
    return 16 <= len(value) <= 40


@dataclass(frozen=True)
class Rule:
    """How a key behaves. A secret is never read back; a key of the next boot answers RebootRequired."""

    default: str
    is_valid: Callable[[str], bool] = _is_text
    readonly: bool = False
    after_reboot: bool = False
    secret: bool = False


SAMPLED = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC,Temperature"


def rules_for(connectors: int) -> dict[str, Rule]:
    """The keys that §9 and the whitepaper require, and the optional ones that this charger obeys."""
    return {
        "AdditionalRootCertificateCheck": Rule("false", readonly=True),
        "AllowOfflineTxForUnknownId": Rule("false", _is_boolean),
        "AuthorizationCacheEnabled": Rule("true", _is_boolean),
        "AuthorizationKey": Rule("", _is_key, secret=True),
        "AuthorizeRemoteTxRequests": Rule("false", _is_boolean),
        "CertificateSignedMaxChainSize": Rule("10000", readonly=True),
        "CertificateStoreMaxLength": Rule("10", readonly=True),
        "ChargeProfileMaxStackLevel": Rule("10", readonly=True),
        "ChargingScheduleAllowedChargingRateUnit": Rule("Current,Power", readonly=True),
        "ChargingScheduleMaxPeriods": Rule("24", readonly=True),
        "ClockAlignedDataInterval": Rule("0", _is_count),
        "ConnectionTimeOut": Rule("60", _is_count),
        "ConnectorPhaseRotation": Rule(",".join(f"{n}.RST" for n in range(connectors + 1))),
        "ConnectorSwitch3to1PhaseSupported": Rule("false", readonly=True),
        "CpoName": Rule(""),
        "GetConfigurationMaxKeys": Rule("50", readonly=True),
        "HeartbeatInterval": Rule("300", _is_count),
        "LocalAuthListEnabled": Rule("true", _is_boolean),
        "LocalAuthListMaxLength": Rule("500", readonly=True),
        "LocalAuthorizeOffline": Rule("true", _is_boolean),
        "LocalPreAuthorize": Rule("false", _is_boolean),
        "MaxChargingProfilesInstalled": Rule("10", readonly=True),
        "MeterValuesAlignedData": Rule("Energy.Active.Import.Register", _are_measurands),
        "MeterValuesSampledData": Rule(SAMPLED, _are_measurands),
        "MeterValueSampleInterval": Rule("60", _is_count),
        "NumberOfConnectors": Rule(str(connectors), readonly=True),
        "ReserveConnectorZeroSupported": Rule("true", readonly=True),
        "ResetRetries": Rule("1", _is_count),
        "SecurityProfile": Rule("0", _is_profile),
        "SendLocalListMaxLength": Rule("50", readonly=True),
        "StopTransactionOnEVSideDisconnect": Rule("true", _is_boolean),
        "StopTransactionOnInvalidId": Rule("true", _is_boolean),
        "StopTxnAlignedData": Rule("", _are_measurands),
        "StopTxnSampledData": Rule("Energy.Active.Import.Register", _are_measurands),
        "SupportedFeatureProfiles": Rule(
            "Core,FirmwareManagement,LocalAuthListManagement,RemoteTrigger,Reservation,SmartCharging",
            readonly=True,
        ),
        "SupportedFileTransferProtocols": Rule("HTTP,HTTPS", readonly=True),
        "TransactionMessageAttempts": Rule("3", _is_count),
        "TransactionMessageRetryInterval": Rule("60", _is_count),
        "UnlockConnectorOnEVSideDisconnect": Rule("true", _is_boolean),
        "WebSocketPingInterval": Rule("60", _is_count, after_reboot=True),
    }


@dataclass(frozen=True)
class KeyValue:
    key: str
    value: str
    readonly: bool


class Configuration:
    """Names are case-insensitive, as CiString50 is."""

    def __init__(self, connectors: int, values: dict[str, str] | None = None) -> None:
        self._rules = rules_for(connectors)
        self._names = {name.lower(): name for name in self._rules}
        self._values = {name: rule.default for name, rule in self._rules.items()} | (values or {})

    def text(self, name: str) -> str:
        return self._values[name]

    def number(self, name: str) -> int:
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        return self._values[name].lower() == "true"

    def items(self, name: str) -> tuple[str, ...]:
        return tuple(item.strip() for item in self._values[name].split(",") if item.strip())

    def set(self, name: str, value: str) -> None:
        """The charger's own doing, without the rules for the central system."""
        self._values[name] = value

    def change(self, key: str, value: str) -> ConfigurationStatus:
        name = self._names.get(key.lower())
        if name is None:
            return ConfigurationStatus.NOT_SUPPORTED
        rule = self._rules[name]
        if rule.readonly or not rule.is_valid(value):
            return ConfigurationStatus.REJECTED
        self._values[name] = value
        return ConfigurationStatus.REBOOT_REQUIRED if rule.after_reboot else ConfigurationStatus.ACCEPTED

    def read(self, keys: Iterable[str] = ()) -> tuple[list[KeyValue], list[str]]:
        """The known keys and the names of the unknown ones; no keys means all. Secrets are left out."""
        asked = list(keys) or list(self._rules)
        known = [self._names[key.lower()] for key in asked if key.lower() in self._names]
        unknown = [key for key in asked if key.lower() not in self._names]
        return [
            KeyValue(name, self._values[name], self._rules[name].readonly)
            for name in known
            if not self._rules[name].secret
        ], unknown
