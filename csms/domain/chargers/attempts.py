"""What people do about refused connections."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from csms.domain.base import Refused, announce
from csms.domain.chargers.models import Admission, Attempt, AuthorizationPolicy, Charger, RefusalCause
from csms.domain.chargers.service import add, adopt, find

_LOOK_ALIKE = str.maketrans("oil", "011")
LEAST_ALIKE = 6  # signs of an identity that may stand within another


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


def alike(session: Session, identity: str, *, most: int = 5000) -> Charger | None:
    """The known charger that an unknown identity may be: one that differs in case, separators, signs that look the
    same, zeros in front of numbers, or in what stands before or behind it.
    """
    wanted = _plain(identity)
    if not wanted:
        return None
    known = session.execute(select(Charger.id, Charger.identity).order_by(Charger.id).limit(most))
    found = [(_unlikeness(wanted, _plain(name)), charger_id) for charger_id, name in known]
    best = min(((x, charger_id) for x, charger_id in found if x is not None), default=None)
    return session.get(Charger, best[1]) if best else None


def _plain(identity: str) -> str:
    """CP-O1 as cp1: without what people and menus write now so, now otherwise."""
    read = identity.casefold().translate(_LOOK_ALIKE)
    parts = re.findall(r"\d+|[^\W\d_]+", read)
    return "".join(x.lstrip("0") if x.isdigit() else x for x in parts)


def _unlikeness(one: str, other: str) -> int | None:
    """0: the same; else by how many signs the longer one is longer. None: they have nothing to do with one another."""
    short, long = sorted((one, other), key=len)
    if one == other:
        return 0
    is_part = len(short) >= LEAST_ALIKE and (long.startswith(short) or long.endswith(short))
    return len(long) - len(short) if is_part else None


def attempts_like(session: Session, attempt: Attempt) -> Sequence[Attempt]:
    """The refused connections of the same identity or address, the newest first: what whoever tries does meanwhile."""
    is_like = or_(Attempt.identity == attempt.identity, Attempt.address == attempt.address)
    query = select(Attempt).where(is_like if attempt.identity else Attempt.address == attempt.address)
    return session.scalars(query.order_by(Attempt.last_at.desc()).limit(10)).all()
