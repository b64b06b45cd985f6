"""A charger's AuthorizationKey: made here or typed by an operator, kept only as a hash.

Keys that we make have 160 random bits: a fast keyed hash keeps them safe and lets thousands of chargers come back at
once. Keys that people think of get argon2id.
"""

import hashlib
import hmac
import re
import secrets

import argon2

from csms.domain.base import Invalid

_HEX_KEY = re.compile(rb"[0-9A-Fa-f]{32,40}")
_argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def new_key() -> str:
    """20 random bytes as 40 hexadecimal digits (security whitepaper §7.2)."""
    return secrets.token_hex(20).upper()


def hash_key(key: str, pepper: bytes) -> str:
    """What is stored of a key. Raises Invalid for one that is too short to be safe or too long for a charger."""
    raw = key.encode()
    if not 16 <= len(raw) <= 40:
        raise Invalid("A charger's key has 16 to 40 characters.", "key")
    if len(raw) == 40 and _HEX_KEY.fullmatch(raw):
        salt = secrets.token_bytes(8)
        return f"b2:{salt.hex()}:{_keyed(bytes.fromhex(key), salt, pepper)}"
    return "a2:" + _argon2.hash(_canonical(raw))


def matches(stored: str, presented: bytes, pepper: bytes) -> bool:
    """Is this the key? `presented` may be its bytes, its hexadecimal digits or its text: chargers send all three."""
    kind, rest = stored.split(":", 1)
    if kind == "b2":
        salt_hex, expected = rest.split(":")
        salt = bytes.fromhex(salt_hex)
        return any(hmac.compare_digest(_keyed(x, salt, pepper), expected) for x in _forms(presented))
    for form in _forms(presented):
        try:
            return _argon2.verify(rest, form)
        except argon2.exceptions.VerifyMismatchError:
            continue
    return False


def is_slow(stored: str) -> bool:
    """True if checking takes long enough to be done off the event loop."""
    return stored.startswith("a2:")


def _canonical(raw: bytes) -> bytes:
    return bytes.fromhex(raw.decode()) if _HEX_KEY.fullmatch(raw) and len(raw) % 2 == 0 else raw


def _forms(presented: bytes) -> tuple[bytes, ...]:
    canonical = _canonical(presented)
    return (presented,) if canonical == presented else (canonical, presented)


def _keyed(key: bytes, salt: bytes, pepper: bytes) -> str:
    return hashlib.blake2b(key, key=hashlib.sha256(pepper).digest(), salt=salt, digest_size=24).hexdigest()
