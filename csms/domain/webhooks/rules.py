"""Signing, patience and shapes. Pure, but for dice."""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from csms.domain.base import Invalid
from csms.domain.webhooks.models import Event

SECRET_BYTES = 32
PREFIX = "whsec_"
SWITCH_OFF_AFTER = 20  # failed tries in a row …
SWITCH_OFF_WITHIN = timedelta(days=1)  # … for so long
GONE = 410


def new_secret() -> str:
    """A key for signing, as the receiver gets it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, event_id: str, timestamp: int, body: str) -> str:
    """What stands in Webhook-Signature: HMAC-SHA256 over "id.timestamp.body", as Standard Webhooks 1.0 has it."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


def checked_url(url: str) -> str:
    """Raises Invalid for what is no address of a web server."""
    try:
        parts = urlsplit(url.strip())
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or len(url) > 500 or "@" in parts.netloc or parts.fragment or not url.strip().isascii():
        raise Invalid("Write an address such as https://example.org/hooks.", "url")
    return url.strip()


def checked_events(events: list[str]) -> list[str]:
    """In their order, each once. Raises Invalid."""
    known = [x.value for x in Event if x is not Event.PING]
    if not events or not set(events) <= set(known):
        raise Invalid("Choose at least one of %(known)s.", "events", known=", ".join(known))
    return [x for x in known if x in events]
