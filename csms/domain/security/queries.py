"""What pages and programs want to know of certificates."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from csms.domain.chargers import Charger, LinkLease
from csms.domain.security.models import SecurityEvent, SigningRequest, SigningState

IN_USE = (SigningState.SENT, SigningState.INSTALLED)


def signing_requests(session: Session, charger_id: int, *, limit: int = 10) -> Sequence[SigningRequest]:
    """What a charger has asked to have signed, the newest first."""
    query = select(SigningRequest).where(SigningRequest.charger_id == charger_id)
    return session.scalars(query.order_by(SigningRequest.id.desc()).limit(limit)).all()


def certificates(
    *, identity: str | None = None, expire_before: datetime | None = None
) -> Select[SigningRequest]:
    """Certificates that were signed here, with their chargers."""
    query = (
        select(SigningRequest)
        .join(SigningRequest.charger)
        .where(SigningRequest.certificate.is_not(None))
        .options(joinedload(SigningRequest.charger))
    )
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    return query if expire_before is None else query.where(SigningRequest.expires_at < expire_before)


def next_to_expire(session: Session, *, limit: int = 50) -> Sequence[SigningRequest]:
    """The certificate that each charger last came with, or took last; those that end first come first."""
    query = (
        certificates()
        .outerjoin(LinkLease, LinkLease.charger_id == SigningRequest.charger_id)
        .where(
            or_(
                LinkLease.fingerprint == SigningRequest.fingerprint,
                and_(LinkLease.fingerprint.is_(None), SigningRequest.state.in_(IN_USE)),
            )
        )
    )
    return session.scalars(query.order_by(SigningRequest.expires_at).limit(limit)).unique().all()


def events_of(*, identity: str | None = None, is_critical: bool | None = None) -> Select[SecurityEvent]:
    """Security events with their chargers."""
    query = select(SecurityEvent).join(SecurityEvent.charger).options(joinedload(SecurityEvent.charger))
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    return query if is_critical is None else query.where(SecurityEvent.is_critical == is_critical)
