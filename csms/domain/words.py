"""What people type to find something: in any order, and not always as it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

MOST_WORDS = 8
ALIKE = 0.5  # of 1: below this a name is another one


def spoken(words: str) -> list[str]:
    """The words one by one; at least one, also of nothing."""
    return words.split()[:MOST_WORDS] or [""]


def all_in(
    words: str, *columns: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
) -> ColumnElement[bool]:
    """Each of the words stands in one of the columns: "plaza 12" finds the Plaza AC-12."""
    return and_(*(or_(*(x.icontains(word, autoescape=True) for x in columns)) for word in spoken(words)))


def most_alike(words: str, names: Iterable[tuple[int, str | None]], most: int) -> list[int]:
    """The ids of the names that look most like the words, which may be misspelt or lack accents; the best first."""
    meant, best = _pieces(words), dict[int, float]()
    for number, name in names:
        theirs = _pieces(name or "")
        likeness = 2 * len(meant & theirs) / (len(meant) + len(theirs) or 1)
        if likeness >= ALIKE:
            best[number] = max(likeness, best.get(number, 0))
    return sorted(best, key=lambda number: -best[number])[:most]


def _pieces(name: str) -> set[str]:
    """Three letters each, without case and accents: most of them are still there when one letter is wrong."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    text = f"  {''.join(x for x in plain if not unicodedata.combining(x))} "
    return {text[at : at + 3] for at in range(len(text) - 2)}
