"""People whom another system knows: an issuer of OpenID Connect, or a directory. They become users when they come."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts.access import create_user, find_user, users_with_email
from csms.domain.accounts.models import Identity, Role, User
from csms.domain.accounts.people import change_role
from csms.domain.accounts.service import open_account
from csms.domain.base import Refused, is_mail_address, printable

MOST_NAMESAKES = 1000


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as the other system tells of them. `subject` never changes there; names and addresses may."""

    issuer: str
    subject: str
    username: str
    email: str | None
    is_email_verified: bool
    first_name: str | None
    last_name: str | None
    groups: Sequence[str]


def role_by_groups(groups: Sequence[str], roles: Sequence[tuple[str, str]]) -> Role | None:
    """The role of the first group that fits, without case; "*" fits anybody. None: they do not come in."""
    theirs = {x.casefold() for x in groups}
    return next((Role(role) for group, role in roles if group == "*" or group.casefold() in theirs), None)


def come_in(session: Session, person: Person, role: Role | None, *, at: datetime) -> User:
    """The user of a person: known, or matched by an address that both sides have verified, or made now.

    Their role follows their groups each time; the last owner stays one. Owners are never matched: they come in here
    as themselves. Raises Refused for one who may not.
    """
    if role is None:
        raise Refused("You are known, and none of your groups may come in here.")
    known = session.scalar(
        select(Identity).where(Identity.issuer == person.issuer, Identity.subject == person.subject[:255])
    )
    user = session.get_one(User, known.user_id) if known is not None else _matched(session, person)
    if user is None:
        user = _made(session, person, role, at)
    if not user.is_enabled:
        raise Refused("You may not come in any more.")
    if known is None:
        session.add(
            Identity(user_id=user.id, issuer=person.issuer, subject=person.subject[:255], created_at=at)
        )
    _follow(session, user, person, role)
    session.flush()
    return user


def _follow(session: Session, user: User, person: Person, role: Role) -> None:
    user.first_name = printable(person.first_name, 80) or user.first_name
    user.last_name = printable(person.last_name, 80) or user.last_name
    if role is not user.role:
        try:
            change_role(session, user, role)
        except Refused:
            return  # the last owner: to lock everybody out helps nobody


def _matched(session: Session, person: Person) -> User | None:
    if not person.email or not person.is_email_verified:
        return None
    found = users_with_email(session, person.email)
    return next((x for x in found if x.email_verified_at is not None and x.role is not Role.OWNER), None)


def _made(session: Session, person: Person, role: Role, at: datetime) -> User:
    name = _free_name(session, person)
    email = person.email if person.email and is_mail_address(person.email) else None
    if email and users_with_email(session, email):
        email = None  # it is another user's here
    account = open_account(session, name, at=at, email=email) if role is Role.DRIVER else None
    return create_user(
        session,
        name,
        None,
        role,
        at=at,
        email=email,
        account_id=account.id if account is not None else None,
        is_email_trusted=person.is_email_verified,
    )


def _free_name(session: Session, person: Person) -> str:
    """What they are called there, as far as a user can be called so, with a number where somebody is already."""
    base = re.sub(r"[^\w.@+-]", "-", person.username.strip())[:70].strip("-") or "user"
    names = (base, *(f"{base}-{number}" for number in range(2, MOST_NAMESAKES)))
    free = next((x for x in names if find_user(session, x) is None), None)
    if free is None:
        raise Refused("There are too many users called %(base)s.", base=base)
    return free
