"""What pages and programs read of the counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.conformance.models import DeviationCount, Subject
from csms.domain.conformance.rules import score, weight_of
from csms.domain.frames import Deviation

Named = tuple[str, str, str]
"""Vendor, model and firmware version; empty texts where the chargers say nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often in one way at one place; and the newest message that shows it, on whose charger."""

    kind: Deviation
    action: str
    place: str
    count: int
    last_at: datetime
    charger_id: int
    frame_id: int | None

    @property
    def weight(self) -> float:
        return weight_of(self.kind)


@dataclass(slots=True)
class Standing:
    """How one firmware, or one charger with it, keeps to the specification. `score`: 0 to 100; None: not known yet."""

    vendor: str
    model: str
    firmware_version: str
    chargers: int = 0
    messages: int = 0
    last_at: datetime | None = None
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def score(self) -> int | None:
        return score(self.messages, ((x.kind, x.count) for x in self.evidence))

    @property
    def deviations(self) -> int:
        return sum(x.count for x in self.evidence)


def fleet(session: Session) -> Sequence[Standing]:
    """Every firmware that chargers here have had, the worst first; those of which too little is known at the end."""
    what = (Subject.vendor, Subject.model, Subject.firmware_version)
    chargers, messages = func.count(Subject.charger_id.distinct()), func.sum(Subject.messages)
    query = select(*what, chargers, messages, func.max(Subject.last_at)).group_by(*what)
    found = {
        (vendor, model, firmware): Standing(vendor, model, firmware, count, int(total or 0), last_at)
        for vendor, model, firmware, count, total, last_at in session.execute(query)
    }
    _add_evidence(session, found)
    return sorted(found.values(), key=lambda x: (x.score is None, x.score or 0, -x.messages))


def of_charger(session: Session, charger_id: int) -> Sequence[Standing]:
    """One charger with each firmware that it has had, the newest first."""
    query = select(Subject).where(Subject.charger_id == charger_id).order_by(Subject.last_at.desc())
    found = {
        (x.vendor, x.model, x.firmware_version): Standing(
            x.vendor, x.model, x.firmware_version, 1, x.messages, x.last_at
        )
        for x in session.scalars(query)
    }
    _add_evidence(session, found, charger_id)
    return list(found.values())


def _add_evidence(session: Session, standings: dict[Named, Standing], charger_id: int | None = None) -> None:
    """The same deviation of many chargers is one line, with the newest of their messages."""
    what = (Subject.vendor, Subject.model, Subject.firmware_version)
    query = select(*what, Subject.charger_id, DeviationCount).join(DeviationCount.subject)
    if charger_id is not None:
        query = query.where(Subject.charger_id == charger_id)
    lines: dict[tuple[Named, Deviation, str, str], list[tuple[int, DeviationCount]]] = {}
    for vendor, model, firmware, owner_id, counted in session.execute(query):
        key = ((vendor, model, firmware), counted.kind, counted.action, counted.place)
        lines.setdefault(key, []).append((owner_id, counted))
    for (named, kind, action, place), counts in lines.items():
        owner_id, newest = max(counts, key=lambda x: x[1].last_at)
        total = sum(x.count for _, x in counts)
        line = Evidence(kind, action, place, total, newest.last_at, owner_id, newest.example_frame_id)
        standings[named].evidence.append(line)
    for standing in standings.values():
        standing.evidence.sort(key=lambda x: -x.weight * x.count)


def report(standings: Iterable[Standing]) -> Iterable[Sequence[object]]:
    """The rows of a vendor report: one for each deviation; one without, for a firmware that has none."""
    yield (
        "vendor", "model", "firmware", "chargers", "messages", "score",
        "deviation", "action", "member", "count", "points", "last_at",
    )  # fmt: skip
    for x in standings:
        about = (x.vendor, x.model, x.firmware_version, x.chargers, x.messages, x.score)
        if not x.evidence:
            yield (*about, "", "", "", 0, 0, "")
        for line in x.evidence:
            points = round(100 * line.weight * line.count / max(x.messages, 1), 2)
            last_at = line.last_at.isoformat()
            yield (*about, line.kind.value, line.action, line.place, line.count, points, last_at)
