"""Chargers' certificates that were signed here, the authority that signs them, and roots to install."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from pydantic import Field

from csms import clock
from csms.api import guard
from csms.api.blueprint import blueprint
from csms.api.document import spec
from csms.api.paging import page
from csms.api.replay import unit
from csms.api.scopes import Scope, needs
from csms.api.shapes import In, Listing, Moment, Out, answers
from csms.domain import security
from csms.domain.security import SigningRequest, SigningState
from csms.domain.security import queries as security_queries
from csms.extensions import db
from csms.work import atomic

TAGS = ["security"]


class RootIn(In):
    certificate: str = Field(max_length=5500, description="PEM")


class CertificateQuery(Listing):
    charger: str | None = Field(None, description="identity")
    expires_before: Moment | None = None


class CertificateOut(Out):
    """A certificate that a charger asked for. `used_at`: when it last connected with it."""

    id: int
    charger: str
    state: SigningState
    reason: str | None
    subject: str | None
    serial_number: str | None
    fingerprint: str | None
    certificate: str | None
    requested_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class CertificateList(Out):
    data: list[CertificateOut]
    next_cursor: str | None


class RootOut(Out):
    id: int
    subject: str
    serial_number: str
    fingerprint: str
    expires_at: datetime
    added_at: datetime
    certificate: str


class RootList(Out):
    data: list[RootOut]


class AuthorityOut(Out):
    subject: str
    fingerprint: str
    expires_at: datetime
    certificate: str


def certificate_out(row: SigningRequest) -> CertificateOut:
    return CertificateOut.of(row, charger=row.charger.identity)


@blueprint.get("/certificates")
@spec.validate(resp=answers(200, CertificateList), tags=TAGS, operation_id="listCertificates")
@needs(Scope.READ)
def list_certificates(query: CertificateQuery) -> Any:
    """Chargers' certificates that were signed here, the newest first."""
    wanted = security_queries.certificates(identity=query.charger, expire_before=query.expires_before)
    found = page(db.session(), wanted, (SigningRequest.id,), query, newest_first=True)
    data = [certificate_out(x) for x in found.rows]
    return CertificateList(data=data, next_cursor=found.next_cursor), found.headers


@blueprint.post("/certificates/<int:certificate_id>/revoke")
@spec.validate(resp=answers(200, CertificateOut), tags=TAGS, operation_id="revokeCertificate")
@needs(Scope.ADMIN)
def revoke_certificate(certificate_id: int) -> Any:
    """Let nobody in with it any more; the connection that came with it ends. 409 for one that is revoked already."""
    with unit() as session:
        row = security.revoke_certificate(session, certificate_id, at=clock.now())
        guard.audit(session, "charger.revoke_certificate", row.charger.identity, row.serial_number)
        told = certificate_out(row)
    return told, 200


@blueprint.get("/certificates/authority")
@spec.validate(resp=answers(200, AuthorityOut), tags=TAGS, operation_id="getAuthority")
@needs(Scope.READ)
def show_authority() -> AuthorityOut:
    """The certificate of the authority that signs chargers' certificates."""
    told = security.described(current_app.extensions["authority"]().certificate)
    return AuthorityOut.of(told, certificate=told.pem)


@blueprint.get("/certificates/roots")
@spec.validate(resp=answers(200, RootList), tags=TAGS, operation_id="listRootCertificates")
@needs(Scope.READ)
def list_roots() -> RootList:
    """Root certificates that can be installed in chargers."""
    return RootList(data=[RootOut.of(x) for x in security.roots(db.session())])


@blueprint.post("/certificates/roots")
@spec.validate(resp=answers(201, RootOut), tags=TAGS, operation_id="addRootCertificate")
@needs(Scope.ADMIN)
def add_root(json: RootIn) -> Any:
    """Keep a root certificate for installing it in chargers."""
    with unit() as session:
        row = security.add_root(session, json.certificate, at=clock.now())
        guard.audit(session, "root.added", row.subject)
        told = RootOut.of(row)
    return told, 201


@blueprint.delete("/certificates/roots/<int:root_id>")
@spec.validate(resp=answers(204, None), tags=TAGS, operation_id="removeRootCertificate")
@needs(Scope.ADMIN)
def delete_root(root_id: int) -> tuple[str, int]:
    """Offer it no more. Where it is installed it stays."""
    with atomic() as session:
        row = security.root(session, root_id)
        guard.audit(session, "root.removed", row.subject)
        security.forget_root(session, row)
    return "", 204
