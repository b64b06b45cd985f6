"""Certificates that are trusted no more, whoever shows them: their key was lost, or their charger was taken away."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.base import NotFound, Refused, announce
from csms.domain.chargers import LinkLease
from csms.domain.security.models import SigningRequest, SigningState
from csms.domain.security.signing import TOPIC
from csms.sentences import told


def revoke_certificate(session: Session, certificate_id: int, *, at: datetime) -> SigningRequest:
    """Let nobody in with it from now on, and hear no more of who has come with it. Raises NotFound, Refused."""
    row = session.get(SigningRequest, certificate_id)
    if row is None or row.certificate is None:
        raise NotFound("There is no such certificate.")
    if row.state is SigningState.REVOKED:
        raise Refused("This certificate is revoked already.")
    row.state, row.reason = SigningState.REVOKED, None
    lease = session.get(LinkLease, row.charger_id)
    if lease is not None and lease.fingerprint == row.fingerprint:
        chargers.end_link(session, row.charger_id, reason=told("Its certificate was revoked."), at=at)
    announce(session, row.charger.topic, TOPIC)
    return row


def is_revoked(session: Session, fingerprint: str) -> bool:
    query = select(SigningRequest.id).where(
        SigningRequest.fingerprint == fingerprint, SigningRequest.state == SigningState.REVOKED
    )
    return session.scalar(query.limit(1)) is not None
