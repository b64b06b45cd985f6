"""Mails that let somebody in: each carries a link that works once. Nobody learns from them who has an account."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from limits import RateLimitItemPerHour
from sqlalchemy.orm import Session

from csms import mail
from csms.domain import accounts
from csms.domain.accounts import User
from csms.domain.base import Refused
from csms.extensions import limiter

SIGN_IN_FOR = timedelta(minutes=15)
PASSWORD_FOR = timedelta(hours=1)
INVITATION_FOR = timedelta(days=7)
EMAIL_FOR = timedelta(days=3)

BY_EMAIL = RateLimitItemPerHour(5)
BY_ADDRESS = RateLimitItemPerHour(30)


def may_ask(email: str, address: str) -> bool:
    """Count somebody's asking for a link; False when there were too many."""
    if not limiter.enabled:
        return True
    by_address = limiter.limiter.hit(BY_ADDRESS, "letters", address)
    return by_address and limiter.limiter.hit(BY_EMAIL, "letters", accounts.folded_email(email))


def sign_in_links(session: Session, email: str, *, at: datetime) -> None:
    """To each user with this address: a link that logs them in. To others nothing."""
    for user in accounts.users_with_email(session, email):
        _link(session, user, accounts.SIGN_IN, "/login/link", at=at, ttl=SIGN_IN_FOR)


def password_links(session: Session, email: str, *, at: datetime) -> None:
    """To each user with this address: a link under which they choose a new password. To others nothing."""
    for user in accounts.users_with_email(session, email):
        _link(session, user, accounts.PASSWORD, "/login/password", at=at, ttl=PASSWORD_FOR)


def invitation(session: Session, user: User, *, at: datetime) -> None:
    """A link under which a new user chooses a password. Raises Invalid and Refused where there is no address."""
    if user.email is None:
        raise Refused("An invitation needs an e-mail address.")
    _link(session, user, accounts.INVITATION, "/login/invitation", at=at, ttl=INVITATION_FOR)


def verification(session: Session, user: User, *, at: datetime) -> None:
    """A link that shows that an address is the user's own; nothing for one who has none, or has shown it."""
    if user.email is not None and user.email_verified_at is None:
        _link(session, user, accounts.EMAIL, "/login/email", at=at, ttl=EMAIL_FOR)


def _link(session: Session, user: User, purpose: str, path: str, *, at: datetime, ttl: timedelta) -> None:
    token = accounts.issue_link(session, purpose, at=at, ttl=ttl, user=user)
    mail.write(
        session,
        purpose,
        user.email or "",
        at=at,
        language=user.language,
        is_secret=True,
        expires_at=at + ttl,
        user=user,
        url=f"{current_app.extensions['settings'].public_base_url}{path}/{token}",
        address=current_app.extensions["settings"].public_base_url,
    )
