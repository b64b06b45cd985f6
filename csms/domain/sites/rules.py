"""What a site may be described by. Pure."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from csms.domain.base import Invalid
from csms.sentences import gettext_noop

MOST_W = 1_000_000_000
LONGEST = {
    "name": 80,
    "address": 200,
    "city": 80,
    "postal_code": 20,
    "state": 80,
    "substation_id": 80,
    "opening_hours": 200,
    "contact_name": 80,
    "contact_email": 254,
    "contact_phone": 40,
}
_CODES = {
    "country_code": (re.compile("[A-Z]{2}"), gettext_noop("Write the country's two letters, such as MX.")),
    "party_id": (re.compile("[A-Z0-9]{3}"), gettext_noop("A party has three letters or digits.")),
    "country": (re.compile("[A-Z]{3}"), gettext_noop("Write the country's three letters, such as MEX.")),
}


def check_position(latitude: float | None, longitude: float | None) -> None:
    """Degrees, both or neither. Raises Invalid."""
    if (latitude is None) != (longitude is None):
        raise Invalid("Give both latitude and longitude, or none.", "latitude")
    if latitude is None or longitude is None:
        return
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Invalid("Latitude goes from -90 to 90, longitude from -180 to 180.", "latitude")


def checked_power(field: str, given: int | None) -> int | None:
    """W, None for not known. Raises Invalid."""
    if given is not None and not 0 < given <= MOST_W:
        raise Invalid("Between 1 W and 1 GW.", field)
    return given


def checked_text(field: str, given: str | None) -> str | None:
    """`given` without blanks around it, None for nothing. Raises Invalid where it is too long."""
    text = (given or "").strip()
    if len(text) > LONGEST[field]:
        raise Invalid("At most %(longest)s characters, please.", field, longest=LONGEST[field])
    if field == "contact_email" and text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise Invalid("Write an address such as ana@example.org.", field)
    return text or None


def checked_code(field: str, given: str | None) -> str | None:
    """A code in capital letters, None for nothing. Raises Invalid."""
    text = (given or "").strip().upper()
    shape, words = _CODES[field]
    if text and not shape.fullmatch(text):
        raise Invalid(words, field)
    return text or None


def checked_zone(given: str | None) -> str | None:
    """An IANA zone, None for nothing. Raises Invalid for one that there is not."""
    text = (given or "").strip()
    if not text:
        return None
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("There is no such time zone; write one such as Europe/Madrid.", "time_zone") from error
