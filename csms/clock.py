"""The only reader of the wall clock. Everything below the doors is handed its moments."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
