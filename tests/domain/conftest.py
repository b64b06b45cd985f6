"""Rules need no second engine: they are tried on SQLite, and on the wire (tests/ocpp) on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session


@pytest.fixture
def desk(sqlite_engine: Engine, wipe: Callable[[str], None]) -> Iterator[Session]:
    """A session on an empty database, without an application around it."""
    with Session(sqlite_engine, expire_on_commit=False) as session:
        session.connection(execution_options={"writes": True})
        yield session
    wipe(sqlite_engine.url.render_as_string(hide_password=False))
