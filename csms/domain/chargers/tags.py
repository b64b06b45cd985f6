"""Words of operators' own that they find chargers by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, announce
from csms.domain.chargers.filtering import NOTHING
from csms.domain.chargers.models import Charger, ChargerTag

LONGEST = 32
MOST = 20  # of one charger
_TAG = re.compile(r"[^\s,;\"']+(?: [^\s,;\"']+)*")


def read(text: str) -> tuple[str, ...]:
    """The tags in a text, with commas or semicolons between them; without case. Raises Invalid."""
    found = dict.fromkeys(" ".join(x.split()).casefold() for x in re.split("[,;]", text) if x.strip())
    for tag in found:
        if len(tag) > LONGEST or not tag.isprintable() or not _TAG.fullmatch(tag) or tag == NOTHING:
            raise Invalid(
                "A tag has at most %(longest)s letters, and no quotes: “%(tag)s”.",
                "tags",
                longest=LONGEST,
                tag=tag[:40],
            )
    return tuple(found)


def write(session: Session, charger: Charger, tags: Iterable[str]) -> None:
    """Let a charger have these tags and no others. Raises Invalid for too many."""
    wanted = set(tags)
    if len(wanted) > MOST:
        raise Invalid("A charger has at most %(most)s tags.", "tags", most=MOST)
    kept = {x.tag: x for x in charger.tags}
    charger.tags = [kept.get(tag) or ChargerTag(tag=tag) for tag in sorted(wanted)]
    announce(session, charger.topic, "fleet")


def add(session: Session, chargers: Sequence[Charger], tags: Iterable[str]) -> None:
    """Give chargers these tags, beside those that they have. Raises Invalid."""
    more = set(tags)
    for charger in chargers:
        write(session, charger, {x.tag for x in charger.tags} | more)


def remove(session: Session, chargers: Sequence[Charger], tags: Iterable[str]) -> None:
    """Take these tags from chargers; who has none of them stays as it is."""
    unwanted = set(tags)
    for charger in chargers:
        write(session, charger, {x.tag for x in charger.tags} - unwanted)


def known(session: Session) -> Sequence[str]:
    """Every tag that a charger has, by the alphabet."""
    return session.scalars(select(ChargerTag.tag).distinct().order_by(ChargerTag.tag)).all()
