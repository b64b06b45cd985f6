"""The audit: who did what, and when. Entries are chained by hashes, so that one that is changed or gone is missed.

They are written with what they tell of, in whatever order that is committed, and chained right afterwards.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from csms.domain.accounts.models import AuditEntry
from csms.domain.base import append, printable

BATCH = 500


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
    """Note for good who did what, to what, from where. `detail` never holds a secret."""
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


def breaches(session: Session) -> Iterator[str]:
    """What does not fit in the chain: entries that were changed, and places from which some are gone."""
    expected, chain = 1, ""
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
