"""Counting. The journal names each message's deviations; a job adds them up, so that no message waits for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.orm import Session

from csms.domain.base import announce
from csms.domain.bulk import Reading, Row, insert_rows
from csms.domain.chargers import Charger
from csms.domain.conformance.models import DeviationCount, Subject
from csms.domain.frames import Deviation, Direction, Frame, deviations_of
from csms.domain.records import Records
from csms.domain.transactions.models import Serial

MARK = "conformance"
MOST_FRAMES = 30_000  # at a time: as many as a busy process stores in three seconds
SETTLED = timedelta(seconds=5)  # a younger frame may have older ones behind it that are not committed yet

Key = tuple[int, Deviation, str, str]
Name = tuple[int, str, str, str]
_NAMED = ("charger_id", "vendor", "model", "firmware_version")


@dataclass(slots=True)
class Counted:
    """What counting reads and moves of one subject: a record, see `records`."""

    id: int
    charger_id: int
    vendor: str
    model: str
    firmware_version: str
    messages: int
    first_at: datetime
    last_at: datetime


_RECORDS = Records(Subject, Counted, often=("messages", "last_at"), rarely=("first_at",))
_read = _RECORDS.by("charger_id")
_NAMES = Reading((Charger.id, Charger.vendor, Charger.model, Charger.firmware_version), Charger.id)


def tally(session: Session, at: datetime) -> int:
    """Count what has come since the last time. Returns how many deviations were found."""
    begin = _mark(session)
    end = _newest(session, begin, at)
    if end is None or not _claim(session, begin, end):
        return 0
    subjects, has_odd = _count_messages(session, begin, end)
    if not has_odd:
        return 0
    query = select(Frame.id, Frame.charger_id, Frame.at, Frame.action, Frame.deviations)
    is_odd = (Frame.id > begin, Frame.id <= end, Frame.deviations.is_not(None))
    odd = session.execute(query.where(*is_odd).order_by(Frame.id)).all()
    return _count_deviations(session, subjects, ((*x[:4], x[4] or "") for x in odd))


def _newest(session: Session, begin: int, at: datetime) -> int | None:
    """The last frame to count now."""
    upcoming = select(Frame.id, Frame.at).where(Frame.id > begin).order_by(Frame.id).limit(MOST_FRAMES)
    window = upcoming.subquery()
    last: int | None = session.scalar(select(func.max(window.c.id)).where(window.c.at < at - SETTLED))
    return last


def _mark(session: Session) -> int:
    """The last frame that has been counted."""
    last = session.scalar(select(Serial.last).where(Serial.name == MARK))
    if last is None:
        session.execute(insert(Serial), [{"name": MARK, "last": 0}])
    return last or 0


def _claim(session: Session, begin: int, end: int) -> bool:
    """True for the one process that counts these."""
    row = update(Serial).where(Serial.name == MARK, Serial.last == begin).values(last=end)
    return session.execute(row).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _count_messages(session: Session, begin: int, end: int) -> tuple[dict[int, Counted], bool]:
    """Add to each charger's messages; its subject as it is now, by its id; and was there anything odd among them?"""
    columns = (
        Frame.charger_id,
        func.min(Frame.at),
        func.max(Frame.at),
        func.count(),
        func.count(Frame.deviations),
    )
    query = select(*columns)
    counted = session.execute(
        query.where(Frame.id > begin, Frame.id <= end, Frame.direction == Direction.IN)
        .group_by(Frame.charger_id)
        .order_by(Frame.charger_id)
    ).all()
    subjects = _subjects(session, {charger_id: first_at for charger_id, first_at, *_ in counted})
    for charger_id, first_at, last_at, count, _ in counted:
        if charger_id not in subjects:
            continue
        subject = subjects[charger_id]
        if not subject.messages:
            subject.first_at = first_at
        subject.messages += count
        subject.last_at = last_at
    return subjects, any(odd for *_, odd in counted)


def _subjects(session: Session, since: Mapping[int, datetime]) -> dict[int, Counted]:
    """What chargers are now, by their ids. Who has not been counted as that yet is so from now on."""
    names = {
        charger_id: (charger_id, vendor or "", model or "", firmware or "")
        for charger_id, vendor, model, firmware in _NAMES.rows(session, since)
    }
    known = _known(session, since)
    new: list[Row] = [
        dict(zip(_NAMED, name, strict=True)) | {"messages": 0, "first_at": since[x], "last_at": since[x]}
        for x, name in names.items()
        if name not in known
    ]
    if new:  # a whole fleet may be counted for the first time
        insert_rows(session.connection(), cast(Table, Subject.__table__), new, once=True)
        known |= _known(session, [x["charger_id"] for x in new])
    return {charger_id: known[name] for charger_id, name in names.items()}


def _known(session: Session, charger_ids: Iterable[int]) -> dict[Name, Counted]:
    return {(x.charger_id, x.vendor, x.model, x.firmware_version): x for x in _read(session, charger_ids)}


def _count_deviations(
    session: Session, subjects: dict[int, Counted], odd: Iterable[tuple[int, int, datetime, str | None, str]]
) -> int:
    odd = [row for row in odd if row[1] in subjects]
    query = select(DeviationCount).where(
        DeviationCount.subject_id.in_({subjects[charger_id].id for _, charger_id, *_ in odd})
    )
    known: dict[Key, DeviationCount] = {
        (x.subject_id, x.kind, x.action, x.place): x for x in session.scalars(query)
    }
    total = 0
    for frame_id, charger_id, at, action, text in odd:
        for kind, place in deviations_of(text):
            key = (subjects[charger_id].id, kind, action or "", place)
            counted = known.get(key) or _new_count(session, known, key, at)
            counted.count += 1
            counted.last_at = at
            counted.example_frame_id = frame_id
            total += 1
        announce(session, f"charger:{charger_id}")
    return total


def _new_count(session: Session, known: dict[Key, DeviationCount], key: Key, at: datetime) -> DeviationCount:
    subject_id, kind, action, place = key
    counted = DeviationCount(
        subject_id=subject_id, kind=kind, action=action, place=place, count=0, first_at=at
    )
    session.add(counted)
    known[key] = counted
    return counted
