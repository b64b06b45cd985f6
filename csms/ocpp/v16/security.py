"""1.6 messages about security (whitepaper "Improved security for OCPP 1.6-J", edition 2)."""

import logging
from collections.abc import Mapping
from typing import Any

from csms.domain import commands, security
from csms.domain.commands import SECRET, Command, Effect, Kind
from csms.domain.security import CertificateName, CertificateUse, EventReport
from csms.ocpp.dispatch import Context, Order, Payload
from csms.ocpp.v16.actions import actions
from csms.ocpp.v16.chargers import arrived
from csms.ocpp.v16.values import listed, members, moment, text_of, whole

log = logging.getLogger(__name__)

Arguments = Mapping[str, Any]
Rendered = tuple[str, Payload]

USES = {
    CertificateUse.CENTRAL_SYSTEM: "CentralSystemRootCertificate",
    CertificateUse.MANUFACTURER: "ManufacturerRootCertificate",
}
_USES = {word: use for use, word in USES.items()}
# The messages that TriggerMessage (1.6 §7.32) does not know, and ExtendedTriggerMessage (§5.5) does.
EXTENDED = frozenset({"LogStatusNotification", "SignChargePointCertificate"})
# What comes of a trigger, where it is not called as the trigger is.
_ARRIVES = {"SignChargePointCertificate": "SignCertificate"}


@actions.on("SecurityEventNotification", gathers=[commands.preload])
def security_event_notification(context: Context, request: Any) -> Payload:
    """§5.15, A04: stored before it is confirmed, as the charger keeps it until then."""
    at, _, _ = moment(context, request["timestamp"])
    report = EventReport(request["type"], request.get("techInfo"), at, request["timestamp"])
    is_critical = security.note_event(context.session, context.station.charger_id, report, at=context.now)
    if is_critical:
        log.warning("security_event", extra={"charger": context.station.identity, "type": report.type[:50]})
    arrived(context, "SecurityEventNotification")
    return {}


@actions.on("SignCertificate", gathers=[commands.preload])
def sign_certificate(context: Context, request: Any) -> Payload:
    """§5.17, A02.FR.11 and .12: Accepted means that it is stored; the certificate follows as an order of ours."""
    is_fit = security.ask_for_signature(
        context.session,
        context.charger,
        request["csr"],
        organization=context.station.operator_name,
        at=context.now,
    )
    arrived(context, "SignCertificate")
    return {"status": "Accepted" if is_fit else "Rejected"}


@actions.renders_as(Kind.RAISE_SECURITY)
def raise_profile(given: Arguments) -> Rendered:
    """§7.6."""
    return "ChangeConfiguration", {"key": "SecurityProfile", "value": str(given["profile"])}


@actions.renders_as(Kind.ROTATE_KEY)
def rotate_key(given: Arguments) -> Rendered:
    """§7.2: 20 bytes as 40 hexadecimal digits."""
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": given[SECRET]}


@actions.renders_as(Kind.NAME_OPERATOR)
def name_operator(given: Arguments) -> Rendered:
    """§7.5: what the charger must write into its signing requests."""
    return "ChangeConfiguration", {"key": "CpoName", "value": given["name"]}


@actions.renders_as(Kind.RENEW_CERTIFICATE)
def renew_certificate(given: Arguments) -> Rendered:
    """A02."""
    del given
    return "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}


@actions.renders_as(Kind.SEND_CERTIFICATE)
def certificate_signed(given: Arguments) -> Rendered:
    """§5.1."""
    return "CertificateSigned", {"certificateChain": given["chain"]}


@actions.renders_as(Kind.INSTALL_CERTIFICATE)
def install_certificate(given: Arguments) -> Rendered:
    """§5.11."""
    use = USES[CertificateUse(given["use"])]
    return "InstallCertificate", {"certificateType": use, "certificate": given["certificate"]}


@actions.renders_as(Kind.DELETE_CERTIFICATE)
def delete_certificate(given: Arguments) -> Rendered:
    """§5.3, M04.FR.07: by the very hashes by which the charger named it."""
    return "DeleteCertificate", {
        "certificateHashData": {
            "hashAlgorithm": given["hash_algorithm"],
            "issuerNameHash": given["issuer_name_hash"],
            "issuerKeyHash": given["issuer_key_hash"],
            "serialNumber": given["serial_number"],
        }
    }


@actions.renders_as(Kind.LIST_CERTIFICATES)
def get_installed_certificate_ids(given: Arguments) -> Rendered:
    """§5.7."""
    return "GetInstalledCertificateIds", {"certificateType": USES[CertificateUse(given["use"])]}


@actions.shown_by("ExtendedTriggerMessage")
def shown_by_message(payload: Payload) -> Order:
    wanted = payload.get("requestedMessage")
    return Order(
        "ExtendedTriggerMessage",
        payload,
        Effect.MESSAGE_ARRIVED,
        key=_ARRIVES.get(str(wanted), wanted),
        evse=payload.get("connectorId") or None,
    )


@actions.answered("CertificateSigned")
def keep_signing(context: Context, command: Command, answer: Any) -> None:
    del answer
    security.signing_answered(context.session, command)


@actions.answered("InstallCertificate")
def keep_installation(context: Context, command: Command, answer: Any) -> None:
    del answer
    payload = command.payload or {}
    use = _USES[payload["certificateType"]]
    security.installation_answered(
        context.session, context.charger, command, use, payload["certificate"], at=context.now
    )


@actions.answered("DeleteCertificate")
def keep_deletion(context: Context, command: Command, answer: Any) -> None:
    """M04.FR.02, .04."""
    name = _name((command.payload or {}).get("certificateHashData"))
    is_gone = members(answer).get("status") in ("Accepted", "NotFound")
    if name is not None:
        security.deletion_answered(context.session, context.charger, name, is_gone=is_gone)


@actions.answered("GetInstalledCertificateIds")
def keep_listing(context: Context, command: Command, answer: Any) -> None:
    """M03: NotFound means that there are none (M03.FR.02)."""
    if members(answer).get("status") not in ("Accepted", "NotFound"):
        return
    use = _USES[(command.payload or {})["certificateType"]]
    told = [_name(each) for each in listed(members(answer).get("certificateHashData"))]
    names = [name for name in told if name is not None]
    security.listing_answered(context.session, context.charger, use, names, at=context.now)


def _name(given: Any) -> CertificateName | None:
    """What a certificate is called; None for what is no name."""
    parts = [
        text_of(members(given).get(each))
        for each in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")
    ]
    known = [part for part in parts if part is not None]
    return CertificateName(*known) if len(known) == len(parts) else None


def follow_configuration(context: Context, command: Command) -> None:
    """The answer to a ChangeConfiguration, for the keys on which it depends who may connect, and how (A01, A05)."""
    payload = command.payload or {}
    name = str(payload.get("key")).casefold()
    if name == "authorizationkey":
        security.key_answered(context.session, context.charger, command)
    elif name == "securityprofile" and (profile := whole(payload.get("value"))) is not None:
        security.profile_answered(context.session, context.charger, profile, command)
