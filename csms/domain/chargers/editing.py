"""What an operator changes at a charger's row. Whoever is connected hears of it by the link's topic."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from csms.domain.base import Invalid, announce
from csms.domain.chargers import keys
from csms.domain.chargers.models import AuthorizationPolicy, Charger
from csms.domain.chargers.service import place


@dataclass(frozen=True, slots=True)
class Details:
    """What an operator says of a charger. None: nothing (the installation's own applies)."""

    name: str | None
    location: str | None
    latitude: float | None
    longitude: float | None
    policy: AuthorizationPolicy
    tariff_id: int | None
    heartbeat_interval_s: int | None


def edit(session: Session, charger: Charger, details: Details) -> None:
    """Keep it. Raises Invalid."""
    if details.name is not None and len(details.name) > 80:
        raise Invalid("A name has at most 80 characters.", "name")
    if details.location is not None and len(details.location) > 200:
        raise Invalid("A location has at most 200 characters.", "location")
    interval_s = details.heartbeat_interval_s
    if interval_s is not None and not 10 <= interval_s <= 86400:
        raise Invalid("Heartbeats come every 10 to 86400 seconds.", "heartbeat_interval_s")
    place(session, charger, details.latitude, details.longitude)
    charger.name = details.name
    charger.location = details.location
    charger.policy = details.policy
    charger.tariff_id = details.tariff_id
    charger.heartbeat_interval_s = interval_s
    announce(session, charger.topic, charger.link_topic, "fleet")


def renew_key(session: Session, charger: Charger, pepper: bytes) -> str:
    """A new AuthorizationKey, to be shown once: only its hash is kept. The connection that is open stays."""
    key = keys.new_key()
    charger.key_hash = keys.hash_key(key, pepper)
    announce(session, charger.topic, charger.link_topic)
    return key


def remove_key(session: Session, charger: Charger) -> None:
    """Ask the charger for no key any more."""
    charger.key_hash = None
    announce(session, charger.topic, charger.link_topic)
