"""What is known of users, and how it is changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from csms.domain.accounts.access import put_out
from csms.domain.accounts.api_keys import drop_keys
from csms.domain.accounts.factors import drop_factor
from csms.domain.accounts.models import (
    DistanceUnit,
    IdempotencyKey,
    Identity,
    LogIn,
    OneTimeLink,
    RefreshToken,
    Role,
    User,
    UserSite,
)
from csms.domain.accounts.views import SavedView
from csms.domain.base import Invalid, Refused, printable

MOST_SOCKETS = 20
_PHONE_NUMBER = re.compile(r"(?=.*\d)[0-9+()./ -]{2,20}")
MOST_FOR_A_KWH = Decimal(1000)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What people say of themselves."""

    first_name: str | None
    last_name: str | None
    phone_number: str | None
    language: str | None
    time_zone: str | None
    image: str | None
    sockets: Sequence[str]
    tariff_preference: Decimal | None
    distance_unit: DistanceUnit | None = None


def profile_of(user: User) -> Profile:
    return Profile(
        first_name=user.first_name,
        last_name=user.last_name,
        phone_number=user.phone_number,
        language=user.language,
        time_zone=user.time_zone,
        image=user.image,
        sockets=tuple(user.sockets or ()),
        tariff_preference=user.tariff_preference,
        distance_unit=user.distance_unit,
    )


def change_profile(user: User, profile: Profile) -> None:
    """Raises Invalid for what makes no sense."""
    if profile.time_zone:
        try:
            ZoneInfo(profile.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Invalid(
                "There is no such time zone; write one such as Europe/Madrid.", "time_zone"
            ) from None
    phone = (profile.phone_number or "").strip()
    if phone and not _PHONE_NUMBER.fullmatch(phone):
        raise Invalid("Write a telephone number such as +52 81 5550 0100.", "phone_number")
    if len(profile.sockets) > MOST_SOCKETS:
        raise Invalid("Name at most %(most_sockets)s plugs.", "sockets", most_sockets=MOST_SOCKETS)
    wish = profile.tariff_preference
    if wish is not None and not (wish.is_finite() and 0 <= wish <= MOST_FOR_A_KWH):
        raise Invalid("Write the price of a kWh, such as 0.35.", "tariff_preference")
    user.first_name = printable(profile.first_name, 80) or None
    user.last_name = printable(profile.last_name, 80) or None
    user.phone_number = phone or None
    user.language = printable(profile.language, 8) or None
    user.time_zone = profile.time_zone or None
    user.distance_unit = profile.distance_unit
    user.image = printable(profile.image, 300) or None
    user.sockets = [printable(x, 40) or "" for x in profile.sockets] or None
    user.tariff_preference = wish.quantize(Decimal("0.0001")) if wish is not None else None


def change_role(session: Session, user: User, role: Role) -> None:
    """Raises Refused where no owner would be left."""
    if role is not Role.OWNER:
        _keep_an_owner(session, user)
    user.role = role


def enable_user(session: Session, user: User, *, is_enabled: bool, at: datetime) -> None:
    """Let somebody in, or not any more: then their log-ins end at once. Raises Refused for the last owner."""
    if not is_enabled:
        _keep_an_owner(session, user)
        put_out(session, user, at=at)
    user.is_enabled = is_enabled


def remove_user(session: Session, user: User, *, at: datetime) -> None:
    """Forget a user. Their account with its bills stays, and what they did in the audit. Raises Refused."""
    _keep_an_owner(session, user)
    put_out(session, user, at=at)
    drop_keys(session, user)
    drop_factor(session, user)
    for model in (IdempotencyKey, Identity, LogIn, OneTimeLink, RefreshToken, SavedView, UserSite):
        session.execute(delete(model).where(model.user_id == user.id))
    session.delete(user)
    session.flush()


def _keep_an_owner(session: Session, user: User) -> None:
    if user.role is not Role.OWNER or not user.is_enabled:
        return
    others = select(func.count(User.id)).where(User.role == Role.OWNER, User.is_enabled, User.id != user.id)
    if not session.scalar(others):
        raise Refused("This is the last owner: make somebody else an owner first.")
