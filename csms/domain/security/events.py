"""What chargers report of their own security (whitepaper A04, §8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import announce, append, digest, printable
from csms.domain.chargers import Charger
from csms.domain.security.models import SecurityEvent
from csms.domain.security.rules import CRITICAL

TOPIC = "security"


@dataclass(frozen=True, slots=True)
class EventReport:
    """One SecurityEventNotification. `at` is the charger's time if it is sane, else the time of receipt."""

    type: str
    tech_info: str | None
    at: datetime
    at_text: str | None


def note_event(session: Session, charger_id: int, report: EventReport, *, at: datetime) -> bool:
    """Keep it; a repetition of one that is there changes nothing. True if it is critical."""
    is_critical = report.type in CRITICAL
    append(
        session,
        SecurityEvent,
        {
            "charger_id": charger_id,
            "type": printable(report.type, 50),
            "tech_info": printable(report.tech_info, 255),
            "is_critical": is_critical,
            "is_open": is_critical,
            "at": report.at,
            "at_text": printable(report.at_text, 40),
            "received_at": at,
            "digest": digest(
                "security", charger_id, report.type, report.at_text or at.isoformat(), report.tech_info or ""
            ),
        },
        once=True,
    )
    announce(session, f"charger:{charger_id}", TOPIC)
    if is_critical:
        announce(session, "fleet")
    return is_critical


def acknowledge(session: Session, charger: Charger) -> None:
    """Somebody has looked at the charger's critical events."""
    mine = (SecurityEvent.charger_id == charger.id, SecurityEvent.is_open)
    session.execute(update(SecurityEvent).where(*mine).values(is_open=False))
    announce(session, charger.topic, TOPIC, "fleet")


def events(
    session: Session,
    charger_id: int | None = None,
    *,
    before_id: int | None = None,
    is_critical_only: bool = False,
    limit: int = 50,
) -> Sequence[SecurityEvent]:
    """The newest events, of one charger or of all, with their chargers."""
    query = select(SecurityEvent).options(joinedload(SecurityEvent.charger))
    if charger_id is not None:
        query = query.where(SecurityEvent.charger_id == charger_id)
    if before_id is not None:
        query = query.where(SecurityEvent.id < before_id)
    if is_critical_only:
        query = query.where(SecurityEvent.is_critical)
    return session.scalars(query.order_by(SecurityEvent.id.desc()).limit(limit)).all()
