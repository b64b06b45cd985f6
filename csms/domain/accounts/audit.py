"""The audit: who did what, and when. Entries are chained by hashes, so that one that is changed or gone is missed.

The oldest are let go of by age; where the chain begins then is kept.

They are written with what they tell of, in whatever order that is committed, and chained right afterwards.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csms.domain import letting_go
from csms.domain.accounts.models import AuditEntry
from csms.domain.base import append, printable

BATCH = 500
NAME = "audit"


def audit(
    session: Session,
    actor: str,
    action: str,
    *,
    at: datetime,
    address: str | None = None,
    subject: str | None = None,
    detail: str | None = None,
) -> None:
    """Note who did what, to what, from where. `detail` never holds a secret."""
    append(
        session,
        AuditEntry,
        {
            "at": at,
            "actor": printable(actor, 80),
            "address": printable(address, 64),
            "action": action,
            "subject": printable(subject, 120),
            "detail": printable(detail, 500),
        },
    )


def seal_audit(session: Session, at: datetime) -> int:
    """Chain the entries that are not chained yet; how many. Where another process does it meanwhile, none."""
    del at
    try:
        with session.begin_nested():
            return _seal(session)
    except IntegrityError:  # a position is taken once
        return 0


def _seal(session: Session) -> int:
    newest = select(AuditEntry.position, AuditEntry.chain).where(AuditEntry.position.is_not(None))
    position, chain = session.execute(newest.order_by(AuditEntry.position.desc()).limit(1)).first() or (0, "")
    loose = select(AuditEntry).where(AuditEntry.position.is_(None)).order_by(AuditEntry.id).limit(BATCH)
    entries = session.scalars(loose).all()
    for number, entry in enumerate(entries, (position or 0) + 1):
        chain = _link(chain or "", number, entry)
        entry.position, entry.chain = number, chain
    session.flush()
    return len(entries)


def _link(before: str, position: int, entry: AuditEntry) -> str:
    moment = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = (moment, entry.actor, entry.address, entry.action, entry.subject, entry.detail)
    hasher = hashlib.sha256(f"{before}\x1f{position}".encode())
    for part in told:
        hasher.update(b"\x1f" if part is None else b"\x1e" + part.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def forget_audit(session: Session, before: datetime) -> int:
    """Let go of a portion of the entries from before then; how many. The newest stays: the next is chained to it."""
    query = _after_begin(session)
    gone = letting_go.older(session.execute(query.limit(BATCH)), before)
    if not gone:
        return 0
    first, last = gone[0], gone[-1]
    theirs = delete(AuditEntry).where(AuditEntry.position.between(first.number, last.number))
    session.execute(theirs.execution_options(synchronize_session=False))
    letting_go.note(session, NAME, position=last.number, until_at=last.moment, chain=last.chain)
    return len(gone)


def oldest_entry(session: Session) -> datetime | None:
    """When the first of those was made that are still to go; None: there is none."""
    row = session.execute(_after_begin(session).limit(1)).first()
    return None if row is None else row.moment


def _after_begin(session: Session) -> Select[int | None, datetime, str | None]:
    begin = letting_go.begin_of(session, NAME)
    newest = select(func.max(AuditEntry.position)).scalar_subquery()
    query = select(
        AuditEntry.position.label("number"), AuditEntry.at.label("moment"), AuditEntry.chain
    ).where(AuditEntry.position > (begin.position if begin else 0), AuditEntry.position < newest)
    return query.order_by(AuditEntry.position)


def breaches(session: Session) -> Iterator[str]:
    """What does not fit in the chain: entries that were changed, and places from which some are gone."""
    begin = letting_go.begin_of(session, NAME)
    expected, chain = (begin.position + 1, begin.chain or "") if begin else (1, "")
    query = select(AuditEntry).where(AuditEntry.position.is_not(None)).order_by(AuditEntry.position)
    for entry in session.scalars(query.execution_options(yield_per=BATCH)):
        position = entry.position or 0
        if position != expected:
            yield f"audit: the entries {expected} to {position - 1} of the chain are gone"
        elif entry.chain != _link(chain, position, entry):
            yield f"audit: entry {entry.id} is not what it was"
        expected, chain = position + 1, entry.chain or ""


def entries(*, words: str = "", action: str = "", since: datetime | None = None) -> Select[AuditEntry]:
    """What was done, newest first: by or to `words`, of one kind (`action` is how it begins), since a moment."""
    query = select(AuditEntry)
    if words.strip():
        columns = (AuditEntry.actor, AuditEntry.subject, AuditEntry.detail, AuditEntry.address)
        query = query.where(or_(*(x.icontains(words.strip(), autoescape=True) for x in columns)))
    if action.strip():
        query = query.where(AuditEntry.action.startswith(action.strip(), autoescape=True))
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    return query.order_by(AuditEntry.id.desc())
