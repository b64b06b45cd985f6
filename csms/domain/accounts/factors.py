"""A second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Collection
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import ForeignKey, String, Text, delete, exists, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.accounts import settings
from csms.domain.accounts.hashing import hashed
from csms.domain.accounts.models import LogIn, Role, User
from csms.domain.base import Base, BigId, Invalid

STEP_S, DIGITS, SECRET_BYTES = 30, 6, 20
RECOVERY_CODES = 10
BY_ISSUER = "log_in.oidc"  # who comes in so was asked by the issuer for whatever it asks for
SETTING = "second_factor_roles"


class SecondFactor(Base):
    """A user's authenticator. `confirmed_at` None: it has shown no code yet, and is not asked for."""

    __tablename__ = "second_factor"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), primary_key=True, autoincrement=False)
    secret_sealed: Mapped[str] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(default=0)  # each code is good once
    begun_at: Mapped[datetime]


class RecoveryCode(Base):
    """A code that takes the place of the authenticator's, once."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


def new_factor_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def in_letters(secret: bytes) -> str:
    """A secret as it is typed into an authenticator."""
    return b32encode(secret).decode()


def address_of(secret: bytes, username: str, issuer: str) -> str:
    """What the QR code tells an authenticator: an otpauth URI."""
    return _totp(secret).get_provisioning_uri(username, issuer.replace(":", " "))


def factor_of(session: Session, user_id: int) -> SecondFactor | None:
    """The authenticator that a user is asked for; None if there is none."""
    factor = session.get(SecondFactor, user_id)
    return factor if factor is not None and factor.confirmed_at is not None else None


def begin_factor(session: Session, user: User, secret_sealed: str, *, at: datetime) -> SecondFactor:
    """An authenticator that is yet to show a code. One that is in use stays until then: raises Invalid for it."""
    if factor_of(session, user.id) is not None:
        raise Invalid("You have a second factor already: switch it off first.", "code")
    factor = session.get(SecondFactor, user.id)
    if factor is None:
        factor = SecondFactor(user_id=user.id, begun_at=at)
        session.add(factor)
    factor.secret_sealed, factor.begun_at, factor.last_step = secret_sealed, at, 0
    session.flush()
    return factor


def confirm_factor(
    session: Session, user: User, factor: SecondFactor, secret: bytes, code: str, *, at: datetime
) -> list[str] | None:
    """From now on it is asked for. The recovery codes, which are not kept; None if the code is not the right one."""
    if not _takes(session, factor, secret, code, at):
        return None
    factor.confirmed_at = at
    session.execute(update(LogIn).where(LogIn.user_id == user.id).values(needs_factor=False))
    return renew_recovery_codes(session, user)


def renew_recovery_codes(session: Session, user: User) -> list[str]:
    """New ones; those before are good no more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [in_letters(secrets.token_bytes(10)).lower() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user.id, code_hash=hashed(x)) for x in codes)
    session.flush()
    return ["-".join(x[n : n + 4] for n in range(0, 16, 4)) for x in codes]


def passes(session: Session, factor: SecondFactor, secret: bytes | None, code: str, *, at: datetime) -> bool:
    """Is it the authenticator's code now, or a recovery code that was not used? It is good once.

    `secret` None: it cannot be read, and recovery codes alone are good.
    """
    if secret is not None and _takes(session, factor, secret, code, at):
        return True
    return _is_recovery(session, factor.user_id, code, at)


def drop_factor(session: Session, user: User) -> None:
    """A user has no second factor any more, and no recovery codes."""
    for model in (RecoveryCode, SecondFactor):
        session.execute(delete(model).where(model.user_id == user.id))
    session.flush()


def codes_left(session: Session, user_id: int) -> int:
    """How many recovery codes a user has."""
    query = select(RecoveryCode.id).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return len(session.scalars(query).all())


def roles_that_need_one(session: Session) -> frozenset[str]:
    """The roles that must have a second factor."""
    return frozenset(filter(None, (settings.get(session, SETTING) or "").split(",")))


def need_one(session: Session, roles: Collection[Role], *, at: datetime) -> None:
    """These roles must have a second factor: whoever is logged in without is asked for it at once."""
    settings.put(session, SETTING, ",".join(sorted(roles)), at=at)
    has_one = exists().where(SecondFactor.user_id == LogIn.user_id, SecondFactor.confirmed_at.is_not(None))
    theirs = select(User.id).where(User.role.in_(roles))
    running = update(LogIn).where(LogIn.ended_at.is_(None)).execution_options(synchronize_session=False)
    session.execute(running.values(needs_factor=False))
    session.execute(
        running.where(LogIn.user_id.in_(theirs), ~has_one, LogIn.way != BY_ISSUER).values(needs_factor=True)
    )


def must_set_up(session: Session, user: User, way: str) -> bool:
    """Must a user who comes in so set up a second factor before anything else?"""
    if way == BY_ISSUER or user.role not in roles_that_need_one(session):
        return False
    return factor_of(session, user.id) is None


def _takes(session: Session, factor: SecondFactor, secret: bytes, code: str, at: datetime) -> bool:
    """Is this the code of now, or of one step before or after? Clocks differ, and people are slow."""
    given, now = code.replace(" ", ""), int(at.timestamp()) // STEP_S
    for step in (now - 1, now, now + 1):
        expected = _totp(secret).generate(step * STEP_S)
        if hmac.compare_digest(expected, given.encode("utf-8", "replace")):
            return _claimed(session, factor, step)
    return False


def _claimed(session: Session, factor: SecondFactor, step: int) -> bool:
    row = update(SecondFactor).where(SecondFactor.user_id == factor.user_id, SecondFactor.last_step < step)
    return session.execute(row.values(last_step=step)).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _is_recovery(session: Session, user_id: int, code: str, at: datetime) -> bool:
    given = hashed(code.strip().lower().replace("-", "").replace(" ", ""))
    row = update(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.code_hash == given, RecoveryCode.used_at.is_(None)
    )
    return session.execute(row.values(used_at=at)).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _totp(secret: bytes) -> TOTP:
    # SHA-1 and 30 s are what every app knows; RFC 6238 stands on HMAC, which SHA-1's collisions do not touch.
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303
