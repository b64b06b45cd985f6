"""Chargers' security: profiles, keys, installed certificates, events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import current_app, g, url_for
from pydantic import Field
from sqlalchemy.orm import Session

from csms import clock
from csms.api import guard, queries
from csms.api.blueprint import blueprint
from csms.api.certificates import TAGS, CertificateOut, RootIn, certificate_out
from csms.api.commands import CommandOut, command_out
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Out, answers
from csms.domain import security
from csms.domain.chargers import Charger
from csms.domain.commands import Command
from csms.domain.security import CertificateUse, SecurityEvent
from csms.domain.security import queries as security_queries
from csms.extensions import db
from csms.work import atomic


class SecurityProfileIn(In):
    security_profile: int = Field(ge=0, le=3)


class UseIn(In):
    use: CertificateUse = CertificateUse.CENTRAL_SYSTEM


class InstallIn(UseIn, RootIn):
    """A root certificate for a charger to install."""


class EventQuery(Listing):
    charger: str | None = Field(None, description="identity")
    critical: bool | None = None


class InstalledOut(Out):
    """A root certificate in a charger, by the hashes that it told. `subject` and `expires_at` if it is one of ours."""

    id: int
    use: CertificateUse
    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    subject: str | None
    expires_at: datetime | None
    read_at: datetime


class SecurityOut(Out):
    """`security_profile` is what a connection must offer, `target_profile` what the charger is asked to rise to,
    `offered_profile` and `transport` what its last connection was. `key_is_changing`: two keys are let in.
    """

    charger: str
    security_profile: int
    target_profile: int | None
    proven_profile: int
    offered_profile: int | None
    transport: str | None
    has_key: bool
    key_is_changing: bool
    certificates: list[CertificateOut]
    installed: list[InstalledOut]


class RotationOut(Out):
    """The key is shown now and never again."""

    key: str
    command: CommandOut


class EventOut(Out):
    id: int
    charger: str
    type: str
    tech_info: str | None
    is_critical: bool
    is_open: bool
    at: datetime
    received_at: datetime


class EventList(Out):
    data: list[EventOut]
    next_cursor: str | None


def _security(session: Session, charger: Charger) -> SecurityOut:
    lease = charger.lease
    return SecurityOut.of(
        charger,
        charger=charger.identity,
        offered_profile=lease.offered_profile if lease else None,
        transport=lease.transport if lease else None,
        has_key=charger.key_hash is not None,
        key_is_changing=charger.next_key_hash is not None,
        certificates=[certificate_out(x) for x in security_queries.signing_requests(session, charger.id)],
        installed=[InstalledOut.of(x) for x in security.installed(session, charger.id)],
    )


def _asked(identity: str, action: str, ask: Callable[[Session, Charger], Command]) -> Any:
    """202 with the command that `ask` queues for the charger."""
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        command_id = ask(session, charger).id
        guard.audit(session, action, charger.identity, command_id)
    told = command_out(queries.command(db.session(), command_id))
    return told, 202, {"Location": url_for("api.show_command", command_id=command_id)}


def _by() -> dict[str, Any]:
    return {"by": guard.caller().username, "at": clock.now()}


@blueprint.get("/chargers/<identity>/security")
@spec.validate(resp=answers(200, SecurityOut), tags=TAGS, operation_id="getChargerSecurity")
@needs(Scope.READ)
def show_security(identity: str) -> SecurityOut:
    """Profile, transport, keys and certificates of a charger."""
    return _security(db.session(), queries.charger(db.session(), identity))


@blueprint.patch("/chargers/<identity>/security")
@spec.validate(resp=answers(200, SecurityOut), tags=TAGS, operation_id="requireSecurityProfile")
@needs(Scope.ADMIN)
def require_profile(identity: str, json: SecurityProfileIn) -> SecurityOut:
    """Require a profile from the next connection on, of a charger set up by hand. Never less than it has reached."""
    with atomic() as session:
        charger = queries.charger(session, identity)
        security.require_profile(session, charger, json.security_profile)
        guard.audit(session, "charger.profile", charger.identity, str(json.security_profile))
    return _security(db.session(), queries.charger(db.session(), identity))


@blueprint.post("/chargers/<identity>/security/raise")
@spec.validate(resp=answers(202, CommandOut), tags=TAGS, operation_id="raiseSecurityProfile")
@needs(Scope.ADMIN)
def raise_profile(identity: str, json: SecurityProfileIn) -> Any:
    """Tell the charger to come with a higher profile. Less is refused from the first connection that has it."""
    profile = json.security_profile
    return _asked(
        identity,
        "charger.raise_profile",
        lambda s, charger: security.raise_profile(s, charger, profile, **_by()),
    )


@blueprint.post("/chargers/<identity>/key/rotate")
@spec.validate(resp=answers(202, RotationOut), tags=TAGS, operation_id="sendChargerKey")
@needs(Scope.ADMIN)
def send_key(identity: str) -> Any:
    """Make a new key and send it to the charger. Until it is sure that the charger has it the old one counts too."""
    with unit() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        command, key = security.rotate_key(session, charger, current_app.config["PEPPER"], **_by())
        guard.audit(session, "charger.rotate_key", charger.identity, command.id)
        command_id = command.id
    g.answer_is_secret = True
    return RotationOut(key=key, command=command_out(queries.command(db.session(), command_id))), 202


@blueprint.post("/chargers/<identity>/certificates/renew")
@spec.validate(resp=answers(202, CommandOut), tags=TAGS, operation_id="renewChargerCertificate")
@needs(Scope.OPERATE)
def renew_certificate(identity: str) -> Any:
    """Have the charger make a new key pair and ask for a certificate, which it then gets by itself."""
    owner: str = current_app.config["CPO_NAME"]
    return _asked(
        identity,
        "charger.renew_certificate",
        lambda s, charger: security.renew_certificate(s, charger, owner, **_by()),
    )


@blueprint.post("/chargers/<identity>/certificates/read")
@spec.validate(resp=answers(202, CommandOut), tags=TAGS, operation_id="readInstalledCertificates")
@needs(Scope.OPERATE)
def read_certificates(identity: str, json: UseIn) -> Any:
    """Ask the charger which root certificates it has."""
    return _asked(
        identity,
        "charger.read_certificates",
        lambda s, charger: security.request_listing(s, charger, json.use, **_by()),
    )


@blueprint.post("/chargers/<identity>/certificates")
@spec.validate(resp=answers(202, CommandOut), tags=TAGS, operation_id="installCertificate")
@needs(Scope.ADMIN)
def install_certificate(identity: str, json: InstallIn) -> Any:
    """Install a root certificate in the charger."""
    return _asked(
        identity,
        "charger.install_certificate",
        lambda s, charger: security.request_installation(s, charger, json.use, json.certificate, **_by()),
    )


@blueprint.delete("/chargers/<identity>/certificates/<int:certificate_id>")
@spec.validate(resp=answers(202, CommandOut), tags=TAGS, operation_id="deleteInstalledCertificate")
@needs(Scope.ADMIN)
def delete_certificate(identity: str, certificate_id: int) -> Any:
    """Delete a root certificate that the charger has told of."""

    def ask(session: Session, charger: Charger) -> Command:
        row = security.installed_one(session, charger, certificate_id)
        return security.request_deletion(session, charger, row, **_by())

    return _asked(identity, "charger.delete_certificate", ask)


@blueprint.post("/chargers/<identity>/security-events/acknowledge")
@spec.validate(resp=answers(204, None), tags=TAGS, operation_id="acknowledgeSecurityEvents")
@needs(Scope.OPERATE)
def acknowledge_events(identity: str) -> tuple[str, int]:
    """Somebody has looked at the charger's critical events."""
    with atomic() as session:
        charger = queries.charger(session, identity, with_connectors=False)
        security.acknowledge(session, charger)
        guard.audit(session, "charger.acknowledge", charger.identity)
    return "", 204


@blueprint.get("/security-events")
@spec.validate(resp=answers(200, EventList), tags=TAGS, operation_id="listSecurityEvents")
@needs(Scope.READ)
def list_events(query: EventQuery) -> Any:
    """Security events, the newest first."""
    wanted = security_queries.events_of(identity=query.charger, is_critical=query.critical)
    found = page(db.session(), wanted, (SecurityEvent.id,), query, newest_first=True)
    data = [EventOut.of(x, charger=x.charger.identity) for x in found.rows]
    return EventList(data=data, next_cursor=found.next_cursor), found.headers
