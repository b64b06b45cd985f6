"""New firmware for many chargers: a few first, then the rest, and no further than the first ones are well.

A rollout is rows and one job: `advance` looks at each that is due, whichever worker claims it. Nothing is ordered of a
charger that is offline, charging or in quiet mode: it waits, and with it its stage.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, joinedload

from csms.domain.base import Invalid, Refused, announce, printable
from csms.domain.chargers import Admission, Charger
from csms.domain.maintenance import library
from csms.domain.maintenance.health import ailments, restless
from csms.domain.maintenance.models import (
    FIRMWARE_KINDS,
    OPEN_STATES,
    FirmwareFile,
    Job,
    JobKind,
    JobState,
    Rollout,
    RolloutState,
)
from csms.domain.maintenance.orders import Addresses, Wanted, new_request_id, order
from csms.domain.maintenance.rules import check_stages, is_downgrade, same_version, split
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import told

EVERY = timedelta(seconds=2)  # how often a rollout is looked at, by whichever worker is first
MOST_AT_ONCE = 20  # orders in one look, so that a fleet does not fetch all in the same second
ALIVE = (RolloutState.RUNNING, RolloutState.PAUSED)
LONGEST_GATE_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Plan:
    """Which chargers get what, and how. Vendor, model and version None: any. `stages`: cumulative percentages."""

    name: str
    vendor: str | None = None
    model: str | None = None
    version_from: str | None = None
    stages: Sequence[int] = (5, 100)
    gate_s: int = 3_600
    waits_for_idle: bool = True
    most_failures: int = 0
    allows_downgrade: bool = False


def members(session: Session, firmware: FirmwareFile, plan: Plan) -> list[Charger]:
    """Whom a plan means, in the order of their turn: those that are reachable and have the least to lose first."""
    is_busy = exists().where(
        Job.charger_id == Charger.id,
        Job.kind.in_(FIRMWARE_KINDS),
        Job.state.in_((JobState.WAITING, *OPEN_STATES)),
    )
    query = select(Charger).options(joinedload(Charger.lease))
    query = query.where(Charger.admission == Admission.ACCEPTED, ~is_busy)
    for column, value in (
        (Charger.vendor, plan.vendor),
        (Charger.model, plan.model),
        (Charger.firmware_version, plan.version_from),
    ):
        if value is not None:
            query = query.where(func.lower(column) == value.lower())
    found = [x for x in session.scalars(query.order_by(Charger.identity)) if _is_meant(x, firmware, plan)]
    return sorted(found, key=lambda x: x.lease is None or x.lease.online_until is None)


def _is_meant(charger: Charger, firmware: FirmwareFile, plan: Plan) -> bool:
    version = charger.firmware_version
    if not library.fits(firmware, charger) or same_version(version, firmware.version):
        return False
    return plan.allows_downgrade or not is_downgrade(version, firmware.version)


def begin(session: Session, firmware: FirmwareFile, plan: Plan, *, by: str | None, at: datetime) -> Rollout:
    """Freeze who takes part, and begin with the first stage. Raises Invalid, or Refused when nobody would."""
    stages, name = check_stages(plan.stages), plan.name.strip()
    if not 0 < len(name) <= 80:
        raise Invalid("Give it a name of at most 80 characters.", "name")
    if not 0 <= plan.gate_s <= LONGEST_GATE_S:
        raise Invalid("Watch for at most 30 days.", "gate_s")
    if firmware.stored_as is None:
        raise Invalid("The content of this firmware has not been uploaded yet.", "firmware")
    chargers = members(session, firmware, plan)
    if not chargers:
        raise Refused("No charger would get it: all have it, are being updated, or are of another kind.")
    rollout = Rollout(
        name=name,
        firmware=firmware,
        vendor=plan.vendor,
        model=plan.model,
        version_from=plan.version_from,
        stages=stages,
        state=RolloutState.RUNNING,
        is_signed=firmware.is_signed,
        waits_for_idle=plan.waits_for_idle,
        gate_s=plan.gate_s,
        most_failures=plan.most_failures,
        checked_at=at - EVERY,
        created_by=by,
        created_at=at,
    )
    rollout.stage = rollout.forgiven = 0
    session.add(rollout)
    turn = iter(chargers)
    for stage, count in enumerate(split(len(chargers), stages)):
        for _ in range(count):
            rollout.jobs.append(_waiting(next(turn), rollout, stage, by, at))
    session.flush()
    return rollout


def _waiting(charger: Charger, rollout: Rollout, stage: int, by: str | None, at: datetime) -> Job:
    return Job(
        charger_id=charger.id,
        kind=JobKind.SIGNED_FIRMWARE if rollout.is_signed else JobKind.FIRMWARE,
        state=JobState.WAITING,
        request_id=new_request_id(),
        firmware=rollout.firmware,
        stage=stage,
        version_before=charger.firmware_version,
        version_wanted=rollout.firmware.version,
        requested_by=by,
        requested_at=at,
    )


def advance(session: Session, addresses: Addresses, at: datetime) -> int:
    """Look at every rollout that is due; the number of those in which something happened."""
    due = select(Rollout.id).where(Rollout.state == RolloutState.RUNNING, Rollout.checked_at <= at - EVERY)
    return sum(_look_after(session, x, addresses, at) for x in session.scalars(due).all())


def _look_after(session: Session, rollout_id: int, addresses: Addresses, at: datetime) -> bool:
    claim = (
        update(Rollout)
        .where(
            Rollout.id == rollout_id,
            Rollout.state == RolloutState.RUNNING,
            Rollout.checked_at <= at - EVERY,
        )
        .values(checked_at=at)
        .execution_options(synchronize_session=False)
    )
    if session.execute(claim).rowcount != 1:  # type: ignore[attr-defined]
        return False  # another worker has it
    rollout = session.get_one(Rollout, rollout_id, populate_existing=True)
    jobs = _jobs(session, rollout)
    before = (rollout.state, rollout.stage, rollout.gate_until, [x.state for x in jobs])
    _go_on(session, rollout, [x for x in jobs if x.stage == rollout.stage], jobs, addresses, at)
    session.flush()
    has_changed = before != (rollout.state, rollout.stage, rollout.gate_until, [x.state for x in jobs])
    if has_changed:
        announce(session, rollout.topic)
    return has_changed


def _jobs(session: Session, rollout: Rollout) -> Sequence[Job]:
    query = select(Job).options(joinedload(Job.charger).joinedload(Charger.lease))
    return session.scalars(
        query.where(Job.rollout_id == rollout.id)
        .order_by(Job.stage, Job.id)
        .execution_options(populate_existing=True)
    ).all()


def _go_on(
    session: Session,
    rollout: Rollout,
    stage: Sequence[Job],
    jobs: Sequence[Job],
    addresses: Addresses,
    at: datetime,
) -> None:
    updated = [x for x in stage if x.state is JobState.DONE]
    troubles = _failures(jobs) | restless(session, updated, at)
    if _is_too_much(rollout, troubles):
        return
    _order_due(session, rollout, stage, addresses, at)
    if any(not x.is_ended for x in stage):
        rollout.gate_until = None
    elif rollout.gate_until is None and updated:
        rollout.gate_until = at + timedelta(seconds=rollout.gate_s)
    elif rollout.gate_until is not None and rollout.gate_until > at:
        return  # they are being watched
    elif not _is_too_much(rollout, troubles | ailments(session, updated, at)):
        _next_stage(rollout, len(_failures(jobs)), at)


def _failures(jobs: Iterable[Job]) -> dict[int, str]:
    failed = [x for x in jobs if x.state is JobState.FAILED]
    return {x.id: f"{x.charger.title}: {x.detail or 'failed'}" for x in failed}


def _is_too_much(rollout: Rollout, troubles: Mapping[int, str]) -> bool:
    """Pause when there is more trouble than may be, beside what somebody has looked at already."""
    if len(troubles) - rollout.forgiven <= rollout.most_failures:
        return False
    _pause(rollout, troubles[max(troubles)])
    return True


def _next_stage(rollout: Rollout, failures: int, at: datetime) -> None:
    rollout.gate_until = None
    rollout.forgiven = min(rollout.forgiven, failures)
    if rollout.stage + 1 < len(rollout.stages):
        rollout.stage += 1
    else:
        rollout.state, rollout.finished_at = RolloutState.DONE, at


def _order_due(
    session: Session, rollout: Rollout, stage: Iterable[Job], addresses: Addresses, at: datetime
) -> None:
    waiting = [x for x in stage if x.state is JobState.WAITING]
    busy = _charging(session, [x.charger_id for x in waiting]) if rollout.waits_for_idle else set()
    firmware, count = rollout.firmware, 0
    wanted = Wanted()
    if rollout.is_signed:
        wanted = Wanted(signing_certificate=firmware.signing_certificate, signature=firmware.signature)
    for job in waiting:
        if job.charger_id in busy:
            job.detail = told("Waits until nobody charges")
        elif count < MOST_AT_ONCE:
            try:
                order(
                    session,
                    job,
                    job.charger,
                    wanted,
                    addresses,
                    by=rollout.created_by,
                    at=at,
                    is_automatic=True,
                )
            except Refused as error:  # offline, or in quiet mode: its turn comes
                job.detail = printable(told("It waits: %(why)s", why=error), 255)
            else:
                job.detail, count = None, count + 1


def _charging(session: Session, charger_ids: Sequence[int]) -> set[int]:
    query = select(Transaction.charger_id).where(
        Transaction.state == TransactionState.ACTIVE, Transaction.charger_id.in_(charger_ids)
    )
    return set(session.scalars(query))


def _pause(rollout: Rollout, reason: str | None) -> None:
    rollout.state, rollout.reason, rollout.gate_until = RolloutState.PAUSED, printable(reason, 255), None


def pause(session: Session, rollout: Rollout, *, by: str) -> None:
    """Order nothing more; what chargers are doing they go on doing. Raises Refused."""
    if rollout.state is not RolloutState.RUNNING:
        raise Refused("It is not running.")
    _pause(rollout, told("Paused by %(name)s.", name=by))
    announce(session, rollout.topic)


def resume(session: Session, rollout: Rollout, *, at: datetime) -> None:
    """Go on; the failures and ailments so far have been looked at. Raises Refused."""
    if rollout.state is not RolloutState.PAUSED:
        raise Refused("It is not paused.")
    jobs = _jobs(session, rollout)
    updated = [x for x in jobs if x.state is JobState.DONE and x.stage == rollout.stage]
    known = _failures(jobs) | restless(session, updated, at) | ailments(session, updated, at)
    rollout.forgiven = len(known)
    rollout.state, rollout.reason = RolloutState.RUNNING, None
    rollout.checked_at = at - EVERY
    session.flush()
    announce(session, rollout.topic)


def cancel(session: Session, rollout: Rollout, *, at: datetime) -> None:
    """Nobody else gets it; what chargers have been ordered cannot be taken back. Raises Refused."""
    if rollout.state not in ALIVE:
        raise Refused("It is over.")
    _leave_out(session, rollout, None, told("The rollout was cancelled."), at)
    rollout.state, rollout.finished_at, rollout.gate_until = RolloutState.CANCELLED, at, None
    announce(session, rollout.topic)


def skip(session: Session, rollout: Rollout, *, at: datetime) -> int:
    """Go on without those of this stage that still wait. Raises Refused."""
    if rollout.state not in ALIVE:
        raise Refused("It is over.")
    announce(session, rollout.topic)
    return _leave_out(session, rollout, rollout.stage, told("Left out."), at)


def _leave_out(session: Session, rollout: Rollout, stage: int | None, words: str, at: datetime) -> int:
    waiting = [
        x
        for x in _jobs(session, rollout)
        if x.state is JobState.WAITING and (stage is None or x.stage == stage)
    ]
    for job in waiting:
        job.state, job.detail, job.finished_at = JobState.CANCELLED, words, at
    return len(waiting)


def _tried_again(detail: str | None) -> str:
    return told("%(detail)s Tried again.", detail=detail) if detail else told("Tried again.")


def retry(session: Session, rollout: Rollout, job: Job, *, at: datetime) -> None:
    """Try once more at a charger at which it failed. Raises Refused."""
    if job.rollout_id != rollout.id or job.state is not JobState.FAILED or rollout.state not in ALIVE:
        raise Refused("This cannot be tried again.")
    again = _waiting(job.charger, rollout, rollout.stage, job.requested_by, at)
    job.state, job.detail = JobState.CANCELLED, printable(_tried_again(job.detail), 255)
    rollout.forgiven = max(0, rollout.forgiven - 1)
    rollout.jobs.append(again)
    session.flush()
    announce(session, rollout.topic)
