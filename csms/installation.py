"""What an owner sets of the installation: checked, kept, and put over what the environment says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Flask
from flask_babel import gettext
from sqlalchemy.orm import Session

from config import Config
from csms.domain import branding
from csms.domain.accounts import settings
from csms.domain.base import Invalid
from csms.extensions import db
from csms.sentences import gettext_noop
from settings import Unfit, UnknownChargers


@dataclass(frozen=True, slots=True)
class Box:
    """One of them: what to write where what was written cannot be meant."""

    advice: str
    is_needed: bool = True
    longest: int = 80


BOXES = {
    settings.ORGANISATION: Box(gettext_noop("Write a name of at most 80 characters.")),
    settings.POSTAL_ADDRESS: Box(
        gettext_noop("Write at most 200 printable characters on at most 6 lines, or nothing."),
        is_needed=False,
        longest=400,  # as it comes, with two characters for each end of a line
    ),
    settings.TAX_NUMBER: Box(
        gettext_noop("Write at most 40 printable characters on one line, or nothing."), is_needed=False
    ),
    settings.CURRENCY: Box(gettext_noop("A currency has three capital letters, such as EUR.")),
    settings.TIME_ZONE: Box(gettext_noop("There is no such time zone; write one such as Europe/Madrid.")),
    settings.DISTANCE_UNIT: Box(gettext_noop("Choose one of the list.")),
    settings.HELP_PHONE: Box(
        gettext_noop("Write a telephone number such as +34 900 123 456, or nothing."), is_needed=False
    ),
    settings.CO2_G_PER_KWH: Box(
        gettext_noop("Write whole grams from 0 to 9999, or nothing."), is_needed=False
    ),
    settings.MAP_CENTER: Box(gettext_noop("Write latitude and longitude, such as 25.6866,-100.3161.")),
    settings.TILE_URL: Box(
        gettext_noop("Write it like https://tiles.example.org/{z}/{x}/{y}.png, or nothing."),
        is_needed=False,
        longest=400,
    ),
    settings.FRAMES_KEPT_DAYS: Box(gettext_noop("Write whole days from 30 to 3650.")),
    settings.READINGS_KEPT_DAYS: Box(gettext_noop("Write whole days from 30 to 3650.")),
    settings.AUDIT_KEPT_DAYS: Box(gettext_noop("Write whole days from 90 to 3650.")),
    settings.LOGS_KEPT_DAYS: Box(gettext_noop("Write whole days from 1 to 3650.")),
    settings.LOG_DAYS: Box(gettext_noop("Write whole days from 1 to 3650.")),
    settings.BACKUPS_KEPT: Box(gettext_noop("Write a whole number from 1 to 1000.")),
}
PARSERS = {name: declared.parse for name, declared in Config.settings() if name in BOXES}


def written(form: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """What somebody has typed of these."""
    return {name: form.get(name, "").strip() for name in names}


def problems(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with it, by name, in the reader's language."""
    return {name: gettext(BOXES[name].advice) for name, value in given.items() if not _fits(name, value)}


def check(given: Mapping[str, str]) -> None:
    """Raises Invalid for the first of it that cannot be meant."""
    for name, value in given.items():
        if not _fits(name, value):
            raise Invalid(BOXES[name].advice, name)


def told(given: Mapping[str, str]) -> str:
    """What was set, for the record."""
    return ", ".join(f"{name} {value}" for name, value in given.items())


def keep(session: Session, given: Mapping[str, str], *, at: datetime) -> None:
    """Store what has no problems."""
    for name, value in given.items():
        settings.put(session, name, value, at=at)


def apply_stored(app: Flask) -> None:
    """Put what owners have set over what the environment says: before chargers may come, and after a change."""
    with app.app_context():
        stored, look = settings.stored(db.session()), branding.look(db.session())
        db.session.remove()
    said = {
        name: parse(stored[name]) if stored[name] else "" for name, parse in PARSERS.items() if name in stored
    }
    app.extensions["settings"] = replace(app.extensions["settings"], **said)
    app.extensions["look"] = look
    if stored.get(settings.LAB_CLOSED) == "1":
        end_lab(app)


def end_lab(app: Flask) -> None:
    """From now on this process lets in only chargers that an operator has added or adopted."""
    app.config["LAB"] = False
    app.config["REQUIRES_SUBPROTOCOL"] = True
    if app.config["UNKNOWN_CHARGERS"] == UnknownChargers.ACCEPT.value:
        app.config["UNKNOWN_CHARGERS"] = UnknownChargers.PENDING.value


def _fits(name: str, value: str) -> bool:
    box = BOXES[name]
    if not value:
        return not box.is_needed
    try:
        PARSERS[name](value)
    except Unfit:
        return False
    return len(value) <= box.longest
