"""Whether chargers are well with what they have been updated to."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from csms.domain.chargers import Charger, ConnectorStatus, StatusEvent
from csms.domain.maintenance.models import Job
from csms.domain.maintenance.rules import same_version
from csms.domain.transactions import Transaction, TransactionState
from csms.sentences import told

MOST_BOOTS = 3  # since the update: more is a boot loop
FEWEST_SESSIONS = 2  # of one charger, before they tell anything


def restless(session: Session, updated: Sequence[Job], at: datetime) -> dict[int, str]:
    """Who is in a boot loop: by job, what is wrong in words. Boots since its update are counted."""
    since = {x.charger_id: x.finished_at for x in updated if x.finished_at is not None}
    if not since:
        return {}
    query = select(StatusEvent.charger_id, StatusEvent.received_at).where(
        StatusEvent.charger_id.in_(since),
        StatusEvent.status == "Booted",
        StatusEvent.received_at > min(since.values()),
        StatusEvent.received_at <= at,
    )
    boots = Counter(x for x, received_at in session.execute(query) if received_at > since[x])
    return {
        x.id: told(
            "%(charger)s has restarted %(count)s times since its update.",
            charger=x.charger.title,
            count=boots[x.charger_id],
        )
        for x in updated
        if boots[x.charger_id] >= MOST_BOOTS
    }


def ailments(session: Session, updated: Sequence[Job], at: datetime) -> dict[int, str]:
    """Who is not well: by job, what is wrong in words."""
    ids = [x.charger_id for x in updated]
    query = select(Charger).where(Charger.id.in_(ids)).options(selectinload(Charger.connectors))
    chargers = {x.id: x for x in session.scalars(query.execution_options(populate_existing=True))}
    found = {x.id: _ailment(session, x, chargers[x.charger_id], at) for x in updated}
    return {job_id: words for job_id, words in found.items() if words is not None}


def _ailment(session: Session, job: Job, charger: Charger, at: datetime) -> str | None:
    if charger.lease is None or not charger.lease.is_online(at):
        return told("%(charger)s is offline since its update.", charger=charger.title)
    if ConnectorStatus.FAULTED in {charger.status, *(x.status for x in charger.connectors)}:
        return told("%(charger)s reports a fault since its update.", charger=charger.title)
    reported = charger.firmware_version
    if reported is not None and not same_version(reported, job.version_wanted):
        return told(
            "%(charger)s has gone back to version %(version)s.", charger=charger.title, version=reported
        )
    return _failing_sessions(session, job)


def _failing_sessions(session: Session, job: Job) -> str | None:
    """Sessions that end without any energy, or without an end, more often than not."""
    came_to_nothing = (func.coalesce(Transaction.energy_wh, 0) <= 0) | (
        Transaction.state == TransactionState.ENDED_UNKNOWN
    )
    query = select(func.count(), func.count().filter(came_to_nothing)).where(
        Transaction.charger_id == job.charger_id,
        Transaction.started_at > job.finished_at,
        Transaction.state.in_((TransactionState.ENDED, TransactionState.ENDED_UNKNOWN)),
    )
    count, failed = session.execute(query).one()
    if count >= FEWEST_SESSIONS and failed * 2 > count:
        return told(
            "%(failed)s of %(count)s sessions at %(charger)s came to nothing since its update.",
            failed=failed,
            count=count,
            charger=job.charger.title,
        )
    return None
