"""What people choose from a list."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from csms.domain.base import Invalid

Word = TypeVar("Word", bound=StrEnum)


def one_of(words: type[Word], given: str | None, field: str) -> Word:
    """The word that a form brings. Raises Invalid for one that its list does not have."""
    try:
        return words(given or "")
    except ValueError:
        raise Invalid("Choose one of the list.", field) from None
