"""A charger's quirk profile, and what it forbids to ask of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from csms import masks, quirks
from csms.domain.base import Invalid, Refused, announce
from csms.domain.chargers.candidates import Candidate
from csms.domain.chargers.models import Charger
from csms.quirks import Profile


def quirks_of(charger: Charger | Candidate) -> Profile:
    """The profile that holds for it. Its `charging` says which limits it obeys, for whoever is to set some."""
    return quirks.of(charger.quirks_choice, charger.vendor, charger.model, charger.firmware_version)


def choose_quirks(session: Session, charger: Charger, choice: str | None) -> None:
    """Set another profile; None: whichever fits. Raises Invalid for one that there is not."""
    if choice is not None and choice != quirks.NONE.key and choice not in quirks.profiles():
        raise Invalid("There is no such quirk profile.", "quirks_choice")
    charger.quirks_choice = choice
    announce(session, charger.topic, charger.link_topic)


def refuse_what_it_cannot(charger: Charger | Candidate, kind: str, arguments: Mapping[str, Any]) -> None:
    """Raises Refused with the reason, and what to do instead, for an order that this model cannot take."""
    profile = quirks_of(charger)
    action = arguments.get("action")
    for refused in profile.refuses:
        if refused.order == kind or refused.action == action:
            raise Refused("Not sent: %(why)s. %(instead)s", why=refused.why, instead=refused.instead)
    name, value, names = _key_of(kind, arguments)
    if name and masks.lacks_password(value):
        raise Refused("Write the password in the address of %(name)s: it is shown nowhere.", name=name)
    for key in profile.keys:
        if key.name == name and not key.may_write:
            raise Refused("%(name)s is not set: %(why)s.", name=key.name, why=key.why)
        if key.name == name and key.least is not None and value.isdigit() and int(value) < key.least:
            raise Refused(
                "%(name)s must be %(least)s or more: %(why)s.", name=key.name, least=key.least, why=key.why
            )
        if key.name in names and not key.may_read:
            raise Refused("%(name)s is not read: %(why)s.", name=key.name, why=key.why)


def _key_of(kind: str, arguments: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """(the configuration key that an order sets, its value, the keys that it asks for), in either vocabulary."""
    given = arguments.get("payload", {}) if kind == "raw" else arguments
    name, value = str(given.get("name") or given.get("key") or ""), str(given.get("value", ""))
    names = given.get("keys") or given.get("key") or []
    return ("" if "value" not in given else name), value, names if isinstance(names, list) else []
