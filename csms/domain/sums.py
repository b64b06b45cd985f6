"""Sums that pages ask for again and again: many of them with one query, which is built once.

To build such a query and to find it among those that are compiled costs more than the database takes to answer it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import BindParameter, FromClause, bindparam, select, true
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from csms.domain.base import Sums, UTCDateTime


class Later:
    """Stands in a query that is built for a moment, or a day, that is told when it is asked; or so long before it."""

    def __init__(self, name: str, kind: TypeEngine[Any] | None = None) -> None:
        self.used: dict[str, timedelta] = {}
        self._name, self._kind, self._by = name, kind or UTCDateTime(), timedelta()

    def __add__(self, by: timedelta) -> Later:
        moved = Later(self._name, self._kind)
        moved.used, moved._by = self.used, self._by + by
        return moved

    def __sub__(self, by: timedelta) -> Later:
        return self + -by

    def __clause_element__(self) -> BindParameter[Any]:
        name = f"{self._name}_{len(self.used)}"
        name = next((known for known, by in self.used.items() if by == self._by), name)
        self.used[name] = self._by
        return bindparam(name, type_=self._kind)


class SingleRows:
    """Queries of one row each as one query. `laters`: what of theirs is told when it is asked, by its name."""

    def __init__(self, queries: Iterable[Sums], laters: Mapping[str, Later]) -> None:
        parts = [x.subquery() for x in queries]
        joined: FromClause = parts[0]
        for part in parts[1:]:
            joined = joined.join(part, true())
        self._widths = [len(x.c) for x in parts]
        self._query = select(*(y for x in parts for y in x.c)).select_from(joined)
        self._laters = laters

    def read(self, session: Session, **told: Any) -> list[tuple[Any, ...]]:
        """The row of each query, in their order."""
        given = {
            name: told[key] + by for key, later in self._laters.items() for name, by in later.used.items()
        }
        row = iter(session.execute(self._query, given).one())
        return [tuple(itertools.islice(row, width)) for width in self._widths]
