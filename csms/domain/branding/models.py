"""What is kept of the installation's look, in one row; none: it looks as the house does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.accounts import settings
from csms.domain.base import Base, BigId, announce
from csms.domain.branding.colours import Shades, readable, shades_of

ONLY_ROW = 1


class Branding(Base):
    """`logo`: a PNG that we have written ourselves; `accent`: as in #0b62c4."""

    __tablename__ = "branding"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    accent: Mapped[str | None] = mapped_column(String(7))
    logo: Mapped[bytes | None] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG of few kilobytes."""

    png: bytes

    @property
    def width(self) -> int:
        """px, by the picture's own head."""
        return int.from_bytes(self.png[16:20], "big")

    @property
    def height(self) -> int:
        """px."""
        return int.from_bytes(self.png[20:24], "big")


@dataclass(frozen=True, slots=True)
class Look:
    """What pages, mails and receipts are shown with; kept in memory by every process."""

    accent: str | None = None
    logo: Logo | None = None

    @property
    def digest(self) -> str:
        """Another one for every look; empty for that of the house."""
        if self.accent is None and self.logo is None:
            return ""
        told = (self.accent or "").encode() + (self.logo.png if self.logo else b"")
        return hashlib.sha256(told).hexdigest()[:12]

    @property
    def shades(self) -> Shades | None:
        """The accent by day and in the dark; None: that of the house."""
        return shades_of(self.accent) if self.accent else None


def look(session: Session) -> Look:
    """How the installation looks now."""
    kept = session.get(Branding, ONLY_ROW)
    if kept is None:
        return Look()
    return Look(kept.accent, Logo(kept.logo) if kept.logo else None)


def set_accent(session: Session, accent: str, *, at: datetime) -> None:
    """The accent from now on; empty: that of the house. Raises Invalid for what cannot be read."""
    _kept(session, at).accent = readable(accent) if accent else None


def set_logo(session: Session, logo: Logo | None, *, at: datetime) -> None:
    """The logo from now on; None: that of the house."""
    _kept(session, at).logo = logo.png if logo else None


def _kept(session: Session, at: datetime) -> Branding:
    kept = session.get(Branding, ONLY_ROW)
    if kept is None:
        kept = Branding(id=ONLY_ROW)
        session.add(kept)
    kept.changed_at = at
    announce(session, settings.TOPIC)
    return kept
