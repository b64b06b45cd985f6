"""The files themselves: which address takes or gives one, what has come, and what is to be deleted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from csms.domain.base import NotFound, printable
from csms.domain.maintenance.models import FirmwareFile, Job, JobState, ReceivedFile
from csms.domain.maintenance.orders import tell_pages
from csms.domain.maintenance.progress import look
from csms.domain.maintenance.rules import hash_of, safe_name

MOST_FILES = 10  # that one address takes: chargers send again, or several at once


def receiving(session: Session, token: str, at: datetime) -> Job | None:
    """The log job whose address this is, while it takes files."""
    job = _addressed(session, token, at)
    if job is None or not job.kind.is_log or len(job.files) >= MOST_FILES:
        return None
    return job


def fetching(session: Session, token: str, at: datetime) -> Job | None:
    """The firmware job whose address this is, while its file may be fetched."""
    job = _addressed(session, token, at)
    if job is None or job.kind.is_log or job.firmware is None or job.firmware.stored_as is None:
        return None
    return job


def _addressed(session: Session, token: str, at: datetime) -> Job | None:
    job = session.scalar(select(Job).where(Job.token_hash == hash_of(token)))
    if job is None or job.address_until is None or job.address_until <= at or job.state is JobState.CANCELLED:
        return None
    return job


def file_received(
    session: Session,
    job: Job,
    *,
    name: str | None,
    stored_as: str,
    size_bytes: int,
    sha256: str,
    address: str | None,
    at: datetime,
) -> ReceivedFile:
    """A charger has sent a file to an address of ours."""
    named = safe_name(name or job.file_name, f"{job.kind.value}-{at:%Y%m%d-%H%M%S}.log")
    file = ReceivedFile(
        charger_id=job.charger_id,
        name=named,
        stored_as=stored_as,
        size_bytes=size_bytes,
        sha256=sha256,
        address=printable(address, 64),
        received_at=at,
    )
    job.files.append(file)
    session.flush()
    if job.state not in (JobState.DONE, JobState.CANCELLED):
        job.state, job.finished_at, job.detail = JobState.RUNNING, None, None
        look(session, job, at)
    tell_pages(session, job)
    return file


def note_fetched(session: Session, job: Job, *, at: datetime) -> None:
    """A charger has fetched its firmware from us, to the end."""
    job.fetched_at = at
    tell_pages(session, job)


def received_file(session: Session, charger_id: int, file_id: int) -> ReceivedFile:
    """Raises NotFound, also when its content has been deleted."""
    file = session.get(ReceivedFile, file_id)
    if file is None or file.charger_id != charger_id or file.stored_as is None:
        raise NotFound("There is no such file, or it has been deleted.")
    return file


def forget_files(session: Session, before: datetime) -> Sequence[str]:
    """Let go of what came before that; returns the names on disk, for whoever deletes them there."""
    query = select(ReceivedFile).where(ReceivedFile.stored_as.is_not(None), ReceivedFile.received_at < before)
    names = []
    for file in session.scalars(query.limit(500)):
        names.append(file.stored_as or "")
        file.stored_as = None
    return names


def files_kept(session: Session, before: datetime | None = None) -> tuple[int, int]:
    """How many logs there are, and their bytes; only those that came before that, if it is given."""
    query = select(func.count(), func.coalesce(func.sum(ReceivedFile.size_bytes), 0))
    query = query.where(ReceivedFile.stored_as.is_not(None))
    if before is not None:
        query = query.where(ReceivedFile.received_at < before)
    count, size_bytes = session.execute(query).one()
    return count, int(size_bytes)


def kept_names(session: Session) -> tuple[set[str], set[str]]:
    """The names on disk that are in use: of logs, and of firmware."""
    logs = session.scalars(select(ReceivedFile.stored_as).where(ReceivedFile.stored_as.is_not(None)))
    firmware = session.scalars(select(FirmwareFile.stored_as).where(FirmwareFile.stored_as.is_not(None)))
    return {x for x in logs if x}, {x for x in firmware if x}
