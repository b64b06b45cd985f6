"""Names under which this server is reached, and what each of them shows first."""

import enum
import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import String, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, Invalid, NotFound, choice

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*|[0-9a-f:]{2,45}")


class Module(enum.StrEnum):
    """A part of the product with a first page of its own, or with words about itself."""

    DASHBOARD = "dashboard"
    ACCOUNTS = "accounts"
    CHARGERS = "chargers"
    MAP = "map"
    SESSIONS = "sessions"
    NODES = "nodes"
    SIMULATOR = "simulator"
    API = "api"
    README = "readme"
    README_OCPP = "readme-ocpp"
    README_WEB = "readme-web"
    README_API = "readme-api"
    README_COMPAT = "readme-compat"
    README_SIMULATOR = "readme-simulator"


class Hostname(Base):
    """One name, in small letters and without a port."""

    __tablename__ = "hostname"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    hostname: Mapped[str] = mapped_column(String(253), unique=True)
    module: Mapped[Module] = mapped_column(choice(Module))
    created_at: Mapped[datetime]


def put(session: Session, hostname: str, module: str, *, at: datetime) -> Hostname:
    """Let a name show a module; a name that is there already shows it from now on. Raises Invalid."""
    name = normal(hostname)
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise Invalid("A host name has letters, digits, hyphens and dots, and no port.", "hostname")
    if module not in set(Module):
        raise Invalid("There is no such module.", "module")
    row = session.scalar(select(Hostname).where(Hostname.hostname == name))
    if row is None:
        row = Hostname(hostname=name, created_at=at)
        session.add(row)
    row.module = Module(module)
    session.flush()
    return row


def remove(session: Session, hostname_id: int) -> Hostname:
    """Raises NotFound."""
    row = session.get(Hostname, hostname_id)
    if row is None:
        raise NotFound("There is no such host name.")
    session.delete(row)
    return row


def listed(session: Session) -> Sequence[Hostname]:
    """All of them by name."""
    return session.scalars(select(Hostname).order_by(Hostname.hostname)).all()


def module_of(session: Session, hostname: str) -> tuple[Module | None, bool]:
    """(what this name shows, None for one that nobody has entered; whether anybody has entered any). One query."""
    module = select(Hostname.module).where(Hostname.hostname == normal(hostname))
    known, are_any = session.execute(
        select(module.scalar_subquery(), exists().select_from(Hostname).correlate(None))
    ).one()
    return known, bool(are_any)


def are_there(session: Session) -> bool:
    """Has anybody entered a name?"""
    return bool(session.scalar(select(exists().select_from(Hostname))))


def normal(hostname: str) -> str:
    """A name as it is kept: small letters, without brackets and without the dot of a full name."""
    return hostname.strip().lower().strip("[]").rstrip(".")
