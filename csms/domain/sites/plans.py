"""A site's plan: a picture on which its chargers are placed, for garages and halls where a map says little."""

import hashlib
from datetime import datetime

from sqlalchemy import ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, Invalid, NotFound, announce
from csms.domain.sites.models import Site

MOST_PIXELS = 16_000_000  # phones draw no more, and 64 MB is what it takes of their memory
LARGEST_SIDE = 16_000  # px; more than that, browsers refuse to draw
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers that tell the size


class SitePlan(Base):
    """The picture as it came, a PNG or a JPEG; `width` and `height` in px. Chargers stand at parts of them."""

    __tablename__ = "site_plan"

    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True, autoincrement=False)
    picture: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    kind: Mapped[str] = mapped_column(String(20))  # image/png or image/jpeg
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime]


def plan_of(session: Session, site_id: int) -> SitePlan:
    """Raises NotFound."""
    plan = session.get(SitePlan, site_id)
    if plan is None:
        raise NotFound("This site has no plan.")
    return plan


def keep_plan(session: Session, site: Site, picture: bytes, *, at: datetime) -> None:
    """The site's plan from now on; chargers stay where they were on the old one. Raises Invalid for no PNG or JPEG."""
    kind, width, height = _read(picture)
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and width * height <= MOST_PIXELS):
        raise Invalid(
            "This picture has %(width)s × %(height)s pixels, more than a phone can show. Save it with at most "
            "4000 × 4000, and choose it again.",
            "picture",
            width=width,
            height=height,
        )
    plan = session.get(SitePlan, site.id)
    if plan is None:
        plan = SitePlan(site_id=site.id)
        session.add(plan)
    plan.picture, plan.kind, plan.width, plan.height = picture, kind, width, height
    plan.digest, plan.changed_at = hashlib.sha256(picture).hexdigest(), at
    session.flush()
    announce(session, "fleet")


def drop_plan(session: Session, site: Site) -> None:
    """Forget the picture, if there is one."""
    plan = session.get(SitePlan, site.id)
    if plan is not None:
        session.delete(plan)
        session.flush()
        announce(session, "fleet")


def _read(picture: bytes) -> tuple[str, int, int]:
    """(kind, width, height) by the picture's own head: nobody's word for its kind is taken. Its end must be there."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n") and picture[12:16] == b"IHDR" and len(picture) > 24:
        _check_end(b"IEND" in picture[24:])
        return "image/png", int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")
    at = 2 if picture.startswith(b"\xff\xd8\xff") else len(picture)
    while at + 9 < len(picture) and picture[at] == 0xFF:
        if picture[at + 1] in _FRAMES:
            height, width = (int.from_bytes(picture[x : x + 2], "big") for x in (at + 5, at + 7))
            _check_end(b"\xff\xd9" in picture[at:])
            return "image/jpeg", width, height
        at += 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
    raise Invalid("Choose a picture: a PNG or a JPEG.", "picture")


def _check_end(is_there: bool) -> None:
    if not is_there:
        raise Invalid("This picture ends in its middle: save it anew, and choose it again.", "picture")
