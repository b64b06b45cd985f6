"""Which chargers keep a list, and finding those whose list is not as it should be."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import Refused, announce
from csms.domain.chargers import Admission, Charger
from csms.domain.configuration import Template
from csms.domain.configuration import queries as desired
from csms.domain.configuration import rules as templates
from csms.domain.local_lists import queries
from csms.domain.local_lists.models import ListState, LocalList
from csms.domain.local_lists.sync import Contents, update_for
from csms.domain.sites import Site


def told_limits(
    session: Session,
    charger: Charger,
    *,
    is_enabled: bool | None,
    most_entries: int | None,
    most_per_message: int | None,
    at: datetime,
) -> None:
    """A charger's configuration says how it keeps a list. None: it has not said this now."""
    if is_enabled is None and most_entries is None and most_per_message is None:
        return
    row = _row(session, charger.id)
    was_enabled = row.is_enabled
    row.is_enabled = was_enabled if is_enabled is None else is_enabled
    row.most_entries = most_entries or row.most_entries
    row.most_per_message = most_per_message or row.most_per_message
    if row.is_on and row.is_enabled and was_enabled is False:
        _make_due(session, row, at, None)


def choose(session: Session, charger: Charger, is_wanted: bool | None, *, by: str, at: datetime) -> None:
    """Keep a list there, or leave it to the templates (None), or keep none: then what it holds is emptied."""
    row = _row(session, charger.id)
    row.is_wanted = is_wanted
    is_on = _is_on(row, charger, _lists_in(desired.templates(session)))
    if is_wanted is False:
        row.is_on, row.is_full_due, row.asks_version = False, True, False
        _make_due(session, row, at, by)
    else:
        _switch(session, row, is_on, at, by)
    announce(session, charger.topic)


def send(session: Session, charger: Charger, *, by: str, at: datetime, is_full: bool = False) -> None:
    """Send what is missing, or all of it anew, now or when the charger is there. Raises Refused where it is off."""
    row = queries.find(session, charger.id)
    if row is None or not row.is_on:
        raise Refused("No list is kept at %(title)s: switch it on first.", title=charger.title)
    row.is_full_due = row.is_full_due or is_full
    row.asks_version = not is_full
    row.failures = 0
    _make_due(session, row, at, by)
    announce(session, charger.topic)


def look(session: Session, at: datetime) -> int:
    """Find the lists that are not as the cards and the templates want them, and make them due. A job."""
    count = _follow_templates(session, at)
    query = select(LocalList).join(LocalList.charger).where(LocalList.is_on, LocalList.due_at.is_(None))
    resting = query.where(LocalList.state.in_((ListState.IN_STEP, ListState.BEHIND)))
    contents: Contents = {}
    for row in session.scalars(resting).all():
        if update_for(session, row, contents, at) is not None:
            _make_due(session, row, at, None)
            announce(session, row.charger.topic)
            count += 1
    return count


def _follow_templates(session: Session, at: datetime) -> int:
    """Switch lists on and off where the templates have come to say otherwise."""
    speaking, count = _lists_in(desired.templates(session)), 0
    known = {row.charger_id: row for row in queries.listed(session)}
    site = Site.name.label("site_name")
    columns = (Charger.id, Charger.vendor, Charger.model, Charger.firmware_version, site)
    query = select(*columns).outerjoin(Charger.site).where(Charger.admission == Admission.ACCEPTED)
    for described in session.execute(query if speaking else query.where(Charger.id.in_(known))).all():
        row = known.get(described.id)
        is_on = _is_on(row, described, speaking)
        if is_on != (row is not None and row.is_on):
            _switch(session, row or _row(session, described.id), is_on, at, None)
            count += 1
    return count


def _lists_in(known: Iterable[Template]) -> list[Template]:
    return [template for template in known if template.keeps_list is not None]


def _is_on(row: LocalList | None, charger: templates.Described, speaking: Iterable[Template]) -> bool:
    if row is not None and row.is_wanted is not None:
        return row.is_wanted
    return next((bool(x.keeps_list) for x in speaking if templates.matches(x, charger)), False)


def _switch(session: Session, row: LocalList, is_on: bool, at: datetime, by: str | None) -> None:
    """Begin to keep a list, or stop: an old one that stays would let blocked cards charge."""
    row.is_on, row.failures = is_on, 0
    row.asks_version, row.is_full_due = is_on, not is_on and bool(row.held)
    if is_on or row.is_full_due:
        _make_due(session, row, at, by)
    else:
        row.state, row.detail, row.due_at = ListState.OFF, None, None


def _make_due(session: Session, row: LocalList, at: datetime, by: str | None) -> None:
    row.due_at, row.due_by = at, by
    if row.state is not ListState.UNSUPPORTED or by is not None:
        row.state, row.detail = ListState.BEHIND, None
    session.flush()


def _row(session: Session, charger_id: int) -> LocalList:
    row = queries.find(session, charger_id)
    if row is None:
        row = LocalList(
            charger_id=charger_id,
            is_on=False,
            state=ListState.OFF,
            version=0,
            held={},
            failures=0,
            left_out=0,
        )
        row.asks_version, row.is_full_due = True, False
        session.add(row)
        session.flush()
    return row
