"""What pages and programs read of reservations."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from csms.domain.base import NotFound
from csms.domain.chargers import Charger
from csms.domain.reservations.models import OPEN, Reservation, ReservationState


def listed(
    *,
    identity: str | None = None,
    state: ReservationState | None = None,
    account_id: int | None = None,
) -> Select[Reservation]:
    query = select(Reservation).join(Reservation.charger)
    if identity is not None:
        query = query.where(Charger.identity_folded == identity.casefold()[:48])
    if state is not None:
        query = query.where(Reservation.state == state)
    if account_id is not None:
        query = query.where(Reservation.account_id == account_id)
    return query.options(contains_eager(Reservation.charger), joinedload(Reservation.account))


def one(session: Session, reservation_id: int, account_id: int | None = None) -> Reservation:
    """As it stands in the database now. Raises NotFound, also for one of another account than `account_id`."""
    query = listed(account_id=account_id).where(Reservation.id == reservation_id)
    found = session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFound("There is no such reservation.")
    return found


def coming(session: Session, *, limit: int = 100) -> Sequence[Reservation]:
    """Those that are not over, the next one first."""
    query = listed().where(Reservation.state.in_(OPEN))
    return session.scalars(query.order_by(Reservation.starts_at, Reservation.id).limit(limit)).all()


def past(session: Session, *, before_id: int | None = None, limit: int = 50) -> Sequence[Reservation]:
    """Those that are over, the last booked first."""
    query = listed().where(Reservation.state.not_in(OPEN))
    if before_id is not None:
        query = query.where(Reservation.id < before_id)
    return session.scalars(query.order_by(Reservation.id.desc()).limit(limit)).all()


def between(session: Session, since: datetime, until: datetime, *, limit: int = 500) -> Sequence[Reservation]:
    """Those that keep, kept or will keep a place in this time; not those that were refused."""
    query = listed().where(
        Reservation.starts_at < until,
        Reservation.expires_at > since,
        Reservation.state != ReservationState.REFUSED,
    )
    return session.scalars(query.order_by(Reservation.starts_at).limit(limit)).all()


def kept(session: Session, charger_ids: Iterable[int], at: datetime) -> Sequence[Reservation]:
    """What is kept at these chargers now."""
    query = select(Reservation).where(
        Reservation.charger_id.in_(list(charger_ids)),
        Reservation.state == ReservationState.RESERVED,
        Reservation.expires_at > at,
    )
    return session.scalars(query.order_by(Reservation.starts_at)).all()


def of_transaction(session: Session, transaction_id: int) -> Reservation | None:
    """The reservation that a session has used."""
    return session.scalar(select(Reservation).where(Reservation.transaction_id == transaction_id).limit(1))
