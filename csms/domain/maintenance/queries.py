"""What pages and programs ask of firmware and logs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from csms.domain.base import NotFound
from csms.domain.chargers import Admission, Charger
from csms.domain.maintenance.models import (
    FIRMWARE_KINDS,
    LOG_KINDS,
    Job,
    JobEvent,
    JobState,
    Rollout,
)

MOST_SHOWN = 30


def jobs(
    *, charger_id: int | None = None, is_log: bool | None = None, rollout_id: int | None = None
) -> Select[Job]:
    """Jobs with all that is shown of them."""
    query = select(Job).options(
        joinedload(Job.charger), joinedload(Job.firmware), joinedload(Job.rollout), selectinload(Job.files)
    )
    if charger_id is not None:
        query = query.where(Job.charger_id == charger_id)
    if is_log is not None:
        query = query.where(Job.kind.in_(LOG_KINDS if is_log else FIRMWARE_KINDS))
    if rollout_id is not None:
        query = query.where(Job.rollout_id == rollout_id)
    return query


def job(session: Session, charger_id: int, job_id: int, *, is_log: bool) -> Job:
    """Raises NotFound."""
    found = session.scalar(jobs(charger_id=charger_id, is_log=is_log).where(Job.id == job_id))
    if found is None:
        raise NotFound("There is no such job.")
    return found


def newest(session: Session, charger_id: int, *, is_log: bool, limit: int = MOST_SHOWN) -> Sequence[Job]:
    """A charger's jobs, newest first."""
    query = jobs(charger_id=charger_id, is_log=is_log)
    return session.scalars(query.order_by(Job.id.desc()).limit(limit)).unique().all()


def events(session: Session, charger_id: int, limit: int = MOST_SHOWN) -> Sequence[JobEvent]:
    """What a charger has told of firmware and logs, newest first; also what belongs to no job."""
    query = select(JobEvent).where(JobEvent.charger_id == charger_id)
    return session.scalars(query.order_by(JobEvent.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Group:
    """Chargers of one kind with one version."""

    vendor: str | None
    model: str | None
    version: str | None
    count: int


def groups(session: Session) -> list[Group]:
    """What versions are out there, by vendor and model."""
    kind = (Charger.vendor, Charger.model, Charger.firmware_version)
    query = select(*kind, func.count()).where(Charger.admission == Admission.ACCEPTED).group_by(*kind)
    found = [Group(*row) for row in session.execute(query)]
    return sorted(found, key=lambda x: (x.vendor or "", x.model or "", x.version or ""))


def rollouts(session: Session, limit: int = MOST_SHOWN) -> Sequence[Rollout]:
    """The newest rollouts."""
    query = select(Rollout).options(joinedload(Rollout.firmware)).order_by(Rollout.id.desc()).limit(limit)
    return session.scalars(query).all()


def rollout(session: Session, rollout_id: int) -> Rollout:
    """Raises NotFound."""
    found = session.scalar(
        select(Rollout).options(joinedload(Rollout.firmware)).where(Rollout.id == rollout_id)
    )
    if found is None:
        raise NotFound("There is no such rollout.")
    return found


def rollout_job(session: Session, rollout_id: int, job_id: int) -> Job:
    """Raises NotFound."""
    found = session.scalar(jobs(rollout_id=rollout_id).where(Job.id == job_id))
    if found is None:
        raise NotFound("There is no such update in this rollout.")
    return found


def tallies(session: Session, rollout_ids: Iterable[int]) -> Mapping[int, Mapping[JobState, int]]:
    """How many jobs of each rollout are in which state."""
    query = select(Job.rollout_id, Job.state, func.count()).where(Job.rollout_id.in_(list(rollout_ids)))
    found: dict[int, dict[JobState, int]] = {}
    for rollout_id, state, count in session.execute(query.group_by(Job.rollout_id, Job.state)):
        if rollout_id is not None:
            found.setdefault(rollout_id, {})[state] = count
    return found
