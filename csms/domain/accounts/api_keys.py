"""API keys: secrets of programs, each with scopes of its own. A key can do no more than the user who made it.

A key reads `csms_live_<id>_<secret>`, so that one that has leaked is easily searched for. It is looked up by its id,
which is no secret; of the secret only a hash is kept.
"""

import enum
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import JSON, ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from csms.domain import sites
from csms.domain.accounts.hashing import hashed, new_secret
from csms.domain.accounts.models import Role, User
from csms.domain.base import Base, BigId, Invalid, NotFound, Refused, printable
from csms.domain.sites import Site

SEEN_EVERY = timedelta(minutes=1)
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
_WRITTEN = re.compile(r"csms_(?:live|test)_([a-z0-9]{12})_([\w-]{43})", re.ASCII)
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"


class KeyScope(enum.StrEnum):
    """What a key may do; the words are those of the API's scopes."""

    READ = "read"
    OPERATE = "operate"
    MONEY = "money"
    ADMIN = "admin"
    OWN = "own"


# What a key that is limited to some chargers can have: the rest is not of chargers.
OF_CHARGERS = frozenset({KeyScope.READ, KeyScope.OPERATE})


class ApiKey(Base):
    """One key. `old_hash` is of the secret before, good until `old_until`."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    key_id: Mapped[str] = mapped_column(String(12), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    old_hash: Mapped[str | None] = mapped_column(String(64))
    old_until: Mapped[datetime | None]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    is_test: Mapped[bool] = mapped_column(default=False)  # sees simulated chargers alone
    is_site_bound: Mapped[bool] = mapped_column(default=False)  # sees its sites alone, even if they are none
    user_id: Mapped[int] = mapped_column(ForeignKey("user_.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str | None] = mapped_column(String(64))

    user: Mapped[User] = relationship()
    sites: Mapped[list[Site]] = relationship(secondary="api_key_site", order_by=Site.name)

    def state(self, at: datetime) -> str:
        """revoked, expired, off (whoever made it may not come in any more) or good."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= at:
            return "expired"
        return "good" if self.user.is_enabled else "off"


class ApiKeySite(Base):
    """A site to which a key's sight is limited."""

    __tablename__ = "api_key_site"

    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True)
    site_id: Mapped[int] = mapped_column(
        ForeignKey("site.id", ondelete="CASCADE"), primary_key=True, index=True
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key is to be. `site_ids` None: all sites. `expires_at` None: until it is revoked."""

    name: str
    scopes: Collection[KeyScope]
    site_ids: Collection[int] | None = None
    is_test: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A key that is good now, and whose it is. `site_ids` None: all sites."""

    id: int
    key_id: str
    name: str
    scopes: frozenset[str]
    site_ids: tuple[int, ...] | None
    is_test: bool
    user_id: int
    role: Role
    last_used_at: datetime | None


_COLUMNS = (
    ApiKey.id, ApiKey.key_id, ApiKey.name, ApiKey.scopes, ApiKey.secret_hash, ApiKey.old_hash, ApiKey.old_until,
    ApiKey.is_test, ApiKey.is_site_bound, ApiKey.user_id, ApiKey.expires_at, ApiKey.last_used_at, User.role,
)  # fmt: skip


def make_key(session: Session, user: User, terms: Terms, *, at: datetime) -> tuple[ApiKey, str]:
    """A new key of `user` and its text, which is not kept. Raises Invalid, NotFound, Refused for a taken name."""
    name = _checked_name(session, terms, at=at)
    secret = new_secret()
    key = ApiKey(
        name=name,
        key_id="".join(secrets.choice(_SIGNS) for _ in range(12)),
        secret_hash=hashed(secret),
        scopes=sorted(x.value for x in terms.scopes),
        is_test=terms.is_test,
        is_site_bound=terms.site_ids is not None,
        user=user,
        created_at=at,
        expires_at=terms.expires_at,
        sites=[sites.get(session, x) for x in sorted(set(terms.site_ids or ()))],
    )
    session.add(key)
    session.flush()
    return key, _text(key, secret)


def change_key(session: Session, key: ApiKey, terms: Terms, *, at: datetime) -> None:
    """Let it do and see what `terms` say, from now on; whether it is for tests stands in its text, and stays.

    Raises Invalid, NotFound, and Refused for one that is revoked or for a taken name.
    """
    if key.revoked_at is not None:
        raise Refused("This key is not in use any more: make a new one.")
    terms = replace(terms, is_test=key.is_test)
    key.name = _checked_name(session, terms, at=at, besides=key.id)
    key.scopes = sorted(x.value for x in terms.scopes)
    key.is_site_bound = terms.site_ids is not None
    key.sites = [sites.get(session, x) for x in sorted(set(terms.site_ids or ()))]
    key.expires_at = terms.expires_at
    session.flush()


def _checked_name(session: Session, terms: Terms, *, at: datetime, besides: int | None = None) -> str:
    """What it is called, where all of the terms can be meant and no other key has the name."""
    name = (printable(terms.name.strip(), 60) or "").strip()
    _check(terms, name, at)
    taken = select(ApiKey.id).where(
        ApiKey.name == name, ApiKey.revoked_at.is_(None), ApiKey.id != (besides or 0)
    )
    if session.scalar(taken.limit(1)):
        raise Refused("There is a key %(name)s already.", name=name)
    return name


def _check(terms: Terms, name: str, at: datetime) -> None:
    if not name:
        raise Invalid("Write what the key is for.", "name")
    if not terms.scopes:
        raise Invalid("Choose at least one scope.", "scopes")
    if terms.expires_at is not None and terms.expires_at <= at:
        raise Invalid("This is over already.", "expires_at")
    if terms.site_ids is not None and not terms.site_ids:
        raise Invalid("Choose at least one site.", "sites")
    is_narrow = terms.is_test or terms.site_ids is not None
    if is_narrow and not OF_CHARGERS.issuperset(terms.scopes):
        raise Invalid("A key for some sites, or for tests, can only read and operate.", "scopes")


def rotate_key(session: Session, key: ApiKey, overlap: timedelta, *, at: datetime) -> str:
    """The text of `key` with a new secret; the one before is good for `overlap` more. Raises Refused, Invalid."""
    if key.state(at) != "good":
        raise Refused("This key is not in use any more: make a new one.")
    if overlap not in OVERLAPS:
        raise Invalid("Choose how long the old secret goes on.", "overlap")
    secret = new_secret()
    key.old_hash, key.old_until = (key.secret_hash, at + overlap) if overlap else (None, None)
    key.secret_hash = hashed(secret)
    session.flush()
    return _text(key, secret)


def revoke_key(session: Session, key: ApiKey, *, at: datetime) -> None:
    """It opens nothing any more, at once and for good."""
    key.revoked_at = key.revoked_at or at
    session.flush()


def open_key(session: Session, text: str, *, at: datetime) -> Opened | None:
    """The key that is written so, if it is good now; None otherwise, and nobody is told why."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    query = (
        select(*_COLUMNS)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.key_id == written[1], ApiKey.revoked_at.is_(None), User.is_enabled)
    )
    row = session.execute(query).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= at):
        return None
    is_old_good = row.old_until is not None and row.old_until > at
    given, known = hashed(written[2]), (row.secret_hash, row.old_hash if is_old_good else None)
    if not any([hmac.compare_digest(given, x or "") for x in known]):  # a list: both are always looked at
        return None
    return Opened(
        row.id, row.key_id, row.name, frozenset(row.scopes), _site_ids(session, row.id) if row.is_site_bound else None,
        row.is_test, row.user_id, row.role, row.last_used_at,
    )  # fmt: skip


def note_key_use(session: Session, key_id: int, *, address: str | None, at: datetime) -> None:
    """It is in use."""
    seen = {"last_used_at": at, "last_used_from": printable(address, 64)}
    session.execute(update(ApiKey).where(ApiKey.id == key_id).values(seen))


def keys(session: Session) -> Sequence[ApiKey]:
    """Every key, those in use first, the newest first."""
    query = select(ApiKey).options(joinedload(ApiKey.user), joinedload(ApiKey.sites))
    query = query.order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())
    return session.scalars(query).unique().all()


def key(session: Session, key_id: int) -> ApiKey:
    """Raises NotFound."""
    found = session.get(ApiKey, key_id)
    if found is None:
        raise NotFound("There is no such key.")
    return found


def drop_keys(session: Session, user: User) -> None:
    """Forget the keys of a user who is forgotten."""
    session.execute(delete(ApiKey).where(ApiKey.user_id == user.id))


def _site_ids(session: Session, key_id: int) -> tuple[int, ...]:
    return tuple(session.scalars(select(ApiKeySite.site_id).where(ApiKeySite.api_key_id == key_id)))


def _text(key: ApiKey, secret: str) -> str:
    return f"csms_{'test' if key.is_test else 'live'}_{key.key_id}_{secret}"
