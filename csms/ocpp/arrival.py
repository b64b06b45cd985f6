"""What the lane does when a charger comes: units of work, as in `units`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import chargers, commands
from csms.domain.chargers import Admission, AuthorizationPolicy, Charger
from csms.ocpp.dispatch import Station

MOST_PENDING = 20


class TooManyPending(Exception):
    """So many chargers wait to be adopted that no further one is taken in."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The charger that a newcomer says it is. `is_elsewhere`: another process holds a connection of it."""

    station: Station
    key_hash: str | None
    is_elsewhere: bool


@dataclass(slots=True)
class Knock:
    """A newcomer says who it is. Its result is what is known of that charger, which comes into being if `admission`
    says as what; None: no such charger. Raises TooManyPending.
    """

    identity: str
    protocol: str
    admission: Admission | None
    node: str
    at: datetime
    station_of: Callable[[Charger, str], Station]

    def __call__(self, session: Session) -> Claimed | None:
        charger = chargers.find(session, self.identity)
        if charger is None:
            charger = self._take_in(session)
            return None if charger is None else Claimed(self.station_of(charger, self.protocol), None, False)
        lease = charger.lease
        is_elsewhere = lease is not None and lease.is_online(self.at) and lease.node != self.node
        return Claimed(self.station_of(charger, self.protocol), charger.key_hash, is_elsewhere)

    def _take_in(self, session: Session) -> Charger | None:
        if self.admission is None:
            return None
        if self.admission is Admission.PENDING and chargers.pending_count(session) >= MOST_PENDING:
            raise TooManyPending
        is_open = self.admission is Admission.ACCEPTED
        policy = AuthorizationPolicy.OPEN if is_open else AuthorizationPolicy.KNOWN
        return chargers.add(session, self.identity, admission=self.admission, policy=policy, at=self.at)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a connection comes from."""

    address: str
    path: str
    is_secure: bool


@dataclass(slots=True)
class Opening:
    """A connection is there. Its result: the epoch that fences older ones, and whether orders wait for the charger."""

    station: Station
    peer: Peer
    node: str
    at: datetime
    online_until: datetime

    def __call__(self, session: Session) -> tuple[int, bool]:
        charger_id = self.station.charger_id
        epoch = chargers.open_link(
            session,
            chargers.get(session, charger_id),
            node=self.node,
            address=self.peer.address,
            is_secure=self.peer.is_secure,
            protocol=self.station.protocol,
            path=self.peer.path,
            at=self.at,
            online_until=self.online_until,
        )
        return epoch, commands.has_work(session, charger_id, self.at)
