"""Passwords of people: what is stored of them, and which are too easy. Pure; slow on purpose (some 30 ms).

The doors call `hash_password` and `password_matches` off the event loop.
"""

import base64
import functools
import hashlib
import hmac

import argon2

from csms.domain.base import Invalid

LEAST_LENGTH = 12
MOST_LENGTH = 200
FIELD = "password"

DJANGO = "pbkdf2_sha256$"  # what Django stores: the algorithm, its rounds, the salt, the hash in Base64
MOST_ROUNDS = 10_000_000
FIRST_TRIED = ("admin", "password", "1234")

_argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# The commonest of at least LEAST_LENGTH characters, in lower case.
_COMMONEST = """
000000000000 111111111111 112233445566 1122334455667788 121212121212 123123123123 123456123456
1234567890-= 123456789012 1234567890123 12345678901234 123456789101112 123456789123 1234567891011
123456789abc 1234567890qwerty 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qazxsw23edc
abcdefghijkl abc123abc123 abcd12345678 administrator administrator1 admin1234567 adminadminadmin
amberline123 basketball123 chargingstation charlie12345 changeme1234 changemechangeme chocolate123
correcthorsebatterystaple football1234 iloveyou1234 iloveyouforever letmein12345 letmeinletmein
michaeljordan minecraft1234 password0123 password1234 password12345 password123456 passwordpassword
passw0rd1234 princess1234 qazwsxedcrfv qwerty123456 qwertyqwerty qwerty1234567 qwertyuiop12
qwertyuiop123 qwertyuiopasdfghjkl qwertyuiop[] q1w2e3r4t5y6 superman1234 unbelievable welcome12345
zaq12wsxcde3
"""


def hash_password(text: str) -> str:
    """What is stored of a password: argon2id with its salt and its costs (19 MiB, 2 passes)."""
    return _argon2.hash(text)


def password_matches(hash: str | None, text: str) -> bool:
    """Is this the password? Without a hash (no such user, or one without a password) it takes as long, and is never
    right."""
    if hash is not None and hash.startswith(DJANGO):
        return _django_matches(hash, text)
    try:
        return _argon2.verify(hash or _nobodys(), text) and bool(hash)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def fresh_hash(hash: str, text: str) -> str | None:
    """What to store from now on of the right password, where that is another system's; None where it is ours."""
    return hash_password(text) if hash.startswith(DJANGO) else None


def is_first_tried(hash: str, username: str) -> bool:
    """Is the password the user's name, or one that systems are delivered with?"""
    return any(password_matches(hash, x) for x in (*FIRST_TRIED, username))


def taken_over(hash: str) -> str | None:
    """A hash of Django's as it is stored here; None for an algorithm that is not known."""
    if hash.startswith("argon2$argon2id$"):
        return hash.removeprefix("argon2")
    return hash if hash.startswith(DJANGO) and hash.count("$") == 3 else None


def _django_matches(hash: str, text: str) -> bool:
    _, rounds, salt, stored = hash.split("$", 3)
    if not rounds.isdecimal() or not 0 < int(rounds) <= MOST_ROUNDS:
        return False
    made = hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), int(rounds))
    return hmac.compare_digest(base64.b64encode(made).decode(), stored)


def password_problem(text: str) -> Invalid | None:
    """Why a password is not good enough, for whoever chose it; None if it is. Any characters will do."""
    if len(text) < LEAST_LENGTH:
        return Invalid("A password has at least %(least)s characters.", FIELD, least=LEAST_LENGTH)
    if len(text) > MOST_LENGTH:
        return Invalid("A password has at most %(most)s characters.", FIELD, most=MOST_LENGTH)
    if text.casefold() in _COMMONEST.split() or len(set(text.casefold())) < 4:
        return Invalid("This password is one of the first that anybody would try: choose another.", FIELD)
    return None


@functools.cache
def _nobodys() -> str:
    return _argon2.hash("")
