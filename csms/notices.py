"""Mails to drivers about their own session: the car pauses, charging has ended."""

from __future__ import annotations

from datetime import datetime

from flask import current_app
from sqlalchemy.orm import Session

from csms import mail
from csms.domain.base import DomainError
from csms.domain.transactions import Notice, notices


def tell_due(session: Session, at: datetime) -> int:
    """Write to those who asked; how many mails that were."""
    found = notices.due(session, at)
    for notice in found:
        if notice.transaction.is_active:
            notice.pause_told_at = at
            _write(session, "session_paused", notice, at)
        else:
            notice.end_told_at = at
            _write(session, "session_ended", notice, at)
    return len(found)


def _write(session: Session, template: str, notice: Notice, at: datetime) -> None:
    transaction = notice.transaction
    base = current_app.extensions["settings"].public_base_url
    try:
        with session.begin_nested():
            mail.write(
                session,
                template,
                notice.email,
                at=at,
                language=notice.language,
                place=transaction.charger.title,
                energy_wh=transaction.energy_wh,
                link=f"{base}/s/{transaction.secret}",
            )
    except DomainError:  # too much waits for this address: the page says it all the same
        return
