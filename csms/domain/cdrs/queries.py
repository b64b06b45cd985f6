"""What pages and programs read of records."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased, joinedload

from csms.domain.base import NotFound
from csms.domain.cdrs.models import Cdr
from csms.domain.chargers import Charger
from csms.domain.tariffs import TariffVersion


def listed(
    *,
    identity: str | None = None,
    account_id: int | None = None,
    transaction_id: int | None = None,
    id_tag: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[Cdr]:
    """Those that are told. `since`, `until`: made from the one moment on, before the other."""
    query = select(Cdr).where(Cdr.withdrawn_at.is_(None))
    if identity is not None:
        charger = select(Charger.id).where(Charger.identity_folded == identity.casefold()[:48])
        query = query.where(Cdr.charger_id.in_(charger))
    for column, value in (
        (Cdr.account_id, account_id),
        (Cdr.transaction_id, transaction_id),
        (Cdr.id_tag, id_tag),
    ):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Cdr.made_at >= since)
    if until is not None:
        query = query.where(Cdr.made_at < until)
    return query.options(joinedload(Cdr.tariff_version).joinedload(TariffVersion.tariff))


def get(session: Session, uuid: str, *, account_id: int | None = None) -> Cdr:
    """Raises NotFound, also for one of another account than `account_id`."""
    found = session.scalar(listed(account_id=account_id).where(Cdr.uuid == uuid))
    if found is None:
        raise NotFound("There is no such charge record.")
    return found


def of_transaction(session: Session, transaction_id: int) -> Sequence[Cdr]:
    """All records of a session, oldest first."""
    return session.scalars(listed(transaction_id=transaction_id).order_by(Cdr.id)).all()


def last_of(session: Session, transaction_id: int) -> Cdr | None:
    """The record of a session that counts: one that is not taken back."""
    its_credit = aliased(Cdr)
    query = (
        select(Cdr)
        .outerjoin(its_credit, its_credit.credit_of == Cdr.uuid)
        .where(Cdr.transaction_id == transaction_id, Cdr.credit_of.is_(None), its_credit.id.is_(None))
    )
    return session.scalar(query.order_by(Cdr.id.desc()).limit(1))


def is_credited(session: Session, uuid: str) -> bool:
    return session.scalar(select(Cdr.id).where(Cdr.credit_of == uuid)) is not None
