"""What becomes of a reservation: by the charger's answers, by what its connectors say, by a start, by time."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, literal_column, or_, select
from sqlalchemy.orm import Session

from csms.domain import accounts, commands
from csms.domain.base import Refused, announce, printable
from csms.domain.bulk import Reading
from csms.domain.chargers import ConnectorStatus, outlet_of
from csms.domain.commands import Command, CommandState, Effect
from csms.domain.reservations.models import OPEN, Reservation, ReservationState
from csms.domain.reservations.rules import SLACK, is_holder, is_kept, is_meant
from csms.sentences import gettext_noop

_OUT = {
    ConnectorStatus.FAULTED: gettext_noop("The charger reported a fault, and a fault ends a reservation."),
    ConnectorStatus.UNAVAILABLE: gettext_noop(
        "The connector went out of service, and that ends a reservation."
    ),
}
# How long an expired one may wait for a start that came in time and is told late.
GRACE = timedelta(minutes=2)


def told(session: Session, reservation: Reservation) -> None:
    """Tell pages that it has changed."""
    announce(session, reservation.topic, "reservations", f"charger:{reservation.charger_id}")


def finish(
    session: Session, reservation: Reservation, state: ReservationState, detail: str | None, *, at: datetime
) -> None:
    reservation.state = state
    reservation.detail = printable(detail, 255)
    reservation.ended_at = at
    told(session, reservation)


_KEEPING = Reading(
    (Reservation.charger_id,),
    Reservation.charger_id,
    or_(*(Reservation.state == literal_column(f"'{state}'") for state in OPEN)),
)


def preload(session: Session, charger_ids: Iterable[int]) -> None:
    """Read the open reservations of many chargers with one query, for `_open_at`."""
    found: dict[int, list[Reservation]] = {charger_id: [] for charger_id in charger_ids}
    kept = {charger_id for (charger_id,) in _KEEPING.rows(session, found)}
    if kept:  # mostly there is none
        query = select(Reservation).where(Reservation.charger_id.in_(kept), Reservation.state.in_(OPEN))
        for reservation in session.scalars(query):
            found[reservation.charger_id].append(reservation)
    session.info["reservations"] = found


def _open_at(session: Session, charger_id: int) -> Sequence[Reservation]:
    preloaded: dict[int, list[Reservation]] = session.info.get("reservations", {})
    if charger_id in preloaded:
        return [x for x in preloaded[charger_id] if x.is_open]
    query = select(Reservation).where(Reservation.charger_id == charger_id, Reservation.state.in_(OPEN))
    return session.scalars(query.order_by(Reservation.starts_at)).all()


def answered(
    session: Session,
    charger_id: int,
    reservation_id: int | None,
    command: Command,
    sentence: str | None,
    *,
    at: datetime,
) -> None:
    """What a charger said to ReserveNow. `sentence`: why it would not. A late yes counts as well."""
    reservation = _named(session, charger_id, reservation_id)
    if reservation is None or reservation.command_id != command.id:
        return
    if reservation.state not in (ReservationState.REQUESTED, ReservationState.LOST):
        return
    reservation.answer_status = command.answer_status
    if command.state is not CommandState.ACCEPTED:
        finish(session, reservation, ReservationState.REFUSED, sentence, at=at)
        return
    reservation.state, reservation.reserved_at, reservation.detail = ReservationState.RESERVED, at, None
    reservation.ended_at = None
    if not reservation.evse:  # 1.6 §5.13: no connector in particular, so none will say that it is reserved
        command.awaits = command.effect = None
    elif _status(session, reservation) is ConnectorStatus.RESERVED:  # it said so before it answered
        reservation.seen_at = at
        _observe(session, command, gettext_noop("The connector says Reserved."), at)
    told(session, reservation)


def cancelled(
    session: Session, charger_id: int, reservation_id: int | None, command: Command, *, at: datetime
) -> None:
    """What a charger said to CancelReservation. 1.6 §5.1: it says no when it knows of no such reservation."""
    reservation = _named(session, charger_id, reservation_id)
    if reservation is None or not reservation.is_open:
        command.awaits = None
        return
    if command.state is CommandState.REJECTED:
        words = gettext_noop("The charger says that it knows of no such reservation, so it kept none.")
        finish(session, reservation, ReservationState.LOST, words, at=at)
    elif command.state is CommandState.ACCEPTED:
        finish(session, reservation, ReservationState.CANCELLED, None, at=at)
        command.effect_evse = reservation.evse
        if not reservation.evse or reservation.seen_at is None:
            command.awaits = command.effect = None
        elif _status(session, reservation) is not ConnectorStatus.RESERVED:
            _observe(session, command, gettext_noop("The connector is free again."), at)


def _named(session: Session, charger_id: int, reservation_id: int | None) -> Reservation | None:
    if reservation_id is None or not 0 < reservation_id < 2**31:
        return None
    found = session.get(Reservation, reservation_id)
    return found if found is not None and found.charger_id == charger_id else None


def _status(session: Session, reservation: Reservation) -> ConnectorStatus | None:
    """What the connector said last, also if that has just come and is not written yet."""
    outlet = outlet_of(session, reservation.charger_id, reservation.evse)
    return outlet.status if outlet else None


def _observe(session: Session, command: Command, words: str, at: datetime) -> None:
    command.awaits, command.observed_at, command.effect_text = None, at, words
    announce(session, command.topic, f"charger:{command.charger_id}")


def follow_status(
    session: Session, charger_id: int, evse: int, status: ConnectorStatus, *, at: datetime
) -> None:
    """1.6 §5.13: a fault and going out of service end a reservation; Available says that nothing is kept any more.

    `evse` 0 is the charger itself. Only news counts: whoever calls has left out what is older than what we know.
    """
    if status is ConnectorStatus.RESERVED:
        commands.observe(
            session,
            charger_id,
            Effect.RESERVED,
            at=at,
            evse=evse,
            text=gettext_noop("The connector says Reserved."),
        )
    elif status is ConnectorStatus.AVAILABLE and evse:
        commands.observe(
            session,
            charger_id,
            Effect.RELEASED,
            at=at,
            evse=evse,
            text=gettext_noop("The connector is free again."),
        )
    elif status not in _OUT:
        return
    for reservation in _open_at(session, charger_id):
        is_its = reservation.evse == evse or (not evse and status in _OUT)
        if is_its and reservation.state is ReservationState.RESERVED:
            _follow(session, reservation, status, at)


def _follow(session: Session, reservation: Reservation, status: ConnectorStatus, at: datetime) -> None:
    if status is ConnectorStatus.RESERVED:
        reservation.seen_at = at
        told(session, reservation)
    elif status in _OUT:
        finish(session, reservation, ReservationState.LOST, _OUT[status], at=at)
    elif at >= reservation.expires_at - SLACK:
        finish(session, reservation, ReservationState.EXPIRED, None, at=at)
    elif reservation.is_cancelling:
        finish(session, reservation, ReservationState.CANCELLED, None, at=at)
    elif reservation.seen_at is not None:
        words = gettext_noop(
            "The charger says that the connector is free: it keeps the reservation no longer."
        )
        finish(session, reservation, ReservationState.LOST, words, at=at)


def booted(session: Session, charger_id: int, *, at: datetime) -> None:
    """A restart: some chargers remember what they keep, others do not. Their next status tells which."""
    for reservation in _open_at(session, charger_id):
        if reservation.state is ReservationState.RESERVED:
            reservation.seen_at = at
            reservation.detail = gettext_noop(
                "The charger has restarted since; its next status tells whether it remembers."
            )
            told(session, reservation)


def began(
    session: Session,
    charger_id: int,
    *,
    evse: int,
    reservation_id: int | None,
    id_tag: str,
    parent_uid: str | None,
    transaction_id: int,
    started_at: datetime,
    at: datetime,
) -> bool:
    """A transaction has begun: it uses the reservation that it names (1.6 §4.8), or that its card holds there.

    True: the connector was kept for another card. The charger has let it happen, so it is a fact, and is flagged.
    """
    named = _named(session, charger_id, reservation_id)
    candidates = [] if named is not None else _open_at(session, charger_id)
    meant = [x for x in candidates if is_meant(x, evse, started_at)]
    held = [x for x in meant if _is_for(session, x, id_tag, parent_uid)]
    used = named or (min(held, key=lambda x: x.evse == 0) if held else None)
    if used is not None and used.state is not ReservationState.USED:
        used.transaction_id = transaction_id
        finish(session, used, ReservationState.USED, None, at=at)
        return False
    if used is not None:
        return False
    others = [x for x in candidates if is_kept(x, evse, started_at) and (x.reserved_at or at) <= started_at]
    for reservation in others:
        words = gettext_noop("Another card began to charge on this connector.")
        finish(session, reservation, ReservationState.LOST, words, at=at)
    return bool(others)


_CURRENT = (  # asked for each start: making a statement costs more than running it
    select(Reservation)
    .where(
        Reservation.charger_id == bindparam("charger_id"),
        Reservation.state == ReservationState.RESERVED,
        Reservation.evse == bindparam("evse"),
        Reservation.starts_at <= bindparam("at"),
        Reservation.expires_at > bindparam("at"),
    )
    .limit(1)
)


def current(session: Session, charger_id: int, evse: int, at: datetime) -> Reservation | None:
    """For whom a connector is kept now."""
    return session.scalar(_CURRENT, {"charger_id": charger_id, "evse": evse, "at": at})


def _is_for(session: Session, reservation: Reservation, id_tag: str, parent_uid: str | None) -> bool:
    """Also where this reader, or whoever booked, calls the card otherwise, and an operator has said that it is one."""
    if is_holder(reservation, id_tag, parent_uid):
        return True
    token = accounts.find_token(session, id_tag)
    return token is not None and accounts.find_token(session, reservation.id_tag) is token


def check_start(session: Session, charger_id: int, evse: int, id_tag: str, *, at: datetime) -> None:
    """Raises Refused when a start here is not for this card: the place is kept for another."""
    reservation = current(session, charger_id, evse, at)
    if reservation is None:
        return
    token = accounts.find_token(session, id_tag)
    if not _is_for(session, reservation, id_tag, token.parent_uid if token else None):
        raise Refused(
            "This connector is reserved for another card. Use the card that it is reserved for, or another connector."
        )


_ENDS = {
    CommandState.ERROR: (
        ReservationState.REFUSED,
        gettext_noop("The charger cannot keep a place: it answered with an error."),
    ),
    CommandState.EXPIRED: (
        ReservationState.REFUSED,
        gettext_noop("The charger could not be reached in time."),
    ),
    CommandState.CANCELLED: (
        ReservationState.REFUSED,
        gettext_noop("The charger was not asked: it is not accepted here."),
    ),
    CommandState.TIMEOUT: (
        ReservationState.LOST,
        gettext_noop("The charger did not answer: nobody knows whether it keeps the place."),
    ),
    CommandState.UNKNOWN: (
        ReservationState.LOST,
        gettext_noop("The connection was lost before the answer: nobody knows whether it keeps the place."),
    ),
}


def end_due(session: Session, at: datetime) -> int:
    """End those whose time is over (nobody came), and those whose order has failed."""
    failed = (
        select(Reservation, Command.state)
        .join(Command, Command.id == Reservation.command_id)
        .where(Reservation.state == ReservationState.REQUESTED, Command.state.in_(_ENDS))
    )
    count = 0
    for reservation, state in session.execute(failed.limit(200)).all():
        ending, words = _ENDS[state]
        finish(session, reservation, ending, words, at=at)
        count += 1
    over = select(Reservation).where(
        Reservation.state == ReservationState.RESERVED, Reservation.expires_at <= at - GRACE
    )
    for reservation in session.scalars(over.limit(200)).all():
        finish(session, reservation, ReservationState.EXPIRED, None, at=at)
        count += 1
    return count
