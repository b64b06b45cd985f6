"""What the lane does when a charger comes: units of work, as in `units`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from csms.domain import chargers, commands, security
from csms.domain.chargers import Admission, AuthorizationPolicy, Charger
from csms.domain.security import Offer
from csms.ocpp.dispatch import Station

MOST_PENDING = 20


class TooManyPending(Exception):
    """So many chargers wait to be adopted that no further one is taken in."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a charger must show to be let in. `names`: what its certificate may be called."""

    profile: int
    target_profile: int | None
    key_hash: str | None
    next_key_hash: str | None
    names: frozenset[str]

    @classmethod
    def of(cls, charger: Charger) -> Lock:
        return cls(
            charger.security_profile,
            charger.target_profile,
            charger.key_hash,
            charger.next_key_hash,
            security.names(charger),
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """The charger that a newcomer says it is. `is_elsewhere`: another process holds a connection of it.

    `certificate_owner`: the charger for which the certificate that it shows was made here; None: for none.
    `is_revoked`: that certificate is trusted no more.
    """

    station: Station
    lock: Lock
    is_elsewhere: bool
    certificate_owner: int | None = None
    is_revoked: bool = False


@dataclass(slots=True)
class Knock:
    """A newcomer says who it is. Its result is what is known of that charger, which comes into being if `admission`
    says as what; None: no such charger. `fingerprint` is that of its certificate. Raises TooManyPending.
    """

    identity: str
    protocol: str
    admission: Admission | None
    node: str
    at: datetime
    station_of: Callable[[Charger, str], Station]
    fingerprint: str | None = None

    def __call__(self, session: Session) -> Claimed | None:
        charger = chargers.find(session, self.identity)
        if charger is None:
            charger = self._take_in(session)
            if charger is None:
                return None
            return Claimed(self.station_of(charger, self.protocol), Lock.of(charger), False)
        lease = charger.lease
        is_elsewhere = lease is not None and lease.is_online(self.at) and lease.node != self.node
        owner = security.owner_of(session, self.fingerprint) if self.fingerprint else None
        is_revoked = owner is not None and security.is_revoked(session, self.fingerprint or "")
        station, lock = self.station_of(charger, self.protocol), Lock.of(charger)
        return Claimed(station, lock, is_elsewhere, owner, is_revoked)

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
    offer: Offer


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
        charger = chargers.get(session, charger_id)
        epoch = chargers.open_link(
            session,
            charger,
            node=self.node,
            address=self.peer.address,
            is_secure=self.peer.offer.is_secure,
            protocol=self.station.protocol,
            path=self.peer.path,
            at=self.at,
            online_until=self.online_until,
        )
        security.connected(session, charger, self.peer.offer, at=self.at)
        return epoch, commands.has_work(session, charger_id, self.at)
