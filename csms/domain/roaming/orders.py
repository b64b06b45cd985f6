"""What a peer orders for its drivers (OCPI 2.2.1 §13): each order is a command of ours, whose end the peer is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from csms.domain import commands, reservations, transactions
from csms.domain.accounts import IdToken
from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.domain.chargers import Connector
from csms.domain.commands import Command, CommandState, Kind
from csms.domain.reservations import Reservation
from csms.domain.roaming import cards, locations, telling
from csms.domain.roaming.models import Peer, RoamingCard, RoamingOrder
from csms.domain.transactions import Transaction, TransactionState, queries

TIMEOUT_S = 120  # until the peer has heard how it ended, at the latest
LONGEST_RESERVATION = timedelta(hours=24)
RESULTS = {
    CommandState.ACCEPTED: "ACCEPTED",
    CommandState.REJECTED: "REJECTED",
    CommandState.ERROR: "FAILED",
    CommandState.CANCELLED: "FAILED",
    CommandState.TIMEOUT: "TIMEOUT",
    CommandState.UNKNOWN: "TIMEOUT",
    CommandState.EXPIRED: "TIMEOUT",
}
# What chargers answer, where §13.4.2 has a word of its own for it.
ANSWERS = {
    "Occupied": "EVSE_OCCUPIED",
    "Faulted": "EVSE_INOPERATIVE",
    "Unavailable": "EVSE_INOPERATIVE",
    "NotSupported": "NOT_SUPPORTED",
    "UnlockFailed": "FAILED",
}


class UnknownSession(DomainError):
    """The peer has no such session."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Who orders, what (the body of the request), and when."""

    peer: Peer
    body: Mapping[str, Any]
    at: datetime

    @property
    def by(self) -> str:
        return f"peer {self.peer.name}"[:80]

    def text(self, name: str, most: int = 36) -> str:
        """A required string. Raises Invalid."""
        value = self.body.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= most:
            raise Invalid("%(name)s is missing.", name, name=name)
        return value

    @property
    def token(self) -> Mapping[str, Any]:
        value = self.body.get("token")
        if not isinstance(value, Mapping):
            raise Invalid("%(name)s is missing.", "token", name="token")
        return value

    @property
    def reference(self) -> str | None:
        value = self.body.get("authorization_reference")
        return value if isinstance(value, str) else None


def start(session: Session, ordered: Ordered) -> Command:
    """START_SESSION (§13.3.4). Raises NotFound for a place that is not published, Refused, Invalid."""
    connector = _free_place(session, ordered)
    card = _kept_for(session, ordered, connector) or cards.for_start(
        session, ordered.peer, ordered.token, reference=ordered.reference, at=ordered.at
    )
    if queries.pending_start(session, connector, ordered.at) is not None:
        raise Refused("A start has just been asked for here. Wait a moment.")
    number = session.get_one(IdToken, card.id_token_id).uid
    return transactions.request_start(session, connector, id_tag=number, by=ordered.by, at=ordered.at)


def stop(session: Session, ordered: Ordered) -> Command:
    """STOP_SESSION (§13.3.5). Raises UnknownSession for one that is not of this peer's cards, Refused."""
    number = ordered.text("session_id")
    is_number = number.isascii() and number.isdigit() and len(number) < 19
    query = (
        select(Transaction)
        .join(RoamingCard, RoamingCard.id_token_id == Transaction.id_token_id)
        .where(Transaction.id == (int(number) if is_number else 0), RoamingCard.peer_id == ordered.peer.id)
    )
    found = session.scalar(query.options(joinedload(Transaction.charger)))
    if found is None:
        raise UnknownSession("There is no such session of yours.")
    return transactions.request_stop(session, found, by=ordered.by, at=ordered.at)


def unlock(session: Session, ordered: Ordered) -> Command:
    """UNLOCK_CONNECTOR (§13.3.6). Raises NotFound; Refused while somebody else's driver charges there."""
    connector = _place(session, ordered)
    running = queries.on_connector(session, connector)
    if running is not None and not _is_theirs(session, ordered.peer, running):
        raise Refused("Another driver is charging here.")
    return commands.request(
        session, connector.charger, Kind.UNLOCK, {"evse": connector.evse_number}, by=ordered.by, at=ordered.at
    )


def reserve(session: Session, ordered: Ordered) -> Command:
    """RESERVE_NOW (§13.3.3). Raises NotFound for a place that is not published, Refused, Invalid."""
    key, expires_at = ordered.text("reservation_id"), _expiry(ordered)
    if _reserved(session, ordered.peer, key) is not None:
        raise Refused("There is a reservation of this id already: cancel it first.")
    connector = _free_place(session, ordered)
    card = _known_card(session, ordered) or cards.for_start(
        session, ordered.peer, ordered.token, reference=ordered.reference, at=ordered.at
    )
    number = session.get_one(IdToken, card.id_token_id)
    if card.key is None:
        number.expires_at = max(expires_at, number.expires_at or expires_at)
    made = reservations.book(
        session,
        connector.charger,
        evse=connector.evse_number,
        id_tag=number.uid,
        expires_at=expires_at,
        by=ordered.by,
        at=ordered.at,
    )
    order = RoamingOrder(
        peer_id=ordered.peer.id, kind="RESERVATION", reservation_key=key, reservation_id=made.id, told_at=ordered.at,
        created_at=ordered.at,
    )  # fmt: skip
    session.add(order)
    return session.get_one(Command, made.command_id)


def cancel(session: Session, ordered: Ordered) -> Command | None:
    """CANCEL_RESERVATION (§13.3.2). None: it is cancelled, and the charger need not be asked. Raises Refused."""
    found = _reserved(session, ordered.peer, ordered.text("reservation_id"))
    if found is None:
        raise Refused("There is no such reservation.")
    return reservations.cancel(session, found, by=ordered.by, at=ordered.at)


VERBS = {
    "START_SESSION": start,
    "STOP_SESSION": stop,
    "UNLOCK_CONNECTOR": unlock,
    "RESERVE_NOW": reserve,
    "CANCEL_RESERVATION": cancel,
}


def give(session: Session, kind: str, ordered: Ordered) -> None:
    """Do what is ordered, and remember to whom its end is to be told. Raises what the verbs raise."""
    url = ordered.text("response_url", 500)
    command = VERBS[kind](session, ordered)
    order = RoamingOrder(
        peer_id=ordered.peer.id,
        kind=kind,
        command_id=command.id if command else None,
        response_url=url,
        created_at=ordered.at,
    )
    session.add(order)
    session.flush()
    if command is None:
        _tell(session, order, "ACCEPTED", ordered.at)


def tell_ended(session: Session, at: datetime) -> int:
    """Queue what has come of orders whose chargers have answered, or never will."""
    query = (
        select(RoamingOrder, Command)
        .join(Command, Command.id == RoamingOrder.command_id)
        .where(RoamingOrder.told_at.is_(None), Command.state.not_in((CommandState.QUEUED, CommandState.SENT)))
        .limit(500)
    )
    found = session.execute(query).all()
    for order, command in found:
        result = RESULTS[command.state]
        if command.state is CommandState.REJECTED:
            result = ANSWERS.get(command.answer_status or "", result)
        _tell(session, order, result, at)
    return len(found)


def _tell(session: Session, order: RoamingOrder, result: str, at: datetime) -> None:
    order.told_at = at
    about = f"{order.kind} {order.id}"
    telling.post(session, order.peer_id, about, "POST", order.response_url or "", {"result": result}, at=at)


def _place(session: Session, ordered: Ordered) -> Connector:
    """The connector that is meant. Raises NotFound."""
    found = locations.find_outlet(session, ordered.text("location_id"), ordered.text("evse_uid"))
    wanted = ordered.body.get("connector_id")
    meant = [x for x in found if wanted is None or str(x.number) == str(wanted)]
    if not meant:
        raise NotFound("There is nothing of this id at the location.")
    return meant[0]


def _free_place(session: Session, ordered: Ordered) -> Connector:
    """The connector that is meant, or where none is named one at the location where a session could begin."""
    if ordered.body.get("evse_uid") is not None:
        return _place(session, ordered)
    problem: Refused | None = None
    for connector in locations.outlets_at(session, ordered.text("location_id")):
        try:
            transactions.check_start(session, connector, at=ordered.at)
        except Refused as error:
            problem = error
        else:
            return connector
    raise problem or NotFound("There is no such location.")


def _kept_for(session: Session, ordered: Ordered, connector: Connector) -> RoamingCard | None:
    """The card that the place is kept for, if that is the very token."""
    kept = reservations.current(session, connector.charger_id, connector.evse_number, ordered.at)
    if kept is None:
        return None
    query = (
        select(RoamingCard)
        .join(RoamingCard.id_token)
        .where(
            RoamingCard.peer_id == ordered.peer.id,
            RoamingCard.uid == str(ordered.token.get("uid")),
            IdToken.uid == kept.id_tag,
        )
    )
    return session.scalar(query)


def _known_card(session: Session, ordered: Ordered) -> RoamingCard | None:
    """The card that the token is, where its peer has put it and it may charge."""
    body = cards.checked(ordered.peer, ordered.token)
    names = (body["country_code"], body["party_id"], body["uid"], body["type"])
    try:
        found = cards.find(session, ordered.peer, *names)
    except NotFound:
        return None
    return found if found.is_good else None


def _expiry(ordered: Ordered) -> datetime:
    given = ordered.text("expiry_date")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise Invalid("A time such as 2026-01-31T12:00:00Z.", "expiry_date") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment > ordered.at + LONGEST_RESERVATION:
        raise Refused("A place is kept for a day at most.")
    return moment


def _reserved(session: Session, peer: Peer, key: str) -> Reservation | None:
    """The open reservation that the peer knows by this id."""
    query = (
        select(Reservation)
        .join(RoamingOrder, RoamingOrder.reservation_id == Reservation.id)
        .where(RoamingOrder.peer_id == peer.id, RoamingOrder.reservation_key == key)
        .order_by(Reservation.id.desc())
    )
    return next((x for x in session.scalars(query.limit(20)) if x.is_open), None)


def _is_theirs(session: Session, peer: Peer, running: Transaction) -> bool:
    query = select(RoamingCard.id).where(
        RoamingCard.peer_id == peer.id, RoamingCard.id_token_id == running.id_token_id
    )
    return running.state is TransactionState.ACTIVE and session.scalar(query.limit(1)) is not None
