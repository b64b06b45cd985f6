"""Coming in with a card. Its number is no password: it is printed, and read by any phone that comes near.

So it opens a driver's own account, and never a user who may do more; where the card has a PIN, never without it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts.models import Role, TokenStatus, User
from csms.domain.accounts.service import GUEST_PREFIX, PAYMENT_PREFIX, WEB_PREFIX, find_token, verdict


def driver_of_card(session: Session, uid: str, *, at: datetime, is_proved: bool = False) -> User | None:
    """The driver whose account the card is of; None for any other card, and for one that may not charge.

    `is_proved`: its PIN was given, and was right.
    """
    uid = uid.strip()
    if not uid or uid.upper().startswith(
        (WEB_PREFIX, GUEST_PREFIX, PAYMENT_PREFIX)
    ):  # tags of ours, that nobody carries
        return None
    card = find_token(session, uid)
    if card is None or card.account_id is None or (card.pin_hash is not None and not is_proved):
        return None
    if verdict(card.is_allowed, card.expires_at, True, at) is not TokenStatus.ACCEPTED:
        return None
    query = select(User).where(User.account_id == card.account_id, User.is_enabled, User.role == Role.DRIVER)
    return session.scalar(query.order_by(User.id).limit(1))
