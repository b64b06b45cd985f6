"""Places that a simulated charger keeps for a card (1.6 §5.13, §5.1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from csms.simulator.connector import Connector, Status
from csms.simulator.frames import Payload

if TYPE_CHECKING:
    from csms.simulator.station import Station

Reply = tuple[Payload, Callable[[], None] | None]
FREE = (Status.AVAILABLE, Status.PREPARING)


@dataclass(frozen=True)
class Reservation:
    """`connector` 0: whichever. `expires_at` is by the charger's own clock."""

    id: int
    connector: int
    id_tag: str
    parent_id_tag: str | None
    expires_at: datetime

    def is_for(self, id_tag: str, parent_id_tag: str | None) -> bool:
        if id_tag.lower() == self.id_tag.lower():
            return True
        return self.parent_id_tag is not None and parent_id_tag == self.parent_id_tag


class Reservations:
    """Those in force, by id. Changed by the charger's own thread alone."""

    def __init__(self) -> None:
        self._kept: dict[int, Reservation] = {}

    def keep(self, reservation: Reservation) -> None:
        """The same id again replaces (1.6 §5.13)."""
        self._kept[reservation.id] = reservation

    def knows(self, reservation_id: int) -> bool:
        return reservation_id in self._kept

    def cancel(self, reservation_id: int) -> None:
        self._kept.pop(reservation_id, None)

    def at(self, number: int) -> Reservation | None:
        return next((x for x in self._kept.values() if x.connector == number), None)

    def anywhere(self) -> list[Reservation]:
        """Those of connector 0."""
        return [x for x in self._kept.values() if x.connector == 0]

    def next_end(self) -> datetime | None:
        return min((x.expires_at for x in self._kept.values()), default=None)

    def expire(self, now: datetime) -> None:
        self._kept = {x.id: x for x in self._kept.values() if x.expires_at > now}

    def drop(self, number: int) -> None:
        """A fault, or going out of service, ends a reservation; 0 is the charger, so all of them."""
        self._kept = {x.id: x for x in self._kept.values() if number not in (0, x.connector)}

    def take(self, number: int, id_tag: str, parent_id_tag: str | None) -> int | None:
        """The reservation that a transaction of this card uses up on this connector."""
        own = [x for x in self._kept.values() if x.connector in (0, number)]
        used = next((x for x in own if x.is_for(id_tag, parent_id_tag)), None)
        if used is not None:
            del self._kept[used.id]
        return used.id if used else None

    def bars(self, connector: Connector, free: int, id_tag: str, parent_id_tag: str | None) -> bool:
        """Is this card turned away here? `free`: how many connectors of the charger anybody could use."""
        here = self.at(connector.number)
        if here is not None:
            return not here.is_for(id_tag, parent_id_tag)
        others = [x for x in self.anywhere() if not x.is_for(id_tag, parent_id_tag)]
        return bool(others) and free <= len(others)


def handlers(station: "Station") -> dict[str, Callable[[Payload], Reply]]:
    """How the orders are answered."""
    return {
        "ReserveNow": partial(_reserve_now, station),
        "CancelReservation": partial(_cancel_reservation, station),
    }


def _reserve_now(station: "Station", request: Payload) -> Reply:
    parent = request.get("parentIdTag")
    reservation = Reservation(
        id=int(request["reservationId"]),
        connector=int(request["connectorId"]),
        id_tag=str(request["idTag"]),
        parent_id_tag=None if parent is None else str(parent),
        expires_at=datetime.fromisoformat(request["expiryDate"]),
    )
    status = _verdict(station, reservation)
    work = partial(station.reservations.keep, reservation) if status == "Accepted" else None
    return {"status": status}, work


def _verdict(station: "Station", wanted: Reservation) -> str:
    """1.6 §7.40."""
    kept = station.reservations
    if wanted.connector == 0:
        if not station.configuration.flag("ReserveConnectorZeroSupported"):
            return "Rejected"
        room = station.free_connectors() - len(kept.anywhere())
        return "Accepted" if room > 0 or kept.knows(wanted.id) else "Occupied"
    connector = station.connectors.get(wanted.connector)
    if connector is None:
        return "Rejected"
    if connector.status in (Status.FAULTED, Status.UNAVAILABLE):
        return str(connector.status)
    other = kept.at(wanted.connector)
    is_free = connector.status is Status.AVAILABLE and (other is None or other.id == wanted.id)
    return "Accepted" if is_free else "Occupied"


def _cancel_reservation(station: "Station", request: Payload) -> Reply:
    number = int(request["reservationId"])
    if not station.reservations.knows(number):
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, partial(station.reservations.cancel, number)
