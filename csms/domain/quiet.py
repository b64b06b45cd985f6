"""Quiet mode: nothing is sent to a charger that it did not ask for or a person did not order.

Certification tools and installers at a charger take every order that they did not expect for a fault. The switch is
a stored setting and no environment variable: it must hold for every process at once, and be flicked between two test
cases without a restart. Each charger may be set otherwise than the installation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session

from csms.domain.accounts import settings
from csms.domain.accounts.models import Setting
from csms.domain.base import Refused, Sums, announce
from csms.domain.chargers import Admission, Charger, LinkLease


class Hushed(Refused):
    """Quiet mode holds for this charger: what happens by itself waits until it is over."""


def check(session: Session, charger: Charger) -> None:
    """Raises Hushed when nothing may be sent to this charger by itself."""
    if is_quiet(session, charger):
        raise Hushed("%(title)s is in quiet mode: nothing is sent to it by itself.", title=charger.title)


def is_quiet(session: Session, charger: Charger) -> bool:
    """May nothing be sent to this charger by itself?"""
    return is_installation_quiet(session) if charger.is_quiet is None else charger.is_quiet


def is_installation_quiet(session: Session) -> bool:
    """Does quiet mode hold for every charger that is not set otherwise?"""
    known: bool | None = session.info.get("is_quiet")
    return settings.get(session, settings.QUIET) == "1" if known is None else known


def preload(session: Session) -> None:
    """Let one query tell for all chargers of a unit of work whether the installation is quiet."""
    session.info["is_quiet"] = is_installation_quiet(session)


@contextmanager
def asked_once(session: Session) -> Iterator[None]:
    """The same, for as long as it lasts."""
    preload(session)
    try:
        yield
    finally:
        session.info.pop("is_quiet", None)


def counting() -> Sums:
    """One row: 1 where quiet mode holds for the installation."""
    return select(func.count()).where(Setting.name == settings.QUIET, Setting.value == "1")


def switch(session: Session, *, is_on: bool, at: datetime) -> None:
    """Begin or end the installation's quiet mode. What was due meanwhile is done after it."""
    settings.put(session, settings.QUIET, "1" if is_on else "0", at=at)
    announce(session, "fleet")


def may_be_asked(
    session: Session, at: datetime, *, ordered: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    """On `Charger`: something may be sent to it now without a person's order. For the queries of jobs.

    `ordered`: on rows for which this holds a person has ordered it, and quiet mode says nothing.
    """
    follows = false() if is_installation_quiet(session) else Charger.is_quiet.is_(None)
    is_online = (
        exists().where(LinkLease.charger_id == Charger.id, LinkLease.online_until > at).correlate(Charger)
    )
    is_meant = false() if ordered is None else ordered
    is_allowed = or_(Charger.is_quiet.is_(false()), follows, is_meant)
    return and_(Charger.admission == Admission.ACCEPTED, is_allowed, is_online)
