"""Who may come in: users, and refresh tokens of the JSON API.

Secrets are given out once and kept as hashes. They have 256 random bits, so a fast hash keeps them safe.
"""

import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms.domain.accounts.hashing import hashed
from csms.domain.accounts.models import LogIn, RefreshToken, Role, User
from csms.domain.base import Invalid, Refused, announce, is_mail_address, printable

USERS_TOPIC = "users"
_USERNAME = re.compile(r"[\w.@+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a refresh token is exchanged for: its user, and the token that takes its place."""

    user: User
    token: str


def create_user(
    session: Session,
    username: str,
    password_hash: str | None,
    role: Role,
    *,
    at: datetime,
    email: str | None = None,
    account_id: int | None = None,
    is_email_trusted: bool = True,
) -> User:
    """A new user. Raises Invalid for a bad name, Refused for what is taken; the door judges passwords.

    `password_hash` None: they come in by other ways. `is_email_trusted`: somebody vouches that the address is theirs.
    """
    username = username.strip()
    if not _USERNAME.fullmatch(username):
        raise Invalid("A user name has 1 to 80 letters, digits and the characters . @ + - _", "username")
    if find_user(session, username) is not None:
        raise Refused("There is a user %(username)s already.", username=username)
    user = User(
        username=username,
        username_folded=_folded(username),
        password_hash=password_hash or "",
        role=role,
        is_enabled=True,
        login_key=_new_login_key(),
        account_id=account_id,
        created_at=at,
    )
    set_email(session, user, email, verified_at=at if is_email_trusted else None)
    session.add(user)
    session.flush()
    announce(session, USERS_TOPIC)
    return user


def set_email(session: Session, user: User, email: str | None, *, verified_at: datetime | None) -> None:
    """Another address, or none. Raises Invalid for what is no address, Refused for another user's."""
    email = (email or "").strip()
    if email and not is_mail_address(email):
        raise Invalid("This is no e-mail address.", "email")
    others = select(User.id).where(User.email_folded == folded_email(email), User.id != user.id)
    if email and session.scalar(others.limit(1)) is not None:
        raise Refused("There is a user with this e-mail address already.")
    user.email = email or None
    user.email_folded = folded_email(email) if email else None
    user.email_verified_at = verified_at if email else None


def folded_email(email: str) -> str:
    """An address as it is compared."""
    return (printable(email.strip(), 254) or "").casefold()[:254]


def find_user(session: Session, username: str) -> User | None:
    """The user of this name, compared without case."""
    return session.scalar(select(User).where(User.username_folded == _folded(username.strip())))


def users_with_email(session: Session, email: str) -> Sequence[User]:
    """Those who may come in and have this address, compared without case."""
    query = select(User).where(User.email_folded == folded_email(email), User.is_enabled)
    return session.scalars(query.order_by(User.id)).all()


def needs_setup(session: Session) -> bool:
    """True until there is a user."""
    return session.scalar(select(User.id).limit(1)) is None


def change_password(session: Session, user: User, password_hash: str, *, at: datetime) -> None:
    """A new password. Every log-in and every token of the user that was given out before ends."""
    user.password_hash = password_hash
    put_out(session, user, at=at)


def put_out(session: Session, user: User, *, at: datetime) -> None:
    """End every log-in and every token of a user, wherever they are."""
    user.login_key = _new_login_key()
    session.execute(
        update(LogIn).where(LogIn.user_id == user.id, LogIn.ended_at.is_(None)).values(ended_at=at)
    )
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.user_id == user.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def issue_refresh(
    session: Session, user: User, *, at: datetime, ttl: timedelta, family: str | None = None
) -> str:
    """A refresh token, the first of a new family unless `family` is given."""
    token = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(
            user_id=user.id,
            family=family or str(uuid.uuid4()),
            token_hash=hashed(token),
            issued_at=at,
            expires_at=at + ttl,
        )
    )
    session.flush()
    return token


def rotate_refresh(session: Session, token: str, *, at: datetime, ttl: timedelta) -> Rotated | None:
    """Exchange a refresh token for its successor; None if it is not good.

    A token that was used before is in two hands, one of them a thief's: its whole family ends, and both must
    log in again (RFC 9700 §4.14.2). That is to be stored, so nothing is raised here.
    """
    known = session.scalar(select(RefreshToken).where(RefreshToken.token_hash == hashed(token)))
    if known is None or known.revoked_at is not None:
        return None
    if not _claimed(session, known, at):
        revoke_family(session, known.family, at=at)
        return None
    user = session.get(User, known.user_id)
    if known.expires_at <= at or user is None or not user.is_enabled:
        return None
    return Rotated(user, issue_refresh(session, user, at=at, ttl=ttl, family=known.family))


def _claimed(session: Session, token: RefreshToken, at: datetime) -> bool:
    used = session.execute(
        update(RefreshToken)
        .where(RefreshToken.id == token.id, RefreshToken.used_at.is_(None))
        .values(used_at=at)
    )
    return used.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def is_refresh_good(session: Session, token: str, *, at: datetime) -> bool:
    """Would `rotate_refresh` take this token now?"""
    known = session.scalar(select(RefreshToken).where(RefreshToken.token_hash == hashed(token)))
    if known is None or known.revoked_at is not None or known.used_at is not None or known.expires_at <= at:
        return False
    user = session.get(User, known.user_id)
    return user is not None and user.is_enabled


def family_of(session: Session, token: str) -> str | None:
    """The family that a refresh token belongs to, used or not."""
    return session.scalar(select(RefreshToken.family).where(RefreshToken.token_hash == hashed(token)))


def revoke_family(session: Session, family: str, *, at: datetime) -> None:
    """No refresh token of this family works any more."""
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _new_login_key() -> str:
    return secrets.token_urlsafe(24)


def _folded(username: str) -> str:
    return (printable(username, 80) or "").casefold()[:80]
