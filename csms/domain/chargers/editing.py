"""What an operator changes at a charger's row. Whoever is connected hears of it by the link's topic."""

from dataclasses import dataclass, fields

from sqlalchemy.orm import Session

from csms.domain.base import Invalid, Refused, announce
from csms.domain.chargers import keys
from csms.domain.chargers.models import AuthorizationPolicy, Charger, Connector
from csms.domain.chargers.plugs import ConnectorFormat, ConnectorStandard, PowerType
from csms.domain.chargers.service import place

MOST_W = 10_000_000


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
    is_quiet: bool | None = None
    is_strict: bool = False
    site_id: int | None = None
    is_public: bool | None = None


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
    charger.is_quiet = details.is_quiet
    charger.is_strict = details.is_strict
    charger.is_public = details.is_public
    if charger.site_id != details.site_id:
        charger.plan_x = charger.plan_y = None
    charger.site_id = details.site_id
    announce(session, charger.topic, charger.link_topic, "fleet")


@dataclass(frozen=True, slots=True)
class Plug:
    """What an operator says of a connector. None: nothing. `max_power_w` in W."""

    type: str | None
    standard: ConnectorStandard | None
    format: ConnectorFormat | None
    power_type: PowerType | None
    max_power_w: int | None


def describe(session: Session, connector: Connector, plug: Plug) -> None:
    """Keep it. Raises Invalid."""
    if plug.type is not None and len(plug.type) > 24:
        raise Invalid("At most 24 characters, please.", "type")
    if plug.max_power_w is not None and not 0 < plug.max_power_w <= MOST_W:
        raise Invalid("A connector gives between 1 W and 10 MW.", "max_power_w")
    for field in fields(Plug):
        setattr(connector, field.name, getattr(plug, field.name))
    announce(session, f"charger:{connector.charger_id}", "fleet")


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What a charger tells of itself at its next boot, written down before: what it tells then counts."""

    vendor: str | None
    model: str | None
    serial_number: str | None
    box_serial_number: str | None
    firmware_version: str | None


def write_nameplate(session: Session, charger: Charger, plate: Nameplate) -> None:
    """Keep it. Raises Invalid."""
    for field in fields(Nameplate):
        text = getattr(plate, field.name) or None
        if text is not None and len(text) > 50:
            raise Invalid("At most 50 characters, please.", field.name)
        setattr(charger, field.name, text)
    announce(session, charger.topic, "fleet")


def renew_key(session: Session, charger: Charger, pepper: bytes) -> str:
    """A new AuthorizationKey, to be shown once: only its hash is kept. The connection that is open stays.

    A charger of security profile 0 gets 1: from now on it must give the key.
    """
    key = keys.new_key()
    charger.key_hash = keys.hash_key(key, pepper)
    charger.next_key_hash = charger.key_command_id = None
    charger.security_profile = max(charger.security_profile, 1)
    announce(session, charger.topic, charger.link_topic)
    return key


def remove_key(session: Session, charger: Charger) -> None:
    """Ask the charger for no key any more. Raises Refused for one that has come with it: security is never lowered."""
    if charger.proven_profile in (1, 2):
        raise Refused("%(title)s has connected with its key: make a new one instead.", title=charger.title)
    charger.key_hash = charger.next_key_hash = charger.key_command_id = None
    if charger.security_profile in (1, 2):
        charger.security_profile = 0
    announce(session, charger.topic, charger.link_topic)


def stand_at(session: Session, charger: Charger, site_id: int | None) -> None:
    """Let it stand at another site, or at none: then it is on no plan any more."""
    if charger.site_id != site_id:
        charger.plan_x = charger.plan_y = None
    charger.site_id = site_id
    announce(session, charger.topic, charger.link_topic, "fleet")


def price(session: Session, charger: Charger, tariff_id: int | None) -> None:
    """Let sessions that begin from now on be billed by this tariff; None: by the installation's."""
    charger.tariff_id = tariff_id
    announce(session, charger.topic, charger.link_topic, "fleet")
