"""What chargers tell of their jobs, and when a job is over.

"Uploaded" without a file and "Installed" without a boot are promises: a log is there when its file is, a firmware
is installed when the charger has booted with it. Late, unknown and repeated words are kept, and change nothing that
is over.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from csms.domain import commands
from csms.domain.base import announce, printable
from csms.domain.chargers import Charger
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.maintenance.models import (
    FIRMWARE_KINDS,
    LOG_KINDS,
    OPEN_STATES,
    Job,
    JobEvent,
    JobKind,
    JobState,
)
from csms.domain.maintenance.orders import Wanted, new_job, tell_pages
from csms.domain.maintenance.rules import (
    PROOF_WITHIN,
    Progress,
    patience,
    same_version,
    without_password,
)
from csms.sentences import told

REFUSED = (CommandState.REJECTED, CommandState.ERROR, CommandState.EXPIRED, CommandState.CANCELLED)


def answered(
    session: Session,
    command: Command,
    *,
    status: str | None,
    adopted: tuple[JobKind, int | None, str],
    file_name: str | None = None,
    cancels: bool = False,
    at: datetime,
) -> None:
    """The charger's answer to an order. One that was not made by `orders` gets its job now: `adopted` is its kind, its
    request id and its address. `cancels`: the charger has dropped what it was doing for it."""
    job = session.scalar(select(Job).where(Job.command_id == command.id))
    if command.state is not CommandState.ACCEPTED:
        if job is not None and job.is_open:
            _end(session, job, JobState.FAILED, _said_no(status), at=at)
        return
    job = job or _adopt(session, command, *adopted, at=at)
    job.file_name = printable(file_name, 255)
    if cancels:
        kinds = LOG_KINDS if job.kind.is_log else FIRMWARE_KINDS
        for other in _recent(session, command.charger_id, kinds):
            if other.is_open and other is not job:
                _end(
                    session, other, JobState.CANCELLED, told("The charger dropped it for a newer one."), at=at
                )
    tell_pages(session, job)


def _said_no(status: str | None) -> str:
    if not status:
        return told("The charger said no: no reason given.")
    return told("The charger said no: %(status)s.", status=status)


def _adopt(
    session: Session, command: Command, kind: JobKind, request_id: int | None, location: str, *, at: datetime
) -> Job:
    known = None
    if request_id is not None:
        known = by_request(session, command.charger_id, request_id)
    job = known or new_job(session, command.charger, kind, Wanted(), by=command.requested_by, at=at)
    if known is None and request_id is not None:
        job.request_id = request_id
    job.kind, job.state, job.command_id, job.ordered_at = kind, JobState.ORDERED, command.id, at
    job.location = without_password(location)[:512]
    job.is_uploaded = job.is_installed = False
    job.finished_at = None
    job.due_at = at + patience(job.kind.is_log, job.retries, job.retry_interval_s)
    session.flush()
    return job


def by_request(session: Session, charger_id: int, request_id: int) -> Job | None:
    return session.scalar(select(Job).where(Job.charger_id == charger_id, Job.request_id == request_id))


def _recent(session: Session, charger_id: int, kinds: Iterable[JobKind]) -> Sequence[Job]:
    """The newest jobs that the charger knows of."""
    query = select(Job).where(
        Job.charger_id == charger_id, Job.kind.in_(tuple(kinds)), Job.state != JobState.WAITING
    )
    return session.scalars(query.order_by(Job.ordered_at.desc(), Job.id.desc()).limit(8)).all()


def _meant(session: Session, charger_id: int, kinds: Sequence[JobKind], usual: JobKind) -> Job | None:
    """The job that a word without a request id speaks of."""
    jobs = _recent(session, charger_id, kinds)
    usually = [x for x in jobs if (x.kind is usual)]
    for candidates in (usually, jobs):
        for job in candidates:
            if job.is_open:
                return job
    return usually[0] if usually else None


def tell(
    session: Session,
    charger_id: int,
    *,
    usual: JobKind,
    request_id: int | None,
    word: str,
    progress: Progress,
    at: datetime,
) -> Job | None:
    """A charger told how far it is. `usual`: the kind of job whose chargers tell it in this way.

    Whatever it says is kept. Returns the job that it speaks of, if there is one.
    """
    kinds = LOG_KINDS if usual.is_log else FIRMWARE_KINDS
    if request_id is not None:
        job = by_request(session, charger_id, request_id)
        job = job if job is not None and job.kind in kinds else None
    else:
        job = None if progress is Progress.IDLE else _meant(session, charger_id, kinds, usual)
    _keep_event(session, charger_id, job, usual.is_log, word, request_id, at)
    announce(session, f"charger:{charger_id}")
    if job is not None and progress is not Progress.IDLE:
        if job.state not in (JobState.DONE, JobState.CANCELLED):  # what is over stays over
            _advance(session, job, word, progress, at)
        tell_pages(session, job)
    return job


def _keep_event(
    session: Session,
    charger_id: int,
    job: Job | None,
    is_log: bool,
    word: str,
    request_id: int | None,
    at: datetime,
) -> None:
    query = select(JobEvent).where(JobEvent.charger_id == charger_id, JobEvent.is_log == is_log)
    last = session.scalars(query.order_by(JobEvent.id.desc()).limit(1)).first()
    job_id = job.id if job else None
    if last is not None and (last.job_id, last.word, last.request_id) == (job_id, word, request_id):
        last.count, last.last_at = last.count + 1, at
        return
    row = JobEvent(charger_id=charger_id, job_id=job_id, is_log=is_log, word=word, at=at, last_at=at)
    row.request_id = request_id
    session.add(row)
    session.flush()


def _advance(session: Session, job: Job, word: str, progress: Progress, at: datetime) -> None:
    job.word, job.word_at = word, at
    if progress is Progress.FAILED:
        _end(session, job, JobState.FAILED, told("The charger said %(word)s.", word=word), at=at)
        return
    job.state, job.detail, job.finished_at = JobState.RUNNING, None, None
    starts_at = max(at, job.install_at or at)
    job.due_at = starts_at + patience(job.kind.is_log, job.retries, job.retry_interval_s)
    job.is_uploaded = job.is_uploaded or progress is Progress.UPLOADED
    job.is_installed = job.is_installed or progress is Progress.INSTALLED
    look(session, job, at)


def look(session: Session, job: Job, at: datetime) -> None:
    """End a job for which both proofs are there; with one of them, the other is expected soon."""
    if job.kind.is_log:
        word, proof = job.is_uploaded, bool(job.files)
        words = told("The file is here.") if proof else told("The charger has uploaded it elsewhere.")
        is_done = word and (proof or job.token_hash is None)
    else:
        word, proof = job.is_installed, has_new(job)
        words = _booted_with(job.version_seen)
        is_done = word and proof
    if is_done:
        _end(session, job, JobState.DONE, words, at=at)
    elif word and has_another(job):
        words = told(
            "It has booted with %(version)s, not with %(wanted)s.",
            version=job.version_seen,
            wanted=job.version_wanted,
        )
        _end(session, job, JobState.FAILED, words, at=at)
    elif word or proof:
        job.due_at = at + PROOF_WITHIN


def _booted_with(version: str | None) -> str:
    if not version:
        return told("It has booted since.")
    return told("It has booted with %(version)s.", version=version)


def has_new(job: Job) -> bool:
    """Whether the charger has booted with what was ordered."""
    if job.booted_at is None:
        return False
    if job.version_seen is None:
        return job.version_before is None  # it never tells its version
    if job.version_wanted is not None:
        return same_version(job.version_seen, job.version_wanted)
    return not same_version(job.version_seen, job.version_before)


def has_another(job: Job) -> bool:
    """Whether the charger has booted with something that is neither what it had nor what was ordered."""
    if job.kind.is_log or job.version_seen is None or job.version_wanted is None:
        return False
    return not has_new(job) and not same_version(job.version_seen, job.version_before)


def _end(session: Session, job: Job, state: JobState, detail: str | None, *, at: datetime) -> None:
    job.state, job.detail, job.finished_at, job.due_at = state, printable(detail, 255), at, None
    if state is JobState.DONE:
        effect = Effect.LOG_RECEIVED if job.kind.is_log else Effect.FIRMWARE_INSTALLED
        key = str(job.request_id)
        commands.observe(session, job.charger_id, effect, at=at, key=key, text=detail)
    tell_pages(session, job)


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the open updates of many chargers with one query, for `booted`."""
    updating: dict[int, list[Job]] = {charger_id: [] for charger_id in charger_ids}
    for job in session.scalars(_updates().where(Job.charger_id.in_(updating))):
        updating[job.charger_id].append(job)
    session.info["updating"] = updating


def _updates() -> Select[Job]:
    return select(Job).where(Job.state.in_(OPEN_STATES), Job.kind.in_(FIRMWARE_KINDS))


def booted(session: Session, charger: Charger, *, at: datetime) -> None:
    """A charger has booted: the firmware that it reports now is what an update has led to."""
    updating: dict[int, list[Job]] = session.info.get("updating", {})
    jobs = updating.get(charger.id)
    if jobs is None:
        jobs = list(session.scalars(_updates().where(Job.charger_id == charger.id)))
    for job in jobs:
        job.booted_at, job.version_seen = at, charger.firmware_version
        look(session, job, at)
        tell_pages(session, job)


def settle_overdue(session: Session, at: datetime) -> int:
    """End jobs whose order was refused, and those of which nothing more was heard in time. Harmless when done twice."""
    count = 0
    refused = (
        select(Job, Command)
        .join(Command, Command.id == Job.command_id)
        .where(Job.state == JobState.ORDERED, Command.state.in_(REFUSED))
    )
    for job, command in session.execute(refused.limit(500)):
        words = command.detail or _said_no(command.answer_status)
        _end(session, job, JobState.FAILED, words, at=at)
        count += 1
    for job in session.scalars(
        select(Job).where(Job.state.in_(OPEN_STATES), Job.due_at <= at).order_by(Job.due_at).limit(500)
    ):
        _give_up(session, job, at)
        count += 1
    return count


def _give_up(session: Session, job: Job, at: datetime) -> None:
    """Half a proof is judged by which half it is: what we have seen ourselves counts, a mere word does not."""
    if job.kind.is_log and job.token_hash is not None and job.files:
        _end(session, job, JobState.DONE, told("The file is here; the charger never said so."), at=at)
    elif job.kind.is_log and job.is_uploaded:
        _end(
            session, job, JobState.FAILED, told("It says that it has uploaded a file, but none came."), at=at
        )
    elif not job.kind.is_log and has_new(job):
        words = told("It has booted with new firmware; it never said “Installed”.")
        if job.version_seen:
            words = told(
                "It has booted with %(version)s; it never said “Installed”.", version=job.version_seen
            )
        _end(session, job, JobState.DONE, words, at=at)
    elif job.is_installed:
        words = told(
            "It says Installed, but reports version %(version)s: it may need a reset.",
            version=job.version_seen or job.version_before or "none",
        )
        _end(session, job, JobState.FAILED, words, at=at)
    else:
        words = told("Nothing was heard after the order.")
        if job.word:
            words = told("Nothing was heard after %(word)s.", word=job.word)
        _end(session, job, JobState.FAILED, words, at=at)
