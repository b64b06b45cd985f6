"""Secrets that we must show to others (passwords of other systems), unreadable in the database and in its backups."""

import hashlib
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken


class Unreadable(Exception):
    """It was sealed with another key: SECRET_KEY has changed since."""


class Seal:
    """Fernet (AES-128-CBC with HMAC-SHA256) under a key that stands on the installation's secret key."""

    def __init__(self, secret_key: str) -> None:
        derived = hashlib.sha256(b"stored secrets" + secret_key.encode()).digest()
        self._fernet = Fernet(urlsafe_b64encode(derived))

    def close(self, secret: str) -> str:
        """`secret` as it may be stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """What was sealed. Raises Unreadable."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unreadable from None
