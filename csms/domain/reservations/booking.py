"""How a place is booked, asked for when its time has come, and given up (1.6 §5.13, §5.1)."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from csms import sentences
from csms.domain import accounts, commands
from csms.domain.accounts import Account, IdToken
from csms.domain.accounts.service import UID_LENGTH, WEB_LABEL
from csms.domain.base import Invalid, NotFound, Refused, announce, count_from, printable
from csms.domain.chargers import AuthorizationPolicy, Charger, ConfigurationKey
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.reservations.models import OPEN, Reservation, ReservationState
from csms.domain.reservations.rules import room_problem
from csms.domain.reservations.states import finish, told

LARGEST_NUMBER = 2**30  # the next ones go on from there, and chargers count to 2^31


def book(
    session: Session,
    charger: Charger,
    *,
    evse: int,
    id_tag: str,
    expires_at: datetime,
    by: str | None,
    at: datetime,
    starts_at: datetime | None = None,
    for_group: bool = False,
    number: int | None = None,
) -> Reservation:
    """Keep a place for a card, from now on or from `starts_at`. `for_group`: for every card of its group.

    `number`: what the charger is to know it by, if it must be one's own; else the next one.

    1.6 knows no reservation for later: it is sent to the charger when its time comes. Raises Invalid, and Refused when
    the card may not charge there, the time is taken, or the charger cannot be asked now.
    """
    starts_at = max(starts_at or at, at)
    if expires_at <= starts_at:
        raise Invalid("It must end after it begins, and not in the past.", "expires_at")
    session.get(Charger, charger.id, with_for_update=True)  # two bookings at the same moment see one another
    token = _card(session, charger, id_tag, at)
    _check_place(session, charger, evse, starts_at, expires_at)
    if number is not None:
        _check_own_number(session, number)
    uid, group, account_id = _kept_for(token, id_tag, for_group)
    reservation = Reservation(
        id=number,
        charger_id=charger.id,
        evse=evse,
        id_tag=uid,
        parent_uid=group,
        account_id=account_id,
        starts_at=starts_at,
        expires_at=expires_at,
        state=ReservationState.PLANNED,
        created_by=by,
        created_at=at,
    )
    session.add(reservation)
    session.flush()
    if number is not None:
        count_from(session, Reservation.id)
    told(session, reservation)
    if starts_at <= at:
        _ask(session, charger, reservation, at=at)
    return reservation


def change(
    session: Session,
    reservation: Reservation,
    *,
    evse: int,
    id_tag: str,
    for_group: bool,
    starts_at: datetime,
    expires_at: datetime,
    at: datetime,
) -> None:
    """Keep a planned place otherwise: where, for whom, or when. One that begins now is asked of the charger at once.

    Raises what `book` raises, and Refused once the charger has been asked: what it keeps is given up and booked anew.
    """
    charger = session.get_one(Charger, reservation.charger_id, with_for_update=True)
    session.refresh(reservation, with_for_update=True)  # its time may have come meanwhile
    if reservation.state is not ReservationState.PLANNED:
        raise Refused("The charger has been asked for it already: cancel it, and book anew.")
    starts_at = max(starts_at, at)
    if expires_at <= starts_at:
        raise Invalid("It must end after it begins, and not in the past.", "expires_at")
    token = _card(session, charger, id_tag, at)
    _check_place(session, charger, evse, starts_at, expires_at, besides=reservation.id)
    reservation.evse, reservation.starts_at, reservation.expires_at = evse, starts_at, expires_at
    reservation.id_tag, reservation.parent_uid, reservation.account_id = _kept_for(token, id_tag, for_group)
    told(session, reservation)
    if starts_at <= at:
        _ask(session, charger, reservation, at=at)


def _kept_for(token: IdToken | None, id_tag: str, for_group: bool) -> tuple[str, str | None, int | None]:
    """The card, its group where that may come as well, and the account behind it."""
    if token is None:
        return id_tag.strip(), None, None
    return token.uid, (token.parent_uid or None) if for_group else None, token.account_id


def adopt(
    session: Session,
    command: Command,
    number: int,
    *,
    evse: int,
    id_tag: str,
    parent_uid: str | None,
    expires_at: datetime,
    at: datetime,
) -> None:
    """A charger keeps a place by an order that somebody wrote by hand: from now on it is a reservation like others."""
    is_ours = 0 < number <= LARGEST_NUMBER and session.get(Reservation, number) is None
    if command.state is not CommandState.ACCEPTED or not is_ours or expires_at <= at:
        return
    token = accounts.find_token(session, id_tag)
    reservation = Reservation(
        id=number,
        charger_id=command.charger_id,
        evse=evse,
        id_tag=printable(id_tag, UID_LENGTH) or "",
        parent_uid=printable(parent_uid, UID_LENGTH),
        account_id=token.account_id if token else None,
        starts_at=at,
        expires_at=expires_at,
        state=ReservationState.REQUESTED,
        created_by=command.requested_by,
        created_at=command.requested_at,
        command_id=command.id,
    )
    session.add(reservation)
    session.flush()
    count_from(session, Reservation.id)


def card_of(session: Session, account: Account, *, at: datetime) -> str:
    """The card that a place is kept for when it is kept for an account: one that it holds, else the pages' own."""
    query = select(IdToken).where(IdToken.account_id == account.id, IdToken.is_allowed).order_by(IdToken.id)
    for token in session.scalars(query):
        if token.label != WEB_LABEL and (token.expires_at is None or token.expires_at > at):
            return token.uid
    return accounts.web_token(session, account, at).uid


def _card(session: Session, charger: Charger, id_tag: str, at: datetime) -> IdToken | None:
    """The card, if we know it. Nobody has presented it, so this is no sight of it. Raises Invalid or Refused."""
    uid = id_tag.strip()
    if not 0 < len(uid) <= UID_LENGTH or not uid.isprintable():
        raise Invalid(
            "A card's number has 1 to %(uid_length)s printable characters.", "id_token", uid_length=UID_LENGTH
        )
    token = accounts.find_token(session, uid)
    if token is None:
        if charger.policy is not AuthorizationPolicy.OPEN:
            raise Refused(
                "%(title)s lets known cards charge alone, and nobody has added %(uid)s.",
                title=charger.title,
                uid=uid,
            )
        return None
    if not token.is_allowed or (token.expires_at is not None and token.expires_at <= at):
        raise Refused("The card %(uid)s is blocked or has expired.", uid=uid)
    needs_credit = charger.policy is AuthorizationPolicy.CREDIT
    if needs_credit and not (token.account and token.account.has_credit):
        raise Refused(
            "There is no credit behind the card %(uid)s, and %(title)s asks for it.",
            uid=uid,
            title=charger.title,
        )
    return token


def _check_place(
    session: Session,
    charger: Charger,
    evse: int,
    starts_at: datetime,
    expires_at: datetime,
    *,
    besides: int | None = None,
) -> None:
    """`besides`: the reservation that is to be changed, which is not in its own way."""
    connectors = {x.evse_number for x in charger.connectors}
    if evse and evse not in connectors:
        raise Invalid("%(title)s has no connector %(evse)s.", "evse", title=charger.title, evse=evse)
    if not evse and _keeps_any(session, charger.id) is False:
        raise Refused(
            "%(title)s cannot keep just any connector (1.6 §9.3.1): choose one.", title=charger.title
        )
    overlapping = select(Reservation).where(
        Reservation.charger_id == charger.id,
        Reservation.state.in_(OPEN),
        Reservation.starts_at < expires_at,
        Reservation.expires_at > starts_at,
    )
    if besides is not None:
        overlapping = overlapping.where(Reservation.id != besides)
    problem = room_problem(session.scalars(overlapping).all(), evse, max(1, len(connectors)))
    if problem:
        raise Refused(problem)


def _keeps_any(session: Session, charger_id: int) -> bool | None:
    """1.6 §9.3.1: does the charger take reservations of connector 0? None: it never told, so it may be asked."""
    query = select(ConfigurationKey.value).where(
        ConfigurationKey.charger_id == charger_id, ConfigurationKey.name == "ReserveConnectorZeroSupported"
    )
    value = session.scalar(query)
    return None if value is None else value.strip().casefold() == "true"


def _ask(session: Session, charger: Charger, reservation: Reservation, *, at: datetime) -> None:
    """Ask the charger. One whose time came while it is offline is asked when it is back, until the place is over."""
    was_planned = reservation.created_at < at
    arguments = {
        "reservation_id": reservation.id,
        "evse": reservation.evse,
        "id_tag": reservation.id_tag,
        "parent_uid": reservation.parent_uid,
        "expires_at": reservation.expires_at.isoformat(),
    }
    until = reservation.expires_at if was_planned else None
    command = commands.request(
        session, charger, Kind.RESERVE, arguments, by=reservation.created_by, at=at, deliver_until=until
    )
    reservation.state = ReservationState.REQUESTED
    reservation.command_id = command.id
    told(session, reservation)


def cancel(session: Session, reservation: Reservation, *, by: str | None, at: datetime) -> Command | None:
    """Give a place up. None: the charger need not be told. Otherwise it is given up when the charger has said so.

    A charger that is offline is told when it is back. Raises Refused for one that is over.
    """
    if not reservation.is_open:
        raise Refused("This reservation is over already.")
    if reservation.cancel_command_id is not None:
        return session.get(Command, reservation.cancel_command_id)
    if reservation.state is ReservationState.PLANNED or _was_withdrawn(session, reservation, at):
        finish(session, reservation, ReservationState.CANCELLED, None, at=at)
        return None
    charger = session.get_one(Charger, reservation.charger_id)
    arguments = {"reservation_id": reservation.id}
    until = max(reservation.expires_at, at)
    command = commands.request(
        session, charger, Kind.CANCEL_RESERVATION, arguments, by=by, at=at, deliver_until=until
    )
    reservation.cancel_command_id = command.id
    told(session, reservation)
    return command


def _was_withdrawn(session: Session, reservation: Reservation, at: datetime) -> bool:
    """True if the order to reserve had not been sent yet, and now never will be."""
    if reservation.state is not ReservationState.REQUESTED:
        return False
    query = update(Command).where(Command.id == reservation.command_id, Command.state == CommandState.QUEUED)
    query = query.values(
        state=CommandState.CANCELLED, detail=sentences.told("Withdrawn before it was sent."), answered_at=at
    )
    announce(session, f"command:{reservation.command_id}")
    return session.execute(query).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def ask_due(session: Session, at: datetime) -> int:
    """Ask chargers for the places whose time has come. Safe in many processes: each is claimed by one."""
    query = select(Reservation).where(
        Reservation.state == ReservationState.PLANNED, Reservation.starts_at <= at
    )
    count = 0
    for reservation in session.scalars(query.order_by(Reservation.starts_at).limit(200)).all():
        claim = update(Reservation).where(
            Reservation.id == reservation.id,
            Reservation.state == ReservationState.PLANNED,
            Reservation.starts_at <= at,  # it may have been put off since it was read
        )
        if session.execute(claim.values(state=ReservationState.REQUESTED)).rowcount != 1:  # type: ignore[attr-defined]
            continue
        session.refresh(reservation)
        count += 1
        try:
            _ask(session, session.get_one(Charger, reservation.charger_id), reservation, at=at)
        except Refused as error:
            finish(session, reservation, ReservationState.REFUSED, str(error), at=at)
    return count


def _check_own_number(session: Session, number: int) -> None:
    """Raises Invalid, and Refused when the number is taken."""
    if not 0 < number <= LARGEST_NUMBER:
        raise Invalid(
            "A reservation's number is between 1 and %(largest_number)s.",
            "number",
            largest_number=LARGEST_NUMBER,
        )
    if session.get(Reservation, number) is not None:
        raise Refused("The reservation number %(number)s is taken: choose another, or none.", number=number)


def check_number(session: Session, number: int) -> None:
    """Raises Refused when a reservation made by hand would replace one of ours at its charger (1.6 §5.13)."""
    if session.get(Reservation, number) is not None:
        raise Refused(
            "The reservation number %(number)s is taken: book at /reservations, or choose another number.",
            number=number,
        )


def get(session: Session, reservation_id: int) -> Reservation:
    """Raises NotFound."""
    found = session.get(Reservation, reservation_id)
    if found is None:
        raise NotFound("There is no such reservation.")
    return found
