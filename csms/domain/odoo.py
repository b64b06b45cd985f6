"""Odoo servers that somebody has entered, with their log-ins, and what came of the last test of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, Invalid, NotFound, printable


@dataclass(frozen=True)
class Login:
    """Where a server is, and as whom we come. `url`: http or https, without a query."""

    name: str
    url: str
    database: str
    username: str

    def checked(self) -> "Login":
        """The same without what is too much. Raises Invalid."""
        for field, least, most in (("name", 1, 80), ("database", 0, 80), ("username", 0, 120)):
            value = getattr(self, field)
            if (
                not least <= len(value) <= most
                or not value.isprintable()
                or not value.isascii()
                and field == "database"
            ):
                raise Invalid(
                    "Write %(least)s to %(most)s characters on one line.", field, least=least, most=most
                )
        url = self.url.rstrip("/")
        try:
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fits = False
        if not fits or len(url) > 200 or not re.fullmatch(r"[!-~]+", url) or set("@?#") & set(url):
            raise Invalid("Write an address such as https://odoo.example.org.", "url")
        return Login(self.name, url, self.database, self.username)


class OdooInstance(Base):
    """One server. `password_sealed`: its API key or password, as the door has sealed it."""

    __tablename__ = "odoo_instance"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    url: Mapped[str] = mapped_column(String(200))
    database: Mapped[str] = mapped_column(String(80))
    username: Mapped[str] = mapped_column(String(120))
    password_sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    check_result: Mapped[str | None] = mapped_column(String(32))
    check_interface: Mapped[str | None] = mapped_column(String(16))
    check_detail: Mapped[str | None] = mapped_column(String(255))

    @property
    def login(self) -> Login:
        return Login(self.name, self.url, self.database, self.username)


def add(session: Session, login: Login, *, password_sealed: str, at: datetime) -> OdooInstance:
    """Raises Invalid."""
    row = OdooInstance(password_sealed=password_sealed, created_at=at)
    _write(row, login)
    session.add(row)
    session.flush()
    return row


def change(session: Session, row: OdooInstance, login: Login, *, password_sealed: str | None) -> None:
    """`password_sealed` None: it stays, unless the server is another one. What the last test said is of what was.

    Raises Invalid, also where the password would go to a server that it was not given for.
    """
    before = row.url
    _write(row, login)
    if password_sealed is None and row.url != before:
        raise Invalid("Enter the password again for another address.", "password")
    row.password_sealed = password_sealed or row.password_sealed
    row.checked_at = row.check_result = row.check_interface = row.check_detail = None
    session.flush()


def remove(session: Session, instance_id: int) -> OdooInstance:
    """Raises NotFound."""
    row = find(session, instance_id)
    session.delete(row)
    return row


def note_check(
    row: OdooInstance, *, result: str, interface: str | None, detail: str | None, at: datetime
) -> None:
    """Keep what came of a test."""
    row.checked_at, row.check_result, row.check_interface = at, result, interface
    row.check_detail = printable(detail, 255)


def find(session: Session, instance_id: int) -> OdooInstance:
    """Raises NotFound."""
    row = session.get(OdooInstance, instance_id)
    if row is None:
        raise NotFound("There is no such Odoo instance.")
    return row


def listed(session: Session) -> Sequence[OdooInstance]:
    """All of them by name."""
    return session.scalars(select(OdooInstance).order_by(OdooInstance.name, OdooInstance.id)).all()


def _write(row: OdooInstance, login: Login) -> None:
    checked = login.checked()
    row.name, row.url = checked.name, checked.url
    row.database, row.username = checked.database, checked.username
