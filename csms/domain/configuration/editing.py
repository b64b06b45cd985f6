"""What operators do with templates. A change shows as drift at once, and is written when it is applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms import masks
from csms.domain.accounts import settings
from csms.domain.base import Invalid, announce
from csms.domain.configuration.models import Apply, Template

TOPIC = "configuration"
SECRETS = frozenset({"authorizationkey"})  # made for each charger alone, and kept as a hash
LONGEST_NAME, LONGEST_VALUE = 50, 500  # 1.6 §6.9: CiString50 (§7.17), CiString500 (§7.19)


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as somebody writes it. None as a pattern: every charger; as `priority`: behind all others."""

    name: str
    vendor: str | None
    model: str | None
    firmware: str | None
    site: str | None
    wanted: Mapping[str, str]
    apply: Apply = Apply.NEVER
    resets: bool = False
    keeps_list: bool | None = None
    priority: int | None = None


def create(session: Session, draft: Draft, *, at: datetime) -> Template:
    """A new template. Raises Invalid."""
    template = Template(created_at=at)
    _fill(session, template, draft, at)
    session.add(template)
    session.flush()
    return template


def change(session: Session, template: Template, draft: Draft, *, at: datetime) -> None:
    """Raises Invalid."""
    _fill(session, template, draft, at)


def remove(session: Session, template: Template) -> None:
    """Its values stay at the chargers; nobody wants them any more."""
    session.delete(template)
    announce(session, TOPIC)


def set_writes_per_day(session: Session, most: int, *, at: datetime) -> None:
    """How often templates may have one key of one charger written on a day. Raises Invalid."""
    if not 1 <= most <= 100:
        raise Invalid("Between 1 and 100 writes a day, please.", "writes_per_day")
    settings.put(session, settings.WRITES_PER_DAY, str(most), at=at)


def _fill(session: Session, template: Template, draft: Draft, at: datetime) -> None:
    name = draft.name.strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Give the template a name of at most 80 characters.", "name")
    patterns = {x: (getattr(draft, x) or "").strip() for x in ("vendor", "model", "firmware", "site")}
    for field, pattern in patterns.items():
        if len(pattern) > 80:
            raise Invalid("At most 80 characters, please.", field)
        setattr(template, field, pattern or None)
    if draft.priority is not None and not 0 <= draft.priority <= 100_000:
        raise Invalid("A priority is a number from 0 to 100000; the lowest wins.", "priority")
    template.name = name
    template.wanted = _checked(_with_passwords(draft.wanted, template.wanted or {}))
    template.apply, template.resets, template.keeps_list = draft.apply, draft.resets, draft.keeps_list
    template.priority = _last(session) + 10 if draft.priority is None else draft.priority
    template.changed_at = at
    announce(session, TOPIC)


def shown(template: Template) -> dict[str, str]:
    """What it wants, as anybody may see it."""
    return {name: masks.without_password(value) for name, value in template.wanted.items()}


def _with_passwords(wanted: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """With the password that was there where an address was left as it is shown. Raises Invalid for one that is new."""
    held = {masks.without_password(value): value for value in before.values()}
    found = {name: held.get(value.strip(), value) for name, value in wanted.items()}
    for name, value in found.items():
        if masks.lacks_password(value):
            raise Invalid(
                "Write the password in the address of %(name)s: it is shown nowhere, and not known for this one.",
                "wanted",
                name=name,
            )
    return found


def _last(session: Session) -> int:
    return session.scalar(select(func.max(Template.priority))) or 0


def _checked(wanted: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in wanted.items():
        name = name.strip()
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise Invalid(
                "A key's name has 1 to %(longest_name)s printable characters.",
                "wanted",
                longest_name=LONGEST_NAME,
            )
        if len(value) > LONGEST_VALUE or not value.isprintable():
            raise Invalid(
                "The value of %(name)s has more than %(longest_value)s printable characters.",
                "wanted",
                name=name,
                longest_value=LONGEST_VALUE,
            )
        if name.casefold() in SECRETS:
            raise Invalid(
                "%(name)s is each charger's own secret: renew it in the charger's settings.",
                "wanted",
                name=name,
            )
        if name.casefold() in (x.casefold() for x in found):
            raise Invalid("%(name)s is there twice.", "wanted", name=name)
        found[name] = value
    return found
