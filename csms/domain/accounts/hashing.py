"""What is kept of secrets that are given out: they have 256 random bits, so a fast hash keeps them safe."""

import hashlib
import secrets


def new_secret() -> str:
    """What nobody guesses, fit for an address."""
    return secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is stored of it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
