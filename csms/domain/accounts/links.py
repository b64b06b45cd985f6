"""Links that work once: the first run's set-up, and what is sent to users by e-mail."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms.domain.accounts.access import folded_email, put_out
from csms.domain.accounts.hashing import hashed, new_secret
from csms.domain.accounts.models import OneTimeLink, User

# What links are for.
SETUP = "setup"
SIGN_IN = "sign_in"
PASSWORD = "password"  # noqa: S105  a word, not a secret
INVITATION = "invitation"
EMAIL = "email"


def issue_link(
    session: Session, purpose: str, *, at: datetime, ttl: timedelta, user: User | None = None
) -> str:
    """A token that works once, within `ttl`, for `purpose`. Older ones of the same purpose and user work no more."""
    whose = user.id if user is not None else None
    session.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.purpose == purpose,
            OneTimeLink.user_id == whose if whose is not None else OneTimeLink.user_id.is_(None),
            OneTimeLink.used_at.is_(None),
        )
        .values(used_at=at)
    )
    token = new_secret()
    email = user.email if user is not None else None
    session.add(
        OneTimeLink(
            purpose=purpose,
            user_id=whose,
            email=email,
            token_hash=hashed(token),
            issued_at=at,
            expires_at=at + ttl,
        )
    )
    session.flush()
    return token


def good_link(session: Session, purpose: str, token: str, *, at: datetime) -> OneTimeLink | None:
    """The link that `use_link` would take now."""
    query = select(OneTimeLink).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.token_hash == hashed(token),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > at,
    )
    return session.scalar(query)


def is_link_good(session: Session, purpose: str, token: str, *, at: datetime) -> bool:
    """Would `use_link` take this token now?"""
    return good_link(session, purpose, token, at=at) is not None


def use_link(session: Session, purpose: str, token: str, *, at: datetime) -> bool:
    """True for one caller, once: the token is good, and used up from now on."""
    link = good_link(session, purpose, token, at=at)
    return link is not None and _claimed(session, link, at)


def user_of_link(session: Session, purpose: str, token: str, *, at: datetime) -> User | None:
    """Whom a good link is for; None too for one who may not come in, or has another address by now."""
    link = good_link(session, purpose, token, at=at)
    user = session.get(User, link.user_id) if link is not None and link.user_id is not None else None
    if link is None or user is None or not user.is_enabled:
        return None
    is_theirs = link.email is not None and user.email_folded == folded_email(link.email)
    return user if is_theirs else None


def use_user_link(session: Session, purpose: str, token: str, *, at: datetime) -> User | None:
    """The user, once. The link came by e-mail: from now on the address is known to be theirs."""
    user = user_of_link(session, purpose, token, at=at)
    link = good_link(session, purpose, token, at=at)
    if user is None or link is None or not _claimed(session, link, at):
        return None
    if user.email_verified_at is None:
        user.email_verified_at = at
        if purpose == SIGN_IN:
            # Whoever signed up with this address may have been somebody else: what they know must open nothing.
            user.password_hash = ""
            put_out(session, user, at=at)
    return user


def _claimed(session: Session, link: OneTimeLink, at: datetime) -> bool:
    used = session.execute(
        update(OneTimeLink).where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None)).values(used_at=at)
    )
    return used.rowcount == 1  # type: ignore[attr-defined,no-any-return]
