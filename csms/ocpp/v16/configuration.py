"""What 1.6 chargers tell of their configuration, and what they say to the writing of it."""

from typing import Any

from csms import masks
from csms.domain import chargers, configuration, local_lists
from csms.domain.commands import Command
from csms.domain.configuration import Vocabulary, WriteAnswer
from csms.ocpp.dispatch import Context
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.security import follow_configuration
from csms.ocpp.v16.values import listed, members, text_of, whole

# 1.6 §9.1 and the profiles' keys of §9.2 to §9.4. A secret is not asked for by name.
VOCABULARY = Vocabulary(
    required=(
        "AuthorizeRemoteTxRequests",
        "ClockAlignedDataInterval",
        "ConnectionTimeOut",
        "ConnectorPhaseRotation",
        "GetConfigurationMaxKeys",
        "HeartbeatInterval",
        "LocalAuthorizeOffline",
        "LocalPreAuthorize",
        "MeterValuesAlignedData",
        "MeterValuesSampledData",
        "MeterValueSampleInterval",
        "NumberOfConnectors",
        "ResetRetries",
        "StopTransactionOnEVSideDisconnect",
        "StopTransactionOnInvalidId",
        "StopTxnAlignedData",
        "StopTxnSampledData",
        "SupportedFeatureProfiles",
        "TransactionMessageAttempts",
        "TransactionMessageRetryInterval",
        "UnlockConnectorOnEVSideDisconnect",
    ),
    optional=(
        "AllowOfflineTxForUnknownId",
        "AuthorizationCacheEnabled",
        "BlinkRepeat",
        "LightIntensity",
        "MaxEnergyOnInvalidId",
        "MinimumStatusDuration",
        "WebSocketPingInterval",
        "LocalAuthListEnabled",
        "LocalAuthListMaxLength",
        "SendLocalListMaxLength",
        "ReserveConnectorZeroSupported",
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "ConnectorSwitch3to1PhaseSupported",
        "MaxChargingProfilesInstalled",
    ),
)
_ANSWERS = {
    "Accepted": WriteAnswer.ACCEPTED,
    "RebootRequired": WriteAnswer.NEEDS_RESET,
    "Rejected": WriteAnswer.REJECTED,
    "NotSupported": WriteAnswer.NOT_SUPPORTED,
}


@actions.answered("GetConfiguration")
def keep_configuration(context: Context, command: Command, answer: Any) -> None:
    """1.6 §5.8. A charger's key is a secret: it is never kept as it reads."""
    given = members(answer)
    keys = [
        (key["key"], text_of(key.get("value")), bool(key.get("readonly")))
        for key in listed(given.get("configurationKey"))
        if isinstance(key, dict) and isinstance(key.get("key"), str)
    ]
    hidden = [(name, None if masks.is_secret(name) else value, fixed) for name, value, fixed in keys]
    missing = [name for name in listed(given.get("unknownKey")) if isinstance(name, str)]
    charger = context.charger
    chargers.store_configuration(context.session, charger, hidden, at=context.now, missing=missing)
    told = {name: value for name, value, _ in keys}
    local_lists.told_limits(
        context.session,
        charger,
        is_enabled=_flag(told.get("LocalAuthListEnabled")),
        most_entries=whole(told.get("LocalAuthListMaxLength")),
        most_per_message=whole(told.get("SendLocalListMaxLength")),
        at=context.now,
    )
    configuration.told(
        context.session,
        charger,
        asked=(command.payload or {}).get("key") or None,
        names=[name for name, _, _ in keys],
        missing=missing,
        most_keys=whole(told.get("GetConfigurationMaxKeys")),
        vocabulary=VOCABULARY,
        by=command.requested_by,
        at=context.now,
    )


def _flag(value: str | None) -> bool | None:
    return None if value is None else value.strip().casefold() == "true"


@actions.answered("ChangeConfiguration")
def keep_changed_key(context: Context, command: Command, answer: Any) -> None:
    """1.6 §5.3. What was accepted is taken for the value until the key is read again."""
    payload = command.payload or {}
    name, value = str(payload.get("key")), text_of(payload.get("value"))
    follow_configuration(context, command)
    result = _ANSWERS.get(text_of(members(answer).get("status")) or "")
    if masks.is_secret(name) or result is None:
        return
    charger = context.charger
    if result in (WriteAnswer.ACCEPTED, WriteAnswer.NEEDS_RESET):
        written = [(name, value, False)]
        chargers.store_configuration(
            context.session, charger, written, at=context.now, is_set=True, by=command.requested_by
        )
    if name == "LocalAuthListEnabled" and result is WriteAnswer.ACCEPTED:
        enabled = _flag(value)
        local_lists.told_limits(
            context.session,
            charger,
            is_enabled=enabled,
            most_entries=None,
            most_per_message=None,
            at=context.now,
        )
    configuration.written(context.session, charger, command, name, value, result, at=context.now)
