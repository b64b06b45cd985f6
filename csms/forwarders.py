"""Where a charger's second backend may be. For the doors through which people and programs enter one."""

from __future__ import annotations

from urllib.parse import urlsplit

from config import Config
from csms import outbound
from csms.domain.base import Invalid
from csms.domain.forwarding import Wish
from csms.outbound import Barred, Unreachable

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}


def checked(wish: Wish, config: Config) -> Wish:
    """The wish in order. Raises Invalid, also for an address that may not be asked, and for our own.

    One that has no address now is let through: it may have one later, and each try tells what is wrong.
    """
    given = wish.checked()
    parts = urlsplit(given.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if (host, port) in _own(config):
        raise Invalid("This is the address of this server: the charger would be told back to itself.", "url")
    try:
        outbound.allowed(host, port, may_be_private=config.private_targets)
    except Barred as error:
        raise Invalid("No connection is made there: %(why)s", "url", why=str(error)) from None
    except Unreachable:
        pass
    return given


def _own(config: Config) -> set[tuple[str, int]]:
    parts = urlsplit(config.public_base_url)
    public = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    return {public, *((name, config.port) for name in _OWN_NAMES)}
