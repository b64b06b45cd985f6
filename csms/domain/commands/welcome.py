"""Letting a charger in that is connected already."""

from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import chargers
from csms.domain.base import Refused
from csms.domain.chargers import Admission, AuthorizationPolicy, Charger
from csms.domain.commands.models import Command, Kind
from csms.domain.commands.service import request


def welcome(
    session: Session, charger: Charger, *, policy: AuthorizationPolicy, by: str | None, at: datetime
) -> Command | None:
    """Let a charger in, and ask one that is connected to boot again, which it would do in its own time (1.6 §4.2).

    None where there is nobody to ask: it is in already, away, or known not to take such a question.
    """
    was_in = charger.admission is Admission.ACCEPTED
    chargers.adopt(session, charger, policy=policy, at=at)
    if was_in:
        return None
    try:
        return request(session, charger, Kind.TRIGGER, {"message": "BootNotification"}, by=by, at=at)
    except Refused:
        return None
