"""Who may come in: users, refresh tokens of the JSON API, links that work once, and the audit.

Secrets are given out once and kept as hashes. They have 256 random bits, so a fast hash keeps them safe.
"""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms.domain.accounts.models import AuditEntry, OneTimeLink, RefreshToken, Role, User
from csms.domain.base import Invalid, Refused, append, printable

SETUP = "setup"  # the purpose of the link of the first run
_USERNAME = re.compile(r"[\w.@+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a refresh token is exchanged for: its user, and the token that takes its place."""

    user: User
    token: str


def create_user(
    session: Session,
    username: str,
    password_hash: str,
    role: Role,
    *,
    at: datetime,
    email: str | None = None,
    account_id: int | None = None,
) -> User:
    """A new user. Raises Invalid for a bad name, Refused for a taken one; the door judges passwords."""
    username = username.strip()
    if not _USERNAME.fullmatch(username):
        raise Invalid("A user name has 1 to 80 letters, digits and the characters . @ + - _", "username")
    if find_user(session, username) is not None:
        raise Refused(f"There is a user {username} already.")
    user = User(
        username=username,
        username_folded=_folded(username),
        email=(email or "").strip()[:254] or None,
        password_hash=password_hash,
        role=role,
        is_enabled=True,
        login_key=_new_login_key(),
        account_id=account_id,
        created_at=at,
    )
    session.add(user)
    session.flush()
    return user


def find_user(session: Session, username: str) -> User | None:
    """The user of this name, compared without case."""
    return session.scalar(select(User).where(User.username_folded == _folded(username.strip())))


def user_by_login_key(session: Session, login_key: str) -> User | None:
    """The user whose log-in this is; None if it has ended, or the user may not come in any more."""
    user = session.scalar(select(User).where(User.login_key == login_key))
    return user if user is not None and user.is_enabled else None


def needs_setup(session: Session) -> bool:
    """True until there is a user."""
    return session.scalar(select(User.id).limit(1)) is None


def change_password(session: Session, user: User, password_hash: str, *, at: datetime) -> None:
    """A new password. Every log-in and every token of the user that was given out before ends."""
    user.password_hash = password_hash
    user.login_key = _new_login_key()
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.user_id == user.id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def issue_link(session: Session, purpose: str, *, at: datetime, ttl: timedelta) -> str:
    """A token that works once, within `ttl`, for `purpose`. Older ones of the same purpose work no more."""
    session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.purpose == purpose, OneTimeLink.used_at.is_(None))
        .values(used_at=at)
    )
    token = secrets.token_urlsafe(32)
    session.add(OneTimeLink(purpose=purpose, token_hash=_hashed(token), issued_at=at, expires_at=at + ttl))
    session.flush()
    return token


def is_link_good(session: Session, purpose: str, token: str, *, at: datetime) -> bool:
    """Would `use_link` take this token now?"""
    query = select(OneTimeLink.id).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.token_hash == _hashed(token),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > at,
    )
    return session.scalar(query) is not None


def use_link(session: Session, purpose: str, token: str, *, at: datetime) -> bool:
    """True for one caller, once: the token is good, and used up from now on."""
    used = session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.purpose == purpose,
            OneTimeLink.token_hash == _hashed(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > at,
        )
        .values(used_at=at)
    )
    return used.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def issue_refresh(
    session: Session, user: User, *, at: datetime, ttl: timedelta, family: str | None = None
) -> str:
    """A refresh token, the first of a new family unless `family` is given."""
    token = secrets.token_urlsafe(32)
    session.add(
        RefreshToken(
            user_id=user.id,
            family=family or str(uuid.uuid4()),
            token_hash=_hashed(token),
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
    known = session.scalar(select(RefreshToken).where(RefreshToken.token_hash == _hashed(token)))
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


def family_of(session: Session, token: str) -> str | None:
    """The family that a refresh token belongs to, used or not."""
    return session.scalar(select(RefreshToken.family).where(RefreshToken.token_hash == _hashed(token)))


def revoke_family(session: Session, family: str, *, at: datetime) -> None:
    """No refresh token of this family works any more."""
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.family == family, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def audit(
    session: Session,
    actor: str,
    action: str,
    *,
    at: datetime,
    address: str | None = None,
    subject: str | None = None,
    detail: str | None = None,
) -> None:
    """Note for good who did what, to what, from where. `detail` never holds a secret."""
    append(
        session,
        AuditEntry,
        {
            "at": at,
            "actor": printable(actor, 80),
            "address": printable(address, 64),
            "action": action,
            "subject": printable(subject, 120),
            "detail": printable(detail, 500),
        },
    )


def _new_login_key() -> str:
    return secrets.token_urlsafe(24)


def _folded(username: str) -> str:
    return (printable(username, 80) or "").casefold()[:80]


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
