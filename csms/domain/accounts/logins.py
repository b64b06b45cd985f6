"""Log-ins of browsers: each by itself, so that one can be ended and the others go on."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.accounts.factors import must_set_up
from csms.domain.accounts.hashing import hashed, new_secret
from csms.domain.accounts.models import LogIn, User
from csms.domain.base import NotFound, printable

SEEN_EVERY = timedelta(minutes=5)
LASTS_FOR = timedelta(days=30)  # without being seen: as long as the cookie that keeps a log-in


def begin_log_in(
    session: Session, user: User, way: str, *, address: str | None, agent: str | None, at: datetime
) -> str:
    """The key that the browser is to keep."""
    key = new_secret()
    log_in = LogIn(
        user_id=user.id,
        key_hash=hashed(key),
        way=way,
        address=printable(address, 64),
        agent=printable(agent, 200),
        begun_at=at,
        seen_at=at,
        needs_factor=must_set_up(session, user, way),
    )
    session.add(log_in)
    user.last_login_at = at
    session.flush()
    return key


def log_in_of(session: Session, key: str) -> tuple[LogIn, User] | None:
    """The log-in with this key and whose it is; None if it has ended, or they may not come in any more."""
    query = (
        select(LogIn, User)
        .join(User, User.id == LogIn.user_id)
        .options(joinedload(User.account))
        .where(LogIn.key_hash == hashed(key), LogIn.ended_at.is_(None), User.is_enabled)
    )
    found = session.execute(query).one_or_none()
    return None if found is None else (found[0], found[1])


def lasting(session: Session, keys: Collection[str]) -> set[str]:
    """Those of the keys whose log-in has not ended, and whose user may come in: one query for all of them."""
    by_hash = {hashed(key): key for key in keys}
    query = (
        select(LogIn.key_hash)
        .join(User, User.id == LogIn.user_id)
        .where(LogIn.key_hash.in_(by_hash), LogIn.ended_at.is_(None), User.is_enabled)
    )
    return {by_hash[found] for found in session.scalars(query)}


def note_seen(session: Session, key: str, *, at: datetime) -> None:
    """It is in use still."""
    session.execute(update(LogIn).where(LogIn.key_hash == hashed(key)).values(seen_at=at))


def end_log_in(session: Session, key: str, *, at: datetime) -> None:
    """This browser has logged out."""
    session.execute(
        update(LogIn).where(LogIn.key_hash == hashed(key), LogIn.ended_at.is_(None)).values(ended_at=at)
    )


def end_one(session: Session, user_id: int, log_in_id: int, *, at: datetime) -> LogIn:
    """End one of a user's log-ins. Raises NotFound."""
    found = session.get(LogIn, log_in_id)
    if found is None or found.user_id != user_id:
        raise NotFound("There is no such log-in.")
    found.ended_at = found.ended_at or at
    return found


def running(session: Session, user_id: int, *, at: datetime) -> Sequence[LogIn]:
    """A user's log-ins that have not ended, the last seen first."""
    query = select(LogIn).where(
        LogIn.user_id == user_id, LogIn.ended_at.is_(None), LogIn.seen_at > at - LASTS_FOR
    )
    return session.scalars(query.order_by(LogIn.seen_at.desc(), LogIn.id.desc())).all()


def is_this(log_in: LogIn, key: str) -> bool:
    """Is it the log-in with this key?"""
    return log_in.key_hash == hashed(key)
