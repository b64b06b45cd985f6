"""What people do about refused connections."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csms.domain.base import Refused, announce
from csms.domain.chargers.models import Admission, Attempt, AuthorizationPolicy, Charger, RefusalCause
from csms.domain.chargers.service import add, adopt, find


def forget_attempt(session: Session, attempt_id: int) -> Attempt | None:
    """Take a refused connection off the list; it comes back when it happens again. None: it was gone already."""
    attempt = session.get(Attempt, attempt_id)
    if attempt is not None:
        session.delete(attempt)
        announce(session, "attempts", "fleet")
    return attempt


def admit_attempt(session: Session, attempt: Attempt, *, at: datetime) -> Charger:
    """Let the charger of a refused connection in, for known cards: it is added, or taken back after a rejection.

    Raises Refused where letting it in is not what is missing.
    """
    charger = find(session, attempt.identity)
    if attempt.cause is RefusalCause.UNKNOWN_CHARGER and charger is None:
        policy = AuthorizationPolicy.KNOWN
        charger = add(session, attempt.identity, admission=Admission.ACCEPTED, policy=policy, at=at)
    elif (
        attempt.cause in (RefusalCause.UNKNOWN_CHARGER, RefusalCause.REJECTED_CHARGER) and charger is not None
    ):
        adopt(session, charger, policy=charger.policy, at=at)
    else:
        raise Refused("This charger is known here: look at what it was refused for.")
    announce(session, "attempts")
    return charger


def attempts_like(session: Session, attempt: Attempt) -> Sequence[Attempt]:
    """The refused connections of the same identity or address, the newest first: what whoever tries does meanwhile."""
    is_like = or_(Attempt.identity == attempt.identity, Attempt.address == attempt.address)
    query = select(Attempt).where(is_like if attempt.identity else Attempt.address == attempt.address)
    return session.scalars(query.order_by(Attempt.last_at.desc()).limit(10)).all()
