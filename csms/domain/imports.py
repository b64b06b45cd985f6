"""What was taken over from another system: each of its rows, and what has become of it here."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from csms.domain.base import Base, BigId, append


class ImportedRow(Base):
    """One row of another system, by its key there. It is taken over once: a second import finds it here."""

    __tablename__ = "imported_row"
    __table_args__ = (UniqueConstraint("source", "kind", "key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source: Mapped[str] = mapped_column(String(40))  # which installation of which system
    kind: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(120))
    target_id: Mapped[int]  # of what it has become
    imported_at: Mapped[datetime]


def targets(
    session: Session, source: str, *, kind: str, keys: Collection[str] | None = None
) -> Mapping[str, int]:
    """What has become of the rows of a kind, by their keys; `keys`: of these alone."""
    query = select(ImportedRow.key, ImportedRow.target_id).where(
        ImportedRow.source == source, ImportedRow.kind == kind
    )
    if keys is not None:
        query = query.where(ImportedRow.key.in_(keys))
    return {key: target_id for key, target_id in session.execute(query)}


def note(session: Session, source: str, kind: str, key: str, target_id: int, *, at: datetime) -> None:
    """Keep that a row has been taken over."""
    row = {"source": source, "kind": kind, "key": key, "target_id": target_id, "imported_at": at}
    append(session, ImportedRow, row)
