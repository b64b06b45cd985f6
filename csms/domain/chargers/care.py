"""What people do to a charger: name and place it, let it in, give it a key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from csms.domain.base import Invalid, announce, printable
from csms.domain.chargers.models import Admission, Charger
from csms.domain.chargers.service import adopt, place, reject

_LENGTHS = {"name": 80, "location": 200}
_AS_GIVEN = frozenset({"policy", "tariff_id"})
_PLACE = frozenset({"latitude", "longitude"})


def change(session: Session, charger: Charger, changes: Mapping[str, Any], *, at: datetime) -> None:
    """Set name, location, latitude, longitude, policy, tariff_id and admission, as far as they are in `changes`.

    Raises Invalid for what cannot be changed, and for half a place.
    """
    for name, value in changes.items():
        if name in _LENGTHS:
            setattr(charger, name, printable(value, _LENGTHS[name]) or None)
        elif name in _AS_GIVEN:
            setattr(charger, name, value)
        elif name not in _PLACE and name != "admission":
            raise Invalid(f"A charger's {name} cannot be changed.", name)
    if _PLACE & set(changes):
        latitude, longitude = (changes.get(x, getattr(charger, x)) for x in ("latitude", "longitude"))
        place(session, charger, latitude, longitude)
    if "admission" in changes:
        _admit(session, charger, changes["admission"], at)
    announce(session, charger.topic, charger.link_topic, "fleet")


def _admit(session: Session, charger: Charger, admission: Admission, at: datetime) -> None:
    match admission:
        case Admission.ACCEPTED:
            adopt(session, charger, policy=charger.policy, at=at)
        case Admission.REJECTED:
            reject(session, charger)
        case Admission.PENDING:
            charger.admission = admission


def set_key(session: Session, charger: Charger, key_hash: str | None) -> None:
    """The charger's key from its next connection on (`keys.hash_key`); None: none is asked for."""
    charger.key_hash = key_hash
    announce(session, charger.topic, charger.link_topic)
